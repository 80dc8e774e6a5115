"""A match on the server: datagrams in, datagrams out, one `step` per tick. No socket, no clock, no sleep.

    receive   datagrams -> payloads -> headers (all peers at once) -> inputs and channel messages
    step      inputs of this tick -> game.step -> events; every `snapshot_every` ticks publish and send

A peer is a slot of the netcode server; every per-peer array here is indexed by it. A client gets its `Welcome`, answers
`Ready`, and only then gets snapshots: so a snapshot that is acknowledged is one it could read. A client that is lost
may come back and find its row as it was (`roster`, `away`). A spectator is a peer without a row (-1): it is told of
everything, plays nothing, and is no player to anybody. Nothing a client sends raises out of here; it is counted in
`drops` by reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.address import Address, format_address
from engine.config import MatchConfig, ServerConfig
from engine.errors import NetError, ProtocolError, UsageError
from engine.game import Brain, Game, GameEvent, Inputs
from engine.identity import RESUME_SECRET_BYTES, decode_user_data, encode_resume_ticket
from engine.link.channels import ChannelFull, ChannelTable
from engine.link.header import decode_header, encode_header, encode_headers, is_fragment
from engine.link.netcode import MAX_PAYLOAD_BYTES, ClientConnected, ClientDisconnected, NetcodeServer
from engine.link.pacing import PacingConfig
from engine.link.paths import HEADER_BYTES, Paths
from engine.link.session_channels import CHANNELS, CHAT, EVENTS, GAME, MATCH
from engine.link.stats import LinkStats
from engine.link.traffic import Traffic
from engine.server.away import AwayPlayer
from engine.server.chat import Chat
from engine.server.inputs import InputRing
from engine.server.rewind import Rewinder
from engine.server.roster import Roster
from engine.server.snapshots import SnapshotStage
from engine.wire.body import MessageType, split_body
from engine.wire.inputs import decode_inputs
from engine.wire.messages import (
    ENGINE_MESSAGES,
    Farewell,
    Happened,
    Judged,
    Notice,
    Ready,
    Registry,
    Resume,
    Say,
    Welcome,
)
from engine.wire.recorder import Recorder
from engine.world.picture import VIEW_UNITS, present
from engine.world.schema import schema_hash
from engine.world.table import Rows, World

_SNAPSHOT = bytes([MessageType.SNAPSHOT])
_CHANNEL_ROOM = 200
"""Bytes of a packet kept for channel messages while some wait: news must get through even if every snapshot is full."""
_MORE_PACKETS = 8
"""Packets a snapshot's tick may carry to one peer besides the usual one: 2 Mbit/s at 30 Hz, and a client at 60 Hz still
tells of all of them."""
_UNREAD_MAX = 256
"""Game messages of one player that wait for the owner of the session."""
_FAREWELLS = 3
"""Copies of the packet that says why a connection is closed: none of them is sent again."""
_BEHIND = "too far behind"
_LOST = ("timed-out", _BEHIND)
"""Reasons for which a client may come back: the path failed, and neither side ended it."""


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """Something for the log: who and where from, and why, if there is a reason.

    kind: "joined", "watches" (it has no row, -1), "away" (lost, and waited for), "back", "left" or "refused".
    """

    kind: str
    name: str
    address: Address | None
    row: int
    reason: str = ""

    def __str__(self) -> str:
        origin = f" from {format_address(self.address)}" if self.address else ""
        return f"{self.name!r}{origin} {self.kind}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who is here, for consoles: kind is "player", "away", "bot" or "spectator", which has no row (-1).

    A bot has no address. rtt: seconds. slot: the peer slot of who is connected.
    """

    row: int
    name: str
    kind: str
    address: Address | None = None
    rtt: float | None = None
    slot: int | None = None


def _pacing(snapshot_hz: float) -> PacingConfig:
    """Return the pacing of a match: nobody's snapshots are held back before the path has shown that they must be."""
    usual = PacingConfig()
    start = min(max(usual.start_rate, 1.25 * MAX_PAYLOAD_BYTES * snapshot_hz), usual.max_rate)
    return PacingConfig(start_rate=start, snapshot_hz=snapshot_hz)


