"""The client's two clocks against a small server and a made-up path, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np
import pytest

from engine.client.timeline import LeadClock, ViewClock
from engine.config import ClientConfig

HZ = 60
EVERY = 2
REDUNDANT = 48

Delay = Callable[[float, np.random.Generator], float]
"""Seconds a datagram sent at a time is under way."""


def steady(delay: float) -> Delay:
    return lambda now, random: delay


def jittery(delay: float, mean: float) -> Delay:
    return lambda now, random: delay + random.exponential(mean)


def stepping(before: float, after: float, at: float = 10.0) -> Delay:
    return lambda now, random: before if now < at else after


def stalling(delay: float, *stalls: tuple[float, float]) -> Delay:
    """All that is sent during a stall arrives at its end."""
    return lambda now, random: next((end - now for begin, end in stalls if begin <= now < end), 0.0) + delay


def bunched(delay: float, every: float) -> Delay:
    """What is sent is let through only at multiples of `every`."""
    return lambda now, random: delay + every - now % every


@dataclass(slots=True)
class LeadRun:
    """times, lead: one of each frame, lead in ticks ahead of the server's. missing: (time, was it) of each tick."""

    clock: LeadClock
    times: list[float] = field(default_factory=list)
    lead: list[float] = field(default_factory=list)
    missing: list[tuple[float, bool]] = field(default_factory=list)

    def misses(self, begin: float, end: float) -> int:
        return sum(missed for at, missed in self.missing if begin <= at < end)

    def leads(self, begin: float, end: float) -> np.ndarray:
        return np.array([lead for at, lead in zip(self.times, self.lead, strict=True) if begin <= at < end])


def run_lead(
    up: Delay,
    down: Delay,
    *,
    rtt: float,
    seconds: float = 20.0,
    loss: float = 0.0,
    frame_hz: float = 60.0,
    pace: float = 1.0,
) -> LeadRun:
    """Play a client against a server that steps tick n at n / 60 s; `pace`: how fast the client's own clock runs."""
    random = np.random.default_rng(1)
    run = LeadRun(LeadClock(ClientConfig(), HZ))
    clock = run.clock
    inputs: list[tuple[float, int, list[int]]] = []
    snapshots: list[tuple[float, int, int, float | None]] = []
    had: set[int] = set()
    newest, slack, last, first, count, server_tick, frames = -1, None, -1, 0, 0, 0, 0
    while True:
        step_at, frame_at = (server_tick + 1) / HZ, 0.013 + frames / frame_hz
        now = min(step_at, frame_at)
        if now >= seconds:
            return run
        count += 1
        if step_at <= frame_at:
            server_tick += 1
            while inputs and inputs[0][0] <= now:
                ticks = heappop(inputs)[2]
                early = float(ticks[-1] - server_tick)
                slack = early if slack is None else min(slack, early)
                newest = max(newest, ticks[-1])
                had.update(tick for tick in ticks if tick >= server_tick)
            if clock.started and server_tick > first:
                run.missing.append((now, server_tick not in had))
            if server_tick % EVERY == 0:
                if random.random() >= loss:
                    heappush(snapshots, (now + down(now, random), count, newest, slack))
                slack = None
            continue
        frames += 1
        local = now * pace
        while snapshots and snapshots[0][0] <= now:
            _, _, input_tick, early_by = heappop(snapshots)
            if not clock.started:
                clock.start(local, int((now - down(now, random)) * HZ), rtt)
                last, first = clock.tick - 1, clock.tick
            elif input_tick >= 0 and early_by is not None:
                clock.report(local, input_tick, early_by)
        clock.advance(local)
        if not clock.started:
            continue
        if clock.tick > last:
            for tick in range(last + 1, clock.tick + 1):
                clock.made(tick)
            last = clock.tick
            if random.random() >= loss:
                heappush(inputs, (now + up(now, random), count, list(range(max(last - REDUNDANT, first), last + 1))))
        run.times.append(now)
        run.lead.append(clock.time - now * HZ)


