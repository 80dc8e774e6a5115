"""A whole match in virtual time: one server, its players and the links between them, in one process.

Every player is the real client session with a bot at the controls, the server is the real server session, and the
datagrams between them are the real bytes. Only time and the network are made up, so an hour takes minutes and the same
seed gives the same bytes. Because both ends are at hand, everything a player saw is compared with the truth
(`truth.py`, `shots.py`).

What happens is a heap of (time, order, action): the server's ticks, each player's frames, arrivals, scheduled events.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush

import numpy as np

from engine.address import Address
from engine.client.session import ClientSession, Phase
from engine.clock import Ticker
from engine.config import ClientConfig, MatchConfig, ServerConfig, protocol_id
from engine.errors import UsageError
from engine.game import Brain, Game, GameFactory, Settings
from engine.identity import encode_user_data
from engine.lab.shots import Shot, ShotWatch, TickRecord, WatchedGame
from engine.lab.states import TrueStates
from engine.lab.truth import PlayerTruth
from engine.link.netcode import NetcodeServer, NetcodeServerConfig, mint_connect_token
from engine.server.session import ServerSession
from engine.transport.impairment import PERFECT, Profile
from engine.transport.virtual import VirtualNetwork, VirtualSocket
from engine.world.picture import Picture
from engine.world.table import World

UNIX_START = 1_700_000_000
"""Unix time at virtual second 0; any fixed value makes tokens, and so runs, repeat."""
_SERVER: Address = ("10.0.0.1", 40000)
JOIN_INTERVAL = 0.0537
"""Virtual seconds between two players' arrivals: no whole number of ticks, so their frames fall all over the tick."""
FLUSH_INTERVAL = 0.5
"""Virtual seconds between two rounds of measuring: long enough that a round's array passes cost little per frame."""
WARMUP = 3.0
"""Seconds after a player's first picture that are not measured: its clocks know nothing of the line yet."""


@dataclass(frozen=True, slots=True)
class PlayerSpec:
    """One player of a match: its name, its link (None: perfect), its bot's behaviour, and its frames per second.

    joins_at, leaves_at: virtual seconds; None: one after another at the start, and never.
    """

    name: str
    link: Profile | None = None
    behaviour: str = "mixed"
    frame_hz: float = 60.0
    joins_at: float | None = None
    leaves_at: float | None = None


@dataclass(frozen=True, slots=True)
class LabEvent:
    """Something that happens at virtual second `at`: the server stands still for `pause` seconds, or a player (None:
    all) gets another `link`."""

    at: float
    pause: float = 0.0
    link: Profile | None = None
    player: str | None = None


def _shared(games: GameFactory) -> GameFactory:
    """Return a factory that makes one game per settings: a game never changes, so all sides can use the same."""
    made: dict[tuple[tuple[str, object], ...], Game] = {}

    def make(settings: Settings) -> Game:
        key = tuple(sorted(settings.items()))
        if key not in made:
            game = games(settings)
            made[key] = made[tuple(sorted(game.settings().items()))] = game
        return made[key]

    return make


class LabPlayer:
    """A client session, its socket and its bot."""

    def __init__(
        self, spec: PlayerSpec, session: ClientSession, socket: VirtualSocket, brain: Brain, truth: PlayerTruth
    ) -> None:
        self.spec = spec
        self.session = session
        self.socket = socket
        self.truth = truth
        self.next_frame: Callable[[], None] = lambda: None
        """What a frame of it is, to be called when it is due; the match's."""
        self._brain = brain
        self._seen: Picture | None = None

    def frame(self, now: float, shots: ShotWatch | None) -> None:
        """Play, send and draw, as a client's loop does once a frame: inputs answer the picture of the frame before.

        shots: what is told of the player's shots; None: nothing of this frame is measured.
        """
        session, picture = self.session, self._seen
        row = session.own_row

        def controls(tick: int) -> list[int]:
            game = session.game
            if picture is None or picture.own is None or row is None or game is None:
                return [0] * len(game.input.fields) if game else []
            given = self._brain.think(picture, np.array([row]), tick)
            if shots is not None:
                self.truth.made(tick, now)
            if shots is not None and game.shots(given)[0]:
                own = session.predicted_own()
                shots.claim(row, tick, picture, None if own is None else own.copy())
            inputs: list[int] = given.state[:, 0].tolist()
            return inputs

        session.update(now, controls)
        self.socket.send(session.datagrams_to_send(), now)
        self._seen = session.picture(now)
        if self._seen is not None and shots is not None:
            self.truth.drew(self._seen, now)
        session.events()
        session.verdicts()


