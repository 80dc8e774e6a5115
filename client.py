"""The Arena client: arguments, wiring and the loops. The player's side of the match is `engine.client.session`.

A server that is lost is looked for again until it is back or says no: `engine.client.reconnect`.

Exit codes: 0 left in good order, 2 could not join or was put out (one line says why).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.address import Address, format_address, parse_address
from engine.client.input_delay import AUTOMATIC, MAX_INPUT_DELAY
from engine.client.reconnect import Reconnect, Refusal, Returning
from engine.client.session import ClientSession, Phase
from engine.clock import SystemClock
from engine.config import ClientConfig, protocol_id
from engine.errors import NetError, ProtocolError, UsageError
from engine.game import Brain, Game
from engine.identity import clean_name
from engine.link.netcode import read_connect_token
from engine.memory import settle
from engine.ops.browser import Browser, ServerSeen
from engine.ops.command import Parser, Stop, count, run, seconds, writable, write_json
from engine.ops.discovery import DiscoverySocket
from engine.ops.lobby.asking import Asking
from engine.ops.lobby.client import JoinError, join
from engine.ops.secrets import load_password, read_secret_file
from engine.text import printable
from engine.transport import Transport
from engine.transport.impaired import ImpairedTransport
from engine.transport.impairment import Profile, load_profile, profile_names
from engine.transport.udp import UdpSocket
from engine.wire.messages import ENGINE_MESSAGES, Said
from engine.world.picture import Picture
from game.characters import parse_behaviour
from game.messages import MESSAGES, Pings
from game.rules import Arena
from game.settings import Settings, SettingsFile, replays_path, settings_path
from game.view.headless import run_headless
from game.view.keeping import Files, Keeper
from game.view.opening import open_screen
from game.view.recordings import Recordings, open_replay
from game.view.watching import watch

if TYPE_CHECKING:  # it imports pygame
    from game.view.screen import Screen

DEFAULT_PORT = 40000
SILENCE_TOLD = 2.0
"""Seconds without a word from the server that a player is told of: by then nobody is where the screen shows them."""
NOTICE_SECONDS = 8.0
"""How long words from whoever runs the server are shown: time to read a line twice."""
_FOLDER = Path()
"""--record without a FILE: into the folder of replays."""
MakeBrain = Callable[[Game], Brain]
"""Makes the bot that plays a game."""


def build_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="client.py",
        usage="%(prog)s [HOST[:PORT]] [options]",
        description="Play Arena. Without HOST: a start screen with the servers there are.",
        epilog="Keys, unless you have set others: WASD or arrows move, the mouse aims and fires, 1 to 3 or the wheel"
        " choose the weapon, Tab shows the scores, Enter chats, F3 shows the net graph, F4 the verdicts, Esc the menu."
        " Who spectates fires to see the next player, dashes for the one before, and moves to fly over the map.",
    )
    parser.add_argument(
        "server", nargs="?", metavar="HOST[:PORT]", help="the server to join at once (headless: default this machine)"
    )
    parser.add_argument("--name", help="the name others see (default: as in the settings)")
    parser.add_argument("--size", type=_size, metavar="WxH", help="window size (default: as in the settings)")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="where settings are kept (default: your own)")
    parser.add_argument("--spectate", action="store_true", help="only watch: follow players, or fly over the map")
    parser.add_argument("--seconds", type=seconds, metavar="S", help="leave after S seconds (default: play on)")
    record = "keep a replay of what you get to see: in FILE, or where the start screen lists them"
    parser.add_argument("--record", nargs="?", const=_FOLDER, type=writable, metavar="FILE", help=record)
    parser.add_argument("--replay", type=Path, metavar="FILE", help="watch the replay in FILE instead of playing")
    test = parser.add_argument_group("trying things out")
    test.add_argument("--headless", action="store_true", help="no window: a table in the terminal instead")
    test.add_argument("--bot", action="store_true", help="play by itself")
    test.add_argument("--behaviour", default="mixed", metavar="NAME", help="how --bot plays (default mixed)")
    test.add_argument("--link", metavar="PROFILE", help="put a simulated link under this client: wifi, 4g, awful, ...")
    delay = "ticks after which the own player answers: 0 to 3, or auto (default 0; a window goes by the settings)"
    test.add_argument("--input-delay", type=_input_delay, default=0, metavar="TICKS", help=delay)
    test.add_argument("--seed", type=count, default=1, metavar="N", help="of --link and --bot (default 1)")
    test.add_argument("--json", type=writable, metavar="FILE", help="at the end, write what was measured to FILE")
    test.add_argument("--screenshot", type=writable, metavar="FILE", help="at the end, save the last picture as a PNG")
    door = parser.add_argument_group("getting in, where the server asks for more")
    door.add_argument("--password-file", type=Path, metavar="FILE", help="the server's password")
    door.add_argument("--jwt-file", type=Path, metavar="FILE", help="the token your studio's backend gave you")
    door.add_argument("--tls", action="store_true", help="the lobby speaks HTTPS")
    door.add_argument("--fingerprint", metavar="SHA256", help="pin the lobby's certificate (implies --tls)")
    door.add_argument("--token", type=Path, metavar="FILE", help="a connect token, instead of asking the lobby")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the client until it leaves; return the exit code."""
    options = build_parser().parse_args(argv)
    return run("client.py", lambda stop: _play(options, stop))


