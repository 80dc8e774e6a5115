"""What a client's frame costs beyond its renderer: decoding snapshots, predicting, and making the picture to draw.

    python bench/client.py [--rows 50,200,1000] [--runs 15] [--json client.json]

Rows are Arena players that run, turn and change direction as people do; snapshots are the real bytes, against a
baseline a round trip old. Everything is what `ClientSession` does, by the same calls, for 60 frames and 30 snapshots a
second, so a frame is half a decoding, half a reconciliation, one predicted tick and one picture.

    decode      body -> integers -> rows at this tick -> history
    predict     one tick of the own row, and half a comparison with the server's word (equal: nothing to replay)
    picture     which snapshots to draw between, all remote rows there, the own row

`replay` is what a correction costs on top: eight ticks predicted again. Each figure is the median of the runs; a run is
`FRAMES` frames. `best` is the least of them, which is what a machine with nothing else to do would show. Times are of
the process, so what else runs disturbs them less.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.client.interpolation import Interpolation
from engine.client.prediction import Prediction
from engine.wire.body import MessageType, split_body
from engine.wire.delta import KindDelta
from engine.wire.snapshot import decode_snapshot, encode_own, encode_snapshots
from engine.world.dead_reckoning import publish
from engine.world.history import EXACT, History
from engine.world.schema import Kind
from engine.world.table import Rows
from game.rules import Arena
from game.schema import PLAYER, player_kind

FRAMES = 60
"""Frames of a run: one second at 60 Hz."""
EVERY = 2
"""Ticks per snapshot."""
DEPTH = 64
"""Snapshots held."""
BASE_AGE = 3
"""Snapshots between a snapshot and its baseline: 100 ms of round trip at 30 Hz."""
REPLAYED = 8
"""Ticks a correction predicts again: 130 ms of lead."""
CHANGE = 1 / 20
"""Chance per tick that a row changes where it runs: three times a second."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds per run of one size: of 30 snapshots decoded, 60 ticks predicted, 60 pictures; and of one replay."""

    decode: list[float]
    predict: list[float]
    picture: list[float]
    replay: list[float]
    snapshot_bytes: float


class Match:
    """A world of `rows` players and the snapshots of it; row 0 is the client's own."""

    def __init__(self, rows: int, seed: int = 1) -> None:
        self.game = Arena()
        self.kind: Kind = player_kind(rows + 1)
        self.game.player = self.kind
        self._random = np.random.default_rng(seed)
        count = rows + 1
        self._state = np.zeros((len(self.kind.fields), count), np.int32)
        self._state[:2] = np.tile(self.game.map.spawns.T * 64, count)[:, :count]
        self._state[PLAYER.index["health"]] = 100
        self._given = np.zeros((len(self.game.input.fields), count), np.int32)
        self._generation = np.zeros(count, np.int32)
        self._status = np.full(count, EXACT, np.uint8)
        self.published = History(self.kind, self.kind.public_count, DEPTH, EVERY)
        self._visible = np.ones((1, count), np.bool_)
        self._visible[0, 0] = False
        self.own: dict[int, np.ndarray] = {}
        self.tick = 0

    def step(self) -> np.ndarray:
        """Go on by a tick; return the own row's input."""
        self.tick += 1
        count = len(self._generation)
        turns = self._random.random(count) < CHANGE
        self._given[0, turns] = self._random.integers(0, 16, int(turns.sum()))
        self._given[1] = (self._given[1] + self._random.integers(-300, 301, count)) & 0xFFFF
        self.game.predict(Rows(self.kind, self._state), Rows(self.game.input, self._given), self.tick)
        if self.tick % EVERY == 0:
            public = self._state[: self.kind.public_count]
            before = self.published.slot(self.tick - EVERY)
            if before is not None:
                known = np.ones(count, np.bool_)
                public = publish(self.kind, self.published.state[before], known, EVERY, public)
            self.published.push(self.tick, public, self._status, self._generation)
            self.own[self.tick] = self._state[: self.kind.owner_count, 0].copy()
        return self._given[:, 0].copy()

    def body(self) -> bytes:
        """Return the packet's body with the snapshot of this tick."""
        base = self.tick - BASE_AGE * EVERY
        slot = self.published.slot(base)
        status = self._status.copy()[None]
        status[0, 0] = 0
        delta = KindDelta(self.published, self.tick, self._visible, np.array([slot]), status)
        now, then = self.own[self.tick][:, None], self.own[base][:, None]
        own, counts = encode_own(self.kind, now, then, np.array([self.tick - base], np.int32))
        header = np.array([[self.tick, BASE_AGE, 5, 256, 0]], np.int64)
        return bytes([MessageType.SNAPSHOT]) + encode_snapshots(header, own, counts, [delta.sections()])[0]


