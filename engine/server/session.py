"""A match on the server: datagrams in, datagrams out, one `step` per tick. No socket, no clock, no sleep.

    receive   datagrams -> payloads -> headers (all peers at once) -> `reading`: inputs and channel messages
    step      `attendance`: who comes and goes; `gathering`: inputs of this tick -> game.step -> `telling`: events;
              every `snapshot_every` ticks publish, and `sending`

`ServerSession` wires these together and says in which order they run; what each does is in the module of that name. A
peer is a slot of the netcode server; every per-peer array is indexed by it (`peers`). A client gets its `Welcome`,
answers `Ready`, and only then gets snapshots: so a snapshot that is acknowledged is one it could read. A client that is
lost may come back and find its row as it was (`roster`, `away`). A spectator is a peer without a row (-1): it is told
of everything, plays nothing, and is no player to anybody. Nothing a client sends raises out of here; it is counted in
`drops` by reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from engine.address import Address
from engine.config import MatchConfig, ServerConfig
from engine.errors import ProtocolError, UsageError
from engine.game import Brain, Game
from engine.link.channels import ChannelTable
from engine.link.header import decode_header, is_fragment
from engine.link.netcode import MAX_PAYLOAD_BYTES, NetcodeServer
from engine.link.pacing import PacingConfig
from engine.link.paths import Paths
from engine.link.session_channels import CHANNELS, GAME
from engine.link.stats import LinkStats
from engine.server.attendance import Attendance, SessionEvent, Slots
from engine.server.chat import Chat
from engine.server.gathering import gather
from engine.server.inputs import InputRing
from engine.server.members import Member, list_members
from engine.server.peers import Peers
from engine.server.reading import Reader
from engine.server.rewind import Rewinder
from engine.server.roster import Roster
from engine.server.sending import Sender
from engine.server.snapshots import SnapshotStage
from engine.server.telling import Teller
from engine.wire.messages import ENGINE_MESSAGES, Notice, Registry
from engine.wire.recorder import Recorder
from engine.world.coasting import CoastingGame
from engine.world.table import World


def _pacing(snapshot_hz: float) -> PacingConfig:
    """Return the pacing of a match: nobody's snapshots are held back before the path has shown that they must be."""
    usual = PacingConfig()
    start = min(max(usual.start_rate, 1.25 * MAX_PAYLOAD_BYTES * snapshot_hz), usual.max_rate)
    return PacingConfig(start_rate=start, snapshot_hz=snapshot_hz)


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
        self.match = match = match or MatchConfig(tick_hz=game.tick_hz)
        self.config = config = config or ServerConfig(max_players=netcode.max_clients)
        self.world = world = World(game.kinds)
        self.drops: Counter[str] = Counter()
        """Messages dropped by reason, above what netcode drops."""
        slots, switches = netcode.max_clients, config.switches
        self._netcode = netcode
        self._peers = peers = Peers(slots)
        self._paths = paths = Paths(slots, config.payload_bytes, _pacing(match.snapshot_hz), switches.pacing)
        self._acks = acks = paths.acks
        repeat_ticks = round(config.repeat_limit * match.tick_hz)
        self.inputs = InputRing(game.input, slots, config.input_ring, repeat_ticks)
        self.snapshots = SnapshotStage(match, game, slots, switches.dead_reckoning)
        self.rewinder = Rewinder(
            match,
            world,
            self.snapshots.histories,
            self.snapshots.views,
            self.inputs,
            peers.slot_of_row,
            switches.lag_compensation,
            lambda slot: float(np.nan_to_num(acks.meter.rtt_var[slot])),
            game.player,
            game if isinstance(game, CoastingGame) else None,
        )
        self._teller = teller = Teller(peers, world, messages)
        self.roster = Roster(game, world, teller.tell_all)
        self.names = self.roster.names
        """Player row -> name, bots included."""
        self.chat = Chat(game, world, config)
        self._reader = Reader(game, messages, peers, self.inputs, self.snapshots, self.chat, teller, self.drops)
        self._sender = Sender(match, world, peers, paths, netcode, self.inputs, self.snapshots)
        self._attendance = Attendance(
            game=game,
            world=world,
            match=match,
            config=config,
            netcode=netcode,
            slots=Slots(paths, channels, self.inputs, self.snapshots, self.rewinder.plausibility),
            peers=peers,
            roster=self.roster,
            chat=self.chat,
            teller=teller,
            sender=self._sender,
            entropy=entropy,
        )
        game.start(world)

    # From the network ------------------------------------------------------------------------------------------------

    def receive(self, datagrams: Iterable[tuple[bytes, Address]], now: float) -> None:
        """Take all datagrams of a tick. Nothing in them raises."""
        arrived: list[tuple[int, bytes, int]] = []
        headers: list[tuple[int, int, int, int, int]] = []
        for slot, payload in self._netcode.receive_all(datagrams, now):
            try:
                if is_fragment(payload):
                    peer = self._peers.get(slot)
                    whole = None if peer is None else peer.traffic.whole(payload, now)
                    if whole is None:
                        continue
                    payload = whole
                sequence, ack, ack_bits, body_at = decode_header(payload)
            except ProtocolError as error:
                self.drops[error.reason] += 1
                continue
            headers.append((slot, sequence, ack, ack_bits, len(payload)))
            arrived.append((slot, payload, body_at))
        self._attendance.update(now)
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
        packets = [
            (peer, payload[body_at:])
            for fresh, (slot, payload, body_at) in zip(received.fresh.tolist(), arrived, strict=True)
            if fresh and (peer := self._peers.get(slot)) is not None
        ]
        self._reader.read(packets, self.world.tick + 1, now)

    # The tick --------------------------------------------------------------------------------------------------------

    def step(self, now: float) -> None:
        """Run one tick: call it at `match.tick_hz`, after `receive`; `datagrams_to_send` then has what goes out."""
        self._netcode.update(now)
        self._attendance.update(now)
        self._look_at_paths(now)
        self._attendance.put_out_lost(now)
        world, recorder = self.world, self._teller.recorder
        tick = world.tick + 1
        inputs = gather(tick, self.game.input, world, self._peers, self.inputs, self.roster)
        if recorder is not None:
            recorder.inputs(tick, inputs.rows, inputs.input.state, inputs.missing)
        world.tick = tick
        self._teller.happened(self.game.step(world, inputs, self.rewinder))
        self._teller.judged(verdict for verdict, _ in self.rewinder.drain())
        if tick % self.match.snapshot_every == 0:
            self.snapshots.publish(world)
            if recorder is not None:
                recorder.snapshot(tick, self.snapshots.published(tick))
            self._sender.send_all(now)

    def _look_at_paths(self, now: float) -> None:
        for slot, sequence in self._paths.update(now):
            peer = self._peers.get(slot)
            if peer is not None:
                peer.channels.on_lost(sequence)
        # Everyone is looked after once a second: a peer that says nothing any more holds what it began.
        for slot in range(self.world.tick % self.match.tick_hz, self._netcode.max_clients, self.match.tick_hz):
            peer = self._peers.get(slot)
            if peer is not None and peer.traffic.expire(now):
                self._peers.behind.add(slot)

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Return what is to go out now."""
        return self._netcode.datagrams_to_send()

    # For whoever runs it: what to do ---------------------------------------------------------------------------------

    def add_bot(self, name: str, brain: Brain) -> bool:
        """Give a row to a bot; False when the match is full. A bot makes room when a player needs its row."""
        return self.roster.add_bot(name, brain)

    def kick(self, slot: int, reason: str, now: float, again: bool = False) -> None:
        """Tell a client why, and disconnect it. again: it is told that it may come back."""
        self._attendance.kick(slot, reason, now, again)

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
        return self._attendance.remove(row, reason, now)

    def say(self, text: str) -> None:
        """Show `text` to everyone."""
        self._teller.tell_all(Notice(text))

    def send(self, message: object, row: int | None = None, channel: str | int = GAME) -> bool:
        """Send one of the game's messages to player row `row`, or to everyone (None), on `channel`.

        Returns False when nobody plays that row here. Raises UsageError for a message that is not registered, or too
        large for the channel. A client that has not taken what a reliable channel holds for too long is disconnected.
        """
        return self._teller.tell_of_game(channel, message, row)

    def messages(self) -> list[tuple[int, object]]:
        """Return the game's messages that came since the last call, with the player row of each, as they came.

        Call it every tick: of one player no more than 256 are kept.
        """
        return self._reader.taken()

    def record(self, recorder: Recorder) -> None:
        """Tell `recorder` of all that happens from now on; it changes nothing of the match."""
        recorder.begin(self.game, self.match, None, self.world.tick)
        for message in self.roster.news():
            recorder.message(self.world.tick, message)
        self._teller.recorder = recorder

    def stop(self, reason: str, now: float, again: bool = False) -> None:
        """Tell every client that the match ends, and disconnect all. again: they may come back to this address."""
        for slot in list(self._peers.by_slot):
            self.kick(slot, reason, now, again)
        self._netcode.stop(now)

    # For whoever runs it: what there is ------------------------------------------------------------------------------

    def events(self) -> list[SessionEvent]:
        """Return what happened since the last call, for the log."""
        return self._attendance.events()

    def all_drops(self) -> Counter[str]:
        """Return what was dropped by reason, on every floor."""
        return self.drops + self._netcode.drops

    @property
    def player_count(self) -> int:
        """Connected people (and bot clients) who play, without the server's own bots."""
        return self._peers.player_count

    @property
    def spectator_count(self) -> int:
        """Connections that only watch."""
        return self._peers.spectator_count

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
        return list_members(self._peers, self.roster, self._acks, now)

    def peer_slot(self, row: int) -> int | None:
        """Return the peer slot that plays player row `row`: the index into every per-peer array; None for a bot."""
        return self._peers.slot_of_row.get(row)

    def why(self, row: int, kind: str, other: int) -> str:
        """Say what became of row `other` of `kind` in the last snapshot for the player in `row`, and why.

        Raises UsageError for one who is no player here, and for a kind or a row that there is not.
        """
        slot = self.peer_slot(row)
        if slot is None:
            raise UsageError(f"no snapshots go to player row {row}")
        why = self.snapshots.why(slot, kind, other)
        divider = self._paths.snapshot_divider(slot)
        rarely = f"; its path takes every {divider}th snapshot" if divider > 1 else ""
        return f"tick {why.tick}: {why}{rarely}"

    @property
    def messages_waiting(self) -> int:
        """Messages to all players that wait to be sent, or to be known delivered."""
        return sum(peer.channels.waiting for peer in self._peers)

    @property
    def snapshots_total(self) -> int:
        """Snapshots sent since the start, to all."""
        return self._sender.snapshots_total

    @property
    def snapshot_bytes_total(self) -> int:
        """Their bytes, without what channels and headers add."""
        return self._sender.snapshot_bytes_total

    def link_stats(self, now: float) -> dict[int, LinkStats]:
        """Return the path figures of every player, by row."""
        return {row: self._acks.stats(slot, now) for row, slot in self._peers.slot_of_row.items()}