def _play(options: argparse.Namespace, stop: Stop) -> int:
    clock = SystemClock()
    file = _settings_file(options)
    files = _files(options, clock)
    if options.replay is not None:
        return _watch_replay(options, file, clock, stop)
    settings = file.settings if file is not None else Settings()
    options.name = clean_name(settings.name if options.name is None else options.name)
    profile = load_profile(options.link or "perfect")
    parse_behaviour(options.behaviour)
    if options.spectate and options.bot:
        raise UsageError("--spectate leaves nothing for --bot to do")
    mind = _mind(options) if options.bot else None
    if file is not None and not (options.server or options.token or options.bot or options.headless):
        return _start_screen(options, file, files, profile, stop)
    address = parse_address(options.server or "127.0.0.1", DEFAULT_PORT)
    unseen = options.headless and options.screenshot is None
    screen = None if unseen else _screen(options, file, format_address(address))
    loop = _enter(options, address, _connect_token(options, address), profile, files, clock, mind, stop)
    stop.patient = True
    settle()
    try:
        if screen is not None and not (options.bot or options.headless):
            screen.keep_match(loop)
        if options.headless:
            run_headless(loop, sys.stdout, screen)
        elif screen is not None:
            screen.run(loop)
    finally:
        loop.close()
    if screen is not None:
        if options.screenshot is not None:
            screen.save(options.screenshot)
        screen.close()
    if options.json is not None:
        write_json(options.json, loop.report())
    if loop.put_out:
        raise NetError(loop.put_out)
    return 0


def _watch_replay(options: argparse.Namespace, file: SettingsFile | None, clock: SystemClock, stop: Stop) -> int:
    """Play a replay in the window; without one, as far as --seconds, for its last picture."""
    replay, game = open_replay(options.replay)
    if replay.damage:
        print(f"client.py: {printable(f'{replay.name}: {replay.damage}')}", file=sys.stderr)
    screen = _screen(options, file, "", game)
    stop.patient = True
    settle()
    unseen, picture = options.headless, options.screenshot
    try:
        print(watch(screen, replay, game, clock, options.seconds, lambda: stop.asked, unseen=unseen, picture=picture))
    finally:
        screen.close()
    return 0


def _files(options: argparse.Namespace, clock: SystemClock) -> Files:
    """Return where replays go: beside settings that were named, else into the player's own folder."""
    beside = options.settings.parent / "replays" if options.settings is not None else None
    path = None if options.record == _FOLDER else options.record
    return Files(beside or replays_path(sys.platform, os.environ, Path.home()), path, clock)


def _start_screen(options: argparse.Namespace, file: SettingsFile, files: Files, profile: Profile, stop: Stop) -> int:
    """Open the window with the start screen, and play until the player quits."""
    screen = _screen(options, file, "")
    from game.view.app import App

    doors = Doors(options, profile, files, SystemClock(), stop)
    app = App(screen, doors, file.notices, Recordings(files.folder))
    stop.patient = True
    settle()
    try:
        while not app.quit and not stop.asked:
            app.frame()
    finally:
        app.close()
        doors.close()
        screen.close()
    return 0


