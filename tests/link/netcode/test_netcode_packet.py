"""Packets: the order of the tests when opening, the sizes of bodies, and that no bytes break a reader.

What the bytes are is held by test_netcode_vectors.py.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ProtocolError
from engine.link.netcode.packet import (
    CHALLENGE,
    DENIED,
    DISCONNECT,
    KEEP_ALIVE,
    PAYLOAD,
    REQUEST,
    RESPONSE,
    PacketKey,
    Request,
    allow,
    decode_request,
    encode_request,
    packet_associated_data,
)
from engine.link.netcode.replay import ReplayWindow

ALL = allow(DENIED, CHALLENGE, RESPONSE, KEEP_ALIVE, PAYLOAD, DISCONNECT)
KEY = PacketKey(bytes(range(32)), packet_associated_data(7))
SIZES = {DENIED: [0], CHALLENGE: [308], RESPONSE: [308], KEEP_ALIVE: [8], PAYLOAD: [1, 1200], DISCONNECT: [0]}


def refused(packet: bytes, allowed: int = ALL, window: ReplayWindow | None = None) -> str:
    with pytest.raises(ProtocolError) as error:
        KEY.open(packet, allowed, window or ReplayWindow())
    return error.value.reason


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(sorted(SIZES)), st.integers(0, 2**64 - 1), st.data())
def test_what_is_sealed_opens(kind, sequence, data):
    size = data.draw(st.integers(SIZES[kind][0], SIZES[kind][-1]))
    body = data.draw(st.binary(min_size=size, max_size=size))
    packet = KEY.seal(kind, sequence, body)
    sequence_bytes = max(1, (sequence.bit_length() + 7) // 8)
    assert len(packet) == 1 + sequence_bytes + size + 16
    assert packet[0] == sequence_bytes << 4 | kind
    assert KEY.open(packet, ALL, ReplayWindow()) == (kind, sequence, body)


@pytest.mark.parametrize("kind", sorted(SIZES))
def test_a_body_of_another_size_is_refused_though_it_opens(kind):
    for size in (SIZES[kind][0] - 1, SIZES[kind][-1] + 1):
        if 0 <= size <= 1200:
            assert refused(KEY.seal(kind, 0, bytes(size))) == "bad-body"


def test_the_tests_come_in_their_order():
    window = ReplayWindow()
    window.advance(5)
    assert refused(b"") == "short"
    assert refused(bytes(17)) == "short"
    assert refused(b"\x17" + bytes(17)) == "type-not-allowed"  # type 7
    assert refused(b"\x10" + bytes(17)) == "type-not-allowed"  # a request is never sealed
    assert refused(b"\x15" + bytes(17), allow(KEEP_ALIVE)) == "type-not-allowed"
    assert refused(b"\x05" + bytes(17)) == "bad-sequence"  # no sequence bytes
    assert refused(b"\x95" + bytes(17)) == "bad-sequence"  # nine
    assert refused(b"\x85" + bytes(17)) == "short"  # eight, and no room for the tag
    assert refused(b"\x15" + bytes(1218)) == "long"
    assert refused(b"\x15\x05" + bytes(17), window=window) == "replayed"  # junk, but the window is asked first
    assert refused(b"\x15\x06" + bytes(17), window=window) == "bad-seal"


def test_a_forgery_does_not_move_the_window_and_a_bad_body_does():
    window = ReplayWindow()
    assert refused(b"\x25\x00\xff" + bytes(17), window=window) == "bad-seal"
    KEY.open(KEY.seal(PAYLOAD, 1, b"x"), ALL, window)
    assert refused(KEY.seal(KEEP_ALIVE, 1000, b"x"), window=window) == "bad-body"
    assert refused(KEY.seal(PAYLOAD, 744, b"x"), window=window) == "replayed"


@pytest.mark.parametrize("kind", [DENIED, CHALLENGE, RESPONSE])
def test_the_handshake_does_not_pass_the_window(kind):
    window = ReplayWindow()
    packet = KEY.seal(kind, 0, bytes(SIZES[kind][0]))
    for _ in range(2):
        KEY.open(packet, ALL, window)
    assert not window.refuses(0)


def test_the_seal_covers_protocol_type_sequence_and_body():
    packet = KEY.seal(PAYLOAD, 300, b"hello")
    for at in range(len(packet)):
        flipped = bytearray(packet)
        flipped[at] ^= 1
        with pytest.raises(ProtocolError):
            KEY.open(bytes(flipped), ALL, ReplayWindow())
    other_protocol = PacketKey(bytes(range(32)), packet_associated_data(8))
    with pytest.raises(ProtocolError, match="bad-seal"):
        other_protocol.open(packet, ALL, ReplayWindow())


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=1300), st.integers(0, 127))
def test_any_bytes_are_refused_by_a_protocol_error(packet, allowed):
    with pytest.raises(ProtocolError):
        KEY.open(packet, allowed & ~1, ReplayWindow())


def test_a_request_is_read_as_written_and_names_its_token_by_the_tag():
    request = Request(7, 99, bytes(range(24)), bytes(1008) + bytes(range(16)))
    packet = encode_request(request)
    assert len(packet) == 1078
    assert packet[0] == REQUEST
    assert decode_request(packet) == request
    assert request.token_tag == bytes(range(16))


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (bytes(1077), "bad-request"),
        (bytes(1079), "bad-request"),
        (b"\x01NETCODE 1.02\x00" + bytes(1064), "type-not-allowed"),
        (b"\x00NETCODE 1.01\x00" + bytes(1064), "bad-version"),
    ],
)
def test_what_is_no_request(packet, reason):
    with pytest.raises(ProtocolError) as error:
        decode_request(packet)
    assert error.value.reason == reason
