"""Time as an argument: the clocks, and the ticker that turns time into fixed steps.

Nothing below the entry points reads a clock; they are handed `now`, in monotone seconds. This module is where the
number comes from: `SystemClock` in a live process, `VirtualClock` in tests and the lab, where an hour passes in
however long its work takes. After trio's MockClock: virtual time is a public tool, not a test's private trick.
"""

from __future__ import annotations

import time
from math import floor
from typing import Protocol

from engine.errors import UsageError


class Clock(Protocol):
    """Where `now` comes from."""

    def now(self) -> float:
        """Return monotone seconds; only differences mean anything."""
        ...

    def unix_time(self) -> float:
        """Return seconds since 1970 UTC, for the expiry stamps of connect tokens."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.perf_counter()

    def unix_time(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Sleep `seconds`; nothing when it is not positive."""
        if seconds > 0:
            time.sleep(seconds)


class VirtualClock:
    """A clock that moves only when told to.

    `unix_start` is the unix time at `now() == 0`; a fixed one makes a run's tokens, and so its bytes, the same.
    """

    def __init__(self, start: float = 0.0, unix_start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._unix_start = unix_start

    def now(self) -> float:
        return self._now

    def unix_time(self) -> float:
        return self._unix_start + self._now

    def advance_to(self, now: float) -> None:
        """Move to `now`. Raises UsageError when that lies in the past."""
        if now < self._now:
            raise UsageError(f"a clock does not run backwards: from {self._now} to {now}")
        self._now = now


class Ticker:
    """Tells how many fixed steps are due.

    A caller that fell behind catches up at most `max_catch_up` steps at once; the time beyond that is given up (the
    schedule slips and `skipped` counts the steps), because a server that runs every missed step after a pause only
    falls further behind. Step n of an unslipped schedule falls exactly on `start + n / hz`: no error accumulates.
    """

    def __init__(self, hz: float, start: float, max_catch_up: int = 5) -> None:
        if not hz > 0:
            raise UsageError(f"hz must be positive, got {hz}")
        if max_catch_up < 1:
            raise UsageError(f"max_catch_up must be at least 1, got {max_catch_up}")
        self._hz = hz
        self._start = start
        self._count = 0
        self._max_catch_up = max_catch_up
        self.skipped = 0

    @property
    def next_time(self) -> float:
        """When the next step is due."""
        return self._start + self._count / self._hz

    def due(self, now: float) -> int:
        """Return how many steps to run at `now` (0 or more) and count them as run."""
        # The tolerance keeps a wake-up exactly on time from being read as a hair too early.
        steps = floor((now - self._start) * self._hz + 1e-6) + 1 - self._count
        if steps <= 0:
            return 0
        if steps > self._max_catch_up:
            missed = steps - self._max_catch_up
            self.skipped += missed
            self._start += missed / self._hz
            steps = self._max_catch_up
        self._count += steps
        return steps
