"""What recording a match costs its server, and how large the file is.

    python bench/replay.py [--players 16] [--seconds 60] [--json replay.json]

Bots of the server play Arena, twice the same match tick by tick in turn: once as it is, and once recorded into a file.
What is said is the time of the process in a tick of each (median, 99th percentile and most), in what the recorder is
told within it, and in the ticks that end a chunk, one a second, which pack and write it; and then what the file takes,
by section before it is packed, and how much faster than it was played it is read.

"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.config import ServerConfig, protocol_id
from engine.link.netcode import NetcodeServer
from engine.replay.format import decode_block, decode_sections, unpack_body
from engine.replay.reader import Replay
from engine.replay.recording import Recording
from engine.replay.writer import ReplayWriter
from engine.server.session import ServerSession
from game.rules import Arena


def new_match(players: int) -> ServerSession:
    """Return a match of bots; all that are made alike play alike."""
    game = Arena(max_players=players, seed=1)
    netcode = NetcodeServer(
        protocol_id=protocol_id(game.name, game.version),
        private_key=b"k" * 32,
        addresses=[("127.0.0.1", 40000)],
        max_clients=1,
        now=0.0,
        unix_time=1_700_000_000,
        entropy=os.urandom,
    )
    session = ServerSession(game, netcode, config=ServerConfig(max_players=players))
    for number in range(players):
        session.add_bot(f"Bot {number}", game.brain("mixed", number))
    return session


class Timed:
    """Calls what a recorder has, and counts the time of each call."""

    def __init__(self, writer: ReplayWriter) -> None:
        self.spent = 0.0
        self.begin = writer.begin
        for name in ("snapshot", "inputs", "message"):
            setattr(self, name, self._timed(getattr(writer, name)))

    def _timed(self, call: Callable[..., None]) -> Callable[..., None]:
        def timed(*arguments: Any) -> None:
            before = time.process_time()
            call(*arguments)
            self.spent += time.process_time() - before

        return timed


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--players", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options.players, options.seconds, Path(folder) / "bench.twr")
    for name, value in found.items():
        print(f"{name:<34}{value}")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


def measure(players: int, seconds: float, path: Path) -> dict[str, Any]:
    """Play and record; return the figures."""
    plain, kept = new_match(players), new_match(players)
    recording = Recording(path, "server")
    timed = Timed(recording.writer)
    kept.record(timed)  # type: ignore[arg-type]  # it has what a recorder has
    ticks = round(seconds * kept.match.tick_hz)
    spent = {name: np.zeros(ticks) for name in ("plain", "recorded", "recorder")}
    for tick in range(ticks):
        for name, session in (("plain", plain), ("recorded", kept)):
            timed.spent, before = 0.0, time.process_time()
            session.step(tick / kept.match.tick_hz)
            spent[name][tick] = time.process_time() - before
        spent["recorder"][tick] = timed.spent
    # A chunk begins with a snapshot at tick 2 and is over, a second later, before the next one.
    chunks = np.arange(1, ticks + 1) % kept.match.tick_hz == 1
    chunks[:1] = False
    snapshots = np.arange(1, ticks + 1) % kept.match.snapshot_every == 0
    chunk, snapshot = spent["recorder"][chunks], spent["recorder"][snapshots]
    said = recording.close()
    if plain.world.digest() != kept.world.digest():
        raise SystemExit("the recorded match is another one")
    before = time.process_time()
    replay = Replay.open(path)
    digest = replay.digest()
    read = time.process_time() - before
    if not said.endswith(digest):
        raise SystemExit("what is read back is another match")
    share = spent["recorder"].sum() / seconds
    return {
        "players": players,
        "seconds": seconds,
        "tick, plain: p50 p99 max us": _told(spent["plain"]),
        "tick, recorded": _told(spent["recorded"]),
        "recorder, tick with a snapshot": _told(snapshot),
        "recorder, tick that ends a chunk": _told(chunk),
        "recorder, share of a core %": round(100 * share, 2),
        "file, bytes/s": round(replay.size / seconds),
        "file, kB/min": round(replay.size / seconds * 60 / 1000),
        "unpacked by section, bytes/s": _sections(path.read_bytes(), seconds),
        "reading all, times real time": round(seconds / max(read, 1e-9)),
    }


def _told(times: np.ndarray) -> list[int]:
    return [round(1e6 * value) for value in (*np.percentile(times, (50, 99)), times.max())]


def _sections(data: bytes, seconds: float) -> dict[str, int]:
    """Return how large each section of the chunks is before it is packed."""
    view, at, totals = memoryview(data), 8, dict.fromkeys(("roster", "messages", "inputs", "snapshots"), 0)
    while at < len(data):
        block = decode_block(view, at)
        if block.kind == 2:
            sections = decode_sections(unpack_body(block))
            for name in totals:
                totals[name] += len(getattr(sections, name))
        at = block.end
    return {name: round(total / seconds) for name, total in totals.items()}


if __name__ == "__main__":
    main()
