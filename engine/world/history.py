"""A ring of snapshots of one kind: the server's published history, and what a client reconstructed.

    tick        (depth,) int64              -1: empty
    state       (depth, fields, rows) int32
    status      (depth, rows) uint8         ABSENT, STALE or EXACT
    generation  (depth, rows) int32

Slot of tick t: `(t // every) % depth`, as snapshots come at ticks that are multiples of `every`. The newest tick in a
slot wins; asking for one that has been overwritten gives None, never a neighbour.

`Received` is the receiver's ring of the same snapshots: it keeps the arrays themselves, which nobody writes into again,
so that what did not change from one snapshot to the next is the same array in both.
"""

from __future__ import annotations

import numpy as np

from engine.errors import UsageError
from engine.world.schema import Kind

ABSENT = 0
"""The row is not in this snapshot."""
STALE = 1
"""The receiver knows the row, but not in its state at this tick (it did not fit the sender's budget)."""
EXACT = 2
"""The row is held bit for bit as published."""


class KindRows:
    """One kind at a snapshot: a slot of the ring. Whoever is given it does not write into its arrays.

    state `(fields, rows) int32`, status `(rows,) uint8`, generation `(rows,) int32`. What is derived from them is made
    when first asked for, and once: every picture on the way to a snapshot and on the way from it needs it.
    """

    __slots__ = ("_alive", "_values", "generation", "state", "status")

    def __init__(self, state: np.ndarray, status: np.ndarray, generation: np.ndarray) -> None:
        self.state = state
        self.status = status
        self.generation = generation
        self._alive: np.ndarray | None = None
        self._values: np.ndarray | None = None

    @property
    def alive(self) -> np.ndarray:
        """Which rows are there, `(rows,) bool`."""
        if self._alive is None:
            self._alive = self.status != ABSENT
        return self._alive

    @property
    def values(self) -> np.ndarray:
        """The state to be drawn with, `(fields, rows) float64`, the same numbers; it can't be written into."""
        if self._values is None:
            self._values = self.state.astype(np.float64)
            self._values.setflags(write=False)
        return self._values


class _Ring:
    """Where the snapshots of one kind are kept: what both rings have in common."""

    tick: np.ndarray | list[int]

    def __init__(self, kind: Kind, fields: int, depth: int, every: int) -> None:
        self.kind = kind
        self.fields = fields
        self.depth = depth
        self.every = every
        self.newest = -1

    def slot(self, tick: int) -> int | None:
        """Return where `tick`'s snapshot is, or None when it is not held."""
        slot = (tick // self.every) % self.depth
        return slot if tick >= 0 and self.tick[slot] == tick else None


class History(_Ring):
    """The last `depth` snapshots of `kind`; only its first `fields` fields are kept."""

    def __init__(self, kind: Kind, fields: int, depth: int, every: int) -> None:
        super().__init__(kind, fields, depth, every)
        self.tick: np.ndarray = np.full(depth, -1, np.int64)
        self.state = np.zeros((depth, fields, kind.capacity), np.int32)
        self.status = np.zeros((depth, kind.capacity), np.uint8)
        self.generation = np.zeros((depth, kind.capacity), np.int32)

    def rows(self, slot: int) -> KindRows:
        """Return what `slot` holds, to be kept for longer than the ring keeps it."""
        return KindRows(self.state[slot].copy(), self.status[slot].copy(), self.generation[slot].copy())

    def push(self, tick: int, state: np.ndarray, status: np.ndarray, generation: np.ndarray) -> int:
        """Store `tick`'s snapshot over the oldest one and return its slot."""
        slot = (tick // self.every) % self.depth
        self.tick[slot] = tick
        self.state[slot] = state
        self.status[slot] = status
        self.generation[slot] = generation
        self.newest = max(self.newest, tick)
        return slot

    def ticks(self) -> list[int]:
        """The ticks held, ascending."""
        held: list[int] = np.sort(self.tick[self.tick >= 0]).tolist()
        return held


class Received(_Ring):
    """The last `depth` snapshots of `kind` as a receiver made them out; it reads as a `History` does, slot by slot."""

    def __init__(self, kind: Kind, fields: int, depth: int, every: int) -> None:
        super().__init__(kind, fields, depth, every)
        self.tick: list[int] = [-1] * depth
        self._rows: list[KindRows | None] = [None] * depth

    def rows(self, slot: int) -> KindRows:
        """Return what `slot` holds."""
        rows = self._rows[slot]
        if rows is None:
            raise UsageError(f"slot {slot} of {self.kind.name} has never been filled")
        return rows

    def held(self) -> list[KindRows]:
        """Return all that is held, by slot."""
        return [rows for rows in self._rows if rows is not None]

    def push(self, tick: int, rows: KindRows) -> int:
        """Store `tick`'s snapshot over the oldest one and return its slot."""
        slot = (tick // self.every) % self.depth
        self.tick[slot] = tick
        self._rows[slot] = rows
        self.newest = max(self.newest, tick)
        return slot
