"""A full match of Arena over real UDP: bots of the server, and bot clients on sockets of their own.

    python bench/full_match.py [--bots 48] [--clients 16] [--seconds 60] [--maps foundry] [--replay FILE] [--json FILE]

The server is `server.py` as anybody runs it, a process on a core of its own where there are two; all clients are whole
sessions in this process, on the other one. Printed are the server's tick (median, 99th percentile, most, and ticks that
were given up), what it sent and dropped by reason, and what the clients felt: round trip, inputs that came too late,
corrections, pictures for which nothing had come. The tick's figures are of the whole run, joining included.

The match is recorded, and its replay read back: what it holds must be what was published. A server holds 60 Hz where
its p99 is below 16.7 ms and no tick was given up. Exit codes: 0 it ran, 1 the replay differs, 2 it could not.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.address import parse_address
from engine.client.session import ClientSession, Phase
from engine.clock import SystemClock, Ticker
from engine.config import protocol_id
from engine.errors import NetError
from engine.game import Brain
from engine.identity import encode_user_data
from engine.link.netcode import mint_connect_token
from engine.replay.reader import Replay
from engine.transport.udp import UdpSocket
from engine.wire.messages import ENGINE_MESSAGES
from engine.world.picture import Picture
from game.messages import MESSAGES
from game.rules import Arena

ROOT = Path(__file__).resolve().parents[1]
FRAME_HZ = 60
PATIENCE = 60.0
"""Seconds that starting, joining and ending may take each."""


class BotClient:
    """A player's whole client but the drawing, played by a bot."""

    def __init__(self, number: int, token: bytes, now: float) -> None:
        self.socket = UdpSocket("0.0.0.0", 0)
        self.session = ClientSession(
            Arena.factory, token, now, None, os.urandom, messages=ENGINE_MESSAGES.with_types(MESSAGES)
        )
        self._number = number
        self._brain: Brain | None = None
        self._seen: Picture | None = None

    def frame(self, now: float) -> None:
        session = self.session
        session.receive(self.socket.receive(now), now)
        session.update(now, self._think)
        self.socket.send(session.datagrams_to_send(), now)
        self._seen = session.picture(now)
        session.events()
        session.messages()

    def _think(self, tick: int) -> list[int]:
        game, row, seen = self.session.game, self.session.own_row, self._seen
        if game is None or row is None or seen is None or seen.own is None:
            return [0, 0, 0]
        if self._brain is None:
            self._brain = game.brain("mixed", 1000 + self._number)
        values: list[int] = self._brain.think(seen, np.array([row]), tick).state[:, 0].tolist()
        return values

    def close(self, now: float) -> None:
        self.session.leave(now)
        self.socket.send(self.session.datagrams_to_send(), now)
        self.socket.close()


class Server:
    """server.py with a key of ours, on the last core where there are several."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.key = os.urandom(32)
        (folder / "key").write_text(self.key.hex())
        self.figures = folder / "server.json"
        self._log = folder / "server.log"
        everyone = str(options.bots + options.clients)
        command = [
            *(sys.executable, str(ROOT / "server.py"), "--port", "0", "--hidden", "--no-lobby"),
            *("--private-key-file", str(folder / "key"), "--json", str(self.figures), "--warmup", "0"),
            # Filled up to all; each client that comes takes a bot's place.
            *("--bots", everyone, "--max-players", everyone, "--maps", options.maps),
            *("--record", str(options.replay or folder / "match.replay")),
        ]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if len(cores) > 1:
            os.sched_setaffinity(self.process.pid, cores[-1:])
            os.sched_setaffinity(0, cores[:-1])

    def address(self) -> tuple[str, int]:
        """Wait until it serves; return where. Raises NetError."""
        clock = SystemClock()
        end = clock.now() + PATIENCE
        while "serving where=" not in (text := self._log.read_text("utf-8")):
            if clock.now() > end or self.process.poll() is not None:
                raise NetError(f"the server did not start: {text.strip()}")
            clock.sleep(0.05)
        return parse_address(text.partition("serving where=")[2].split()[0], 0)

    def end(self) -> dict[str, Any]:
        """End it in good order and return its figures."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)
        figures: dict[str, Any] = json.loads(self.figures.read_text("utf-8"))
        return figures


