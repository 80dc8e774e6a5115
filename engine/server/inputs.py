"""Inputs of all peers, by the tick they are for.

    tick    (peers, ring) int64          which tick the slot holds; -1: none
    values  (fields, peers, ring) int32
    view    (3, peers, ring) int64       tick_a, tick_b (-1: none), time; tick_a -1: no view

A peer gives one input per tick and each tick takes one, so neither a flood nor a batch moves a player faster: whatever
arrives, at most one input per simulated tick is ever used. What is for a tick already stepped is late; what is further
ahead than the ring is not kept. Where nothing arrived, the input before it is repeated for a bounded time, then the
controls are let go.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.wire.inputs import StampedInput
from engine.wire.snapshot import NONE
from engine.world.picture import VIEW_UNITS, View
from engine.world.schema import Kind
from engine.world.table import Rows

_NEVER = 2**62
"""Later than any tick."""


class InputRing:
    """See the module. `repeat_ticks` bounds the repeating."""

    def __init__(self, kind: Kind, peers: int, ring: int, repeat_ticks: int) -> None:
        self._kind = kind
        self._ring = ring
        self._repeat_ticks = repeat_ticks
        fields = len(kind.fields)
        self._tick = np.full((peers, ring), -1, np.int64)
        self._values = np.zeros((fields, peers, ring), np.int32)
        self._view = np.full((3, peers, ring), -1, np.int64)
        self._last = np.zeros((fields, peers), np.int32)
        self._missed_in_a_row = np.zeros(peers, np.int64)
        self._known = np.full(peers, -1, np.int64)
        self._known_cells: memoryview[int] = self._known.data
        # What came since the last `take`: (peer, ticks early) of packets; (peer, tick, late, values, view) of inputs.
        self._packets: list[tuple[int, int]] = []
        self._arrived: list[tuple[int, int, bool, tuple[int, ...], View | None]] = []
        # The same as columns: peers and ticks early; peers, ticks, who is late, and values, of inputs without a view.
        self._packet_columns: list[tuple[np.ndarray, np.ndarray]] = []
        self._arrived_columns: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        self._first = np.full(peers, _NEVER, np.int64)
        self.newest = np.full(peers, -1, np.int64)
        """Newest input tick of each peer, used or late, -1 before the first: the client need not repeat it."""
        self.slack = np.full(peers, NONE, np.int64)
        """Tightest arrival since `snapshot_sent`, in 1/256 tick; NONE when nothing arrived."""
        self.repeated = np.zeros(peers, np.int64)
        """Ticks since `snapshot_sent` for which the input was missing."""
        self.missed_at = np.full(peers, -1, np.int64)
        """Latest tick for which each peer's input was missing, -1 before the first."""
        self.taken_total = np.zeros(peers, np.int64)
        self.missing_total = np.zeros(peers, np.int64)
        self.late_total = np.zeros(peers, np.int64)

    def reset(self, peer: int) -> None:
        """Forget everything of a peer slot: it has a new tenant."""
        self._packets = [packet for packet in self._packets if packet[0] != peer]
        self._arrived = [arrival for arrival in self._arrived if arrival[0] != peer]
        self._packet_columns = [_without(peer, columns) for columns in self._packet_columns]
        self._arrived_columns = [_without(peer, columns) for columns in self._arrived_columns]
        self._known[peer] = -1
        self._tick[peer] = -1
        self._last[:, peer] = 0
        self._missed_in_a_row[peer] = 0
        self._first[peer] = _NEVER
        self.newest[peer] = -1
        self.missed_at[peer] = -1
        self.slack[peer] = NONE
        for total in (self.repeated, self.taken_total, self.missing_total, self.late_total):
            total[peer] = 0

    def known(self, peer: int) -> int:
        """Newest input tick of one peer, with what arrived since the last `take`; -1 before the first."""
        return self._known_cells[peer]

    def known_each(self, peers: np.ndarray) -> np.ndarray:
        """Do as `known` for `peers`, `(n,) int64`."""
        known: np.ndarray = self._known[peers]
        return known

    def receive(self, peer: int, inputs: list[StampedInput], packet_tick: int, next_tick: int) -> None:
        """Take a packet's new inputs (newest first), before `next_tick` is stepped.

        packet_tick: the newest tick the packet speaks of, new or not: its slack is what the client steers by.
        """
        self._packets.append((peer, packet_tick - next_tick))
        for entry in inputs:
            tick = entry.tick
            if tick >= next_tick + self._ring:
                continue
            # A late one counts as had too: repeating it is no use, and its slack must be told with its tick.
            if tick > self._known_cells[peer]:
                self._known_cells[peer] = tick
            self._arrived.append((peer, tick, tick < next_tick, entry.values, entry.view))

    def receive_newest(self, peers: np.ndarray, ticks: np.ndarray, values: np.ndarray, next_tick: int) -> None:
        """Do as `receive` for one packet of each of `peers`, `(n,)`, all different, with one new input at most.

        ticks: `(n,)`, of the newest input, new where it is above what is `known`; then `values`, `(fields, n) int32`,
        is that input, and its player shoots at nothing.
        """
        self._packet_columns.append((peers, ticks - next_tick))
        new = (ticks > self._known[peers]) & (ticks < next_tick + self._ring)
        if not new.all():
            peers, ticks, values = peers[new], ticks[new], values[:, new]
        self._known[peers] = ticks
        self._arrived_columns.append((peers, ticks, ticks < next_tick, values))

    def take(self, tick: int, peers: np.ndarray) -> tuple[Rows, np.ndarray]:
        """Return the inputs of `tick` for the peer slots `peers`, `(n,)`, and which of them are missing, `(n,) bool`.

        A peer whose first input is for a later tick is idle, not missing.
        """
        self.settle()
        slot = tick % self._ring
        have = self._tick[peers, slot] == tick
        began = tick >= self._first[peers]
        missing = began & ~have
        run = np.where(have, 0, self._missed_in_a_row[peers] + 1)
        self._missed_in_a_row[peers] = run
        self.taken_total[peers] += have
        self.missing_total[peers] += missing
        self.repeated[peers] += missing
        self.missed_at[peers[missing]] = tick
        values = np.where(have, self._values[:, peers, slot], self._last[:, peers])
        values[:, run > self._repeat_ticks] = 0
        self._last[:, peers] = values
        return Rows(self._kind, values), missing

    def view(self, peer: int, tick: int) -> View | None:
        """Return what `peer` claimed to see when it made its input of `tick`; None when it said nothing."""
        slot = tick % self._ring
        if self._tick[peer, slot] != tick or self._view[0, peer, slot] < 0:
            return None
        tick_a, tick_b, time = self._view[:, peer, slot].tolist()
        return View(tick_a, None if tick_b < 0 else tick_b, time)

    def snapshot_sent(self, peers: np.ndarray) -> None:
        """Start counting slack and repeats afresh for `peers`."""
        self.slack[peers] = NONE
        self.repeated[peers] = 0

    def settle(self) -> None:
        """Move what arrived into the arrays, all peers in one assignment each. `take` begins with it."""
        if self._packets:
            slots, ticks_early = np.array(self._packets, np.int64).T
            self._packet_columns.append((slots, ticks_early))
            self._packets.clear()
        if self._packet_columns:
            at, early = (np.concatenate(column) for column in zip(*self._packet_columns, strict=True))
            self._packet_columns.clear()
            slack = np.clip(early * VIEW_UNITS, NONE + 1, 32767)
            tightest = np.full(len(self.slack), 32767)
            np.minimum.at(tightest, at, slack)
            told = self.slack[at] != NONE
            self.slack[at] = np.where(told, np.minimum(self.slack[at], tightest[at]), tightest[at])
        arrived, self._arrived = self._arrived, []
        if arrived:
            peers, ticks, lates, states, _ = zip(*arrived, strict=True)
            columns = np.array(peers), np.array(ticks), np.array(lates), np.array(states, np.int32).T
            self._arrived_columns.append(columns)
        if not self._arrived_columns:
            return
        peer_parts, tick_parts, late_parts, value_parts = zip(*self._arrived_columns, strict=True)
        self._arrived_columns.clear()
        at, tick, late = np.concatenate(peer_parts), np.concatenate(tick_parts), np.concatenate(late_parts)
        values = np.concatenate(value_parts, axis=1)
        np.minimum.at(self._first, at, tick)
        np.maximum.at(self.newest, at, tick)
        np.add.at(self.late_total, at, late)
        slot = tick % self._ring
        used = ~late
        at, slot = at[used], slot[used]
        self._tick[at, slot] = tick[used]
        self._values[:, at, slot] = values[:, used]
        self._view[0, at, slot] = -1
        for peer, of_tick, is_late, _, view in arrived:
            if view is not None and not is_late:
                where = (peer, of_tick % self._ring)
                self._view[:, *where] = view.tick_a, -1 if view.tick_b is None else view.tick_b, view.time


def _without(peer: int, columns: tuple[np.ndarray, ...]) -> Any:
    """Return `columns`, of which the first holds peers and the last axis is theirs, less what is of `peer`."""
    others = columns[0] != peer
    return tuple(column[..., others] for column in columns)
