"""The server's side of netcode 1.02: a slot for each player, and nobody without a token.

Each datagram is either a player's, by its source address, or a stranger's. Players' are the hot path: one look-up, one
decryption. Strangers' go to the `door`, which answers, admits or drops them. Under a flood nearly all are strangers':
who drains a socket gives all that it drained to `receive_all`, which reads players' payloads in one loop without a call
or an object more than it must, and has `sift` look at the rest, at a fraction of a microsecond for each.

Sans-IO: feed `receive_all` or `receive`, call `update` every tick, then send what `datagrams_to_send` drains and act on
what `events` drains. Both lists grow until drained, by at most one entry a datagram received. Neither raises for what
came from the network; `drops` counts what was dropped, by reason:

    short long bad-sequence type-not-allowed   not a packet we take from this source now
    replayed bad-seal bad-body                 repeated, forged or damaged
    unknown-source                             neither player nor pending
    bad-request bad-version wrong-protocol     no request of this game
    token-expired token-predates-start token-outlives-lifetime token-consumed token-used-elsewhere
    bad-addresses wrong-address client-id-connected    a token, but not for this server or not now
    wrong-challenge                            a response to another challenge than was given
    server-full                                answered with "denied"
    history-full pending-full prefixes-full prefix-decrypts-spent decrypts-spent     a bound was reached
    answer-rate                                a repeated request, answered ten times in the last second
    strangers-spent                            more strangers than are looked at in a second
    stopped                                    arrived after `stop`

A player's packets are not rationed as strangers' are: who could send junk from a player's address would then silence
the player, and a failed decryption costs little more than refusing it. The caller bounds what it drains per tick.

Not here: who gets a token (the backend's business), and what payloads mean.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag

from engine.address import Address
from engine.errors import ProtocolError, UsageError
from engine.link.netcode import packet as wire
from engine.link.netcode.config import REDUNDANT_DISCONNECTS, SEND_INTERVAL, NetcodeServerConfig
from engine.link.netcode.door import Admission, Door
from engine.link.netcode.packet import DISCONNECT, KEEP_ALIVE, MAX_PAYLOAD_BYTES, PAYLOAD
from engine.link.netcode.replay import ReplayWindow
from engine.link.netcode.token import KEY_BYTES, TAG_BYTES

HOUSEKEEPING_INTERVAL = 0.1
"""Seconds between looks for entries that have expired; none needs finer."""

_PAYLOAD_AT = tuple(
    1 + (prefix >> 4) if prefix & 15 == PAYLOAD and 1 <= prefix >> 4 <= 8 else 0 for prefix in range(256)
)
"""Where the sealed body of a payload's packet begins, by prefix byte; 0 for every other packet."""
_FROM_PLAYER = wire.allow(KEEP_ALIVE, PAYLOAD, DISCONNECT)


@dataclass(frozen=True, slots=True)
class ClientConnected:
    """A player proved its token and its address, and has `slot` until its `ClientDisconnected`."""

    slot: int
    client_id: int
    address: Address
    user_data: bytes = field(repr=False)
    """256 bytes from the backend, as in the token."""


@dataclass(frozen=True, slots=True)
class ClientDisconnected:
    """A player is gone. `reason` is "left", "timed-out", "server-stopped" or what `disconnect` was given."""

    slot: int
    client_id: int
    address: Address
    reason: str


class _Player:
    """One connection."""

    __slots__ = (
        "address",
        "associated",
        "client_id",
        "confirmed",
        "decrypt",
        "last_receive_at",
        "last_send_at",
        "open",
        "seal",
        "sequence",
        "slot",
        "timeout",
        "window",
    )

    def __init__(self, slot: int, address: Address, admission: Admission, now: float) -> None:
        timeout = admission.token.timeout_seconds
        self.slot = slot
        self.address = address
        self.client_id = admission.token.client_id
        self.timeout = float(timeout) if timeout > 0 else float("inf")
        self.open = admission.opening.open
        self.decrypt = admission.opening.decrypt
        self.associated = admission.opening.associated
        self.seal = admission.sealing.seal
        self.window = ReplayWindow()
        self.sequence = 0
        self.confirmed = False
        self.last_receive_at = now
        self.last_send_at = now


