"""When frames are due: evenly, and no more often than asked for.

The times lie on one line, `1 / hz` apart. Adding that to whenever the last frame began instead would add each wake-up's
lateness to the period: 144 would come out as 130, and unevenly. A frame that is late is not caught up.
"""

from __future__ import annotations


class Pacer:
    """At most `hz` frames a second."""

    def __init__(self, hz: float) -> None:
        self._period = 1.0 / hz
        self._due: float | None = None

    def set_hz(self, hz: float) -> None:
        """Take another rate from the next frame on."""
        self._period = 1.0 / hz

    def next_time(self, now: float) -> float:
        """Return when the next frame is due; call it once at the end of each frame."""
        due = now if self._due is None else self._due + self._period
        # A whole period late: the line begins anew here.
        self._due = now if due < now - self._period else due
        return self._due
