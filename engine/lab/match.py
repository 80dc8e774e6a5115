"""A whole match in virtual time: one server, its players and the links between them, in one process.

Every player is the real client session with a bot at the controls, the server is the real server session, and the
datagrams between them are the real bytes. Only time and the network are made up, so an hour takes minutes and the same
seed gives the same bytes. Because both ends are at hand, every snapshot a client reconstructs is compared with what the
server published.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

import numpy as np

from engine.address import Address
from engine.client.session import ClientSession, Phase
from engine.config import ClientConfig, MatchConfig, protocol_id
from engine.errors import UsageError
from engine.game import Brain, Game, GameFactory, Settings
from engine.identity import encode_user_data
from engine.link.netcode import NetcodeServer, NetcodeServerConfig, mint_connect_token
from engine.server.session import ServerSession
from engine.transport.impairment import Profile
from engine.transport.virtual import VirtualNetwork, VirtualSocket
from engine.world.history import EXACT

UNIX_START = 1_700_000_000
"""Unix time at virtual second 0; any fixed value makes tokens, and so runs, repeat."""
_SERVER: Address = ("10.0.0.1", 40000)
_JOIN_INTERVAL = 0.0537
"""Virtual seconds between two players' arrivals: no whole number of ticks, so their frames fall all over the tick."""


@dataclass(frozen=True, slots=True)
class PlayerSpec:
    """One player of a match: its name, its link (None: perfect), its bot's behaviour, and its frames per second."""

    name: str
    link: Profile | None = None
    behaviour: str = "mixed"
    frame_hz: float = 60.0


@dataclass(slots=True)
class Truth:
    """What comparing a client with the server showed. mismatches: rows that differ from what was published."""

    snapshots: int = 0
    rows: int = 0
    mismatches: int = 0
    own_mismatches: int = 0
    examples: list[str] = field(default_factory=list)


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

    def __init__(self, spec: PlayerSpec, session: ClientSession, socket: VirtualSocket, brain: Brain) -> None:
        self.spec = spec
        self.session = session
        self.socket = socket
        self.truth = Truth()
        self._brain = brain

    def frame(self, now: float) -> None:
        """Draw, play and send, as a client's loop does once per frame."""
        session = self.session
        picture = session.picture(now)
        row = session.own_row

        def controls(tick: int) -> list[int]:
            if picture is None or picture.own is None or row is None:
                return [0] * len(session.game.input.fields) if session.game else []
            inputs: list[int] = self._brain.think(picture, np.array([row]), tick).state[:, 0].tolist()
            return inputs

        session.update(now, controls)
        session.events()
        self.socket.send(session.datagrams_to_send(), now)


class VirtualMatch:
    """See the module. `games` makes the game, from `settings` on the server and from the server's word on clients."""

    def __init__(
        self,
        games: GameFactory,
        players: list[PlayerSpec],
        *,
        seed: int = 1,
        settings: Settings | None = None,
        snapshot_every: int = 2,
        bots: int = 0,
        client: ClientConfig | None = None,
    ) -> None:
        self.now = 0.0
        self.seed = seed
        self.network = VirtualNetwork(seed)
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
        match = MatchConfig(tick_hz=game.tick_hz, snapshot_every=snapshot_every)
        self.server = ServerSession(game, netcode, match)
        self._server_socket = self.network.endpoint(_SERVER)
        self.players: list[LabPlayer] = []
        self._by_address: dict[Address, LabPlayer] = {}
        self._waiting = [(at * _JOIN_INTERVAL, at, spec) for at, spec in enumerate(players)]
        self._games = games
        self._key = key
        self._client = client or ClientConfig()
        for number in range(bots):
            if not self.server.add_bot(f"Bot {number + 1}", game.brain("mixed", seed * 1000 + 500 + number)):
                raise UsageError(f"the match has no room for {len(players)} players and {bots} bots")
        # (time, order, who): -1 the server, -2 - n player n's arrival, else player n's frame.
        self._due: list[tuple[float, int, int]] = [(0.0, 0, -1)]
        self._order = 0
        self._ticks = 0
        for at, number, _ in self._waiting:
            self._order += 1
            self._due.append((at, self._order, -2 - number))
        heapify(self._due)

    @property
    def game(self) -> Game:
        return self.server.game

    def run(self, seconds: float) -> None:
        """Go on for `seconds` of virtual time."""
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
            _, _, who = heappop(self._due)
            self.now = max(self.now, at)
            if who == -1:
                self._server_tick()
            elif who < -1:
                self._arrive(-2 - who)
            else:
                self._frame(who)
        self.now = end

    def close(self) -> None:
        """Let everyone leave, and the server stop."""
        for player in self.players:
            player.session.leave(self.now)
            player.socket.send(player.session.datagrams_to_send(), self.now)
        self.server.stop("the match is over", self.now)
        self._server_socket.send(self.server.datagrams_to_send(), self.now)

    def _push(self, at: float, who: int) -> None:
        self._order += 1
        heappush(self._due, (at, self._order, who))

    def _server_tick(self) -> None:
        socket = self._server_socket
        self.server.receive(socket.receive(self.now), self.now)
        self.server.step(self.now)
        socket.send(self.server.datagrams_to_send(), self.now)
        self._ticks += 1
        self._push(self._ticks / self.server.match.tick_hz, -1)

    def _arrive(self, number: int) -> None:
        _, _, spec = self._waiting[number]
        address = (f"10.1.{number // 250}.{number % 250 + 1}", 50000)
        socket = self.network.endpoint(address)
        if spec.link is not None:
            self.network.impair(address, spec.link, seed=self.seed * 10007 + number, start=self.now)
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
        player = LabPlayer(spec, session, socket, self.game.brain(spec.behaviour, self.seed * 1000 + number))
        self.players.append(player)
        self._by_address[address] = player
        self._push(self.now, len(self.players) - 1)

    def _frame(self, number: int) -> None:
        player = self.players[number]
        if player.session.phase is Phase.CLOSED:
            return
        player.frame(self.now)
        self._push(self.now + 1.0 / player.spec.frame_hz, number)

    def _deliver(self, player: LabPlayer) -> None:
        player.session.receive(player.socket.receive(self.now), self.now)
        for tick in player.session.taken_snapshots():
            self._compare(player, tick)

    def _compare(self, player: LabPlayer, tick: int) -> None:
        """Compare the snapshot of `tick` as `player` reconstructed it with what the server published."""
        session, truth = player.session, player.truth
        truth.snapshots += 1
        for name, published in self.server.snapshots.histories.items():
            seen = session.histories[name]
            here, there = seen.slot(tick), published.slot(tick)
            if here is None or there is None:
                continue
            expected = published.status[there] == EXACT
            if name == self.game.player.name and session.own_row is not None:
                expected = expected.copy()
                expected[session.own_row] = False
            held = seen.status[here] == EXACT
            wrong = held != expected
            both = held & expected
            wrong |= both & (seen.state[here] != published.state[there]).any(axis=0)
            wrong |= both & (seen.generation[here] != published.generation[there])
            truth.rows += int(expected.sum())
            count = int(wrong.sum())
            if count:
                truth.mismatches += count
                if len(truth.examples) < 5:
                    truth.examples.append(f"tick {tick} {name} rows {np.flatnonzero(wrong).tolist()}")
        own = session.own_snapshot(tick)
        if own is not None and session.own_row is not None:
            true_own = self.server.snapshots.own_state(tick, session.own_row)
            if true_own is not None and not np.array_equal(own, true_own):
                truth.own_mismatches += 1
