"""Own shots and what became of them: the picture each was aimed in, kept until the server's verdict comes.

A verdict says when the server judged, and how far back. Where the target was then is not on the wire, and need not be:
the server rewinds in the same published snapshots that the client holds. A view it accepted is the very picture
that was drawn here, bit for bit; one it cut to the rewind limit, or refused, is sampled again here at the time that it
judged by. What it does not do: believe a verdict whose snapshots are gone; that one is told in words alone.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.game import Verdict
from engine.world.picture import VIEW_UNITS, Picture, Seen, View
from game.schema import TURN
from game.view.scene import ShotVerdict

FRAMES_KEPT = 512
"""Drawn pictures remembered: two seconds at 240 frames a second, longer than any verdict that still tells anything."""

AIMED_WITHIN = 120.0
"""Map pixels beside the line of fire within which somebody counts as the one aimed at."""

SHOTS_KEPT = 24

Sampler = Callable[[View], Seen | None]
"""Gives the players as the snapshots held here have them in a view; None when they are not held."""


class Judgement(Protocol):
    """A verdict as the session tells it: `engine.wire.messages.Judged`. Ages in 1/256 tick; hit: -1 for none."""

    @property
    def tick(self) -> int: ...

    @property
    def hit(self) -> int: ...

    @property
    def reason(self) -> str: ...

    @property
    def claimed_age(self) -> int: ...

    @property
    def allowed_age(self) -> int: ...

    @property
    def clamped(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What a frame showed. newest_input: the tick of the newest input made before it was seen."""

    newest_input: int
    view: View
    x: np.ndarray
    y: np.ndarray
    living: np.ndarray
    own: tuple[float, float, float]


class ShotBook:
    """Remembers frames, and turns the server's verdicts into what the overlay draws."""

    def __init__(self) -> None:
        self.shots: deque[ShotVerdict] = deque(maxlen=SHOTS_KEPT)
        self._drawn: deque[_Drawn] = deque(maxlen=FRAMES_KEPT)

    def drew(self, picture: Picture | None, newest_input: int) -> None:
        """Take a frame's picture; `newest_input`: the tick of the newest input, made before it was seen."""
        if picture is None or picture.own is None or picture.own_row is None or "player" not in picture.kinds:
            return
        players, own = picture["player"], picture.own
        living = players.alive & (players["health"] > 0)
        living[picture.own_row] = False
        at = (float(own["x"][0]), float(own["y"][0]), float(own["aim"][0]) * 2.0 * math.pi / TURN)
        self._drawn.append(_Drawn(newest_input, picture.view, players["x"], players["y"], living, at))

    def judged(
        self, verdicts: Iterable[Judgement], shooter: int, time: float, snapshot_every: int, sample: Sampler
    ) -> None:
        """Take verdicts on shots of player row `shooter` that came at `time`."""
        for told in verdicts:
            verdict = Verdict(
                tick=told.tick,
                shooter=shooter,
                hit=None if told.hit < 0 else told.hit,
                reason=told.reason,
                claimed_age=told.claimed_age / VIEW_UNITS,
                allowed_age=told.allowed_age / VIEW_UNITS,
                clamped=told.clamped,
            )
            # An input answers the picture that was on the screen when it was made.
            frame = next((drawn for drawn in reversed(self._drawn) if drawn.newest_input < told.tick), None)
            target = None if frame is None else _target(frame, verdict.hit)
            drawn = judged = None
            if frame is not None and target is not None:
                drawn = (float(frame.x[target]), float(frame.y[target]))
                judged = drawn
                if told.allowed_age != told.claimed_age:
                    judged = _place(sample(_view(told, snapshot_every)), target)
            self.shots.append(ShotVerdict(verdict, time, target, drawn, judged))


def _target(frame: _Drawn, hit: int | None) -> int | None:
    """Return whom a shot was meant for: whom it hit, else whom it was aimed at."""
    if hit is not None:
        return hit if 0 <= hit < len(frame.living) else None
    return aimed_at(frame.x, frame.y, frame.living, frame.own)


def aimed_at(x: np.ndarray, y: np.ndarray, living: np.ndarray, own: tuple[float, float, float]) -> int | None:
    """Return which of the `living` at `x`, `y` is nearest to the line of fire; None when nobody is near it.

    own: where the shooter stands, and its angle in radians.
    """
    own_x, own_y, angle = own
    dx, dy = math.cos(angle), math.sin(angle)
    along = (x - own_x) * dx + (y - own_y) * dy
    beside = np.abs((x - own_x) * dy - (y - own_y) * dx)
    beside[~living | (along <= 0.0)] = np.inf
    nearest = int(beside.argmin())
    return nearest if beside[nearest] <= AIMED_WITHIN else None


def _view(told: Judgement, every: int) -> View:
    """Return the view that the server judged in: at the rewind limit, or in the present."""
    time = told.tick * VIEW_UNITS - told.allowed_age
    tick_a = time // VIEW_UNITS // every * every
    return View(tick_a, tick_a + every if told.clamped else None, time)


def _place(players: Seen | None, row: int) -> tuple[float, float] | None:
    if players is None or not 0 <= row < len(players.alive) or not players.alive[row]:
        return None
    return float(players["x"][row]), float(players["y"][row])
