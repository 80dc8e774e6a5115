"""netcode 1.02: connections over UDP that only a valid connect token opens, sealed and proof against replay.

Read on in this order: `token` (who may connect), `packet` (the bytes), `client` and `server` (the two machines), `door`
(how a stranger becomes a player), then their helpers `replay`, `history`, `gate`, `xchacha`.

A studio's backend needs `mint_connect_token` alone: docs/TOKENS.md.
"""

from __future__ import annotations

from engine.link.netcode.client import ClientState, NetcodeClient
from engine.link.netcode.config import NetcodeClientConfig, NetcodeServerConfig
from engine.link.netcode.packet import MAX_PACKET_BYTES, MAX_PAYLOAD_BYTES
from engine.link.netcode.server import ClientConnected, ClientDisconnected, NetcodeServer
from engine.link.netcode.token import (
    CONNECT_TOKEN_BYTES,
    DEFAULT_TIMEOUT,
    DEFAULT_TOKEN_LIFETIME,
    KEY_BYTES,
    USER_DATA_BYTES,
    ConnectToken,
    mint_connect_token,
    read_connect_token,
)

__all__ = [
    "CONNECT_TOKEN_BYTES",
    "DEFAULT_TIMEOUT",
    "DEFAULT_TOKEN_LIFETIME",
    "KEY_BYTES",
    "MAX_PACKET_BYTES",
    "MAX_PAYLOAD_BYTES",
    "USER_DATA_BYTES",
    "ClientConnected",
    "ClientDisconnected",
    "ClientState",
    "ConnectToken",
    "NetcodeClient",
    "NetcodeClientConfig",
    "NetcodeServer",
    "NetcodeServerConfig",
    "mint_connect_token",
    "read_connect_token",
]
