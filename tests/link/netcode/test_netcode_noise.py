"""The kernel's filter, run by a plain interpreter of classic BPF: what a server would look at passes, junk does not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ProtocolError
from engine.link.netcode.noise import server_filter
from engine.link.netcode.packet import (
    PacketKey,
    Request,
    allow,
    decode_request,
    encode_request,
    packet_associated_data,
)
from engine.link.netcode.replay import ReplayWindow

PROGRAM = server_filter()
KEY = PacketKey(bytes(32), packet_associated_data(7))
BODIES = {3: 308, 4: 8, 6: 0}


def passes(datagram: bytes) -> bool:
    """Run the program as the kernel does; a read beyond the end drops."""
    packet, at, a, x = bytes(8) + datagram, 0, 0, 0
    while True:
        code, then, otherwise, k = PROGRAM[at]
        at += 1
        match code:
            case 0x80:
                a = len(packet)
            case 0x30 | 0x20:
                size = 1 if code == 0x30 else 4
                if k + size > len(packet):
                    return False
                a = int.from_bytes(packet[k : k + size], "big")
            case 0x54:
                a &= k
            case 0x74:
                a >>= k
            case 0x1C:
                a = (a - x) % 2**32
            case 0x07:
                x = a
            case 0x15 | 0x25 | 0x35:
                at += then if (a == k if code == 0x15 else a > k if code == 0x25 else a >= k) else otherwise
            case 0x06:
                return k > 0
            case _:
                raise AssertionError(f"instruction {code:#x}")


@pytest.mark.parametrize("sequence", [0, 255, 256, 2**16, 2**24, 2**32, 2**40, 2**48, 2**56, 2**64 - 1])
@pytest.mark.parametrize(("kind", "size"), [*BODIES.items(), (5, 1), (5, 100), (5, 1200)])
def test_what_players_send_passes(kind: int, size: int, sequence: int) -> None:
    sealed = KEY.seal(kind, sequence, bytes(size))
    assert passes(sealed)
    assert not passes(sealed[:17])
    if kind != 5:
        assert not passes(sealed[:-1])
        assert not passes(sealed + b"x")


def test_payloads_of_no_or_too_many_bytes_do_not() -> None:
    assert not passes(b"\x15" + bytes(1 + 16))
    assert not passes(b"\x15" + bytes(1 + 1201 + 16))
    assert not passes(b"")


def test_requests_pass_and_what_only_looks_like_one_does_not() -> None:
    request = encode_request(Request(7, 9, bytes(24), bytes(1024)))
    assert passes(request)
    assert not passes(request[:-1])
    assert not passes(request + b"x")
    for at in range(1, 14):
        assert not passes(request[:at] + bytes([request[at] ^ 1]) + request[at + 1 :]), at
    assert passes(request[:14] + b"\xff" * 8 + request[22:]), "another game's: the server counts those"


@pytest.mark.parametrize("kind", [0, 1, 2, 7, 8, 15])
def test_types_that_no_client_sends_do_not_pass(kind: int) -> None:
    for size in (1, 8, 308):
        assert not passes(bytes([1 << 4 | kind]) + bytes(1 + size + 16))


@given(st.binary(max_size=40) | st.binary(min_size=320, max_size=345) | st.integers(0, 2**32).map(
    lambda seed: random.Random(seed).randbytes(random.Random(seed).choice((26, 33, 40, 333, 1078, 1225, 1226)))
))  # fmt: skip
@settings(deadline=None, max_examples=300)
def test_nothing_is_dropped_that_would_be_looked_at(datagram: bytes) -> None:
    """What the filter drops fails by its form, whatever it was sealed with."""
    if passes(datagram):
        return
    if datagram[:1] == b"\x00":
        with pytest.raises(ProtocolError, match=r"bad-request|bad-version"):
            decode_request(datagram)
        return
    with pytest.raises(ProtocolError) as caught:
        KEY.open(datagram, allow(3, 4, 5, 6), ReplayWindow())
    assert caught.value.reason in ("short", "long", "bad-sequence", "type-not-allowed", "bad-body", "bad-seal")


def test_most_of_a_dumb_flood_is_dropped() -> None:
    chance = random.Random(1)
    passed = sum(passes(chance.randbytes(chance.randrange(300))) for _ in range(10_000))
    assert passed < 400
