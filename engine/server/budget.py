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
        self._waiting = np.zeros(peers, np.bool_)

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
        full: np.ndarray = sum(delta.peer_bytes() for delta in deltas) > room
        beyond = np.zeros(len(peers), np.bool_)
        relieved = peers[self._waiting[peers] & ~full]
        for urgency in self._urgency:
            urgency[relieved] = 0
        self._waiting[peers] = full
        for at in np.flatnonzero(full).tolist():
            beyond[at] = self._fit_one(int(peers[at]), at, deltas, int(room[at]))
        return beyond

    def _fit_one(self, peer: int, at: int, deltas: list[KindDelta], room: int) -> bool:
        """Drop entries of one peer, the `at`-th of the deltas; tell whether it is beyond its room even so."""
        parts = [delta.entries(at) for delta in deltas]
        floors = np.concatenate([floor for _, _, floor in parts])
        cost = np.concatenate([size for _, size, _ in parts]) - floors
        urgency = np.concatenate([each[peer, rows] for each, (rows, _, _) in zip(self._urgency, parts, strict=True)])
        spare = room - floors.sum()
        wanted = np.flatnonzero(cost > 0)
        # Most urgent first; among equals the smaller entry, so that more rows get through.
        order = wanted[np.lexsort((cost[wanted], -urgency[wanted]))]
        late = order[np.cumsum(cost[order]) > spare]
        waiting = np.zeros(len(cost), np.bool_)
        waiting[late] = True
        self.dropped_total[peer] += len(late)
        begin = 0
        for each, delta, (rows, _, _) in zip(self._urgency, deltas, parts, strict=True):
            mine = waiting[begin : begin + len(rows)]
            begin += len(rows)
            waited = each[peer, rows]
            each[peer] = 0
            each[peer, rows] = np.where(mine, waited + 1, 0)
            delta.drop(at, rows[mine])
        return bool(spare < 0)
