"""What a liar gains: nothing. What an honest player loses: nothing, on any link its clocks were made for."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import MatchConfig
from engine.server.plausibility import Plausibility

CONFIG = MatchConfig(tick_hz=60, snapshot_every=2)
PEER = 3


def test_a_first_shot_at_an_honest_age_is_believed() -> None:
    assert Plausibility(CONFIG).allowed(PEER, 100, 9.5, newest_acked=94, deviation=0.0) == (9.5, "")


@pytest.mark.parametrize(("deviation", "bound"), [(0.0, 6 + 13), (0.025, 6 + 13 + 6)])
def test_a_view_far_behind_what_was_acknowledged_is_moved_to_the_bound(deviation: float, bound: float) -> None:
    age, doubt = Plausibility(CONFIG).allowed(PEER, 100, 60.0, newest_acked=94, deviation=deviation)
    assert age == pytest.approx(bound)
    assert doubt == "behind"


def test_a_swing_from_shot_to_shot_gains_less_than_two_ticks() -> None:
    """A liar that alternates between the present and the past, with a rail shot each 72 ticks or a rapid one each 6."""
    for pause in (6, 72):
        judge = Plausibility(CONFIG)
        tick, ages = 1000, []
        for shot in range(20):
            age, doubt = judge.allowed(PEER, tick, 4.0 if shot % 2 else 16.0, newest_acked=tick - 6, deviation=0.0)
            ages.append(age)
            tick += pause
        steps = [abs(a - b) for a, b in pairwise(ages)]
        assert max(steps) <= 2.0 + 0.25 * pause
        if pause == 6:
            assert doubt == "swing"


@settings(deadline=None, max_examples=100)
@given(
    drift=st.lists(st.floats(-0.2, 0.2), min_size=5, max_size=40),
    pauses=st.lists(st.integers(1, 90), min_size=40, max_size=40),
)
def test_two_steered_clocks_are_never_doubted(drift: list[float], pauses: list[int]) -> None:
    judge = Plausibility(CONFIG)
    tick, age = 1000, 8.0
    for rate, pause in zip(drift, pauses, strict=False):
        tick += pause
        age = min(max(age + rate * pause, 2.0), 14.0)
        seen = round(age * 256) / 256
        assert judge.allowed(PEER, tick, seen, newest_acked=tick - 5, deviation=0.0) == (seen, "")


def test_a_new_tenant_of_a_slot_starts_afresh() -> None:
    judge = Plausibility(CONFIG)
    judge.allowed(PEER, 100, 4.0, newest_acked=96, deviation=0.0)
    assert judge.allowed(PEER, 101, 14.0, newest_acked=97, deviation=0.0)[1] == "swing"
    judge.reset(PEER)
    assert judge.allowed(PEER, 102, 14.0, newest_acked=98, deviation=0.0) == (14.0, "")
