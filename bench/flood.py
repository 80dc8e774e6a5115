"""Players under a flood: what strangers' junk does to a match, over real loopback sockets and between real processes.

    python bench/flood.py [--rate 50000] [--seconds 10] [--players 16] [--unfiltered] [--receive-buffer BYTES] [--pin]

Three processes: the match, run by the loop of `server.py`; its players, real client sessions that walk, aim and shoot;
and the flood, which sends from 32 addresses in 8 networks of 127.0.0.0/8. The same is measured twice, without the flood
and with it. Of what the flood sends, seven in ten are random bytes, one each is random bytes of a request's size, the
start of a request, and a whole request for this very game, current, with a forged token: nothing but decrypting tells.
On Linux the kernel drops most of that (`engine.link.netcode.noise`); `--unfiltered` stands for a flood that knows the
protocol, and for other systems.

A machine with a core for each of the three shows what a server would feel; with fewer they take each other's time. So
the CPU time of a tick, with all the draining around it, is shown beside what the clock says: it is what a core of its
own would take. `--receive-buffer 212992` is the system's buffer where nobody enlarged net.core.rmem_max. `--pin` keeps
the match on one core and everything else on another, where these have nothing else to do.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import resource
import socket as sockets
import sys
import time
from argparse import ArgumentParser, Namespace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.address import Address
from engine.client.session import ClientSession, Phase
from engine.clock import SystemClock
from engine.config import ServerConfig, protocol_id
from engine.identity import encode_user_data
from engine.link.netcode import NetcodeServer, NetcodeServerConfig, mint_connect_token
from engine.link.netcode.noise import server_filter
from engine.link.netcode.packet import Request, encode_request
from engine.memory import settle
from engine.ops.access import Access
from engine.ops.command import Stop
from engine.server.filling import BotFill
from engine.server.session import ServerSession
from engine.transport.udp import UdpSocket
from engine.wire.messages import ENGINE_MESSAGES
from game.cast import Cast
from game.messages import MESSAGES
from game.rules import Arena
from server import MatchLoop

KEY = bytes(range(32))
ARENA = protocol_id(Arena.name, Arena.version)
WARM_UP = 2.0
"""Seconds of each phase that are not measured."""
FRAME_HZ = 60
SLICE = 0.005
"""Seconds between two bursts of the flood: three a tick, so that it is no burst a tick."""
POOL = 2048
"""Different datagrams of the flood, sent round and round."""


def main() -> None:
    """Measure and print."""
    parser = ArgumentParser(description="A match under a flood of junk, and without it.")
    parser.add_argument("--rate", type=int, default=50_000, metavar="N", help="junk datagrams a second (50000)")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="S", help="of each phase, measured (10)")
    parser.add_argument("--players", type=int, default=16, metavar="N", help="real players (16)")
    parser.add_argument(
        "--receive-buffer", type=int, metavar="BYTES", help="of the server's socket (as large as may be)"
    )
    parser.add_argument("--unfiltered", action="store_true", help="without the kernel's filter: every byte reaches us")
    parser.add_argument("--pin", action="store_true", help="the match on core 0, the rest on core 1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE too")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    match, match_end = context.Pipe()
    flood, flood_end = context.Pipe()
    children = [
        context.Process(target=_run_match, args=(match_end, options), daemon=True),
        context.Process(target=_run_flood, args=(flood_end, options), daemon=True),
    ]
    for child in children:
        child.start()
    match_end.close()  # so that the end of a child is heard of, and not waited for
    flood_end.close()
    server: Address = ("127.0.0.1", match.recv())
    _pin(options, 1)
    players = Players(options.players, server)
    players.run(WARM_UP + 2.0)
    phases = {}
    for name in ("quiet", "flooded"):
        if name == "flooded":
            flood.send(server)
        players.run(WARM_UP)
        match.send("begin")
        before = players.begin()
        players.run(options.seconds)
        match.send("end")
        phases[name] = {**players.figures(before), **match.recv()}
    flood.send(None)
    sent = flood.recv()
    result = {"players": options.players, "rate_asked": options.rate, **sent, **phases}
    result["sessions_lost"] = players.lost
    match.send("stop")
    for child in children:
        child.join(5)
    _show(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


# The match ------------------------------------------------------------------------------------------------------------


class TimedLoop(MatchLoop):
    """The server's loop, with the CPU time from the end of each tick to the end of the next."""

    def __init__(self, *wiring: Any) -> None:
        super().__init__(*wiring)
        self.tick_cpu: list[float] = []
        self._cpu = time.process_time()

    def _tick(self) -> None:
        super()._tick()
        now = time.process_time()
        self.tick_cpu.append(now - self._cpu)
        self._cpu = now


