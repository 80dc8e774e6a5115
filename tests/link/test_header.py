"""Known answers from the C library for packet and fragment headers, and the canonical form."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ProtocolError, UsageError
from engine.link.header import (
    FRAGMENT_HEADER_BYTES,
    PACKET_HEADER_MAX_BYTES,
    decode_fragment_header,
    decode_header,
    encode_fragment_header,
    encode_header,
    encode_headers,
    is_fragment,
)

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "reliable_1_0.json").read_text())
HEADERS = [(sequence, ack, bits, bytes.fromhex(text)) for sequence, ack, bits, text in VECTORS["headers"]]

sequences = st.integers(0, 0xFFFF)
# Bytes of 0xff and small differences are what the encoding is about; plain random words would hardly ever hit them.
bit_words = st.lists(st.sampled_from([0, 1, 0x7F, 0xFE, 0xFF, 0xFF]), min_size=4, max_size=4).map(
    lambda parts: int.from_bytes(bytes(parts), "little")
)
triples = st.tuples(sequences, st.integers(-300, 300) | sequences, bit_words).map(
    lambda t: (t[0], (t[0] - t[1]) & 0xFFFF, t[2])
)


def test_all_headers_of_the_c_library_both_ways() -> None:
    assert len(HEADERS) == 512
    for sequence, ack, bits, header in HEADERS:
        assert encode_header(sequence, ack, bits) == header
        assert decode_header(header) == (sequence, ack, bits, len(header))
        assert decode_header(header + b"body") == (sequence, ack, bits, len(header))


@pytest.mark.parametrize("count", [0, 1, 7, 99, 100, 512])
def test_a_batch_of_headers_is_the_headers_one_by_one(count: int) -> None:
    rows = HEADERS[:count]
    columns = [np.array([row[column] for row in rows], np.int64) for column in range(3)]
    assert encode_headers(*columns) == [row[3] for row in rows]


@given(triples)
@settings(deadline=None, max_examples=300)
def test_a_header_reads_back_and_is_the_only_form(triple: tuple[int, int, int]) -> None:
    header = encode_header(*triple)
    assert 4 <= len(header) <= PACKET_HEADER_MAX_BYTES
    assert decode_header(header + bytes(3)) == (*triple, len(header))


@given(st.lists(triples, min_size=100, max_size=101))
@settings(deadline=None, max_examples=8)
def test_the_pass_over_arrays_agrees_with_the_loop(rows: list[tuple[int, int, int]]) -> None:
    columns = [np.array(column, np.int64) for column in zip(*rows, strict=True)]
    assert encode_headers(*columns) == [encode_header(*row) for row in rows]


@given(st.binary(max_size=12) | st.builds(lambda p, b: bytes([p]) + b, st.integers(0, 63), st.binary(max_size=10)))
@settings(deadline=None, max_examples=500)
def test_any_bytes_are_refused_or_are_the_canonical_form(datagram: bytes) -> None:
    try:
        sequence, ack, bits, offset = decode_header(datagram)
    except ProtocolError:
        return
    assert encode_header(sequence, ack, bits) == datagram[:offset]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20",
        "200000",  # no ack
        "0000",
        "00000000",  # the long form of ack needs two bytes
        "3e00000000",  # ack bytes missing
        "3e000000000000",
        "22000000ff",  # a byte that is 0xff and sent all the same
        "0000000000",  # ack 0 of packet 0 in the long form
        "00ff000000",  # difference 255 in the long form
        "6000000000",  # bit 6
        "a000000000",  # bit 7
        "2100000000",  # a packet's prefix with the fragment bit
        "0100000000",  # a fragment
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_header(bytes.fromhex(text))
    assert caught.value.reason == "bad-header"


@pytest.mark.parametrize("triple", [(65536, 0, 0), (-1, 0, 0), (0, 65536 + 700, 0), (0, 0, 1 << 32), (0, 0, -1)])
def test_a_header_out_of_range_is_the_callers_error(triple: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError):
        encode_header(*triple)


def test_fragment_headers_of_the_c_library() -> None:
    packets = [bytes.fromhex(text) for text in VECTORS["fragments"]["packets"]]
    for number, packet in enumerate(packets):
        assert is_fragment(packet)
        assert decode_fragment_header(packet) == (0, number, len(packets))
        assert encode_fragment_header(0, number, len(packets)) == packet[:FRAGMENT_HEADER_BYTES]
    assert all(not is_fragment(header) for *_, header in HEADERS)
    assert not is_fragment(b"")


@given(st.binary(max_size=8))
@settings(deadline=None, max_examples=200)
def test_any_bytes_are_refused_or_are_a_fragment_header(datagram: bytes) -> None:
    try:
        fields = decode_fragment_header(datagram)
    except ProtocolError:
        return
    assert encode_fragment_header(*fields) == datagram[:FRAGMENT_HEADER_BYTES]


@pytest.mark.parametrize("fields", [(0, 1, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257), (65536, 0, 1)])
def test_a_fragment_out_of_range_is_the_callers_error(fields: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError):
        encode_fragment_header(*fields)


def test_the_header_grows_with_what_it_has_to_say() -> None:
    sizes = [len(encode_header(9, 8, bits)) for bits in (0xFFFFFFFF, 0xFFFFFFFE, 0xFFFF0000, 0x00FFFFFF, 0)]
    assert sizes == [4, 5, 6, 5, 8]
    assert all(a <= b for a, b in pairwise([sizes[0], sizes[1], sizes[2], sizes[4]]))
