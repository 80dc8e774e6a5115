"""The true states of the player rows, tick by tick: what everything that was drawn is measured against.

    tick       (depth,) int64               which tick a slot holds; -1: none
    place      (depth, dimensions, rows)    position, in the game's unit
    alive      (depth, rows) bool
    tenant     (depth, rows) int32          generation and teleport count in one number: equal, the same row unbroken
    stopped_at (depth, rows) int64          tick at which a row that stands came to a stop; -1: it moves, or never did
    heading    (depth, dimensions, rows)    unit vector it moved along before it stopped

Positions are the fields of the player kind that are drawn smoothly and have a rate; that is all the lab
knows of a game.
"""

from __future__ import annotations

import numpy as np

from engine.world.schema import Kind
from engine.world.table import Table

DEPTH = 512
"""Ticks held: 8.5 s at 60 Hz, beyond any view a client can have."""


class Positions:
    """Which fields of `kind` are positions, and their rates."""

    def __init__(self, kind: Kind) -> None:
        bases, rates = kind.rated
        smooth = [at for at, base in enumerate(bases.tolist()) if kind.fields[base].smooth and base < kind.public_count]
        self.fields = bases[smooth]
        self.rates = rates[smooth]
        self._scale = kind.precision[self.fields, 0]

    def of(self, values: np.ndarray) -> np.ndarray:
        """Return the positions in `values`, `(fields, ...)` grid units, as `(dimensions, ...)` in the game's unit."""
        scale = self._scale.reshape(-1, *(1,) * (values.ndim - 1))
        places: np.ndarray = values[self.fields] * scale
        return places


class TrueStates:
    """See the module."""

    def __init__(self, kind: Kind, depth: int = DEPTH) -> None:
        rows, dimensions = kind.capacity, len(Positions(kind).fields)
        self._at = Positions(kind)
        self._teleport = None if kind.teleport is None else kind.index[kind.teleport]
        self._depth = depth
        self.tick = np.full(depth, -1, np.int64)
        self.place = np.zeros((depth, dimensions, rows))
        self.alive = np.zeros((depth, rows), np.bool_)
        self.tenant = np.zeros((depth, rows), np.int64)
        self.stopped_at = np.full((depth, rows), -1, np.int64)
        self.heading = np.zeros((depth, dimensions, rows))
        self._speed = np.zeros((dimensions, rows))
        self._before = 0

    @property
    def positions(self) -> Positions:
        return self._at

    def push(self, tick: int, table: Table) -> None:
        """Keep the player rows as they are at the end of `tick`."""
        slot, before = tick % self._depth, self._before
        state = table.state
        speed = state[self._at.rates].astype(np.float64)
        self.tick[slot] = tick
        self.place[slot] = self._at.of(state)
        self.alive[slot] = table.alive
        tenant = self.tenant[slot]
        tenant[:] = self.tenants(table.generation, None if self._teleport is None else state[self._teleport])
        same = self.alive[before] & table.alive & (tenant == self.tenant[before])
        stands = ~speed.any(axis=0)
        moved = self._speed.any(axis=0)
        self.stopped_at[slot] = np.where(same & stands, np.where(moved, tick, self.stopped_at[before]), -1)
        heading = self.heading[slot]
        heading[...] = self.heading[before]
        fresh = np.flatnonzero(same & stands & moved)
        if len(fresh):
            was = self._speed[:, fresh]
            heading[:, fresh] = was / np.sqrt((was * was).sum(axis=0))
        self._speed = speed
        self._before = slot

    def tenants(self, generation: np.ndarray, teleport: np.ndarray | None) -> np.ndarray:
        """Return generation and teleport count as one number per row."""
        one: np.ndarray = generation.astype(np.int64) << 32
        return one if teleport is None else one + teleport.astype(np.int64)

    @property
    def teleport(self) -> int | None:
        """The player kind's field that counts teleports."""
        return self._teleport

    def slots(self, ticks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the slots of `ticks`, and which of them are held."""
        slots = ticks % self._depth
        return slots, self.tick[slots] == ticks
