"""What goes first when a snapshot does not fit: a priority accumulator per peer and row.

Only peers over their limit are touched. A row left out gains urgency with every snapshot it waits; a row sent starts
again at nothing; so the most neglected rows go first and none starves. Leaves are always said: they are small, and a
ghost is worse than a delay. Source: Fiedler, "State Synchronization" (priority accumulator).
"""

from __future__ import annotations

import numpy as np

from engine.wire.delta import KindDelta
from engine.world.schema import Kind


class Budget:
    """Waiting urgency of every row for every peer, `(peers, rows) float32` per kind."""

    def __init__(self, kinds: tuple[Kind, ...], peers: int) -> None:
        self._urgency = [np.zeros((peers, kind.capacity), np.float32) for kind in kinds]
        self.dropped_total = np.zeros(peers, np.int64)

    def reset(self, peer: int) -> None:
        """Forget a peer slot's waiting rows."""
        for urgency in self._urgency:
            urgency[peer] = 0
        self.dropped_total[peer] = 0

    def fit(self, peers: np.ndarray, deltas: list[KindDelta], room: np.ndarray) -> np.ndarray:
        """Drop entries from `deltas` (one per kind, n peers each) until each peer's fit `room`, `(n,)` bytes.

        Returns `(n,) bool`, who is beyond it even so: dropping does not save leaves and the word that a row is on hold.
        """
        room = room - sum(delta.gap_bytes for delta in deltas)
        sizes = np.concatenate([delta.entry_bytes() for delta in deltas], axis=1)
        full: np.ndarray = sizes.sum(axis=1) > room
        for urgency in self._urgency:
            urgency[peers[~full]] = 0
        if not full.any():
            return full
        floors = np.concatenate([delta.floor_bytes() for delta in deltas], axis=1)
        edges = np.cumsum([0, *(urgency.shape[1] for urgency in self._urgency)]).tolist()
        for at in np.flatnonzero(full).tolist():
            peer = int(peers[at])
            cost = sizes[at] - floors[at]
            spare = room[at] - floors[at].sum()
            urgency = np.concatenate([each[peer] for each in self._urgency])
            wanted = np.flatnonzero(cost > 0)
            # Most urgent first; among equals the smaller entry, so that more rows get through.
            order = wanted[np.lexsort((cost[wanted], -urgency[wanted]))]
            late = order[np.cumsum(cost[order]) > spare]
            waiting = np.zeros(len(cost), np.bool_)
            waiting[late] = True
            self.dropped_total[peer] += len(late)
            for kind_at, delta in enumerate(deltas):
                mine = waiting[edges[kind_at] : edges[kind_at + 1]]
                self._urgency[kind_at][peer] = np.where(mine, self._urgency[kind_at][peer] + 1, 0)
                delta.drop(at, np.flatnonzero(mine))
        beyond: np.ndarray = full & (floors.sum(axis=1) > room)
        return beyond
