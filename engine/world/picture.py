"""What a player sees: the rows of a snapshot pair, sampled at a view time.

The client draws a picture, and a shot is judged against the same picture rebuilt by the server, so both call the one
function here on the same published integers. A `View` names the picture completely: the snapshot drawn from, the one
drawn towards, and the view time in 1/256 of a tick (an integer, so that it survives the wire without rounding).

    tick_b given   rows in both: cubic Hermite where the field has a rate, else linear, angles the short way, the rest
                   steps at b; rows in a only: dead-reckoned until b takes them away
    tick_b None    the buffer ran dry: every row dead-reckoned past a, for at most `max_ticks`

What is dead-reckoned past a goes as its game lets it, where the game has a say (`coasting`): not into walls.

Only + - * / on float64, in one order, so that two machines get the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from engine.world.coasting import Coasting, Way
from engine.world.history import EXACT, History, KindRows, Received
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

    values      (fields, rows) float64, in grid units; made when first asked for, if given as a function: a bot looks at
                no rockets, and then they cost nothing
    alive       (rows,) bool
    generation  (rows,) int32; negative: a row that one's own input has made, and the server has not yet told of
    """

    __slots__ = ("_make", "_values", "alive", "generation", "kind")

    def __init__(
        self, kind: Kind, values: np.ndarray | Callable[[], np.ndarray], alive: np.ndarray, generation: np.ndarray
    ) -> None:
        self.kind = kind
        self._values: np.ndarray | None = None
        self._make: Callable[[], np.ndarray] | None = None
        if isinstance(values, np.ndarray):
            self._values = values
        else:
            self._make = values
        self.alive = alive
        self.generation = generation

    @property
    def values(self) -> np.ndarray:
        """The rows' fields, see above. What stands still is shared between pictures: write with `put`."""
        if self._values is None:
            assert self._make is not None
            self._values = self._make()
        return self._values

    def __getitem__(self, name: str) -> np.ndarray:
        """The column `name` in the game's unit, `(rows,) float64`."""
        at = self.kind.index[name]
        column: np.ndarray = self.values[at] * self.kind.fields[at].precision
        return column

    def told(self, at: int, row: int) -> int:
        """Return what the snapshot says of `row`'s field number `at`, one that steps: nothing is drawn for it."""
        return int(self.values.item(at, row))

    def put(self, row: int, column: np.ndarray) -> None:
        """Let `row` be there with `column`, `(fields,) float64` or the first of them, in this picture alone."""
        if not self.values.flags.writeable:
            self._values = self.values.copy()
        self.values[: len(column), row] = column
        self._let_live(row)

    def _let_live(self, row: int) -> None:
        if not self.alive[row]:
            self.alive = self.alive.copy()
            self.alive[row] = True

    def rows(self) -> np.ndarray:
        """The numbers of the rows alive, ascending."""
        return np.flatnonzero(self.alive)


