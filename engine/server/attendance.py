"""Who comes and who goes: joining, watching, being refused, lost and waited for, coming back, put out.

    ClientConnected    -> bad name, or no room: told why, and disconnected     refused
                       -> with a ticket, to a row that waits for it            back
                       -> to a row, a bot's where none is free                 joined
                       -> to watch, without a row                              watches
    ClientDisconnected -> the path failed, and it has a ticket: its row waits  away
                       -> otherwise: its row is free                           left

Whoever comes gets a slot in which nothing is left of the one before, and is greeted: the `Welcome`, its ticket, and who
is here. Whoever is put out is told why. All of it is in `events`, for the log. Not here: rows and names (`roster`),
tickets (`away`), and whether to let an address in at all (`engine.link.netcode`, `engine.ops.access`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.address import Address, format_address
from engine.config import MatchConfig, ServerConfig
from engine.errors import NetError
from engine.game import Game
from engine.identity import RESUME_SECRET_BYTES, decode_user_data, encode_resume_ticket
from engine.link.channels import ChannelTable
from engine.link.netcode import ClientConnected, ClientDisconnected, NetcodeServer
from engine.link.paths import Paths
from engine.link.session_channels import MATCH
from engine.link.traffic import Traffic
from engine.server.away import AwayPlayer
from engine.server.chat import Chat
from engine.server.inputs import InputRing
from engine.server.peers import Peer, Peers
from engine.server.plausibility import Plausibility
from engine.server.roster import Roster
from engine.server.sending import Sender
from engine.server.snapshots import SnapshotStage
from engine.server.telling import Teller
from engine.wire.body import MessageType
from engine.wire.messages import Farewell, Resume, Welcome
from engine.world.schema import schema_hash
from engine.world.table import World

_MORE_PACKETS = 8
"""Packets a snapshot's tick may carry to one peer besides the usual one: 2 Mbit/s at 30 Hz, and a client at 60 Hz still
tells of all of them."""
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


class Slots:
    """Peer slots made ready for their next tenant: nothing in any per-peer array is left of the one before."""

    def __init__(
        self,
        paths: Paths,
        channels: ChannelTable,
        inputs: InputRing,
        snapshots: SnapshotStage,
        plausibility: Plausibility,
    ) -> None:
        self._paths = paths
        self._channels = channels
        self._inputs = inputs
        self._snapshots = snapshots
        self._plausibility = plausibility

    def tenant(
        self, event: ClientConnected, name: str, row: int, now: float, secret: bytes = b"", former: bytes = b""
    ) -> Peer:
        """Return the new tenant of the slot that `event` names."""
        slot = event.slot
        self._paths.reset(slot, now)
        self._inputs.reset(slot)
        self._snapshots.reset(slot)
        self._plausibility.reset(slot)
        traffic = Traffic(self._paths, slot, self._channels, MessageType.CHANNEL, _MORE_PACKETS)
        return Peer(slot, name, event.address, row, event.client_id, secret, former, traffic)


class Attendance:
    """See the module. `entropy(n)` returns n unpredictable bytes, for tickets; None: nobody gets one."""

    def __init__(
        self,
        *,
        game: Game,
        world: World,
        match: MatchConfig,
        config: ServerConfig,
        netcode: NetcodeServer,
        slots: Slots,
        peers: Peers,
        roster: Roster,
        chat: Chat,
        teller: Teller,
        sender: Sender,
        entropy: Callable[[int], bytes] | None,
    ) -> None:
        self._game = game
        self._world = world
        self._match = match
        self._config = config
        self._netcode = netcode
        self._slots = slots
        self._peers = peers
        self._roster = roster
        self._chat = chat
        self._teller = teller
        self._sender = sender
        self._entropy = entropy if config.resume_seconds > 0 else None
        self._schema = schema_hash(game.kinds)
        self._events: list[SessionEvent] = []

    def update(self, now: float) -> None:
        """Take in and let go whom netcode has connected and disconnected."""
        for event in self._netcode.events():
            if isinstance(event, ClientConnected):
                self._join(event, now)
            else:
                self._leave(event, now)

    def put_out_lost(self, now: float) -> None:
        """Put out whoever is too far behind to go on, and wait no longer for whoever stayed away too long."""
        while self._peers.behind:
            self.kick(self._peers.behind.pop(), _BEHIND, now, again=True)
        if self._roster.away:
            for player in self._roster.give_up(now):
                self._note_gone(player, "stayed away")

    def kick(self, slot: int, reason: str, now: float, again: bool = False) -> None:
        """Tell a client why, and disconnect it. again: it is told that it may come back."""
        peer = self._peers.get(slot)
        if peer is None:
            return
        self._say_farewell(peer, reason, again, now)
        self._netcode.disconnect(slot, now, reason)
        self.update(now)

    def remove(self, row: int, reason: str, now: float) -> bool:
        """Take whoever has player row `row` out of the match; False when nobody has it."""
        slot = self._peers.slot_of_row.get(row)
        away = self._roster.away.remove(row)
        if slot is not None:
            self.kick(slot, reason, now)
        elif row in self._roster.names:
            self._roster.exit(row, reason)
            if away is not None:
                self._note_gone(away, reason)
        else:
            return False
        return True

    def events(self) -> list[SessionEvent]:
        """Return what happened since the last call."""
        events, self._events = self._events, []
        return events

    # Coming ----------------------------------------------------------------------------------------------------------

    def _join(self, event: ClientConnected, now: float) -> None:
        roster = self._roster
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
        peer = self._slots.tenant(event, name, row, now, secret, former=said.resume if back else b"")
        self._greet(peer)
        if not back:
            self._chat.leave(row)
            roster.enter(row, name)
        self._note("back" if back else "joined", peer)

    def _watch(self, event: ClientConnected, name: str, now: float) -> None:
        """Let in a spectator."""
        if self._peers.spectator_count >= self._config.max_spectators:
            self._refuse(event, name, "there is no room for another spectator", now, again=True)
            return
        peer = self._slots.tenant(event, self._roster.free_name(name), -1, now)
        self._chat.leave(peer.voice)
        self._greet(peer)
        self._note("watches", peer)

    def _refuse(self, event: ClientConnected, name: str, reason: str, now: float, again: bool = False) -> None:
        """Tell a client why it can't stay, and disconnect it. again: it may try later."""
        peer = self._slots.tenant(event, name, -1, now)
        self._say_farewell(peer, reason, again, now)
        self._netcode.disconnect(event.slot, now, reason)
        self._note("refused", peer, reason)

    def _greet(self, peer: Peer) -> None:
        """Tell a new peer what is played, how to come back, and who is here; from now on it is told what all are."""
        tell = self._teller.tell
        tell([peer], MATCH, self._welcome(peer.row))
        if peer.secret:
            ticket = encode_resume_ticket(peer.client_id, peer.secret)
            tell([peer], MATCH, Resume(ticket, self._config.resume_seconds))
        for message in self._roster.news():
            tell([peer], MATCH, message)
        self._peers.enter(peer)

    def _welcome(self, row: int) -> Welcome:
        match = self._match
        return Welcome(
            game=self._game.name,
            game_version=self._game.version,
            schema=self._schema,
            settings=dict(self._game.settings()),
            tick_hz=match.tick_hz,
            snapshot_every=match.snapshot_every,
            history_snapshots=match.history_snapshots,
            rewind_limit=match.rewind_limit,
            max_extrapolation=match.max_extrapolation,
            own_row=row,
            tick=self._world.tick,
        )

    # Going -----------------------------------------------------------------------------------------------------------

    def _leave(self, event: ClientDisconnected, now: float) -> None:
        was_ready = bool(self._peers.ready[event.slot])
        peer = self._peers.leave(event.slot)
        if peer is None:
            return
        if peer.row < 0:
            self._note("left", peer, event.reason)
            return
        # A client that was lost before it said anything has not seen the new secret: the one it came with stays good.
        secret = peer.secret if was_ready else peer.former
        if not secret or event.reason not in _LOST:
            self._roster.exit(peer.row, event.reason)
            self._note("left", peer, event.reason)
            return
        player = AwayPlayer(
            row=peer.row,
            name=peer.name,
            client_id=peer.client_id,
            address=peer.address,
            until=now + self._config.resume_seconds,
            secret=secret,
        )
        self._note("away", peer, event.reason)
        former = self._roster.wait_for(player)
        if former is not None:
            self._note_gone(former, "came back as another")

    def _say_farewell(self, peer: Peer, reason: str, again: bool, now: float) -> None:
        self._teller.tell([peer], MATCH, Farewell(reason, again))
        self._sender.send_packet(peer, now, copies=_FAREWELLS)

    def _note(self, kind: str, peer: Peer, reason: str = "") -> None:
        self._events.append(SessionEvent(kind, peer.name, peer.address, peer.row, reason))

    def _note_gone(self, player: AwayPlayer, reason: str) -> None:
        self._events.append(SessionEvent("left", player.name, player.address, player.row, reason))
