"""The client's side of netcode 1.02: from a connect token to a connection, or to a named reason why not.

    SENDING_REQUEST --challenge--> SENDING_RESPONSE --keep-alive--> CONNECTED --disconnect--> DISCONNECTED
           |                              |                             `------silence------> CONNECTION_TIMED_OUT
           | denied or silence            | denied or silence
           `----------------> next address of the token, from the start
                              none left: DENIED, REQUEST_TIMED_OUT or RESPONSE_TIMED_OUT
    a token that is not one: TOKEN_INVALID; one that ran out before we were connected: TOKEN_EXPIRED

Each end state is final: to try again, make a client with a fresh token. Sans-IO: feed `receive`, call `update` every
frame, send what `datagrams_to_send` drains. `receive` never raises for what came from the network; `drops` counts what
was dropped, by reason: those of `PacketKey.open` (short, long, type-not-allowed, bad-sequence, replayed, bad-seal,
bad-body), and

    wrong-source       from elsewhere than the server address in use
    unexpected         authentic, but not for this state (a challenge repeated, a payload before the first keep-alive)
    bad-index          a keep-alive whose client index does not fit its number of clients
    ended              arrived in an end state
    sent-unconnected   our own payloads, given to `send` while there was no connection
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import Enum

from engine.address import Address
from engine.errors import ProtocolError, UsageError
from engine.link.netcode import packet as wire
from engine.link.netcode.config import REDUNDANT_DISCONNECTS, NetcodeClientConfig
from engine.link.netcode.packet import (
    CHALLENGE,
    DENIED,
    DISCONNECT,
    KEEP_ALIVE,
    MAX_PAYLOAD_BYTES,
    PAYLOAD,
    RESPONSE,
    PacketKey,
    Request,
)
from engine.link.netcode.replay import ReplayWindow
from engine.link.netcode.token import read_connect_token

_FROM_SERVER = wire.allow(DENIED, CHALLENGE, KEEP_ALIVE, PAYLOAD, DISCONNECT)
_CLIENT_KEEP_ALIVE = wire.encode_keep_alive(0, 0)
_NEVER = float("-inf")


class ClientState(Enum):
    """Where a connection stands; the value is what a person may read."""

    SENDING_REQUEST = "sending connection request"
    SENDING_RESPONSE = "sending challenge response"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    DENIED = "connection denied"
    REQUEST_TIMED_OUT = "connection request timed out"
    RESPONSE_TIMED_OUT = "challenge response timed out"
    CONNECTION_TIMED_OUT = "connection timed out"
    TOKEN_INVALID = "invalid connect token"
    TOKEN_EXPIRED = "connect token expired"

    @property
    def is_connecting(self) -> bool:
        """Tell whether the outcome is still open."""
        return self in (ClientState.SENDING_REQUEST, ClientState.SENDING_RESPONSE)

    @property
    def is_end(self) -> bool:
        """Tell whether nothing more will come of this client."""
        return not self.is_connecting and self is not ClientState.CONNECTED


class NetcodeClient:
    """The machine: a token in, then payloads and datagrams both ways.

    A `token` that cannot be read does not raise, since it came from a network too: the client is then born in
    TOKEN_INVALID, and `token_error` says why. `now` is monotone seconds. `unix_time` is the unix time at `now`, if this
    machine's clock is to be trusted; None counts the token's life from now instead, so that a player whose clock is an
    hour wrong can still play (the server has the last word on expiry either way). `entropy` is part of the signature
    both machines share; netcode's client side draws no random bytes of its own.
    """

    def __init__(
        self,
        *,
        token: bytes,
        now: float,
        unix_time: float | None = None,
        entropy: Callable[[int], bytes] | None = None,
        config: NetcodeClientConfig | None = None,
    ) -> None:
        self.drops: Counter[str] = Counter()
        """Datagrams dropped, by reason."""
        self.state = ClientState.SENDING_REQUEST
        self.token_error = ""
        """Why the state is TOKEN_INVALID; else empty."""
        self.server_address: Address = ("", 0)
        """The server in use or last tried; `("", 0)` when the token named none."""
        self.client_index = 0
        """Our slot on the server, once connected."""
        self.max_clients = 0
        """The server's number of slots, once connected."""
        self.last_receive_at = now
        """When anything authentic last came from the server, or this address was first tried."""
        self._config = config or NetcodeClientConfig()
        self._outbox: list[tuple[bytes, Address]] = []
        try:
            self._token = read_connect_token(token)
        except ProtocolError as error:
            self.state = ClientState.TOKEN_INVALID
            self.token_error = str(error)
            return
        associated = wire.packet_associated_data(self._token.protocol_id)
        self._opening = PacketKey(self._token.server_to_client_key, associated)
        self._sealing = PacketKey(self._token.client_to_server_key, associated)
        self._sequence = 0
        self._timeout = float(self._token.timeout_seconds) if self._token.timeout_seconds > 0 else float("inf")
        self._expires_at = now + self._token.expire_timestamp
        self._expires_at -= self._token.create_timestamp if unix_time is None else unix_time
        self._request = wire.encode_request(
            Request(
                self._token.protocol_id,
                self._token.expire_timestamp,
                self._token.nonce,
                self._token.sealed_private,
            )
        )
        self._try_address(0, now)

    def receive(self, datagram: bytes, address: Address, now: float) -> bytes | None:
        """Take a datagram from the network; return the payload when it carries one. Never raises."""
        if self.state.is_end:
            self.drops["ended"] += 1
            return None
        if address != self.server_address:
            self.drops["wrong-source"] += 1
            return None
        try:
            kind, _, body = self._opening.open(datagram, _FROM_SERVER, self._window)
            return self._take(kind, body, now)
        except ProtocolError as error:
            self.drops[error.reason] += 1
            return None

    def update(self, now: float) -> None:
        """Notice silence and expiry, send what is due: a request, a response or a keep-alive. Call it every frame."""
        if self.state.is_end:
            return
        silent = now - self.last_receive_at >= self._timeout
        if self.state is ClientState.CONNECTED:
            if silent:
                self.state = ClientState.CONNECTION_TIMED_OUT
                return
        elif now >= self._expires_at:
            self.state = ClientState.TOKEN_EXPIRED
            return
        elif silent:
            requesting = self.state is ClientState.SENDING_REQUEST
            self._fail(ClientState.REQUEST_TIMED_OUT if requesting else ClientState.RESPONSE_TIMED_OUT, now)
        if now - self._last_send_at >= self._config.send_interval:
            self._send_due(now)

    def send(self, payload: bytes, now: float) -> None:
        """Seal `payload` (1 to 1200 bytes) for the server. Raises UsageError for another size.

        Dropped, and counted, while not connected: the server could not tell whose it is.
        """
        if not 0 < len(payload) <= MAX_PAYLOAD_BYTES:
            raise UsageError(f"a payload has 1 to {MAX_PAYLOAD_BYTES} bytes, got {len(payload)}")
        if self.state is not ClientState.CONNECTED:
            self.drops["sent-unconnected"] += 1
            return
        self._send_sealed(PAYLOAD, payload, now)

    def disconnect(self, now: float) -> None:
        """Leave, telling the server ten times if it may have a slot for us. In an end state nothing changes."""
        if self.state.is_end:
            return
        if self.state is not ClientState.SENDING_REQUEST:
            for _ in range(REDUNDANT_DISCONNECTS):
                self._send_sealed(DISCONNECT, b"", now)
        self.state = ClientState.DISCONNECTED

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Return what to send, and forget it."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def _take(self, kind: int, body: bytes, now: float) -> bytes | None:
        """Act on an authentic packet, by state. Raises ProtocolError for one that does not belong there."""
        if self.state is ClientState.CONNECTED and kind in (PAYLOAD, KEEP_ALIVE):
            self.last_receive_at = now
            return body if kind == PAYLOAD else None
        if self.state is ClientState.SENDING_REQUEST and kind == CHALLENGE:
            self._challenge = body
            self._advance(ClientState.SENDING_RESPONSE, now)
        elif self.state is ClientState.SENDING_RESPONSE and kind == KEEP_ALIVE:
            client_index, max_clients = wire.decode_keep_alive(body)
            if client_index >= max_clients:
                raise ProtocolError("bad-index", f"client {client_index} of {max_clients}")
            self.client_index, self.max_clients = client_index, max_clients
            self._advance(ClientState.CONNECTED, now)
        elif self.state is not ClientState.SENDING_REQUEST and kind == DISCONNECT:
            # In SENDING_RESPONSE too: the server may have let us in and thrown us out while its keep-alives were lost.
            self.state = ClientState.DISCONNECTED
        elif self.state is not ClientState.CONNECTED and kind == DENIED:
            self._fail(ClientState.DENIED, now)
        else:
            raise ProtocolError("unexpected", f"type {kind} while {self.state.value}")
        return None

    def _advance(self, state: ClientState, now: float) -> None:
        """Enter `state` and say so at once: a response, or the keep-alive that confirms us to the server."""
        self.state = state
        self.last_receive_at = now
        self._send_due(now)

    def _fail(self, end: ClientState, now: float) -> None:
        """Go on to the token's next address, or to `end` when that was the last."""
        if self._address_index + 1 < len(self._token.addresses):
            self._try_address(self._address_index + 1, now)
        else:
            self.state = end

    def _try_address(self, index: int, now: float) -> None:
        """Start over with the token's address `index`. Only `_sequence` goes on: the key is the same."""
        self._address_index = index
        self.server_address = self._token.addresses[index]
        self.state = ClientState.SENDING_REQUEST
        self.last_receive_at = now
        self._last_send_at = _NEVER
        self._challenge = b""
        self._window = ReplayWindow()

    def _send_due(self, now: float) -> None:
        """Send what the state repeats."""
        if self.state is ClientState.SENDING_REQUEST:
            self._outbox.append((self._request, self.server_address))
            self._last_send_at = now
        elif self.state is ClientState.SENDING_RESPONSE:
            self._send_sealed(RESPONSE, self._challenge, now)
        elif self.state is ClientState.CONNECTED:
            self._send_sealed(KEEP_ALIVE, _CLIENT_KEEP_ALIVE, now)

    def _send_sealed(self, kind: int, body: bytes, now: float) -> None:
        self._outbox.append((self._sealing.seal(kind, self._sequence, body), self.server_address))
        self._sequence += 1
        self._last_send_at = now