class VirtualMatch:
    """See the module. `games` makes the game, from `settings` on the server and from the server's word on clients.

    Args:
        players: who plays; each has a client session, a link and a bot.
        bots: further bots that the server plays itself.
        snapshot_every: ticks per snapshot, where no `match` is given.
        warmup: seconds after a player's first picture that are left out of its measures.
        measured: whether what players hold and see is compared with the truth; without it, a match costs a tenth less.
        pictures: whether what they see is, and their shots; else only the snapshots that they hold.
        watch_tick: called after each tick with its record and the world: for traces and the sync test.
    """

    def __init__(
        self,
        games: GameFactory,
        players: list[PlayerSpec],
        *,
        seed: int = 1,
        settings: Settings | None = None,
        snapshot_every: int = 2,
        match: MatchConfig | None = None,
        bots: int = 0,
        client: ClientConfig | None = None,
        server: ServerConfig | None = None,
        events: tuple[LabEvent, ...] = (),
        warmup: float = WARMUP,
        measured: bool = True,
        pictures: bool = True,
        watch_tick: Callable[[TickRecord, World], None] | None = None,
    ) -> None:
        self.now = 0.0
        self.seed = seed
        self.network = VirtualNetwork(seed, watch=self._arrives)
        games = _shared(games)
        game = games(settings or {})
        self._random = np.random.default_rng(seed)
        key = self._random.bytes(32)
        netcode = NetcodeServer(
            protocol_id=protocol_id(game.name, game.version),
            private_key=key,
            addresses=[_SERVER],
            max_clients=max(len(players), 1),
            now=0.0,
            unix_time=UNIX_START,
            entropy=self._random.bytes,
            config=NetcodeServerConfig(key_made_at_start=True),
        )
        match = match or MatchConfig(tick_hz=game.tick_hz, snapshot_every=snapshot_every)
        self._plain_game = game
        self.shots = ShotWatch(game)
        self.states = TrueStates(game.player)
        self._watch_tick = watch_tick
        self.server = ServerSession(WatchedGame(game, self._stepped).as_game(), netcode, match, server)
        self.shots.rewinder = self.server.rewinder
        self._server_socket = self.network.endpoint(_SERVER)
        self._ticker = Ticker(match.tick_hz, 0.0)
        self._paused_until = 0.0
        self.players: list[LabPlayer] = []
        self.all_shots: list[Shot] = []
        self._by_address: dict[Address, LabPlayer] = {}
        self._games = games
        self._key = key
        self._client = client or ClientConfig()
        self._warmup = warmup
        for number in range(bots):
            if not self.server.add_bot(f"Bot {number + 1}", game.brain("mixed", seed * 1000 + 500 + number)):
                raise UsageError(f"the match has no room for {len(players)} players and {bots} bots")
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        self._push(0.0, self._server_ticks)
        for number, spec in enumerate(players):
            game.brain(spec.behaviour, 0)  # a wrong name is told before anything runs
            at = number * JOIN_INTERVAL if spec.joins_at is None else spec.joins_at
            self._push(at, partial(self._arrive, number, spec))
        for event in events:
            self._push(event.at, partial(self._happen, event))
        # What is to be compared must still be in the histories.
        held = match.history_snapshots * match.snapshot_every / match.tick_hz
        self._flush_interval = min(FLUSH_INTERVAL, held / 2.0)
        self._measured = measured
        self._pictures = measured and pictures
        if measured:
            self._push(self._flush_interval, self._flush)

    @property
    def game(self) -> Game:
        return self.server.game

    @property
    def plain_game(self) -> Game:
        """The game itself, which nobody watches."""
        return self._plain_game

    def run(self, seconds: float) -> None:
        """Go on for `seconds` of virtual time. How a stretch is divided into calls changes nothing."""
        end = self.now + seconds
        network = self.network
        while True:
            at = self._due[0][0]
            arrival = network.next_arrival()
            if arrival is not None and arrival < at:
                if arrival > end:
                    break
                self.now = max(self.now, arrival)
                for address in network.advance(self.now):
                    player = self._by_address.get(address)
                    if player is not None:
                        self._deliver(player)
                continue
            if at > end:
                break
            _, _, action = heappop(self._due)
            self.now = max(self.now, at)
            action()
        self.now = end

    def finish(self) -> None:
        """Measure what is left to be measured; call it once, after the last `run`."""
        self._measure()
        for player in self.players:
            player.truth.close()

    def close(self) -> None:
        """Let everyone leave, and the server stop."""
        for player in self.players:
            player.session.leave(self.now)
            player.socket.send(player.session.datagrams_to_send(), self.now)
        self.server.stop("the match is over", self.now)
        self._server_socket.send(self.server.datagrams_to_send(), self.now)

    def _push(self, at: float, action: Callable[[], None]) -> None:
        self._order += 1
        heappush(self._due, (at, self._order, action))

    # What happens ----------------------------------------------------------------------------------------------------

    def _server_ticks(self) -> None:
        if self.now < self._paused_until:
            self._push(self._paused_until, self._server_ticks)
            return
        socket = self._server_socket
        for _ in range(self._ticker.due(self.now)):
            self.server.receive(socket.receive(self.now), self.now)
            self.server.step(self.now)
            self.server.events()
            socket.send(self.server.datagrams_to_send(), self.now)
        self._push(self._ticker.next_time, self._server_ticks)

    def _stepped(self, record: TickRecord, world: World) -> None:
        if self._pictures:
            self.states.push(world.tick, world[self.game.player.name])
            if record.seen:
                self.shots.judge_again(record, world)
        if self._watch_tick is not None:
            self._watch_tick(record, world)

    def _arrive(self, number: int, spec: PlayerSpec) -> None:
        address = (f"10.1.{number // 250}.{number % 250 + 1}", 50000)
        socket = self.network.endpoint(address)
        # A perfect line is a line too: it can get worse, and it counts what is sent.
        self.network.impair(address, spec.link or PERFECT, seed=self.seed * 10007 + number, start=self.now)
        token = mint_connect_token(
            protocol_id=protocol_id(self.game.name, self.game.version),
            private_key=self._key,
            client_id=number + 1,
            addresses=[_SERVER],
            create_time=math.ceil(UNIX_START + self.now),
            entropy=self._random.bytes,
            user_data=encode_user_data(spec.name),
        )
        session = ClientSession(self._games, token, self.now, UNIX_START + self.now, self._random.bytes, self._client)
        truth = PlayerTruth(session, self.server, self.states, self._warmup)
        brain = self.game.brain(spec.behaviour, self.seed * 1000 + number)
        player = LabPlayer(spec, session, socket, brain, truth)
        self.players.append(player)
        self._by_address[address] = player
        player.next_frame = partial(self._frame, player)
        self._push(self.now, player.next_frame)
        if spec.leaves_at is not None:
            self._push(spec.leaves_at, partial(self._leave, player))

    def _frame(self, player: LabPlayer) -> None:
        if player.session.phase is Phase.CLOSED:
            return
        player.frame(self.now, self.shots if self._pictures else None)
        self._push(self.now + 1.0 / player.spec.frame_hz, player.next_frame)

    def _leave(self, player: LabPlayer) -> None:
        self._measure_player(player)
        player.session.leave(self.now)
        player.socket.send(player.session.datagrams_to_send(), self.now)

    def _happen(self, event: LabEvent) -> None:
        self._paused_until = max(self._paused_until, self.now + event.pause)
        if event.link is not None:
            for player in self.players:
                if event.player in (None, player.spec.name):
                    self.network.impair(player.socket.address, event.link, start=self.now)

    def _deliver(self, player: LabPlayer) -> None:
        player.session.receive(player.socket.receive(self.now), self.now)
        taken = player.session.taken_snapshots()
        for tick in taken if self._measured else ():
            player.truth.took(tick)

    # Measuring -------------------------------------------------------------------------------------------------------

    def _arrives(self, sent_at: float, at: float, source: Address, to: Address, size: int) -> None:
        """The network says when something will arrive: the true delay of a line."""
        if not self._measured:
            return
        if to == _SERVER:
            self._by_address[source].truth.arrives("up", sent_at, (at - sent_at) * 1000.0)
        elif to in self._by_address:
            self._by_address[to].truth.arrives("down", sent_at, (at - sent_at) * 1000.0)

    def _flush(self) -> None:
        self._measure()
        self._push(self.now + self._flush_interval, self._flush)

    def _measure(self) -> None:
        by_row = {each.session.own_row: each for each in self.players if each.session.phase is not Phase.CLOSED}
        for shot in self.shots.take():
            self.all_shots.append(shot)
            if shot.shooter in by_row:
                by_row[shot.shooter].truth.shot(shot)
        for player in self.players:
            self._measure_player(player)

    def _measure_player(self, player: LabPlayer) -> None:
        links = self.network.links(player.socket.address)
        if links is not None:
            up, down = links[0].stats, links[1].stats
            player.truth.flush(self.now, (down.sent, down.sent_bytes), (up.sent, up.sent_bytes))
