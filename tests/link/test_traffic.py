"""Traffic: what rides along, what needs packets of its own, and how the budget bounds those."""

from __future__ import annotations

import msgpack
import numpy as np
import pytest

from engine.errors import ProtocolError
from engine.link.channels import Channel, ChannelTable, Kind
from engine.link.header import decode_header, encode_fragment_header, encode_header, is_fragment
from engine.link.paths import Paths
from engine.link.traffic import Traffic

TABLE = ChannelTable(
    (
        Channel("map", Kind.RELIABLE_ORDERED, max_message_bytes=262144),
        Channel("picture", Kind.UNRELIABLE, max_message_bytes=65536),
    )
)
KIND = 3
PACKETS_MAX = 4


class End:
    """One end with its paths; `packets` are what a tick sends: the main packet with `used` bytes in it, and more."""

    def __init__(self, paced: bool = True) -> None:
        self.paths = Paths(1, paced=paced)
        self.paths.reset(0, 0.0)
        self.traffic = Traffic(self.paths, 0, TABLE, KIND, PACKETS_MAX)
        self.got: list[tuple[int, bytes]] = []

    def tick(self, now: float, used: int = 200) -> list[bytes]:
        self.paths.update(now)
        block = self.traffic.block(used, now)
        assert used + len(block) <= self.paths.body_bytes(0)
        header = self.paths.acks.send_one(0, now, 9 + used + len(block))
        self.paths.sent(0, 9 + used + len(block))
        return [encode_header(*header) + block, *self.traffic.packets(now)]

    def receive(self, datagrams: list[bytes], now: float) -> None:
        for datagram in datagrams:
            packet = self.traffic.whole(datagram, now)
            if packet is None:
                continue
            sequence, ack, bits, at = decode_header(packet)
            fresh, acked = self.paths.receive_one(0, sequence, ack, bits, now, len(packet))
            for fate in acked:
                self.traffic.channels.on_acked(fate[1])
            if fresh and len(packet) > at:
                assert packet[at] == KIND
                self.got += self.traffic.channels.unpack(msgpack.unpackb(packet[at + 1 :]), now)


def exchange(one: End, two: End, seconds: float, begin: float = 0.0) -> list[list[bytes]]:
    """Let both send for a while over a path without delay; return what `one` sent, tick by tick."""
    sent = []
    for number in range(round(seconds * 60)):
        now = begin + number / 60
        sent.append(one.tick(now))
        two.receive(sent[-1], now)
        one.receive(two.tick(now), now)
    return sent


def test_small_messages_need_no_packet_of_their_own() -> None:
    one, two = End(), End()
    for number in range(8):
        one.traffic.channels.send("map", bytes([number]) * 50)
    sent = exchange(one, two, 0.2)
    assert all(len(packets) == 1 for packets in sent)
    assert [message[0] for _, message in two.got] == list(range(8))
    assert not one.traffic.pending


def test_a_large_reliable_message_takes_further_packets_as_far_as_the_budget_goes() -> None:
    one, two = End(), End()
    data = np.random.default_rng(1).bytes(200_000)
    one.traffic.channels.send("map", data)
    sent = exchange(one, two, 4.0)
    assert two.got == [(0, data)]
    assert max(map(len, sent)) == 1 + PACKETS_MAX
    assert all(len(packet) <= 1200 for packets in sent for packet in packets)
    # 12 kB/s of bare packets go in any case; what is in the bucket at first and 64 kB/s are for all.
    first = sum(len(packet) for packets in sent[:60] for packet in packets)
    assert first < 16_000 + 64_000 * 1.1
    assert not one.traffic.pending


def test_without_a_budget_it_goes_as_fast_as_packets_may() -> None:
    one, two = End(paced=False), End()
    one.traffic.channels.send("map", bytes(200_000))
    sent = exchange(one, two, 1.0)
    assert [len(message) for _, message in two.got] == [200_000]
    assert [len(packets) for packets in sent[:30]] == [1 + PACKETS_MAX] * 30


def test_a_large_unreliable_message_goes_as_fragments_one_after_the_other() -> None:
    one, two = End(), End()
    pictures = [np.random.default_rng(number).bytes(size) for number, size in enumerate((9000, 1500, 60_000))]
    for picture in pictures:
        one.traffic.channels.send("picture", picture)
    sent = exchange(one, two, 2.0)
    assert [message for _, message in two.got] == pictures
    fragments = [packet for packets in sent for packet in packets if is_fragment(packet)]
    assert all(len(packet) <= 1200 for packet in fragments)
    assert len(fragments) == 8 + 2 + 51
    assert max(map(len, sent)) == 1 + PACKETS_MAX
    assert not one.traffic.pending


def test_fragments_follow_the_packet_size_of_the_path() -> None:
    one, two = End(), End()
    one.paths.sizes.limit[0] = 508
    one.traffic.channels.send("picture", bytes(2000))
    one.traffic.channels.send("map", bytes(2000))
    sent = exchange(one, two, 1.0)
    assert {len(message) for _, message in two.got} == {2000}
    assert len(two.got) == 2
    assert max(len(packet) for packets in sent for packet in packets) <= 508


def test_one_that_fits_a_packet_but_not_this_one_goes_in_the_next() -> None:
    one, two = End(), End()
    one.traffic.channels.send("picture", bytes(1100))
    packets = one.tick(0.0, used=600)
    assert [is_fragment(packet) for packet in packets] == [False, False]
    two.receive(packets[1:], 0.0)
    assert [len(message) for _, message in two.got] == [1100]


def test_fragments_that_were_begun_go_before_slices() -> None:
    one = End()
    one.traffic.channels.send("picture", bytes(30_000))
    begun = one.tick(0.0)
    assert sum(map(is_fragment, begun)) == PACKETS_MAX
    one.traffic.channels.send("map", bytes(100_000))
    later = one.tick(1.0)
    assert [is_fragment(packet) for packet in later] == [False] + [True] * PACKETS_MAX


@pytest.mark.parametrize(
    ("fragments", "reason"),
    [
        ([b"\x01\x05\x00\x00"], "bad-fragment"),
        ([encode_fragment_header(5, 1, 3)], "bad-fragment"),
        ([encode_fragment_header(5, 1, 3) + bytes(9), encode_fragment_header(5, 1, 4) + bytes(9)], "fragment-mismatch"),
        ([encode_fragment_header(5, 1, 256) + bytes(1190)], "fragment-size"),
        ([encode_fragment_header(5, 0, 2) + bytes(40)], "bad-header"),
    ],
)
def test_bad_fragments_are_refused_by_name(fragments: list[bytes], reason: str) -> None:
    end = End()
    for fragment in fragments[:-1]:
        assert end.traffic.whole(fragment, 0.0) is None
    with pytest.raises(ProtocolError) as refused:
        end.traffic.whole(fragments[-1], 0.0)
    assert refused.value.reason == reason


def test_what_is_not_completed_is_let_go() -> None:
    end = End()
    for sequence in range(100):
        assert end.traffic.whole(encode_fragment_header(sequence, 1, 40) + bytes(1000), 0.0) is None
    assert not end.traffic.expire(1.0)
    assert not end.traffic.expire(10.0)
    assert end.traffic.whole(encode_fragment_header(7, 0, 1) + encode_bare(7), 10.0) == encode_bare(7)


def encode_bare(sequence: int) -> bytes:
    return encode_header(sequence, 0xFFFF, 0)