class NetcodeServer:
    """The machine: datagrams in, payloads by slot and datagrams out.

    `addresses` are the server's *public* addresses, as tokens name them; a server bound to port 0 or behind NAT passes
    what players use to reach it. `private_key` is shared with the backend. `now` is monotone seconds; the unix time at
    a later `now` is `unix_time` and what has passed since. `entropy(n)` returns n unpredictable bytes. Source addresses
    are compared as tuples, so a transport reports each in one spelling. Raises UsageError.
    """

    def __init__(
        self,
        *,
        protocol_id: int,
        private_key: bytes,
        addresses: Sequence[Address],
        max_clients: int,
        now: float,
        unix_time: float,
        entropy: Callable[[int], bytes],
        config: NetcodeServerConfig | None = None,
    ) -> None:
        if not 0 <= protocol_id < 2**64:
            raise UsageError(f"protocol_id must fit 64 bits unsigned, got {protocol_id}")
        if len(private_key) != KEY_BYTES:
            raise UsageError(f"a private key has {KEY_BYTES} bytes, got {len(private_key)}")
        if not addresses:
            raise UsageError("a server needs at least one public address, or no token can name it")
        if not 1 <= max_clients < 2**32:
            raise UsageError(f"max_clients must be at least 1 and fit 32 bits, got {max_clients}")
        self.max_clients = max_clients
        self.drops: Counter[str] = Counter()
        """Datagrams dropped, by reason."""
        self._door = Door(
            protocol_id=protocol_id,
            private_key=private_key,
            addresses=addresses,
            now=now,
            unix_time=unix_time,
            entropy=entropy,
            config=config or NetcodeServerConfig(),
            drops=self.drops,
        )
        self._by_address: dict[Address, _Player] = {}
        self._by_slot: dict[int, _Player] = {}
        self._slot_by_client: dict[int, int] = {}
        self._free_slots = list(range(max_clients))
        self._outbox: list[tuple[bytes, Address]] = []
        self._events: list[ClientConnected | ClientDisconnected] = []
        self._housekeeping_at = now
        self._stopped = False
        self._entropy = entropy
        config = config or NetcodeServerConfig()
        self._stranger_cost = 1.0 / config.strangers_hz
        self._stranger_depth = config.strangers_burst * self._stranger_cost
        self._strangers_repaid_at = now

    def sift(self, datagrams: Sequence[tuple[bytes, Address]], now: float) -> Sequence[tuple[bytes, Address]]:
        """Return what of `datagrams` is worth a `receive`: all of the players', in order, then strangers', rationed.

        So junk that was ahead of players' packets in the queue no longer is, and what strangers cost has a bound. Who
        proved to have a token goes first; of the others, where there are too many, some are picked by chance, so that
        neither a place in the queue nor its length buys anything.
        """
        known = self._by_address
        players = [each for each in datagrams if each[1] in known]
        count = len(datagrams) - len(players)
        if not count:
            return datagrams
        # `Door.is_noise`, written out: under a flood these two lines are most of what a datagram costs.
        pending = self._door.pending
        responses = [each for each in datagrams if each[1] in pending and each[1] not in known]
        requests = [
            each for each in datagrams if each[0][:1] == b"\x00" and each[1] not in known and each[1] not in pending
        ]
        asked = len(responses) + len(requests)
        self.drops["unknown-source"] += count - asked
        owed = max(self._strangers_repaid_at - now, 0.0)
        granted = max(0, int((self._stranger_depth - owed) / self._stranger_cost + 0.5))
        if asked > granted:
            self.drops["strangers-spent"] += asked - granted
            responses = self._pick(responses, granted)
            requests = self._pick(requests, granted - len(responses))
        strangers = responses + requests
        self._strangers_repaid_at = now + owed + len(strangers) * self._stranger_cost
        return players + strangers

    def _pick(self, datagrams: list[tuple[bytes, Address]], most: int) -> list[tuple[bytes, Address]]:
        """Return `most` of `datagrams` at most, evenly spread from a start that nobody can foresee."""
        count = len(datagrams)
        if count <= most:
            return datagrams
        begin = int.from_bytes(self._entropy(4), "little") % count
        return [datagrams[(turn * count + begin) // most] for turn in range(most)]

    def receive_all(self, datagrams: Iterable[tuple[bytes, Address]], now: float) -> list[tuple[int, bytes]]:
        """Take what a socket was drained of; return the payloads as `(slot, payload)`, each player's in order.

        It comes to `sift`, then `receive` of each. What is written out here is the one case that is nearly all of it,
        a player's next payload; whatever is not that goes the long way. Never raises.
        """
        payloads: list[tuple[int, bytes]] = []
        strangers: list[tuple[bytes, Address]] = []
        known, receive = self._by_address, self.receive
        for each in datagrams:
            datagram, address = each
            player = known.get(address)
            if player is None:
                strangers.append(each)
                continue
            size = len(datagram)
            prefix = datagram[0] if size else 0
            body_at = _PAYLOAD_AT[prefix]
            sequence = int.from_bytes(datagram[1:body_at], "little")
            window = player.window
            if sequence <= window.newest or not 0 < size - body_at - TAG_BYTES <= MAX_PAYLOAD_BYTES or not body_at:
                opened = receive(datagram, address, now)
                if opened is not None:
                    payloads.append(opened)
                continue
            try:
                payload = player.decrypt(wire.pack_nonce(sequence), datagram[body_at:], player.associated[prefix])
            except InvalidTag:
                self.drops["bad-seal"] += 1
                continue
            window.advance(sequence)
            player.last_receive_at = now
            player.confirmed = True
            payloads.append((player.slot, payload))
        for datagram, address in self.sift(strangers, now):
            opened = receive(datagram, address, now)
            if opened is not None:  # the payload of somebody who was admitted a moment ago
                payloads.append(opened)
        return payloads

    def receive(self, datagram: bytes, address: Address, now: float) -> tuple[int, bytes] | None:
        """Take a datagram from the network; return `(slot, payload)` when it carries one. Never raises."""
        player = self._by_address.get(address)
        try:
            if player is None:
                if self._door.is_noise(datagram, address):
                    self.drops["unknown-source"] += 1
                else:
                    self._receive_from_stranger(datagram, address, now)
                return None
            kind, _, body = player.open(datagram, _FROM_PLAYER, player.window)
        except ProtocolError as error:
            self.drops[error.reason] += 1
            return None
        player.last_receive_at = now
        if kind == DISCONNECT:
            self._remove(player, "left")
            return None
        player.confirmed = True
        return (player.slot, body) if kind == PAYLOAD else None

    def send(self, slot: int, payload: bytes, now: float) -> None:
        """Seal `payload` (1 to 1200 bytes) for the player in `slot`. Raises UsageError for another size or no player.

        A player drops payloads until it has our first keep-alive, so until it is known to, one goes ahead of each.
        """
        player = self._by_slot.get(slot)
        if player is None:
            raise UsageError(f"slot {slot} is not connected")
        if not 0 < len(payload) <= MAX_PAYLOAD_BYTES:
            raise UsageError(f"a payload has 1 to {MAX_PAYLOAD_BYTES} bytes, got {len(payload)}")
        if not player.confirmed:
            self._send_keep_alive(player, now)
        # `_send_to`, written out: once a peer and tick, a call is worth saving.
        self._outbox.append((player.seal(PAYLOAD, player.sequence, payload), player.address))
        player.sequence += 1
        player.last_send_at = now

    def update(self, now: float) -> None:
        """Time out the silent, keep idle connections alive, forget what expired. Call it every tick."""
        silent = []
        for player in self._by_slot.values():
            if now - player.last_receive_at >= player.timeout:
                silent.append(player)
            elif now - player.last_send_at >= SEND_INTERVAL:
                self._send_keep_alive(player, now)
        for player in silent:
            self._remove(player, "timed-out")
        if now >= self._housekeeping_at:
            self._housekeeping_at = now + HOUSEKEEPING_INTERVAL
            self._door.forget_expired(now)

    def disconnect(self, slot: int, now: float, reason: str = "kicked") -> None:
        """End the connection of `slot`, telling the player ten times. Raises UsageError when there is none."""
        player = self._player(slot)
        for _ in range(REDUNDANT_DISCONNECTS):
            self._send_to(player, DISCONNECT, b"", now)
        self._remove(player, reason)

    def stop(self, now: float) -> None:
        """Disconnect everybody and let nobody in again. `datagrams_to_send` still has the goodbyes."""
        for slot in self.connected_slots:
            self.disconnect(slot, now, "server-stopped")
        self._stopped = True

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Return what to send, and forget it."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def events(self) -> list[ClientConnected | ClientDisconnected]:
        """Return who came and went since the last call, in order."""
        events, self._events = self._events, []
        return events

    @property
    def client_count(self) -> int:
        """Players connected."""
        return len(self._by_slot)

    @property
    def connected_slots(self) -> list[int]:
        """Slots of the players connected, in rising order."""
        return sorted(self._by_slot)

    def is_connected(self, slot: int) -> bool:
        """Tell whether a player has `slot`."""
        return slot in self._by_slot

    def slot_of(self, client_id: int) -> int | None:
        """Return the slot of the player with `client_id`, or None."""
        return self._slot_by_client.get(client_id)

    def client_id_of(self, slot: int) -> int:
        """Return the client id of the player in `slot`. Raises UsageError when there is none."""
        return self._player(slot).client_id

    def address_of(self, slot: int) -> Address:
        """Return the address of the player in `slot`. Raises UsageError when there is none."""
        return self._player(slot).address

    def last_receive_at(self, slot: int) -> float:
        """Return when the player in `slot` last sent anything authentic. Raises UsageError when there is none."""
        return self._player(slot).last_receive_at

    def is_confirmed(self, slot: int) -> bool:
        """Tell whether the player in `slot` has sent anything since it connected. Raises UsageError for no player."""
        return self._player(slot).confirmed

    def _receive_from_stranger(self, datagram: bytes, address: Address, now: float) -> None:
        if self._stopped:
            raise ProtocolError("stopped")
        answer = self._door.receive(datagram, address, now, self._slot_by_client, not self._free_slots)
        if isinstance(answer, bytes):
            self._outbox.append((answer, address))
            return
        player = _Player(heapq.heappop(self._free_slots), address, answer, now)
        self._by_address[address] = player
        self._by_slot[player.slot] = player
        self._slot_by_client[player.client_id] = player.slot
        self._events.append(ClientConnected(player.slot, player.client_id, address, answer.token.user_data))
        self._send_keep_alive(player, now)

    def _player(self, slot: int) -> _Player:
        player = self._by_slot.get(slot)
        if player is None:
            raise UsageError(f"slot {slot} is not connected")
        return player

    def _remove(self, player: _Player, reason: str) -> None:
        del self._by_address[player.address]
        del self._by_slot[player.slot]
        del self._slot_by_client[player.client_id]
        heapq.heappush(self._free_slots, player.slot)
        self._events.append(ClientDisconnected(player.slot, player.client_id, player.address, reason))

    def _send_keep_alive(self, player: _Player, now: float) -> None:
        self._send_to(player, KEEP_ALIVE, wire.encode_keep_alive(player.slot, self.max_clients), now)

    def _send_to(self, player: _Player, kind: int, body: bytes, now: float) -> None:
        self._outbox.append((player.seal(kind, player.sequence, body), player.address))
        player.sequence += 1
        player.last_send_at = now
