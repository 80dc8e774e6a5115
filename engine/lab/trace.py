"""Traces: the true world and the inputs of every tick of a run, in one .npz file that numpy opens.

    meta                 JSON: game, settings, seed, the kinds' fields, the input's fields
    tick                 (ticks,) int64
    KIND.state           (ticks, fields, rows) int32     what the server had at the end of the tick, in grid units
    KIND.alive           (ticks, rows) bool
    KIND.generation      (ticks, rows) int32
    input.state          (ticks, fields, player rows) int32     what was played in the tick; 0 where nobody plays
    input.missing        (ticks, player rows) bool       the input had not come in time: the one before it stood in

Rows beyond the last one ever used are left out. About 3 kB a tick in memory for sixteen players, a fraction on disk.
`first_parting` compares two of them: inputs before states, since what was played decides what follows. A replay can
stand for a trace: it has what was published, at the ticks of snapshots, and the inputs of every tick.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np

from engine.errors import UsageError
from engine.game import Game
from engine.lab.shots import TickRecord
from engine.replay.format import MAGIC
from engine.replay.reader import Replay
from engine.world.table import World

MAX_TICKS = 60 * 60 * 60
"""Ticks of a trace: an hour at 60 Hz. A longer run keeps its first hour."""


class TraceRecorder:
    """Keeps what a trace has; hand `tick` to `VirtualMatch(watch_tick=...)`."""

    def __init__(self, game: Game) -> None:
        self._game = game
        self._ticks: list[int] = []
        self._tables: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {
            kind.name: [] for kind in game.kinds
        }
        self._inputs: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def tick(self, record: TickRecord, world: World) -> None:
        """A tick has been stepped."""
        if len(self._ticks) >= MAX_TICKS:
            return
        self._ticks.append(world.tick)
        for name, kept in self._tables.items():
            table = world[name]
            used = int(np.flatnonzero(table.alive)[-1]) + 1 if table.alive.any() else 0
            state = np.where(table.alive[:used], table.state[:, :used], 0)
            kept.append((state, table.alive[:used].copy(), table.generation[:used].copy()))
        inputs = record.inputs
        self._inputs.append((inputs.rows, inputs.input.state, inputs.missing))

    def save(self, path: Path, seed: int) -> None:
        """Write the trace to `path`."""
        game = self._game
        arrays: dict[str, np.ndarray] = {"tick": np.array(self._ticks, np.int64)}
        for name, kept in self._tables.items():
            fields = len(next(kind for kind in game.kinds if kind.name == name).fields)
            rows = max((len(alive) for _, alive, _ in kept), default=0)
            state = np.zeros((len(kept), fields, rows), np.int32)
            alive = np.zeros((len(kept), rows), np.bool_)
            generation = np.zeros((len(kept), rows), np.int32)
            for at, (one, living, tenants) in enumerate(kept):
                state[at, :, : one.shape[1]], alive[at, : len(living)] = one, living
                generation[at, : len(tenants)] = tenants
            arrays |= {f"{name}.state": state, f"{name}.alive": alive, f"{name}.generation": generation}
        rows = max((int(numbers.max(initial=-1)) + 1 for numbers, _, _ in self._inputs), default=0)
        played = np.zeros((len(self._inputs), len(game.input.fields), rows), np.int32)
        missing = np.zeros((len(self._inputs), rows), np.bool_)
        for at, (numbers, values, gaps) in enumerate(self._inputs):
            played[at][:, numbers], missing[at][numbers] = values, gaps
        meta = {
            "game": game.name,
            "version": game.version,
            "tick_hz": game.tick_hz,
            "settings": dict(game.settings()),
            "seed": seed,
            "kinds": {kind.name: [field.name for field in kind.fields] for kind in game.kinds},
            "input": [field.name for field in game.input.fields],
        }
        arrays |= {"input.state": played, "input.missing": missing, "meta": np.array(json.dumps(meta))}
        with path.open("wb") as file:
            _save(file, arrays)


def _save(file: BinaryIO, arrays: dict[str, np.ndarray]) -> None:
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for other arguments


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace as read back."""

    meta: dict[str, Any]
    arrays: dict[str, np.ndarray]


