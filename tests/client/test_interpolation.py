"""Which two snapshots a picture is drawn between."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.client.interpolation import Interpolation
from engine.world.history import EXACT, History
from engine.world.picture import VIEW_UNITS, View, sample
from engine.world.schema import Field, Kind

KIND = Kind("body", (Field("x", rate="vx", smooth=True), Field("vx")), capacity=2)
DEPTH, EVERY = 8, 2


def receiving(*ticks: int) -> tuple[Interpolation, History]:
    """Snapshots of rows that move by 1 a tick, in the order they came."""
    history = History(KIND, 2, DEPTH, EVERY)
    interpolation = Interpolation({"body": history}, 15.0)
    for tick in ticks:
        history.push(tick, np.array([[tick, tick], [1, 1]]), np.full(2, EXACT), np.ones(2, np.int64))
        interpolation.received(tick)
    return interpolation, history


@pytest.mark.parametrize(
    ("at", "view"),
    [
        (10.0, View(10, 12, 2560)),
        (11.5, View(10, 12, 2944)),
        (11.999, View(10, 12, 3071)),
        (12.0, View(12, 16, 3072)),  # 14 was lost
        (15.0, View(12, 16, 3840)),
        (16.0, View(16, None, 4096)),
        (30.0, View(16, None, 7680)),
        (9.9, View(10, None, 2560)),  # before all there is: stand at the first
    ],
)
def test_the_nearest_snapshots_on_both_sides_are_chosen(at: float, view: View) -> None:
    interpolation, _ = receiving(12, 10, 16)
    assert interpolation.view(at) == view


def test_nothing_is_drawn_of_nothing() -> None:
    interpolation, _ = receiving()
    assert interpolation.view(5.0) is None


def test_a_picture_is_the_sample_the_server_judges_by() -> None:
    interpolation, history = receiving(10, 12)
    view = interpolation.view(10.75)
    assert view is not None
    picture = interpolation.draw(view)
    drawn = sample(KIND, history, view, 15.0)
    assert picture is not None
    assert drawn is not None
    assert picture["body"].values.tobytes() == drawn.values.tobytes()
    assert picture["body"]["x"][0] == pytest.approx(10.75)
    assert picture.view == view


def test_pictures_and_dry_ones_are_counted() -> None:
    interpolation, _ = receiving(10, 12)
    for at in (10.0, 11.0, 12.0, 13.0, 14.0):
        view = interpolation.view(at)
        assert view is not None
        assert interpolation.draw(view) is not None
    assert (interpolation.pictures, interpolation.dry) == (5, 3)


def test_a_snapshot_that_has_been_overwritten_can_not_be_drawn() -> None:
    interpolation, history = receiving(10, 12)
    history.push(10 + DEPTH * EVERY, np.zeros((2, 2)), np.full(2, EXACT), np.ones(2))
    assert interpolation.draw(View(10, 12, 11 * VIEW_UNITS)) is None
    assert interpolation.pictures == 0


@given(st.permutations(range(0, 60, 2)), st.floats(0.0, 70.0))
def test_whatever_the_order_what_is_chosen_is_held_and_on_either_side(ticks: list[int], at: float) -> None:
    window = DEPTH * EVERY
    came: list[int] = []
    for tick in ticks:  # a session refuses what is older than the history reaches
        if not came or tick > max(came) - window:
            came.append(tick)
    interpolation, history = receiving(*came)
    held = [tick for tick in came if tick > max(came) - window]
    view = interpolation.view(at)
    assert view is not None
    assert history.slot(view.tick_a) is not None
    assert interpolation.draw(view) is not None
    time = view.time / VIEW_UNITS
    assert view.tick_a == max([tick for tick in held if tick <= time])
    assert view.tick_b == min([tick for tick in held if tick > time], default=None) or at < min(held)