@dataclass(slots=True)
class Picture:
    """All kinds as seen at one view time.

    kinds: by kind name. In a client's picture the own row stands in its kind's table at `own_row`, as predicted.
    own: the own row with the owner's fields too, one row in grid units; None for a spectator.
    fading: by kind name and row, how much is left, 1 to 0, of a row of one's own that never was, and goes.
    """

    view: View
    kinds: dict[str, Seen] = field(default_factory=dict)
    own_row: int | None = None
    own: Seen | None = None
    fading: dict[tuple[str, int], float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Seen:
        return self.kinds[name]


def present(world: World) -> Picture:
    """Return the true world as it is now: what a bot of the server sees."""
    picture = Picture(View(world.tick, None, world.tick * VIEW_UNITS))
    for name, table in world.tables.items():
        picture.kinds[name] = Seen(table.kind, table.state.astype(np.float64), table.alive, table.generation)
    return picture


Held = tuple[np.ndarray, np.ndarray | None]
"""The status of each row, `(rows,) uint8`, at snapshot a and at snapshot b, as one receiver holds them."""


def sample(
    kind: Kind,
    history: History | Received,
    view: View,
    max_ticks: float,
    held: Held | None = None,
    coast: Coasting | None = None,
) -> Seen | None:
    """Return the rows of `kind` as they look in `view`, or None when `history` no longer holds its snapshots.

    `max_ticks` bounds the dead reckoning of rows that have nothing newer. `held`: what a receiver holds of a published
    `history`, to see it with the receiver's eyes; None: what the history says. `coast`: see `coasting`.
    """
    stretch = stretch_between(kind, history, view.tick_a, view.tick_b, held, coast)
    return None if stretch is None else stretch.at(view.time, max_ticks)


class Stretch:
    """The rows of one kind from one snapshot towards another, ready to be drawn at any time on the way.

    What does not depend on the time is done once, and not before something is drawn: a screen shows a stretch some two
    to five times, and of some kinds never looks at a row.
    """

    __slots__ = (
        "_b",
        "_coast",
        "_cycles",
        "_linear",
        "_lone",
        "_moves",
        "_prepared",
        "_rows",
        "_span",
        "_tick",
        "_way",
        "a",
        "kind",
    )

    def __init__(
        self,
        kind: Kind,
        tick: int,
        a: KindRows,
        span: int = 0,
        b: KindRows | None = None,
        coast: Coasting | None = None,
    ) -> None:
        """`a` is the snapshot of `tick`, `b` the one `span` ticks after it. Nobody may write into their arrays.

        coast: how rows go on from `a`; None: as they are dead-reckoned.
        """
        self.kind = kind
        self.a = a
        self._tick = tick
        self._b = b
        self._span = span
        self._coast = coast
        self._way: Way | None = None
        self._prepared = False

    def at(self, time: int, max_ticks: float) -> Seen:
        """Return the rows at the view time `time`; see `sample`.

        Values are the caller's, but of a kind that stands still they are shared; `Seen.put` keeps that apart.
        """
        return _Drawn(self, time, max_ticks)

    def values(self, time: int, max_ticks: float) -> np.ndarray:
        start = self.a.values
        if self.kind.still:
            return start
        ahead = time / VIEW_UNITS - self._tick
        values: np.ndarray = start.copy()
        past = min(max(ahead, 0.0), max_ticks)
        if self._b is None:
            if self._coast is None:
                _reckon(self.kind, values, past)
            elif past > 0.0:
                self._go_on(values, self._coast, past, None)
            return values
        if not self._prepared:
            self._prepare(start, self._b)
        self._blend(values, ahead / self._span)
        lone = self._lone
        if lone is not None:
            alone = start[:, lone]
            if self._coast is None:
                _reckon(self.kind, alone, past)
            values[:, lone] = alone
            if self._coast is not None and past > 0.0:
                self._go_on(values, self._coast, past, lone)
        return values

    def _go_on(self, values: np.ndarray, coast: Coasting, ticks: float, rows: np.ndarray | None) -> None:
        """Let `rows` (None: all there are) of `values`, which stand as in a, go on for `ticks` as the game says."""
        if self._way is None:
            self._way = Way(self.kind, self.a.state, self.a.alive.nonzero()[0] if rows is None else rows, coast)
        self._way.write(values, ticks)

    def _prepare(self, start: np.ndarray, b: KindRows) -> None:
        """Do what all drawings towards `b` share: they need it of the rows up to the last one alive, `_rows`."""
        self._prepared = True
        kind, end = self.kind, b.values
        # A row that is stale in b is where it was reckoned to be: only what is known exactly is drawn towards.
        both = b.status == EXACT
        both &= self.a.generation == b.generation
        living = self.a.alive.nonzero()[0]
        rows = self._rows = int(living[-1]) + 1 if len(living) else 0
        if kind.teleport is not None:
            at = kind.index[kind.teleport]
            if at < len(start):
                both &= start[at] == end[at]
        lone = living[~both[living]]
        # Rows that are only dead-reckoned; None: none of them.
        self._lone: np.ndarray | None = lone if len(lone) else None
        blend = kind.blended
        # Places and rates at a and b; views, where the fields are consecutive.
        self._moves: tuple[np.ndarray, ...] | None = None
        if blend.bases is not None:
            froms, tos = start[:, :rows], end[:, :rows]
            self._moves = froms[blend.bases], tos[blend.bases], froms[blend.rates], tos[blend.rates]
        self._linear: np.ndarray | None = None
        if blend.linear is not None:
            self._linear = end[blend.linear, :rows] - start[blend.linear, :rows]
        self._cycles: list[tuple[int, np.ndarray, np.ndarray]] = []
        for at, modulus in blend.cyclic:
            cycle, half = np.array([float(modulus)]), modulus // 2
            way = (end[at, :rows] - start[at, :rows] + half) % cycle - half
            self._cycles.append((at, way, cycle))

    def _blend(self, values: np.ndarray, part: float) -> None:
        """Write the blend, `part` of the way on, into the smooth fields of `values`.

        All fields of one way of blending are done at once. Rows that are not in both come out meaningless.
        """
        blend, rows = self.kind.blended, self._rows
        if self._moves is not None:
            # The four cubic Hermite weights; the tangents are per tick, so they are scaled by the span.
            square, cube, span = part * part, part * part * part, self._span
            to_b = 3.0 * square - 2.0 * cube
            place_a, place_b, rate_a, rate_b = self._moves
            drawn = place_a * (1.0 - to_b)
            drawn += place_b * to_b
            drawn += rate_a * ((cube - 2.0 * square + part) * span)
            drawn += rate_b * ((cube - square) * span)
            values[blend.bases, :rows] = drawn
        if self._linear is not None:
            values[blend.linear, :rows] += self._linear * part
        for at, way, cycle in self._cycles:
            values[at, :rows] = (values[at, :rows] + way * part) % cycle


class _Drawn(Seen):
    """The rows of a stretch at a time, drawn when they are asked for."""

    __slots__ = ("_max_ticks", "_own", "_stretch", "_time")

    def __init__(self, stretch: Stretch, time: int, max_ticks: float) -> None:
        self.kind = stretch.kind
        self.alive = stretch.a.alive
        self.generation = stretch.a.generation
        self._values = None
        self._stretch = stretch
        self._time = time
        self._max_ticks = max_ticks
        self._own: tuple[int, np.ndarray] | None = None  # what was put before anything was drawn

    @property
    def values(self) -> np.ndarray:
        if self._values is None:
            self._values = self._stretch.values(self._time, self._max_ticks)
            if self._own is not None:
                super().put(*self._own)
        return self._values

    def put(self, row: int, column: np.ndarray) -> None:
        if self._values is not None or self._own is not None:
            super().put(row, column)
            return
        self._own = row, column.copy()
        self._let_live(row)

    def told(self, at: int, row: int) -> int:
        drawn = self._values is not None or self._own is not None
        return int((self.values if drawn else self._stretch.a.state).item(at, row))


def stretch_between(
    kind: Kind,
    history: History | Received,
    tick_a: int,
    tick_b: int | None,
    held: Held | None = None,
    coast: Coasting | None = None,
) -> Stretch | None:
    """Return the stretch from snapshot `tick_a` towards `tick_b` (None: only ever past a), None when one isn't held."""
    slot_a = history.slot(tick_a)
    if slot_a is None:
        return None
    a = history.rows(slot_a)
    if held is not None:
        a = KindRows(a.state, held[0].copy(), a.generation)
    if tick_b is None:
        return Stretch(kind, tick_a, a, coast=coast)
    slot_b = history.slot(tick_b)
    if slot_b is None:
        return None
    b = history.rows(slot_b)
    if held is not None and held[1] is not None:
        b = KindRows(b.state, held[1].copy(), b.generation)
    return Stretch(kind, tick_a, a, tick_b - tick_a, b, coast)


def _reckon(kind: Kind, values: np.ndarray, ticks: float) -> None:
    how = kind.reckonings[len(values)]
    if ticks != 0.0 and how.bases is not None:
        values[how.bases] += values[how.rates] * ticks
