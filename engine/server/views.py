"""What each peer holds: per peer and snapshot sent, which rows it has once that snapshot arrives.

    tick      (peers, depth) int64          the snapshot sent in that slot; -1: none
    acked     (peers, depth) bool           it is known to have arrived
    status    per kind (peers, depth, rows) uint8, see `world.history`

This is all the bookkeeping that loss needs: a snapshot is told against the newest one the peer acknowledged, and what
the peer holds there is this table's row. Nothing is ever resent.
"""

from __future__ import annotations

import numpy as np

from engine.world.history import ABSENT
from engine.world.schema import Kind

_SEQUENCES = 256
"""Packets remembered: the acknowledgement window; an older packet is never acknowledged."""


class ViewTable:
    """See the module. `every`: ticks per snapshot; `depth`: snapshots remembered, as deep as the published history."""

    def __init__(self, kinds: tuple[Kind, ...], peers: int, depth: int, every: int) -> None:
        self._depth = depth
        self._every = every
        self.tick = np.full((peers, depth), -1, np.int64)
        self.acked = np.zeros((peers, depth), np.bool_)
        self.status = {kind.name: np.zeros((peers, depth, kind.capacity), np.uint8) for kind in kinds}
        self.baseline = np.full(peers, -1, np.int64)
        """Newest acknowledged snapshot of each peer, -1: none."""
        self._carried = np.full((peers, _SEQUENCES), -1, np.int64)
        self._sequence = np.full((peers, _SEQUENCES), -1, np.int64)

    def reset(self, peer: int) -> None:
        """Forget what a peer holds: its next snapshot is whole, and acknowledgements under way count for nothing."""
        self.tick[peer] = -1
        self.acked[peer] = False
        self.baseline[peer] = -1
        self._sequence[peer] = -1

    def sent(self, peers: np.ndarray, sequences: np.ndarray, tick: int, status: dict[str, np.ndarray]) -> None:
        """Record the snapshot of `tick` sent to `peers` in the packets `sequences`; status: `(n, rows)` per kind."""
        slot = (tick // self._every) % self._depth
        self.tick[peers, slot] = tick
        self.acked[peers, slot] = False
        for name, table in status.items():
            self.status[name][peers, slot] = table
        at = sequences % _SEQUENCES
        self._sequence[peers, at] = sequences
        self._carried[peers, at] = tick

    def acknowledged(self, peers: np.ndarray, sequences: np.ndarray) -> None:
        """Packets `sequences` of `peers` arrived (arrays of one length; a peer may appear often)."""
        at = sequences % _SEQUENCES
        carrying = self._sequence[peers, at] == sequences
        peers, at = peers[carrying], at[carrying]
        tick = self._carried[peers, at]
        slot = (tick // self._every) % self._depth
        held = self.tick[peers, slot] == tick
        peers, tick, slot = peers[held], tick[held], slot[held]
        self.acked[peers, slot] = True
        np.maximum.at(self.baseline, peers, tick)

    def has_acked(self, peer: int, tick: int) -> bool:
        """Tell whether `peer` is known to hold the snapshot of `tick`."""
        slot = (tick // self._every) % self._depth
        return bool(self.tick[peer, slot] == tick and self.acked[peer, slot])

    def base_slots(self, peers: np.ndarray, tick: int) -> np.ndarray:
        """Return the history slot of each peer's baseline for a snapshot at `tick`; -1 for none, or one too old."""
        base = self.baseline[peers]
        # The slot about to be written is the oldest one's: a baseline there is gone on both sides.
        usable = (base >= 0) & (tick - base < self._depth * self._every)
        slots: np.ndarray = np.where(usable, (base // self._every) % self._depth, -1)
        return slots

    def base_status(self, kind: Kind, peers: np.ndarray, slots: np.ndarray) -> np.ndarray:
        """Return what each peer holds of `kind` at its baseline, `(n, rows) uint8`; all ABSENT where there is none."""
        status: np.ndarray = self.status[kind.name][peers, slots]
        status[slots < 0] = ABSENT
        return status
