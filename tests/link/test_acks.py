"""Acknowledgements: the C library's traces, the passes over arrays against a plain loop, and the fate of packets."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.link.acks import AckTable, SentPackets
from engine.link.header import encode_header

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "reliable_1_0.json").read_text())

Fate = tuple[int, int, float, int]


def columns(rows: list[tuple[int, int, int, int, int]]) -> list[np.ndarray]:
    """Return slots, sequences, acks, ack_bits, sizes of `rows` as arrays."""
    return [np.array([row[n] for row in rows], np.int64) for n in range(5)]


def receive(table: AckTable, rows: list[tuple[int, int, int, int, int]], now: float) -> tuple[list[bool], list[Fate]]:
    slots, sequences, acks, bits, sizes = columns(rows)
    received = table.receive(slots, sequences, acks, bits.astype(np.uint64), now, sizes)
    return received.fresh.tolist(), fates(received.acked)


def fates(told: SentPackets) -> list[Fate]:
    columns = (told.slots, told.sequences, told.sent_at, told.sizes)
    return list(zip(*(column.tolist() for column in columns), strict=True))


class PlainAcks:
    """One peer's acknowledgements as plainly as they can be said: the oracle of both ways of `AckTable`."""

    def __init__(self) -> None:
        self.sent: list[list[object]] = []  # [sent_at, size, state]
        self.received: set[int] = set()
        self.top = 65535
        self.told_top = -1
        self.samples: list[float] = []
        self.forgotten: list[tuple[int, float, int]] = []

    def send(self, now: float, size: int) -> tuple[int, int, int]:
        number = len(self.sent)
        if number >= 256 and self.sent[number - 256][2] == "pending":
            self.sent[number - 256][2] = "lost"
            self.forgotten.append(((number - 256) & 0xFFFF, *self.sent[number - 256][:2]))  # type: ignore[arg-type]
        self.sent.append([now, size, "pending"])
        bits = sum(1 << n for n in range(32) if self.top - n in self.received)
        return number & 0xFFFF, self.top & 0xFFFF, bits

    def receive(self, sequence: int, ack: int, bits: int, now: float) -> tuple[bool, list[tuple[int, float, int]]]:
        ahead = (sequence - self.top) & 0xFFFF
        ahead = ahead - 65536 if ahead >= 32768 else ahead
        number = self.top + ahead
        if ahead <= -256 or number in self.received:
            return False, []
        self.received.add(number)
        self.top = max(self.top, number)
        acked = []
        last = len(self.sent) - 1
        newest = last - (last - ack) % 65536  # the newest packet sent, or before all of them, with these 16 bits
        for n in reversed(range(32)):
            packet = newest - n
            if bits >> n & 1 and 0 <= packet <= last and packet > last - 256:
                sent_at, size, state = self.sent[packet]
                if state == "acked":
                    continue
                if n == 0:
                    self.samples.append(now - sent_at)
                if state == "pending":
                    acked.append((packet & 0xFFFF, sent_at, size))
                    self.told_top = max(self.told_top, packet)
                self.sent[packet][2] = "acked"
        return True, acked

    def lost(self, now: float) -> list[tuple[int, float, int]]:
        gone, self.forgotten = self.forgotten, []
        rtt, deviation = self.estimate()
        for packet in range(max(0, len(self.sent) - 256), self.told_top):
            sent_at, size, state = self.sent[packet]
            far = self.told_top - packet >= 3
            grace = max(2 * deviation, 0.010) if far else max(4 * deviation, 0.025)
            if state == "pending" and now - sent_at >= rtt + grace:
                self.sent[packet][2] = "lost"
                gone.append((packet & 0xFFFF, sent_at, size))
        return gone

    def estimate(self) -> tuple[float, float]:
        rtt = deviation = float("nan")
        for sample in self.samples:
            if rtt != rtt:
                rtt, deviation = sample, sample / 2
            else:
                deviation += (abs(rtt - sample) - deviation) / 4
                rtt += (sample - rtt) / 8
        return rtt, deviation


