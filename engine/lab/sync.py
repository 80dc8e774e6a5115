"""The sync test: rewind the world k ticks, step it again with the recorded inputs, and compare, all along a run.

A game whose `step` reads anything but the world (a clock, a set's order, state of its own) differs the second time, and
this finds it at the tick where it happens. Source: ggrs' SyncTestSession.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from engine.errors import UsageError
from engine.game import Game, Inputs
from engine.lab.shots import TickRecord
from engine.world.picture import Picture, present
from engine.world.table import World

MAX_DISTANCE = 600
"""Ticks to rewind at most: each keeps a copy of the world."""


@dataclass(frozen=True, slots=True)
class _Step:
    before: World
    after: World
    inputs: Inputs
    seen: dict[int, Picture]


class SyncTest:
    """Rewinds `distance` ticks every `distance` ticks; hand `tick` to `VirtualMatch(watch_tick=...)`."""

    def __init__(self, game: Game, distance: int) -> None:
        if not 1 <= distance <= MAX_DISTANCE:
            raise UsageError(f"the sync test's distance must be 1 to {MAX_DISTANCE} ticks, got {distance}")
        self._game = game
        self._steps: deque[_Step] = deque(maxlen=distance)
        self._distance = distance
        self.ticks = 0
        """Ticks stepped again and compared."""
        self.failure: str | None = None
        """The first difference, in words; None while there is none."""

    def tick(self, record: TickRecord, world: World) -> None:
        """A tick has been stepped."""
        before, after = World(self._game.kinds), World(self._game.kinds)
        before.restore(record.before)
        after.restore(world)
        self._steps.append(_Step(before, after, record.inputs, record.seen))
        if len(self._steps) == self._distance and self.failure is None:
            self._again()
            self._steps.clear()

    def _again(self) -> None:
        world = World(self._game.kinds)
        world.restore(self._steps[0].before)
        for step in self._steps:
            if world.digest() != step.before.digest():
                # Somebody joined or left between two ticks: that is not `step`'s doing.
                world.restore(step.before)
            world.tick = step.after.tick
            self._game.step(world, step.inputs, _Recorded(step.seen, world))
            self.ticks += 1
            if world.digest() != step.after.digest():
                self.failure = difference(step.after, world)
                return


class _Recorded:
    """A `Rewind` that gives out again what was given out."""

    def __init__(self, seen: dict[int, Picture], world: World) -> None:
        self._seen = seen
        self._world = world

    def picture(self, shooter: int) -> Picture:
        return self._seen.get(shooter) or present(self._world)

    def judge(self, shooter: int, hit: int | None, reason: str) -> None:
        return None


def difference(one: World, other: World) -> str:
    """Say in words where two worlds of one tick differ first."""
    for name, table in one.tables.items():
        against = other.tables[name]
        rows = np.flatnonzero((table.alive != against.alive) | (table.generation != against.generation))
        if len(rows):
            row = int(rows[0])
            return f"tick {one.tick}, {name} row {row}: alive {table.alive[row]} and then {against.alive[row]}"
        differ = (table.state != against.state) & table.alive
        if differ.any():
            row, field = (int(number) for number in np.argwhere(differ.T)[0])
            values = f"{table.state[field, row]} and then {against.state[field, row]}"
            return f"tick {one.tick}, {name} row {row}, {table.kind.fields[field].name}: {values}"
    return f"tick {one.tick}: no difference in rows that are alive"