class _Peer:
    """What is not an array: one connected client.

    secret: opens its row to it later; empty: nothing does. former: what opened it this time; empty: it is new.
    """

    __slots__ = ("address", "channels", "client_id", "former", "name", "row", "secret", "slot", "traffic")

    def __init__(
        self,
        slot: int,
        name: str,
        address: Address,
        row: int,
        client_id: int,
        secret: bytes,
        former: bytes,
        traffic: Traffic,
    ) -> None:
        self.slot = slot
        self.name = name
        self.address = address
        self.row = row
        self.client_id = client_id
        self.secret = secret
        self.former = former
        self.traffic = traffic
        self.channels = traffic.channels

    @property
    def voice(self) -> int:
        """What chat knows it by: its row, and of a spectator a number below 0 of its own."""
        return self.row if self.row >= 0 else -1 - self.slot


class ServerSession:
    """One match. `netcode` lets clients in; `game` is what they play.

    `entropy(n)` returns n unpredictable bytes, for resume tickets; without it nobody who is lost can come back.
    `messages` and `channels` are what both sides speak: a game with messages of its own gives its registry
    (`ENGINE_MESSAGES.with_types`), and its table (`with_channels`) if it has channels too, here and to its clients.
    """

    def __init__(
        self,
        game: Game,
        netcode: NetcodeServer,
        match: MatchConfig | None = None,
        config: ServerConfig | None = None,
        entropy: Callable[[int], bytes] | None = None,
        messages: Registry = ENGINE_MESSAGES,
        channels: ChannelTable = CHANNELS,
    ) -> None:
        self.game = game
        self.match = match or MatchConfig(tick_hz=game.tick_hz)
        self.config = config or ServerConfig(max_players=netcode.max_clients)
        self.world = World(game.kinds)
        self.drops: Counter[str] = Counter()
        """Messages dropped by reason, above what netcode drops."""
        self.roster = Roster(game, self.world, self._tell_all)
        self.names = self.roster.names
        """Player row -> name, bots included."""
        self.chat = Chat(game, self.world, self.config)
        self._messages = messages
        self._channels = channels
        self._inbox: list[tuple[int, object]] = []
        self._unread: Counter[int] = Counter()
        self._netcode = netcode
        self._entropy = entropy if self.config.resume_seconds > 0 else None
        peers = netcode.max_clients
        self._paths = Paths(
            peers,
            self.config.payload_bytes,
            _pacing(self.match.snapshot_hz),
            self.config.switches.pacing,
        )
        self._acks = self._paths.acks
        repeat_ticks = round(self.config.repeat_limit * self.match.tick_hz)
        self.inputs = InputRing(game.input, peers, self.config.input_ring, repeat_ticks)
        self.snapshots = SnapshotStage(self.match, game, peers, self.config.switches.dead_reckoning)
        self._peers: dict[int, _Peer] = {}
        self._peer_of_row: dict[int, int] = {}
        self._own_row = np.full(peers, -1, np.int64)
        self._ready = np.zeros(peers, np.bool_)
        self._events: list[SessionEvent] = []
        self._overflowed: set[int] = set()
        self._recorder: Recorder | None = None
        self._schema = schema_hash(game.kinds)
        self.rewinder = Rewinder(
            self.match,
            self.world,
            self.snapshots.histories,
            self.snapshots.views,
            self.inputs,
            self._peer_of_row,
            self.config.switches.lag_compensation,
            lambda peer: float(np.nan_to_num(self._acks.meter.rtt_var[peer])),
            game.player,
        )
        self.snapshot_bytes_total = 0
        self.snapshots_total = 0
        game.start(self.world)

    # From the network ------------------------------------------------------------------------------------------------

    def receive(self, datagrams: Iterable[tuple[bytes, Address]], now: float) -> None:
        """Take all datagrams of a tick. Nothing in them raises."""
        arrived: list[tuple[int, bytes, int]] = []
        headers: list[tuple[int, int, int, int, int]] = []
        for slot, payload in self._netcode.receive_all(datagrams, now):
            try:
                if is_fragment(payload):
                    whole = self._peers[slot].traffic.whole(payload, now) if slot in self._peers else None
                    if whole is None:
                        continue
                    payload = whole
                sequence, ack, ack_bits, body_at = decode_header(payload)
            except ProtocolError as error:
                self.drops[error.reason] += 1
                continue
            headers.append((slot, sequence, ack, ack_bits, len(payload)))
            arrived.append((slot, payload, body_at))
        self._take_connection_events(now)
        if not headers:
            return
        slots, sequences, acks, bits, sizes = np.array(headers, np.int64).T
        received = self._paths.receive(slots, sequences, acks, bits.astype(np.uint64), now, sizes)
        acked = received.acked
        self.snapshots.views.acknowledged(acked.slots, acked.sequences)
        for slot, sequence in zip(acked.slots.tolist(), acked.sequences.tolist(), strict=True):
            peer = self._peers.get(slot)
            if peer is not None:
                peer.channels.on_acked(sequence)
        next_tick = self.world.tick + 1
        for fresh, (slot, payload, body_at) in zip(received.fresh.tolist(), arrived, strict=True):
            peer = self._peers.get(slot)
            if not fresh or peer is None:
                continue
            try:
                self._read_body(peer, payload[body_at:], next_tick, now)
            except ProtocolError as error:
                self.drops[error.reason] += 1

    def _read_body(self, peer: _Peer, body: bytes, next_tick: int, now: float) -> None:
        for kind, array in split_body(body):
            try:
                if kind == MessageType.INPUT:
                    if self._ready[peer.slot]:
                        new = decode_inputs(array, self.game.input, self.inputs.known(peer.slot))
                        self.inputs.receive(peer.slot, new, array[0], next_tick)
                elif kind == MessageType.CHANNEL:
                    self._read_channels(peer, array, now)
                else:
                    raise ProtocolError("unexpected-message", f"type {kind} from a client")
            except ProtocolError as error:
                # What stands behind it in the packet was acknowledged with it, and does not come again.
                self.drops[error.reason] += 1

    def _read_channels(self, peer: _Peer, array: list[Any], now: float) -> None:
        try:
            delivered = peer.channels.unpack(array, now)
        finally:
            if peer.channels.broken:
                self._overflowed.add(peer.slot)
        for _, data in delivered:
            try:
                self._read_message(peer, data, now)
            except ProtocolError as error:
                self.drops[error.reason] += 1

    def _read_message(self, peer: _Peer, data: bytes, now: float) -> None:
        message = self._messages.decode(data)
        if isinstance(message, Ready):
            if message.schema != self._schema:
                raise ProtocolError("wrong-schema", f"{message.schema}, ours is {self._schema}")
            self.snapshots.reset(peer.slot)
            self._ready[peer.slot] = True
        elif message is None:
            self.drops["unknown-message"] += 1
        elif not self._ready[peer.slot]:
            raise ProtocolError("unexpected-message", f"{type(message).__name__} before Ready")
        elif isinstance(message, Say):
            self._read_chat(peer, message, now)
        elif self._messages.is_of_game(message) and peer.row >= 0:
            self._unread[peer.row] += 1
            if self._unread[peer.row] > _UNREAD_MAX:
                raise ProtocolError("too-many-messages", f"row {peer.row}")
            self._inbox.append((peer.row, message))
        else:
            raise ProtocolError("unexpected-message", type(message).__name__)

    def _read_chat(self, peer: _Peer, say: Say, now: float) -> None:
        try:
            said = self.chat.take(peer.voice, peer.name, say, now)
        except ProtocolError as error:
            if error.reason == "chat-flood" and (word := self.chat.word_to_wait(peer.voice)) is not None:
                self._tell([peer], MATCH, word)
            raise
        self._tell([each for each in self._peers.values() if self.chat.hears(each.voice, said)], CHAT, said)
        if self._recorder is not None:
            self._recorder.message(self.world.tick, said)

    # Coming and going ------------------------------------------------------------------------------------------------

    def _take_connection_events(self, now: float) -> None:
        for event in self._netcode.events():
            if isinstance(event, ClientConnected):
                self._join(event, now)
            else:
                self._leave(event, now)

    def _join(self, event: ClientConnected, now: float) -> None:
        roster = self.roster
        try:
            said = decode_user_data(event.user_data)
        except NetError as error:
            self._refuse(event, "?", f"bad name ({error})", now)
            return
        if said.watches:
            self._watch(event, said.name, now)
            return
        row = roster.welcome_back(event.client_id, said.resume, now) if said.resume else None
        back = row is not None
        if row is None:
            row = roster.spawn()
        if row is None:
            self._refuse(event, said.name, "the server is full", now, again=True)
            return
        name = roster.names[row] if back else roster.free_name(said.name)
        secret = self._entropy(RESUME_SECRET_BYTES) if self._entropy is not None else b""
        peer = self._new_peer(event, name, row, now, secret, former=said.resume if back else b"")
        self._greet(peer)
        self._peer_of_row[row] = peer.slot
        if not back:
            self.chat.leave(row)
            roster.enter(row, name)
        self._events.append(SessionEvent("back" if back else "joined", name, event.address, row))

    def _watch(self, event: ClientConnected, name: str, now: float) -> None:
        """Let in a spectator."""
        if self.spectator_count >= self.config.max_spectators:
            self._refuse(event, name, "there is no room for another spectator", now, again=True)
            return
        peer = self._new_peer(event, self.roster.free_name(name), -1, now)
        self.chat.leave(peer.voice)
        self._greet(peer)
        self._events.append(SessionEvent("watches", peer.name, event.address, -1))

    def _new_peer(
        self, event: ClientConnected, name: str, row: int, now: float, secret: bytes = b"", former: bytes = b""
    ) -> _Peer:
        """Return the tenant of a peer slot in which nothing is left of the one before."""
        slot = event.slot
        self._paths.reset(slot, now)
        self.inputs.reset(slot)
        self.snapshots.reset(slot)
        self.rewinder.plausibility.reset(slot)
        self._ready[slot] = False
        self._own_row[slot] = row
        traffic = Traffic(self._paths, slot, self._channels, MessageType.CHANNEL, _MORE_PACKETS)
        return _Peer(slot, name, event.address, row, event.client_id, secret, former, traffic)

    def _greet(self, peer: _Peer) -> None:
        """Tell a new peer what is played, how to come back, and who is here; from now on it is told what all are."""
        self._tell([peer], MATCH, self._welcome(peer.row))
        if peer.secret:
            ticket = encode_resume_ticket(peer.client_id, peer.secret)
            self._tell([peer], MATCH, Resume(ticket, self.config.resume_seconds))
        for message in self.roster.news():
            self._tell([peer], MATCH, message)
        self._peers[peer.slot] = peer

    def _welcome(self, row: int) -> Welcome:
        match = self.match
        return Welcome(
            game=self.game.name,
            game_version=self.game.version,
            schema=self._schema,
            settings=dict(self.game.settings()),
            tick_hz=match.tick_hz,
            snapshot_every=match.snapshot_every,
            history_snapshots=match.history_snapshots,
            rewind_limit=match.rewind_limit,
            max_extrapolation=match.max_extrapolation,
            own_row=row,
            tick=self.world.tick,
        )

    def _refuse(self, event: ClientConnected, name: str, reason: str, now: float, again: bool = False) -> None:
        """Tell a client why it can't stay, and disconnect it. again: it may try later."""
        self._say_farewell(self._new_peer(event, name, -1, now), reason, again, now)
        self._netcode.disconnect(event.slot, now, reason)
        self._events.append(SessionEvent("refused", name, event.address, -1, reason))

    def _leave(self, event: ClientDisconnected, now: float) -> None:
        peer = self._peers.pop(event.slot, None)
        if peer is None:
            return
        # A client that was lost before it said anything has not seen the new secret: the one it came with stays good.
        secret = peer.secret if self._ready[peer.slot] else peer.former
        self._ready[peer.slot] = False
        if peer.row < 0:
            self._events.append(SessionEvent("left", peer.name, peer.address, -1, event.reason))
            return
        self._own_row[peer.slot] = -1
        del self._peer_of_row[peer.row]
        if not secret or event.reason not in _LOST:
            self.roster.exit(peer.row, event.reason)
            self._events.append(SessionEvent("left", peer.name, peer.address, peer.row, event.reason))
            return
        player = AwayPlayer(
            row=peer.row,
            name=peer.name,
            client_id=peer.client_id,
            address=peer.address,
            until=now + self.config.resume_seconds,
            secret=secret,
        )
        self._events.append(SessionEvent("away", peer.name, peer.address, peer.row, event.reason))
        former = self.roster.wait_for(player)
        if former is not None:
            self._note_gone(former, "came back as another")

    def _note_gone(self, player: AwayPlayer, reason: str) -> None:
        self._events.append(SessionEvent("left", player.name, player.address, player.row, reason))

    def add_bot(self, name: str, brain: Brain) -> bool:
        """Give a row to a bot; False when the match is full. A bot makes room when a player needs its row."""
        return self.roster.add_bot(name, brain)

    def kick(self, slot: int, reason: str, now: float, again: bool = False) -> None:
        """Tell a client why, and disconnect it. again: it is told that it may come back."""
        peer = self._peers.get(slot)
        if peer is None:
            return
        self._say_farewell(peer, reason, again, now)
        self._netcode.disconnect(slot, now, reason)
        self._take_connection_events(now)

    def _say_farewell(self, peer: _Peer, reason: str, again: bool, now: float) -> None:
        self._tell([peer], MATCH, Farewell(reason, again))
        self._send_packet(peer, b"", now, copies=_FAREWELLS)

    def expel(self, member: Member, reason: str, now: float) -> None:
        """Put out whoever `members` has just named, spectators too."""
        if member.slot is not None:
            self.kick(member.slot, reason, now)
        else:
            self.remove(member.row, reason, now)

    def remove(self, row: int, reason: str, now: float) -> bool:
        """Take whoever has player row `row` out of the match: a player is kicked, one away is not waited for any more.

        Returns False when nobody has it.
        """
        slot = self._peer_of_row.get(row)
        away = self.roster.away.remove(row)
        if slot is not None:
            self.kick(slot, reason, now)
        elif row in self.names:
            self.roster.exit(row, reason)
            if away is not None:
                self._note_gone(away, reason)
        else:
            return False
        return True

    def say(self, text: str) -> None:
        """Show `text` to everyone."""
        self._tell_all(Notice(text))

    def send(self, message: object, row: int | None = None, channel: str | int = GAME) -> bool:
        """Send one of the game's messages to player row `row`, or to everyone (None), on `channel`.

        Returns False when nobody plays that row here. Raises UsageError for a message that is not registered, or too
        large for the channel. A client that has not taken what a reliable channel holds for too long is disconnected.
        """
        if row is not None and row not in self._peer_of_row:
            return False
        to = self._peers.values() if row is None else [self._peers[self._peer_of_row[row]]]
        self._tell(to, channel, message)
        return True

    def messages(self) -> list[tuple[int, object]]:
        """Return the game's messages that came since the last call, with the player row of each, as they came.

        Call it every tick: of one player no more than 256 are kept.
        """
        inbox, self._inbox = self._inbox, []
        self._unread.clear()
        return inbox

    def stop(self, reason: str, now: float, again: bool = False) -> None:
        """Tell every client that the match ends, and disconnect all. again: they may come back to this address."""
        for slot in list(self._peers):
            self.kick(slot, reason, now, again)
        self._netcode.stop(now)

    # The tick --------------------------------------------------------------------------------------------------------

    def step(self, now: float) -> None:
        """Run one tick: call it at `match.tick_hz`, after `receive`; `datagrams_to_send` then has what goes out."""
        self._netcode.update(now)
        self._take_connection_events(now)
        self._look_at_paths(now)
        while self._overflowed:
            self.kick(self._overflowed.pop(), _BEHIND, now, again=True)
        if self.roster.away:
            for player in self.roster.give_up(now):
                self._note_gone(player, "stayed away")
        tick = self.world.tick + 1
        inputs = self._gather(tick)
        if self._recorder is not None:
            self._recorder.inputs(tick, inputs.rows, inputs.input.state, inputs.missing)
        self.world.tick = tick
        events = self.game.step(self.world, inputs, self.rewinder)
        self._announce(events)
        if tick % self.match.snapshot_every == 0:
            self.snapshots.publish(self.world)
            if self._recorder is not None:
                self._recorder.snapshot(tick, self.snapshots.published(tick))
            self._send(now)

    def _look_at_paths(self, now: float) -> None:
        for slot, sequence in self._paths.update(now):
            peer = self._peers.get(slot)
            if peer is not None:
                peer.channels.on_lost(sequence)
        # Everyone is looked after once a second: a peer that says nothing any more holds what it began.
        for slot in range(self.world.tick % self.match.tick_hz, len(self._ready), self.match.tick_hz):
            peer = self._peers.get(slot)
            if peer is not None and peer.traffic.expire(now):
                self._overflowed.add(slot)

    def _gather(self, tick: int) -> Inputs:
        """Return the inputs of `tick` by ascending row: players', bots', and none for players who are away."""
        # A spectator's inputs steer its clock, as everyone's do, and move nobody.
        slots = np.fromiter(self._peer_of_row.values(), np.int64, len(self._peer_of_row))
        played, missing = self.inputs.take(tick, slots)
        rows, states, gaps = [self._own_row[slots]], [played.state], [missing]
        if self.roster.away:
            of_away = np.array(self.roster.away.rows, np.int64)
            states.append(np.zeros((len(self.game.input.fields), len(of_away)), np.int32))
            rows.append(of_away)
            gaps.append(np.ones(len(of_away), np.bool_))
        if self.roster.bots:
            picture = present(self.world)
            minds: dict[int, tuple[Brain, list[int]]] = {}
            for row, brain in self.roster.bots.items():
                minds.setdefault(id(brain), (brain, []))[1].append(row)
            for brain, members in minds.values():
                of_brain = np.array(members, np.int64)
                states.append(brain.think(picture, of_brain, tick).state)
                rows.append(of_brain)
                gaps.append(np.zeros(len(of_brain), np.bool_))
        merged = np.concatenate(rows)
        order = np.argsort(merged)
        state = np.concatenate(states, axis=1)[:, order]
        return Inputs(merged[order], Rows(self.game.input, state), np.concatenate(gaps)[order])

    def _announce(self, events: list[GameEvent]) -> None:
        for event in events:
            message = Happened(event.tick, event.code, event.args)
            if self._recorder is not None:
                self._recorder.message(event.tick, message, event.to)
            if event.to is None:
                self._tell(self._peers.values(), EVENTS, message)
            elif event.to in self._peer_of_row:
                self._tell([self._peers[self._peer_of_row[event.to]]], EVENTS, message)
        for verdict, _ in self.rewinder.drain():
            slot = self._peer_of_row.get(verdict.shooter)
            if slot is not None or self._recorder is not None:
                judged = Judged(
                    tick=verdict.tick,
                    hit=-1 if verdict.hit is None else verdict.hit,
                    reason=verdict.reason,
                    claimed_age=round(verdict.claimed_age * VIEW_UNITS),
                    allowed_age=round(verdict.allowed_age * VIEW_UNITS),
                    clamped=verdict.clamped,
                )
                if self._recorder is not None:
                    self._recorder.message(verdict.tick, judged, verdict.shooter)
                if slot is not None:
                    self._tell([self._peers[slot]], EVENTS, judged)

    def _tell_all(self, message: object) -> None:
        self._tell(self._peers.values(), MATCH, message)
        if self._recorder is not None:
            self._recorder.message(self.world.tick, message)

    def _tell(self, peers: Iterable[_Peer], channel: str | int, message: object) -> None:
        data = self._messages.encode(message)
        for peer in peers:
            try:
                peer.channels.send(channel, data)
            except ChannelFull:
                # It has taken nothing for so long that what it must know no longer fits: it can't go on.
                self._overflowed.add(peer.slot)

    # To the network --------------------------------------------------------------------------------------------------

    def _send(self, now: float) -> None:
        """Send a packet to everyone who is due for one: the snapshot, and what the channels hold."""
        paths, tick = self._paths, self.world.tick
        for slot, peer in self._peers.items():
            if not self._ready[slot]:
                self._send_packet(peer, b"", now)
        ready = np.array([slot for slot in self._peers if self._ready[slot]], np.int64)
        due = paths.snapshots_due(tick // self.match.snapshot_every, ready)
        if not due.all():
            # A path that is full is spared snapshots, and nothing else.
            resting = ready[~due]
            for slot, owed in zip(resting.tolist(), paths.answers_due(resting).tolist(), strict=True):
                peer = self._peers[slot]
                if owed or peer.traffic.pending:
                    self._send_packet(peer, b"", now, bare=owed)
        peers = ready[due]
        if not len(peers):
            return
        members = [self._peers[slot] for slot in peers.tolist()]
        room = paths.snapshot_room(peers) - 1
        kept = np.array([_CHANNEL_ROOM if peer.channels.pending else 0 for peer in members])
        batch = self.snapshots.build(self.world, peers, self._own_row[peers], self.inputs, room - kept)
        self.inputs.snapshot_sent(peers)
        bodies = [
            _SNAPSHOT + message + peer.traffic.block(len(message) + 1, now)
            for peer, message in zip(members, batch.messages, strict=True)
        ]
        sizes = np.fromiter(map(len, bodies), np.int64, len(bodies)) + HEADER_BYTES
        sequences, acks, ack_bits = self._acks.send(peers, now, sizes)
        send = self._netcode.send
        for peer, header, body in zip(members, encode_headers(sequences, acks, ack_bits), bodies, strict=True):
            send(peer.slot, header + body, now)
        snapshot_sizes = np.fromiter(map(len, batch.messages), np.int64, len(members))
        paths.snapshots_sent(peers, snapshot_sizes, sizes, room - kept)
        self.snapshot_bytes_total += int(snapshot_sizes.sum())
        self.snapshots_total += len(members)
        self.snapshots.views.sent(peers, sequences, tick, batch.status)
        for peer in members:
            if peer.traffic.pending:
                self._send_more(peer, now)

    def _send_packet(self, peer: _Peer, body: bytes, now: float, copies: int = 1, bare: bool = True) -> None:
        """Send one peer `body`, and what fits behind it of its channel messages; `copies` arrive as one.

        bare: an empty body is sent too, for its header's sake.
        """
        body += peer.traffic.block(len(body), now)
        if body or bare:
            header = encode_header(*self._acks.send_one(peer.slot, now, len(body) + HEADER_BYTES))
            for _ in range(copies):
                self._netcode.send(peer.slot, header + body, now)
            self._paths.sent(peer.slot, len(body) + HEADER_BYTES)
        self._send_more(peer, now)

    def _send_more(self, peer: _Peer, now: float) -> None:
        """Send one peer what of its channel messages found no room, as far as its budget goes."""
        for packet in peer.traffic.packets(now):
            self._netcode.send(peer.slot, packet, now)

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Return what is to go out now."""
        return self._netcode.datagrams_to_send()

    def record(self, recorder: Recorder) -> None:
        """Tell `recorder` of all that happens from now on; it changes nothing of the match."""
        recorder.begin(self.game, self.match, None, self.world.tick)
        for message in self.roster.news():
            recorder.message(self.world.tick, message)
        self._recorder = recorder

    # For whoever runs it ---------------------------------------------------------------------------------------------

    def events(self) -> list[SessionEvent]:
        """Return what happened since the last call, for the log."""
        events, self._events = self._events, []
        return events

    def all_drops(self) -> Counter[str]:
        """Return what was dropped by reason, on every floor."""
        return self.drops + self._netcode.drops

    @property
    def player_count(self) -> int:
        """Connected people (and bot clients) who play, without the server's own bots."""
        return len(self._peer_of_row)

    @property
    def spectator_count(self) -> int:
        """Connections that only watch."""
        return len(self._peers) - len(self._peer_of_row)

    @property
    def bot_count(self) -> int:
        """The server's own bots."""
        return len(self.roster.bots)

    @property
    def away_count(self) -> int:
        """Players who lost their connection and are waited for."""
        return len(self.roster.away)

    def members(self, now: float) -> list[Member]:
        """Return everyone who is here, those who are connected first."""
        found = [
            Member(
                peer.row,
                peer.name,
                "player" if peer.row >= 0 else "spectator",
                peer.address,
                self._acks.stats(slot, now).rtt,
                slot,
            )
            for slot, peer in self._peers.items()
        ]
        found += [Member(player.row, player.name, "away", player.address) for player in self.roster.away.players]
        return found + [Member(row, self.names[row], "bot") for row in self.roster.bots]

    def peer_slot(self, row: int) -> int | None:
        """Return the peer slot that plays player row `row`: the index into every per-peer array; None for a bot."""
        return self._peer_of_row.get(row)

    def why(self, row: int, kind: str, other: int) -> str:
        """Say what became of row `other` of `kind` in the last snapshot for the player in `row`, and why.

        Raises UsageError for one who is no player here, and for a kind or a row that there is not.
        """
        slot = self._peer_of_row.get(row)
        if slot is None:
            raise UsageError(f"no snapshots go to player row {row}")
        why = self.snapshots.why(slot, kind, other)
        divider = self._paths.snapshot_divider(slot)
        rarely = f"; its path takes every {divider}th snapshot" if divider > 1 else ""
        return f"tick {why.tick}: {why}{rarely}"

    @property
    def messages_waiting(self) -> int:
        """Messages to all players that wait to be sent, or to be known delivered."""
        return sum(peer.channels.waiting for peer in self._peers.values())

    def link_stats(self, now: float) -> dict[int, LinkStats]:
        """Return the path figures of every player, by row."""
        return {row: self._acks.stats(slot, now) for row, slot in self._peer_of_row.items()}