def play(options: argparse.Namespace, server: Server) -> dict[str, Any]:
    """Play the match; return the clients' figures."""
    clock = SystemClock()
    address = server.address()
    clients: list[BotClient] = []
    ticker = Ticker(FRAME_HZ, clock.now())
    begun: float | None = None
    give_up = clock.now() + PATIENCE
    while begun is None or clock.now() < begun + options.seconds:
        now = clock.now()
        if ticker.due(now):
            if len(clients) < options.clients:
                token = mint_connect_token(
                    protocol_id=protocol_id(Arena.name, Arena.version),
                    private_key=server.key,
                    client_id=1 + len(clients),
                    addresses=[address],
                    create_time=clock.unix_time() + 1,
                    entropy=os.urandom,
                    user_data=encode_user_data(f"client {len(clients) + 1}"),
                )
                clients.append(BotClient(len(clients), token, now))
            for client in clients:
                client.frame(clock.now())
        everybody = len(clients) == options.clients
        if begun is None and everybody and all(each.session.phase is Phase.PLAYING for each in clients):
            begun = clock.now()
        if begun is None and clock.now() > give_up:
            raise NetError(f"not everybody is in after {PATIENCE:g} s")
        gone = [each.session.reason for each in clients if each.session.phase is Phase.CLOSED]
        if gone:
            raise NetError(f"a client is out: {gone[0]}")
        clock.sleep(ticker.next_time - clock.now())
    now = clock.now()
    told = [each.session.figures(now) for each in clients]
    drops: dict[str, int] = {}
    for client in clients:
        for reason, count in client.session.all_drops().items():
            drops[reason] = drops.get(reason, 0) + count
        client.close(now)
    minutes = len(clients) * options.seconds / 60.0
    return {
        "rtt_ms": float(np.median([(each.link.rtt or 0.0) * 1000 for each in told])),
        "inputs_late": sum(each.inputs_missing for each in told) / max(1, sum(each.inputs_made for each in told)),
        "corrections_a_minute": sum(each.prediction.corrections for each in told) / minutes,
        "pictures_dry": sum(each.pictures_dry for each in told) / max(1, sum(each.pictures for each in told)),
        "snapshot_bytes": sum(each.snapshot_bytes for each in told) / max(1, sum(each.snapshots for each in told)),
        "frames_skipped": ticker.skipped,
        "dropped": drops,
    }


def read_back(path: Path) -> dict[str, Any]:
    """Read the replay of the match, and say whether it holds what was published. Raises NetError when it can't be."""
    replay = Replay.open(path)
    digest = replay.digest()
    as_recorded = replay.end is not None and replay.end.digest == digest
    return {"digest": digest, "as_recorded": as_recorded, "bytes": path.stat().st_size}


def main() -> int:
    """Run and print; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bots", type=int, default=48, help="bots of the server (default 48)")
    parser.add_argument("--clients", type=int, default=16, help="bot clients over UDP (default 16)")
    parser.add_argument("--seconds", type=float, default=60.0, help="from when all are in (default 60)")
    parser.add_argument("--maps", default="foundry", help="rotation, with commas (default foundry)")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="keep the replay of the match in FILE")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(options, Path(folder))
        try:
            clients = play(options, server)
            told = server.end()
            told["replay"] = read_back(options.replay or Path(folder) / "match.replay")
        except NetError as error:
            print(f"full_match: {error}", file=sys.stderr)
            return 2
        finally:
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait()
    tick = told["tick_ms"]
    print(f"{options.bots} bots of the server and {options.clients} clients, {options.seconds:g} s, {options.maps}")
    print(
        f"server   tick p50 {tick['p50']:.2f} ms, p99 {tick['p99']:.2f} ms, most {tick['max']:.1f} ms;"
        f" {told['ticks']} ticks, {told['ticks_skipped']} given up"
    )
    rate = told["sent_bytes"] * 8 / told["seconds"] / options.clients / 1000
    print(f"         {rate:.0f} kbit/s to each client, snapshots of {told['snapshot_bytes_mean']:.0f} bytes")
    print(f"         {told['shots']} shots judged, {told['hits']} hits; dropped {told['dropped'] or 'nothing'}")
    print(
        f"clients  RTT {clients['rtt_ms']:.1f} ms, {clients['inputs_late']:.2%} of inputs late,"
        f" {clients['corrections_a_minute']:.1f} corrections a minute, {clients['pictures_dry']:.2%} of pictures dry"
    )
    print(f"         {clients['frames_skipped']} frames given up; dropped {clients['dropped'] or 'nothing'}")
    replay = told["replay"]
    said = "as recorded" if replay["as_recorded"] else "NOT as recorded"
    print(f"replay   {replay['bytes'] / 1000:.0f} kB, plays back to the digest {said}: {replay['digest'][:16]}")
    if options.json is not None:
        options.json.write_text(json.dumps({"server": told, "clients": clients}, indent=2) + "\n", "utf-8")
    return 0 if replay["as_recorded"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
