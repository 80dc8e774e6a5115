"""One row in the air that an own input made: where and when it is drawn, from the muzzle to where it ends.

The own row is drawn ahead of the server, and the others behind it. What the own row fires begins at its muzzle, in its
time, and has to end where the others are, in theirs, because there its hit will be seen. So it flies slower at first:

    own time    --T-1--------------------------------------->   the own row is drawn here; it fires in tick T
    drawn       --T-1-.-.-.-.-.-.-.-.-.-.-.-.-.-.-.------->     PACE of the own time's speed, until ...
    view time   ------------------------------------------->    ... the view has caught up; from there on with it

The drawn time is the later of the two, nothing else: it needs no state, never runs backwards, and adoption does not
touch it. A row whose way ends at a wall flies so slowly that the view is there when it is, else it waits there.
Where a correction puts it elsewhere, it is drawn from where it was, and the difference fades.

What it does not do: know what becomes of it. That is `spawns.py`.
"""

from __future__ import annotations

from functools import partial
from math import inf

import numpy as np

from engine.world.history import History, Received
from engine.world.picture import Picture, Seen
from engine.world.schema import Kind

PACE = 0.6
"""Of its speed that a row flies with until the view has caught up: of a gap of 12 ticks (200 ms) it is rid in half a
second. Slower is seen; faster, and it is still ahead of whom it hits when it gets there."""
FADE = 0.15
"""Seconds in which a row that never was goes."""
_SNAP = 256.0
"""Game units of offset beyond which a row is put where it belongs at once: as of the own row."""
_DECAY = 10.0
"""Per second: an offset halves in 65 ms."""
_UNSEEN = 0.02
"""Game units of offset that are dropped."""


class FlightKind:
    """What a kind's rows are named by and how they move: its fields by number."""

    def __init__(self, kind: Kind, history: History | Received, owner: str, tick: str, ordinal: str | None) -> None:
        public = kind.public_count
        self.kind = kind
        self.history = history
        self.owner, self.tick = kind.index[owner], kind.index[tick]
        self.key = [self.owner, self.tick] + ([] if ordinal is None else [kind.index[ordinal]])
        self.cycle = int(kind.high[self.tick, 0]) + 1
        pairs = zip(*(rows.tolist() for rows in kind.rated), strict=True)
        self.moves = [(base, rate) for base, rate in pairs if base < public]
        self.units = [kind.fields[base].precision for base, _ in self.moves]