class Client:
    """What `ClientSession` does with a snapshot, a tick and a frame, in three calls."""

    def __init__(self, match: Match) -> None:
        kind = match.kind
        self._kind = kind
        self._history = History(kind, kind.public_count, DEPTH, EVERY)
        self._own: dict[int, np.ndarray] = {}
        self._interpolation = Interpolation({kind.name: self._history}, 15.0)
        self.prediction = Prediction(match.game, 64)

    def take_over(self, match: Match) -> None:
        """Hold what `match` has published so far, as if it had been received."""
        for tick in match.published.ticks():
            slot = match.published.slot(tick)
            status = match.published.status[slot].copy()
            status[0] = 0
            self._history.push(tick, match.published.state[slot], status, match.published.generation[slot])
            self._own[tick] = match.own[tick]
            self._interpolation.received(tick)
        self.prediction.reconcile(match.tick, match.own[match.tick])

    def decode(self, body: bytes) -> np.ndarray:
        """Take a snapshot; return the own row in it."""
        ((_, array),) = split_body(body)
        snapshot = decode_snapshot(array, [self._history], self._kind, self._own, has_own=True)
        (part,) = snapshot.kinds
        self._history.push(snapshot.tick, part.state, part.status, part.generation)
        assert snapshot.own is not None
        self._own[snapshot.tick] = snapshot.own
        self._interpolation.received(snapshot.tick)
        return snapshot.own

    def picture(self, view_ticks: float) -> None:
        """Make what a frame draws."""
        view = self._interpolation.view(view_ticks)
        assert view is not None
        picture = self._interpolation.draw(view)
        own = self.prediction.drawn(0.5, 1 / 60)
        if picture is None or own is None:
            raise SystemExit("nothing to draw: the bench and the session disagree")
        picture[self._kind.name].values[:, 0] = own[: self._kind.public_count]


def measure(rows: int, runs: int) -> Figures:
    """Return what `runs` seconds of frames cost with `rows` remote rows."""
    match = Match(rows)
    for _ in range((BASE_AGE + 2) * EVERY):
        match.step()
    client = Client(match)
    client.take_over(match)
    clock = time.process_time
    figures = Figures([], [], [], [], 0.0)
    total_bytes = 0
    for _ in range(runs):
        decode = predict = picture = 0.0
        for _ in range(FRAMES):
            given = match.step()
            body = match.body() if match.tick % EVERY == 0 else None
            total_bytes += len(body or b"")
            values = tuple(given.tolist())
            start = clock()
            client.prediction.advance(match.tick, values)
            predicted = clock()
            if body is not None:
                own = client.decode(body)
                decoded = clock()
                client.prediction.reconcile(match.tick, own)
                reconciled = clock()
                decode += decoded - predicted
                predict += reconciled - decoded
            predict += predicted - start
            start = clock()
            client.picture(match.tick - 5.5)
            picture += clock() - start
        figures.decode.append(decode)
        figures.predict.append(predict)
        figures.picture.append(picture)
        figures.replay.append(_replay(match))
    if client.prediction.figures.corrections:
        raise SystemExit(f"{client.prediction.figures.corrections} corrections: the bench and the rules disagree")
    return Figures(
        figures.decode, figures.predict, figures.picture, figures.replay, total_bytes / (runs * FRAMES / EVERY)
    )


def _replay(match: Match) -> float:
    """Return the seconds of a correction that replays `REPLAYED` ticks."""
    prediction = Prediction(match.game, 64)
    own = match.own[max(match.own)]
    prediction.reconcile(0, own)
    for tick in range(1, REPLAYED + 2):
        prediction.advance(tick, (tick & 15, tick * 100, 0))
    told = own.copy()
    told[0] += 64
    start = time.process_time()
    prediction.reconcile(1, told)
    return time.process_time() - start


def summary(rows: int, figures: Figures) -> dict[str, float]:
    """Return the figures of one size in microseconds per frame."""

    def per_frame(times: list[float]) -> float:
        return round(median(times) / FRAMES * 1e6, 1)

    frames = [sum(parts) for parts in zip(figures.decode, figures.predict, figures.picture, strict=True)]
    return {
        "rows": rows,
        "decode_us": per_frame(figures.decode),
        "predict_us": per_frame(figures.predict),
        "picture_us": per_frame(figures.picture),
        "frame_us": per_frame(frames),
        "frame_best_us": round(min(frames) / FRAMES * 1e6, 1),
        "replay_us": round(median(figures.replay) * 1e6, 1),
        "snapshot_bytes": round(figures.snapshot_bytes, 1),
    }


def main() -> None:
    """Print the table, and write the JSON if asked to."""
    parser = argparse.ArgumentParser(description="What a client's frame costs beyond its renderer, in microseconds.")
    parser.add_argument("--rows", default="50,200,1000", help="visible rows, comma-separated (50,200,1000)")
    parser.add_argument("--runs", type=int, default=15, help=f"runs of {FRAMES} frames each (15)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    try:
        sizes = [int(text) for text in options.rows.split(",")]
    except ValueError:
        parser.error(f"--rows {options.rows!r}: not numbers")
    if min(sizes) < 1 or max(sizes) > 2000 or options.runs < 1:
        parser.error("rows must be 1 to 2000, and runs at least 1")
    head = ("rows", "decode", "predict", "picture", "frame", "best", "replay", "bytes")
    print("microseconds per frame at 60 Hz, 30 snapshots a second; replay: per correction; bytes: per snapshot")
    print("".join(f"{title:>10}" for title in head))
    results = []
    for rows in sizes:
        result = summary(rows, measure(rows, options.runs))
        results.append(result)
        print("".join(f"{value:>10}" for value in result.values()))
    if options.json:
        document = {"command": " ".join(["python", *sys.argv]), "frames_hz": 60, "snapshot_hz": 30, "sizes": results}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
