"""A game for benches: walkers on a wide plain, as many as wanted, of whom each sees some thirty.

Not Arena: Arena is for 64. The rules are a few array passes, so that what a bench measures is the engine. The plain
grows with the number of walkers, so that the number in view stays the same.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from engine import Field, GameEvent, Inputs, Kind, Picture, Rewind, Rows, Settings, UsageError, World
from engine.world.interest import Area

VIEW = (1280, 720)
"""Pixels of the area in which others are seen: a common window."""
MARGIN = 64
IN_VIEW = 33
"""Walkers in such an area on average."""
GRID = 64
INPUT = Kind("input", (Field("x", "int8"), Field("y", "int8"), Field("aim", "uint16", wrap=True)), capacity=1)


class Crowd:
    """The game. `settings`: players, tick_hz."""

    name = "crowd"
    version = 1
    input = INPUT

    def __init__(self, players: int, tick_hz: int) -> None:
        self.tick_hz = tick_hz
        self.player = Kind(
            "walker",
            (
                Field("x", precision=1 / GRID, rate="vx", threshold=48, smooth=True),
                Field("y", precision=1 / GRID, rate="vy", threshold=48, smooth=True),
                Field("vx", "int16", precision=1 / GRID, threshold=8),
                Field("vy", "int16", precision=1 / GRID, threshold=8),
                Field("aim", "uint16", threshold=96, wrap=True, smooth=True),
                Field("health", "uint8", predicted=False),
            ),
            capacity=players,
        )
        self.kinds = (self.player,)
        # Half of a screen's worth of plain per walker in view: whoever is near the middle sees IN_VIEW of them.
        self.side = int(sqrt(players * VIEW[0] * VIEW[1] / IN_VIEW)) * GRID
        self._pace = round(160 * GRID / tick_hz)

    @classmethod
    def from_settings(cls, settings: Settings) -> Crowd:
        """Return the game that `settings()` described."""
        return cls(int(settings["players"]), int(settings["tick_hz"]))

    def settings(self) -> Settings:
        return {"players": self.player.capacity, "tick_hz": self.tick_hz}

    def start(self, world: World) -> None:
        pass

    def join(self, world: World, row: int) -> None:
        # The golden ratio spreads any number of rows evenly; two irrational steps fill the square.
        walkers = world["walker"]
        walkers["x"][row] = int((row * 0.7548776662466927) % 1.0 * self.side)
        walkers["y"][row] = int((row * 0.5698402909980532) % 1.0 * self.side)
        walkers["health"][row] = 100

    def leave(self, world: World, row: int) -> None:
        pass

    def predict(self, players: Rows, inputs: Rows, tick: int) -> None:
        for position, velocity in (("x", "vx"), ("y", "vy")):
            wished = inputs[position] * self._pace
            change = np.clip(wished - players[velocity], -self._pace // 4, self._pace // 4)
            players[velocity] += change
            reached = np.clip(players[position] + players[velocity], 0, self.side)
            players[velocity] = reached - players[position]
            players[position] = reached
        players["aim"] = inputs["aim"]

    def shots(self, inputs: Rows) -> np.ndarray:
        return np.zeros(len(inputs), np.bool_)

    def step(self, world: World, inputs: Inputs, rewind: Rewind) -> list[GameEvent]:
        walkers = world["walker"].take(inputs.rows)
        self.predict(walkers, inputs.input, world.tick)
        world["walker"].put(inputs.rows, walkers)
        return []

    def interest(self, kind: Kind) -> Area:
        return Area(VIEW[0] * GRID, VIEW[1] * GRID, MARGIN * GRID)

    def brain(self, behaviour: str, seed: int) -> Walker:
        if behaviour != "mixed":
            raise UsageError(f"walkers know one behaviour, 'mixed', not {behaviour!r}")
        return Walker(seed, self.tick_hz)


class Walker:
    """Walks a while one way, then another, and looks about all the time, as a hand on a mouse does."""

    def __init__(self, seed: int, tick_hz: int) -> None:
        self._seed = seed
        self._hold = max(1, tick_hz * 2 // 3)

    def inputs(self, tick: int) -> tuple[int, int, int]:
        """Return x, y and aim of one tick."""
        spell = tick // self._hold * 7919 + self._seed * 104729
        return spell // 3 % 3 - 1, spell // 11 % 3 - 1, (self._seed * 9973 + tick * 250) % 65536

    def think(self, picture: Picture, rows: np.ndarray, tick: int) -> Rows:
        result = Rows.zeros(INPUT, len(rows))
        result["x"], result["y"], result["aim"] = self.inputs(tick)
        return result
