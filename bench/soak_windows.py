"""Minutes of a match over real UDP: a server with bots, two windowed clients on displays of their own, headless ones.

    python bench/soak_windows.py [--minutes 5] [--link wifi] [--headless 6] [--server-bots 8] [--size 960x540]

Needs Xvfb (on Debian: apt install xvfb) for the windows; with xdotool too, both hold the scoreboard and the net graph
open when their pictures are taken, at one moment, near the end. Everything is started here and ended here. Prints a
table and what was wrong, if anything: a client that was lost, left or returned before its time, a line of a log that is
a warning, an error or an exception. Exit codes: 0 all was well, 1 something was wrong, 2 it could not run.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.clock import SystemClock

ROOT = Path(__file__).resolve().parents[1]
WINDOWS = ("Left", "Right")
PICTURES_BEFORE_END = 5.0
"""Seconds before the end at which the pictures are taken: everybody is still there."""
PATIENCE = 180.0
"""Seconds a process may take to start or to end on a machine that is busy with this."""
BAD = re.compile(r"Traceback|^Exception|\b(warning|error|critical)\b|(refused|away|back|timed-out)\b")
"""What no line of a log may hold."""

_XWD_HEADER = struct.Struct(">25I")


class Failed(Exception):
    """It can't run; the words say why."""


