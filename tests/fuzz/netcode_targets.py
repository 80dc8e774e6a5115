"""What is fuzzed of netcode: everything that reads bytes gives a value or ProtocolError, and nothing else.

Plain functions that take bytes. `fuzz.py` runs them under a coverage-guided fuzzer, and
tests/link/netcode/test_netcode_fuzz_targets.py with Hypothesis's inputs. Seals stop a fuzzer at once, so the targets
behind one seal what they were given with keys they know: that is what a modified client can send.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from engine.address import Address
from engine.errors import ProtocolError
from engine.link.netcode import NetcodeClient, NetcodeServer, mint_connect_token, read_connect_token
from engine.link.netcode.gate import source_prefix
from engine.link.netcode.packet import (
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


def fuzz_public_token(data: bytes) -> None:
    """A connect token from a lobby; one that is read is written back to the same meaning."""
    try:
        token = read_connect_token(data.ljust(2048, b"\x00"))
    except ProtocolError:
        return
    assert read_connect_token(encode_connect_token(token)) == token


def fuzz_private_token(data: bytes) -> None:
    """What a backend with the right key might have sealed."""
    expire = UNIX + 45
    associated = VERSION + PROTOCOL_ID.to_bytes(8, "little") + expire.to_bytes(8, "little")
    sealed = seal_xchacha(KEY, NONCE, data[:1008].ljust(1008, b"\x00"), associated)
    try:
        token = open_private_token(sealed, KEY, PROTOCOL_ID, expire, NONCE)
    except ProtocolError:
        return
    again = seal_private_token(token, KEY, PROTOCOL_ID, expire, NONCE)
    assert open_private_token(again, KEY, PROTOCOL_ID, expire, NONCE) == token


def fuzz_request(data: bytes) -> None:
    """A request in the clear; one that is read is written back to the same bytes."""
    try:
        request = decode_request(data)
    except ProtocolError:
        return
    assert encode_request(request) == data


def fuzz_packet(data: bytes) -> None:
    """A packet as a stranger can send it: nothing that was not sealed opens."""
    try:
        CLIENT_KEY.open(data, ALL_TYPES, ReplayWindow())
    except ProtocolError:
        return
    assert data in SEALED, f"a forged packet opened: {data.hex()}"


def fuzz_source_prefix(data: bytes) -> None:
    """The text of a source address."""
    source_prefix(data.decode("utf-8", "replace"))


def fuzz_server(data: bytes) -> None:
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
    client = NetcodeClient(token=TOKEN, now=0.0)
    for step, (kind, sequence, body) in enumerate(cut(data)):
        now = step / 10
        sealed = CLIENT_KEY.seal(kind, sequence, body) if kind < 15 else body
        server.receive(sealed, HOME if sequence % 3 else ("192.0.2.1", 9), now)
        server.update(now)
        client.update(now)
        exchange(client, server, now)
        server.events()


def fuzz_client(data: bytes) -> None:
    """A client through a handshake, with the input's datagrams between its steps, sealed or as they are."""
    client = NetcodeClient(token=TOKEN, now=0.0)
    for step, (kind, sequence, body) in enumerate(cut(data)):
        now = step / 10
        sealed = SERVER_KEY.seal(kind, sequence, body) if kind < 15 else body
        client.receive(sealed, SERVER if sequence % 3 else HOME, now)
        client.update(now)
        client.datagrams_to_send()


def fuzz_whole_request(data: bytes) -> None:
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


def cut(data: bytes) -> list[tuple[int, int, bytes]]:
    """Return `data` as up to 16 datagrams, each (type, sequence, body) with a byte for type, sequence and length."""
    pieces, offset = [], 0
    while offset + 3 <= len(data) and len(pieces) < 16:
        kind, sequence, size = data[offset : offset + 3]
        pieces.append((kind & 15, sequence, data[offset + 3 : offset + 3 + size]))
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
    steps = b"".join(
        piece(kind, at + 1, bytes(8 if kind == 4 else at)) for at, kind in enumerate((3, 4, 5, 5, 2, 15, 6))
    )
    return {
        "public_token": [TOKEN],
        "private_token": [private],
        "request": [request],
        "packet": [*SEALED, SERVER_KEY.seal(5, 7, b"of the other direction")],
        "source_prefix": [b"1.2.3.4", b"2001:db8::7", b"::ffff:1.2.3.4", b"fe80::1%eth0"],
        "server": [steps, piece(5, 1, b"a") * 12],
        "client": [steps, piece(2, 1, bytes(200)), piece(4, 1, bytes(4) + b"\x02\x00\x00\x00") + piece(5, 2, b"a")],
        "whole_request": [at.to_bytes(2, "little") + b"\x00\xff" for at in (0, 1, 14, 22, 30, 54, 1000, 1077)],
    }


TARGETS: dict[str, Callable[[bytes], None]] = {
    "public_token": fuzz_public_token,
    "private_token": fuzz_private_token,
    "request": fuzz_request,
    "packet": fuzz_packet,
    "source_prefix": fuzz_source_prefix,
    "server": fuzz_server,
    "client": fuzz_client,
    "whole_request": fuzz_whole_request,
}
