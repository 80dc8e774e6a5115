"""`make play`: a server with bots on this machine, and a client that is already in its match.

With a display a window opens. Without one the same match runs headless for 20 seconds, with a table in the terminal,
and leaves a screenshot that the real renderer drew.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from engine.clock import SystemClock
from engine.errors import NetError
from engine.ops.command import Parser, Stop, count, run, seconds

HERE = Path(__file__).resolve().parent
SCREENSHOT = Path("out") / "play.png"
HEADLESS_SECONDS = 20.0
START_SECONDS = 30.0
"""A server is there within two seconds; a machine that just installed everything is slower."""
STOP_SECONDS = 5.0
"""A server says good-bye and ends within a second; then it is ended."""


def build_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="play.py",
        usage="%(prog)s [options]",
        description="Play Arena at once: a server with bots on this machine, and a client in its match. Without a"
        f" display it plays by itself for {HEADLESS_SECONDS:g} seconds, and leaves a screenshot in {SCREENSHOT}.",
    )
    parser.add_argument("--bots", type=count, default=6, metavar="N", help="bots to play against (default 6)")
    parser.add_argument("--link", metavar="PROFILE", help="simulate a link: wifi, 4g, awful, ... (default: none)")
    parser.add_argument("--headless", action="store_true", help="no window, even where there is a display")
    parser.add_argument(
        "--seconds",
        type=seconds,
        metavar="S",
        help=f"play for S seconds (default: until you leave; without a window {HEADLESS_SECONDS:g})",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Play until the window is closed; return the exit code."""
    options = build_parser().parse_args(argv)
    return run("play.py", lambda stop: _play(options, stop))


def _play(options: argparse.Namespace, stop: Stop) -> int:
    windowed = not options.headless and _has_display()
    port = _free_port()
    # They fill the match up to a number of players, of whom we are one.
    fill = options.bots + 1 if options.bots else 0
    server = [sys.executable, str(HERE / "server.py"), "--port", str(port), "--bots", str(fill)]
    client = [sys.executable, str(HERE / "client.py"), f"127.0.0.1:{port}", "--name", "You"]
    if options.link:
        client += ["--link", options.link]
    play_seconds = options.seconds
    if not windowed:
        play_seconds = play_seconds or HEADLESS_SECONDS
        why = "as asked" if options.headless else "no display here"
        print(f"{why}: playing {play_seconds:g} s without a window, then a screenshot in {SCREENSHOT}", flush=True)
        SCREENSHOT.parent.mkdir(exist_ok=True)
        client += ["--headless", "--bot", "--screenshot", str(SCREENSHOT)]
    if play_seconds is not None:
        client += ["--seconds", str(play_seconds)]
    with tempfile.TemporaryFile("w+") as log, _running(server, log) as running:
        if not _listening(port, running):
            log.seek(0)
            raise NetError(f"the server did not start: {log.read().strip()}")
        with _running(client) as playing:
            # Ctrl-C in a terminal reaches the client too, and one that leaves is waited for.
            stop.patient = True
            while playing.poll() is None and not stop.asked:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    playing.wait(0.1)
        code = playing.returncode
    if code == 0 and not windowed:
        print(f"screenshot: {SCREENSHOT}")
    return code


def _has_display() -> bool:
    """Tell whether a window can open: elsewhere than on Linux there always is a desktop, unless we came by ssh."""
    if platform.system() == "Linux":
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return "SSH_CONNECTION" not in os.environ


def _free_port() -> int:
    """Return a port that neither UDP nor TCP uses: the match and its lobby share the number."""
    for _ in range(64):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            port: int = udp.getsockname()[1]
            with contextlib.suppress(OSError):
                tcp.bind(("127.0.0.1", port))
                return port
    raise NetError("no free port on this machine")


@contextlib.contextmanager
def _running(command: list[str], log: IO[str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` meanwhile; with `log` in a group of its own, out of reach of the terminal's Ctrl-C."""
    process = subprocess.Popen(command, stdout=log, stderr=log and subprocess.STDOUT, start_new_session=log is not None)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listening(port: int, server: subprocess.Popen[bytes]) -> bool:
    """Wait until the lobby answers; tell whether it does."""
    clock = SystemClock()
    give_up = clock.now() + START_SECONDS
    while clock.now() < give_up and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        clock.sleep(0.05)
    return False


if __name__ == "__main__":
    raise SystemExit(main())
