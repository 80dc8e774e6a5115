"""Sampling two snapshots: what is drawn between them, beside them and past them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.world.history import ABSENT, EXACT, STALE, History
from engine.world.picture import VIEW_UNITS, Picture, Seen, View, present, sample
from engine.world.schema import Field, Kind, Scope
from engine.world.table import World

KIND = Kind(
    "body",
    (
        Field("x", precision=1 / 4, rate="vx", smooth=True),
        Field("vx"),
        Field("aim", "uint16", wrap=True, smooth=True),
        Field("glow", "uint8", smooth=True),
        Field("weapon", "uint8"),
        Field("jumps", "uint8"),
        Field("z", rate="vz"),
        Field("vz"),
        Field("secret", scope=Scope.SERVER),
    ),
    capacity=4,
    teleport="jumps",
)
X, VX, AIM, GLOW, WEAPON, JUMPS, Z, VZ = range(8)


def history_of(*snapshots: tuple[int, np.ndarray, list[int], list[int]]) -> History:
    history = History(KIND, KIND.public_count, 8, 2)
    for tick, state, status, generation in snapshots:
        history.push(tick, state, np.array(status), np.array(generation))
    return history


def state(**columns: int) -> np.ndarray:
    """Rows that are all alike."""
    result = np.zeros((KIND.public_count, 4), np.int32)
    for name, value in columns.items():
        result[KIND.index[name]] = value
    return result


def seen(history: History, view: View, max_ticks: float = 15.0) -> Seen:
    result = sample(KIND, history, view, max_ticks)
    assert result is not None
    return result


def two(a: np.ndarray, b: np.ndarray) -> History:
    return history_of((10, a, [EXACT] * 4, [1] * 4), (12, b, [EXACT] * 4, [1] * 4))


def at(ticks: float, tick_a: int = 10, tick_b: int | None = 12) -> View:
    return View(tick_a, tick_b, int(ticks * VIEW_UNITS))


def test_hermite_passes_through_both_snapshots_exactly() -> None:
    history = two(state(x=1_000_003, vx=-77), state(x=-999_999, vx=123))
    assert seen(history, at(10)).values[X].tolist() == [1_000_003.0] * 4
    assert seen(history, at(12)).values[X].tolist() == [-999_999.0] * 4


def test_hermite_of_a_straight_line_is_the_line() -> None:
    history = two(state(x=100, vx=8), state(x=116, vx=8))
    for quarter in range(9):
        assert seen(history, at(10 + quarter / 4)).values[X, 0] == pytest.approx(100 + 2 * quarter)


def test_hermite_leaves_and_arrives_with_the_velocities() -> None:
    history = two(state(x=0, vx=10), state(x=10, vx=-10))
    step = 1 / VIEW_UNITS
    leaving = seen(history, at(10 + step)).values[X, 0] / step
    arriving = (10 - seen(history, at(12 - step)).values[X, 0]) / step
    assert leaving == pytest.approx(10, abs=0.2)
    assert arriving == pytest.approx(-10, abs=0.2)


def test_what_has_no_rate_is_linear_and_what_is_not_smooth_steps_at_b() -> None:
    history = two(state(glow=10, weapon=1), state(glow=20, weapon=2))
    half = seen(history, at(11))
    assert (half.values[GLOW, 0], half.values[WEAPON, 0]) == (15.0, 1.0)
    assert seen(history, at(12)).values[WEAPON, 0] == 1.0
    assert seen(history, at(12, 12, None)).values[WEAPON, 0] == 2.0


@pytest.mark.parametrize(
    ("a", "b", "middle"),
    [(65000, 536, 0.0), (536, 65000, 0.0), (0, 1000, 500.0), (1000, 0, 500.0), (65535, 1, 0.0), (16384, 49152, 0.0)],
)
def test_angles_go_the_short_way_round(a: int, b: int, middle: float) -> None:
    # Half a turn has no short way; it goes backwards, on every machine.
    assert seen(two(state(aim=a), state(aim=b)), at(11)).values[AIM, 0] == middle


@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 512))
def test_a_drawn_angle_stays_on_the_circle_and_between(a: int, b: int, time: int) -> None:
    drawn = seen(two(state(aim=a), state(aim=b)), View(10, 12, 10 * VIEW_UNITS + time)).values[AIM, 0]
    assert 0 <= drawn < 65536
    apart = min((a - b) % 65536, (b - a) % 65536)
    assert min((drawn - a) % 65536, (a - drawn) % 65536) <= apart + 1e-6


def test_a_teleport_is_not_drawn_as_a_journey() -> None:
    history = two(state(x=0, vx=4, jumps=0), state(x=9000, vx=4, jumps=1))
    assert seen(history, at(11.5)).values[X, 0] == 6.0
    assert seen(history, at(12, 12, None)).values[X, 0] == 9000.0


def test_rows_of_one_snapshot_only() -> None:
    a, b = state(x=0, vx=4, glow=10), state(x=40, vx=0, glow=30)
    history = history_of(
        (10, a, [EXACT, EXACT, ABSENT, STALE], [1] * 4), (12, b, [EXACT, ABSENT, EXACT, EXACT], [1] * 4)
    )
    half = seen(history, at(11))
    assert half.alive.tolist() == [True, True, False, True]
    assert half.values[X, 1] == 4.0  # in a only: dead-reckoned until b takes it away
    assert half.values[GLOW, 1] == 10.0
    assert half.values[GLOW, 0] == half.values[GLOW, 3] == 20.0


def test_a_new_tenant_is_not_blended_with_the_old_one() -> None:
    history = history_of(
        (10, state(x=0, vx=2), [EXACT] * 4, [1, 1, 1, 1]), (12, state(x=500, vx=2), [EXACT] * 4, [1, 2, 1, 1])
    )
    half = seen(history, at(11))
    assert half.values[X, 1] == 2.0
    assert half.values[X, 0] > 200.0
    assert half.generation.tolist() == [1, 1, 1, 1]


def test_dead_reckoning_is_bounded() -> None:
    history = history_of((10, state(x=100, vx=8, z=7, vz=1), [EXACT] * 4, [1] * 4))
    drawn = [seen(history, at(ticks, 10, None), 3.0).values[X, 0] for ticks in (9, 10, 11.5, 13, 50)]
    assert drawn == [100.0, 100.0, 112.0, 124.0, 124.0]
    assert seen(history, at(12, 10, None), 3.0).values[Z, 0] == 9.0


def test_what_is_no_longer_held_is_no_picture() -> None:
    history = two(state(), state())
    assert sample(KIND, history, at(11, 8, 10), 15.0) is None
    assert sample(KIND, history, at(13, 12, 14), 15.0) is None


def test_a_column_is_read_in_the_games_unit() -> None:
    picture = seen(two(state(x=8), state(x=8)), at(11))
    assert picture["x"].tolist() == [2.0] * 4
    assert picture.rows().tolist() == [0, 1, 2, 3]


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), time=st.integers(0, 3 * VIEW_UNITS), dry=st.booleans())
def test_two_holders_of_the_same_snapshots_draw_the_same_bits(seed: int, time: int, dry: bool) -> None:
    random = np.random.default_rng(seed)
    ring, other = (History(KIND, KIND.public_count, 8, 2), History(KIND, KIND.public_count, 5, 1))
    for tick in (10, 12):
        snapshot = random.integers(-(2**20), 2**20, (KIND.public_count, 4)).astype(np.int32)
        snapshot[AIM] &= 65535
        snapshot[JUMPS] = random.integers(0, 2, 4)
        status, generation = random.integers(0, 3, 4), random.integers(0, 2, 4)
        for history in (ring, other):
            history.push(tick, snapshot, status, generation)
    view = View(10, None if dry else 12, 10 * VIEW_UNITS + time)
    ours, theirs = seen(ring, view), seen(other, view)
    assert ours.values.tobytes() == theirs.values.tobytes()
    assert (ours.alive == theirs.alive).all()


def test_the_present_is_the_true_world() -> None:
    world = World((KIND,))
    row = world["body"].spawn()
    assert row is not None
    world.tick = 7
    world["body"]["secret"][row] = 3
    picture = present(world)
    assert isinstance(picture, Picture)
    assert picture.view == View(7, None, 7 * VIEW_UNITS)
    assert picture["body"].values[KIND.index["secret"], row] == 3.0
    assert picture["body"].rows().tolist() == [0]
