"""The client's two clocks: how far ahead its inputs run, and how far behind it draws the others.

    server tick  ------------------ t -------------------------------->
    LeadClock                          t + lead    inputs are made for this tick now; they arrive just before it
    ViewClock        t - delay                     remote rows are drawn at this tick

Both run at the tick rate and are only ever steered: their rate changes by a few percent until the error is gone. They
jump when they are so far off that steering would take seconds (a start, a long outage), and the view never runs
backwards except in such a jump.

The lead is steered by what the server reports: by how much the tightest input packet was early. A report is a round
trip old and tells of a clock that has been corrected since; so each report is first brought to the present by adding
the corrections made after its input was sent. Without that the loop would correct the same error once per packet in
flight, and oscillate.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

from engine.client.slack import WAVE_TICKS, SlackWatch
from engine.config import ClientConfig

FAR_TICKS = 60.0
"""Slack beyond which the server keeps no inputs (64 ticks: `ServerConfig.input_ring`), nor can tell by how much."""
_RESTART_PAUSE = 0.5
"""Seconds, beyond the round trip, in which reports may still speak of inputs sent before a restart."""
_FIXED_INTERVALS = 2.0
"""Snapshot intervals of interpolation delay where it is not to adapt: one lost snapshot is bridged, as is customary."""
_GAPS = 9
"""Latest snapshots whose median distance is the interval: lost ones among them don't count, a slower rate does."""
_STEER_TIME = 0.25
"""Seconds in which a small error fades: slower is sluggish, faster is felt as a change of speed."""
_CATCH_UP = 0.5
"""Part of its speed that the lead gains at most while inputs come too late: what is predicted meanwhile is wrong, and a
tenth would make it wrong for a second."""
_VIEW_MARGIN = 0.4
"""Ticks of interpolation delay beyond the lateness measured: the frame that needs a snapshot may come a hair early. (A
quarter: 0.12 % of what is drawn on a cable has to be reckoned; 0.4: 0.08 %, for 2.4 ms.)"""
_DRY_SECONDS = 0.05
"""How far beyond the newest snapshot the view goes at most: it slows down as it comes near. What is drawn there is
reckoned, and the further the more wrongly: who turns about in Arena is 4 px off after 3 ticks, 15 px after 6. A view
that waits a little is right, and does not snap when news come."""
_HURRY_SECONDS = 0.05
_HURRY = 0.5
"""After such a wait, so far behind, the view catches up by half as fast again: the others hurry, and nobody snaps."""
_JUMP_SECONDS = 0.5
"""Off by more than this, the view jumps instead: a start, or an outage that nobody would want to watch."""
_BAND_TICKS = 1.0
"""Slack above the margin that is left alone: reports are whole ticks, so anything finer is noise."""


class LeadClock:
    """The tick inputs are made for. `start` it once; then `advance` with time and `report` what the server says."""

    def __init__(self, config: ClientConfig, tick_hz: float) -> None:
        self._config = config
        self._hz = tick_hz
        self._time = 0.0
        self._advanced_at: float | None = None
        self._adjusted = 0.0
        # Corrections made up to each recent tick: what the reports about it are brought to the present with.
        self._adjusted_at: dict[int, float] = {}
        self._slack = SlackWatch()
        self._tightest: float | None = None  # of the reports: what counts of them all
        self._restart_from = 0.0
        self.extra_margin = 0.0
        """Ticks of slack kept besides the configured margin; may be set at any time."""
        self.jumps = 0

    @property
    def started(self) -> bool:
        return self._advanced_at is not None

    @property
    def time(self) -> float:
        """The clock's reading in ticks."""
        return self._time

    @property
    def tick(self) -> int:
        """The newest tick an input is due for."""
        return int(self._time)

    def start(self, now: float, server_tick: int, rtt: float) -> None:
        """Begin so that an input sent now arrives a margin before its tick, judging by the round trip time alone."""
        self._advanced_at = now
        self._time = server_tick + rtt * self._hz + self._config.lead_margin_ticks + 2.0

    def restart(self, now: float, server_tick: int, rtt: float) -> bool:
        """Begin again when the server says that inputs are more than `FAR_TICKS` early; tell whether it was done.

        It stood still, or skipped ticks: without its keeping our inputs there is nothing to steer by. What it says of
        those still under way is waited for.
        """
        if now < self._restart_from:
            return False
        self._restart_from = now + rtt + _RESTART_PAUSE
        before = self._time
        self.start(now, server_tick, rtt)
        self._adjusted += self._time - before
        # Ticks above the new time will be made once more: what is told of them before that is of the first time.
        self._adjusted_at.clear()
        self._slack.clear()
        self._tightest = None
        self.jumps += 1
        return True

    def advance(self, now: float) -> None:
        """Move on to `now`, steering."""
        if self._advanced_at is None:
            return
        steps = (now - self._advanced_at) * self._hz
        self._advanced_at = now
        error = self._error()
        if abs(error) > self._config.jump_ticks:
            self._adjusted += error
            self._time += error
            self.jumps += 1
            error = 0.0
        most = self._config.max_steer
        rate = min(max(error / (_STEER_TIME * self._hz), -most), max(most, _CATCH_UP) if self._late() else most)
        self._adjusted += steps * rate
        self._time += steps * (1.0 + rate)

    def made(self, tick: int) -> None:
        """An input for `tick` goes out now."""
        self._adjusted_at[tick] = self._adjusted
        self._adjusted_at.pop(tick - 1024, None)

    def report(self, now: float, input_tick: int, slack_ticks: float) -> None:
        """Take the server's word that packets up to `input_tick` were `slack_ticks` early at the tightest."""
        sent = self._adjusted_at.get(input_tick)
        if sent is not None:
            # Kept relative to no correction at all, so that later corrections need no rewriting.
            self._tightest = self._slack.take(now, slack_ticks - sent)

    def _late(self) -> bool:
        """Tell whether inputs come too late as the clock stands."""
        return self._tightest is not None and self._tightest + self._adjusted < 0.0

    def _error(self) -> float:
        """By how many ticks the clock should be further on."""
        if self._tightest is None:
            return 0.0
        slack = self._tightest + self._adjusted
        margin = self._config.lead_margin_ticks + self.extra_margin
        if slack < margin:
            return margin - slack
        return min(margin + _BAND_TICKS - slack, 0.0)


