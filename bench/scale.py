"""How many encrypted players one process holds: the real server session on one core, and real connections to it.

    python bench/scale.py --peers 1000 --tick-hz 30 --snapshot-hz 30 --seconds 20

The server is a process of its own, pinned to one core where the system can, drained and stepped as `server.py` does.
The load is another: it opens N netcode connections over UDP, sends each one's inputs at the tick rate, and reads all it
gets: it opens, acknowledges and unpacks every packet. A few of its clients are whole sessions that decode each snapshot
and say how many rows they see.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import multiprocessing
import os
import pstats
import resource
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from crowd import Crowd, Walker

from engine.client.session import ClientSession
from engine.clock import Ticker
from engine.config import MatchConfig, ServerConfig, protocol_id
from engine.identity import encode_user_data
from engine.link.acks import AckTable
from engine.link.channels import Channels
from engine.link.header import decode_header, encode_header
from engine.link.netcode import ClientState, NetcodeClient, NetcodeServer, NetcodeServerConfig, mint_connect_token
from engine.link.session_channels import CHANNELS, MATCH
from engine.memory import settle
from engine.server.session import ServerSession
from engine.transport.udp import UdpSocket
from engine.wire.body import MessageType, split_body
from engine.wire.inputs import InputWriter, StampedInput
from engine.wire.messages import ENGINE_MESSAGES, Ready, Welcome
from engine.wire.snapshot import NONE
from engine.world.schema import schema_hash

WHOLE_SESSIONS = 4
"""Clients that are complete sessions; each costs the load generator as much as thirty others."""
WARM_UP = 3.0
"""Seconds after everyone is in before anything is measured."""
JOINS_AT_ONCE = 100
"""Connections opened per tenth of a second: joining is not what is measured."""
KEY = bytes(range(32))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench/scale.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--peers", type=int, default=1000, metavar="N", help="connections (default 1000)")
    parser.add_argument("--tick-hz", type=int, default=30, metavar="H", help="ticks a second (default 30)")
    parser.add_argument("--snapshot-hz", type=int, default=30, metavar="S", help="snapshots a second (default 30)")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="T", help="measured time (default 20)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--profile", action="store_true", help="profile the server while it is measured; slows it down")
    parser.add_argument("--unsettled", action="store_true", help="leave memory to Python and the C library as they are")
    options = parser.parse_args()
    if options.tick_hz % options.snapshot_hz:
        parser.error("--snapshot-hz must divide --tick-hz")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(theirs, options), daemon=True)
    server.start()
    theirs.close()
    port = ours.recv()
    load = _Load(options, port)
    load.join_all()
    ours.send("measure")
    seen = load.play(options.seconds)
    ours.send("stop")
    result = {
        **ours.recv(),
        **seen,
        "peers": options.peers,
        "tick_hz": options.tick_hz,
        "snapshot_hz": options.snapshot_hz,
    }
    server.join(10)
    _show(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


# The server -----------------------------------------------------------------------------------------------------------


def _serve(pipe: Connection[Any, Any], options: argparse.Namespace) -> None:
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {0})
    clock = time.perf_counter
    game = Crowd(options.peers, options.tick_hz)
    match = MatchConfig(
        tick_hz=options.tick_hz, snapshot_every=options.tick_hz // options.snapshot_hz, history_snapshots=32
    )
    with UdpSocket("127.0.0.1", 0) as socket:
        netcode = NetcodeServer(
            protocol_id=protocol_id(game.name, game.version),
            private_key=KEY,
            addresses=[socket.address],
            max_clients=options.peers,
            now=clock(),
            unix_time=time.time(),
            entropy=os.urandom,
            config=NetcodeServerConfig(
                key_made_at_start=True,
                prefix_decrypts_hz=5000,
                prefix_decrypts_burst=20000,
                global_decrypts_hz=5000,
                global_decrypts_burst=20000,
                max_pending=8192,
            ),
        )
        session = ServerSession(game, netcode, match, ServerConfig(max_players=options.peers))
        if not options.unsettled:
            settle()  # as server.py does
        pipe.send(socket.address[1])
        ticker = Ticker(options.tick_hz, clock())
        passes: dict[str, list[float]] = {name: [] for name in ("drain", "receive", "step", "send")}
        ticks: list[float] = []
        ticks_cpu: list[float] = []
        measuring = False
        profile = cProfile.Profile()
        begin = cpu_begin = 0.0
        while True:
            for _ in range(ticker.due(clock())):
                cpu = time.process_time()
                at = [clock()]
                datagrams = socket.receive(at[0])
                at.append(clock())
                session.receive(datagrams, at[1])
                at.append(clock())
                session.step(at[2])
                at.append(clock())
                socket.send(session.datagrams_to_send(), at[3])
                at.append(clock())
                if measuring:
                    ticks.append(at[-1] - at[0])
                    ticks_cpu.append(time.process_time() - cpu)
                    for name, a, b in zip(passes, at, at[1:], strict=False):
                        passes[name].append(b - a)
            if pipe.poll():
                if pipe.recv() == "stop":
                    break
                measuring, begin = True, clock()
                if options.profile:
                    profile.enable()
                skipped = ticker.skipped
                usage = resource.getrusage(resource.RUSAGE_SELF)
                cpu_begin = usage.ru_utime + usage.ru_stime
                missing, taken = session.inputs.missing_total.sum(), session.inputs.taken_total.sum()
                sent, bytes_before = session.snapshots_total, session.snapshot_bytes_total
            time.sleep(max(0.0, ticker.next_time - clock()))
        if options.profile:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(40)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        elapsed = clock() - begin
        spent = np.array(ticks) * 1000
        pipe.send(
            {
                "tick_ms": {"p50": _q(spent, 50), "p99": _q(spent, 99), "max": float(spent.max())},
                "tick_cpu_ms": {"p50": _q(np.array(ticks_cpu) * 1000, 50), "p99": _q(np.array(ticks_cpu) * 1000, 99)},
                "pass_ms": {name: _q(np.array(values) * 1000, 50) for name, values in passes.items()},
                "server_cores": (usage.ru_utime + usage.ru_stime - cpu_begin) / elapsed,
                "ticks_missed": ticker.skipped - skipped,
                "ticks": len(ticks),
                "connected": session.player_count,
                "inputs_missing_ratio": float(
                    (session.inputs.missing_total.sum() - missing)
                    / max(1, session.inputs.missing_total.sum() - missing + session.inputs.taken_total.sum() - taken)
                ),
                "snapshot_bytes_mean": (session.snapshot_bytes_total - bytes_before)
                / max(1, session.snapshots_total - sent),
                "send_dropped": socket.stats.send_dropped,
                "dropped": dict(session.all_drops()),
            }
        )


# The load -------------------------------------------------------------------------------------------------------------


class _Light:
    """One connection: netcode, acknowledgements, channels, inputs; snapshots are unpacked but not applied."""

    __slots__ = ("bytes", "channels", "netcode", "newest", "own_row", "ready", "snapshots", "walker", "writer")

    def __init__(self, netcode: NetcodeClient, walker: Walker, writer: InputWriter) -> None:
        self.netcode = netcode
        self.walker = walker
        self.writer = writer
        self.channels = Channels(CHANNELS)
        self.ready = False
        self.newest = -1
        self.own_row = -1
        self.snapshots = 0
        self.bytes = 0


class _Load:
    """All connections, on one socket each, drained together."""

    def __init__(self, options: argparse.Namespace, port: int) -> None:
        if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
            os.sched_setaffinity(0, {1})
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = options.peers + 256
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
        self._options = options
        self._server = ("127.0.0.1", port)
        self._game = Crowd(options.peers, options.tick_hz)
        self._schema = schema_hash(self._game.kinds)
        count = options.peers
        self._acks = AckTable(count)
        self._sockets = [UdpSocket("127.0.0.1", 0) for _ in range(count)]
        self._whole: list[ClientSession] = []
        self._light: list[_Light] = []
        self._walkers = [Walker(number, options.tick_hz) for number in range(count)]
        self._tick = 0
        self._server_tick = 0
        self._server_tick_at = 0.0

    def join_all(self) -> None:
        """Open all connections and wait until every one gets snapshots."""
        give_up = time.perf_counter() + 60 + self._options.peers / 20
        count, whole = self._options.peers, min(WHOLE_SESSIONS, self._options.peers)
        while True:
            now = time.perf_counter()
            for _ in range(JOINS_AT_ONCE):
                if len(self._whole) < whole:
                    number = len(self._whole)
                    self._whole.append(
                        ClientSession(Crowd.from_settings, self._token(number), now, time.time(), os.urandom)
                    )
                elif len(self._whole) + len(self._light) < count:
                    number = len(self._whole) + len(self._light)
                    netcode = NetcodeClient(token=self._token(number), now=now, unix_time=time.time())
                    self._acks.reset(number, now)
                    self._light.append(_Light(netcode, self._walkers[number], InputWriter(self._game.input, 3)))
            until = now + 0.1
            while time.perf_counter() < until:
                self._frame()
                time.sleep(0.005)
            if (
                len(self._light) + len(self._whole) == count
                and all(each.snapshots > 0 for each in self._light)
                and all(each.snapshot is not None for each in self._whole)
            ):
                return
            if now > give_up:
                raise SystemExit(f"only {sum(each.snapshots > 0 for each in self._light)} of {count} joined")

    def play(self, seconds: float) -> dict[str, Any]:
        """Play `seconds` and return what arrived."""
        self._run(WARM_UP)
        before = [(each.snapshots, each.bytes) for each in self._light]
        begin = time.perf_counter()
        self._run(seconds)
        elapsed = time.perf_counter() - begin
        rates = np.array([each.snapshots - b[0] for each, b in zip(self._light, before, strict=True)]) / elapsed
        sizes = np.array([each.bytes - b[1] for each, b in zip(self._light, before, strict=True)]) * 8 / 1000 / elapsed
        held = [session.snapshot.kinds[0].status for session in self._whole if session.snapshot is not None]
        visible = [int((status > 0).sum()) for status in held]
        return {
            "snapshots_per_peer_s": {"min": float(rates.min()), "p50": _q(rates, 50)},
            "down_kbit_s_p50": _q(sizes, 50),
            "visible_rows_p50": float(np.median(visible)) if visible else 0.0,
            "seconds": elapsed,
            "load_cpu_s": time.process_time(),
        }

    def _run(self, seconds: float) -> None:
        period = 1.0 / self._options.tick_hz
        begin = time.perf_counter()
        frames = 0
        while (now := time.perf_counter()) < begin + seconds:
            self._frame()
            frames += 1
            time.sleep(
                max(0.0, begin + frames * period - time.perf_counter())
            ) if now < begin + frames * period else None

    def _token(self, number: int) -> bytes:
        return mint_connect_token(
            protocol_id=protocol_id(self._game.name, self._game.version),
            private_key=KEY,
            client_id=number + 1,
            addresses=[self._server],
            create_time=int(time.time()),
            entropy=os.urandom,
            user_data=encode_user_data(f"walker {number}"),
        )

    def _frame(self) -> None:
        """Read everything, then send everyone's input of this tick."""
        now = time.perf_counter()
        whole = len(self._whole)
        for number, session in enumerate(self._whole):
            session.receive(self._sockets[number].receive(now), now)
            session.picture(now)
            session.update(now, self._walkers[number].inputs)
            self._sockets[number].send(session.datagrams_to_send(), now)
            if session.snapshot is not None and session.snapshot.tick > self._server_tick:
                self._server_tick, self._server_tick_at = session.snapshot.tick, now
        headers: list[tuple[int, int, int, int, int]] = []
        for number, light in enumerate(self._light, whole):
            for datagram, address in self._sockets[number].receive(now):
                payload = light.netcode.receive(datagram, address, now)
                if payload is None:
                    continue
                sequence, ack, bits, body_at = decode_header(payload)
                headers.append((number, sequence, ack, bits, len(payload)))
                light.bytes += len(datagram) + 28
                for kind, array in split_body(payload[body_at:]):
                    if kind == MessageType.SNAPSHOT:
                        light.snapshots += 1
                        if array[2] != NONE:
                            light.writer.acknowledge(array[0] + array[2])
                    elif kind == MessageType.CHANNEL:
                        for _, data in light.channels.unpack(array, now):
                            if isinstance(ENGINE_MESSAGES.decode(data), Welcome):
                                light.channels.send(MATCH, ENGINE_MESSAGES.encode(Ready(self._schema)))
                                light.ready = True
        if headers:
            slots, sequences, acks, bits, sizes = np.array(headers, np.int64).T
            acked = self._acks.receive(slots, sequences, acks, bits.astype(np.uint64), now, sizes).acked
            for slot, sequence in zip(acked.slots.tolist(), acked.sequences.tolist(), strict=True):
                self._light[slot - whole].channels.on_acked(sequence)
        hz = self._options.tick_hz
        tick = int(self._server_tick + (now - self._server_tick_at) * hz + 4)
        for number, light in enumerate(self._light, whole):
            light.netcode.update(now)
            if light.netcode.state is ClientState.CONNECTED:
                body = b""
                if light.snapshots and tick > light.newest:
                    light.newest = tick
                    light.writer.add(StampedInput(tick, light.walker.inputs(tick), None))
                    body = bytes([MessageType.INPUT]) + light.writer.message()
                sequence = self._acks.next_sequence(number)
                if light.channels.pending:
                    block = light.channels.pack(1000 - len(body), sequence, now, 0.05)
                    if block is not None:
                        body += bytes([MessageType.CHANNEL]) + block
                _, ack, bits = self._acks.send_one(number, now, len(body))
                light.netcode.send(encode_header(sequence, ack, bits) + body, now)
            self._sockets[number].send(light.netcode.datagrams_to_send(), now)


