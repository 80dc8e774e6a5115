"""The commands as people meet them: real processes on loopback, told to stop in every way, and refused in one line.

A process costs a second to start, so each server here serves many tests' ends; what needs no process runs in this one.
Waits are for what a log says and end when it says so; their limits are for a machine that is busy.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import client
import play
import server
from engine.clock import SystemClock
from game.rules import Arena

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds that anything here may take; it takes one or two, and a lost connection ten."""

posix_only = pytest.mark.skipif(platform.system() == "Windows", reason="Windows has no signals to send to another")


class Process:
    """A command of ours, and what it has written."""

    def __init__(self, folder: Path, arguments: list[str], environment: dict[str, str | None]) -> None:
        merged = {name: value for name, value in {**os.environ, **environment}.items() if value is not None}
        self.log = folder / f"{len(list(folder.iterdir()))}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *arguments], stdout=log, stderr=log, cwd=folder, env=merged
            )

    def text(self) -> str:
        return self.log.read_text("utf-8")

    def lines(self) -> list[str]:
        return self.text().splitlines()

    def wait_for(self, pattern: str, times: int = 1) -> re.Match[str]:
        """Wait until the log has `pattern`, for the `times`th time."""
        clock = SystemClock()
        end = clock.now() + PATIENCE
        while len(found := list(re.finditer(pattern, self.text()))) < times:
            waiting = clock.now() < end and self.process.poll() is None
            assert waiting, f"no {pattern!r} in:\n{self.text()}"
            clock.sleep(0.02)
        return found[times - 1]

    def end(self, number: int | None = None) -> int:
        """Send the signal `number`, if given, and return the exit code."""
        if number is not None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start commands in a folder of their own, and end those still running afterwards."""
    started: list[Process] = []

    def make(command: str, *arguments: object, **environment: str | None) -> Process:
        script = [str(ROOT / command)] if command.endswith(".py") else ["-c", command]
        ours = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
        started.append(Process(tmp_path, [*script, *map(str, arguments)], ours | environment))
        return started[-1]

    yield make
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def serve(start: Start, *arguments: object) -> tuple[Process, str]:
    """Start a server on a port that is free; return it and its address."""
    process = start("server.py", "--port", 0, *arguments)
    return process, process.wait_for(r"serving\W.*?(127\.0\.0\.1:\d+)")[1]


def bot(start: Start, where: str, name: str, *arguments: object) -> Process:
    return start("client.py", where, "--headless", "--bot", "--name", name, *arguments)


# A match -------------------------------------------------------------------------------------------------------------


def test_two_clients_play_and_everything_is_told(start: Start, tmp_path: Path) -> None:
    host, where = serve(start, "--bots", 4, "--log-json", "--verbose", "--json", "server.json")
    names = ("ann", "bob")
    clients = [bot(start, where, name, "--seconds", 4, "--json", f"{name}.json") for name in names]
    again = start("server.py", "--port", where.rpartition(":")[2])
    assert again.end() == 2
    assert again.text() == f"server.py: UDP port {where} is in use by another program; choose another port\n"
    assert [each.end() for each in clients] == [0, 0]
    host.wait_for('"event": "left"', times=2)
    assert host.end(signal.SIGTERM) == 0

    for name in names:
        told: dict[str, Any] = json.loads((tmp_path / f"{name}.json").read_text("utf-8"))
        assert told["left_because"] == "left"
        assert 3.5 < told["seconds"] < 20
        assert told["snapshots"] > 30
        assert told["snapshot_bytes"] > 30 * told["snapshots"]
        assert 0 < told["link"]["rtt"] < 2
        assert told["inputs_made"] > 60
        assert name in told["players"]
        assert sum(told["dropped"].values()) < 50  # keep-alives and challenges that came twice
    figures = json.loads((tmp_path / "server.json").read_text("utf-8"))
    assert figures["ticks"] > 120
    assert figures["snapshots"] > 60

    events = [json.loads(line) for line in host.lines()]
    assert {event["level"] for event in events} <= {"info", "debug"}, host.text()
    told_of = [(event["event"], event.get("who")) for event in events if event["event"] != "second"]
    assert told_of[:2] == [("lobby open", None), ("serving", None)]
    assert told_of[-1] == ("stopped", None)
    between = sorted(told_of[2:-1])
    assert between == sorted((what, name) for what in ("join granted", "joined", "left") for name in names)
    for event in events:
        if event["event"] in ("joined", "left"):
            assert re.fullmatch(r"127\.0\.0\.1:\d+", event["where"])
        if event["event"] == "left":
            assert event["why"] == "left"
    assert any(event["event"] == "second" and event["players"] == 2 for event in events)


@posix_only
def test_every_way_to_part(start: Start, tmp_path: Path) -> None:
    host, where = serve(start)
    (tmp_path / "password").write_text("sesame\n")
    (tmp_path / "wrong").write_text("simsalabim\n")
    doomed, doomed_where = serve(start, "--max-players", 1, "--password-file", "password")
    stays, interrupted, ended, killed = (bot(start, where, name) for name in ("stays", "int", "term", "kill"))
    forlorn = bot(start, doomed_where, "forlorn", "--password-file", "password")
    host.wait_for(" joined ", times=4)
    doomed.wait_for(" joined ")
    killed.end(signal.SIGKILL)

    # While what was killed is missed, others leave, and are refused.
    assert (interrupted.end(signal.SIGINT), ended.end(signal.SIGTERM)) == (0, 0)
    host.wait_for("left who=int .*why=left")
    host.wait_for("left who=term .*why=left")
    stranger = bot(start, doomed_where, "stranger", "--password-file", "wrong")
    unasked = bot(start, doomed_where, "unasked")
    late = bot(start, doomed_where, "late", "--password-file", "password")
    newer = start(
        "import sys, client\nclient.Arena.version = 99\nsys.exit(client.main())", where, "--headless", "--name", "newer"
    )
    assert refusal(stranger) == f"client.py: {doomed_where}: wrong password"
    assert refusal(unasked) == f"client.py: {doomed_where}: this server asks for a password"
    assert refusal(late) == f"client.py: {doomed_where}: the server is full"
    assert refusal(newer) == f"client.py: {where}: this server plays arena {Arena.version}: get the same version"
    doomed.end(signal.SIGKILL)

    host.wait_for("who=kill .*why=timed-out")
    assert host.end(signal.SIGINT) == 0
    assert "left who=stays" in host.text()
    assert host.lines()[-1].endswith('stopped why="the server is shutting down"')
    # Whoever lost a server looks for it until told not to.
    for lost, why in ((stays, "the server is shutting down"), (forlorn, "lost the connection: nothing came from ")):
        lost.wait_for("trying again in")
        assert lost.end(signal.SIGINT) == 2
        assert lost.lines()[-1].startswith(f"client.py: {why}")
    for each in (host, doomed, stays, interrupted, ended, forlorn):
        assert "Traceback" not in each.text()


def refusal(process: Process) -> str:
    """Return the one line that a refused client wrote."""
    assert process.end() == 2, process.text()
    (line,) = process.lines()
    return line


@posix_only
def test_ctrl_c_while_a_server_does_not_answer_ends_the_client_at_once(start: Start) -> None:
    silent = start(
        "import socket\n"
        "with socket.create_server(('127.0.0.1', 0)) as listener:\n"
        "    print('port', listener.getsockname()[1], flush=True)\n"
        "    connection = listener.accept()\n"
        "    print('called', flush=True)\n"
        "    while True:\n"
        "        listener.accept()\n"
    )
    caller = start("client.py", f"127.0.0.1:{silent.wait_for('port ([0-9]+)')[1]}", "--headless")
    silent.wait_for("called")
    assert caller.end(signal.SIGINT) == 0
    assert caller.text() == ""


def test_play_without_a_display_leaves_a_picture(start: Start, tmp_path: Path) -> None:
    playing = start("play.py", "--headless", "--bots", 2, "--seconds", 3)
    assert playing.end() == 0, playing.text()
    assert playing.lines()[0] == f"as asked: playing 3 s without a window, then a screenshot in {play.SCREENSHOT}"
    assert playing.lines()[-1] == f"screenshot: {play.SCREENSHOT}"
    assert re.search(r"playing  players 3  RTT \d+ ms", playing.text())
    png = (tmp_path / play.SCREENSHOT).read_bytes()
    assert png.startswith(b"\x89PNG")
    assert len(png) > 100_000  # an empty one takes a few thousand


@pytest.mark.skipif(platform.system() != "Linux", reason="elsewhere there always is a desktop")
def test_without_a_display_a_window_is_refused_in_words(start: Start) -> None:
    windowed = start("client.py", DISPLAY=None, WAYLAND_DISPLAY=None, SDL_VIDEODRIVER=None)
    assert windowed.end() == 2
    assert windowed.lines()[-1] == "client.py: there is no display here to open a window on: play with --headless"


# Refused before anything runs ----------------------------------------------------------------------------------------


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., tuple[int, str]]]:
    """Run a command in this process; return its exit code and what it wrote to stderr."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def call(command: Any, *arguments: object) -> tuple[int, str]:
        try:
            code = command.main([str(each) for each in arguments])
        except SystemExit as ended:
            code = ended.code
        return code, capfd.readouterr().err

    yield call
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("--map nowhere", "no map 'nowhere'; there are: "),
        ("--maps foundry,nowhere", "no map 'nowhere'; there are: canyon, foundry, warren"),
        ("--teams 1", "teams must be 0 or 2 to 4, got 1"),
        ("--teams 5", "teams must be 0 to 4, got 5"),
        ("--warmup 601", "warmup must be 0 to 600, got 601"),
        (
            "--round-time 1e3",
            "argument --round-time: '1e3' is not a whole number of 0 or more; --help lists the options",
        ),
        ("--results 0", "results must be 1 to 60, got 0"),
        ("--frag-limit 99999", "frag_limit must be 0 to 10000, got 99999"),
        ("--skill godlike", "argument --skill: invalid choice: 'godlike' (choose from "),
        ("--bots x", "argument --bots: 'x' is not a whole number of 0 or more; --help lists the options"),
        ("--bots 20", "20 bots don't fit in a match of --max-players 16"),
        ("--max-players 65", "max_players must be 1 to 64, got 65"),
        ("--tick-hz 5", "tick_hz must be 20 to 128, got 5"),
        ("--snapshot-hz 25", "--snapshot-hz 25 does not divide --tick-hz 60"),
        ("--seconds -1", "argument --seconds: '-1' is not a number of seconds above 0; --help lists the options"),
        ("--port 70000", "cannot bind 127.0.0.1:70000: ports are 0 to 65535"),
        ("--host 192.0.2.1 --open", "cannot bind 192.0.2.1:40000: Cannot assign requested address"),
        ("--host nobody.invalid", "no address known for 'nobody.invalid': "),
        ("--host 0.0.0.0", "0.0.0.0 can be reached from anywhere and no door was chosen: "),
        ("--json no/such.json", "argument --json: can't write no/such.json: there is no folder no; "),
        ("--password-file missing", "the file missing can't be read: No such file or directory"),
        ("--no-lobby", "a private key is needed: --private-key-file FILE or TICKWIRE_PRIVATE_KEY"),
        ("--allow here", "'here' is not a network: "),
        ("--nonsense", "unrecognized arguments: --nonsense; --help lists the options"),
    ],
)
def test_the_server_refuses_in_one_line(run: Callable[..., tuple[int, str]], arguments: str, line: str) -> None:
    check_refused(run(server, *arguments.split()), f"server.py: {line}")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("127.0.0.1:9", "no server at 127.0.0.1:9: Connection refused"),
        ("nobody.invalid", "the name 'nobody.invalid' is unknown: "),
        ("127.0.0.1:99999", "'99999' in '127.0.0.1:99999' is not a port: 1 to 65535"),
        ("--link nothing", "no link profile 'nothing'; "),
        ("--bot --spectate", "--spectate leaves nothing for --bot to do"),
        ("--bot --behaviour nothing", "no behaviour 'nothing'; there are: mixed, "),
        ("--seconds soon", "argument --seconds: 'soon' is not a number of seconds above 0; --help lists the options"),
        ("--seed -1", "argument --seed: '-1' is not a whole number of 0 or more; --help lists the options"),
        ("--size big", "argument --size: 'big' is not a size: write 1280x720; --help lists the options"),
        ("--size 9999x9999", "argument --size: 9999x9999 is out of range: 320x200 to 7680x4320; --help lists "),
        ("--json .", "argument --json: can't write .: it is a folder; --help lists the options"),
        ("--screenshot no/such.png", "argument --screenshot: can't write no/such.png: there is no folder no; "),
        ("--name \x1b[2J", "a name is made of visible characters: U+001B may not stand there"),
        ("--fingerprint 12", "'12' is no certificate's fingerprint: 64 hex digits"),
        ("--token " + __file__, "that is no connect token: bad-token: a connect token has 2048 bytes, not "),
    ],
)
def test_the_client_refuses_in_one_line(run: Callable[..., tuple[int, str]], arguments: str, line: str) -> None:
    check_refused(run(client, "--headless", *arguments.split()), f"client.py: {line}")


def check_refused(outcome: tuple[int, str], line: str) -> None:
    code, written = outcome
    assert code == 2
    assert written.startswith(line), written
    assert written.count("\n") == 1, written
    assert written.endswith("\n")


def test_without_pygame_the_client_says_what_to_install(
    run: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "pygame" or name.startswith("game.view")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pygame", None)
    code, written = run(client)
    assert (code, written) == (
        2,
        "client.py: the window needs pygame: pip install pygame-ce (or play with --headless)\n",
    )


@pytest.mark.parametrize("command", [server, client, play])
def test_help_names_every_option_in_lines_that_fit(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(SystemExit):
        command.main(["--help"])
    text = capsys.readouterr().out
    assert text.startswith(f"usage: {command.__name__}.py ")
    assert "  --seconds S" in text
    assert max(len(line) for line in text.splitlines()) <= 100