class Doors:
    """The way into matches, for the start screen: the servers there are, and a match on the one that was chosen."""

    def __init__(
        self, options: argparse.Namespace, profile: Profile, files: Files, clock: SystemClock, stop: Stop
    ) -> None:
        self.clock = clock
        self._files = files
        self._options = options
        self._profile = profile
        self._stop = stop
        try:
            socket = DiscoverySocket()
        except UsageError:  # no IPv4 here: servers are joined by address
            socket = None
        self._browser = Browser(protocol_id(Arena.name, Arena.version), os.urandom, socket)
        self._asked: tuple[argparse.Namespace, Address, Asking[bytes]] | None = None

    def servers(self, known: Sequence[str]) -> Sequence[ServerSeen]:
        """Return the servers of this network, and those of `known`."""
        return self._browser.servers(known, self.clock.now())

    def refresh(self) -> None:
        """Look for servers at once."""
        self._browser.refresh()

    def knock(self, join: Any) -> None:
        """Begin to ask for a connect token. Raises UsageError for an address that is none."""
        address = parse_address(join.address, DEFAULT_PORT)
        asked = {"name": join.name, "password": join.password or None, "spectate": join.watch}
        options = argparse.Namespace(**{**vars(self._options), **asked})
        asking = Asking(lambda _: _connect_token(options, address))
        self._asked = (options, address, asking)
        asking.ask("")

    def answer(self) -> ClientLoop | None:
        """Return the match, once there is a token for it; None before. Raises NetError saying why there is none."""
        if self._asked is None:
            return None
        options, address, asking = self._asked
        try:
            token = asking.answer()
        except NetError:
            self._asked = None
            raise
        if token is None:
            return None
        self._asked = None
        return _enter(options, address, token, self._profile, self._files, self.clock, None, self._stop)

    def give_up(self) -> None:
        """Forget whom we asked; the answer comes to nobody."""
        self._asked = None

    def close(self) -> None:
        """Stop looking for servers."""
        self._browser.close()


def _enter(
    options: argparse.Namespace,
    address: Address,
    token: bytes,
    profile: Profile,
    files: Files,
    clock: SystemClock,
    mind: MakeBrain | None,
    stop: Stop,
) -> ClientLoop:
    """Return the loop of a match that `token` opens, over a socket of its own."""

    speech = ENGINE_MESSAGES.with_types(MESSAGES)

    keeper = Keeper(files, clock)

    def new_session(token: bytes, now: float) -> ClientSession:
        # The machine's own clock may be wrong: how old the token is, the server knows.
        config = ClientConfig(input_delay=options.input_delay)
        session = ClientSession(Arena.factory, token, now, None, os.urandom, config, messages=speech)
        keeper.follow(session)
        return session

    session = new_session(token, clock.now())
    if options.record is not None:
        keeper.start(session)
    asking = Asking(lambda ticket: _ask_again(options, address, token, ticket))
    returning = Returning(session, new_session, asking, Reconnect(os.urandom))
    udp = UdpSocket(_any_address(token), 0)
    # Where there is a window, the player can change the link in the menu.
    plain = options.headless and profile.name == "perfect"
    transport: Transport = udp if plain else ImpairedTransport(udp, profile, options.seed, clock.now)
    loop = ClientLoop(returning, transport, clock, mind, stop, options.seconds)
    loop.keeper = keeper
    return loop


def _mind(options: argparse.Namespace) -> MakeBrain:
    """Return what makes the bot that plays for us: of the very game, with all its maps, that the server plays."""

    def make(game: Game) -> Brain:
        return game.brain(options.behaviour, options.seed)

    return make