class Flight:
    """One such row: `tick` made it, `state` is its row at the end of tick `at`, `free_until` when it meets a wall."""

    __slots__ = (
        "alive_at",
        "at",
        "begin",
        "ended_at",
        "fading",
        "free_until",
        "generation",
        "how",
        "key",
        "number",
        "offset",
        "orphan",
        "pace",
        "place",
        "row",
        "state",
        "tick",
        "time",
    )

    def __init__(
        self,
        how: FlightKind,
        number: int,
        tick: int,
        key: tuple[int, ...],
        state: np.ndarray,
        at: int,
        free_until: float,
    ) -> None:
        self.how = how
        self.number = number
        self.tick = tick
        self.key = key
        self.state = state
        self.at = at
        self.free_until = free_until
        self.row: int | None = None  # the server's
        self.generation = -1
        self.alive_at = tick - 1  # the newest snapshot that has it
        self.ended_at: int | None = None  # the oldest one that lacks it
        self.orphan = False
        self.fading: float | None = None  # seconds left
        self.begin = tick - 1  # when it leaves the muzzle
        self.time: float | None = None  # drawn at; None: not yet
        self.pace = PACE
        self.offset = [0.0] * len(how.moves)
        self.place: int | None = None  # the row of the picture it is drawn in until there is the server's

    @property
    def pending(self) -> bool:
        """Whether the server has said nothing about it yet."""
        return self.row is None and self.ended_at is None and self.fading is None

    def places(self, time: float) -> list[float]:
        """Return its dead-reckoned fields at `time`, without the offset."""
        ticks = time - self.at
        return [self.state.item(base) + self.state.item(rate) * ticks for base, rate in self.how.moves]

    def become(self, state: np.ndarray, at: int, free_until: float) -> bool:
        """Take another state, and keep being drawn where it was; tell whether it has to move there."""
        shown = self.shown()
        self.state, self.at, self.free_until = state, at, free_until
        return shown is not None and self.comes_from(shown)

    def shown(self) -> list[float] | None:
        """Return where it was drawn last; None: it was not."""
        if self.time is None:
            return None
        return [place + offset for place, offset in zip(self.places(self.time), self.offset, strict=True)]

    def comes_from(self, shown: list[float]) -> bool:
        """Be drawn from where it was `shown` on; tell whether it was elsewhere."""
        assert self.time is not None
        self.time = min(max(self.time, self.tick - 1), self.free_until)
        now = self.places(self.time)
        self.offset = [was - new for was, new in zip(shown, now, strict=True)]
        if self._farthest() > _SNAP:
            self.offset = [0.0] * len(now)
        return any(self.offset)

    def _settle(self, elapsed: float) -> None:
        """Let the offset fade."""
        if any(self.offset):
            kept = max(0.0, 1.0 - _DECAY * elapsed) if self._farthest() >= _UNSEEN else 0.0
            self.offset = [part * kept for part in self.offset]

    def _farthest(self) -> float:
        return max((abs(part) * unit for part, unit in zip(self.offset, self.how.units, strict=True)), default=0.0)

    def moves_on(self, own_time: float, view: float, elapsed: float) -> bool:
        """Move on to the next drawn time; tell whether it is still to be drawn."""
        if self.fading is not None and self.time is not None:
            self.fading -= elapsed
            if self.fading <= 0.0:
                return False
        if self.ended_at is not None and view >= self.ended_at:
            return False
        begin, limit = self.begin, self.free_until
        if self.time is None:
            if own_time < begin:
                return True  # its time has not come: an input delay
            gap, free = max(own_time - view, 0.0), max(limit - begin, 0.0)
            if free < inf and gap > 0.0:
                self.pace = min(PACE, free / (free + gap))
            self.time = float(begin)
        else:
            self._settle(elapsed)
        if self.ended_at is not None:
            limit = min(limit, float(self.ended_at))
        time = max(view, begin + self.pace * (own_time - begin))
        self.time = max(self.time, min(time, limit))
        return True

    def column(self, time: float) -> np.ndarray:
        """Return the row as it is drawn at `time`, `(public fields,) float64`."""
        values = self.state.astype(np.float64)
        for (base, _), place, offset in zip(self.how.moves, self.places(time), self.offset, strict=True):
            values[base] = place + offset
        return values


def put(picture: Picture, name: str, flights: list[Flight]) -> None:
    """Draw `flights` in their rows of the kind `name`: the server's, or free ones."""
    seen = picture.kinds[name]
    alive, generation = seen.alive.copy(), seen.generation.copy()
    rows, columns = [], []
    for flight in flights:
        row = flight.row
        if row is not None and alive[row] and generation[row] != flight.generation:
            row = None  # the view still has the one before it in that row
        if row is None:
            if flight.place is None or alive[flight.place]:
                free = np.flatnonzero(~alive)
                if not len(free):
                    continue
                flight.place = int(free[-1])
            row = flight.place
        alive[row] = True
        generation[row] = flight.generation if row == flight.row else -1 - flight.number
        if flight.fading is not None:
            picture.fading[name, row] = flight.fading / FADE
        assert flight.time is not None
        rows.append(row)
        columns.append(flight.column(flight.time))
    if not rows:
        return
    picture.kinds[name] = Seen(seen.kind, partial(_with, seen, rows, columns), alive, generation)


def _with(seen: Seen, rows: list[int], columns: list[np.ndarray]) -> np.ndarray:
    """Return the values of `seen` with `columns` in `rows`."""
    values = seen.values if seen.values.flags.writeable else seen.values.copy()
    values[:, rows] = np.stack(columns, axis=1)
    return values
