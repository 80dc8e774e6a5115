"""The fate of every packet sent: a ring of the last 256 packets of each peer, and who of them arrived.

Every packet's fate is told exactly once, as delivered (by `acknowledge`) or lost (by `lost`). Lost is

- overtaken: a packet sent after it is acknowledged, and it is older than the RTT by a grace. The grace is short when
  `REORDER_PACKETS` or more stand between them, and longer else, so that a path at 20 packets a second learns of a loss
  no later than one at 60. Time and order both, because order alone takes reordering within a burst for loss, and time
  alone takes a slow way back for loss;
- forgotten: 256 packets were sent after it, so that an ack of it would not be understood any more.

A packet that is acknowledged after it was declared lost is counted (`LinkStats.packets_late`), gives its RTT sample,
and is not told again: whoever filled it has acted on the loss. A silent path loses nothing here; time-outs are the
channels'.

Each operation exists for arrays of peers and for one packet in plain Python, on the same memory. Sequences are kept
unwrapped (int64) inside and are 16 bits outside. `engine.link.acks` is the whole, and the only user.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.link.stats import ACKED, BYTES_OUT, LATE, LOST, PACKETS_OUT, LinkMeter, float_cells

RING_PACKETS = 256  # reliable 1.0's window, some 4 s at 60 Hz
ACK_BITS = 32  # packets that one header tells of
REORDER_PACKETS = 3  # a packet this far behind an acknowledged one was hardly swapped: as in QUIC (RFC 9002, 6.1.1)
GRACE_DEVIATIONS = 2  # mean RTT deviations that such a packet may be late; covers the wait for the next packet back
GRACE_MIN = 0.010  # s; an even path has no deviation, but the peer's tick still has a length
LONG_GRACE_DEVIATIONS = 4  # of a packet that fewer have overtaken: RFC 6298's time-out
LONG_GRACE_MIN = 0.025  # s; swaps on real paths are mostly shorter

_MASK = RING_PACKETS - 1
_ALL = 0xFFFFFFFF
_PENDING, _ARRIVED, _MISSING = 0, 1, 2  # a packet's state; an unused cell is _ARRIVED, it wants nothing

Fate = tuple[int, int, float, int]  # slot, sequence (0..65535), sent at, size


@dataclass(frozen=True, slots=True)
class SentPackets:
    """Packets of ours whose fate is now known, four `(n,)` arrays; one peer's are in sending order per header read."""

    slots: NDArray[np.int64]
    sequences: NDArray[np.int64]  # 0..65535
    sent_at: NDArray[np.float64]  # s, as given to `send`
    sizes: NDArray[np.int64]  # bytes, as given to `send`


