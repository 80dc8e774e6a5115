"""The Arena server: arguments, wiring and the loop. The match itself is `engine.server.session.ServerSession`.

One process runs the match and drains its socket once a tick; the lobby, which hands out connect tokens over HTTP, is a
process of its own beside it. What may be typed at its terminal is in `engine.ops.console`. Exit codes: 0 ended in good
order, 2 could not start (one line says why).
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.clock import SystemClock, Ticker
from engine.config import MatchConfig, ServerConfig, protocol_id
from engine.errors import UsageError
from engine.link.netcode import DEFAULT_TIMEOUT, DEFAULT_TOKEN_LIFETIME, NetcodeServer, NetcodeServerConfig
from engine.link.netcode.noise import server_filter
from engine.memory import settle
from engine.ops import logs
from engine.ops.access import Access, Rules, parse_network
from engine.ops.command import Parser, Stop, count, run, seconds, writable, write_json
from engine.ops.console import Console
from engine.ops.discovery import Beacon, Notice
from engine.ops.entrance import add_door_flags, check_flags, door_of, open_lobby
from engine.ops.figures import ServerFigures
from engine.ops.lobby.lobby import LobbyConfig, MatchStatus, server_addresses
from engine.ops.lobby.process import LobbyProcess
from engine.ops.measuring import Measures
from engine.ops.secrets import load_private_key
from engine.ops.terminal import LineReader
from engine.ops.warden import Warden
from engine.replay.recording import Recording
from engine.server.filling import BotFill
from engine.server.session import ServerSession
from engine.transport.udp import UdpSocket
from engine.wire.messages import ENGINE_MESSAGES
from game.cast import CASTS, MIXED, Cast
from game.messages import MESSAGES, Pings
from game.rules import Arena

ROTATION = "foundry,canyon,warren"
"""Maps played unless others are asked for: all there are, the one for every weapon first."""
BEACON_TICKS = 2
"""Ticks between two looks for players who look for matches: what they measure as their ping is this coarse."""
FLOOD_SLICE = 0.004
"""Seconds between two looks at the socket while more comes than players send: the system's buffer may hold no more than
a few hundred datagrams, and where junk fills it, players' packets are lost."""
DRAIN_CHUNK = 512
"""Datagrams taken from the socket and read at once; after each chunk the time is looked at."""
DRAIN_SHARE = 0.25
"""Of a tick: so long it is drained before the match goes on. What is left waits, or is the system's to drop."""