@pytest.mark.parametrize("trace", VECTORS["ack_traces"], ids=["from zero", "across the wrap"])
def test_ack_traces_of_the_c_library(trace: list[list[object]]) -> None:
    one, many = AckTable(1), AckTable(3)
    batch: list[tuple[int, int, int, int, int]] = []
    for kind, value in trace:
        if kind == "recv":
            one.receive_one(0, value, 65535, 0, 0.0, 100)
            batch.append((1, value, 65535, 0, 100))
        else:
            receive(many, batch, 0.0)
            batch.clear()
            assert encode_header(*one.send_one(0, 0.0, 100)).hex() == value
            header = many.send(np.array([1]), 0.0, np.array([100]))
            assert encode_header(*(int(field[0]) for field in header)).hex() == value


PEERS = 3
steps = st.lists(
    st.tuples(
        st.sampled_from(["send", "recv", "recv", "recv", "lost", "wait"]),
        st.integers(0, PEERS - 1),
        st.integers(-40, 40) | st.sampled_from([-257, -256, -255, 255, 300, 32767]),  # sequence from the newest
        st.integers(-2, 40) | st.just(70000),  # ack behind the last one sent
        st.sampled_from([0, 1, 0xFFFFFFFF, 0xA5A5A5A5, 0x80000001]) | st.integers(0, 0xFFFFFFFF),
    ),
    min_size=1,
    max_size=80,
)


@given(steps, st.sampled_from([0, 5, 250, 300]), st.integers(0, 2))
@settings(deadline=None, max_examples=80)
@example([("recv", 0, 1, 0, 1), ("recv", 0, 1, 0, 1), ("send", 0, 0, 0, 0), ("recv", 0, 1, 0, 1)] * 3, 65534, 0)
@example([("send", 0, 0, 0, 0), ("wait", 0, 0, 0, 0), ("recv", 0, 2, 0, 0xFF), ("lost", 0, 0, 0, 0)] * 9, 65530, 0)
def test_arrays_and_single_packets_agree_with_a_plain_loop(
    script: list[tuple[str, int, int, int, int]], already: int, loop_max: int
) -> None:
    """Peer 0 sent and received `already` packets before (near 65536, so that the 16 bits wrap).

    Packets that arrive without a send or a wait between them go into one batch. Up to `loop_max` of them are taken by
    the loop, at 0 all by the passes over arrays.
    """
    table, single = AckTable(PEERS, loop_max=loop_max), AckTable(PEERS)
    plain = [PlainAcks() for _ in range(PEERS)]
    for slot in range(PEERS):
        before = already if slot == 0 else 0
        heard = _age(table, slot, before)
        _age(single, slot, before)
        plain[slot].sent = [[0.0, 1, "acked"] for _ in range(before)]
        plain[slot].told_top = before - 1
        plain[slot].top = max(65536 + number for number in [-1, *heard])
        plain[slot].received = {65536 + number for number in heard}
        plain[slot].samples = [0.05] * len(heard)
    now = 1.0
    batch: list[tuple[int, int, int, int, int]] = []
    expected: list[tuple[bool, list[Fate]]] = []

    def flush() -> None:
        if not batch:
            return
        fresh, acked = receive(table, batch, now)
        assert fresh == [outcome[0] for outcome in expected]
        want = [fate for outcome in expected for fate in outcome[1]]
        assert _by_slot(acked) == _by_slot(want)
        batch.clear()
        expected.clear()

    for kind, slot, offset, behind, bits in script:
        if kind == "recv":
            sequence = (plain[slot].top + offset) & 0xFFFF
            ack = (len(plain[slot].sent) - 1 - behind) & 0xFFFF
            fresh, acked = plain[slot].receive(sequence, ack, bits, now)
            assert single.receive_one(slot, sequence, ack, bits, now, 7) == (fresh, [(slot, *fate) for fate in acked])
            batch.append((slot, sequence, ack, bits, 7))
            expected.append((fresh, [(slot, *fate) for fate in acked]))
            continue
        flush()
        if kind == "send":
            header = plain[slot].send(now, offset)
            assert single.send_one(slot, now, offset) == header
            sent = table.send(np.array([slot]), now, np.array([offset]))
            assert tuple(int(field[0]) for field in sent) == header
        elif kind == "lost":
            want = {peer: plain[peer].lost(now) for peer in range(PEERS)}
            assert _by_slot(fates(table.lost(now))) == {
                peer: [(peer, *fate) for fate in gone] for peer, gone in want.items() if gone
            }
            for peer in range(PEERS):
                assert single.lost_one(peer, now) == [(peer, *fate) for fate in want[peer]]
        else:
            now += 0.03
    flush()
    for slot in range(PEERS):
        rtt, deviation = plain[slot].estimate()
        ours, other = table.stats(slot, now), single.stats(slot, now)
        assert ours == other
        if rtt == rtt:
            assert ours.rtt == pytest.approx(rtt)
            assert ours.rtt_var == pytest.approx(deviation)
        else:
            assert ours.rtt is None