def turns(lead: np.ndarray) -> int:
    """How often the clock changed between gaining and losing."""
    change = np.diff(lead)
    signs = np.sign(change[np.abs(change) > 1e-3])
    return int((np.diff(signs) != 0).sum())


@pytest.mark.parametrize(("rtt", "frame_hz"), [(0.1, 60.0), (0.1, 144.0), (0.1, 30.0), (0.02, 60.0), (0.25, 60.0)])
def test_on_a_steady_path_the_lead_settles_at_the_margin_and_stays(rtt: float, frame_hz: float) -> None:
    run = run_lead(steady(0.05), steady(0.05), rtt=rtt, frame_hz=frame_hz)
    assert run.misses(3, 20) == 0
    late = run.leads(4, 20)
    assert np.ptp(late) < 0.01
    # 3 ticks of path, a margin of 2 and a band of 1, and up to a tick of waiting for the frame and for the step.
    assert 5.0 < late.mean() < 8.0
    assert turns(run.leads(0, 20)) <= 1
    assert run.clock.jumps == 0


@pytest.mark.parametrize(("mean", "loss", "most"), [(0.005, 0.0, 9.0), (0.005, 0.1, 9.0), (0.02, 0.0, 15.0)])
def test_jitter_is_covered_without_oscillation(mean: float, loss: float, most: float) -> None:
    run = run_lead(jittery(0.04, mean), jittery(0.04, mean), rtt=0.09, loss=loss, seconds=40.0)
    assert run.misses(5, 40) <= 2
    assert turns(run.leads(5, 40)) <= 6
    assert run.leads(5, 40).max() < most
    assert run.clock.jumps == 0


@pytest.mark.parametrize(
    ("path", "rtt"), [(stepping(0.025, 0.125), 0.05), (stepping(0.125, 0.025), 0.15), (jittery(0.04, 0.02), 0.09)]
)
def test_the_rate_never_leaves_its_bounds(path: Delay, rtt: float) -> None:
    run = run_lead(path, steady(0.025), rtt=rtt)
    assert run.clock.jumps == 0
    elapsed, gained = np.diff(run.times) * HZ, np.diff(run.lead)
    assert (gained >= -0.1 * elapsed - 1e-9).all()
    # Faster only while inputs come too late: for some tenths of a second, after the way has grown longer.
    fast = gained > 0.1 * elapsed + 1e-9
    assert (gained <= 0.5 * elapsed + 1e-9).all()
    assert not fast.any() or 10.0 < min(np.array(run.times)[1:][fast]) < max(np.array(run.times)[1:][fast]) < 10.6


@pytest.mark.parametrize(
    ("up", "down", "most"),
    [
        (stepping(0.025, 0.075), steady(0.025), 30),
        (stepping(0.025, 0.075), stepping(0.025, 0.075), 35),
        (stepping(0.025, 0.125), steady(0.025), 35),
    ],
)
def test_after_the_way_grows_longer_it_recovers_within_a_second(up: Delay, down: Delay, most: int) -> None:
    run = run_lead(up, down, rtt=0.05)
    assert run.misses(2, 10) == 0
    assert run.misses(10, 20) <= most
    assert run.misses(11.1, 20) == 0
    assert turns(run.leads(9, 20)) <= 1


def test_after_the_way_grows_shorter_the_lead_comes_down_in_a_while() -> None:
    run = run_lead(stepping(0.125, 0.025), steady(0.025), rtt=0.15, seconds=36.0)
    assert run.misses(2, 24) == 0
    assert run.leads(34, 36).max() < run.leads(8, 10).min() - 4


def test_a_far_too_short_start_jumps_once_and_is_well() -> None:
    run = run_lead(jittery(0.2, 0.005), jittery(0.2, 0.005), rtt=0.1)
    assert run.clock.jumps == 1
    assert run.misses(2, 20) == 0