class ClientLoop:
    """What every loop does once a frame: receive, draw, play, send. What `mind` makes plays, if given."""

    def __init__(
        self,
        returning: Returning,
        transport: Transport,
        clock: SystemClock,
        mind: MakeBrain | None,
        stop: Stop,
        seconds: float | None,
    ) -> None:
        self._returning = returning
        self.transport = transport
        self.clock = clock
        self.pings: Mapping[int, int] = {}
        """What the server has said of everyone's round trip time, in milliseconds, by player row."""
        self._mind = mind
        self._brain: tuple[Game, Brain] | None = None
        self.keeper: Keeper | None = None
        """What keeps this match in a file, while that is wanted."""
        self.put_out = ""
        """Why the server, or the lack of one, ended this session; "" if it did not."""
        self.notice = ""
        """What whoever runs the server has said lately."""
        self.send_chat: Callable[[str, bool], None] | None = self._say
        """Sends a line of chat, to all or to the own team."""
        self._notice_until = 0.0
        self._seen: Picture | None = None
        self._links: dict[str, str] = {}
        self.started = clock.now()
        self._stop = stop
        self._end = None if seconds is None else self.started + seconds

    @property
    def session(self) -> ClientSession:
        """The session in use: another one after each return."""
        return self._returning.session

    def _say(self, words: str, team: bool) -> None:
        self.session.say(words, team)

    @property
    def words(self) -> str:
        """What goes on while the server is lost, in words for the player; "" while it is not."""
        now = self.clock.now()
        words = self._returning.words(now)
        silence = self.session.silence(now)
        if not words and self.session.phase is Phase.PLAYING and silence >= SILENCE_TOLD:
            return f"nothing from the server for {silence:.0f} s ..."
        return words

    @property
    def plays_itself(self) -> bool:
        """Tell whether a bot is at the controls."""
        return self._mind is not None

    @property
    def over(self) -> bool:
        """Tell whether to leave: there is no way back in, the time is up, or we were asked to."""
        ended = self._returning.over or self._stop.asked
        return ended or (self._end is not None and self.clock.now() >= self._end)

    def frame(self, controls: Callable[[Picture | None], Sequence[int]] | None) -> Picture | None:
        """Run one frame and return its picture. `controls` makes the input; None: the bot does, or nobody.

        Inputs come before the picture: they answer what was seen until now, the frame before, and the picture then
        shows what they did. The other way round the own row is drawn a frame late, and unevenly, because there is
        nothing yet to draw it towards once its tick is over (`tests/integration/test_frame_pacing.py`).
        """
        now = self.clock.now()
        session, seen = self.session, self._seen
        session.receive(self.transport.receive(now), now)

        def chosen(tick: int) -> Sequence[int]:
            if controls is not None:
                return controls(seen)
            return self._think(seen, tick)

        session.update(now, chosen)
        self.transport.send(session.datagrams_to_send(), now)
        picture = session.picture(now)
        for message in session.messages():
            if isinstance(message, Pings):
                self.pings = dict(zip(message.rows, message.ms, strict=True))
        for said in session.notices():
            self.notice, self._notice_until = said, now + NOTICE_SECONDS
        if now >= self._notice_until:
            self.notice = ""
        self._returning.update(now)
        # Another session's rows mean other players.
        self._seen = picture if self.session is session else None
        return picture

    def wait(self, until: float) -> None:
        """Wait for `until`, taking what arrives meanwhile: a snapshot came when it came, not with the next frame."""
        if self.keeper is not None:
            self.keeper.work(until)
        while (left := until - self.clock.now()) > 0:
            if self.transport.wait(left):
                now = self.clock.now()
                self.session.receive(self.transport.receive(now), now)

    @property
    def links(self) -> Mapping[str, str]:
        """The links that can be put under this match, and what each is like; empty where none can."""
        if not self._links and isinstance(self.transport, ImpairedTransport):
            self._links = {name: load_profile(name).about for name in profile_names()}
            self._links.setdefault(self.link, self.transport.profile.about)
        return self._links

    @property
    def link(self) -> str:
        """The simulated link under this match."""
        return self.transport.profile.name if isinstance(self.transport, ImpairedTransport) else ""

    def set_link(self, name: str) -> None:
        """Put another link under this match, from the next datagram on. Raises UsageError when there is none."""
        if isinstance(self.transport, ImpairedTransport):
            self.transport.set_profile(load_profile(name))

    def said(self) -> Sequence[Said]:
        """Return the chat since the last call."""
        return self.session.chat()

    def close(self) -> None:
        """Leave, and close the socket."""
        self.leave()
        self.transport.close()
        if self.keeper is not None and (said := self.keeper.stop(self.session)):
            print(said)

    def leave(self) -> None:
        """Say good-bye, unless it is over already."""
        if self.session.phase is Phase.CLOSED:
            self.put_out = self._returning.reason or self.session.reason
        else:
            now = self.clock.now()
            self.session.leave(now)
            self.transport.send(self.session.datagrams_to_send(), now)

    def report(self) -> dict[str, Any]:
        """Return what the session measured, for --json."""
        now = self.clock.now()
        figures = self.session.figures(now)
        stats = self.transport.stats
        return {
            "seconds": now - self.started,
            "left_because": self.put_out or "left",
            "returns": self._returning.reconnect.returns,
            **asdict(figures),
            "received_bytes": stats.received_wire_bytes,
            "sent_bytes": stats.sent_wire_bytes,
            "dropped": dict(self.session.all_drops()),
            "players": {name: row for row, name in self.session.names.items()},
        }

    def _think(self, picture: Picture | None, tick: int) -> Sequence[int]:
        game, row = self.session.game, self.session.own_row
        idle = [0] * (len(game.input.fields) if game else 0)
        if self._mind is None or game is None or picture is None or picture.own is None or row is None:
            return idle
        if self._brain is None or self._brain[0] is not game:
            self._brain = game, self._mind(game)
        values: list[int] = self._brain[1].think(picture, np.array([row]), tick).state[:, 0].tolist()
        return values


