"""A stretch drawn many times gives each time what sampling afresh does, and nothing of one drawing is in the next."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.world.history import ABSENT, EXACT, History
from engine.world.picture import VIEW_UNITS, View, sample, stretch_between
from engine.world.schema import Field, Kind

KIND = Kind(
    "body",
    (
        Field("x", rate="vx", smooth=True),
        Field("y", rate="vy", smooth=True),
        Field("vx"),
        Field("vy"),
        Field("aim", "uint16", wrap=True, smooth=True),
        Field("glow", "uint8", smooth=True),
        Field("jumps", "uint8"),
    ),
    capacity=5,
    teleport="jumps",
)
MAX_TICKS = 15.0


def histories(seed: int) -> History:
    """Two snapshots: some rows in both, some in one, one of a new generation, some that jumped."""
    random = np.random.default_rng(seed)
    history = History(KIND, KIND.public_count, 4, 2)
    for tick in (10, 12):
        state = random.integers(-500, 500, (KIND.public_count, 5)).astype(np.int32)
        state[4] &= 0xFFFF
        state[6] = random.integers(0, 2, 5)
        status = np.where(random.random(5) < 0.7, EXACT, ABSENT)
        history.push(tick, state, status, random.integers(0, 2, 5).astype(np.int32))
    return history


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 999), st.lists(st.integers(0, 40 * VIEW_UNITS), min_size=1, max_size=4), st.booleans())
def test_a_stretch_gives_what_sampling_afresh_does(seed: int, times: list[int], dry: bool) -> None:
    history = histories(seed)
    tick_b = None if dry else 12
    stretch = stretch_between(KIND, history, 10, tick_b)
    assert stretch is not None
    for time in times:
        drawn, fresh = (
            stretch.at(10 * VIEW_UNITS + time, MAX_TICKS),
            sample(KIND, history, View(10, tick_b, 10 * VIEW_UNITS + time), MAX_TICKS),
        )
        assert fresh is not None
        assert drawn.values.tobytes() == fresh.values.tobytes()
        assert drawn.alive.tolist() == fresh.alive.tolist()
        assert drawn.generation.tolist() == fresh.generation.tolist()
        drawn.values[...] = -1.0  # the caller's own: the client writes its own row there


@pytest.mark.parametrize(("tick_a", "tick_b"), [(8, None), (8, 12), (10, 14)])
def test_there_is_no_stretch_between_what_is_not_held(tick_a: int, tick_b: int | None) -> None:
    assert stretch_between(KIND, histories(1), tick_a, tick_b) is None
