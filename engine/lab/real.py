"""The same scenario over real sockets: server.py and client.py as processes, and the link model in proxies between.

    client.py --bot  <-- UDP -->  proxy (one per link)  <-- UDP -->  server.py

It is the check on the lab itself: what virtual time says has to hold where clocks, kernels and schedulers have their
say. Only what both ends can tell of themselves is measured here, there is no truth to compare with; and `bands` says
how near the two have to be. Loopback only; a handful of players, each a process.

What it does not do: pause the server, change one player's link alone, or play any other game than server.py's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from engine.address import Address, format_address
from engine.clock import SystemClock
from engine.config import Switches, protocol_id
from engine.errors import NetError, UsageError
from engine.game import Game
from engine.identity import encode_user_data
from engine.lab.distribution import Distribution
from engine.lab.match import JOIN_INTERVAL, PlayerSpec
from engine.lab.scenario import DEFAULT_GAME, Scenario
from engine.link.netcode import KEY_BYTES, mint_connect_token
from engine.transport.impairment import PERFECT
from engine.transport.proxy import Proxy
from engine.transport.udp import UdpSocket

MAX_REAL_PLAYERS = 32
"""Processes at once; a machine runs a few players a core in real time."""
START_SECONDS = 20.0
"""How long a process may take to start before the run is given up."""
LEAVE_SECONDS = 10.0
"""How long one may take to end, after which it is killed."""
MAX_STALL_MS = 4.0
"""Above it the scheduler, not the link, decides when a datagram moves on: a quarter of a tick."""
MAX_TICK_MS = 8.0
"""Above it the server's ticks are late by themselves: half a tick at 60 Hz."""
_STEP = 0.0005
"""Seconds the proxies sleep between two looks: what they add to a delay, at most."""
_HOST = "127.0.0.1"


def check_real(scenario: Scenario) -> None:
    """Raise UsageError where `scenario` asks for what can't be had over real sockets."""
    if scenario.game != DEFAULT_GAME:
        raise UsageError(f"--real plays what server.py plays, {DEFAULT_GAME}, not {scenario.game}")
    if len(scenario.players) > MAX_REAL_PLAYERS:
        raise UsageError(f"--real runs a process per player: {MAX_REAL_PLAYERS} at most, got {len(scenario.players)}")
    if any(event.pause or event.player for event in scenario.events):
        raise UsageError("--real can't pause the server or change one player's link alone")
    unknown = set(scenario.settings) - {"map", "max_players"} | set(scenario.match) - {"snapshot_hz"}
    if unknown:
        raise UsageError(f"--real can't set {', '.join(sorted(unknown))}: server.py has no option for it")
    if scenario.client.switches != Switches() or scenario.server.switches != Switches():
        raise UsageError("--real runs with every mechanism on")
    for module in ("server.py", "client.py"):
        if not (_home() / module).exists():
            raise UsageError(f"--real needs {module} beside the engine, in {_home()}")


def _home() -> Path:
    return Path(__file__).resolve().parent.parent.parent


@dataclass(slots=True)
class RealResult:
    """What the processes wrote at their end. clients: by player name; server: its report."""

    clients: dict[str, dict[str, Any]]
    server: dict[str, Any]
    seconds: float
    proxied: int
    """Clients that came through a proxy: all of them."""
    stall_ms: float
    """By how much a sleep of half a millisecond was too long here, 99th percentile: what this machine adds to all."""
    partial: bool = False

    @property
    def too_busy(self) -> bool:
        """Whether the machine could not keep time, so that the run says nothing about the engine."""
        return self.stall_ms > MAX_STALL_MS or self.server["tick_ms"]["p99"] > MAX_TICK_MS


@dataclass(slots=True)
class _Running:
    spec: PlayerSpec
    process: subprocess.Popen[bytes]
    out: Path
    log: Path


@dataclass(slots=True)
class _Stage:
    """The processes and proxies of a run."""

    folder: Path
    server: Address
    key: bytes
    game: Game
    client_cores: set[int]
    proxies: dict[str, Proxy] = field(default_factory=dict)
    clients: list[_Running] = field(default_factory=list)
    stalls: Distribution = field(default_factory=Distribution)


