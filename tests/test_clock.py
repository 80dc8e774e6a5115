"""Clocks that move when told to, and a ticker that neither drifts nor runs after what it missed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import SystemClock, Ticker, VirtualClock
from engine.errors import UsageError


def test_a_virtual_clock_moves_only_when_told_to() -> None:
    clock = VirtualClock(start=5.0, unix_start=1000.0)
    assert (clock.now(), clock.unix_time()) == (5.0, 1005.0)
    clock.advance_to(7.5)
    clock.advance_to(7.5)
    assert (clock.now(), clock.unix_time()) == (7.5, 1007.5)
    with pytest.raises(UsageError):
        clock.advance_to(7.4)


def test_the_system_clock_is_monotone() -> None:
    clock = SystemClock()
    first = clock.now()
    clock.sleep(0.0)
    clock.sleep(-1.0)
    assert clock.now() >= first
    assert clock.unix_time() > 1_600_000_000


def test_a_million_ticks_do_not_drift() -> None:
    ticker = Ticker(60.0, start=100.0)
    for tick in range(1_000_000):
        assert ticker.due(100.0 + tick / 60.0) == 1
    assert ticker.next_time == 100.0 + 1_000_000 / 60.0
    assert ticker.skipped == 0


def test_the_first_step_is_due_at_the_start() -> None:
    ticker = Ticker(10.0, start=3.0)
    assert [ticker.due(now) for now in (2.9, 3.0, 3.05, 3.1, 3.35)] == [0, 1, 0, 1, 2]


def test_what_was_missed_is_caught_up_to_a_cap_and_the_rest_is_given_up() -> None:
    ticker = Ticker(10.0, start=0.0, max_catch_up=3)
    assert ticker.due(0.0) == 1
    # Two seconds of pause: steps 1 to 20 are due, three run, the schedule slips by seventeen.
    assert ticker.due(2.0) == 3
    assert ticker.skipped == 17
    assert ticker.due(2.0) == 0
    assert ticker.next_time == pytest.approx(2.1)
    assert ticker.due(2.1) == 1
    assert ticker.skipped == 17


@given(st.lists(st.floats(0.0, 0.5), max_size=60), st.sampled_from([1.0, 7.0, 60.0, 128.0]), st.integers(1, 6))
def test_steps_run_and_skipped_are_all_there_ever_were(waits: list[float], hz: float, cap: int) -> None:
    ticker = Ticker(hz, start=0.0, max_catch_up=cap)
    now, run = 0.0, 0
    for wait in waits:
        now += wait
        due = ticker.due(now)
        assert 0 <= due <= cap
        run += due
    # Within one of what exact arithmetic says: the caller's own sum of waits is rounded too.
    assert run + ticker.skipped == pytest.approx(now * hz + 1, abs=1.001) or not waits


@pytest.mark.parametrize(("hz", "cap"), [(0.0, 5), (-1.0, 5), (float("nan"), 5), (60.0, 0)])
def test_a_ticker_refuses(hz: float, cap: int) -> None:
    with pytest.raises(UsageError):
        Ticker(hz, 0.0, cap)