def _settings_file(options: argparse.Namespace) -> SettingsFile | None:
    """Return the player's settings; a headless client has none but those it is given."""
    if options.settings is None and options.headless:
        return None
    return SettingsFile(options.settings or settings_path(sys.platform, os.environ, Path.home()))


def _screen(options: argparse.Namespace, file: SettingsFile | None, server: str, game: Arena | None = None) -> Screen:
    return open_screen(server, file, options.size, visible=not options.headless, game=game)


def _ask_again(options: argparse.Namespace, address: Address, first: bytes, ticket: str) -> bytes | Refusal:
    """Return another connect token for the player who has `ticket`, or why there is none. Not in the main thread."""
    try:
        token = _connect_token(options, address, ticket)
    except JoinError as error:
        return Refusal(str(error), error.retry, error.retry_after)
    except NetError as error:
        return Refusal(str(error), retry=False)
    if token == first:
        return Refusal("lost the server, and a connect token opens one session: get another one", retry=False)
    return token


def _connect_token(options: argparse.Namespace, address: Address, resume: str = "") -> bytes:
    """Return a connect token: from a file, or from the server's lobby, which passes on `resume`."""
    if options.token is not None:
        return read_secret_file(options.token)
    password = getattr(options, "password", None) or load_password(options.password_file, os.environ)
    token = read_secret_file(options.jwt_file).decode("ascii", "replace").strip() if options.jwt_file else None
    ticket = join(
        address,
        options.name,
        password=password,
        token=token,
        protocol_id=protocol_id(Arena.name, Arena.version),
        resume=resume,
        watch=options.spectate,
        tls=options.tls,
        fingerprint=options.fingerprint,
    )
    return ticket.connect_token


def _any_address(token: bytes) -> str:
    """Return the address to bind, of the IP version in which `token` names its server."""
    try:
        host, _ = read_connect_token(token).addresses[0]
    except ProtocolError as error:
        raise UsageError(f"that is no connect token: {error}") from error
    return "::" if ":" in host else "0.0.0.0"


def _input_delay(text: str) -> int:
    """Read an input delay, for argparse."""
    if text == "auto":
        return AUTOMATIC
    if not (text.isdecimal() and len(text) == 1 and int(text) <= MAX_INPUT_DELAY):
        raise argparse.ArgumentTypeError(f"{text!r} is no input delay: 0 to {MAX_INPUT_DELAY}, or auto")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    """Read a window size, for argparse."""
    width, cross, height = text.partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and len(text) < 12):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size: write 1280x720")
    if not (320 <= int(width) <= 7680 and 200 <= int(height) <= 4320):
        raise argparse.ArgumentTypeError(f"{text} is out of range: 320x200 to 7680x4320")
    return int(width), int(height)


if __name__ == "__main__":
    raise SystemExit(main())
