"""The arithmetic of weapons, each against a plain loop or by hand."""

from __future__ import annotations

from math import cos, hypot, pi, sin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from game import weapons


def test_directions_are_unit_vectors_at_their_angles() -> None:
    table = weapons.direction_table()
    for index in range(0, weapons.DIRECTIONS, 17):
        angle = 2.0 * pi * index / weapons.DIRECTIONS
        assert table[:, index].tolist() == pytest.approx([cos(angle), sin(angle)], abs=0.6 / 32768)


def test_directions_are_the_same_on_every_machine() -> None:
    # Rounding turns at halves; a sine nearer to one than libms differ (1e-11 of a unit) would round by luck.
    exact = [sin(at * pi / 2048) * 32768 for at in range(1024)]
    assert min(abs(value % 1.0 - 0.5) for value in exact) > 1e-6
    table = weapons.direction_table() * 32768
    assert (table == np.rint(table)).all()


def test_opposite_directions_are_exactly_opposite() -> None:
    table = weapons.direction_table()
    assert (table == -np.roll(table, weapons.DIRECTIONS // 2, axis=1)).all()
    assert table[:, [0, 1024, 2048, 3072]].T.tolist() == [[1, 0], [0, 1], [-1, 0], [0, -1]]


@pytest.mark.parametrize(("aim", "index"), [(0, 0), (7, 0), (8, 1), (16384, 1024), (65535, 0), (65527, 4095)])
def test_aim_takes_the_nearest_direction(aim: int, index: int) -> None:
    assert weapons.direction_index(aim) == index


EAST = np.array([1.0, 0.0])


def trace(bodies: list[tuple[float, float]], wall: float = 1000.0, may: list[bool] | None = None) -> tuple:
    allowed = np.array(may or [True] * len(bodies), np.bool_)
    shot = weapons.trace_rail(np.array([100.0, 100.0]), EAST, wall, np.array(bodies).T.reshape(2, -1), allowed)
    return shot.hit, shot.distance, shot.reason


def test_a_rail_shot_meets_the_nearest_body_it_may() -> None:
    assert trace([(500.0, 100.0), (300.0, 100.0), (60.0, 100.0)]) == (1, 184.0, "hit")
    assert trace([(500.0, 100.0), (300.0, 100.0)], may=[True, False]) == (0, 384.0, "hit")
    assert trace([(300.0, 116.0)]) == (0, 200.0, "hit"), "just touching"
    assert trace([(300.0, 116.1)]) == (None, 1000.0, "miss")
    assert trace([(300.0, 100.0)], wall=150.0) == (None, 150.0, "wall")
    assert trace([]) == (None, 1000.0, "miss")


@given(
    st.tuples(st.floats(-60, 60), st.floats(-60, 60)),
    st.tuples(st.floats(-40, 40), st.floats(-40, 40)),
    st.tuples(st.floats(-90, 90), st.floats(-90, 90)),
    st.tuples(st.floats(-20, 20), st.floats(-20, 20)),
)
@settings(deadline=None, max_examples=150)
def test_sweep_finds_what_small_steps_find(origin: tuple, step: tuple, body: tuple, moved: tuple) -> None:
    when = weapons.sweep(*(np.array(pair).reshape(2, 1) for pair in (origin, step, body, moved)))[0, 0]
    gaps = []
    for at in range(2001):
        part = at / 2000
        rocket = origin[0] + step[0] * part, origin[1] + step[1] * part
        player = body[0] - moved[0] * (1 - part), body[1] - moved[1] * (1 - part)
        gaps.append(hypot(rocket[0] - player[0], rocket[1] - player[1]))
    first = next((at / 2000 for at, gap in enumerate(gaps) if gap <= 20.0), None)
    if first is None:
        assert when == np.inf or min(gaps) < 20.1
    else:
        assert when == pytest.approx(first, abs=1e-3) or max(gaps[0] - 20.0, min(gaps) - 19.9) < 0.1


def test_splash_falls_off_linearly_to_nothing() -> None:
    parts = weapons.splash(np.array([0.0, 16.0, 41.0, 66.0, 116.0, 500.0]))
    assert parts.tolist() == [1.0, 1.0, 0.75, 0.5, 0.0, 0.0]