def run_real(scenario: Scenario) -> RealResult:
    """Run `scenario` in real time. Raises NetError when a process does not start or ends on an error."""
    check_real(scenario)
    _, game = scenario.make_game()
    clock = SystemClock()
    with TemporaryDirectory(prefix="tickwire-lab-") as name, ExitStack() as stack:
        folder = Path(name)
        with UdpSocket(_HOST, 0) as free:
            server = free.address
        stage = _Stage(folder, server, os.urandom(KEY_BYTES), game, stack.enter_context(_kept_apart()))
        keep = folder / "server.key"
        keep.write_bytes(stage.key)
        keep.chmod(0o600)
        process = _start_server(scenario, stage, keep)
        stack.callback(_end, process)
        for player in scenario.players:
            profile = player.link or PERFECT
            if profile.name not in stage.proxies:
                proxy = Proxy((_HOST, 0), server, profile, scenario.seed)
                stage.proxies[profile.name] = stack.enter_context(proxy)
        begin = clock.now()
        partial = _play(scenario, stage, clock, stack)
        seconds = clock.now() - begin
        clients = {each.spec.name: _read(each.out, each.log) for each in stage.clients}
        proxied = sum(proxy.stats.clients for proxy in stage.proxies.values())
        _end(process)
        return RealResult(
            clients=clients,
            server=_read(folder / "server.json", folder / "server.log"),
            seconds=seconds,
            proxied=proxied,
            stall_ms=round(stage.stalls.quantile(0.99) or 0.0, 3),
            partial=partial,
        )


def _play(scenario: Scenario, stage: _Stage, clock: SystemClock, stack: ExitStack) -> bool:
    """Let everyone come, play and go; return whether it was stopped."""
    coming = [
        (at * JOIN_INTERVAL if spec.joins_at is None else spec.joins_at, at, spec)
        for at, spec in enumerate(scenario.players)
    ]
    coming.sort(key=lambda entry: entry[:2])
    events = sorted(scenario.events, key=lambda event: event.at)
    begin = clock.now()
    try:
        while True:
            now = clock.now() - begin
            while coming and coming[0][0] <= now:
                _, number, spec = coming.pop(0)
                running = _start_client(scenario, stage, number, spec, scenario.seconds - now)
                stage.clients.append(running)
                stack.callback(_end, running.process)
            while events and events[0].at <= now:
                link = events.pop(0).link
                for proxy in stage.proxies.values():
                    if link is not None:
                        proxy.set_profile(link)
            for proxy in stage.proxies.values():
                proxy.step(clock.now())
            if not coming and all(each.process.poll() is not None for each in stage.clients):
                return False
            if now > scenario.seconds + START_SECONDS + LEAVE_SECONDS:
                raise NetError(f"the clients of a run of {scenario.seconds:g} s have not ended after {now:.0f} s")
            slept = clock.now()
            clock.sleep(_STEP)
            stage.stalls.add(np.array([(clock.now() - slept - _STEP) * 1000.0]))
    except KeyboardInterrupt:
        return True


@contextmanager
def _kept_apart() -> Iterator[set[int]]:
    """Keep to one core, as the server started meanwhile will; return the cores for the clients.

    A client that starts keeps a core busy for a second: that is no part of what is measured. Where a system has no
    such thing, or one core, nothing is done and the set is empty.
    """
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    if len(cores) < 2:
        yield set()
        return
    os.sched_setaffinity(0, cores[:1])
    try:
        yield set(cores[1:])
    finally:
        os.sched_setaffinity(0, cores)


def _start_server(scenario: Scenario, stage: _Stage, key: Path) -> subprocess.Popen[bytes]:
    everyone = len(scenario.players) + scenario.bots
    options = [
        *("--host", _HOST, "--port", str(stage.server[1]), "--no-lobby", "--private-key-file", str(key)),
        # The server fills the match with bots, of which one makes room for each player.
        *("--max-players", str(everyone), "--bots", str(everyone if scenario.bots else 0)),
        *("--maps", str(scenario.settings.get("map", "foundry")), "--warmup", "0", "--skill", "normal"),
        *("--seed", str(scenario.seed), "--json", str(stage.folder / "server.json")),
    ]
    if "snapshot_hz" in scenario.match:
        options += ["--snapshot-hz", str(scenario.match["snapshot_hz"])]
    log = stage.folder / "server.log"
    process = _start("server.py", options, log)
    clock = SystemClock()
    deadline = clock.now() + START_SECONDS
    while "serving" not in (log.read_text(errors="replace") if log.exists() else ""):
        if process.poll() is not None or clock.now() > deadline:
            _end(process)
            raise NetError(f"server.py did not start: {_last_line(log)}")
        clock.sleep(0.05)
    return process


