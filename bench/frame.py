"""Time a frame of the client, part by part, in the software renderer.

A match of bots is stepped in this process, without a network, and every frame of it is drawn as one of them sees it:
p50 and p99 of each part, of what comes before the drawing, and of the whole. With `--screenshot` the last frame is
kept, so that the figures can be looked at, too. The drawing is timed, the match is not.

    python bench/frame.py --players 32 --seconds 10
    python bench/frame.py --screenshot frame.png --seconds 6 --seed 3
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import numpy as np
import pygame

from engine.game import GameEvent, Inputs, Verdict
from engine.world.picture import Picture, Seen, View
from engine.world.table import Rows, World
from game.rules import Arena
from game.view.renderer import Renderer
from game.view.scene import NetFigures, Scene, ShotVerdict

NAMES = (
    *("Ada", "Bela", "Cyd", "Dorn", "Ezri", "Finn", "Gwen", "Hugo", "Iris", "Juno", "Kai", "Lena", "Milo", "Nia"),
    *("Otto", "Pia", "Quin", "Rhea", "Seth", "Tova", "Ugo", "Vera", "Wim", "Xena", "Yann", "Zoe", "Arlo", "Bryn"),
)


class Match:
    """A match of bots, stepped by the rules alone."""

    def __init__(self, players: int, seed: int) -> None:
        self.game = Arena(max_players=max(players, 2), seed=seed)
        self.world = World(self.game.kinds)
        self.game.start(self.world)
        for _ in range(players):
            row = self.world["player"].spawn()
            assert row is not None
            self.game.join(self.world, row)
        self.brain = self.game.brain("mixed", seed)

    def picture(self, shooter: int | None = None) -> Picture:
        """Return the present, as `shooter` would see it without a delay (also asked for by the rules' rail shots)."""
        tick = self.world.tick
        picture = Picture(View(tick, None, tick * 256))
        for kind in self.game.kinds:
            table = self.world[kind.name]
            values = table.state.astype(np.float64)
            picture.kinds[kind.name] = Seen(kind, values, table.alive.copy(), table.generation.copy())
        if shooter is not None and shooter < len(self.world["player"]):
            seen = picture["player"]
            picture.own_row = shooter
            one = slice(shooter, shooter + 1)
            picture.own = Seen(seen.kind, seen.values[:, one], seen.alive[one], seen.generation[one])
        return picture

    def judge(self, shooter: int, hit: int | None, reason: str) -> None:
        """Take a verdict, and drop it: nobody is lagged here."""

    def step(self) -> list[GameEvent]:
        """Play one tick; return its events."""
        self.world.tick += 1
        rows = self.world["player"].rows()
        given: Rows = self.brain.think(self.picture(), rows, self.world.tick)
        return self.game.step(self.world, Inputs(rows, given, np.zeros(len(rows), np.bool_)), self)

    def move(self, picture: Picture, ticks: float) -> Picture:
        """Move a picture on by a part of a tick: frames are drawn between ticks."""
        for seen in picture.kinds.values():
            for base, rate in zip(*seen.kind.rated, strict=True):
                seen.values[base] += seen.values[rate] * ticks
        return picture


def figures_of(tick: int, frame: int) -> NetFigures:
    """Return net figures that look like a fair link's."""
    wave = np.sin(frame * 0.05)
    return NetFigures(
        tick=tick,
        fps=144.0,
        rtt_ms=62.0 + 14.0 * wave + 8.0 * np.sin(frame * 0.31),
        jitter_ms=7.0 + 3.0 * wave,
        loss_in_percent=max(0.0, 0.9 + wave),
        snapshot_bytes=int(390 + 120 * wave + 60 * np.sin(frame * 0.7)),
        down_kbit_s=118.0,
        up_kbit_s=31.0,
        lead_ticks=4.6,
        interpolation_delay_ms=54.0,
        corrections=frame // 170,
        resimulated=frame // 34,
        starved=frame // 400,
    )


def run(options: argparse.Namespace) -> dict[str, object]:
    """Play and draw; return the figures."""
    match = Match(options.players, options.seed)
    began = time.perf_counter()
    renderer = Renderer((options.width, options.height), match.game.map)
    made = time.perf_counter() - began
    surface = pygame.Surface((options.width, options.height), 0, 32)
    names = {row: NAMES[row % len(NAMES)] for row in range(options.players)}
    own = None if options.spectate else min(options.own, options.players - 1)
    verdicts: list[ShotVerdict] = []
    times: dict[str, list[float]] = {"begin": []} | {name: [] for name, _ in renderer.parts} | {"frame": []}
    clock = time.thread_time if options.cpu else time.perf_counter
    events: list[GameEvent] = []
    for _ in range(options.warm_up * 60):
        match.step()
    for frame in range(round(options.seconds * options.fps)):
        now = options.warm_up + frame / options.fps
        while match.world.tick < int(now * 60):
            events += match.step()
        picture = match.move(match.picture(own), now * 60 - match.world.tick)
        scene = Scene(picture, names, own, now, events, show_scores=options.scores, verdicts=verdicts)
        scene.pings = {row: 20 + row * 7 for row in names}
        scene.status = options.status
        if options.verdicts and frame % 30 == 0 and own is not None:
            verdicts.append(_verdict(picture, own, now, frame))
        events = []
        start = clock()
        drawn = renderer.begin(surface, scene, figures_of(match.world.tick, frame) if options.net else None)
        last = clock()
        times["begin"].append(last - start)
        for name, part in renderer.parts:
            part(drawn)
            ended = clock()
            times[name].append(ended - last)
            last = ended
        times["frame"].append(last - start)
    if options.screenshot:
        renderer.screenshot(options.screenshot)
    return {
        "players": options.players,
        "size": [options.width, options.height],
        "frames": len(times["frame"]),
        "renderer_made_s": round(made, 3),
        "ms": {
            name: {"p50": round(_part(values, 50), 3), "p99": round(_part(values, 99), 3)}
            for name, values in times.items()
        },
    }


def _verdict(picture: Picture, own: int, now: float, frame: int) -> ShotVerdict:
    """Return a made-up verdict on whoever is nearest."""
    players = picture["player"]
    x, y = players["x"], players["y"]
    away = np.hypot(x - x[own], y - y[own])
    away[own] = np.inf
    away[players["health"] <= 0] = np.inf
    target = int(away.argmin())
    hit = frame % 60 == 0
    verdict = Verdict(picture.view.tick_a, own, target if hit else None, "hit" if hit else "miss", 9.0, 8.0, not hit)
    drawn = (float(x[target]), float(y[target]))
    return ShotVerdict(verdict, now, target, drawn, (drawn[0] + (1.0 if hit else 22.0), drawn[1] + 3.0))


def _part(values: list[float], percent: float) -> float:
    return float(np.percentile(values, percent)) * 1000.0


def main() -> int:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(description="Time a client's frame by part, without a network or a display.")
    parser.add_argument("--players", type=int, default=32, help="players in the match, 1 to 64 (default 32)")
    parser.add_argument("--own", type=int, default=0, help="the player row whose view is drawn (default 0)")
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds of the match to draw (default 10)")
    parser.add_argument("--warm-up", type=int, default=3, help="seconds played before the first frame (default 3)")
    parser.add_argument("--fps", type=float, default=60.0, help="frames per second of the match (default 60)")
    parser.add_argument("--width", type=int, default=1280, help="surface width in pixels (default 1280)")
    parser.add_argument("--height", type=int, default=720, help="surface height in pixels (default 720)")
    parser.add_argument("--seed", type=int, default=1, help="decides the match (default 1)")
    parser.add_argument(
        "--cpu", action="store_true", help="time by the thread's CPU time: on a machine others use, too"
    )
    parser.add_argument("--no-net", dest="net", action="store_false", help="leave the net graph out")
    parser.add_argument("--scores", action="store_true", help="hold the scoreboard open")
    parser.add_argument("--verdicts", action="store_true", help="overlay made-up verdicts")
    parser.add_argument("--spectate", action="store_true", help="draw a spectator's view")
    parser.add_argument("--status", default="", help="words to show instead of the match, as while connecting")
    parser.add_argument("--screenshot", metavar="FILE", help="write the last frame to FILE (PNG)")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE, - for standard output")
    options = parser.parse_args()
    if not 1 <= options.players <= 64:
        parser.error(f"--players must be 1 to 64, got {options.players}")
    result = run(options)
    text = json.dumps(result, indent=2)
    if options.json == "-":
        print(text)
        return 0
    if options.json:
        Path(options.json).write_text(text + "\n", encoding="utf-8")
    print(
        f"{result['frames']} frames of {options.players} players at {options.width} x {options.height}; "
        f"renderer made in {result['renderer_made_s']} s"
    )
    print(f"{'part':<12}{'p50 ms':>9}{'p99 ms':>9}")
    figures = result["ms"]
    assert isinstance(figures, dict)
    for name, row in figures.items():
        print(f"{name:<12}{row['p50']:>9.3f}{row['p99']:>9.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
