from __future__ import annotations

import pytest

from game.view.pace import Pacer


@pytest.mark.parametrize("hz", [60.0, 144.0, 240.0])
def test_late_wake_ups_do_not_add_up(hz: float) -> None:
    pacer, now, frames = Pacer(hz), 0.0, 0
    while now < 2.0:
        # A frame of 2 ms, and a wake-up some 0.3 ms late.
        now = max(now + 0.002, pacer.next_time(now + 0.002)) + 0.0003 * (frames % 3)
        frames += 1
    assert frames == pytest.approx(2.0 * hz, abs=2)


def test_a_frame_that_is_late_is_not_caught_up() -> None:
    pacer = Pacer(100.0)
    pacer.next_time(0.0)
    assert pacer.next_time(0.001) == pytest.approx(0.01)
    assert pacer.next_time(0.5) == 0.5
    assert pacer.next_time(0.501) == pytest.approx(0.51)


def test_another_rate_is_taken_at_once() -> None:
    pacer = Pacer(100.0)
    pacer.next_time(0.0)
    pacer.set_hz(50.0)
    assert pacer.next_time(0.001) == pytest.approx(0.02)
