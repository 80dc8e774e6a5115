"""The own row, ahead of the server: predict with the game's own rules, compare with what the server says, correct.

Every predicted state is kept by its tick until the server's snapshot for that tick comes. Equal: forget up to there.
Unequal: take the server's row, resimulate the inputs since, and let the difference of what was *drawn* decay. State
lies on the integer grid, so equal means equal. Source: Bernier 2001, Gambetta; the exactness is ours.

Where a snapshot shows that the server plays without our inputs, it goes on so until it hears of us again, which takes
half a round trip at least: so long the rest is predicted with what stands in for them, too. To insist on inputs that it
does not have would be contradicted by every snapshot until it has them.

A correction in a snapshot whose `shove` field changed was caused from outside (knockback, respawn) and is not a
misprediction. Fields the client does not predict (health, score) are simply taken over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.game import Game, stand_in
from engine.world.table import Rows

_SNAP = 256.0
"""Game units (px) of drawn offset beyond which it is dropped: sliding that far looks worse than a cut."""
_LARGE = 16.0
"""Game units of drawn offset that decay fast; what is below decays slowly, unseen."""
_FAST = 18.0
"""Per second; a large offset halves in 40 ms: its wrongness is worse than its motion."""
_SLOW = 7.0
"""Per second; a small offset halves in 100 ms."""
_SILENT_TICKS = 2
"""Ticks by which the newest input that the server has may be behind its own tick, before it counts as without: a frame
that came a hair late, or a packet, is over before it can be told."""
_UNSEEN = 0.02
"""Game units of drawn offset that are dropped: a fiftieth of a pixel."""


Watch = Callable[[int, Rows, Rows, Rows], None]
"""Told of each tick that is predicted, the first time or again: the tick, the own row before and after, the input."""


@dataclass(slots=True)
class PredictionFigures:
    """Counts since the start. corrections: mispredictions; shoved: corrections explained from outside."""

    corrections: int = 0
    shoved: int = 0
    resimulated_ticks: int = 0
    largest_error: float = 0.0


class Prediction:
    """One player's own row.

    repeat_ticks: for how many ticks the server repeats an input where the next are missing; then it has none.
    """

    def __init__(
        self, game: Game, max_resimulated_ticks: int, watch: Watch | None = None, repeat_ticks: int = 0
    ) -> None:
        self._game = game
        self._watch = watch
        self._kind = game.player
        self._max = max_resimulated_ticks
        fields = self._kind.owner_count
        self._predicted = self._kind.predicted[:fields]
        # What a player does, and nothing that moves it changes.
        self._deeds = self._predicted.copy()
        for moving in self._kind.rated:
            self._deeds[moving[moving < fields]] = False
        self._smooth = [
            at for at, field in enumerate(self._kind.fields[:fields]) if field.smooth and field.rate is not None
        ]
        self._units = [self._kind.fields[at].precision for at in self._smooth]
        self._shove = self._role(self._kind.shove)
        self._teleport = self._role(self._kind.teleport)
        # The newest predicted row and the one a tick older, `(owner_fields, 1)`. An array is never written again once
        # it stands here or in `_states`: the next tick is predicted on a copy.
        self._newest: np.ndarray | None = None
        self._before: np.ndarray | None = None
        self.tick = -1
        """The newest predicted tick; -1 before the first snapshot."""
        self._states: dict[int, np.ndarray] = {}
        self._inputs: dict[int, np.ndarray] = {}
        self._idle = np.zeros((len(game.input.fields), 1), np.int32)
        self._input_kind = game.input
        self._repeat_ticks = repeat_ticks
        # The last input that the server is known to have had in time, while it has later ones too late or not at all;
        # and up to which tick it is thought to play without any.
        self._in_time: int | None = None
        self._without_until = -1
        self._confirmed = -1
        self._confirmed_shove = 0
        self._offset = [0.0] * len(self._smooth)
        self.figures = PredictionFigures()

    def _role(self, name: str | None) -> int | None:
        if name is None or self._kind.index[name] >= self._kind.owner_count:
            return None
        return self._kind.index[name]

    @property
    def started(self) -> bool:
        """Tell whether there is a row to predict."""
        return self._newest is not None

    def state(self) -> np.ndarray | None:
        """The newest predicted own row, `(owner_fields,) int32`, a view."""
        return None if self._newest is None else self._newest[:, 0]

    def advance(self, tick: int, values: tuple[int, ...]) -> None:
        """Predict `tick` with the input `values`. Without a row yet the input is only remembered."""
        inputs = np.array(values, np.int32)[:, None]
        self._inputs[tick] = inputs
        self._inputs.pop(tick - 2 * self._max, None)
        if self._newest is None:
            return
        if tick != self.tick + 1:
            self._bridge(tick)
        self._predict(tick, self._played(tick))
        self._states.pop(tick - 2 * self._max, None)

    def reconcile(self, tick: int, own: np.ndarray, heard: int | None = None, trip: int = 0) -> bool:
        """Compare with the server's own row at `tick`, `(owner_fields,) int32`, and correct what follows from it.

        heard: the newest input that the server had by then; None: not known. trip: ticks that an input takes there.

        Returns whether all the player did is as predicted: at most, something else has moved it or changed what it has.
        """
        if tick <= self._confirmed:
            return False
        silent = self._is_silent(tick, heard)
        shove = 0 if self._shove is None else int(own[self._shove])
        shoved = shove != self._confirmed_shove
        self._confirmed, self._confirmed_shove = tick, shove
        if self._newest is None:
            self._newest = own[:, None].copy()
            self.tick = tick
            self._resimulate(tick)
            return False
        agreed = False
        known = self._states.pop(tick, None)
        # States come in the order of their ticks; what is older than the server's word is no more use.
        while self._states and (oldest := next(iter(self._states))) < tick:
            del self._states[oldest]
        if known is not None:
            predicted = known[:, 0]
            wrong = predicted != own
            agreed = not (wrong & self._deeds).any()
            if not np.count_nonzero(wrong):
                if silent or tick >= self._without_until:
                    return True
                # As thought so far, but it has heard of us since.
            elif shoved:
                self.figures.shoved += 1
            elif (wrong & self._predicted).any():
                self.figures.corrections += 1
                error = np.abs((predicted[self._smooth] - own[self._smooth]) * self._units)
                self.figures.largest_error = max(self.figures.largest_error, float(error.max(initial=0.0)))
        before = self._newest
        jumped = self._teleport is not None and before[self._teleport, 0] != own[self._teleport]
        newest = max(self.tick, tick)
        self._without_until = tick + trip if silent else -1
        self._newest = own[:, None].copy()
        self.tick = tick
        self._resimulate(newest)
        after = self._newest
        self._offset = [
            (before.item(at, 0) * unit + offset) - after.item(at, 0) * unit
            for at, unit, offset in zip(self._smooth, self._units, self._offset, strict=True)
        ]
        if jumped or max(map(abs, self._offset), default=0.0) > _SNAP:
            self._offset = [0.0] * len(self._smooth)
        return agreed

    def _is_silent(self, tick: int, heard: int | None) -> bool:
        """Tell whether the server, which had nothing newer than the input `heard` at `tick`, plays without ours."""
        if heard is None or heard >= tick:
            self._in_time = None
            return False
        if self._in_time is None:
            self._in_time = heard
        return heard < tick - _SILENT_TICKS

    def _bridge(self, tick: int) -> None:
        """Predict the ticks up to `tick` for which no input was made: at the start, or where the clock jumped.

        The server plays them with the input before, or what the game makes of it (with none, before the first), and so
        do we.
        """
        if tick <= self.tick or tick - self.tick > self._max:
            # The clock jumped back or too far: what was predicted means nothing now, the server's word will do.
            self._states.clear()
            return
        repeated = stand_in(self._game, self._inputs.get(self.tick, self._idle))
        for between in range(self.tick + 1, tick):
            self._inputs.setdefault(between, repeated if between - self.tick <= self._repeat_ticks else self._idle)
        self._resimulate(tick - 1)

    def _resimulate(self, newest: int) -> None:
        """Predict again from the row as it stands at `self.tick` through `newest`."""
        begin = self.tick
        self._before = self._newest
        for tick in range(begin + 1, min(newest, begin + self._max) + 1):
            self._predict(tick, self._played(tick))
            self.figures.resimulated_ticks += 1

    def _played(self, tick: int) -> np.ndarray:
        """Return what the server plays `tick` with, as far as we know, `(input_fields, 1) int32`."""
        since = self._in_time
        if since is not None and since < tick <= self._without_until:
            played = tick - since <= self._repeat_ticks
            return stand_in(self._game, self._inputs.get(since, self._idle)) if played else self._idle
        return self._inputs.get(tick, self._idle)

    def _predict(self, tick: int, inputs: np.ndarray) -> None:
        """Predict `tick`, the one after `self.tick`, with `inputs`, `(input_fields, 1) int32`."""
        assert self._newest is not None
        state = self._newest.copy()
        after, given = Rows(self._kind, state), Rows(self._input_kind, inputs)
        self._game.predict(after, given, tick)
        if self._watch is not None:
            self._watch(tick, Rows(self._kind, self._newest), after, given)
        self._before, self._newest = self._newest, state
        self._states[tick] = state
        self.tick = tick

    def drawn(self, part: float, elapsed: float, smooth: bool = True) -> np.ndarray | None:
        """Return the own row to draw, `(owner_fields,) float64` in grid units, `elapsed` seconds after the last call.

        part: how far, 0..1, the lead clock is into the tick after the newest: the row is drawn between the two newest.
        Below 0 it is drawn between older ones, as far as they are kept: an input delay. smooth: let the offset of a
        correction fade; else it is dropped at once.
        """
        if self._newest is None or self._before is None:
            return None
        size = max(map(abs, self._offset), default=0.0)
        if size > 0.0:
            rate = _FAST if size > _LARGE else _SLOW
            kept = max(0.0, 1.0 - rate * elapsed) if smooth and size >= _UNSEEN else 0.0
            self._offset = [offset * kept for offset in self._offset]
        before, newest, part = self._pair(part)
        # A handful of numbers: in plain Python they cost a third of what arrays of one element do.
        values = newest[:, 0].astype(np.float64)
        between = self._teleport is None or before.item(self._teleport, 0) == values.item(self._teleport)
        part = min(max(part, 0.0), 1.0)
        for at, unit, offset in zip(self._smooth, self._units, self._offset, strict=True):
            drawn = values.item(at)
            if between:
                was = before.item(at, 0)
                drawn = was + part * (drawn - was)
            values[at] = drawn + offset / unit
        return values

    def _pair(self, part: float) -> tuple[np.ndarray, np.ndarray, float]:
        """Return the two states to draw between, and how far it is from the first to the second."""
        assert self._newest is not None
        assert self._before is not None
        tick = self.tick
        pair = self._before, self._newest
        while part < 0.0:
            tick -= 1
            older = self._states.get(tick - 1)
            if older is None:
                return pair[0], pair[0], 1.0  # the oldest that is kept
            pair = older, pair[0]
            part += 1.0
        return *pair, part
