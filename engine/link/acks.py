"""Which packets arrived, on both ways of every peer: sequences, acknowledgements, and the fate of each packet sent.

One table for all peers: a column per quantity, a row per peer slot, and two rings of 256 packets per peer, as in the
sequence buffers of reliable 1.0. A tick is one `receive` over the datagrams drained, one `lost`, and one `send` over
the packets to go. A batch may hold several packets of a peer in their order of arrival; pass k takes each peer's k-th.
`send_one`, `receive_one` and `lost_one` do the same for one packet in plain Python on the same memory: the client takes
them, and so do small batches (numpy's fixed cost is that of some dozens of packets).

A packet received is stale when it is 256 or more behind the newest, a duplicate when it was seen before, else fresh.
Only a fresh packet's acks are read. What is delivered and what is lost is decided in `engine.link.sent`, path figures
are `engine.link.stats`. It parses no header (`engine.link.header`) and keeps no packet's contents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import UsageError
from engine.link.sent import ACK_BITS, RING_PACKETS, Fate, SentPackets, SentRing, joined, sent_packets
from engine.link.stats import BYTES_IN, DUPLICATE, EXPECTED_IN, PACKETS_IN, STALE, LinkMeter, LinkStats

__all__ = ["AckTable", "Received", "SentPackets"]

_MASK = RING_PACKETS - 1
_ALL = 0xFFFFFFFF
_NOTHING_YET = 0xFFFF  # the newest sequence before the first one: the ack of nothing is 65535, and 0 comes next
LOOP_MAX = 48  # packets; up to here the loop over packets is as fast as the pass over arrays

_Headers = tuple[
    NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]
]  # slots, sequences, acks, ack_bits, sizes


@dataclass(frozen=True, slots=True)
class Received:
    """What a batch of headers told: which packets to read, `(n,) bool`, and which of ours were delivered."""

    fresh: NDArray[np.bool_]
    acked: SentPackets


class AckTable:
    """Sequences and acknowledgements of `peers` slots; `meter` has the figures of their paths.

    Batches of up to `loop_max` packets are taken one by one: that is a matter of speed alone.
    """

    def __init__(self, peers: int, loop_max: int = LOOP_MAX) -> None:
        if peers < 1:
            raise UsageError(f"a table of {peers} peers")
        self.peers = peers
        self._loop_max = loop_max
        self.meter = LinkMeter(peers)
        self._sent = SentRing(peers, self.meter)
        self._top = np.full(peers, _NOTHING_YET, np.int64)  # the newest packet received, unwrapped
        self._bits = np.zeros(peers, np.uint64)  # bit n: packet top - n arrived
        self._tags = np.full(peers * RING_PACKETS, -1, np.int64)  # cell `u & 255` holds u when packet u arrived
        self._mark = np.zeros(peers, np.int64)  # scratch: who wrote last, to find slots that repeat
        # The same memory one element at a time, for plain Python.
        self._top_cells: memoryview[int] = self._top.data
        self._bits_cells: memoryview[int] = self._bits.data
        self._tag_cells: memoryview[int] = self._tags.data

    def reset(self, slot: int, now: float) -> None:
        """Begin a new connection in `slot`: sequences start at 0, what was in flight is nobody's."""
        self._top[slot] = _NOTHING_YET
        self._bits[slot] = 0
        self._tags[slot * RING_PACKETS : (slot + 1) * RING_PACKETS] = -1
        self._sent.reset(slot)
        self.meter.reset(slot, now)

    def stats(self, slot: int, now: float) -> LinkStats:
        """Return what is known of the path of one peer."""
        return self.meter.stats(slot, now)

    def next_sequence(self, slot: int) -> int:
        """Return the sequence that the next packet of `slot` will have, for who fills it."""
        return self._sent.next_sequence(slot)

    def send(
        self, slots: NDArray[np.int64], now: float, sizes: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
        """Allot each of `slots`, all different, its next sequence, for a packet of `sizes` bytes that leaves at `now`.

        Returns `(sequences, acks, ack_bits)` for `header.encode_headers`. Raises UsageError when a slot repeats.
        """
        slots = np.asarray(slots, np.int64)
        if not self._distinct(slots):
            raise UsageError(f"{len(slots)} packets of {len(np.unique(slots))} peers: one per peer and call")
        self.meter.advance(now)
        sequences = self._sent.send_each(slots, now, np.asarray(sizes, np.int64))
        return sequences, self._top[slots] & 0xFFFF, self._bits[slots]

    def send_one(self, slot: int, now: float, size: int) -> tuple[int, int, int]:
        """Do as `send` for one packet of one peer; returns `(sequence, ack, ack_bits)`."""
        self.meter.advance(now)
        return self._sent.send(slot, now, size), self._top_cells[slot] & 0xFFFF, self._bits_cells[slot]

    def receive(
        self,
        slots: NDArray[np.int64],
        sequences: NDArray[np.int64],
        acks: NDArray[np.int64],
        ack_bits: NDArray[np.uint64],
        now: float,
        sizes: NDArray[np.int64],
    ) -> Received:
        """Take the headers of packets that arrived, `(n,)` each, one peer's in the order of arrival.

        The caller reads the bodies of the fresh ones, all of them: the peer will hear that they arrived.
        """
        headers: _Headers = (
            np.asarray(slots, np.int64),
            np.asarray(sequences, np.int64),
            np.asarray(acks, np.int64),
            np.asarray(ack_bits, np.uint64),
            np.asarray(sizes, np.int64),
        )
        self.meter.advance(now)
        count = len(headers[0])
        fresh = np.zeros(count, bool)
        acked: list[SentPackets] = []
        left = np.arange(count)  # packets for the loop
        if count > self._loop_max:
            turn = _turns(headers[0]) if not self._distinct(headers[0]) else np.zeros(count, np.int64)
            k = 0
            while len(chosen := np.flatnonzero(turn == k)) > self._loop_max:
                fresh[chosen], told = self._receive_each(_chosen(headers, chosen), now)
                acked.append(told)
                k += 1
            left = np.flatnonzero(turn >= k)
        if len(left) or not acked:
            fates: list[Fate] = []
            columns = [column.tolist() for column in _chosen(headers, left)]
            for place, slot, sequence, ack, bits, size in zip(left.tolist(), *columns, strict=True):
                fresh[place] = self._receive(slot, sequence, ack, bits, size, now, fates)
            acked.append(sent_packets(fates))
        return Received(fresh, joined(acked))

    def receive_one(
        self, slot: int, sequence: int, ack: int, ack_bits: int, now: float, size: int
    ) -> tuple[bool, list[Fate]]:
        """Do as `receive` for one packet; returns if it is fresh, and the `(slot, sequence, sent_at, size)` acked."""
        self.meter.advance(now)
        fates: list[Fate] = []
        return self._receive(slot, sequence, ack, ack_bits, size, now, fates), fates

    def lost(self, now: float) -> SentPackets:
        """Return the packets of all peers that are lost as of `now` and were not told before."""
        self.meter.advance(now)
        return self._sent.lost_each(now)

    def lost_one(self, slot: int, now: float) -> list[Fate]:
        """Do as `lost` for one peer; returns `(slot, sequence, sent_at, size)` of each."""
        self.meter.advance(now)
        return self._sent.lost(slot, now)

    def _receive_each(self, headers: _Headers, now: float) -> tuple[NDArray[np.bool_], SentPackets]:
        """Take one packet of each of the slots, all different."""
        totals = self.meter.totals
        slots, sequences, acks, ack_bits, sizes = headers
        ahead = (sequences - self._top[slots] + 0x8000 & 0xFFFF) - 0x8000  # -32768..32767, the nearest way round
        sequence = self._top[slots] + ahead
        cell = slots * RING_PACKETS + (sequence & _MASK)
        stale = ahead <= -RING_PACKETS
        duplicate = ~stale & (self._tags[cell] == sequence)
        fresh = ~(stale | duplicate)
        if not fresh.all():
            totals[STALE][slots[stale]] += 1
            totals[DUPLICATE][slots[duplicate]] += 1
            slots, acks, ack_bits, sizes = slots[fresh], acks[fresh], ack_bits[fresh], sizes[fresh]
            ahead, sequence, cell = ahead[fresh], sequence[fresh], cell[fresh]
        self._tags[cell] = sequence
        onward = np.maximum(ahead, 0)
        shift = np.minimum(onward, ACK_BITS).astype(np.uint64)
        bit = np.minimum(onward - ahead, ACK_BITS).astype(np.uint64)  # its place behind the newest; 32 is beyond
        self._bits[slots] = (self._bits[slots] << shift | np.uint64(1) << bit) & np.uint64(_ALL)
        self._top[slots] += onward
        totals[PACKETS_IN][slots] += 1
        totals[EXPECTED_IN][slots] += onward
        totals[BYTES_IN][slots] += sizes
        return fresh, self._sent.acknowledge_each(slots, acks, ack_bits, now)

    def _receive(
        self, slot: int, sequence: int, ack: int, ack_bits: int, size: int, now: float, fates: list[Fate]
    ) -> bool:
        """Take one packet, appending what it acknowledges to `fates`; returns whether it is fresh."""
        totals, peers = self.meter.total_cells, self.peers
        top = self._top_cells[slot]
        ahead = (sequence - top + 0x8000 & 0xFFFF) - 0x8000
        if ahead <= -RING_PACKETS:
            totals[STALE * peers + slot] += 1
            return False
        sequence = top + ahead
        cell = slot * RING_PACKETS + (sequence & _MASK)
        if self._tag_cells[cell] == sequence:
            totals[DUPLICATE * peers + slot] += 1
            return False
        self._tag_cells[cell] = sequence
        if ahead > 0:
            self._bits_cells[slot] = (self._bits_cells[slot] << ahead & _ALL if ahead < ACK_BITS else 0) | 1
            self._top_cells[slot] = sequence
            totals[EXPECTED_IN * peers + slot] += ahead
        elif ahead > -ACK_BITS:
            self._bits_cells[slot] |= 1 << -ahead
        totals[PACKETS_IN * peers + slot] += 1
        totals[BYTES_IN * peers + slot] += size
        self._sent.acknowledge(slot, ack, ack_bits, now, fates)
        return True

    def _distinct(self, slots: NDArray[np.int64]) -> bool:
        """Tell whether no slot repeats."""
        order = np.arange(len(slots))
        self._mark[slots] = order
        return bool((self._mark[slots] == order).all())


def _turns(slots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each element how many equal ones stand before it."""
    order = np.argsort(slots, kind="stable")
    grouped = slots[order]
    place = np.arange(len(slots))
    starts = np.where(np.r_[True, grouped[1:] != grouped[:-1]], place, 0)
    turn = np.empty_like(place)
    turn[order] = place - np.maximum.accumulate(starts)
    return turn


def _chosen(headers: _Headers, rows: NDArray[np.int64]) -> _Headers:
    slots, sequences, acks, ack_bits, sizes = headers
    return slots[rows], sequences[rows], acks[rows], ack_bits[rows], sizes[rows]
