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
    assert weapons.direction_indices(np.array([aim], np.int32)).tolist() == [index]


EAST = np.array([1.0, 0.0])


def trace(bodies: list[tuple[float, float]], wall: float = 1000.0, may: list[bool] | None = None) -> tuple:
    """One shot from (100, 100) to the east: who was hit, how far it went, whether a wall was in the way."""
    allowed = np.array([may or [True] * len(bodies)], np.bool_)
    places = np.array(bodies).T.reshape(1, 2, -1)
    one = np.array([[100.0], [100.0]]), np.array([[1.0], [0.0]]), np.array([2000.0]), np.array([wall])
    shots = weapons.trace(*one, places, allowed)
    return int(shots.hit[0]), float(shots.distance[0]), bool(shots.shielded[0])


def test_a_shot_meets_the_nearest_body_it_may() -> None:
    assert trace([(500.0, 100.0), (300.0, 100.0), (60.0, 100.0)]) == (1, 184.0, False)
    assert trace([(500.0, 100.0), (300.0, 100.0)], may=[True, False]) == (0, 384.0, False)
    assert trace([(300.0, 116.0)]) == (0, 200.0, False), "just touching"
    assert trace([(300.0, 116.1)]) == (-1, 1000.0, False)
    assert trace([(300.0, 100.0)], wall=150.0) == (-1, 150.0, True)
    assert trace([(2117.0, 100.0)], wall=2000.0) == (-1, 2000.0, False), "out of reach"


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 9))
@settings(deadline=None, max_examples=60)
def test_shots_together_are_shots_alone(seed: int, shots: int, players: int) -> None:
    """The oracle: body by body, the nearest crossing of line and circle."""
    rng = np.random.default_rng(seed)
    origin, bodies = rng.uniform(0, 600, (2, shots)), rng.uniform(0, 600, (shots, 2, players))
    heading = weapons.direction_table()[:, rng.integers(0, weapons.DIRECTIONS, shots)]
    wall, may = rng.uniform(50, 900, shots), rng.random((shots, players)) < 0.8
    reach = np.where(rng.random(shots) < 0.5, 900.0, 2000.0)
    found = weapons.trace(origin, heading, reach, wall, bodies, may)
    for shot in range(shots):
        best, where = -1, np.inf
        for row in range(players):
            x, y = bodies[shot, :, row] - origin[:, shot]
            along = x * heading[0, shot] + y * heading[1, shot]
            depth = 256.0 - (x * heading[1, shot] - y * heading[0, shot]) ** 2
            if (
                may[shot, row]
                and along > 0.0
                and depth >= 0.0
                and max(along - depth**0.5, 0.0) < min(reach[shot], where)
            ):
                best, where = row, max(along - depth**0.5, 0.0)
        hit = best if where <= wall[shot] else -1
        assert found.hit[shot] == hit
        assert found.distance[shot] == pytest.approx(where if hit >= 0 else wall[shot])
        assert found.shielded[shot] == (best >= 0 and hit == -1)


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
