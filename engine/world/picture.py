"""What a player sees: the rows of a snapshot pair, sampled at a view time.

The client draws a picture, and a shot is judged against the same picture rebuilt by the server, so both call the one
function here on the same published integers. A `View` names the picture completely: the snapshot drawn from, the one
drawn towards, and the view time in 1/256 of a tick (an integer, so that it survives the wire without rounding).

    tick_b given   rows in both: cubic Hermite where the field has a rate, else linear, angles the short way, the rest
                   steps at b; rows in a only: dead-reckoned until b takes them away
    tick_b None    the buffer ran dry: every row dead-reckoned past a, for at most `max_ticks`

Only + - * / on float64, in one order, so that two machines get the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.world.history import ABSENT, History
from engine.world.schema import Kind
from engine.world.table import World

VIEW_UNITS = 256
"""View time is counted in 1/256 tick: 65 us at 60 Hz, well below what a frame can show."""


@dataclass(frozen=True, slots=True)
class View:
    """Which picture: from snapshot `tick_a` towards `tick_b` (None: dead-reckoned past a), at `time` / 256 ticks."""

    tick_a: int
    tick_b: int | None
    time: int


class Seen:
    """The rows of one kind in a picture.

    values  (fields, rows) float64, in grid units
    alive   (rows,) bool
    """

    __slots__ = ("alive", "generation", "kind", "values")

    def __init__(self, kind: Kind, values: np.ndarray, alive: np.ndarray, generation: np.ndarray) -> None:
        self.kind = kind
        self.values = values
        self.alive = alive
        self.generation = generation

    def __getitem__(self, name: str) -> np.ndarray:
        """The column `name` in the game's unit, `(rows,) float64`."""
        at = self.kind.index[name]
        column: np.ndarray = self.values[at] * self.kind.fields[at].precision
        return column

    def rows(self) -> np.ndarray:
        """The numbers of the rows alive, ascending."""
        return np.flatnonzero(self.alive)


@dataclass(slots=True)
class Picture:
    """All kinds as seen at one view time.

    kinds: by kind name. In a client's picture the own row stands in its kind's table at `own_row`, as predicted.
    own: the own row with the owner's fields too, one row in grid units; None for a spectator.
    """

    view: View
    kinds: dict[str, Seen] = field(default_factory=dict)
    own_row: int | None = None
    own: Seen | None = None

    def __getitem__(self, name: str) -> Seen:
        return self.kinds[name]


def present(world: World) -> Picture:
    """Return the true world as it is now: what a bot of the server sees."""
    picture = Picture(View(world.tick, None, world.tick * VIEW_UNITS))
    for name, table in world.tables.items():
        picture.kinds[name] = Seen(table.kind, table.state.astype(np.float64), table.alive, table.generation)
    return picture


def sample(kind: Kind, history: History, view: View, max_ticks: float) -> Seen | None:
    """Return the rows of `kind` as they look in `view`, or None when `history` no longer holds its snapshots.

    `max_ticks` bounds the dead reckoning of rows that have nothing newer.
    """
    slot_a = history.slot(view.tick_a)
    if slot_a is None:
        return None
    state_a = history.state[slot_a]
    alive = history.status[slot_a] != ABSENT
    generation = history.generation[slot_a]
    ahead = view.time / VIEW_UNITS - view.tick_a
    values = state_a.astype(np.float64)
    if view.tick_b is None:
        _reckon(kind, values, min(max(ahead, 0.0), max_ticks))
        return Seen(kind, values, alive, generation)
    slot_b = history.slot(view.tick_b)
    if slot_b is None:
        return None
    if not alive.any():
        return Seen(kind, values, alive, generation)
    state_b = history.state[slot_b]
    both = history.status[slot_b] != ABSENT
    both &= generation == history.generation[slot_b]
    if kind.teleport is not None:
        at = kind.index[kind.teleport]
        if at < len(state_a):
            both &= state_a[at] == state_b[at]
    lone = alive & ~both
    reckoned = None
    if lone.any():
        reckoned = values[:, lone]
        _reckon(kind, reckoned, min(max(ahead, 0.0), max_ticks))
    _blend(kind, values, state_a, state_b, ahead, view.tick_b - view.tick_a)
    if reckoned is not None:
        values[:, lone] = reckoned
    return Seen(kind, values, alive, generation)


def _reckon(kind: Kind, values: np.ndarray, ticks: float) -> None:
    if ticks == 0.0:
        return
    for base, rate in zip(*(rows.tolist() for rows in kind.rated), strict=True):
        if base < len(values):
            values[base] += values[rate] * ticks


def _blend(kind: Kind, values: np.ndarray, state_a: np.ndarray, state_b: np.ndarray, ahead: float, span: int) -> None:
    """Write the blend of a and b, `ahead` ticks into their `span`, into the smooth fields of `values` (a, as float64).

    All fields of one way of blending are done at once. Rows that are not in both come out meaningless.
    """
    part = ahead / span
    blend = kind.blended
    if blend.bases is not None:
        # The four cubic Hermite weights; the tangents are per tick, so they are scaled by the span.
        square, cube = part * part, part * part * part
        to_b = 3.0 * square - 2.0 * cube
        drawn = values[blend.bases] * (1.0 - to_b)
        drawn += state_b[blend.bases] * to_b
        drawn += values[blend.rates] * ((cube - 2.0 * square + part) * span)
        drawn += state_b[blend.rates] * ((cube - square) * span)
        values[blend.bases] = drawn
    if blend.linear is not None:
        values[blend.linear] += (state_b[blend.linear] - state_a[blend.linear]) * part
    for at, modulus in blend.cyclic:
        step = ((state_b[at] - state_a[at] + modulus // 2) & (modulus - 1)) - modulus // 2
        values[at] = (values[at] + step * part) % modulus