def build_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="server.py",
        usage="%(prog)s [options]",
        description="Run an Arena match. Players join with: python client.py HOST",
        epilog="Without options: a match on this machine only, open to whoever is on it, until Ctrl-C.",
    )
    match = parser.add_argument_group("the match")
    match.add_argument(
        "--bots", type=count, default=0, metavar="N", help="bots fill it up to N players, and make room (default 0)"
    )
    match.add_argument(
        "--skill",
        choices=CASTS,
        default=MIXED,
        metavar="SKILL",
        help="how well bots play: easy, normal, hard, mixed (default mixed)",
    )
    match.add_argument(
        "--max-players",
        type=count,
        default=16,
        metavar="N",
        help="players at most, 1 to 64; bots make room (default 16)",
    )
    match.add_argument("--spectators", type=count, default=8, metavar="N", help="who may watch besides (default 8)")
    match.add_argument(
        "--maps", default=ROTATION, metavar="NAMES", help="played in turn, with commas between (default %(default)s)"
    )
    match.add_argument("--teams", type=count, default=0, metavar="N", help="2 to 4 teams (default 0: each for itself)")
    match.add_argument("--friendly-fire", action="store_true", help="team mates hurt each other")
    match.add_argument("--fog", action="store_true", help="walls hide: nobody is told of enemies it can't see")
    match.add_argument(
        "--warmup", type=count, default=10, metavar="S", help="seconds before each round (default 10; 0: none)"
    )
    match.add_argument(
        "--round-time", type=count, default=300, metavar="S", help="seconds of a round (default 300; 0: no end)"
    )
    match.add_argument("--results", type=count, default=8, metavar="S", help="seconds of its results (default 8)")
    match.add_argument(
        "--frag-limit",
        type=count,
        default=0,
        metavar="N",
        help="a round ends at N points, a team's if there are teams (default 0: never)",
    )
    match.add_argument("--tick-hz", type=count, default=60, metavar="HZ", help="simulation steps a second (default 60)")
    match.add_argument(
        "--snapshot-hz", type=count, metavar="HZ", help="snapshots a second (default 30); it must divide --tick-hz"
    )
    match.add_argument("--seconds", type=seconds, metavar="S", help="end after S seconds (default: run until Ctrl-C)")
    match.add_argument("--seed", type=count, default=0, metavar="N", help="decides where all begin, and the bots' luck")
    net = parser.add_argument_group("the network")
    net.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="IP",
        help="address to listen on (default 127.0.0.1: this machine alone; 0.0.0.0: everybody)",
    )
    net.add_argument(
        "--port", type=count, default=40000, metavar="N", help="UDP port, and the lobby's TCP port (default 40000)"
    )
    net.add_argument("--public", metavar="IP", help="the address players use, where it is not --host (NAT)")
    net.add_argument("--hidden", action="store_true", help="don't answer players of this network who look for matches")
    net.add_argument("--allow", action="append", default=[], metavar="NET", help="let in only these networks (CIDR)")
    net.add_argument("--deny", action="append", default=[], metavar="NET", help="keep these networks out (CIDR)")
    net.add_argument(
        "--access-file", type=Path, metavar="FILE", help="allow and deny lines; read again when it changes"
    )
    add_door_flags(parser)
    out = parser.add_argument_group("output")
    out.add_argument("--verbose", action="store_true", help="log traffic and tick figures once a second")
    out.add_argument("--log-json", action="store_true", help="log one JSON object a line")
    out.add_argument("--json", type=writable, metavar="FILE", help="write the match's figures to FILE at the end")
    out.add_argument("--record", type=writable, metavar="FILE", help="write a replay to FILE: client.py --replay FILE")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server until it is stopped; return the exit code."""
    options = build_parser().parse_args(argv)
    log = logs.LogConfig(json=options.log_json, verbose=options.verbose)
    logs.configure(log)
    return run("server.py", lambda stop: _serve(options, log, stop))


def _serve(options: argparse.Namespace, log: logs.LogConfig, stop: Stop) -> int:
    clock = SystemClock()
    game = Arena(
        map=options.maps,
        tick_hz=options.tick_hz,
        max_players=options.max_players,
        seed=options.seed,
        teams=options.teams,
        friendly_fire=options.friendly_fire,
        warmup=options.warmup,
        round_time=options.round_time,
        results=options.results,
        frag_limit=options.frag_limit,
        fog=options.fog,
    )
    match = MatchConfig(tick_hz=options.tick_hz, snapshot_every=_snapshot_every(options.tick_hz, options.snapshot_hz))
    if options.bots > options.max_players:
        raise UsageError(f"{options.bots} bots don't fit in a match of --max-players {options.max_players}")
    host = _literal_ip(options.host)
    check_flags(options)
    access = _access(options)
    door = door_of(options, host, os.environ)
    key = load_private_key(options.private_key_file, os.environ, None if options.no_lobby else os.urandom)
    with UdpSocket(host, options.port) as transport:
        transport.drop_early(server_filter())
        public = ((_literal_ip(options.public), transport.address[1]),) if options.public else ()
        netcode = NetcodeServer(
            protocol_id=protocol_id(game.name, game.version),
            private_key=key.key,
            addresses=server_addresses(transport.address, public),
            # One more than fit: whoever comes too late is let in so far as to be told so in words.
            max_clients=options.max_players + options.spectators + 1,
            now=clock.now(),
            unix_time=clock.unix_time(),
            entropy=os.urandom,
            config=NetcodeServerConfig(key_made_at_start=key.made_at_start),
        )
        session = ServerSession(
            game,
            netcode,
            match,
            ServerConfig(max_players=options.max_players, max_spectators=options.spectators),
            os.urandom,
            ENGINE_MESSAGES.with_types(MESSAGES),
        )
        cast = Cast(game, options.skill, options.seed)
        bots = BotFill(session, options.bots, cast.make, lambda rows: game.spare(session.world, rows))
        bots.fill()
        lobby = None
        if door is not None:
            config = LobbyConfig(
                title=game.name,
                version=f"{game.name} {game.version}",
                protocol_id=protocol_id(game.name, game.version),
                private_key=key.key,
                bind=transport.address,
                public=public,
                door=door,
                rules=access.rules,
                token_lifetime=DEFAULT_TOKEN_LIFETIME,
                timeout=DEFAULT_TIMEOUT,
                max_players=options.max_players,
                max_spectators=options.spectators,
            )
            lobby = open_lobby(options, config, log, clock.unix_time())
        try:
            loop = MatchLoop(session, transport, clock, access, bots, lobby)
            loop.lines = LineReader()
            if options.record is not None:
                loop.record(Recording(options.record, "server", round(clock.unix_time()), messages=MESSAGES))
            if not options.hidden and ":" not in host:
                loop.beacon = _beacon(host)
                loop.closed = door is None or door.kind != "open"
            stop.patient = True
            logs.event(
                "serving",
                where=transport.address,
                door=door.kind if door else "tokens only",
                players=options.max_players,
                bots=options.bots or None,
                console="type help" if loop.lines.is_terminal else None,
            )
            settle()
            try:
                loop.run(options.seconds, stop)
            finally:
                if loop.beacon is not None:
                    loop.beacon.close()
                # Whoever was told to stop may be started again; a match that ran its time is over.
                loop.close("the server is shutting down" if stop.asked else "the match is over", again=stop.asked)
        finally:
            if lobby is not None:
                lobby.stop()
        if options.json is not None:
            write_json(options.json, loop.report())
    return 0


class MatchLoop:
    """Tick by tick: drain the socket, step the match, send; once a second tell the lobby and the log."""

    def __init__(
        self,
        session: ServerSession,
        transport: UdpSocket,
        clock: SystemClock,
        access: Access,
        bots: BotFill,
        lobby: LobbyProcess | None = None,
    ) -> None:
        self._session = session
        self._transport = transport
        self._bots = bots
        self._lobby = lobby
        self._warden = Warden(session, access, None if lobby is None else lambda rules: lobby.tell(rules=rules))
        self._console = Console(session, self._warden, self.end, bots)
        self.lines: LineReader | None = None
        """What is typed at the console; None: nobody does."""
        self.beacon: Beacon | None = None
        """What players of this network find the match by; None: they need its address."""
        self.closed = False
        """Whether a password or a token is asked for."""
        self._recording: Recording | None = None
        self._clock = clock
        started = clock.now()
        self._number = int.from_bytes(os.urandom(8), "little")
        self._ticker = Ticker(session.match.tick_hz, started)
        self._measures = Measures(session, transport.stats, started)
        self.tick_seconds = self._measures.tick_seconds
        """What each tick took, from draining to sending."""
        self._second_at = started + 1.0
        self._drained = 0
        self._ended = False

    def run(self, seconds: float | None, stop: Stop) -> None:
        """Run until `seconds` have passed (None: no end), it is asked to stop, or `end` is called."""
        clock, ticker = self._clock, self._ticker
        end = None if seconds is None else clock.now() + seconds
        while not (stop.asked or self._ended) and (end is None or clock.now() < end):
            for _ in range(ticker.due(clock.now())):
                self._tick()
            if clock.now() >= self._second_at:
                self._second()
            if self.lines is not None:
                for line in self.lines.lines():
                    for answer in self._console.run(line, clock.now()):
                        print(answer, flush=True)
            self._wait(ticker.next_time)

    def record(self, recording: Recording) -> None:
        """Keep the match in `recording`."""
        self._session.record(recording.writer)
        self._recording = recording

    def end(self) -> None:
        """Let `run` return."""
        self._ended = True

    def _tick(self) -> None:
        session, transport = self._session, self._transport
        now = self._clock.now()
        self._drained = 0
        self._drain(now)
        session.step(now)
        self._bots.update(now)
        transport.send(session.datagrams_to_send(), now)
        if self.beacon is not None and session.world.tick % BEACON_TICKS == 0:
            self.beacon.serve(self._notice, now)
        self.tick_seconds.append(self._clock.now() - now)
        self._log_events()

    def _drain(self, now: float) -> None:
        """Take what the socket has, within a tick's limits of datagrams and of time."""
        session = self._session
        give_up = now + DRAIN_SHARE * session.match.tick_seconds
        while (limit := min(session.config.drain_limit - self._drained, DRAIN_CHUNK)) > 0:
            datagrams = self._transport.receive(now, limit)
            self._drained += len(datagrams)
            session.receive(self._warden.admitted(datagrams), now)
            if len(datagrams) < limit:
                break
            now = self._clock.now()
            if now >= give_up:
                break

    def _wait(self, until: float) -> None:
        """Sleep until the next tick; under a flood, by slices, emptying the socket after each."""
        clock = self._clock
        while self._is_flooded and until - clock.now() > FLOOD_SLICE:
            clock.sleep(FLOOD_SLICE)
            self._drain(clock.now())
        clock.sleep(until - clock.now())

    @property
    def _is_flooded(self) -> bool:
        """Tell whether more came since the last tick began than players send in two."""
        return self._drained > 64 + 2 * (self._session.player_count + self._session.spectator_count)

    def _notice(self) -> Notice:
        """Return what players of this network are told who look for matches."""
        session = self._session
        game = session.game
        return Notice(
            number=self._number,
            protocol_id=protocol_id(game.name, game.version),
            port=self._transport.address[1],
            players=session.player_count,
            bots=session.bot_count,
            max_players=session.config.max_players,
            closed=self.closed,
            title=game.name,
            map=game.map_of(session.world).name if isinstance(game, Arena) else "",
        )

    def _log_events(self) -> None:
        for event in self._session.events():
            logs.event(
                event.kind,
                who=event.name,
                where=event.address,
                why=event.reason or None,
                players=self._session.player_count,
            )

    def _second(self) -> None:
        now = self._clock.now()
        self._second_at = now + 1.0
        self._warden.refresh(now)
        rtts = {row: stats.rtt for row, stats in self._session.link_stats(now).items() if stats.rtt is not None}
        self._session.send(Pings.of(rtts))
        figures = self.figures()
        if self._lobby is not None:
            self._lobby.tell(MatchStatus(figures=figures, names=tuple(self._session.names.values())))
        logs.event("second", level=logging.DEBUG, **self._measures.second(figures))
        if self._recording is not None and (why := self._recording.failure()):
            logs.event("recording ended", level=logging.WARNING, why=why)

    def figures(self) -> ServerFigures:
        """Return the match's figures now; tick times are those of the last second."""
        return self._measures.figures(self._clock.now(), self._ticker.skipped)

    def report(self) -> dict[str, Any]:
        """Return the whole match's figures, for --json."""
        return self._measures.report(self.figures())

    def close(self, reason: str, again: bool = False) -> None:
        """Tell every player that it is over. again: they may come back to this address."""
        now = self._clock.now()
        self._session.stop(reason, now, again)
        self._transport.send(self._session.datagrams_to_send(), now)
        self._log_events()
        if self._recording is not None:
            logs.event("recorded", file=str(self._recording.path), what=self._recording.close())
        logs.event("stopped", why=reason)


