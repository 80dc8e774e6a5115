"""Input delay: inputs are sent at once, and the own row answers to them some ticks later.

What is bought with it: inputs go out that much longer before their tick, so that a late packet is less often late, and
what is predicted is that much shorter, so that corrections are smaller. It is what a player may choose, from none to
three ticks; or the client chooses: none where the line is good, and more while corrections keep coming. A change is
slewed, so that the own row never jumps by it. (Fighting games with rollback have long offered the same trade.)
"""

from __future__ import annotations

from engine.errors import UsageError

MAX_INPUT_DELAY = 3
"""Ticks; 50 ms at 60 Hz are felt, and more would be disliked more than corrections."""
AUTOMATIC = -1
"""The choice to let the client choose."""
_WATCH_SECONDS = 5.0
_MANY = 2
"""Corrections within that time after which a tick more is tried."""
_CALM_SECONDS = 30.0
"""Without any correction, after which it goes with a tick less."""
_SLEW = 0.1
"""Ticks gained or lost per tick: as the clocks are steered, it is not felt."""


class InputDelay:
    """See the module. `ticks` is what holds now, a fraction while it changes; `choice` may be set at any time."""

    def __init__(self, choice: int = 0) -> None:
        self.ticks = 0.0
        self._aim = 0
        self._choice = 0
        self._corrections = 0
        self._since = 0.0
        self._now: float | None = None
        self.choice = choice
        self.ticks = float(self._aim)

    @property
    def choice(self) -> int:
        """0 to 3 ticks, or AUTOMATIC. Setting anything else raises UsageError."""
        return self._choice

    @choice.setter
    def choice(self, choice: int) -> None:
        if not AUTOMATIC <= choice <= MAX_INPUT_DELAY:
            raise UsageError(
                f"the input delay is 0 to {MAX_INPUT_DELAY} ticks, or {AUTOMATIC}: automatic; got {choice}"
            )
        self._choice = choice
        if choice != AUTOMATIC:
            self._aim = choice

    def advance(self, now: float, tick_hz: float, corrections: int) -> None:
        """Go on to `now`; corrections: how many there have been since the start."""
        elapsed = 0.0 if self._now is None else max(now - self._now, 0.0)
        if self._now is None:
            self._since, self._corrections = now, corrections
        self._now = now
        if self._choice == AUTOMATIC:
            self._choose(now, corrections)
        most = _SLEW * elapsed * tick_hz
        self.ticks += min(max(self._aim - self.ticks, -most), most)

    def _choose(self, now: float, corrections: int) -> None:
        """Take a tick more when corrections are many, and one less when there have been none for long."""
        if corrections - self._corrections >= _MANY:
            self._aim = min(self._aim + 1, MAX_INPUT_DELAY)
        elif corrections > self._corrections:
            if now - self._since < _WATCH_SECONDS:
                return
        elif now - self._since < _CALM_SECONDS:
            return
        else:
            self._aim = max(self._aim - 1, 0)
        self._since, self._corrections = now, corrections