class ViewClock:
    """The tick remote rows are drawn at: one interval of snapshots and the usual lateness behind the fastest ones."""

    def __init__(self, config: ClientConfig, tick_hz: float, snapshot_every: int) -> None:
        self._config = config
        self._hz = tick_hz
        self._every = snapshot_every
        # [now, latest, earliest]: how far the local clock, in ticks, was past a snapshot's tick when it came; of what
        # comes within half an interval, a burst after a stall, the latest and the earliest.
        self._arrivals: deque[list[float]] = deque()
        # Theirs, each ascending.
        self._latest: list[float] = []
        self._earliest: list[float] = []
        # Ticks between the latest snapshots: a server sends every second or third one where the path is full.
        self._newest: int | None = None
        self._gaps: deque[int] = deque(maxlen=_GAPS)
        self._fastest = 0.0
        self._delay = 0.0
        self._time: float | None = None
        self._advanced_at = 0.0
        self._waited = 0.0  # ticks by which it fell back for want of snapshots, and has not caught up
        self.jumps = 0

    @property
    def time(self) -> float | None:
        """The clock's reading in ticks; None before the first snapshot."""
        return self._time

    @property
    def delay_ticks(self) -> float:
        """The interpolation delay aimed at: ticks behind the fastest arrival."""
        return self._delay

    def arrived(self, now: float, tick: int, adaptive: bool = True) -> None:
        """A snapshot of `tick` came at `now`. adaptive: let the delay follow the lateness; else it is fixed."""
        if self._newest is None or tick > self._newest:
            if self._newest is not None:
                self._gaps.append(tick - self._newest)
            self._newest = tick
        arrivals = self._arrivals
        offset = now * self._hz - tick
        if arrivals and (now - arrivals[-1][0]) * self._hz < self._every / 2:
            group = arrivals[-1]
            if offset > group[1]:
                _remove(self._latest, group[1])
                insort(self._latest, offset)
                group[1] = offset
            elif offset < group[2]:
                _remove(self._earliest, group[2])
                insort(self._earliest, offset)
                group[2] = offset
        else:
            arrivals.append([now, offset, offset])
            insort(self._latest, offset)
            insort(self._earliest, offset)
        while arrivals[0][0] < now - self._config.lateness_window:
            _, gone_latest, gone_earliest = arrivals.popleft()
            _remove(self._latest, gone_latest)
            _remove(self._earliest, gone_earliest)
        # One stall makes one late group, however many snapshots it held up; only what recurs raises the delay.
        latest = self._latest
        self._fastest = self._earliest[0]
        count = len(latest)
        rank = min(int(self._config.lateness_quantile * (count - 1) + 0.5), max(count - 2, 0))
        late = min(latest[rank], latest[count // 2] + WAVE_TICKS)
        lateness = max(late - self._fastest, 0.0)
        interval = max(sorted(self._gaps)[len(self._gaps) // 2], self._every) if self._gaps else self._every
        self._delay = interval + lateness + _VIEW_MARGIN if adaptive else _FIXED_INTERVALS * self._every
        if self._time is None:
            self._time = self._target(now)
            self._advanced_at = now

    def advance(self, now: float) -> None:
        """Move on to `now`, steering."""
        if self._time is None or self._newest is None:
            return
        steps = (now - self._advanced_at) * self._hz
        self._advanced_at = now
        error = self._target(now) - (self._time + steps)
        most = self._config.max_steer
        if abs(error) > _JUMP_SECONDS * self._hz and (error < 0.0 or self._time < self._newest):
            self._time += steps + error
            self._waited = 0.0
            self.jumps += 1
        else:
            rate = min(max(error / (_STEER_TIME * self._hz), -most), most)
            dry = _DRY_SECONDS * self._hz
            slowed = min(max((self._newest + dry - self._time) / dry, 0.0), 1.0)
            if min(error, self._waited) > _HURRY_SECONDS * self._hz:
                rate = _HURRY
            self._waited = max(self._waited + steps * (1.0 - (1.0 + max(rate, 0.0)) * slowed), 0.0)
            self._time += steps * (1.0 + rate) * slowed

    def _target(self, now: float) -> float:
        return now * self._hz - self._fastest - self._delay


def _remove(ascending: list[float], value: float) -> None:
    """Take one `value`, which is there, out of an ascending list."""
    del ascending[bisect_left(ascending, value)]