def _snapshot_every(tick_hz: int, snapshot_hz: int | None) -> int:
    if snapshot_hz is None:
        return max(1, tick_hz // 30)
    if not 1 <= snapshot_hz <= tick_hz or tick_hz % snapshot_hz:
        raise UsageError(f"--snapshot-hz {snapshot_hz} does not divide --tick-hz {tick_hz}")
    return tick_hz // snapshot_hz


def _beacon(host: str) -> Beacon | None:
    """Return what answers players who look for matches; None, and a line in the log, where its ports are taken."""
    try:
        return Beacon(host)
    except UsageError as error:
        logs.event("not to be found by looking", why=str(error))
        return None


def _access(options: argparse.Namespace) -> Access:
    rules = Rules(
        allow=tuple(parse_network(text) for text in options.allow),
        deny=tuple(parse_network(text) for text in options.deny),
    )
    access = Access(rules, options.access_file)
    access.refresh()
    return access


def _literal_ip(host: str) -> str:
    """Return the IP of `host`, which may be a name. Raises UsageError when there is none."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)[0][4][0])
    except (OSError, UnicodeError) as error:
        raise UsageError(f"no address known for {host!r}: {getattr(error, 'strerror', None) or error}") from error


if __name__ == "__main__":
    raise SystemExit(main())
