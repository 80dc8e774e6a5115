"""The same world sent to N clients by us, by pyenet with the whole state in msgpack, and by pygase: CPU and bytes.

    python bench/peers.py [--clients 64] [--entities 200] [--hz 30] [--seconds 10] [--only NAME ...] [--in-step]
        [--json FILE]

One seeded world for all: walkers as in `bench/crowd.py`, whom nobody needs to steer. Each contender in its turn has a
server in a process of its own, pinned to a core of its own where there are two, and N clients with a socket each in
another process. The server steps the world, and tells all clients of it, `--hz` times a second.

    tickwire         every client watches all entities; encrypted, as it always is
    tickwire-area    every client plays one of them, and is told what is on its screen: as the game is played
    pyenet           msgpack of one flat list of integers, broadcast in unreliable fragments: the leanest whole state
    pyenet-records   msgpack of a map per entity, with names and floating-point numbers: as one writes it at first
    pygase           its own synchronisation of state: what has changed since the state the client has

CPU is the process time of the server; the world's own step is in it (the same for all), and what the clients send: ours
and pyenet's an input per tick, pygase's their bare packages. Bytes are those that the clients' sockets received: UDP
payloads, and these with the headers of UDP and IPv4 on a path of 1,500 bytes.

Each client decodes all it gets, and what it then holds is compared with the true world of that tick: pyenet and pygase
must have it bit for bit, ours within the thresholds that it publishes with (`exact`; a client's own row bit for bit),
and nobody may be missing. Where more has changed than a packet of ours holds, the least urgent entities wait for the
next one, and their client knows it: these are not compared, and `current` is the share of the others.

pygase can't do 200 entities as it comes: its packages end at 2,048 bytes. Here that limit is lifted, and its packages
go at the others' rate. Where it does not reach that, `updates/s` shows it: look at the CPU per update. What is not
installed is left out, and its row says how to get it.

`--in-step` is for a machine that is too busy to keep the rate: server and clients take turns in one process, a tick
each, as fast as they can, and what a server's turns cost is counted. pygase, which has its own loops, is left out then.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.peers_others import EnetClients, EnetServer, PygaseClients, PygaseServer
from bench.peers_ours import OurClients, OurServer
from bench.peers_world import Ledger, Plan
from engine.clock import Ticker
from engine.memory import settle


class Server(Protocol):
    """One contender's server."""

    port: int

    def tick(self, now: float) -> None:
        """Take what has arrived, step the world, tell everyone."""
        ...

    def ticks(self) -> int:
        """Return how often the world has been stepped."""
        ...


class Clients(Protocol):
    """One contender's clients."""

    ledger: Ledger

    def frame(self, now: float) -> None:
        """Do what all of them do in a frame."""
        ...

    def measure(self) -> None:
        """What comes from now on counts."""
        ...

    def finish(self) -> None:
        """Decode and compare what has not been yet."""
        ...


CONTENDERS: dict[str, tuple[Any, Any, str, str]] = {
    # name: server, clients, the module it needs, and what to install
    "tickwire": (OurServer, OurClients, "engine", ""),
    "tickwire-area": (OurServer, OurClients, "engine", ""),
    "pyenet": (EnetServer, EnetClients, "enet", "pip install tickwire[bench]"),
    "pyenet-records": (EnetServer, EnetClients, "enet", "pip install tickwire[bench]"),
    "pygase": (PygaseServer, PygaseClients, "pygase", "pip install pygase"),
}
FRAME_HZ = 60
"""How often clients look at their sockets: once a frame."""
JOIN_MAX = 20.0
"""Seconds until all clients must have got a state."""
WARM_UP = 3.0
"""Seconds between that and the measured time."""

