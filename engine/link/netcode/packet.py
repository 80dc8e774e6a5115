"""Packets of netcode 1.02: bytes sealed under a session key, and the connection request in the clear.

    sealed packet, types 1 to 6, 18 to 1225 bytes

        1  prefix            sequence bytes (1..8) << 4 | type
     1..8  sequence          little-endian, high zero bytes dropped
        .  body              sealed with ChaCha20-Poly1305 (IETF)
       16  tag

     nonce            4 zero bytes, u64 sequence
     associated data  version (13 bytes), u64 protocol id, prefix

    type           sent by   body
    0 request      client    see `encode_request`; not sealed, for the server has no key yet
    1 denied       server    empty
    2 challenge    server    u64 challenge sequence, 300 bytes of sealed challenge token
    3 response     client    the same
    4 keep-alive   both      u32 client index, u32 max clients (the client sends zeros)
    5 payload      both      1 to 1200 bytes
    6 disconnect   both      empty

Each direction has a key of its own, and a sequence never repeats under a key. Who may send what when is the machines'
business (`client`, `server`); this module knows bytes. `PacketKey` is the hot path of the whole link, so it keeps one
cipher object, one associated-data table for all prefixes and ready-made packers.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from engine.errors import ProtocolError
from engine.link.netcode.replay import ReplayWindow
from engine.link.netcode.token import PRIVATE_TOKEN_BYTES, TAG_BYTES, USER_DATA_BYTES, VERSION
from engine.link.netcode.xchacha import XNONCE_BYTES

# Plain integers rather than an enum: they are compared per packet, and a member look-up costs as much as a dict's.
REQUEST: Final = 0
DENIED: Final = 1
CHALLENGE: Final = 2
RESPONSE: Final = 3
KEEP_ALIVE: Final = 4
PAYLOAD: Final = 5
DISCONNECT: Final = 6

MAX_PAYLOAD_BYTES = 1200
"""Largest payload: with every header it stays under 1280, the packet any IPv6 path must carry whole."""
CHALLENGE_TOKEN_BYTES = 300
CHALLENGE_BYTES = 8 + CHALLENGE_TOKEN_BYTES
KEEP_ALIVE_BYTES = 8
MIN_PACKET_BYTES = 1 + 1 + TAG_BYTES
MAX_PACKET_BYTES = 1 + 8 + MAX_PAYLOAD_BYTES + TAG_BYTES
REQUEST_BYTES = 1 + len(VERSION) + 8 + 8 + XNONCE_BYTES + PRIVATE_TOKEN_BYTES

_BODY_BYTES: Final = (-1, 0, CHALLENGE_BYTES, CHALLENGE_BYTES, KEEP_ALIVE_BYTES, -1, 0)
"""Size of a body by type; -1 where there is none of one size: a request is never sealed, a payload may have any."""
_CHALLENGE_PLAIN_BYTES = CHALLENGE_TOKEN_BYTES - TAG_BYTES
pack_nonce = struct.Struct("<4xQ").pack
"""Return the nonce of a sequence."""
_pack_u64 = struct.Struct("<Q").pack
_KEEP_ALIVE_BODY = struct.Struct("<II")
_CHALLENGE_PLAIN = struct.Struct(f"<Q{USER_DATA_BYTES}s")
_REQUEST = struct.Struct(f"<B{len(VERSION)}sQQ{XNONCE_BYTES}s{PRIVATE_TOKEN_BYTES}s")
_PREFIXES = tuple(bytes([prefix]) for prefix in range(256))

PacketTypes = int
"""A set of packet types as bits: `allow(PAYLOAD, DISCONNECT)`."""


def allow(*kinds: int) -> PacketTypes:
    """Return the set of packet types that holds `kinds`."""
    return sum(1 << kind for kind in kinds)


def packet_associated_data(protocol_id: int) -> tuple[bytes, ...]:
    """Return the associated data of sealed packets, by prefix byte; one table serves all keys of a machine."""
    head = VERSION + _pack_u64(protocol_id)
    return tuple(head + prefix for prefix in _PREFIXES)


class PacketKey:
    """One session key with all that sealing and opening under it needs."""

    __slots__ = ("_encrypt", "associated", "decrypt")

    def __init__(self, key: bytes, associated: tuple[bytes, ...]) -> None:
        cipher = ChaCha20Poly1305(key)
        self._encrypt = cipher.encrypt
        self.decrypt = cipher.decrypt
        """Of (nonce, sealed, associated data); for who opens many packets in one loop."""
        self.associated = associated
        """Associated data by prefix byte."""

    def seal(self, kind: int, sequence: int, body: bytes) -> bytes:
        """Return the packet. The caller never uses a `sequence` (u64) twice, and gives a body of the type's size."""
        nonce = pack_nonce(sequence)
        sequence_bytes = (sequence.bit_length() + 7) >> 3 or 1
        prefix = sequence_bytes << 4 | kind
        sealed = self._encrypt(nonce, body, self.associated[prefix])
        return _PREFIXES[prefix] + nonce[4 : 4 + sequence_bytes] + sealed

    def open(self, packet: bytes, allowed: PacketTypes, window: ReplayWindow) -> tuple[int, int, bytes]:
        """Return `(type, sequence, body)`. Raises ProtocolError; the cheap tests come first.

        Types from keep-alive on pass the replay `window`, which advances once the packet has opened.
        """
        size = len(packet)
        if size < MIN_PACKET_BYTES:
            raise ProtocolError("short", f"{size} bytes")
        prefix = packet[0]
        kind = prefix & 15
        if not allowed >> kind & 1:
            raise ProtocolError("type-not-allowed", f"type {kind}")
        body_at = 1 + (prefix >> 4)
        if not 2 <= body_at <= 9:
            raise ProtocolError("bad-sequence", f"{body_at - 1} sequence bytes")
        if not body_at + TAG_BYTES <= size <= body_at + MAX_PAYLOAD_BYTES + TAG_BYTES:
            raise ProtocolError("short" if size < body_at + TAG_BYTES else "long", f"{size} bytes")
        sequence = int.from_bytes(packet[1:body_at], "little")
        replayable = kind < KEEP_ALIVE
        if not replayable and sequence <= window.newest and window.refuses(sequence):
            raise ProtocolError("replayed", f"type {kind}, sequence {sequence}")
        try:
            body = self.decrypt(pack_nonce(sequence), packet[body_at:], self.associated[prefix])
        except InvalidTag:
            raise ProtocolError("bad-seal", f"type {kind}, sequence {sequence}, {size} bytes") from None
        if not replayable:
            window.advance(sequence)
        if not body if kind == PAYLOAD else len(body) != _BODY_BYTES[kind]:
            raise ProtocolError("bad-body", f"type {kind} with {len(body)} bytes")
        return kind, sequence, body


