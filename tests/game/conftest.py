"""A match without an engine: a world, its game, and a rewind that shows the present or what a test says was seen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from engine.game import Brain, GameEvent, Inputs
from engine.world.picture import Picture, Seen, View
from engine.world.table import Rows, World
from game.rules import Arena


def picture_of(world: World) -> Picture:
    """The world as it is, all fields included."""
    kinds = {
        name: Seen(table.kind, table.state.astype(np.float64), table.alive.copy(), table.generation.copy())
        for name, table in world.tables.items()
    }
    return Picture(View(world.tick, None, world.tick * 256), kinds)


@dataclass
class Match:
    """Drives a game tick by tick, and is its own rewind."""

    game: Arena
    world: World
    seen: Picture | None = None
    verdicts: list[tuple[int, int | None, str]] = field(default_factory=list)
    events: list[GameEvent] = field(default_factory=list)

    @classmethod
    def start(cls, game: Arena, players: int) -> Match:
        match = cls(game, World(game.kinds))
        game.start(match.world)
        for _ in range(players):
            match.join()
        return match

    @property
    def players(self) -> Rows:
        return self.world["player"]

    def join(self) -> int:
        row = self.world["player"].spawn()
        assert row is not None
        self.game.join(self.world, row)
        return row

    def place(self, row: int, x: float, y: float) -> None:
        self.players["x"][row], self.players["y"][row] = round(x * 64), round(y * 64)
        self.players["vx"][row] = self.players["vy"][row] = 0
        self.players["guard"][row] = self.players["guarded"][row] = 0

    def picture(self, shooter: int) -> Picture:
        return self.seen if self.seen is not None else picture_of(self.world)

    def judge(self, shooter: int, hit: int | None, reason: str) -> None:
        self.verdicts.append((shooter, hit, reason))

    def inputs(self, **given: dict[int, int]) -> Inputs:
        """Inputs of everyone; `given` is by field, then by row; what is not given is 0."""
        rows = self.world["player"].rows()
        every = Rows.zeros(self.game.input, len(rows))
        for name, values in given.items():
            for row, value in values.items():
                every[name][np.searchsorted(rows, row)] = value
        return Inputs(rows, every, np.zeros(len(rows), np.bool_))

    def step(self, inputs: Inputs | None = None) -> list[GameEvent]:
        self.world.tick += 1
        events = self.game.step(self.world, inputs if inputs is not None else self.inputs(), self)
        self.events += events
        return events

    def think(self, brain: Brain) -> Inputs:
        rows = self.world["player"].rows()
        given = brain.think(picture_of(self.world), rows, self.world.tick + 1)
        return Inputs(rows, given, np.zeros(len(rows), np.bool_))


@pytest.fixture
def start() -> object:
    """`start(players, **settings) -> Match`: the first round has begun, and has no end, unless they say otherwise."""

    def make(players: int, **settings: int | float | str | bool) -> Match:
        return Match.start(Arena.from_settings({"warmup": 0, "round_time": 0, **settings}), players)

    return make