KEPT_UP = 0.95
"""Share of the rate below which a contender, or the machine, did not keep it."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="bench/peers.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=64, metavar="N", help="clients of each server (default 64)")
    parser.add_argument("--entities", type=int, default=200, metavar="N", help="walkers in the world (default 200)")
    parser.add_argument("--hz", type=int, default=30, metavar="H", help="ticks, and states told, a second (default 30)")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="T", help="measured of each (default 10)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the world (default 1)")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--in-step", action="store_true", help="take turns in one process; for a busy machine")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    options = parser.parse_args()
    if not 1 <= options.clients <= options.entities or options.hz < 1 or options.seconds <= 0:
        parser.error("--clients must be 1 to --entities, --hz and --seconds above 0")
    print(f"{options.clients} clients, {options.entities} entities, {options.hz} ticks and states a second")
    print(
        f"{'':16}{'CPU us per':>11}{'CPU us per':>11}{'bytes/s':>10}{'bytes/s':>10}{'datagrams':>10}{'updates':>9}"
        f"{'rows':>7}{'current':>9}\n"
        f"{'':16}{'client tick':>11}{'update':>11}{'UDP':>10}{'with IP':>10}{'/s':>10}{'/s':>9}{'held':>7}{'':9}  exact"
    )
    rows = []
    for name in options.only:
        plan = Plan(name, options.clients, options.entities, options.hz, options.seconds, options.seed)
        rows.append(run(plan, options.in_step))
        print(line(rows[-1]), flush=True)
    for text in remarks(rows):
        print(text)
    if options.json:
        command = "python " + " ".join(sys.argv)
        options.json.write_text(json.dumps({"command": command, "contenders": rows}, indent=2) + "\n")
    return 0 if all(row.get("exact", True) for row in rows) else 1


def run(plan: Plan, in_step: bool = False) -> dict[str, Any]:
    """Let one contender play, and return its figures; only a note where it can't."""
    _, _, module, install = CONTENDERS[plan.contender]
    row: dict[str, Any] = {
        "contender": plan.contender,
        "clients": plan.clients,
        "entities": plan.entities,
        "hz": plan.hz,
        "in_step": in_step,
        "encrypted": module == "engine",
    }
    if find_spec(module) is None:
        return {**row, "note": f"not installed: {install}"}
    if in_step and plan.contender == "pygase":
        return {**row, "note": "has its own loops: not in step"}
    told, of_server, seen = (_take_turns if in_step else _play)(plan)
    if told < plan.clients:
        return {**row, "note": f"only {told} of {plan.clients} clients got a state within {JOIN_MAX:.0f} s"}
    cpu_us, ticks = of_server["cpu_s"] * 1e6, of_server["ticks"]
    return {
        **row,
        "server_cpu_us_per_client_tick": round(cpu_us / (plan.clients * max(1, ticks)), 2),
        "server_cpu_us_per_update": round(cpu_us / max(1, seen["updates"]), 2),
        "server_cores": round(of_server["cpu_s"] / of_server["seconds"], 3),
        "ticks_per_s": round(ticks / of_server["seconds"], 2),
        "held_to": "thresholds" if module == "engine" else "bit for bit",
        **seen,
    }


Outcome = tuple[int, dict[str, Any], dict[str, Any]]
"""How many clients were told anything, the server's figures, and the clients'."""


def _play(plan: Plan) -> Outcome:
    """Play in real time, with a process for the server and one for the clients."""
    context = multiprocessing.get_context("spawn")
    (to_server, of_server), (to_clients, of_clients) = context.Pipe(), context.Pipe()
    server = context.Process(target=_serve, args=(of_server, plan), daemon=True)
    server.start()
    clients = context.Process(target=_join, args=(of_clients, plan, to_server.recv()), daemon=True)
    clients.start()
    try:
        told = to_clients.recv()
        if told < plan.clients:
            return told, {}, {}
        time.sleep(WARM_UP)
        for pipe in (to_server, to_clients):
            pipe.send("measure")
        time.sleep(plan.seconds)
        for pipe in (to_server, to_clients):
            pipe.send("stop")
        return told, to_server.recv(), to_clients.recv()
    finally:
        for process in (clients, server):
            process.kill()
            process.join()


def _take_turns(plan: Plan) -> Outcome:
    """Play tick by tick, server and clients in turn, at the time that it would be."""
    serve, join, _, _ = CONTENDERS[plan.contender]
    server: Server = serve(plan)
    clients: Clients = join(plan, server.port)
    now, cpu = time.perf_counter(), 0.0
    joining, warming, measured = (round(seconds * plan.hz) for seconds in (JOIN_MAX, WARM_UP, plan.seconds))
    told = 0

    def turn() -> None:
        nonlocal now, cpu
        now += 1 / plan.hz
        begin = time.process_time()
        server.tick(now)
        cpu += time.process_time() - begin
        clients.frame(now)

    while told < plan.clients:
        if not joining:
            return told, {}, {}
        turn()
        joining -= 1
        told = int((clients.ledger.updates > 0).sum())
    settle()  # as server.py does, for all alike
    for _ in range(warming):
        turn()
    clients.measure()
    cpu = 0.0
    for _ in range(measured):
        turn()
    clients.finish()
    seconds = measured / plan.hz
    return told, {"cpu_s": cpu, "ticks": measured, "seconds": seconds}, clients.ledger.figures(seconds)