def _age(table: AckTable, slot: int, packets: int) -> list[int]:
    """Send `packets`, all acknowledged after 50 ms by a header per 32 packets; returns the numbers of those headers."""
    heard = []
    for number in range(packets):
        table.send_one(slot, 0.0, 1)
        if number % 32 == 31 or number == packets - 1:
            table.receive_one(slot, number & 0xFFFF, number & 0xFFFF, 0xFFFFFFFF, 0.05, 1)
            heard.append(number)
    return heard


def _by_slot(told: list[Fate]) -> dict[int, list[Fate]]:
    sorted_out = defaultdict(list)
    for fate in told:
        sorted_out[fate[0]].append(fate)
    return dict(sorted_out)


def test_a_flood_of_one_peer_within_a_large_batch_is_taken_in_order() -> None:
    """60 peers send one packet, one of them 50 more: the first passes take arrays, the rest is left to the loop."""
    table, plain = AckTable(60), PlainAcks()
    rows = [(slot, 0, 65535, 0, 10) for slot in range(60)]
    rows += [(7, sequence % 45, 65535, 0, 10) for sequence in range(50)]
    fresh, _ = receive(table, rows, 0.0)
    want = [plain.receive(sequence, 65535, 0, 0.0)[0] for slot, sequence, *_ in rows if slot == 7]
    assert [told for told, row in zip(fresh, rows, strict=True) if row[0] == 7] == want
    assert table.stats(7, 0.0).packets_in == 45
    assert table.stats(7, 0.0).packets_duplicate == 6


def test_the_window_of_received_packets() -> None:
    """255 behind the newest is taken, 256 behind is stale: its cell of the ring is the newest one's."""
    table = AckTable(1)
    outcomes = [table.receive_one(0, sequence, 65535, 0, 0.0, 1)[0] for sequence in (300, 45, 44, 45, 300)]
    assert outcomes == [True, True, False, False, False]
    stats = table.stats(0, 0.0)
    assert (stats.packets_stale, stats.packets_duplicate) == (1, 2)


def _exchange(table: AckTable, slot: int, numbers: list[int], sent_every: float, rtt: float) -> list[Fate]:
    """Send packets 0..n at a steady rate, then let those in `numbers` be acknowledged in turn; returns what is told."""
    for number in range(max(numbers) + 1):
        table.send_one(slot, number * sent_every, 100)
    told = []
    for arrival, number in enumerate(numbers):
        told += table.receive_one(slot, arrival, number, 1, number * sent_every + rtt, 50)[1]
    return told


def test_a_packet_is_lost_when_one_three_later_arrived_and_its_time_is_up() -> None:
    table = AckTable(1)
    told = _exchange(table, 0, [0, 1, 3, 4], sent_every=0.001, rtt=0.100)
    assert [fate[1] for fate in told] == [0, 1, 3, 4]
    # Packet 4 is two ahead of packet 2. The RTT is 100 ms, its deviation has fallen from 50 ms to 50 * 0.75**3 = 21 ms,
    # and the long grace is four of them.
    assert table.lost_one(0, 0.186) == []
    table.send_one(0, 0.005, 100)
    table.receive_one(0, 4, 5, 1, 0.105, 50)
    # Now packet 5 is three ahead, and the grace is two deviations of 50 * 0.75**4 = 15.8 ms: it ends 131.6 ms after
    # packet 2 left at 2 ms.
    assert table.lost_one(0, 0.133) == []
    assert table.lost_one(0, 0.134) == [(0, 2, 0.002, 100)]
    assert table.lost_one(0, 9.0) == []
    assert table.stats(0, 0.2).packets_lost == 1
    # Its ack comes after all: counted, and not told a second time.
    assert table.receive_one(0, 5, 2, 1, 0.140, 50) == (True, [])
    stats = table.stats(0, 0.2)
    assert (stats.packets_late, stats.packets_lost, stats.packets_acked) == (1, 0, 6)


