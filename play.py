"""`make play`: a server with bots on this machine, and a client that is already in its match.

With a display a window opens. Without one the same match runs headless for 20 seconds, with a table in the terminal,
and leaves a screenshot that the real renderer drew.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCREENSHOT = Path("out") / "play.png"
HEADLESS_SECONDS = 20
START_SECONDS = 30
"""A server is there within two seconds; a machine that just installed everything is slower."""


def main(argv: Sequence[str] | None = None) -> int:
    """Play until the window is closed; return the exit code."""
    parser = argparse.ArgumentParser(prog="play.py", description=__doc__)
    parser.add_argument("--bots", type=int, default=6, metavar="N", help="bots to play against (default 6)")
    parser.add_argument("--link", metavar="PROFILE", help="simulate a link: wifi, 4g, awful, ... (default: none)")
    parser.add_argument("--headless", action="store_true", help="no window, even where there is a display")
    options = parser.parse_args(argv)
    windowed = not options.headless and _has_display()
    port = _free_port()
    server = [sys.executable, str(HERE / "server.py"), "--port", str(port), "--bots", str(options.bots)]
    client = [sys.executable, str(HERE / "client.py"), f"127.0.0.1:{port}", "--name", "You"]
    if options.link:
        client += ["--link", options.link]
    if not windowed:
        why = "as asked" if options.headless else "no display here"
        SCREENSHOT.parent.mkdir(exist_ok=True)
        print(f"{why}: playing {HEADLESS_SECONDS} s without a window, then a screenshot in {SCREENSHOT}", flush=True)
        client += ["--headless", "--bot", "--seconds", str(HEADLESS_SECONDS), "--screenshot", str(SCREENSHOT)]
    with tempfile.TemporaryFile("w+") as log, _running(server, log) as running:
        if not _listening(port, running):
            log.seek(0)
            print(f"play.py: the server did not start: {log.read().strip()}", file=sys.stderr)
            return 2
        code = _run(client)
    if code == 0 and not windowed:
        print(f"screenshot: {SCREENSHOT}")
    return code


def _has_display() -> bool:
    """Tell whether a window can open: elsewhere than on Linux there always is a desktop, unless we came by ssh."""
    if sys.platform.startswith("linux"):
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
    raise SystemExit("play.py: no free port on this machine")


@contextlib.contextmanager
def _running(command: list[str], log: object):  # type: ignore[no-untyped-def]
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listening(port: int, server: subprocess.Popen[bytes]) -> bool:
    """Wait until the lobby answers; tell whether it does."""
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.05)
    return False


def _run(command: list[str]) -> int:
    """Run the client to its end; Ctrl-C reaches it too, and it leaves in good order."""
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    raise SystemExit(main())
