"""What Arena's rules and bots cost, in microseconds per call.

    python bench/rules.py [--runs 200] [--players 64]

`predict` is what a client pays for each tick, replayed ticks included; `think` and `step` are what a server pays for
bots, in a match that is going on; `cast` is rays as long as the rail reaches. Two figures each: the median of the runs,
and the best, which is what a machine with nothing else to do would show.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.game import Inputs
from engine.world.picture import Picture, Seen, View
from engine.world.table import Rows, World
from game.navigation import Navigator
from game.rules import Arena
from game.schema import INPUT, PLAYER, Button

CALLS = 20
"""Calls in a run: half a millisecond, short enough that some runs are not disturbed."""
MATCH_TICKS = 600
"""Ten seconds: kills, explosions and respawns are in it."""


class _Present:
    """A rewind that shows the present: what bots of a server get."""

    def __init__(self, world: World) -> None:
        self._world = world

    def picture(self, shooter: int) -> Picture:
        return picture_of(self._world)

    def judge(self, shooter: int, hit: int | None, reason: str) -> None:
        """Nobody asks."""


def picture_of(world: World) -> Picture:
    """Return the world as it is, as a picture."""
    kinds = {
        name: Seen(table.kind, table.state.astype(np.float64), table.alive, table.generation)
        for name, table in world.tables.items()
    }
    return Picture(View(world.tick, None, world.tick * 256), kinds)


def tell(what: str, times: list[float]) -> None:
    """Print the median and the best of `times`, in seconds."""
    print(f"{what:42}{median(times) * 1e6:10.1f}{min(times) * 1e6:10.1f}")


def runs_of(call: Callable[[], object], runs: int) -> list[float]:
    """Return the seconds one call took, in each of `runs`."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        for _ in range(CALLS):
            call()
        times.append((time.perf_counter() - start) / CALLS)
    return times


def predict(game: Arena, count: int, buttons: int, runs: int) -> list[float]:
    """Return what predicting `count` rows costs."""
    players = Rows(PLAYER, np.zeros((PLAYER.owner_count, count), np.int32))
    spawns = game.map.spawns[np.arange(count) % len(game.map.spawns)]
    players["x"], players["y"], players["health"] = spawns[:, 0] * 64, spawns[:, 1] * 64, 100
    inputs = Rows.zeros(INPUT, count)
    inputs["buttons"] = buttons
    return runs_of(lambda: game.predict(players, inputs, 7), runs)


def match(game: Arena, behaviour: str, count: int) -> tuple[list[float], list[float]]:
    """Return what `think` cost per bot, and `step`, in each tick of a match of bots."""
    world = World(game.kinds)
    game.start(world)
    for _ in range(count):
        row = world["player"].spawn()
        if row is not None:
            game.join(world, row)
    brain, rewind, rows = game.brain(behaviour, 1), _Present(world), world["player"].rows()
    brain.think(picture_of(world), rows, 0)  # the map's ways are found here
    thinking, stepping = [], []
    for _ in range(MATCH_TICKS):
        picture = picture_of(world)
        start = time.perf_counter()
        given = brain.think(picture, rows, world.tick + 1)
        middle = time.perf_counter()
        world.tick += 1
        game.step(world, Inputs(rows, given, np.zeros(len(rows), np.bool_)), rewind)
        stepping.append(time.perf_counter() - middle)
        thinking.append((middle - start) / count)
    return thinking, stepping


def cast(game: Arena, count: int, runs: int) -> list[float]:
    """Return what casting `count` rays costs."""
    x, y = game.map.spawns[np.arange(count) % len(game.map.spawns)].T.astype(np.float64)
    heading = game.directions[:, np.arange(count) * 37 % game.directions.shape[1]]
    return runs_of(lambda: game.map.cast(x, y, heading[0], heading[1], 2000.0), runs)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What Arena's rules and bots cost, in microseconds per call.")
    parser.add_argument("--runs", type=int, default=200, help=f"runs of {CALLS} calls each (200)")
    parser.add_argument("--players", type=int, default=64, help="rows of the larger figures, 2 to 64 (64)")
    options = parser.parse_args()
    runs, many = options.runs, options.players
    game = Arena()
    walk, shoot = int(Button.RIGHT | Button.DOWN), int(Button.RIGHT | Button.FIRE)
    print(f"{'microseconds per call':42}{'median':>10}{'best':>10}")
    for count in (1, many):
        tell(f"predict, {count} rows walking", predict(game, count, walk, runs))
        tell(f"predict, {count} rows with the trigger held", predict(game, count, shoot, runs))
        tell(f"cast, {count} rays", cast(game, count, runs))
    for count in (1, 16, many):
        thinking, stepping = match(game, "mixed", count)
        tell(f"think, per bot of {count}", thinking)
        tell(f"step, {count} bots", stepping)
    start = time.perf_counter()
    Navigator(game.map)
    print(f"ways on the map, once per process: {(time.perf_counter() - start) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
