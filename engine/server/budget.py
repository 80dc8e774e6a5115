"""What goes first when a snapshot does not fit: a priority accumulator per peer and row.

Only peers over their limit are touched. A row left out gains urgency with every snapshot it waits, by its weight: the
nearer it is the more, or as the game says (`engine.game.WeighingGame`). A row sent starts again at nothing. So what
matters goes often, and as every weight is above 0, none starves. Leaves are always said: they are small, and a ghost is
worse than a delay. Source: Fiedler, "State Synchronization" (priority accumulator).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.wire.delta import KindDelta
from engine.world.schema import Kind
from engine.world.table import World

LEAST_WEIGHT = 1e-3
"""Of a row, whatever a game says: a row that waits then still goes at some time."""

Weigh = Callable[[int, int, np.ndarray], np.ndarray]
"""Gives the weights, `(n,)`, of rows `(n,)` of the kind with that number for the i-th of the peers."""


def near_first(world: World, kind: Kind, player: Kind, own_row: int, rows: np.ndarray) -> np.ndarray:
    """Return weights by distance from a player's own row: 1 at the mean distance, up to 2 for what is nearest.

    All are 1 for one that only watches, and for a kind that is not at a place (fields `x` and `y`, as the player has).
    """
    if own_row < 0 or not len(rows) or not {"x", "y"} <= kind.index.keys() & player.index.keys():
        return np.ones(len(rows))
    eyes, there = world[player.name], world[kind.name]
    apart = [there[axis][rows].astype(np.float64) - float(eyes[axis][own_row]) for axis in ("x", "y")]
    distance = np.hypot(*apart)
    mean = max(float(distance.mean()), 1.0)
    weights: np.ndarray = 2.0 * mean / (mean + distance)
    return weights


class Budget:
    """Waiting urgency of every row for every peer, `(peers, rows) float32` per kind."""

    def __init__(self, kinds: tuple[Kind, ...], peers: int) -> None:
        self._urgency = [np.zeros((peers, kind.capacity), np.float32) for kind in kinds]
        self.dropped_total = np.zeros(peers, np.int64)
        self._waiting = np.zeros(peers, np.bool_)
        self._dropped = np.zeros(peers, np.int64)  # in the last `fit`

    def reset(self, peer: int) -> None:
        """Forget a peer slot's waiting rows."""
        for urgency in self._urgency:
            urgency[peer] = 0
        self.dropped_total[peer] = 0

    def urgency(self, kind: int, peer: int, row: int) -> float:
        """Return how urgent a row of the kind with the number `kind` has become for a peer; 0 when it does not wait."""
        return float(self._urgency[kind][peer, row])

    def fit(self, peers: np.ndarray, deltas: list[KindDelta], room: np.ndarray, weigh: Weigh) -> np.ndarray:
        """Drop entries from `deltas` (one per kind, n peers each) until each peer's fit `room`, `(n,)` bytes.

        `weigh` is asked for the rows of those alone that do not fit. Returns `(n,) bool`, who is beyond it even so:
        dropping does not save leaves and the word that a row is on hold.
        """
        room = room - sum(delta.gap_bytes for delta in deltas)
        full: np.ndarray = sum(delta.peer_bytes() for delta in deltas) > room
        beyond = np.zeros(len(peers), np.bool_)
        relieved = peers[self._waiting[peers] & ~full]
        for urgency in self._urgency:
            urgency[relieved] = 0
        self._waiting[peers] = full
        self._dropped[peers] = 0
        for at in np.flatnonzero(full).tolist():
            beyond[at] = self._fit_one(int(peers[at]), at, deltas, int(room[at]), weigh)
        return beyond

    def share(self, peers: np.ndarray, by: np.ndarray) -> None:
        """Let what was decided in the last `fit` for the peer slots `by`, `(n,)`, hold for `peers`, `(n,)`, too."""
        others = (peers != by) & (self._waiting[peers] | self._waiting[by])
        peers, by = peers[others], by[others]
        for urgency in self._urgency:
            urgency[peers] = urgency[by]
        self._waiting[peers] = self._waiting[by]
        self._dropped[peers] = self._dropped[by]
        self.dropped_total[peers] += self._dropped[by]

    def _fit_one(self, peer: int, at: int, deltas: list[KindDelta], room: int, weigh: Weigh) -> bool:
        """Drop entries of one peer, the `at`-th of the deltas; tell whether it is beyond its room even so."""
        parts = [delta.entries(at) for delta in deltas]
        floors = np.concatenate([floor for _, _, floor in parts])
        cost = np.concatenate([size for _, size, _ in parts]) - floors
        gained = [np.maximum(weigh(kind, at, rows), LEAST_WEIGHT) for kind, (rows, _, _) in enumerate(parts)]
        urgency = np.concatenate(
            [each[peer, rows] + more for each, (rows, _, _), more in zip(self._urgency, parts, gained, strict=True)]
        )
        spare = room - floors.sum()
        wanted = np.flatnonzero(cost > 0)
        # Most urgent for its bytes first. By urgency alone, whole rows that have waited would keep out residuals of a
        # fifth their size, which would be whole rows themselves by the next time: a full budget would never catch up.
        order = wanted[np.argsort(-urgency[wanted] / cost[wanted], kind="stable")]
        late = order[np.cumsum(cost[order]) > spare]
        waiting = np.zeros(len(cost), np.bool_)
        waiting[late] = True
        self.dropped_total[peer] += len(late)
        self._dropped[peer] = len(late)
        begin = 0
        for each, delta, (rows, _, _) in zip(self._urgency, deltas, parts, strict=True):
            part = slice(begin, begin + len(rows))
            begin += len(rows)
            mine = waiting[part]
            each[peer] = 0
            each[peer, rows] = np.where(mine, urgency[part], 0)
            delta.drop(at, rows[mine])
        return bool(spare < 0)
