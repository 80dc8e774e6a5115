"""Connect tokens: how a backend lets one player into one server for a short while.

The backend, which knows the player, mints a token and hands it over a channel both trust. Its sealed *private* part is
for the server and says who may connect where; its clear *public* part tells the client the same addresses and session
keys. So client and server share keys without a handshake and the server need not speak to the backend. A backend in
another language follows the tables below, which are netcode 1.02's STANDARD.md. All integers are little-endian.

This module is bytes and values. Whether a token is current, ours and unused is the server's business (`server`).
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.address import Address
from engine.errors import ProtocolError, UsageError
from engine.link.netcode.xchacha import XNONCE_BYTES, open_xchacha, seal_xchacha

VERSION = b"NETCODE 1.02\x00"
"""Opens every token and request, and is part of what every seal covers: versions of netcode never meet."""
KEY_BYTES = 32
TAG_BYTES = 16
USER_DATA_BYTES = 256
CONNECT_TOKEN_BYTES = 2048
PRIVATE_TOKEN_BYTES = 1024
"""The private part as sent: 1008 bytes sealed, and the tag."""
MAX_ADDRESSES = 32
DEFAULT_TOKEN_LIFETIME = 45
"""Seconds a token lives: time for two slow addresses to fail, too short to be worth stealing.

Minting and `NetcodeServerConfig.token_lifetime` must agree (see there), hence one constant for both defaults."""
DEFAULT_TIMEOUT = 10
"""Seconds of silence that end a connection: longer than a router's restart of its wireless, shorter than patience."""