def _q(values: Any, percent: float) -> float:
    return float(np.percentile(values, percent)) if len(values) else 0.0


def _show(result: dict[str, Any]) -> None:
    tick = result["tick_ms"]
    print(f"{result['peers']} peers, {result['tick_hz']} Hz ticks, {result['snapshot_hz']} Hz snapshots, encrypted")
    print(f"  tick            p50 {tick['p50']:.1f} ms, p99 {tick['p99']:.1f} ms, max {tick['max']:.1f} ms")
    cpu = result["tick_cpu_ms"]
    print(f"  tick, CPU only  p50 {cpu['p50']:.1f} ms, p99 {cpu['p99']:.1f} ms (what a core of its own would see)")
    print("  passes (p50)    " + ", ".join(f"{name} {value:.2f} ms" for name, value in result["pass_ms"].items()))
    print(f"  server CPU      {result['server_cores']:.2f} cores, {result['ticks_missed']} ticks missed")
    rates = result["snapshots_per_peer_s"]
    print(f"  snapshots/s     min {rates['min']:.1f}, p50 {rates['p50']:.1f} per peer")
    print(f"  rows in view    {result['visible_rows_p50']:.0f}")
    print(
        f"  down            {result['down_kbit_s_p50']:.1f} kbit/s per peer,"
        f" {result['snapshot_bytes_mean']:.0f} B a snapshot"
    )
    print(f"  inputs missing  {result['inputs_missing_ratio'] * 100:.2f} %; dropped {result['dropped']}")


if __name__ == "__main__":
    main()