def test_a_packet_that_few_have_overtaken_is_lost_after_a_longer_grace() -> None:
    """Twenty packets a second: the next one's ack comes 50 ms after the lost one's was due."""
    table = AckTable(1)
    numbers = [*range(20), 21]
    _exchange(table, 0, numbers, sent_every=0.05, rtt=0.100)
    # After 21 samples the deviation is next to nothing, so the grace is its least, 25 ms.
    assert table.lost_one(0, 20 * 0.05 + 0.124) == []
    assert table.lost_one(0, 20 * 0.05 + 0.126) == [(0, 20, 1.0, 100)]


def test_a_packet_that_leaves_the_window_is_lost() -> None:
    table = AckTable(2)
    for number in range(257):
        table.send_one(1, number * 0.01, 100)
    assert fates(table.lost(3.0)) == [(1, 0, 0.0, 100)]
    table.send(np.array([0, 1]), 3.0, np.array([1, 2]))
    assert table.lost_one(0, 3.0) == []
    assert table.lost_one(1, 3.0) == [(1, 1, 0.01, 100)]


def test_an_ack_of_what_was_never_sent_acknowledges_nothing() -> None:
    table = AckTable(1)
    table.send_one(0, 0.0, 100)
    assert table.receive_one(0, 0, 1, 0xFFFFFFFF, 0.1, 10) == (True, [])
    assert table.receive_one(0, 1, 30000, 0xFFFFFFFF, 0.1, 10) == (True, [])
    assert table.receive_one(0, 2, 0, 1, 0.1, 10) == (True, [(0, 0, 0.0, 100)])


def test_a_slot_begins_anew() -> None:
    table = AckTable(2)
    _exchange(table, 1, [0, 1, 2, 9], sent_every=0.01, rtt=0.05)
    table.reset(1, 1.0)
    fresh = AckTable(2)
    fresh.reset(1, 1.0)
    assert table.stats(1, 1.0) == fresh.stats(1, 1.0)
    assert table.lost_one(1, 5.0) == []
    assert table.send_one(1, 1.0, 5) == (0, 65535, 0)
    assert table.receive_one(1, 0, 65535, 0, 1.0, 5) == (True, [])


def test_one_packet_per_peer_and_send() -> None:
    with pytest.raises(UsageError, match="3 packets of 2 peers"):
        AckTable(4).send(np.array([1, 2, 1]), 0.0, np.array([9, 9, 9]))
    with pytest.raises(UsageError):
        AckTable(0)


def test_the_figures_of_a_path() -> None:
    """60 packets a second of 100 bytes each way at 80 ms, one in ten lost each way, for 20 s."""
    table = AckTable(1)
    mine: dict[int, float] = {}
    for tick in range(1200):
        now = tick / 60
        sequence, _, _ = table.send_one(0, now, 100)
        mine[sequence] = now
        heard = tick - 5  # 83 ms ago
        if tick % 10 and heard >= 0:
            bits = sum(1 << n for n in range(32) if heard - n >= 0 and (heard - n) % 10 != 3)
            table.receive_one(0, tick & 0xFFFF, heard, bits, now, 200)
        table.lost_one(0, now)
    stats = table.stats(0, 20.0)
    assert stats.rtt == pytest.approx(5 / 60, abs=1e-3)
    assert stats.rtt_min == pytest.approx(5 / 60)
    assert stats.jitter == pytest.approx(0.0, abs=1e-3)
    assert stats.loss_in == pytest.approx(0.1, abs=0.01)
    assert stats.loss_out == pytest.approx(0.1, abs=0.01)
    assert stats.out_kbit_s == pytest.approx(60 * 100 * 0.008, rel=0.05)
    assert stats.in_kbit_s == pytest.approx(54 * 200 * 0.008, rel=0.05)
    assert stats.packets_out == 1200
    # Ten silent seconds later nothing recent is left, and the totals stay.
    later = table.stats(0, 31.0)
    assert (later.loss_in, later.out_kbit_s, later.rtt_min, later.packets_out) == (0.0, 0.0, None, 1200)
    assert later.rtt == stats.rtt
