"""How early inputs must be sent on a line: which slack counts, of all that the server reports.

Slack is by how many ticks a packet of inputs came before it was needed. The least of these counts, in ticks of a clock
that is never corrected:

    waves   the second lowest of the last 20 seconds, a second being its lowest report: one outlier moves nothing, a
            recurring wave of jitter does. Followed down to 9 ticks below the usual second
    storm   where waves come again and again, the lowest of a minute: there stalls are the usual. Down to 24 ticks
    rough   where even ordinary packets are late by ticks, what is to be expected and was not met yet. Lateness is
            skewed, so it is taken as lognormal, and its far quantile follows from two near ones. It knows a bad line
            after two seconds, which the other two learn by being late. Down to 36 ticks below the earliest
    route   the third lowest of the last 8 reports: the line has just become longer

All of it is forgotten when every recent report is far earlier than any before. No line does that: the server stood
still or skipped ticks, and what was measured is of another schedule.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from math import inf

_BUCKET = 1.0
"""Seconds over which the tightest slack is taken as one value."""
_BUCKETS = 20
"""Latest buckets of which the second lowest counts. With 8 of them a line whose bursts come every ten seconds was found
out anew each time."""
_BUCKETS_KEPT = 60
"""Buckets kept, to tell a stormy line by."""
WAVE_TICKS = 9.0
"""How far beyond the usual a recurring wave is followed, 150 ms at 60 Hz. What is later than that is a stall: to wait
for it all the time would cost more than to be without for once."""
_STORM_WAVES, _STORM_DEPTH_TICKS = 3, 6.0
"""With so many waves in what is kept, so far beyond the usual, a line is stormy."""
_STORM_TICKS = 24.0
"""How far beyond the usual waves are followed there."""
_ROUGH_REPORTS = 300
"""Latest reports by whose spread a line is judged, ten seconds at 30 snapshots a second."""
_ROUGH_REPORTS_LEAST = 10
"""Of a second, for it to be judged by."""
_EARLIEST = 3
"""Latest seconds whose earliest report is the line's."""
_ROUGH_TICKS = 4.0
"""Lateness that one report in ten exceeds on a rough line, 67 ms at 60 Hz. What is less is followed as it shows itself:
exponential jitter of 20 ms would be taken for far worse than it is, and a longer route for a rough one."""
_SHOWN_SECONDS = 2
"""Seconds of the latest ten that must show it: one alone is a line that became longer within it."""
_ROUGH_LEAST_TICKS = 1.0
"""The median lateness at least: a report is a whole tick, so less is not known."""
_BEYOND_TICKS = 36.0
"""How far below the earliest reports the expected ones are followed, 600 ms: the ring of the server holds 64."""
_NEAR_DEVIATIONS, _FAR_DEVIATIONS = 1.2816, 3.6
"""Standard deviations of the quantile measured, one in ten, and of the one to be met, one report in 6,000."""
_RECENT = 8
"""Latest reports looked at by themselves, to react to a changed route within some tenths of a second."""
_SHIFT_TICKS = 30.0
"""Ticks by which all recent reports are earlier than any before when the schedule is another."""


class SlackWatch:
    """See the module. `take` reports as they come."""

    def __init__(self) -> None:
        # Number, lowest, and highest of those that are no longer recent.
        self._buckets: deque[tuple[float, float, float]] = deque(maxlen=_BUCKETS_KEPT)
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._second: deque[float] = deque(maxlen=_ROUGH_REPORTS)  # of the newest bucket
        self._lateness: deque[float] = deque(maxlen=_ROUGH_REPORTS)  # behind the earliest of its second
        self._shown: deque[bool] = deque(maxlen=10)  # by a second, that the line is rough
        self._earliest: deque[float] = deque(maxlen=_EARLIEST)  # of the seconds
        self._lowest = 0.0  # what counts of the buckets
        self._beyond: float | None = None  # how far below the earliest a rough line goes; None: it is not rough

    def clear(self) -> None:
        """Forget everything."""
        self._buckets.clear()
        self._recent.clear()
        self._second.clear()
        self._lateness.clear()
        self._shown.clear()
        self._earliest.clear()
        self._beyond = None

    def take(self, now: float, slack: float) -> float:
        """Take a report, and return the slack that counts."""
        if self._is_of_another_schedule(slack):
            self.clear()
        self._note(now // _BUCKET, slack)
        low = self._lowest
        if self._beyond is not None:
            low = min(low, max(self._earliest) - self._beyond)
        if len(self._recent) == _RECENT:
            low = min(low, sorted(self._recent)[_RECENT // 4])
        return low

    def _is_of_another_schedule(self, slack: float) -> bool:
        """Tell whether this report and all recent ones are far earlier than those before them."""
        before = self._recent[0] if len(self._recent) == _RECENT else -inf
        self._recent.append(slack)
        if before == -inf:
            return False
        number, low, high = self._buckets[-1]
        self._buckets[-1] = number, low, max(high, before)
        return min(self._recent) > max(high for _, _, high in self._buckets) + _SHIFT_TICKS

    def _note(self, number: float, slack: float) -> None:
        if not self._buckets or self._buckets[-1][0] != number:
            self._judge_second()
            self._buckets.append((number, slack, -inf))
            self._lowest = self._low()
        elif slack < self._buckets[-1][1]:
            self._buckets[-1] = number, slack, self._buckets[-1][2]
            self._lowest = self._low()
        self._second.append(slack)

    def _low(self) -> float:
        """Return what counts of the buckets."""
        kept = [low for _, low, _ in self._buckets]
        lows = sorted(kept)
        usual = lows[len(lows) // 2]
        deep = usual - _STORM_DEPTH_TICKS
        # A wave that spans two buckets is one.
        if sum(low < deep <= before for before, low in pairwise([deep, *kept])) >= _STORM_WAVES:
            return max(lows[0], usual - _STORM_TICKS)
        lows = sorted(kept[-_BUCKETS:])
        return max(lows[min(1, len(lows) - 1)], lows[len(lows) // 2] - WAVE_TICKS)

    def _judge_second(self) -> None:
        """Take the second that is over, and say how far a rough line will go below its earliest sooner or later.

        Lateness is counted within a second each, so that a line which becomes longer or shorter is not rough for it.
        """
        if len(self._second) < _ROUGH_REPORTS_LEAST:
            self._second.clear()
            return
        earliest = sorted(self._second)[-2]  # but for an outlier
        self._earliest.append(earliest)
        lateness = [earliest - slack for slack in self._second]
        self._second.clear()
        self._lateness.extend(lateness)
        self._shown.append(_exceeded(sorted(lateness), 10) >= _ROUGH_TICKS)
        lateness = sorted(self._lateness)
        near, median = _exceeded(lateness, 10), _exceeded(lateness, 2)
        if near < _ROUGH_TICKS or sum(self._shown) < _SHOWN_SECONDS:
            self._beyond = None
            return
        skew = max(near / max(median, _ROUGH_LEAST_TICKS), 1.0)
        self._beyond = min(near * skew ** (_FAR_DEVIATIONS / _NEAR_DEVIATIONS - 1.0), _BEYOND_TICKS)


def _exceeded(ascending: list[float], one_in: int) -> float:
    """Return what one in so many of the numbers reaches."""
    return ascending[len(ascending) - 1 - (len(ascending) - 1) // one_in]