@pytest.mark.parametrize("path", [stalling(0.04, (10.0, 13.0)), stalling(0.04, (10.0, 10.5), (13.0, 13.5))])
def test_a_stall_makes_inputs_late_but_does_not_move_the_clock_far(path: Delay) -> None:
    run = run_lead(path, steady(0.04), rtt=0.08, seconds=38.0)
    assert run.clock.jumps == 0
    assert run.misses(13.6, 38) == 0
    assert run.leads(10, 38).max() < run.leads(8, 10).max() + 10
    assert run.leads(36, 38).max() < run.leads(8, 10).max() + 2


def test_a_line_on_which_stalls_keep_coming_is_stormy_and_they_are_waited_for() -> None:
    stalls = tuple((at, at + 0.25) for at in np.arange(10.0, 100.0, 6.0).tolist())
    run = run_lead(stalling(0.04, *stalls), steady(0.04), rtt=0.08, seconds=100.0)
    # The first ones make inputs late, and those up to the third are followed for 9 ticks at most.
    assert run.misses(10, 11) >= 8
    assert run.leads(10, 22).max() < run.leads(8, 10).max() + 10
    assert run.misses(29, 100) == 0
    assert run.leads(29, 100).max() < run.leads(8, 10).max() + 16
    assert run.clock.jumps == 0


@pytest.mark.parametrize("pace", [0.998, 1.002])
def test_a_clock_that_runs_wrong_is_followed(pace: float) -> None:
    run = run_lead(steady(0.05), steady(0.05), rtt=0.1, seconds=60.0, pace=pace)
    # A clock that runs slow is late by a tick now and then, before the next report turns it up.
    assert run.misses(5, 60) <= 3
    assert np.ptp(run.leads(10, 60)) < 2.5


def test_nothing_happens_before_the_start() -> None:
    clock = LeadClock(ClientConfig(), HZ)
    clock.advance(1.0)
    clock.report(1.0, 5, -3.0)
    assert (clock.started, clock.time) == (False, 0.0)


@dataclass(slots=True)
class ViewRun:
    clock: ViewClock
    times: list[float] = field(default_factory=list)
    readings: list[float] = field(default_factory=list)
    dry: list[bool] = field(default_factory=list)

    def behind(self, begin: float, end: float) -> np.ndarray:
        """Ticks behind the server."""
        pairs = zip(self.times, self.readings, strict=True)
        return np.array([now * HZ - reading for now, reading in pairs if begin <= now < end])

    def dry_frames(self, begin: float, end: float) -> int:
        return sum(dry for now, dry in zip(self.times, self.dry, strict=True) if begin <= now < end)


def run_view(delay: Delay, *, seconds: float = 24.0, loss: float = 0.0, frame_hz: float = 60.0) -> ViewRun:
    """Show the snapshots of a server that sends one every 2 ticks; dry: a frame for which nothing newer was there."""
    random = np.random.default_rng(1)
    run = ViewRun(ViewClock(ClientConfig(), HZ, EVERY))
    sent = [tick for tick in range(0, int(seconds * HZ), EVERY) if random.random() >= loss]
    arrivals = sorted((tick / HZ + delay(tick / HZ, random), tick) for tick in sent)[::-1]
    newest = -1
    for frame in range(int(seconds * frame_hz)):
        now = 0.007 + frame / frame_hz
        while arrivals and arrivals[-1][0] <= now:
            tick = arrivals.pop()[1]
            run.clock.arrived(now, tick)
            newest = max(newest, tick)
        run.clock.advance(now)
        reading = run.clock.time
        if reading is not None:
            run.times.append(now)
            run.readings.append(reading)
            run.dry.append(newest <= reading)
    return run


@pytest.mark.parametrize("frame_hz", [60.0, 144.0, 30.0])
def test_the_view_is_one_interval_behind_a_steady_stream(frame_hz: float) -> None:
    run = run_view(steady(0.05), frame_hz=frame_hz)
    assert run.dry_frames(1, 24) == 0
    assert np.ptp(run.behind(3, 24)) < 0.1
    # 3 ticks of path, an interval of 2, and up to a frame before an arrival is seen.
    assert 5.0 <= run.behind(3, 24).mean() <= 7.5 + 60 / frame_hz


