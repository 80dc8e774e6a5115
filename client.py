"""The Arena client: arguments, wiring and the loops. The player's side of the match is `engine.client.session`.

Exit codes: 0 left in good order, 2 could not join or was put out (one line says why).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from engine.address import Address, format_address, parse_address
from engine.client.session import ClientSession, Phase
from engine.clock import SystemClock
from engine.config import protocol_id
from engine.errors import NetError, UsageError
from engine.game import Brain
from engine.identity import clean_name
from engine.ops import logs
from engine.ops.lobby.client import join
from engine.ops.secrets import load_password, read_secret_file
from engine.transport import Transport
from engine.transport.impaired import ImpairedTransport
from engine.transport.impairment import load_profile
from engine.transport.udp import UdpSocket
from engine.world.picture import Picture
from game.rules import Arena
from game.terminal import LinkLine, PlayerLine, Table

DEFAULT_PORT = 40000
FRAME_HZ = 60.0
"""Frames per second without a window, where nothing else sets the pace."""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="client.py",
        description="Play Arena. Without options: join the server on this machine.",
        epilog="Keys: WASD move, mouse aims and fires, 1 and 2 weapons, Tab scores, F3 net graph, Esc leaves.",
    )
    parser.add_argument(
        "server", nargs="?", default="127.0.0.1", metavar="HOST[:PORT]", help="the server (default 127.0.0.1:40000)"
    )
    parser.add_argument("--name", default="player", help="the name others see (default player)")
    parser.add_argument("--headless", action="store_true", help="no window: a table in the terminal instead")
    parser.add_argument("--bot", action="store_true", help="play by itself")
    parser.add_argument("--behaviour", default="mixed", metavar="NAME", help="how --bot plays (default mixed)")
    parser.add_argument(
        "--link", metavar="PROFILE", help="put a simulated link under this client: wifi, 4g, awful, ..."
    )
    parser.add_argument("--seconds", type=float, metavar="S", help="leave after S seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what the session measured to FILE at the end")
    parser.add_argument("--screenshot", type=Path, metavar="FILE", help="save the last picture as a PNG")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="the server's password")
    parser.add_argument("--jwt-file", type=Path, metavar="FILE", help="the token your studio's backend gave you")
    parser.add_argument("--tls", action="store_true", help="the lobby speaks HTTPS")
    parser.add_argument("--fingerprint", metavar="SHA256", help="pin the lobby's certificate (implies --tls)")
    parser.add_argument("--token", type=Path, metavar="FILE", help="a connect token, instead of asking the lobby")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of --link and --bot (default 1)")
    parser.add_argument("--size", default="1280x720", metavar="WxH", help="window size (default 1280x720)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the client until it leaves; return the exit code."""
    options = build_parser().parse_args(argv)
    logs.configure(logs.LogConfig())
    try:
        with _stop_signal() as stopped:
            return _play(options, stopped)
    except NetError as error:
        print(f"client.py: {error}", file=sys.stderr)
        return 2


def _play(options: argparse.Namespace, stopped: list[int]) -> int:
    clock = SystemClock()
    options.name = clean_name(options.name)
    address = _resolve(options.server)
    profile = load_profile(options.link) if options.link else None
    size = _size(options.size)
    if options.seconds is not None and not options.seconds > 0:
        raise UsageError(f"--seconds must be positive, got {options.seconds:g}")
    for path in (options.json, options.screenshot):
        _check_writable(path)
    brain = Arena().brain(options.behaviour, options.seed) if options.bot else None
    screen = _open_screen(options, size, format_address(address))
    token = _connect_token(options, address)
    session = ClientSession(Arena.factory, token, clock.now(), clock.unix_time(), os.urandom)
    udp = UdpSocket("::" if ":" in address[0] else "0.0.0.0", 0)
    transport: Transport = udp if profile is None else ImpairedTransport(udp, profile, options.seed, clock.now)
    with transport:
        loop = ClientLoop(session, transport, clock, brain)
        try:
            if options.headless:
                _run_headless(loop, options, stopped, screen)
            else:
                assert screen is not None
                screen.run(loop, options.seconds, stopped)
        finally:
            loop.leave()
        if screen is not None:
            if options.screenshot is not None:
                screen.save(options.screenshot)
            screen.close()
        if options.json is not None:
            options.json.write_text(json.dumps(loop.report(), indent=2) + "\n")
    if loop.put_out:
        print(f"client.py: {loop.put_out}", file=sys.stderr)
        return 2
    return 0


