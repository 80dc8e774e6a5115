"""One player's side of a match: datagrams in, inputs out, pictures to draw. No socket, no clock, no pygame.

    receive   datagrams -> netcode -> header -> snapshots, channel messages
    update    ticks due -> input -> prediction -> input packet
    picture   remote rows at the view time, the own row as predicted

Its life: CONNECTING (netcode) -> JOINING (waiting for the welcome and a first snapshot) -> PLAYING -> CLOSED, with
`reason` in words. Nothing a server sends raises out of here; it is counted in `drops` by reason.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any

import numpy as np

from engine.address import Address
from engine.client.figures import ClientFigures
from engine.client.input_delay import InputDelay
from engine.client.interpolation import Interpolation
from engine.client.news import News
from engine.client.prediction import Prediction, PredictionFigures
from engine.client.spawns import SpawnFigures, Spawns
from engine.client.timeline import FAR_TICKS, LeadClock, ViewClock
from engine.config import REPEAT_LIMIT, ClientConfig, MatchConfig
from engine.errors import ProtocolError, UsageError
from engine.game import Game, GameEvent, GameFactory, SpawningGame, TeamGame, stand_in
from engine.identity import decode_resume_ticket
from engine.link.channels import ChannelFull, ChannelTable
from engine.link.header import decode_header, encode_header
from engine.link.netcode import ClientState, NetcodeClient
from engine.link.paths import HEADER_BYTES, LOOK_INTERVAL_IDLE, Paths
from engine.link.session_channels import CHANNELS, CHAT, GAME, MATCH
from engine.link.traffic import Traffic
from engine.text import clean_line, printable
from engine.wire.body import MessageType, split_body
from engine.wire.inputs import InputWriter, StampedInput, clamp_inputs
from engine.wire.messages import (
    ENGINE_MESSAGES,
    MAX_CHAT,
    Farewell,
    Happened,
    Judged,
    Notice,
    PlayerAway,
    PlayerJoined,
    PlayerLeft,
    Ready,
    Registry,
    Resume,
    Said,
    Say,
    Welcome,
)
from engine.wire.recorder import Recorder
from engine.wire.snapshot import Snapshot, decode_snapshot
from engine.world.coasting import CoastingGame
from engine.world.history import Received
from engine.world.picture import VIEW_UNITS, Picture, Seen, View
from engine.world.schema import schema_hash
from engine.world.table import Rows

_MORE_PACKETS = 2
"""Packets a tick may carry besides the usual one: 1 Mbit/s at 60 Hz, and a server at 30 Hz tells of all of them."""
_IDLE_INTERVAL = 0.05
"""Seconds between packets while there are no inputs to send: they carry acknowledgements, and measure the path."""
_MAX_TICKS_AT_ONCE = 8
"""Inputs asked for in one update at most; after a longer stall, or a jump ahead, the ticks between are bridged."""

# Of the own row in a picture, which is a table of one.
_ALIVE, _FIRST = np.ones(1, np.bool_), np.zeros(1, np.int32)
_ALIVE.setflags(write=False)
_FIRST.setflags(write=False)

_RECORDED = (PlayerJoined, PlayerLeft, PlayerAway, Notice, Said, Happened, Judged)
"""What a recorder is told of what the server tells, besides the game's own messages."""

Controls = Callable[[int], Sequence[int]]
"""Gives the input of a tick: the values of the game's input fields, in order."""


class Phase(Enum):
    """Where a session is in its life."""

    CONNECTING = "connecting"
    JOINING = "joining"
    PLAYING = "playing"
    CLOSED = "closed"