# The two processes ----------------------------------------------------------------------------------------------------


def _serve(pipe: Connection[Any, Any], plan: Plan) -> None:
    _pin(first=True)
    clock = time.perf_counter
    server: Server = CONTENDERS[plan.contender][0](plan)
    pipe.send(server.port)
    ticker = Ticker(plan.hz, clock())
    begin, cpu, ticks = clock(), 0.0, 0
    while True:
        for _ in range(ticker.due(clock())):
            server.tick(clock())
        if pipe.poll():
            if pipe.recv() == "stop":
                break
            settle()  # as server.py does, for all alike
            begin, cpu, ticks = clock(), time.process_time(), server.ticks()
        time.sleep(max(0.0, ticker.next_time - clock()))
    spent = time.process_time() - cpu
    pipe.send({"cpu_s": spent, "ticks": server.ticks() - ticks, "seconds": clock() - begin})
    time.sleep(60)  # until it is killed: threads of others can't be asked


def _join(pipe: Connection[Any, Any], plan: Plan, port: int) -> None:
    _pin(first=False)
    clock = time.perf_counter
    clients: Clients = CONTENDERS[plan.contender][1](plan, port)
    ledger = clients.ledger
    begin, frames, said = clock(), 0, False
    while True:
        clients.frame(clock())
        told = int((ledger.updates > 0).sum())
        if not said and (told == plan.clients or clock() - begin > JOIN_MAX):
            pipe.send(told)
            said = True
        if pipe.poll():
            if pipe.recv() == "stop":
                break
            clients.measure()
            begin, frames = clock(), 0
        frames = max(frames + 1, int((clock() - begin) * FRAME_HZ))
        time.sleep(max(0.0, begin + frames / FRAME_HZ - clock()))
    elapsed, cpu = clock() - begin, time.process_time()
    clients.finish()
    pipe.send({**ledger.figures(elapsed), "clients_cpu_s": round(cpu, 2)})
    time.sleep(60)


def _pin(first: bool) -> None:
    """Take the first core that there is for oneself, or the others; nothing where there is one."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(0, cores[:1] if first else cores[1:])


# The table ------------------------------------------------------------------------------------------------------------


def line(row: dict[str, Any]) -> str:
    """Return a contender's line of the table."""
    if "note" in row:
        return f"{row['contender']:16}{row['note']}"
    return (
        f"{row['contender']:16}{row['server_cpu_us_per_client_tick']:11.1f}{row['server_cpu_us_per_update']:11.1f}"
        f"{row['bytes_per_client_s']:10,.0f}{row['wire_bytes_per_client_s']:10,.0f}"
        f"{row['datagrams_per_client_s']:10.1f}{row['updates_per_client_s']:9.1f}"
        f"{row['rows_held']:7.0f}{row['rows_current']:9.1%}"
        f"  {'NO, ' if not row['exact'] else ''}{row['held_to']}"
    )


def remarks(rows: list[dict[str, Any]]) -> list[str]:
    """Return what the others need for each update, as multiples of what we do, and who could not keep the rate."""
    measured = {row["contender"]: row for row in rows if "note" not in row}
    ours = measured.get("tickwire")
    found = []
    for name, row in measured.items():
        if ours is not None and not row["encrypted"] and row["updates"] and ours["updates"]:
            sizes = _update_bytes(row) / _update_bytes(ours)
            costs = row["server_cpu_us_per_update"] / ours["server_cpu_us_per_update"]
            found.append(f"  {name}: {sizes:.1f} x our bytes and {costs:.2f} x our server CPU for each update")
    for name, row in measured.items():
        if row["updates_per_client_s"] < KEPT_UP * row["hz"]:
            found.append(
                f"  {name} did not keep up: {row['updates_per_client_s']:.1f} updates/s of {row['hz']};"
                f" its server had {row['server_cores']:.2f} of a core"
            )
    return found


def _update_bytes(row: dict[str, Any]) -> float:
    return row["wire_bytes_per_client_s"] / row["updates_per_client_s"]


if __name__ == "__main__":
    raise SystemExit(main())