class SentRing:
    """What `peers` slots sent and what became of it. Counts into `meter`, whose second the caller has opened."""

    def __init__(self, peers: int, meter: LinkMeter) -> None:
        self._peers = peers
        self._meter = meter
        self._next = np.zeros(peers, np.int64)  # the sequence that goes out next
        self._acked_top = np.full(peers, -1, np.int64)  # the newest packet told as delivered
        self._settled = np.zeros(peers, np.int64)  # every packet below has its fate
        self._ack_seen = np.full(peers, -1, np.int64)  # the newest ack read, and its bits: only what a header has
        self._bits_seen = np.zeros(peers, np.uint64)  # beyond these is looked up
        # Of a peer the ring holds exactly its last 256 packets, so cell `u & 255` is packet u's without a tag.
        self._sent_at = np.zeros(peers * RING_PACKETS)
        self._size = np.zeros(peers * RING_PACKETS, np.int64)
        self._state = np.full(peers * RING_PACKETS, _ARRIVED, np.uint8)
        self._forgotten: list[Fate] = []  # left the ring without a fate; `lost` tells of them
        # The same memory one element at a time, for plain Python.
        self._next_cells: memoryview[int] = self._next.data
        self._acked_top_cells: memoryview[int] = self._acked_top.data
        self._settled_cells: memoryview[int] = self._settled.data
        self._ack_seen_cells: memoryview[int] = self._ack_seen.data
        self._bits_seen_cells: memoryview[int] = self._bits_seen.data
        self._sent_at_cells = float_cells(self._sent_at)
        self._size_cells: memoryview[int] = self._size.data
        self._state_cells: memoryview[int] = self._state.data

    def reset(self, slot: int) -> None:
        """Begin `slot` anew at sequence 0; its packets in flight are nobody's."""
        self._next[slot] = self._settled[slot] = self._bits_seen[slot] = 0
        self._acked_top[slot] = self._ack_seen[slot] = -1
        self._state[slot * RING_PACKETS : (slot + 1) * RING_PACKETS] = _ARRIVED
        self._forgotten = [fate for fate in self._forgotten if fate[0] != slot]

    def next_sequence(self, slot: int) -> int:
        """Return the sequence that `slot` is allotted next."""
        return self._next_cells[slot] & 0xFFFF

    def send_each(self, slots: NDArray[np.int64], now: float, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Allot each of `slots`, all different, its next sequence."""
        totals = self._meter.totals
        sequence = self._next[slots]
        cell = slots * RING_PACKETS + (sequence & _MASK)
        pending = self._state[cell] == _PENDING
        if pending.any():
            gone = cell[pending]
            self._forgotten += zip(
                slots[pending].tolist(),
                (sequence[pending] - RING_PACKETS & 0xFFFF).tolist(),
                self._sent_at[gone].tolist(),
                self._size[gone].tolist(),
                strict=True,
            )
            totals[LOST][slots[pending]] += 1
        self._state[cell] = _PENDING
        self._sent_at[cell] = now
        self._size[cell] = sizes
        self._next[slots] = sequence + 1
        totals[PACKETS_OUT][slots] += 1
        totals[BYTES_OUT][slots] += sizes
        return sequence & 0xFFFF

    def send(self, slot: int, now: float, size: int) -> int:
        """Allot `slot` its next sequence."""
        totals, peers = self._meter.total_cells, self._peers
        sequence = self._next_cells[slot]
        cell = slot * RING_PACKETS + (sequence & _MASK)
        if self._state_cells[cell] == _PENDING:
            forgotten = sequence - RING_PACKETS & 0xFFFF
            self._forgotten.append((slot, forgotten, self._sent_at_cells[cell], self._size_cells[cell]))
            totals[LOST * peers + slot] += 1
        self._state_cells[cell] = _PENDING
        self._sent_at_cells[cell] = now
        self._size_cells[cell] = size
        self._next_cells[slot] = sequence + 1
        totals[PACKETS_OUT * peers + slot] += 1
        totals[BYTES_OUT * peers + slot] += size
        return sequence & 0xFFFF

    def acknowledge_each(
        self, slots: NDArray[np.int64], acks: NDArray[np.int64], ack_bits: NDArray[np.uint64], now: float
    ) -> SentPackets:
        """Read one header's acknowledgements of each of `slots`, all different."""
        totals = self._meter.totals
        upcoming = self._next[slots]
        ack = upcoming - 1 - (upcoming - 1 - acks & 0xFFFF)  # unwrapped: the newest such sequence that was sent
        seen = self._ack_seen[slots]
        onward = ack >= seen
        shift = np.clip(ack - seen, 0, ACK_BITS).astype(np.uint64)
        known = np.where(onward, self._bits_seen[slots] << shift & np.uint64(_ALL), np.uint64(0))
        self._ack_seen[slots[onward]] = ack[onward]
        self._bits_seen[slots[onward]] = (ack_bits | known)[onward]

        unread = (ack_bits & ~known).astype("<u4").view(np.uint8).reshape(-1, 4)
        # Column n is bit 31 - n, so that a peer's packets come out in sending order.
        row, column = np.nonzero(np.unpackbits(unread, axis=1, bitorder="little")[:, ::-1])
        bit = ACK_BITS - 1 - column
        sequence = ack[row] - bit
        held = sequence >= upcoming[row] - RING_PACKETS
        row, bit, sequence = row[held], bit[held], sequence[held]
        slot = slots[row]
        cell = slot * RING_PACKETS + (sequence & _MASK)
        state = self._state[cell]
        self._state[cell] = _ARRIVED

        first = (bit == 0) & (state != _ARRIVED)  # only the ack itself is as young as the header: that is an RTT
        self._meter.sample_each(slot[first], now - self._sent_at[cell[first]])
        late = state == _MISSING
        if late.any():
            counts = np.bincount(slot[late], minlength=self._peers)
            totals[LATE] += counts
            totals[ACKED] += counts
            totals[LOST] -= counts
        pending = state == _PENDING
        slot, sequence, cell = slot[pending], sequence[pending], cell[pending]
        totals[ACKED] += np.bincount(slot, minlength=self._peers)
        before = self._acked_top[slot]
        self._acked_top[slot] = sequence  # of several of one peer the last one written stays, and that is the newest
        self._acked_top[slot] = np.maximum(before, self._acked_top[slot])
        return SentPackets(slot, sequence & 0xFFFF, self._sent_at[cell], self._size[cell])

    def acknowledge(self, slot: int, ack: int, ack_bits: int, now: float, fates: list[Fate]) -> None:
        """Read one header's acknowledgements, appending the packets newly delivered to `fates`."""
        totals, peers = self._meter.total_cells, self._peers
        upcoming = self._next_cells[slot]
        ack = upcoming - 1 - (upcoming - 1 - ack & 0xFFFF)
        shift = ack - self._ack_seen_cells[slot]
        unread = ack_bits
        if shift >= 0:
            known = self._bits_seen_cells[slot] << shift & _ALL if shift < ACK_BITS else 0
            self._ack_seen_cells[slot] = ack
            self._bits_seen_cells[slot] = ack_bits | known
            unread &= ~known
        while unread:
            bit = unread.bit_length() - 1  # the oldest first
            unread ^= 1 << bit
            sequence = ack - bit
            if sequence < upcoming - RING_PACKETS:
                continue
            cell = slot * RING_PACKETS + (sequence & _MASK)
            state = self._state_cells[cell]
            if state == _ARRIVED:
                continue
            self._state_cells[cell] = _ARRIVED
            sent_at = self._sent_at_cells[cell]
            if bit == 0:
                self._meter.sample(slot, now - sent_at)
            totals[ACKED * peers + slot] += 1
            if state == _MISSING:
                totals[LATE * peers + slot] += 1
                totals[LOST * peers + slot] -= 1
                continue
            if sequence > self._acked_top_cells[slot]:
                self._acked_top_cells[slot] = sequence
            fates.append((slot, sequence & 0xFFFF, sent_at, self._size_cells[cell]))

    def lost_each(self, now: float) -> SentPackets:
        """Return the packets of all peers that are lost as of `now` and were not told before."""
        forgotten, self._forgotten = self._forgotten, []
        end = self._acked_top  # below it, a packet was overtaken
        np.maximum(self._settled, self._next - RING_PACKETS, out=self._settled)
        slots = np.flatnonzero(self._settled < end)
        if not len(slots):
            return sent_packets(forgotten)
        start, end = self._settled[slots], end[slots]
        sequence = start[:, None] + np.arange(int((end - start).max()))
        cell = slots[:, None] * RING_PACKETS + (sequence & _MASK)
        pending = (sequence < end[:, None]) & (self._state[cell] == _PENDING)
        rtt, deviation = self._meter.rtt[slots], self._meter.rtt_var[slots]
        short = rtt + np.maximum(GRACE_DEVIATIONS * deviation, GRACE_MIN)
        long = rtt + np.maximum(LONG_GRACE_DEVIATIONS * deviation, LONG_GRACE_MIN)
        far = sequence <= (end - REORDER_PACKETS)[:, None]
        overdue = now - self._sent_at[cell] >= np.where(far, short[:, None], long[:, None])
        waiting = pending & ~overdue
        self._settled[slots] = np.where(waiting.any(axis=1), start + waiting.argmax(axis=1), end)
        row, column = np.nonzero(pending & overdue)
        slot, sequence, cell = slots[row], sequence[row, column], cell[row, column]
        self._state[cell] = _MISSING
        self._meter.totals[LOST] += np.bincount(slot, minlength=self._peers)
        return joined(
            [
                sent_packets(forgotten),
                SentPackets(slot, sequence & 0xFFFF, self._sent_at[cell], self._size[cell]),
            ]
        )

    def lost(self, slot: int, now: float) -> list[Fate]:
        """Return the packets of one peer that are lost as of `now` and were not told before."""
        found: list[Fate] = []
        if self._forgotten:
            found = [fate for fate in self._forgotten if fate[0] == slot]
            self._forgotten = [fate for fate in self._forgotten if fate[0] != slot]
        end = self._acked_top_cells[slot]
        start = max(self._settled_cells[slot], self._next_cells[slot] - RING_PACKETS)
        if start >= end:
            return found
        rtt, deviation = float(self._meter.rtt[slot]), float(self._meter.rtt_var[slot])
        short = rtt + max(GRACE_DEVIATIONS * deviation, GRACE_MIN)
        long = rtt + max(LONG_GRACE_DEVIATIONS * deviation, LONG_GRACE_MIN)
        settled = end
        for sequence in range(start, end):
            cell = slot * RING_PACKETS + (sequence & _MASK)
            if self._state_cells[cell] != _PENDING:
                continue
            sent_at = self._sent_at_cells[cell]
            if now - sent_at >= (short if sequence <= end - REORDER_PACKETS else long):
                self._state_cells[cell] = _MISSING
                self._meter.total_cells[LOST * self._peers + slot] += 1
                found.append((slot, sequence & 0xFFFF, sent_at, self._size_cells[cell]))
            else:
                settled = min(settled, sequence)
        self._settled_cells[slot] = settled
        return found


def sent_packets(fates: Sequence[Fate]) -> SentPackets:
    """Return `fates` as columns."""
    slots, sequences, sent_at, sizes = zip(*fates, strict=True) if fates else ((), (), (), ())
    return SentPackets(
        np.array(slots, np.int64), np.array(sequences, np.int64), np.array(sent_at, float), np.array(sizes, np.int64)
    )


def fates_of(packets: SentPackets) -> list[Fate]:
    """Return `packets` one by one."""
    return list(
        zip(
            packets.slots.tolist(),
            packets.sequences.tolist(),
            packets.sent_at.tolist(),
            packets.sizes.tolist(),
            strict=True,
        )
    )


def joined(parts: Sequence[SentPackets]) -> SentPackets:
    """Return `parts`, at least one, as one."""
    if len(parts) == 1:
        return parts[0]
    return SentPackets(
        np.concatenate([part.slots for part in parts]),
        np.concatenate([part.sequences for part in parts]),
        np.concatenate([part.sent_at for part in parts]),
        np.concatenate([part.sizes for part in parts]),
    )