def _start_client(scenario: Scenario, stage: _Stage, number: int, spec: PlayerSpec, seconds: float) -> _Running:
    profile = spec.link or PERFECT
    token = mint_connect_token(
        protocol_id=protocol_id(stage.game.name, stage.game.version),
        private_key=stage.key,
        client_id=number + 1,
        # The client goes to the first, its proxy; the server looks for the second, itself.
        addresses=[stage.proxies[profile.name].address, stage.server],
        # Rounded up: a token of the second in which the server started might be older than it.
        create_time=ceil(SystemClock().unix_time()),
        entropy=os.urandom,
        user_data=encode_user_data(spec.name),
    )
    path, out, log = (stage.folder / f"{number}.{kind}" for kind in ("token", "json", "log"))
    path.write_bytes(token)
    path.chmod(0o600)
    if spec.leaves_at is not None:
        seconds -= scenario.seconds - spec.leaves_at
    options = [
        *(format_address(stage.server), "--headless", "--bot", "--behaviour", spec.behaviour, "--name", spec.name),
        *("--seed", str(scenario.seed * 1000 + number), "--seconds", f"{max(seconds, 0.5):.3f}"),
        *("--token", str(path), "--json", str(out)),
    ]
    process = _start("client.py", options, log)
    if stage.client_cores:
        os.sched_setaffinity(process.pid, stage.client_cores)
    return _Running(spec, process, out, log)


def _start(program: str, options: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, str(_home() / program), *options],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=_home(),
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and make it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _read(out: Path, log: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(out.read_text())
    except (OSError, ValueError):
        raise NetError(f"{log.stem} of a real run left no figures: {_last_line(log)}") from None
    return found


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "it said nothing"


# Virtual and real, side by side --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Band:
    """A figure of both runs. They agree when they differ by at most `part` of the larger, or by `least`."""

    name: str
    virtual: float
    real: float
    part: float
    least: float

    @property
    def agrees(self) -> bool:
        return abs(self.virtual - self.real) <= max(self.part * max(self.virtual, self.real), self.least)


def bands(virtual: dict[str, Any], real: RealResult) -> list[Band]:
    """Return what virtual time and real time say of one scenario. virtual: `Result.to_json()["all"]`.

    The bands are wide where the machine has its say: a real frame or tick is late by what the scheduler makes of it
    (some ms on a busy machine), and a bot that meets other luck shoots and sends differently.
    """
    clients = list(real.clients.values())
    seconds = [max(each["seconds"], 1e-9) for each in clients]

    def mean(values: Sequence[float]) -> float:
        return sum(values) / max(len(values), 1)

    rtt = mean([(each["link"]["rtt"] or 0.0) * 1000.0 for each in clients])
    delay = mean([each["interpolation_delay"] * 1000.0 for each in clients])
    made = sum(each["inputs_made"] for each in clients)
    missing = sum(each["inputs_missing"] for each in clients) / max(made, 1)
    dry = sum(each["pictures_dry"] for each in clients) / max(sum(each["pictures"] for each in clients), 1)
    minutes = sum(seconds) / 60.0
    corrections = sum(each["prediction"]["corrections"] for each in clients) / minutes
    down = mean([each["received_bytes"] * 0.008 / took for each, took in zip(clients, seconds, strict=True)])
    up = mean([each["sent_bytes"] * 0.008 / took for each, took in zip(clients, seconds, strict=True)])
    return [
        Band("rtt ms", virtual["rtt_ms"]["p50"] or 0.0, rtt, 0.25, 15.0),
        Band("interpolation delay ms", virtual["interp_delay_ms"]["p50"] or 0.0, delay, 0.35, 25.0),
        Band("inputs late %", (virtual["input_late_ratio"] or 0.0) * 100.0, missing * 100.0, 0.5, 3.0),
        Band("frames without data %", (virtual["starved_ratio"] or 0.0) * 100.0, dry * 100.0, 0.5, 4.0),
        Band("corrections a minute", virtual["corrections_per_minute"] or 0.0, corrections, 0.5, 25.0),
        Band("down kbit/s", virtual["down_kbit_s"] or 0.0, down, 0.25, 4.0),
        Band("up kbit/s", virtual["up_kbit_s"] or 0.0, up, 0.25, 4.0),
    ]


def band_rows(found: Sequence[Band]) -> list[list[str]]:
    """Return the table: headings, then a row per figure."""
    rows = [["", "virtual", "real", "band", ""]]
    for band in found:
        allowed = f"{band.part * 100:.0f} % or {band.least:g}"
        rows.append(
            [band.name, f"{band.virtual:.2f}", f"{band.real:.2f}", allowed, "agrees" if band.agrees else "DIFFERS"]
        )
    return rows
