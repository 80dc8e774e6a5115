"""Fragments: the C library's bytes, any order, duplicates, bounds and expiry."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ProtocolError, UsageError
from engine.link.fragments import (
    EXPIRY,
    PACKET_MAX_BYTES,
    PARTIAL_BYTES_MAX,
    PARTIAL_PACKETS_MAX,
    Reassembler,
    fragment_bytes_within,
    split,
)
from engine.link.header import encode_fragment_header, encode_header

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "reliable_1_0.json").read_text())["fragments"]
PACKETS = [bytes.fromhex(text) for text in VECTORS["packets"]]
BODY = bytes((i * 7) % 256 for i in range(2200))
WHOLE = encode_header(0, 65535, 0) + BODY


def test_fragments_of_the_c_library_both_ways() -> None:
    assert split(WHOLE, 500) == PACKETS
    reassembler = Reassembler()
    assert [reassembler.receive(packet, 0.0) for packet in PACKETS] == [None, None, None, None, WHOLE]
    assert reassembler.held_bytes == 0


@given(
    st.permutations(range(5)),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=4),
)
@settings(deadline=None, max_examples=60)
def test_any_order_and_duplicates(order: list[int], extra: list[tuple[int, int]]) -> None:
    arrivals = list(order)
    for place, number in extra:
        arrivals.insert(place, number)
    reassembler = Reassembler()
    whole = [packet for packet in (reassembler.receive(PACKETS[n], 0.0) for n in [*arrivals, *order]) if packet]
    assert whole == [WHOLE]
    assert reassembler.held_bytes == 0


@given(st.integers(0, 65535), st.integers(0, 3000), st.integers(12, 1186))
@settings(deadline=None, max_examples=60)
def test_every_size_comes_back_and_fits_the_datagram(sequence: int, size: int, fragment_bytes: int) -> None:
    packet = encode_header(sequence, sequence - 300 & 0xFFFF, 0) + bytes(size)
    fragments = split(packet, fragment_bytes)
    assert max(len(fragment) for fragment in fragments) <= fragment_bytes + 14
    reassembler = Reassembler()
    assert [reassembler.receive(fragment, 0.0) for fragment in fragments][-1] == packet


def test_the_first_fragment_fits_the_datagram_with_both_headers() -> None:
    packet = encode_header(1, 1000, 0) + bytes(5000)
    assert max(len(fragment) for fragment in split(packet, fragment_bytes_within(1200))) == 1200


@pytest.mark.parametrize(("size", "fragment_bytes"), [(30_000, 100), (PACKET_MAX_BYTES, 1000), (100, 0), (100, -5)])
def test_what_cannot_be_cut_is_the_callers_error(size: int, fragment_bytes: int) -> None:
    with pytest.raises(UsageError):
        split(encode_header(0, 0, 0) + bytes(size), fragment_bytes)


def fragment(sequence: int, number: int, count: int, part: bytes) -> bytes:
    return encode_fragment_header(sequence, number, count) + part


FIRST = fragment(0, 0, 5, encode_header(0, 65535, 0) + bytes(500))


@pytest.mark.parametrize(
    ("before", "bad", "reason"),
    [
        ([], b"\x01\x00", "bad-fragment"),
        ([], fragment(0, 1, 5, b""), "bad-fragment"),
        ([], fragment(0, 0, 5, b"\x3e\x00"), "bad-header"),
        ([], fragment(0, 0, 5, encode_header(1, 0, 0) + bytes(9)), "fragment-mismatch"),
        ([], fragment(0, 0, 1, b"\x00\x00\x00\x00\x00"), "bad-header"),  # not canonical
        ([FIRST], fragment(0, 1, 4, bytes(500)), "fragment-mismatch"),
        ([FIRST], fragment(0, 1, 5, bytes(499)), "fragment-mismatch"),
        ([FIRST], fragment(0, 4, 5, bytes(501)), "fragment-mismatch"),
        ([fragment(0, 4, 5, bytes(501))], FIRST, "fragment-mismatch"),
        ([], fragment(0, 1, 256, bytes(1000)), "fragment-size"),
        ([], fragment(0, 255, 256, bytes(PACKET_MAX_BYTES + 1)), "fragment-size"),
    ],
)
def test_what_contradicts_itself_is_refused(before: list[bytes], bad: bytes, reason: str) -> None:
    reassembler = Reassembler()
    for good in before:
        assert reassembler.receive(good, 0.0) is None
    held = reassembler.held_bytes
    with pytest.raises(ProtocolError) as caught:
        reassembler.receive(bad, 0.0)
    assert caught.value.reason == reason
    assert reassembler.held_bytes == held


@given(st.lists(st.binary(max_size=40).map(lambda b: b"\x01" + b) | st.sampled_from(PACKETS), max_size=20))
@settings(deadline=None, max_examples=100)
def test_any_bytes_raise_nothing_but_protocol_errors(datagrams: list[bytes]) -> None:
    reassembler = Reassembler()
    for at, datagram in enumerate(datagrams):
        with contextlib.suppress(ProtocolError):
            reassembler.receive(datagram, at * 0.1)
        assert reassembler.held_bytes <= PARTIAL_BYTES_MAX


def test_memory_is_bounded_and_the_oldest_gives_way() -> None:
    reassembler = Reassembler()
    for sequence in range(100):
        for number in range(40):
            reassembler.receive(fragment(sequence, number + 1, 60, bytes(1100)), 0.0)
            assert reassembler.held_bytes <= PARTIAL_BYTES_MAX
    assert reassembler.dropped >= 100 - PARTIAL_PACKETS_MAX
    assert [reassembler.receive(packet, 0.0) for packet in split(encode_header(999, 0, 0) + BODY, 500)][-1]


def test_what_stays_incomplete_expires() -> None:
    reassembler = Reassembler()
    reassembler.receive(PACKETS[0], 1.0)
    reassembler.expire(1.0 + EXPIRY - 0.01)
    assert reassembler.held_bytes == len(PACKETS[0]) - 5
    reassembler.expire(1.0 + EXPIRY)
    assert (reassembler.held_bytes, reassembler.dropped) == (0, 1)
    assert [reassembler.receive(packet, 9.0) for packet in PACKETS][-1] == WHOLE