class ClientSession:
    """See the module. `games` makes the game from the server's settings.

    unix_time: at `now`, if this machine's clock is to be trusted with the token's expiry; None: it need not be.
    """

    def __init__(
        self,
        games: GameFactory,
        token: bytes,
        now: float,
        unix_time: float | None,
        entropy: Callable[[int], bytes],
        config: ClientConfig | None = None,
        messages: Registry = ENGINE_MESSAGES,
        channels: ChannelTable = CHANNELS,
    ) -> None:
        self.config = config or ClientConfig()
        self._registry = messages
        self.phase = Phase.CONNECTING
        self.reason = ""
        """Why the session is CLOSED, in words for the player."""
        self.may_return = False
        """Whether a new session may fare better: the path or the server failed, and nobody said no."""
        self.resume_ticket = ""
        """What the lobby is to be given to find this player as it was; "" while there is none. A secret."""
        self.drops: Counter[str] = Counter()
        self.game: Game | None = None
        self.match: MatchConfig | None = None
        self.own_row: int | None = None
        self.snapshot: Snapshot | None = None
        """The newest snapshot."""
        self.switches = self.config.switches
        """Which mechanisms are on; may be replaced at any time."""
        self.input_delay = InputDelay(self.config.input_delay)
        """After how many ticks the own row answers; its `choice` may be changed at any time."""
        self.recorder: Recorder | None = None
        """Who is told of what comes from the welcome on; `recording.record` sets it at any time."""
        self._games = games
        self._netcode = NetcodeClient(token=token, now=now, unix_time=unix_time, entropy=entropy)
        self._paths = Paths(1, paced=self.config.switches.pacing, idle_interval=LOOK_INTERVAL_IDLE)
        self._paths.reset(0, now)
        self._acks = self._paths.acks
        self._traffic = Traffic(self._paths, 0, channels, MessageType.CHANNEL, _MORE_PACKETS)
        self._channels = self._traffic.channels
        self._last_send_at = -1e9
        self._news = News(messages)
        self._last_input = -1
        self._last_values: tuple[int, ...] = ()
        self._view: View | None = None
        self._drawn_at = now
        self._snapshots = 0
        self._taken: deque[int] = deque(maxlen=64)
        self._snapshot_bytes = 0
        self._last_snapshot_bytes = 0
        self._inputs_missing = 0
        self._inputs_made = 0

    # From the network ------------------------------------------------------------------------------------------------

    def receive(self, datagrams: Iterable[tuple[bytes, Address]], now: float) -> None:
        """Take what arrived. Nothing in it raises."""
        for datagram, address in datagrams:
            payload = self._netcode.receive(datagram, address, now)
            if payload is None:
                continue
            try:
                packet = self._traffic.whole(payload, now)
                if packet is not None:
                    self._read_packet(packet, now)
            except ProtocolError as error:
                self.drops[error.reason] += 1
        self._follow_netcode()

    def _read_packet(self, packet: bytes, now: float) -> None:
        sequence, ack, ack_bits, body_at = decode_header(packet)
        fresh, acked = self._paths.receive_one(0, sequence, ack, ack_bits, now, len(packet))
        for _, delivered, _, _ in acked:
            self._channels.on_acked(delivered)
        if not fresh:
            return
        for kind, array in split_body(packet[body_at:]):
            try:
                if kind == MessageType.SNAPSHOT:
                    self._read_snapshot(array, len(packet) - body_at, now)
                elif kind == MessageType.CHANNEL:
                    self._read_channels(array, now)
                else:
                    raise ProtocolError("unexpected-message", f"type {kind} from the server")
            except ProtocolError as error:
                # What stands behind it in the packet was acknowledged with it, and does not come again.
                self.drops[error.reason] += 1

    def _read_channels(self, array: list[Any], now: float) -> None:
        for _, data in self._channels.unpack(array, now):
            try:
                self._read_message(data, now)
            except ProtocolError as error:
                self.drops[error.reason] += 1

    def _read_message(self, data: bytes, now: float) -> None:
        message = self._registry.decode(data)
        if isinstance(message, Welcome):
            self._begin(message)
        elif isinstance(message, Resume):
            decode_resume_ticket(message.ticket)
            self.resume_ticket = message.ticket
        elif isinstance(message, Farewell):
            self._close(printable(message.reason), may_return=message.again)
            self._netcode.disconnect(now)
        elif message is None:
            self.drops["unknown-message"] += 1
        else:
            self._news.take(message, self.game.player.capacity if self.game is not None else 0)
        recorded = isinstance(message, _RECORDED) or self._registry.is_of_game(message)
        if self.recorder is not None and recorded and self.match is not None:
            tick = self.snapshot.tick if self.snapshot else 0
            self.recorder.message(tick, message, self.own_row if isinstance(message, Judged) else None)

    def _begin(self, welcome: Welcome) -> None:
        """The server says what is played: make the same game, and say that snapshots can come."""
        if self.game is not None:
            raise ProtocolError("second-welcome")
        try:
            game = self._games(welcome.settings)
            match = MatchConfig(
                tick_hz=welcome.tick_hz,
                snapshot_every=welcome.snapshot_every,
                history_snapshots=welcome.history_snapshots,
                rewind_limit=welcome.rewind_limit,
                max_extrapolation=welcome.max_extrapolation,
            )
            if game.tick_hz != match.tick_hz:
                raise UsageError(f"the game runs at {game.tick_hz} Hz, the match at {match.tick_hz}")
        except UsageError as error:
            self._close(f"the server's settings don't suit this game: {error}")
            return
        ours = (game.name, game.version, schema_hash(game.kinds))
        theirs = (welcome.game, welcome.game_version, welcome.schema)
        if ours != theirs or not -1 <= welcome.own_row < game.player.capacity:
            self._close(f"wrong version: the server plays {theirs[0]} {theirs[1]}, this is {ours[0]} {ours[1]}")
            return
        self.game, self.match = game, match
        self.own_row = welcome.own_row if welcome.own_row >= 0 else None
        depth, every = match.history_snapshots, match.snapshot_every
        self.histories = {kind.name: Received(kind, kind.public_count, depth, every) for kind in game.kinds}
        self._history_list = list(self.histories.values())
        self._own_history: dict[int, np.ndarray] = {}
        self._lead = LeadClock(self.config, match.tick_hz)
        self._view_clock = ViewClock(self.config, match.tick_hz, every)
        self._writer = InputWriter(game.input, self.config.max_redundant_inputs)
        self._spawns: Spawns | None = None
        if isinstance(game, SpawningGame) and self.own_row is not None:
            self._spawns = Spawns(game, game.kinds, self.own_row, self.histories)
        watch = self._spawns.predicted if self._spawns is not None else None
        repeat_ticks = round(REPEAT_LIMIT * match.tick_hz)
        self._prediction = Prediction(game, self.config.max_resimulated_ticks, watch, repeat_ticks)
        coasting = game if isinstance(game, CoastingGame) else None
        self._interpolation = Interpolation(self.histories, match.max_extrapolation * match.tick_hz, coasting)
        self._channels.send(MATCH, ENGINE_MESSAGES.encode(Ready(schema_hash(game.kinds))))
        if self.recorder is not None:
            self.recorder.begin(game, match, self.own_row, welcome.tick)

    def _read_snapshot(self, array: list[object], size: int, now: float) -> None:
        if self.game is None or self.match is None:
            raise ProtocolError("unexpected-message", "a snapshot before the welcome")
        newest = self.snapshot.tick if self.snapshot else -1
        kept = self.match.history_snapshots * self.match.snapshot_every
        try:
            snapshot = decode_snapshot(
                array, self._history_list, self.game.player, self._own_history, self.own_row is not None
            )
        except ProtocolError as error:
            if error.reason == "no-baseline":
                # The server believes we hold what we do not: ask for a whole one. Never seen, but never fatal.
                self._channels.send(MATCH, ENGINE_MESSAGES.encode(Ready(schema_hash(self.game.kinds))))
            raise
        if snapshot.tick <= newest - kept:
            raise ProtocolError("old-snapshot", f"{snapshot.tick}, the newest is {newest}")
        for history, part in zip(self._history_list, snapshot.kinds, strict=True):
            history.push(snapshot.tick, part)
        if self.recorder is not None:
            told = [(part.state, part.status, part.generation) for part in snapshot.kinds]
            self.recorder.snapshot(snapshot.tick, told, snapshot.own)
        if snapshot.own is not None:
            self._own_history[snapshot.tick] = snapshot.own
            # Nearly in order: one that came late may stay a little longer than it need.
            while (oldest := next(iter(self._own_history))) <= snapshot.tick - kept:
                del self._own_history[oldest]
        self._interpolation.received(snapshot.tick)
        self._view_clock.arrived(now, snapshot.tick, self.switches.adaptive_delay)
        self._snapshots += 1
        self._taken.append(snapshot.tick)
        self._snapshot_bytes += size
        self._last_snapshot_bytes = size
        self._inputs_missing += snapshot.repeated
        if snapshot.slack is not None:
            self._steer(snapshot.tick, snapshot.input_tick, snapshot.slack / VIEW_UNITS, now)
        if snapshot.input_tick is not None:
            # What the server has stepped already would come too late: it need not be repeated either.
            self._writer.acknowledge(max(snapshot.input_tick, snapshot.tick))
        agreed = False
        if snapshot.tick > newest:
            self.snapshot = snapshot
            if snapshot.own is not None and self.switches.prediction:
                rtt = self._paths.rtt(0)
                trip = 0 if math.isnan(rtt) else math.ceil(rtt / 2.0 * self.match.tick_hz)
                agreed = self._prediction.reconcile(snapshot.tick, snapshot.own, snapshot.input_tick, trip)
        if self._spawns is not None:
            self._spawns.told(snapshot.tick, snapshot.tick > newest, agreed)

    def _steer(self, tick: int, input_tick: int | None, slack: float, now: float) -> None:
        """Steer the lead by what the snapshot of `tick` says of our inputs."""
        if slack > FAR_TICKS:
            rtt = self._acks.stats(0, now).rtt_min or 0.0
            if self._lead.started and self._lead.restart(now, tick, rtt):
                # Inputs that were not kept are made anew; those the server has are played as they are.
                kept = -1 if input_tick is None else input_tick
                self._last_input = min(self._last_input, max(self._lead.tick - 1, kept))
        elif input_tick is not None:
            self._lead.report(now, input_tick, slack)

    def _follow_netcode(self) -> None:
        state = self._netcode.state
        if self.phase is Phase.CONNECTING and state is ClientState.CONNECTED:
            self.phase = Phase.JOINING
        elif state.is_end and self.phase is not Phase.CLOSED:
            self._close(_END_WORDS.get(state, state.value), may_return=state is not ClientState.TOKEN_INVALID)

    def _close(self, reason: str, may_return: bool = False) -> None:
        self.phase = Phase.CLOSED
        self.reason = reason
        self.may_return = may_return

    # The tick --------------------------------------------------------------------------------------------------------

    def update(self, now: float, controls: Controls) -> None:
        """Do what is due at `now`: make the inputs of the ticks that have come, predict them, and send a packet."""
        self._netcode.update(now)
        self._follow_netcode()
        if self.phase not in (Phase.JOINING, Phase.PLAYING):
            return
        for _, sequence in self._paths.update(now):
            self._channels.on_lost(sequence)
        if self._traffic.expire(now):
            self._close("the server left messages unfinished", may_return=True)
            self._netcode.disconnect(now)
            return
        if self.phase is Phase.JOINING and self.snapshot is not None:
            rtt = self._acks.stats(0, now).rtt
            if rtt is not None:
                if self.own_row is not None:
                    self._lead.start(now, self.snapshot.tick, rtt)
                    self._last_input = self._lead.tick - 1
                self.phase = Phase.PLAYING
        if self.phase is Phase.JOINING or self.own_row is None:
            self._send_idle(now)
            return
        assert self.match is not None
        self.input_delay.advance(now, self.match.tick_hz, self._prediction.figures.corrections)
        self._lead.extra_margin = self.input_delay.ticks
        self._lead.advance(now)
        due = self._lead.tick - self._last_input
        if due <= 0:
            self._send_idle(now)  # the clock was put back
            return
        if due > _MAX_TICKS_AT_ONCE:
            self._bridge(self._lead.tick - _MAX_TICKS_AT_ONCE)
        while self._last_input < self._lead.tick:
            self._make_input(self._last_input + 1, controls)
        message = self._writer.message(redundant=self.switches.input_redundancy)
        self._send_packet(bytes([MessageType.INPUT]) + message, now)

    def _bridge(self, until: int) -> None:
        """Make the inputs up to `until` as the server would without: whole runs can be repeated, and nothing of what is
        under way is given up for a hole behind it. What is too much to be repeated is left out."""
        assert self.game is not None
        assert self.match is not None
        begin, before = self._last_input, np.array(self._last_values, np.int32)[:, None]
        repeat_ticks = round(REPEAT_LIMIT * self.match.tick_hz)
        if until - begin > self.config.max_redundant_inputs - _MAX_TICKS_AT_ONCE or not len(before):
            self._last_input = until
            return
        repeated = tuple(stand_in(self.game, before)[:, 0].tolist())
        for tick in range(begin + 1, until + 1):
            self._add_input(tick, repeated if tick - begin <= repeat_ticks else (0,) * len(repeated), given=False)

    def _make_input(self, tick: int, controls: Controls) -> None:
        assert self.game is not None
        self._last_values = clamp_inputs(self.game.input, controls(tick))
        self._add_input(tick, self._last_values, given=True)

    def _add_input(self, tick: int, values: tuple[int, ...], given: bool) -> None:
        """Take the input of the next tick, `given` by the player or not: send it, and predict with it."""
        assert self.game is not None
        shoots = bool(self.game.shots(Rows(self.game.input, np.array(values, np.int32)[:, None]))[0])
        stamp = self._view if shoots and self.switches.lag_compensation else None
        self._writer.add(StampedInput(tick, values, stamp))
        self._lead.made(tick)
        self._last_input = tick
        self._inputs_made += 1
        if self.recorder is not None and self.own_row is not None:
            state = np.array(values, np.int32)[:, None]
            self.recorder.inputs(tick, np.array([self.own_row]), state, np.array([not given]))
        if self.own_row is not None and self.switches.prediction:
            self._prediction.advance(tick, values)

    def _send_idle(self, now: float) -> None:
        """Say what has arrived, and what the channels hold: all there is to say without inputs."""
        if now - self._last_send_at >= _IDLE_INTERVAL:
            self._send_packet(b"", now)

    def _send_packet(self, body: bytes, now: float) -> None:
        body += self._traffic.block(len(body), now)
        size = len(body) + HEADER_BYTES
        self._netcode.send(encode_header(*self._acks.send_one(0, now, size)) + body, now)
        self._paths.sent(0, size)
        for packet in self._traffic.packets(now):
            self._netcode.send(packet, now)
        self._last_send_at = now

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Return what is to go out now."""
        return self._netcode.datagrams_to_send()

    def leave(self, now: float) -> None:
        """Say good-bye; `datagrams_to_send` then has the farewell."""
        self._netcode.disconnect(now)
        if self.phase is not Phase.CLOSED:
            self._close("left")

    # To the screen ---------------------------------------------------------------------------------------------------

    def picture(self, now: float) -> Picture | None:
        """Return what to draw at `now`; None while there is nothing. A shot is aimed in the latest picture returned."""
        if self.game is None or self.snapshot is None:
            return None
        self._view_clock.advance(now)
        elapsed, self._drawn_at = now - self._drawn_at, now
        time = self._view_clock.time
        view = self._interpolation.view(time, self.switches) if time is not None else None
        picture = self._interpolation.draw(view) if view is not None else None
        if picture is None:
            return None
        self._view = view
        if self.own_row is not None:
            self._lead.advance(now)
            self._add_own(picture, self.own_row, elapsed)
        return picture

    def _add_own(self, picture: Picture, row: int, elapsed: float) -> None:
        assert self.game is not None
        part = self._lead.time - self._last_input - self.input_delay.ticks
        values = self._prediction.drawn(part, elapsed, self.switches.smoothing)
        if not self.switches.prediction and self.snapshot is not None and self.snapshot.own is not None:
            values = self.snapshot.own.astype(np.float64)
        if values is None:
            return
        kind = self.game.player
        picture.kinds[kind.name].put(row, values[: kind.public_count])
        picture.own_row = row
        picture.own = Seen(kind, values[:, None], _ALIVE, _FIRST)
        if self._spawns is not None and self.match is not None:
            if not self.switches.prediction:
                self._spawns.clear()
            newest = self._prediction.tick
            self._spawns.draw(picture, newest, newest - 1 + min(part, 1.0), elapsed, self.match.tick_hz)

    def events(self) -> list[GameEvent]:
        """Return the game events whose tick the view has reached, oldest first, each once."""
        return [] if self._view is None else self._news.events(self._view.time / VIEW_UNITS)

    @property
    def names(self) -> dict[int, str]:
        """The names by player row."""
        return self._news.names

    @property
    def bots(self) -> set[int]:
        """The player rows of bots."""
        return self._news.bots

    @property
    def away(self) -> set[int]:
        """Rows whose player lost its connection and is waited for."""
        return self._news.away

    def silence(self, now: float) -> float:
        """Return for how many seconds nothing authentic has come from the server."""
        return now - self._netcode.last_receive_at

    def labels(self) -> dict[int, str]:
        """Return the names as they are to be shown: whoever is away is marked so."""
        return self._news.labels()

    def notices(self) -> list[str]:
        """Return what whoever runs the server has said since the last call, in lines fit to be shown."""
        return self._news.notices()

    def say(self, text: str, team: bool = False) -> bool:
        """Say `text` to everyone, or to the own team; it comes back as a line of `chat`.

        What does not show is left out, and what is beyond 200 characters. Returns False when it can't be said: nothing
        of it is left, there is no match or it has no teams, or too much waits to be sent.
        """
        line = clean_line(text, MAX_CHAT)
        if not line or self.snapshot is None or (team and not isinstance(self.game, TeamGame)):
            return False
        try:
            self._channels.send(CHAT, self._registry.encode(Say(line, team)))
        except ChannelFull:
            return False
        return True

    def chat(self) -> list[Said]:
        """Return what players have said since the last call (the latest 64 lines), fit to be shown."""
        return self._news.chat()

    def send(self, message: object, channel: str | int = GAME) -> None:
        """Send one of the game's messages to the server.

        Raises UsageError before there is a match, for a message that is not registered, or too large for the channel;
        ChannelFull, which is one, when the server has not taken what a reliable channel holds for too long.
        """
        if self.snapshot is None:
            raise UsageError(f"no match to send {type(message).__name__} to")
        self._channels.send(channel, self._registry.encode(message))

    def messages(self) -> list[object]:
        """Return the game's messages that came since the last call; call it often, no more than 1024 are kept."""
        return self._news.messages()

    def verdicts(self) -> list[Judged]:
        """Return the verdicts on own shots that came since the last call."""
        return self._news.verdicts()

    def own_snapshot(self, tick: int) -> np.ndarray | None:
        """Return the own row as the snapshot of `tick` told it, `(owner_fields,) int32`; None when it is not held."""
        return self._own_history.get(tick) if self.match else None

    def predicted_own(self) -> np.ndarray | None:
        """Return the own row after the newest input, `(owner_fields,) int32`, a view; None before there is one.

        Without prediction it is the own row of the newest snapshot.
        """
        if not self.switches.prediction:
            return self.snapshot.own if self.snapshot else None
        return self._prediction.state() if self.match else None

    def own_ticks(self) -> tuple[int, int]:
        """Return the tick of the newest input made, and the tick whose own row is drawn; -1 before there is one."""
        told = self.snapshot.tick if self.snapshot else -1
        if not self.switches.prediction or not self.match:
            return self._last_input, told
        return self._last_input, self._prediction.tick - round(self.input_delay.ticks)

    def taken_snapshots(self) -> list[int]:
        """Return the ticks of the snapshots read since the last call (the latest 64 of them), as they came."""
        taken = list(self._taken)
        self._taken.clear()
        return taken

    @property
    def messages_waiting(self) -> int:
        """Messages that wait to be sent, or to be known delivered."""
        return self._channels.waiting

    def all_drops(self) -> Counter[str]:
        """Return what was dropped by reason, on every floor."""
        return self.drops + self._netcode.drops

    def figures(self, now: float) -> ClientFigures:
        """Return what has been measured so far."""
        playing = self.match is not None
        server_tick = self.snapshot.tick if self.snapshot else 0
        return ClientFigures(
            link=self._acks.stats(0, now),
            prediction=self._prediction.figures if playing else PredictionFigures(),
            spawns=self._spawns.figures if playing and self._spawns is not None else SpawnFigures(),
            snapshots=self._snapshots,
            snapshot_bytes=self._snapshot_bytes,
            last_snapshot_bytes=self._last_snapshot_bytes,
            lead_ticks=self._lead.time - server_tick if playing and self._lead.started else 0.0,
            interpolation_delay=self._view_clock.delay_ticks / self.match.tick_hz if self.match else 0.0,
            input_delay_ticks=self.input_delay.ticks,
            inputs_missing=self._inputs_missing,
            inputs_made=self._inputs_made,
            pictures=self._interpolation.pictures if playing else 0,
            pictures_dry=self._interpolation.dry if playing else 0,
            lead_jumps=self._lead.jumps if playing else 0,
            view_jumps=self._view_clock.jumps if playing else 0,
        )


_END_WORDS = {
    ClientState.DISCONNECTED: "the server closed the connection",
    ClientState.DENIED: "the server is full",
    ClientState.REQUEST_TIMED_OUT: "the server does not answer",
    ClientState.RESPONSE_TIMED_OUT: "the server stopped answering while connecting",
    ClientState.CONNECTION_TIMED_OUT: "lost the connection: nothing came from the server any more",
    ClientState.TOKEN_INVALID: "the connect token is not valid",
    ClientState.TOKEN_EXPIRED: "the connect token has expired",
}