def encode_keep_alive(client_index: int, max_clients: int) -> bytes:
    """Return the body of a keep-alive. A client sends zeros."""
    return _KEEP_ALIVE_BODY.pack(client_index, max_clients)


def decode_keep_alive(body: bytes) -> tuple[int, int]:
    """Return `(client_index, max_clients)` from a keep-alive's 8 bytes."""
    client_index, max_clients = _KEEP_ALIVE_BODY.unpack(body)
    return client_index, max_clients


# Challenge token, 300 bytes: sealed with ChaCha20-Poly1305 under a key the server draws at its start and tells nobody.
#
#    8  client id         u64
#  256  user data
#    .  zeros             up to 284
#   16  tag
#
#  nonce: 4 zero bytes, u64 challenge sequence; no associated data. The client returns it unread.


def encode_challenge_plain(client_id: int, user_data: bytes) -> bytes:
    """Return the 284 bytes that are sealed as a challenge token."""
    return _CHALLENGE_PLAIN.pack(client_id, user_data).ljust(_CHALLENGE_PLAIN_BYTES, b"\x00")


def seal_challenge(cipher: ChaCha20Poly1305, sequence: int, client_id: int, user_data: bytes) -> bytes:
    """Return the 308 bytes of a challenge's body: `sequence` (never used twice with `cipher`) and the sealed token."""
    sealed = cipher.encrypt(pack_nonce(sequence), encode_challenge_plain(client_id, user_data), None)
    return _pack_u64(sequence) + sealed


# Connection request, 1078 bytes, in the clear:
#
#    1  type              0
#   13  version
#    8  protocol id       u64
#    8  expire            u64, unix seconds
#   24  nonce
# 1024  sealed            the private token; its last 16 bytes, the tag, name the token


class Request(NamedTuple):
    """A connection request's fields, none of them proven yet. A named tuple, as a flood makes many."""

    protocol_id: int
    expire_timestamp: int
    nonce: bytes
    sealed_private: bytes

    @property
    def token_tag(self) -> bytes:
        """The seal's tag: no two tokens share one, and nobody without the private key makes another that opens."""
        return self.sealed_private[-TAG_BYTES:]


def encode_request(request: Request) -> bytes:
    """Return the 1078 bytes of `request`."""
    return _REQUEST.pack(
        REQUEST,
        VERSION,
        request.protocol_id,
        request.expire_timestamp,
        request.nonce,
        request.sealed_private,
    )


def decode_request(packet: bytes) -> Request:
    """Return the fields of a request. Raises ProtocolError for another size, type or version."""
    if len(packet) != REQUEST_BYTES:
        raise ProtocolError("bad-request", f"{len(packet)} bytes, not {REQUEST_BYTES}")
    kind, version, protocol_id, expire, nonce, sealed = _REQUEST.unpack(packet)
    if kind != REQUEST:
        raise ProtocolError("type-not-allowed", f"type {kind}")
    if version != VERSION:
        raise ProtocolError("bad-version", f"{version!r}")
    return Request(protocol_id, expire, nonce, sealed)