@pytest.mark.parametrize(
    ("path", "loss", "dry", "most"),
    [
        (jittery(0.05, 0.005), 0.0, 2, 9.0),
        (jittery(0.05, 0.02), 0.0, 5, 16.0),
        (jittery(0.05, 0.02), 0.1, 12, 18.0),
        (bunched(0.05, 0.1), 0.0, 2, 13.5),
    ],
)
def test_the_delay_is_the_interval_and_what_usually_comes_late(path: Delay, loss: float, dry: int, most: float) -> None:
    run = run_view(path, loss=loss)
    assert run.dry_frames(2, 24) <= dry
    assert run.behind(2, 24).max() <= most
    assert run.clock.jumps == 0
    assert run.clock.delay_ticks >= EVERY


@pytest.mark.parametrize(
    "path",
    [
        steady(0.05),
        jittery(0.05, 0.02),
        stepping(0.03, 0.13),
        stepping(0.13, 0.03),
        bunched(0.05, 0.1),
    ],
)
def test_the_view_never_jumps_and_its_speed_stays_in_bounds(path: Delay) -> None:
    run = run_view(path)
    assert run.clock.jumps == 0
    speed = np.diff(run.readings) / (np.diff(run.times) * HZ)
    dry = np.array(run.dry)[1:] | np.array(run.dry)[:-1]  # then it waits
    assert speed.min() >= 0.0
    assert speed[~dry].min() >= 0.9 - 1e-6
    assert speed.max() <= 1.1 + 1e-6


def test_after_the_way_grows_longer_the_view_falls_back_within_a_second() -> None:
    run = run_view(stepping(0.03, 0.13))
    assert run.dry_frames(2, 10) == 0
    assert run.dry_frames(10, 24) <= 60
    assert run.dry_frames(11, 24) == 0


@pytest.mark.parametrize("stalls", [((10.0, 10.4),), ((10.0, 10.4), (12.0, 12.4)), ((10.0, 13.0),)])
def test_the_view_waits_for_a_stall_and_catches_up(stalls: tuple[tuple[float, float], ...]) -> None:
    run = run_view(stalling(0.05, *stalls))
    long = sum(end - begin > 1.0 for begin, end in stalls)
    assert run.clock.jumps == long
    speed = np.diff(run.readings) / (np.diff(run.times) * HZ)
    assert speed.min() >= 0.0
    assert np.sort(speed)[-1 - long] <= 1.5 + 1e-6
    for begin, end in stalls:
        # Nothing newer than its begin comes before its end.
        ahead = [reading - begin * HZ for now, reading in zip(run.times, run.readings, strict=True) if now < end]
        assert max(ahead) <= 6.0
    # One that recurs is a wave, and the delay covers it.
    _, end = stalls[0]
    assert run.behind(end + 1.2, end + 1.5).max() <= run.behind(8, 10).mean() + 2.0


def test_a_stall_that_is_over_leaves_no_trace() -> None:
    run = run_view(stalling(0.05, (10.0, 13.0)))
    assert run.dry_frames(13.2, 24) == 0
    assert np.abs(run.behind(14, 24) - run.behind(8, 10).mean()).max() < 1.0


def test_there_is_no_view_before_the_first_snapshot() -> None:
    clock = ViewClock(ClientConfig(), HZ, EVERY)
    clock.advance(1.0)
    assert clock.time is None
    clock.arrived(1.0, 100)
    assert clock.time is not None
    assert clock.time < 100


def test_the_view_falls_back_by_the_interval_at_which_snapshots_come() -> None:
    clock = ViewClock(ClientConfig(), HZ, EVERY)
    now, tick = 1.0, 60
    for every, delay in ((2, 2.4), (6, 6.4), (2, 2.4)):
        for _ in range(60):
            now, tick = now + every / HZ, tick + every
            clock.arrived(now, tick)
        assert clock.delay_ticks == pytest.approx(delay)
    for lost in (1, 2, 1, 1):
        # Here and there one is lost: that is lateness, if it recurs, and no other interval.
        now, tick = now + 2 * lost / HZ, tick + 2 * lost
        clock.arrived(now, tick)
    assert clock.delay_ticks == pytest.approx(2.4)
