"""What a replay holds, as numpy arrays to compute with: one entry per snapshot (or tick) and row.

Rows beyond the last one ever used are left out. A column is in the game's unit, NaN where there is no row; `state` has
the same exactly, in grid units. Too much at once is a UsageError that says to ask for less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import UsageError
from engine.replay.format import InputTable
from engine.wire.messages import Judged
from engine.world.history import ABSENT, STALE
from engine.world.picture import VIEW_UNITS
from engine.world.schema import Kind

MAX_BYTES = 2**30
"""Of one table, as it is kept."""

VERDICT = (
    ("tick", np.int64),
    ("shooter", np.int32),
    ("hit", np.int32),  # the row hit, -1 for none
    ("reason", str),
    ("claimed_age", np.float64),  # in ticks
    ("allowed_age", np.float64),
    ("clamped", np.bool_),
)
"""Fields of the table of verdicts."""


@dataclass(frozen=True, slots=True)
class RowColumns:
    """A kind: tick `(n,) int64`; state `(n, fields, rows) int32`; alive, stale `(n, rows) bool`; generation
    `(n, rows) int32`."""

    kind: Kind
    tick: np.ndarray
    state: np.ndarray
    alive: np.ndarray
    stale: np.ndarray
    generation: np.ndarray

    def __getitem__(self, name: str) -> np.ndarray:
        """The column `name` in the game's unit, `(n, rows) float64`."""
        return _column(self.kind, self.state, self.alive, name)


@dataclass(frozen=True, slots=True)
class InputColumns:
    """What was played: tick `(n,) int64`; state `(n, fields, rows) int32`; played `(n, rows) bool`; missing, where the
    input had not come and the one before it stood in `(n, rows) bool`."""

    kind: Kind
    tick: np.ndarray
    state: np.ndarray
    played: np.ndarray
    missing: np.ndarray

    def __getitem__(self, name: str) -> np.ndarray:
        """The column `name` in the game's unit, `(n, rows) float64`."""
        return _column(self.kind, self.state, self.played, name)


def _column(kind: Kind, state: np.ndarray, present: np.ndarray, name: str) -> np.ndarray:
    at = kind.index.get(name)
    if at is None or at >= state.shape[1]:
        there = ", ".join([*kind.index][: state.shape[1]])
        raise UsageError(f"{kind.name} has no column {name!r}; there are: {there}")
    values: np.ndarray = np.where(present, state[:, at] * kind.fields[at].precision, np.nan)
    return values


class RowsKept:
    """Gathers a kind's snapshots into `RowColumns`."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._kept: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]] = []
        self._rows = 0

    def add(self, tick: int, state: np.ndarray, status: np.ndarray, generation: np.ndarray) -> None:
        """Take a snapshot. Raises UsageError when it has become too much."""
        there = np.flatnonzero(status != ABSENT)
        used = int(there[-1]) + 1 if len(there) else 0
        self._rows = max(self._rows, used)
        _check_size((len(self._kept) + 1) * self._rows * (len(state) + 2))
        self._kept.append((tick, state[:, :used].copy(), status[:used].copy(), generation[:used].copy()))

    def columns(self) -> RowColumns:
        """Return what was gathered."""
        count, fields = len(self._kept), self._kind.public_count
        state = np.zeros((count, fields, self._rows), np.int32)
        status = np.full((count, self._rows), ABSENT, np.uint8)
        generation = np.zeros((count, self._rows), np.int32)
        for at, (_, rows, known, tenants) in enumerate(self._kept):
            used = len(known)
            there = known != ABSENT
            state[at, :, :used] = np.where(there, rows, 0)
            status[at, :used] = known
            generation[at, :used] = np.where(there, tenants, 0)
        tick = np.array([tick for tick, _, _, _ in self._kept], np.int64)
        return RowColumns(self._kind, tick, state, status != ABSENT, status == STALE, generation)


def join_inputs(kind: Kind, tables: Sequence[InputTable]) -> InputColumns:
    """Return all inputs as one table; a later one of a tick replaces the one before. Raises UsageError."""
    ticks = np.unique(np.concatenate([np.zeros(0, np.int64), *(table.tick for table in tables)]))
    rows = max((int(table.rows[-1]) + 1 for table in tables if len(table.rows)), default=0)
    _check_size(len(ticks) * rows * (len(kind.fields) + 1))
    state = np.zeros((len(ticks), len(kind.fields), rows), np.int32)
    played = np.zeros((len(ticks), rows), np.bool_)
    missing = np.zeros((len(ticks), rows), np.bool_)
    for table in tables:
        at = np.searchsorted(ticks, table.tick)
        state[at[:, None], :, table.rows[None, :]] = table.state.transpose(2, 1, 0)
        played[at[:, None], table.rows[None, :]] = table.played
        missing[at[:, None], table.rows[None, :]] = table.missing
    return InputColumns(kind, ticks, state, played, missing)


def verdict_table(verdicts: Sequence[tuple[Judged, int | None]]) -> np.ndarray:
    """Return verdicts, each with its shooter, as a structured array of `VERDICT`, by tick."""
    longest = max((len(judged.reason) for judged, _ in verdicts), default=1)
    dtype = [(name, f"U{max(longest, 1)}" if kind is str else kind) for name, kind in VERDICT]
    _check_size(len(verdicts) * (longest + 12))
    bound = 2**31 - 1
    rows = [
        (
            judged.tick,
            -1 if to is None else to,
            max(-1, min(judged.hit, bound)),
            judged.reason,
            judged.claimed_age / VIEW_UNITS,
            judged.allowed_age / VIEW_UNITS,
            judged.clamped,
        )
        for judged, to in verdicts
    ]
    table = np.array(rows, dtype)
    return table[np.argsort(table["tick"], kind="stable")]


def _check_size(numbers: int) -> None:
    if 4 * numbers > MAX_BYTES:
        raise UsageError(f"more than {MAX_BYTES // 2**20} MiB at once: ask for a shorter span of ticks")