def load_trace(path: Path) -> Trace:
    """Return the trace in `path`, or what a replay there has of one. Raises UsageError when it is neither."""
    try:
        with path.open("rb") as opened:
            is_replay = opened.read(len(MAGIC)) == MAGIC
        if is_replay:
            return _trace_of(Replay.open(path))
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(str(arrays.pop("meta")))
        kinds = [*meta["kinds"]]
        needed = ["tick", "input.state", *(f"{kind}.{part}" for kind in kinds for part in ("state", "alive"))]
        missing = [name for name in needed if name not in arrays]
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise UsageError(f"{path}: not a trace of the lab ({error})") from None
    if missing:
        raise UsageError(f"{path}: not a trace of the lab (no {', '.join(missing)})")
    return Trace(meta, arrays)


def _trace_of(replay: Replay) -> Trace:
    """Return a replay as a trace: of the published rows, so that only two replays are alike."""
    header, inputs = replay.header, replay.inputs()
    meta = {
        "game": header.game,
        "version": header.game_version,
        "tick_hz": header.match.tick_hz,
        "settings": header.settings,
        "seed": None,
        "kinds": {kind.name: [field.name for field in kind.fields[: kind.public_count]] for kind in header.kinds},
        "input": [field.name for field in header.input.fields],
        "source": "the published world",
    }
    arrays = {"input.tick": inputs.tick, "input.state": inputs.state, "input.missing": inputs.missing}
    for kind in header.kinds:
        columns = replay.columns(kind.name)
        arrays |= {
            "tick": columns.tick,
            f"{kind.name}.state": columns.state,
            f"{kind.name}.alive": columns.alive,
            f"{kind.name}.generation": columns.generation,
        }
    return Trace(meta, arrays)


@dataclass(frozen=True, slots=True)
class Parting:
    """The first difference of two runs. what: "input" or a kind's name; a, b: the two values."""

    tick: int
    what: str
    row: int
    field: str
    a: int
    b: int

    def __str__(self) -> str:
        return f"tick {self.tick}, {self.what} row {self.row}, {self.field}: {self.a} and {self.b}"


def first_parting(one: Trace, other: Trace) -> list[Parting]:
    """Return where two runs part: the first difference in each of the inputs and the kinds, the earliest first.

    Empty when they are equal at all ticks that are in both. Raises UsageError when they are not of one game, or one is
    of the true world and the other of the published one.
    """
    if one.meta.get("source") != other.meta.get("source"):
        raise UsageError("a trace has the true world, and a replay the published one: compare two of a kind")
    if (one.meta["game"], one.meta["kinds"]) != (other.meta["game"], other.meta["kinds"]):
        raise UsageError("the two runs are of two games, or of two versions of its schema")
    found = []
    parts = [("input", "input.state", one.meta["input"])]
    for kind, names in one.meta["kinds"].items():
        parts += [(kind, f"{kind}.alive", ["alive"]), (kind, f"{kind}.state", names)]
    for order, (what, key, names) in enumerate(parts):
        ticks, in_one, in_other = np.intersect1d(
            _ticks(one, what), _ticks(other, what), assume_unique=True, return_indices=True
        )
        a, b = _alike(one.arrays[key][in_one], other.arrays[key][in_other])
        differ = a != b
        at = np.flatnonzero(differ.any(axis=(1, 2)))
        if len(at):
            first = int(at[0])
            # By row, then by field: one row's first field is named, not the first field of some row.
            row, field = (int(number) for number in np.argwhere(differ[first].T)[0])
            values = int(a[first, field, row]), int(b[first, field, row])
            found.append((int(ticks[first]), order, Parting(int(ticks[first]), what, row, names[field], *values)))
    return [parting for _, _, parting in sorted(found, key=lambda entry: entry[:2])]


def _ticks(trace: Trace, what: str) -> np.ndarray:
    """Return the ticks of the inputs or of a kind: in a replay they differ."""
    return trace.arrays.get(f"{what}.tick", trace.arrays["tick"])


def _alike(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both as `(ticks, fields, rows)` with as many rows as the one with more; what is added is 0."""
    rows = max(a.shape[-1], b.shape[-1])
    grown = []
    for array in (a, b):
        wider = np.zeros((*array.shape[:-1], rows), array.dtype)
        wider[..., : array.shape[-1]] = array
        grown.append(wider if wider.ndim == 3 else wider[:, None])
    return grown[0], grown[1]
