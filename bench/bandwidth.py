"""Bytes per snapshot: ours beside what else one might send, for an Arena match or any recorded trace.

    python bench/bandwidth.py --players 16 --seconds 30
    python bench/bandwidth.py --trace match.npz --ack-ticks 6

A trace is an `.npz` with `state`, int32 `(ticks, rows, fields)`, and `fields`, JSON: a list of
`{"name": "x", "rate": "vx", "threshold": 48}` (`rate` null and `threshold` 0 unless given; `"bits": 16, "wrap": true`
for an angle). An optional `alive`, bool `(ticks, rows)`, says which rows exist. Every tick of a trace is a snapshot
unless `--snapshot-every` says otherwise. One receiver sees every row, and acknowledges `--ack-ticks` later.

    tickwire       published by dead reckoning, residuals against the acknowledged snapshot, flat msgpack integers
    msgpack_full   every field of every row, as a msgpack array
    field_mask     per changed row its number, a mask and the changed fields' values, against the acknowledged state
    + zlib, zstd   the same, compressed (zlib level 6; zstd level 3 where the zstandard package is there)

What was encoded is decoded and compared: with the published world bit for bit, with the trace within the thresholds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from engine.errors import UsageError
from engine.wire.delta import KindDelta, decode_kind
from engine.wire.msgints import array_header
from engine.world.dead_reckoning import coarsened, publish, residual
from engine.world.history import ABSENT, EXACT, History
from engine.world.schema import Field, Kind

DEPTH = 64
"""Snapshots of history, as in a match."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="bench/bandwidth.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trace", type=Path, metavar="FILE", help="a recorded .npz instead of an Arena match")
    parser.add_argument("--players", type=int, default=16, metavar="N", help="bots of the Arena match (default 16)")
    parser.add_argument("--seconds", type=float, default=30.0, metavar="S", help="its length (default 30)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="its seed (default 1)")
    parser.add_argument(
        "--ack-ticks", type=int, default=6, metavar="N", help="ticks until an acknowledgement (default 6)"
    )
    parser.add_argument("--snapshot-every", type=int, metavar="N", help="ticks per snapshot (Arena: 2, a trace: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    options = parser.parse_args()
    try:
        if options.trace is not None:
            kinds = [_read_trace(options.trace)]
            every = options.snapshot_every or 1
        else:
            kinds = _play_arena(options.players, options.seconds, options.seed)
            every = options.snapshot_every or 2
        if options.ack_ticks < 0 or every < 1:
            raise UsageError("--ack-ticks must be 0 or more, --snapshot-every 1 or more")
        result = measure(kinds, every, options.ack_ticks)
    except UsageError as error:
        print(f"bandwidth.py: {error}", file=sys.stderr)
        return 2
    _show(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0 if result["exact"] else 1


class Recording:
    """One kind's true state over time: `state (ticks, fields, rows) int32`, `alive`, `generation (ticks, rows)`."""

    def __init__(self, kind: Kind, state: np.ndarray, alive: np.ndarray, generation: np.ndarray) -> None:
        self.kind = kind
        self.state = state
        self.alive = alive
        self.generation = generation


def measure(recordings: list[Recording], every: int, ack_ticks: int) -> dict[str, Any]:
    """Encode every snapshot by every method; return the figures."""
    ticks = len(recordings[0].state)
    totals: dict[str, int] = {}
    sections = {"frame": 0, **{recording.kind.name: 0 for recording in recordings}}
    spent = {"encode": 0.0, "decode": 0.0}
    ours = [_Tickwire(recording, every) for recording in recordings]
    masks = [_FieldMask(recording) for recording in recordings]
    compressors = _compressors()
    snapshots = 0
    exact = True
    for tick in range(0, ticks, every):
        newest = tick - max(every, -(-ack_ticks // every) * every)
        acked = newest if newest >= 0 else None
        begin = time.perf_counter()
        parts = [stage.encode(tick, acked) for stage in ours]
        frame = array_header(sum(ints for _, ints in parts)) + msgpack.packb(tick) + msgpack.packb(ack_ticks // every)
        message = frame + b"".join(data for data, _ in parts)
        spent["encode"] += time.perf_counter() - begin
        begin = time.perf_counter()
        values = msgpack.unpackb(b"\xdc" + sum(ints for _, ints in parts).to_bytes(2, "big") + message[len(frame) :])
        at = 0
        for stage in ours:
            at = stage.decode(tick, acked, values, at)
        spent["decode"] += time.perf_counter() - begin
        exact &= all(stage.agrees(tick) for stage in ours)
        sections["frame"] += len(frame)
        for stage, (data, _) in zip(ours, parts, strict=True):
            sections[stage.kind.name] += len(data)
        full = msgpack.packb([tick, *(_rows(recording, tick) for recording in recordings)])
        masked = msgpack.packb([tick, acked or -1, *(mask.encode(tick, acked) for mask in masks)])
        for name, data in (("tickwire", message), ("msgpack_full", full), ("field_mask", masked)):
            totals[name] = totals.get(name, 0) + len(data)
            if name != "tickwire":
                for suffix, compress in compressors.items():
                    key = f"{name}_{suffix}"
                    totals[key] = totals.get(key, 0) + len(compress(data))
        snapshots += 1
    return {
        "bytes_per_snapshot": {name: total / snapshots for name, total in totals.items()},
        "sections": {name: total / snapshots for name, total in sections.items()},
        "encode_us": spent["encode"] / snapshots * 1e6,
        "decode_us": spent["decode"] / snapshots * 1e6,
        "exact": bool(exact),
        "snapshots": snapshots,
        "rows": float(np.mean([recording.alive.sum(axis=1).mean() for recording in recordings]) * len(recordings)),
        "ack_ticks": ack_ticks,
        "snapshot_every": every,
    }


class _Tickwire:
    """The engine's own stages, for one kind and one receiver."""

    def __init__(self, recording: Recording, every: int) -> None:
        self.kind = recording.kind
        self._recording = recording
        self._every = every
        fields = recording.kind.public_count
        self._published = History(self.kind, fields, DEPTH, every)
        self._received = History(self.kind, fields, DEPTH, every)
        self._views: dict[int, np.ndarray] = {}

    def encode(self, tick: int, acked: int | None) -> tuple[bytes, int]:
        """Publish the tick; return its section and how many integers it holds."""
        recording, history = self._recording, self._published
        state, alive, generation = recording.state[tick], recording.alive[tick], recording.generation[tick]
        before = history.slot(history.newest)
        if before is not None:
            known = (history.status[before] != ABSENT) & (history.generation[before] == generation)
            state = publish(self.kind, history.state[before], known, tick - history.newest, state)
        else:
            state = coarsened(self.kind, state)
        history.push(tick, state, np.where(alive, EXACT, ABSENT), generation)
        slot = None if acked is None else history.slot(acked)
        status = np.zeros((1, self.kind.capacity), np.uint8) if slot is None else self._views[acked or 0][None].copy()
        delta = KindDelta(history, tick, alive[None], np.array([-1 if slot is None else slot]), status)
        section = delta.sections()
        self._views[tick] = section.status[0]
        self._views.pop(tick - DEPTH * self._every, None)
        return section.data.tobytes(), int(section.ints[0])

    def decode(self, tick: int, acked: int | None, values: list[int], at: int) -> int:
        """Read the section at `values[at:]`; return where it ends."""
        slot = None if acked is None else self._received.slot(acked)
        part, at = decode_kind(self._received, tick, slot, values, at)
        self._received.push(tick, part.state, part.status, part.generation)
        return at

    def agrees(self, tick: int) -> bool:
        """Tell whether what was decoded is what was published, and that is the trace within the thresholds."""
        here, there = self._received.slot(tick), self._published.slot(tick)
        assert here is not None
        assert there is not None
        alive = self._recording.alive[tick]
        got, sent = self._received.state[here][:, alive], self._published.state[there][:, alive]
        off = np.abs(residual(self.kind, self._recording.state[tick][:, alive], sent))
        held = np.array_equal(self._received.status[here] == EXACT, alive)
        return bool(held and np.array_equal(got, sent) and (off <= self.kind.threshold[: len(off)]).all())


class _FieldMask:
    """A plain field-mask delta against the acknowledged state: row, mask, changed values."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def encode(self, tick: int, acked: int | None) -> list[int]:
        recording = self._recording
        state, alive = recording.state[tick].T, recording.alive[tick]
        if acked is None:
            changed = np.repeat(alive[:, None], state.shape[1], axis=1)
            gone = np.zeros(len(alive), np.bool_)
        else:
            kept = recording.alive[acked] & (recording.generation[acked] == recording.generation[tick])
            changed = (state != recording.state[acked].T) | ~kept[:, None]
            changed &= alive[:, None]
            gone = recording.alive[acked] & ~alive
        masks = changed @ (1 << np.arange(state.shape[1]))
        message: list[int] = []
        for row in np.flatnonzero(masks).tolist():
            message += [row, int(masks[row]), *state[row, changed[row]].tolist()]
        for row in np.flatnonzero(gone).tolist():
            message += [row, 0]
        return message


def _rows(recording: Recording, tick: int) -> list[int]:
    alive = np.flatnonzero(recording.alive[tick])
    state = recording.state[tick][:, alive]
    full: list[int] = np.concatenate([alive[None], state]).T.ravel().tolist()
    return full


def _compressors() -> dict[str, Callable[[bytes], bytes]]:
    found: dict[str, Callable[[bytes], bytes]] = {"zlib": lambda data: zlib.compress(data, 6)}
    try:
        import zstandard
    except ImportError:
        return found
    compressor = zstandard.ZstdCompressor(level=3)
    found["zstd"] = compressor.compress
    return found


def _read_trace(path: Path) -> Recording:
    """Return the recording in an .npz. Raises UsageError saying what is wrong with it."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if "state" not in file or "fields" not in file:
                raise UsageError(f"{path} needs arrays `state` and `fields`, and has {', '.join(file.files) or 'none'}")
            state, text = file["state"], file["fields"]
            alive = file.get("alive")
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"{path} is no .npz trace: {error}") from error
    if state.ndim != 3 or state.dtype.kind not in "iu" or 0 in state.shape:
        raise UsageError(f"{path}: `state` must be int32 (ticks, rows, fields), got {state.dtype} {state.shape}")
    try:
        raw = text.item() if text.ndim == 0 else text.tobytes()
        described = json.loads(raw)
        fields = tuple(_field(entry) for entry in described)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{path}: `fields` is no JSON list of name, rate and threshold: {error}") from error
    ticks, rows, count = state.shape
    if len(fields) != count:
        raise UsageError(f"{path}: {count} fields in `state`, {len(fields)} in `fields`")
    if alive is None:
        alive = np.ones((ticks, rows), np.bool_)
    if alive.shape != (ticks, rows):
        raise UsageError(f"{path}: `alive` must be bool (ticks, rows) = {(ticks, rows)}, got {alive.shape}")
    kind = Kind("row", fields, rows)
    generation = np.cumsum(np.diff(alive.astype(np.int8), axis=0, prepend=0) > 0, axis=0) % 128
    return Recording(
        kind, state.astype(np.int32).transpose(0, 2, 1), alive.astype(np.bool_), generation.astype(np.int32)
    )


def _field(entry: Any) -> Field:
    if isinstance(entry, list):
        name, rate, threshold = (*entry, None, 0)[:3]
        entry = {"name": name, "rate": rate, "threshold": threshold}
    wrap = bool(entry.get("wrap", False))
    dtype = f"uint{entry.get('bits', 16)}" if wrap else "int32"
    rate = entry.get("rate", entry.get("rate_field")) or None
    return Field(entry["name"], dtype, threshold=int(entry.get("threshold") or 0), rate=rate, wrap=wrap)


def _play_arena(players: int, seconds: float, seed: int) -> list[Recording]:
    """Play Arena with bots that see the truth, and record it."""
    from engine.game import Inputs
    from engine.world.picture import Picture, present
    from engine.world.table import World
    from game.rules import Arena

    class Present:
        """Shots of the server's own bots are judged in the present."""

        def __init__(self, world: World) -> None:
            self._world = world

        def picture(self, shooter: int) -> Picture:
            return present(self._world)

        def judge(self, shooter: int, hit: int | None, reason: str) -> None:
            pass

    game = Arena(max_players=players, seed=seed)
    world = World(game.kinds)
    game.start(world)
    for _ in range(players):
        row = world["player"].spawn()
        assert row is not None
        game.join(world, row)
    brain = game.brain("mixed", seed)
    rows = world["player"].rows()
    missing = np.zeros(len(rows), np.bool_)
    taken: dict[str, list[tuple[np.ndarray, ...]]] = {kind.name: [] for kind in game.kinds}
    for tick in range(1, round(seconds * game.tick_hz) + 1):
        inputs = brain.think(present(world), rows, tick)
        world.tick = tick
        game.step(world, Inputs(rows, inputs, missing), Present(world))
        for kind in game.kinds:
            table = world[kind.name]
            taken[kind.name].append(
                (table.state[: kind.public_count].copy(), table.alive.copy(), table.generation.copy())
            )
    recordings = []
    for kind in game.kinds:
        state, alive, generation = (np.stack(column) for column in zip(*taken[kind.name], strict=True))
        recordings.append(Recording(kind, state, alive, generation))
    return recordings


def _show(result: dict[str, Any]) -> None:
    sizes = result["bytes_per_snapshot"]
    print(
        f"{result['snapshots']} snapshots of {result['rows']:.1f} rows, one in {result['snapshot_every']} ticks,"
        f" acknowledged {result['ack_ticks']} ticks later"
    )
    for name, size in sorted(sizes.items(), key=lambda item: item[1]):
        print(f"  {name:<22}{size:9.1f} B   {size / sizes['tickwire']:6.2f} x")
    print("  of ours: " + ", ".join(f"{name} {size:.1f} B" for name, size in result["sections"].items()))
    print(f"  encode {result['encode_us']:.0f} us, decode {result['decode_us']:.0f} us per snapshot and receiver")
    print(f"  decoded equals published, and the trace within its thresholds: {'yes' if result['exact'] else 'NO'}")


if __name__ == "__main__":
    raise SystemExit(main())
