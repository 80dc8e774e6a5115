"""What is fuzzed of netcode: everything that reads bytes gives a value or ProtocolError, and nothing else.

Plain functions that take bytes and return what became of them (`outcomes`). `fuzz.py` runs them under a
coverage-guided fuzzer, `plain.py` without one, and tests/link/netcode/test_netcode_fuzz_targets.py with Hypothesis's
inputs. Seals stop a fuzzer at once, so the targets behind one seal what they were given with keys they know: that is
what a modified client can send.
"""

from __future__ import annotations

import random

from outcomes import VALUE, Outcome, Target, taken

from engine.address import Address
from engine.errors import ProtocolError
from engine.link.netcode import NetcodeClient, NetcodeServer, mint_connect_token, read_connect_token
from engine.link.netcode.gate import source_prefix
from engine.link.netcode.packet import (
    CHALLENGE_BYTES,
    PacketKey,
    Request,
    allow,
    decode_request,
    encode_request,
    packet_associated_data,
)
from engine.link.netcode.replay import ReplayWindow
from engine.link.netcode.token import (
    VERSION,
    encode_connect_token,
    open_private_token,
    seal_private_token,
)
from engine.link.netcode.xchacha import seal_xchacha

SERVER: Address = ("203.0.113.7", 40000)
HOME: Address = ("198.51.100.1", 5000)
KEY = bytes(range(32))
UNIX = 1_700_000_000
PROTOCOL_ID = 7
TOKEN = mint_connect_token(
    protocol_id=PROTOCOL_ID,
    private_key=KEY,
    client_id=1,
    addresses=[SERVER],
    create_time=UNIX,
    entropy=random.Random(1).randbytes,
)
PUBLIC = read_connect_token(TOKEN)
ASSOCIATED = packet_associated_data(PROTOCOL_ID)
CLIENT_KEY = PacketKey(PUBLIC.client_to_server_key, ASSOCIATED)
SERVER_KEY = PacketKey(PUBLIC.server_to_client_key, ASSOCIATED)
SEALED = [CLIENT_KEY.seal(5, 7, b"payload"), CLIENT_KEY.seal(4, 300, bytes(8)), CLIENT_KEY.seal(6, 2**40, b"")]
"""Packets that are genuine."""
ALL_TYPES = allow(1, 2, 3, 4, 5, 6)
NONCE = bytes(24)
WHOLE = 16


def fuzz_public_token(data: bytes) -> Outcome:
    """A connect token from a lobby; one that is read is written back to the same meaning."""
    try:
        token = read_connect_token(data.ljust(2048, b"\x00"))
    except ProtocolError as error:
        return error.reason
    assert read_connect_token(encode_connect_token(token)) == token
    return VALUE


def fuzz_private_token(data: bytes) -> Outcome:
    """What a backend with the right key might have sealed."""
    expire = UNIX + 45
    associated = VERSION + PROTOCOL_ID.to_bytes(8, "little") + expire.to_bytes(8, "little")
    sealed = seal_xchacha(KEY, NONCE, data[:1008].ljust(1008, b"\x00"), associated)
    try:
        token = open_private_token(sealed, KEY, PROTOCOL_ID, expire, NONCE)
    except ProtocolError as error:
        return error.reason
    again = seal_private_token(token, KEY, PROTOCOL_ID, expire, NONCE)
    assert open_private_token(again, KEY, PROTOCOL_ID, expire, NONCE) == token
    return VALUE


def fuzz_request(data: bytes) -> Outcome:
    """A request in the clear; one that is read is written back to the same bytes."""
    try:
        request = decode_request(data)
    except ProtocolError as error:
        return error.reason
    assert encode_request(request) == data
    return VALUE


def fuzz_packet(data: bytes) -> Outcome:
    """A packet as a stranger can send it: nothing that was not sealed opens."""
    try:
        CLIENT_KEY.open(data, ALL_TYPES, ReplayWindow())
    except ProtocolError as error:
        return error.reason
    assert data in SEALED, f"a forged packet opened: {data.hex()}"
    return VALUE


def fuzz_source_prefix(data: bytes) -> Outcome:
    """The text of a source address."""
    source_prefix(data.decode("utf-8", "replace"))
    return VALUE


def fuzz_server(data: bytes) -> Outcome:
    """A server through a handshake, with the input's datagrams between its steps, sealed or as they are."""
    server = NetcodeServer(
        protocol_id=PROTOCOL_ID,
        private_key=KEY,
        addresses=[SERVER],
        max_clients=2,
        now=0.0,
        unix_time=float(UNIX),
        entropy=random.Random(2).randbytes,
    )
    client, steps = NetcodeClient(token=TOKEN, now=0.0), cut(data)
    for step, (kind, sequence, body) in enumerate(steps):
        now = step / 10
        sealed = CLIENT_KEY.seal(kind, sequence, body) if kind < 15 else body
        server.receive(sealed, HOME if sequence % 8 else ("192.0.2.1", 9), now)
        server.update(now)
        client.update(now)
        exchange(client, server, now)
        server.events()
    return taken(len(steps), server.drops)