class ClientLoop:
    """What every loop does once a frame: receive, draw, play, send. `brain` plays if given."""

    def __init__(self, session: ClientSession, transport: Transport, clock: SystemClock, brain: Brain | None) -> None:
        self.session = session
        self.transport = transport
        self.clock = clock
        self.brain = brain
        self.put_out = ""
        """Why the server, or the lack of one, ended this session; "" if it did not."""
        self._started = clock.now()

    @property
    def plays_itself(self) -> bool:
        """Tell whether a bot is at the controls."""
        return self.brain is not None

    @property
    def over(self) -> bool:
        """Tell whether the session has ended by itself."""
        return self.session.phase is Phase.CLOSED

    def frame(self, controls: Callable[[Picture | None], Sequence[int]] | None) -> Picture | None:
        """Run one frame and return its picture. `controls` makes the input; None: the bot does, or nobody."""
        now = self.clock.now()
        self.session.receive(self.transport.receive(now), now)
        picture = self.session.picture(now)

        def chosen(tick: int) -> Sequence[int]:
            if controls is not None:
                return controls(picture)
            return self._think(picture, tick)

        self.session.update(now, chosen)
        self.transport.send(self.session.datagrams_to_send(), now)
        return picture

    def wait(self, until: float) -> None:
        """Wait for `until`, taking what arrives meanwhile: a snapshot came when it came, not with the next frame."""
        while (left := until - self.clock.now()) > 0:
            if self.transport.wait(left):
                now = self.clock.now()
                self.session.receive(self.transport.receive(now), now)

    def leave(self) -> None:
        """Say good-bye, unless it is over already."""
        if self.over:
            self.put_out = self.session.reason
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
            "seconds": now - self._started,
            "left_because": self.put_out or "left",
            **asdict(figures),
            "received_bytes": stats.received_wire_bytes,
            "sent_bytes": stats.sent_wire_bytes,
            "dropped": dict(self.session.drops),
            "players": {name: row for row, name in self.session.names.items()},
        }

    def _think(self, picture: Picture | None, tick: int) -> Sequence[int]:
        game, row = self.session.game, self.session.own_row
        idle = [0] * (len(game.input.fields) if game else 0)
        if self.brain is None or picture is None or picture.own is None or row is None:
            return idle
        values: list[int] = self.brain.think(picture, np.array([row]), tick).state[:, 0].tolist()
        return values


def _run_headless(loop: ClientLoop, options: argparse.Namespace, stopped: list[int], screen: Any) -> None:
    """Play without a window: a table in the terminal once a second, and a screen drawn now and then if wanted."""
    clock = loop.clock
    table = Table(sys.stdout)
    begin = clock.now()
    frame = 0
    while not stopped and not loop.over and (options.seconds is None or clock.now() - begin < options.seconds):
        picture = loop.frame(None)
        if screen is not None and frame % 6 == 0:
            screen.draw(loop, picture)
        if frame % int(FRAME_HZ) == 0:
            table.show(*_standing(loop, picture, clock.now() - begin))
        frame += 1
        loop.wait(begin + frame / FRAME_HZ)


def _standing(loop: ClientLoop, picture: Picture | None, seconds: float) -> tuple[LinkLine, list[PlayerLine]]:
    """Return the table's figures and players, best first."""
    session = loop.session
    figures = session.figures(loop.clock.now())
    link = figures.link
    line = LinkLine(
        seconds=seconds,
        status=session.phase.value,
        players=len(session.names),
        rtt_ms=(link.rtt or 0.0) * 1000,
        jitter_ms=(link.jitter or 0.0) * 1000,
        loss=link.loss_in * 100,
        snapshot_bytes=figures.last_snapshot_bytes,
        down_kbit_s=link.in_kbit_s,
        up_kbit_s=link.out_kbit_s,
        lead_ticks=figures.lead_ticks,
        delay_ms=figures.interpolation_delay * 1000,
        corrections=figures.prediction.corrections,
    )
    players = []
    if picture is not None:
        seen = picture["player"]
        score, deaths, health = seen["score"], seen["deaths"], seen["health"]
        for row in seen.rows().tolist():
            name = session.names.get(row, f"#{row}")
            players.append(PlayerLine(name, int(score[row]), int(deaths[row]), int(health[row])))
    return line, sorted(players, key=lambda player: (-player.score, player.name))


def _open_screen(options: argparse.Namespace, size: tuple[int, int], server: str) -> Any:
    """Return the screen to draw on, None where none is wanted. Raises NetError when there is no pygame."""
    if options.headless and options.screenshot is None:
        return None
    if options.headless:
        os.environ["SDL_VIDEODRIVER"] = "dummy"
        os.environ["SDL_AUDIODRIVER"] = "dummy"
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    try:
        from game.view.screen import Screen
    except ImportError as error:
        if error.name != "pygame":
            raise
        raise NetError("the window needs pygame: pip install pygame-ce (or play with --headless)") from error
    return Screen(size, server)


def _connect_token(options: argparse.Namespace, address: Address) -> bytes:
    """Return the connect token: from a file, or from the server's lobby."""
    if options.token is not None:
        return read_secret_file(options.token)
    password = load_password(options.password_file, os.environ)
    token = read_secret_file(options.jwt_file).decode("ascii", "replace").strip() if options.jwt_file else None
    ticket = join(
        address,
        options.name,
        password=password,
        token=token,
        protocol_id=protocol_id(Arena.name, Arena.version),
        tls=options.tls,
        fingerprint=options.fingerprint,
    )
    return ticket.connect_token


def _resolve(text: str) -> Address:
    host, port = parse_address(text, DEFAULT_PORT)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][4]
    except OSError as error:
        raise UsageError(f"no address known for {host!r}: {error.strerror or error}") from error
    return str(found[0]), port


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.partition("x")
    if not cross or not width.isdigit() or not height.isdigit():
        raise UsageError(f"--size {text!r} is not a size: write 1280x720")
    if not (320 <= int(width) <= 7680 and 200 <= int(height) <= 4320):
        raise UsageError(f"--size {text} is out of range: 320x200 to 7680x4320")
    return int(width), int(height)


def _check_writable(path: Path | None) -> None:
    if path is None:
        return
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise UsageError(f"can't write {path}: {error.strerror or error}") from error


@contextmanager
def _stop_signal() -> Iterator[list[int]]:
    """Give a list that gets an entry when this process is asked to stop (Ctrl-C, SIGTERM)."""
    stopped: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    raise SystemExit(main())