_PRIVATE_PLAIN_BYTES = PRIVATE_TOKEN_BYTES - TAG_BYTES
_HEAD = struct.Struct("<QiI")
_PUBLIC_HEAD = struct.Struct(f"<{len(VERSION)}sQQQ{XNONCE_BYTES}s{PRIVATE_TOKEN_BYTES}siI")
_IPV4 = struct.Struct("<B4sH")
_IPV6 = struct.Struct("<B8HH")
_IPV6_WORDS = struct.Struct(">8H")
_U64 = struct.Struct("<Q")
_TYPE_IPV4 = 1
_TYPE_IPV6 = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateToken:
    """What the server learns from a token: who, where, with which keys. Secrets stay out of its repr."""

    client_id: int
    timeout_seconds: int
    """Silence that ends the connection; zero or less means none does."""
    addresses: tuple[Address, ...]
    client_to_server_key: bytes = field(repr=False)
    server_to_client_key: bytes = field(repr=False)
    user_data: bytes = field(repr=False)
    """256 bytes the backend tells the server about this player; netcode does not read them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectToken:
    """What the client learns from a token. Secrets stay out of its repr."""

    protocol_id: int
    create_timestamp: int
    """Unix seconds. Not sealed: information for the client only."""
    expire_timestamp: int
    nonce: bytes = field(repr=False)
    sealed_private: bytes = field(repr=False)
    timeout_seconds: int
    addresses: tuple[Address, ...]
    client_to_server_key: bytes = field(repr=False)
    server_to_client_key: bytes = field(repr=False)


def mint_connect_token(
    *,
    protocol_id: int,
    private_key: bytes,
    client_id: int,
    addresses: Sequence[Address],
    create_time: float,
    entropy: Callable[[int], bytes],
    expire_seconds: int = DEFAULT_TOKEN_LIFETIME,
    timeout_seconds: int = DEFAULT_TIMEOUT,
    user_data: bytes = b"",
) -> bytes:
    """Return a connect token of 2048 bytes. It holds the session's keys: hand it out over a channel you trust.

    `protocol_id` (u64) names the game and its version; `private_key` (32 bytes) is shared with the servers and nobody
    else; `client_id` (u64) names the player, who can be connected once; `addresses` (1 to 32, literal IPs) are the
    servers' *public* addresses, tried in turn; `create_time` is unix seconds; `expire_seconds` must be the servers'
    `token_lifetime`; `timeout_seconds` (i32) ends a silent connection, zero or less never; `user_data` (up to 256
    bytes) is told to the server. `entropy(n)` returns n unpredictable bytes (`os.urandom`). Raises UsageError.
    """
    if len(private_key) != KEY_BYTES:
        raise UsageError(f"a private key has {KEY_BYTES} bytes, got {len(private_key)}")
    if expire_seconds < 1:
        raise UsageError(f"expire_seconds must be at least 1, got {expire_seconds}")
    create_timestamp = int(create_time)
    expire_timestamp = create_timestamp + expire_seconds
    _require_u64("protocol_id", protocol_id)
    _require_u64("create_time", create_timestamp)
    _require_u64("expiry", expire_timestamp)
    nonce = entropy(XNONCE_BYTES)
    private = PrivateToken(
        client_id=client_id,
        timeout_seconds=timeout_seconds,
        addresses=tuple(canonical_address(address) for address in addresses),
        client_to_server_key=entropy(KEY_BYTES),
        server_to_client_key=entropy(KEY_BYTES),
        user_data=user_data.ljust(USER_DATA_BYTES, b"\x00"),
    )
    public = ConnectToken(
        protocol_id=protocol_id,
        create_timestamp=create_timestamp,
        expire_timestamp=expire_timestamp,
        nonce=nonce,
        sealed_private=seal_private_token(private, private_key, protocol_id, expire_timestamp, nonce),
        timeout_seconds=timeout_seconds,
        addresses=private.addresses,
        client_to_server_key=private.client_to_server_key,
        server_to_client_key=private.server_to_client_key,
    )
    return encode_connect_token(public)


# Public connect token, 2048 bytes:
#
#   13  version           "NETCODE 1.02" and a zero byte
#    8  protocol id       u64
#    8  create            u64, unix seconds
#    8  expire            u64, unix seconds
#   24  nonce             of the sealed part
# 1024  sealed            the private token, below
#    4  timeout           i32, seconds; negative: none
#    .  addresses         u32 count 1..32, then each as below
#   32  client-to-server key
#   32  server-to-client key
#    .  zeros


def encode_connect_token(token: ConnectToken) -> bytes:
    """Return the 2048 bytes of `token`."""
    head = _PUBLIC_HEAD.pack(
        VERSION,
        token.protocol_id,
        token.create_timestamp,
        token.expire_timestamp,
        token.nonce,
        token.sealed_private,
        token.timeout_seconds,
        len(token.addresses),
    )
    tail = _encode_addresses(token.addresses) + token.client_to_server_key + token.server_to_client_key
    return (head + tail).ljust(CONNECT_TOKEN_BYTES, b"\x00")


def read_connect_token(data: bytes) -> ConnectToken:
    """Return the public part of a connect token. Raises ProtocolError when it is not one."""
    if len(data) != CONNECT_TOKEN_BYTES:
        raise ProtocolError("bad-token", f"a connect token has {CONNECT_TOKEN_BYTES} bytes, not {len(data)}")
    version, protocol_id, create, expire, nonce, sealed, timeout, count = _PUBLIC_HEAD.unpack_from(data)
    if version != VERSION:
        raise ProtocolError("bad-version", f"{version!r}")
    if expire <= create:
        raise ProtocolError("bad-token", f"expires at {expire}, created at {create}")
    addresses, offset = _decode_addresses(data, _PUBLIC_HEAD.size, count)
    return ConnectToken(
        protocol_id=protocol_id,
        create_timestamp=create,
        expire_timestamp=expire,
        nonce=nonce,
        sealed_private=sealed,
        timeout_seconds=timeout,
        addresses=addresses,
        client_to_server_key=data[offset : offset + KEY_BYTES],
        server_to_client_key=data[offset + KEY_BYTES : offset + 2 * KEY_BYTES],
    )


# Private token, 1008 bytes, sealed with XChaCha20-Poly1305 under the key that backend and servers share:
#
#    8  client id         u64
#    4  timeout           i32, seconds; negative: none
#    .  addresses         u32 count 1..32, then each as below
#   32  client-to-server key
#   32  server-to-client key
#  256  user data
#    .  zeros
#
# Associated data, which the seal covers and a request carries in the clear: version, u64 protocol id, u64 expire.


def seal_private_token(
    token: PrivateToken, private_key: bytes, protocol_id: int, expire_timestamp: int, nonce: bytes
) -> bytes:
    """Return the 1024 sealed bytes of `token`. Raises UsageError for a value that does not fit."""
    _require_u64("client_id", token.client_id)
    if not -(2**31) <= token.timeout_seconds < 2**31:
        raise UsageError(f"timeout_seconds must fit 32 bits signed, got {token.timeout_seconds}")
    if not 1 <= len(token.addresses) <= MAX_ADDRESSES:
        raise UsageError(f"a token has 1 to {MAX_ADDRESSES} addresses, got {len(token.addresses)}")
    for key in (token.client_to_server_key, token.server_to_client_key):
        if len(key) != KEY_BYTES:
            raise UsageError(f"a session key has {KEY_BYTES} bytes, got {len(key)}")
    if len(token.user_data) != USER_DATA_BYTES:
        raise UsageError(f"user data is at most {USER_DATA_BYTES} bytes, got {len(token.user_data)}")
    head = _HEAD.pack(token.client_id, token.timeout_seconds, len(token.addresses))
    keys = token.client_to_server_key + token.server_to_client_key
    plain = head + _encode_addresses(token.addresses) + keys + token.user_data
    associated = _token_associated_data(protocol_id, expire_timestamp)
    return seal_xchacha(private_key, nonce, plain.ljust(_PRIVATE_PLAIN_BYTES, b"\x00"), associated)


def open_private_token(
    sealed: bytes, private_key: bytes, protocol_id: int, expire_timestamp: int, nonce: bytes
) -> PrivateToken:
    """Return what `seal_private_token` sealed. Raises ProtocolError when it was forged, changed or means nothing."""
    associated = _token_associated_data(protocol_id, expire_timestamp)
    plain = open_xchacha(private_key, nonce, sealed, associated)
    if len(plain) != _PRIVATE_PLAIN_BYTES:
        raise ProtocolError("bad-token", f"a private token has {_PRIVATE_PLAIN_BYTES} bytes, not {len(plain)}")
    client_id, timeout, count = _HEAD.unpack_from(plain)
    addresses, offset = _decode_addresses(plain, _HEAD.size, count)
    user_data_at = offset + 2 * KEY_BYTES
    return PrivateToken(
        client_id=client_id,
        timeout_seconds=timeout,
        addresses=addresses,
        client_to_server_key=plain[offset : offset + KEY_BYTES],
        server_to_client_key=plain[offset + KEY_BYTES : user_data_at],
        user_data=plain[user_data_at : user_data_at + USER_DATA_BYTES],
    )


def _token_associated_data(protocol_id: int, expire_timestamp: int) -> bytes:
    return VERSION + _U64.pack(protocol_id) + _U64.pack(expire_timestamp)


# Address, 7 or 19 bytes:
#
#    1  type              1: IPv4, 2: IPv6
#    .  host              IPv4: 4 bytes in the usual order; IPv6: its 8 groups, each a u16
#    2  port              u16


def canonical_address(address: Address) -> Address:
    """Return `address` in the one spelling that compares equal: the shortest, as sockets report it.

    An IPv4 address mapped into IPv6 becomes the IPv4 one. Raises UsageError when the host is not a literal IP that
    means the same on every machine (names are resolved by entry points; a scope like %eth0 is local) or the port is
    no port.
    """
    host, port = address
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        raise UsageError(f"{host!r} is not a literal IP address") from None
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            raise UsageError(f"{host!r} means another network on each machine")
        ip = ip.ipv4_mapped or ip
    if not 0 < port < 65536:
        raise UsageError(f"{port} is not a port: 1 to 65535")
    return str(ip), port


def _encode_addresses(addresses: Sequence[Address]) -> bytes:
    parts = []
    for host, port in addresses:
        ip = ipaddress.ip_address(host)
        if ip.version == 4:
            parts.append(_IPV4.pack(_TYPE_IPV4, ip.packed, port))
        else:
            parts.append(_IPV6.pack(_TYPE_IPV6, *_IPV6_WORDS.unpack(ip.packed), port))
    return b"".join(parts)


def _decode_addresses(data: bytes, offset: int, count: int) -> tuple[tuple[Address, ...], int]:
    """Return `count` addresses from `offset`, and the offset past them. 32 of the longest always fit a token."""
    if not 1 <= count <= MAX_ADDRESSES:
        raise ProtocolError("bad-addresses", f"a token has 1 to {MAX_ADDRESSES} addresses, not {count}")
    addresses: list[Address] = []
    for _ in range(count):
        kind = data[offset]
        if kind == _TYPE_IPV4:
            _, packed, port = _IPV4.unpack_from(data, offset)
            offset += _IPV4.size
        elif kind == _TYPE_IPV6:
            _, *words, port = _IPV6.unpack_from(data, offset)
            packed = _IPV6_WORDS.pack(*words)
            offset += _IPV6.size
        else:
            raise ProtocolError("bad-addresses", f"address type {kind}")
        if port == 0:
            raise ProtocolError("bad-addresses", "port 0")
        addresses.append((str(ipaddress.ip_address(packed)), port))
    return tuple(addresses), offset


def _require_u64(name: str, value: int) -> None:
    if not 0 <= value < 2**64:
        raise UsageError(f"{name} must fit 64 bits unsigned, got {value}")