def fuzz_client(data: bytes) -> Outcome:
    """A client through a handshake, with the input's datagrams between its steps, sealed or as they are."""
    client, steps = NetcodeClient(token=TOKEN, now=0.0), cut(data)
    for step, (kind, sequence, body) in enumerate(steps):
        now = step / 10
        sealed = SERVER_KEY.seal(kind, sequence, body) if kind < 15 else body
        client.receive(sealed, SERVER if sequence % 8 else HOME, now)
        client.update(now)
        client.datagrams_to_send()
    return taken(len(steps), client.drops)


def fuzz_whole_request(data: bytes) -> Outcome:
    """A server given a genuine token whose request was changed at one place."""
    request = bytearray(
        encode_request(Request(PROTOCOL_ID, PUBLIC.expire_timestamp, PUBLIC.nonce, PUBLIC.sealed_private))
    )
    at = int.from_bytes(data[:2], "little") % len(request)
    request[at : at + len(data) - 2] = data[2:]
    server = NetcodeServer(
        protocol_id=PROTOCOL_ID,
        private_key=KEY,
        addresses=[SERVER],
        max_clients=1,
        now=0.0,
        unix_time=float(UNIX),
        entropy=random.Random(2).randbytes,
    )
    server.receive(bytes(request), HOME, 0.0)
    assert sum(len(datagram) for datagram, _ in server.datagrams_to_send()) <= len(request)
    return taken(1, server.drops)


def cut(data: bytes) -> list[tuple[int, int, bytes]]:
    """Return `data` as up to 16 datagrams, each (type, sequence, body) with a byte for type, sequence and length.

    A type with `WHOLE` gets zeros up to a challenge's size, which a byte of length can't tell.
    """
    pieces, offset = [], 0
    while offset + 3 <= len(data) and len(pieces) < 16:
        kind, sequence, size = data[offset : offset + 3]
        body = data[offset + 3 : offset + 3 + size]
        pieces.append((kind & 15, sequence, body.ljust(CHALLENGE_BYTES, b"\x00") if kind & WHOLE else body))
        offset += 3 + size
    return pieces


def exchange(client: NetcodeClient, server: NetcodeServer, now: float) -> None:
    """Carry one round of datagrams both ways."""
    for datagram, _ in client.datagrams_to_send():
        server.receive(datagram, HOME, now)
    for datagram, _ in server.datagrams_to_send():
        client.receive(datagram, SERVER, now)


def piece(kind: int, sequence: int, body: bytes = b"") -> bytes:
    """Return what `cut` reads as one datagram."""
    return bytes([kind, sequence, len(body)]) + body


def seeds() -> dict[str, list[bytes]]:
    """Return true examples of what each target reads: what mutation begins with."""
    request = encode_request(Request(PROTOCOL_ID, PUBLIC.expire_timestamp, PUBLIC.nonce, PUBLIC.sealed_private))
    private = (
        (1).to_bytes(8, "little") + (10).to_bytes(4, "little") + (2).to_bytes(4, "little")
        + b"\x01\xcb\x00\x71\x07\x40\x9c" + b"\x02" + bytes(range(16)) + b"\x40\x9c" + bytes(range(64))
    )  # fmt: skip
    # From the fourth step on the server knows the client, whose own packets have the sequences up to 8.
    steps = b"".join(
        piece(kind, 41 + at, bytes(8 if kind == 4 else at)) for at, kind in enumerate((3, 2, 5, 5, 5, 4, 6))
    )
    # The client answers the challenge, is let in by the keep-alive, and hears from the server.
    heard = piece(2 | WHOLE, 1) + piece(4, 2, bytes(4) + b"\x02\x00\x00\x00") + piece(5, 3, b"a") + piece(5, 4, b"bc")
    return {
        "public_token": [TOKEN],
        "private_token": [private],
        "request": [request],
        "packet": [*SEALED, SERVER_KEY.seal(5, 7, b"of the other direction")],
        "source_prefix": [b"1.2.3.4", b"2001:db8::7", b"::ffff:1.2.3.4", b"fe80::1%eth0"],
        "server": [steps, b"".join(piece(5, 57 + at, b"a") for at in range(6)), piece(15, 1, SEALED[0]) * 5],
        "client": [heard + piece(6, 5), heard + piece(15, 9, SERVER_KEY.seal(5, 9, b"x")), piece(1, 1), steps],
        "whole_request": [
            b"\x00\x00\x00",  # as it is
            *(at.to_bytes(2, "little") + b"\x00\xff" for at in (0, 1, 14, 22, 30, 54, 1000, 1077)),
        ],
    }


TARGETS: dict[str, Target] = {
    "public_token": fuzz_public_token,
    "private_token": fuzz_private_token,
    "request": fuzz_request,
    "packet": fuzz_packet,
    "source_prefix": fuzz_source_prefix,
    "server": fuzz_server,
    "client": fuzz_client,
    "whole_request": fuzz_whole_request,
}