def _run_match(pipe: Connection[Any, Any], options: Namespace) -> None:
    _pin(options, 0)
    clock = SystemClock()
    game = Arena(max_players=options.players)
    with UdpSocket("127.0.0.1", 0) as transport:
        if options.receive_buffer:
            with sockets.socket(fileno=os.dup(transport.fileno())) as raw:
                # The system doubles what it is told.
                raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, options.receive_buffer // 2)
        if not options.unfiltered:
            transport.drop_early(server_filter())
        netcode = NetcodeServer(
            protocol_id=ARENA,
            private_key=KEY,
            addresses=[transport.address],
            max_clients=options.players,
            now=clock.now(),
            unix_time=clock.unix_time(),
            entropy=os.urandom,
            config=NetcodeServerConfig(key_made_at_start=True),
        )
        config = ServerConfig(max_players=options.players)
        session = ServerSession(game, netcode, None, config, os.urandom, ENGINE_MESSAGES.with_types(MESSAGES))
        nobody = BotFill(session, 0, Cast(game, "mixed", 1).make, lambda rows: game.spare(session.world, rows))
        loop = TimedLoop(session, transport, clock, Access(), nobody)
        settle()  # as server.py does
        pipe.send(transport.address[1])
        stop = Stop()
        mark: dict[str, Any] = {}
        while True:
            loop.run(0.05, stop)
            while pipe.poll():
                asked = pipe.recv()
                if asked == "stop":
                    return
                if asked == "begin":
                    mark = _state(session, transport, loop)
                else:
                    pipe.send(_difference(mark, _state(session, transport, loop), loop))


def _state(session: ServerSession, transport: UdpSocket, loop: TimedLoop) -> dict[str, Any]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "at": time.perf_counter(),
        "cpu": usage.ru_utime + usage.ru_stime,
        "received": transport.stats.received,
        "ticks": len(loop.tick_seconds),
        "skipped": loop.figures().ticks_skipped,
        "missing": int(session.inputs.missing_total.sum()),
        "taken": int(session.inputs.taken_total.sum()),
        "drops": dict(session.all_drops()),
    }


def _difference(before: dict[str, Any], after: dict[str, Any], loop: TimedLoop) -> dict[str, Any]:
    seconds = after["at"] - before["at"]
    ticks, cpu = (
        np.array(list(each)[before["ticks"] : after["ticks"]]) * 1000 for each in (loop.tick_seconds, loop.tick_cpu)
    )
    missing, taken = after["missing"] - before["missing"], after["taken"] - before["taken"]
    p50, p99 = np.percentile(ticks, (50, 99)).tolist()
    drops = {name: count - before["drops"].get(name, 0) for name, count in after["drops"].items()}
    return {
        "tick_ms": {"p50": p50, "p99": p99, "max": float(ticks.max())},
        "tick_cpu_ms": dict(zip(("p50", "p99"), np.percentile(cpu, (50, 99)).tolist(), strict=True)),
        "ticks_a_second": len(ticks) / seconds,
        "ticks_skipped": after["skipped"] - before["skipped"],
        "server_cores": (after["cpu"] - before["cpu"]) / seconds,
        "received_a_second": (after["received"] - before["received"]) / seconds,
        "inputs_missing": missing / max(1, missing + taken),
        "dropped_a_second": {name: round(count / seconds) for name, count in drops.items() if count},
    }


# The players ----------------------------------------------------------------------------------------------------------


