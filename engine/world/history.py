"""A ring of snapshots of one kind: the server's published history, and what a client reconstructed.

    tick        (depth,) int64              -1: empty
    state       (depth, fields, rows) int32
    status      (depth, rows) uint8         ABSENT, STALE or EXACT
    generation  (depth, rows) int32

Slot of tick t: `(t // every) % depth`, as snapshots come at ticks that are multiples of `every`. The newest tick in a
slot wins; asking for one that has been overwritten gives None, never a neighbour.
"""

from __future__ import annotations

import numpy as np

from engine.world.schema import Kind

ABSENT = 0
"""The row is not in this snapshot."""
STALE = 1
"""The receiver knows the row, but not in its state at this tick (it did not fit the sender's budget)."""
EXACT = 2
"""The row is held bit for bit as published."""


class History:
    """The last `depth` snapshots of `kind`; only its first `fields` fields are kept."""

    def __init__(self, kind: Kind, fields: int, depth: int, every: int) -> None:
        self.kind = kind
        self.depth = depth
        self.every = every
        self.newest = -1
        self.tick = np.full(depth, -1, np.int64)
        self.state = np.zeros((depth, fields, kind.capacity), np.int32)
        self.status = np.zeros((depth, kind.capacity), np.uint8)
        self.generation = np.zeros((depth, kind.capacity), np.int32)

    def slot(self, tick: int) -> int | None:
        """Return where `tick`'s snapshot is, or None when it is not held."""
        slot = (tick // self.every) % self.depth
        return slot if tick >= 0 and self.tick[slot] == tick else None

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