class Running:
    """A process, its log, and the figures it leaves."""

    def __init__(self, name: str, command: list[str], out: Path, display: str | None = None) -> None:
        self.name = name
        self.log = out / f"{name.lower()}.log"
        self.figures = out / f"{name.lower()}.json"
        self.figures.unlink(missing_ok=True)
        environment = {**os.environ, "DISPLAY": display or "", "SDL_AUDIODRIVER": "dummy"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command, "--json", str(self.figures)], stdout=log, stderr=log, env=environment
            )

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until the log holds `pattern`."""
        clock = SystemClock()
        end = clock.now() + PATIENCE
        while not (found := re.search(pattern, self.log.read_text("utf-8"))):
            if clock.now() > end or self.process.poll() is not None:
                raise Failed(f"{self.name} did not start: see {self.log}")
            clock.sleep(0.05)
        return found

    def findings(self) -> list[str]:
        """Return what is wrong with how it ended and what it logged."""
        found = [] if self.process.returncode == 0 else [f"{self.name}: exit code {self.process.returncode}"]
        lines = self.log.read_text("utf-8").splitlines()
        return found + [f"{self.name}: {line}" for line in lines if BAD.search(line)]

    def report(self) -> dict[str, Any]:
        """Return what it wrote at its end; empty if it did not."""
        if not self.figures.exists():
            return {}
        report: dict[str, Any] = json.loads(self.figures.read_text("utf-8"))
        return report


class Display:
    """An Xvfb of its own, whose pixels are a file."""

    def __init__(self, size: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        reading, writing = os.pipe()
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{size}x24", "-fbdir", str(folder)]
        self.process = subprocess.Popen([*command, "-nolisten", "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL)
        os.close(writing)
        with os.fdopen(reading) as told:
            number = told.readline().strip()  # "" when it ended instead
        if not number:
            raise Failed("Xvfb did not start")
        self.name = f":{number}"
        self._pixels = folder / "Xvfb_screen0"

    def hold_open(self) -> None:
        """Press F3 and hold Tab, if there is something to do it with."""
        if shutil.which("xdotool"):
            for action in (["key", "F3"], ["keydown", "Tab"]):
                subprocess.run(["xdotool", *action], env={**os.environ, "DISPLAY": self.name}, check=False, timeout=20)

    def pixels(self) -> bytes:
        """Return what the screen shows now, as an X window dump."""
        return self._pixels.read_bytes()


def png(dump: bytes) -> bytes:
    """Return the X window dump of a 24-bit screen as a PNG. https://www.x.org XWDFile.h, RFC 2083."""
    header = _XWD_HEADER.unpack_from(dump)
    start, width, height, line, colours = header[0], header[4], header[5], header[12], header[19]
    begin = start + 12 * colours
    rows = np.frombuffer(dump, np.uint8, line * height, begin).reshape(height, line)[:, : 4 * width]
    rgb = rows.reshape(height, width, 4)[:, :, 2::-1]
    scanlines = np.concatenate([np.zeros((height, 1), np.uint8), rgb.reshape(height, 3 * width)], axis=1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(scanlines.tobytes(), 6)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@contextlib.contextmanager
def ended(processes: list[subprocess.Popen[bytes]]) -> Iterator[None]:
    """End what is still running of `processes`, whatever happens."""
    try:
        yield
    finally:
        for process in reversed(processes):
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def soak(options: Namespace) -> tuple[list[Running], list[str]]:
    """Play; return the server and the clients, ended, and what was wrong."""
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    clock = SystemClock()
    seconds = options.minutes * 60.0
    processes: list[subprocess.Popen[bytes]] = []
    with ended(processes):
        players = len(WINDOWS) + options.headless + options.server_bots
        server = Running(
            "Server",
            [
                *(str(ROOT / "server.py"), "--port", "0", "--verbose", "--log-json"),
                *("--bots", str(players if options.server_bots else 0), "--max-players", str(players)),
            ],
            out,
        )
        processes.append(server.process)
        where = server.wait_for(r'"serving".*?(127\.0\.0\.1:\d+)')[1]
        displays = [Display(options.size, out / name.lower()) for name in WINDOWS]
        processes += [display.process for display in displays]
        clients = []
        names = [*WINDOWS, *(f"Bot{number + 1}" for number in range(options.headless))]
        for number, name in enumerate(names):
            command = [str(ROOT / "client.py"), where, "--name", name, "--bot", "--seed", str(number + 1)]
            command += ["--link", options.link, "--seconds", str(seconds), "--settings", str(out / "settings.toml")]
            windowed = number < len(displays)
            command += ["--size", options.size] if windowed else ["--headless"]
            clients.append(Running(name, command, out, displays[number].name if windowed else None))
            processes.append(clients[-1].process)
        begin = clock.now()
        while server.log.read_text("utf-8").count('"event": "joined"') < len(clients):
            if clock.now() > begin + PATIENCE:
                raise Failed(f"not everybody could join within {PATIENCE:g} s: see {out}")
            clock.sleep(0.1)
        first_end = begin + seconds  # nobody joined earlier than this
        while clock.now() < first_end - PICTURES_BEFORE_END - 2.0:
            clock.sleep(0.5)
            if any(client.process.poll() is not None for client in clients):
                break
        for display in displays:
            display.hold_open()
        clock.sleep(2.0)
        dumps = [display.pixels() for display in displays]
        for name, dump in zip(WINDOWS, dumps, strict=True):
            (out / f"{name.lower()}.png").write_bytes(png(dump))
        for client in clients:
            client.process.wait(seconds + PATIENCE)
        server.process.terminate()
        server.process.wait(PATIENCE)
    findings = [finding for each in (server, *clients) for finding in each.findings()]
    for client in clients:
        report = client.report()
        if report and (report["left_because"] != "left" or report.get("returns")):
            findings.append(f"{client.name}: {report['left_because']}, {report.get('returns')} returns")
        # The server may be slow on a busy machine, and then it skips ticks: it counts those it ran.
        ran = server.report()
        if report and ran:
            sent = ran["ticks"] / ran["seconds"] / 2 * report["seconds"]
            if report["snapshots"] < sent / 2:
                findings.append(f"{client.name}: {report['snapshots']} of {sent:.0f} snapshots")
    left = len(re.findall(r'"event": "left"', server.log.read_text("utf-8")))
    if left != len(clients):
        findings.append(f"Server: {left} of {len(clients)} players left in good order")
    return [server, *clients], findings


def table(server: Running, clients: list[Running]) -> Iterator[str]:
    """Yield the lines of the table."""
    head = "{:8} {:>8} {:>7} {:>7} {:>10} {:>8} {:>7} {:>9} {:>8} {:>7}"
    titles = ("client", "rtt ms", "loss %", "fps", "snapshots", "bytes", "kbit/s", "delay ms", "missing", "wrong")
    yield head.format(*titles)
    for client in clients:
        told = client.report()
        if not told:
            yield f"{client.name:8} left no figures"
            continue
        link, seconds = told["link"], told["seconds"]
        yield head.format(
            client.name,
            f"{(link['rtt'] or 0.0) * 1000:.0f}",
            f"{link['loss_in'] * 100:.1f}",
            f"{told['pictures'] / seconds:.0f}",
            told["snapshots"],
            f"{told['snapshot_bytes'] / max(1, told['snapshots']):.0f}",
            f"{told['received_bytes'] * 8 / 1000 / seconds:.0f}",
            f"{told['interpolation_delay'] * 1000:.0f}",
            f"{100 * told['inputs_missing'] / max(1, told['inputs_made']):.1f} %",
            told["prediction"]["corrections"],
        )
    told = server.report()
    if told:
        tick = told["tick_ms"]
        yield (
            f"server: {told['ticks']} ticks, {told['ticks_skipped']} skipped; a tick took {tick['p50']:.1f} ms (p50), "
            f"{tick['p99']:.1f} (p99), {tick['max']:.1f} (most); {told['shots']} shots, {told['hits']} hits; "
            f"dropped {told['dropped'] or 'nothing'}"
        )


def main() -> int:
    parser = ArgumentParser(description=__doc__ and __doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0, help="how long everybody plays (default 5)")
    parser.add_argument("--link", default="wifi", help="the simulated link under every client (default wifi)")
    parser.add_argument("--headless", type=int, default=6, help="headless clients besides the two windows (default 6)")
    parser.add_argument("--server-bots", type=int, default=8, help="bots of the server's own (default 8)")
    parser.add_argument("--size", default="960x540", help="size of the windows (default 960x540)")
    parser.add_argument("--out", type=Path, default=Path("out") / "soak", help="folder of logs and pictures")
    options = parser.parse_args()
    if shutil.which("Xvfb") is None:
        print("soak_windows.py: the windows need Xvfb: apt install xvfb, or your system's way", file=sys.stderr)
        return 2
    try:
        (server, *clients), findings = soak(options)
    except Failed as error:
        print(f"soak_windows.py: {error}", file=sys.stderr)
        return 2
    for line in table(server, clients):
        print(line)
    print("pictures of one moment:", *(options.out / f"{name.lower()}.png" for name in WINDOWS))
    for finding in findings:
        print("wrong:", finding)
    print("all was well" if not findings else f"{len(findings)} things were wrong")
    return 1 if findings else 0


if __name__ == "__main__":
    raise SystemExit(main())