class Players:
    """Real client sessions, a frame of all of them 60 times a second."""

    def __init__(self, count: int, server: Address) -> None:
        self._clock = SystemClock()
        self._sockets = [UdpSocket("127.0.0.1", 0) for _ in range(count)]
        self._sessions = []
        for number in range(count):
            token = mint_connect_token(
                protocol_id=ARENA,
                private_key=KEY,
                client_id=number + 1,
                addresses=[server],
                create_time=self._clock.unix_time() + 1,
                entropy=os.urandom,
                user_data=encode_user_data(f"player {number}"),
            )
            speech = ENGINE_MESSAGES.with_types(MESSAGES)
            session = ClientSession(Arena.factory, token, self._clock.now(), None, os.urandom, messages=speech)
            self._sessions.append(session)

    @property
    def lost(self) -> int:
        """Players who are not in the match."""
        return sum(session.phase is not Phase.PLAYING for session in self._sessions)

    def run(self, seconds: float) -> None:
        """Play for `seconds`."""
        clock = self._clock
        begin = clock.now()
        frame = 0
        while clock.now() - begin < seconds:
            for number, (session, its) in enumerate(zip(self._sessions, self._sockets, strict=True)):
                now = clock.now()
                session.receive(its.receive(now), now)
                session.picture(now)
                # Another way each half second, round and round with the mouse, a shot now and then.
                session.update(
                    now,
                    lambda tick, it=number: (
                        (1 << ((tick // 30 + it) % 4)) | (16 if tick % 60 == it else 0),
                        tick * 300 % 65536,
                        0,
                    ),
                )
                its.send(session.datagrams_to_send(), now)
            frame += 1
            clock.sleep(begin + frame / FRAME_HZ - clock.now())

    def begin(self) -> tuple[float, list[int]]:
        """Return what `figures` counts from."""
        now = self._clock.now()
        return now, [session.figures(now).snapshots for session in self._sessions]

    def figures(self, before: tuple[float, list[int]]) -> dict[str, Any]:
        """Return the snapshots a second that reached each player since `before`."""
        begin, counts = before
        now = self._clock.now()
        rates = [
            (session.figures(now).snapshots - count) / (now - begin)
            for session, count in zip(self._sessions, counts, strict=True)
        ]
        return {"snapshots_a_second": {"min": min(rates), "p50": float(np.median(rates))}}


# The flood ------------------------------------------------------------------------------------------------------------


def _run_flood(pipe: Connection[Any, Any], options: Namespace) -> None:
    """Send junk to the address that comes through the pipe until the next word does, then say how much it was."""
    _pin(options, 1)
    senders = [UdpSocket(f"127.0.{network}.{host}", 0) for network in range(1, 9) for host in range(1, 5)]
    target = pipe.recv()
    chance = random.Random(1)
    pool = [(_junk(chance, number), target) for number in range(POOL)]
    begin = time.perf_counter()
    sent = at = turn = 0
    while not pipe.poll():
        due = min(int((time.perf_counter() - begin + SLICE) * options.rate) - sent, POOL // 2)
        batch = (pool + pool)[at : at + due]
        senders[turn % len(senders)].send(batch, 0.0)
        sent, at, turn = sent + due, (at + due) % POOL, turn + 1
        time.sleep(max(0.0, begin + sent / options.rate - time.perf_counter()))
    seconds = time.perf_counter() - begin
    pipe.send({"rate_achieved": sum(each.stats.sent for each in senders) / seconds})


def _junk(chance: random.Random, number: int) -> bytes:
    kind = number % 10
    if kind == 9:
        return encode_request(Request(ARENA, int(time.time()) + 44, chance.randbytes(24), chance.randbytes(1024)))
    if kind == 8:
        return b"\x00NETCODE 1.02\x00" + chance.randbytes(chance.randrange(0, 1000))
    if kind == 7:
        return b"\x00" + chance.randbytes(1077)
    return bytes([chance.randrange(1, 256)]) + chance.randbytes(chance.randrange(0, 300))


# Alike ----------------------------------------------------------------------------------------------------------------


def _pin(options: Namespace, core: int) -> None:
    """Keep this process on one core, if asked to."""
    if options.pin:
        os.sched_setaffinity(0, {core})


def _show(result: dict[str, Any]) -> None:
    print(
        f"{result['players']} players, {result['rate_asked']} junk datagrams a second asked,"
        f" {result['rate_achieved']:.0f} sent; {result['sessions_lost']} sessions lost"
    )
    quiet, flooded = result["quiet"], result["flooded"]
    rows = [
        ("snapshots/s, worst player", lambda each: each["snapshots_a_second"]["min"]),
        ("snapshots/s, median player", lambda each: each["snapshots_a_second"]["p50"]),
        ("tick p50, ms", lambda each: each["tick_ms"]["p50"]),
        ("tick p99, ms", lambda each: each["tick_ms"]["p99"]),
        ("tick max, ms", lambda each: each["tick_ms"]["max"]),
        ("tick CPU p50, ms", lambda each: each["tick_cpu_ms"]["p50"]),
        ("tick CPU p99, ms", lambda each: each["tick_cpu_ms"]["p99"]),
        ("ticks a second", lambda each: each["ticks_a_second"]),
        ("ticks given up", lambda each: each["ticks_skipped"]),
        ("server CPU, cores", lambda each: each["server_cores"]),
        ("datagrams received/s", lambda each: each["received_a_second"]),
        ("inputs missing, %", lambda each: each["inputs_missing"] * 100),
    ]
    print(f"{'':<28}{'quiet':>10}{'flooded':>10}{'ratio':>8}")
    for name, figure in rows:
        a, b = figure(quiet), figure(flooded)
        print(f"{name:<28}{a:>10.2f}{b:>10.2f}{f'{b / a:.2f}' if a else '':>8}")
    print(f"dropped a second: {flooded['dropped_a_second']}")


if __name__ == "__main__":
    main()
