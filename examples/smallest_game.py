"""The smallest game: coloured dots that walk about. A whole `Game` in a hundred lines, played in virtual time.

    python examples/smallest_game.py

plays ten seconds of it, two players over a simulated wifi link, and prints what each saw and what the net did.
"""

from __future__ import annotations

import numpy as np

from engine import Field, GameEvent, Inputs, Kind, Picture, Rewind, Rows, Settings, UsageError, World
from engine.lab.match import PlayerSpec, VirtualMatch
from engine.transport.impairment import load_profile

SIZE = 400.0
"""The world is a square of so many pixels."""

DOT = Kind(
    "dot",
    (
        # A position on a grid of 1/64 px. It changes by `vx` grid units a tick, so a steady walk costs no bytes.
        Field("x", precision=1 / 64, rate="vx", threshold=32, smooth=True),
        Field("y", precision=1 / 64, rate="vy", threshold=32, smooth=True),
        Field("vx", "int16", precision=1 / 64),
        Field("vy", "int16", precision=1 / 64),
    ),
    capacity=16,
)
INPUT = Kind("input", (Field("x", "int8"), Field("y", "int8")), capacity=1)
"""Which way to walk: -1, 0 or 1 on each axis."""


class Dots:
    """Walk, and stay inside. See `engine.game.Game` for what each method is for."""

    name = "dots"
    version = 1
    tick_hz = 60
    kinds = (DOT,)
    player = DOT
    input = INPUT

    def settings(self) -> Settings:
        return {}

    def start(self, world: World) -> None:
        pass

    def join(self, world: World, row: int) -> None:
        where = np.array([row])
        world["dot"].write("x", SIZE / 2, where)
        world["dot"].write("y", SIZE / 4 + 20.0 * row, where)

    def leave(self, world: World, row: int) -> None:
        pass

    def predict(self, players: Rows, inputs: Rows, tick: int) -> None:
        """The only rule, for n rows on the server and for one on a client: two pixels a tick, and never outside."""
        for position, velocity, way in (("x", "vx", "x"), ("y", "vy", "y")):
            wished = np.clip(players[position] + np.clip(inputs[way], -1, 1) * 128, 0, int(SIZE * 64))
            players[velocity] = wished - players[position]
            players[position] = wished

    def shots(self, inputs: Rows) -> np.ndarray:
        return np.zeros(len(inputs), np.bool_)

    def step(self, world: World, inputs: Inputs, rewind: Rewind) -> list[GameEvent]:
        dots = world["dot"].take(inputs.rows)
        self.predict(dots, inputs.input, world.tick)
        world["dot"].put(inputs.rows, dots)
        return []

    def interest(self, kind: Kind) -> None:
        return None

    def brain(self, behaviour: str, seed: int) -> Wanderer:
        if behaviour != "mixed":
            raise UsageError(f"dots know one behaviour, 'mixed', not {behaviour!r}")
        return Wanderer(seed)


class Wanderer:
    """A bot that turns every half second."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def think(self, picture: Picture, rows: np.ndarray, tick: int) -> Rows:
        inputs = Rows.zeros(INPUT, len(rows))
        way = np.random.default_rng((self._seed, tick // 30)).integers(-1, 2, size=(2, len(rows)))
        inputs["x"], inputs["y"] = way
        return inputs


def make_dots(settings: Settings) -> Dots:
    """The factory that server and clients make the game with."""
    return Dots()


def main() -> None:
    """Play, and say how it went."""
    wifi = load_profile("wifi")
    match = VirtualMatch(make_dots, [PlayerSpec("ann", wifi), PlayerSpec("bob", wifi)], seed=1)
    match.run(10.0)
    for player in match.players:
        figures = player.session.figures(match.now)
        picture = player.session.picture(match.now)
        assert picture is not None
        dots = picture["dot"]
        seen = ", ".join(f"({dots['x'][row]:.1f}, {dots['y'][row]:.1f})" for row in dots.rows())
        print(
            f"{player.spec.name}: sees dots at {seen}; {figures.snapshots} snapshots of"
            f" {figures.snapshot_bytes / figures.snapshots:.0f} bytes, RTT {(figures.link.rtt or 0) * 1000:.0f} ms,"
            f" {figures.prediction.corrections} corrections, {player.truth.mismatches} rows unlike the server's"
        )


if __name__ == "__main__":
    main()
