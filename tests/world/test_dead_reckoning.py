"""Dead reckoning is exact whatever the numbers, and publishing never strays beyond the threshold."""

from __future__ import annotations

import warnings

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.world.dead_reckoning import apply_residual, expected, publish, residual
from engine.world.schema import Field, Kind, Scope

KIND = Kind(
    "body",
    (
        Field("x", rate="vx", threshold=3),
        Field("vx", "int16", threshold=1),
        Field("aim", "uint16", wrap=True, threshold=5, rate="turn"),
        Field("turn", "int16"),
        Field("face", "uint8", wrap=True, threshold=2),
        Field("health", "uint8"),
        Field("fuel", rate="burn", scope=Scope.OWNER),
        Field("burn", scope=Scope.OWNER),
    ),
    capacity=8,
)
FIELDS = len(KIND.fields)
BITS = 2**32
INT32 = st.integers(-(2**31), 2**31 - 1)


def column(values: list[int]) -> np.ndarray:
    """Return a valid state of one row: cyclic fields within their cycle."""
    state = np.array(values, np.int64)
    for at, modulus in KIND.wrapped:
        state[at] %= modulus
    return state.astype(np.int32)


def signed(value: int) -> int:
    return (value + 2**31) % BITS - 2**31


def plain_expected(state: list[int], ticks: int) -> list[int]:
    """The oracle: Python integers, one row."""
    result = list(state)
    for at, field in enumerate(KIND.fields[: len(state)]):
        if field.rate is not None:
            result[at] = signed(result[at] + state[KIND.index[field.rate]] * ticks)
        if field.wrap:
            result[at] %= 65536 if field.dtype == "uint16" else 256
    return result


STATES = st.lists(INT32, min_size=FIELDS, max_size=FIELDS).map(column)
TICKS = st.integers(0, 2**20)


@given(STATES, TICKS, st.sampled_from([6, FIELDS]))
def test_expected_is_the_plain_sum(state: np.ndarray, ticks: int, fields: int) -> None:
    state = state[:fields]
    want = plain_expected(state.tolist(), ticks)
    before = state.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # overflow is meant: it must not be warned of, not even for a single row
        assert expected(KIND, state, ticks).tolist() == want
        assert expected(KIND, state[:, None], ticks)[:, 0].tolist() == want
    assert (state == before).all()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(STATES, TICKS), min_size=1, max_size=6))
def test_expected_takes_an_array_of_ticks(rows: list[tuple[np.ndarray, int]]) -> None:
    state = np.stack([row for row, _ in rows], axis=1)
    for dtype in (np.int32, np.int64):
        together = expected(KIND, state, np.array([ticks for _, ticks in rows], dtype))
        assert together.T.tolist() == [plain_expected(row.tolist(), ticks) for row, ticks in rows]


@given(STATES, STATES, TICKS)
def test_expectation_and_residual_give_the_state_back(base: np.ndarray, state: np.ndarray, ticks: int) -> None:
    expectation = expected(KIND, base, ticks)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (apply_residual(KIND, expectation, residual(KIND, state, expectation)) == state).all()


@given(STATES, STATES)
def test_residuals_of_cyclic_fields_go_the_short_way(base: np.ndarray, state: np.ndarray) -> None:
    difference = residual(KIND, state, base)
    for at, modulus in KIND.wrapped:
        assert -modulus // 2 <= difference[at] < modulus // 2


def test_a_residual_across_zero_is_small() -> None:
    a, b = column([0] * FIELDS), column([0] * FIELDS)
    a[2], b[2] = 65530, 5
    assert residual(KIND, b, a)[2] == 11
    assert residual(KIND, a, b)[2] == -11


def distance(field: Field, a: int, b: int) -> int:
    if field.wrap:
        modulus = 65536 if field.dtype == "uint16" else 256
        return min((a - b) % modulus, (b - a) % modulus)
    return abs(a - b)


def plain_publish(before: list[int], known: bool, ticks: int, state: list[int]) -> list[int]:
    """The oracle: one row, field by field; a field with its rate (and all that share it) together."""
    if not known:
        return state
    reckoned = plain_expected(before, ticks)
    groups = [{"x", "vx"}, {"aim", "turn"}, {"face"}, {"health"}, {"fuel", "burn"}]
    result = list(reckoned)
    for group in groups:
        members = [at for at, field in enumerate(KIND.fields[: len(state)]) if field.name in group]
        if any(distance(KIND.fields[at], state[at], reckoned[at]) > KIND.fields[at].threshold for at in members):
            for at in members:
                result[at] = state[at]
    return result


@st.composite
def movements(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """A state before, and one near to its dead reckoning or anywhere."""
    before = draw(STATES)
    ticks = draw(st.integers(1, 12))
    if draw(st.booleans()):
        return before, draw(STATES), ticks
    nudges = draw(st.lists(st.integers(-6, 6), min_size=FIELDS, max_size=FIELDS))
    near = [signed(value + nudge) for value, nudge in zip(plain_expected(before.tolist(), ticks), nudges, strict=True)]
    return before, column(near), ticks


OVERFLOWED = (column([2**31 - 1, 1, *[0] * 6]), column([2**31 - 1, 1, *[0] * 6]), 1)
FARTHEST = (column([-(2**31), *[0] * 7]), column([0] * 8), 2)


@given(movements(), st.booleans())
@example(OVERFLOWED, True)
@example(FARTHEST, True)
def test_publish_is_the_plain_loop_and_stays_within_the_threshold(
    movement: tuple[np.ndarray, np.ndarray, int], known: bool
) -> None:
    before, state, ticks = movement
    out = publish(KIND, before[:, None], np.array([known]), ticks, state[:, None])[:, 0]
    assert out.tolist() == plain_publish(before.tolist(), known, ticks, state.tolist())
    for at, field in enumerate(KIND.fields):
        assert distance(field, int(out[at]), int(state[at])) <= field.threshold


@settings(max_examples=30)
@given(st.lists(st.tuples(movements(), st.booleans()), min_size=1, max_size=8))
def test_publish_takes_rows_one_by_one(rows: list[tuple[tuple[np.ndarray, np.ndarray, int], bool]]) -> None:
    ticks = rows[0][0][2]
    before = np.stack([movement[0] for movement, _ in rows], axis=1)
    state = np.stack([movement[1] for movement, _ in rows], axis=1)
    known = np.array([flag for _, flag in rows])
    together = publish(KIND, before[:6], known, ticks, state[:6])
    for at in range(len(rows)):
        alone = plain_publish(before[:6, at].tolist(), bool(known[at]), ticks, state[:6, at].tolist())
        assert together[:, at].tolist() == alone


def test_a_straight_line_is_published_once() -> None:
    truth = column([1000, 17, 100, -9, 3, 100, 0, 0])[:, None]
    published = truth.copy()
    for _ in range(100):
        truth = expected(KIND, truth, 2)
        published = publish(KIND, published, np.array([True]), 2, truth)
        assert (published == truth).all()


def test_a_position_brings_its_velocity_along() -> None:
    before = column([0, 10, *[0] * 6])[:, None]
    after = column([24, 11, *[0] * 6])[:, None]  # velocity within its threshold of 1, position 4 off
    assert publish(KIND, before, np.array([True]), 2, after)[:2, 0].tolist() == [24, 11]
    near = column([23, 11, *[0] * 6])[:, None]
    assert publish(KIND, before, np.array([True]), 2, near)[:2, 0].tolist() == [20, 10]
