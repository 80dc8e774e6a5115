"""Areas of interest and lines of sight: who is told of whom, and that nobody flickers at an edge."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import UsageError
from engine.world.interest import Area, InSight
from engine.world.schema import Field, Kind
from engine.world.table import World

BODY = Kind("body", (Field("x"), Field("y")), capacity=4)
NOBODY = np.zeros((1, 4), np.bool_)
OWN = np.array([0])


def world_of(*places: tuple[int, int]) -> World:
    world = World((BODY,))
    for x, y in places:
        row = world["body"].spawn()
        world["body"].state[:, row] = x, y
    return world


def past_a_wall(world: World, x0: np.ndarray, y0: np.ndarray, x1: np.ndarray, y1: np.ndarray) -> np.ndarray:
    """A wall stands on x = 0 for y < 100: lines between its sides are clear where they cross at 100 or above."""
    crosses = (x0 < 0) != (x1 < 0)
    part = np.where(crosses, -x0 / np.where(crosses, x1 - x0, 1.0), 0.0)
    clear: np.ndarray = ~crosses | (y0 + (y1 - y0) * part >= 100)
    return clear


def test_an_area_lets_in_at_its_edge_and_lets_go_beyond_its_margin() -> None:
    area = Area(width=200, height=100, margin=20)
    world = world_of((0, 0), (100, 50), (101, 0), (0, 51))
    seen = area.sees(world, BODY, BODY, OWN, NOBODY)
    assert seen[0].tolist() == [True, True, False, False]
    told = np.ones((1, 4), np.bool_)
    assert area.sees(world, BODY, BODY, OWN, told)[0].tolist() == [True, True, True, True]
    world["body"].state[0, 2] = 121
    assert not area.sees(world, BODY, BODY, OWN, told)[0, 2]


def test_a_wall_hides() -> None:
    sight = InSight(past_a_wall, reach=0, keep=0)
    world = world_of((-50, 0), (50, 0), (-60, 90), (50, 250))
    assert sight.sees(world, BODY, BODY, OWN, NOBODY)[0].tolist() == [True, False, True, True]


def test_who_is_about_to_come_round_the_corner_is_told_and_kept_a_little_longer() -> None:
    sight = InSight(past_a_wall, reach=30, keep=60)
    # Of eyes and row both at y, the line crosses the wall at y; 30 further up for one of them lifts it by 15 there.
    for y, fresh, kept in ((90, True, True), (80, False, True), (75, False, True), (60, False, False)):
        world = world_of((-50, y), (50, y))
        assert sight.sees(world, BODY, BODY, OWN, NOBODY)[0, 1] == fresh
        assert sight.sees(world, BODY, BODY, OWN, np.ones((1, 4), np.bool_))[0, 1] == kept


def test_nobody_is_told_of_through_the_wall_that_it_stands_at() -> None:
    # A step aside of 60 would lead through the wall to the other side, from where all is clear.
    sight = InSight(past_a_wall, reach=60, keep=60)
    world = world_of((-50, 0), (5, 0))
    assert not sight.sees(world, BODY, BODY, OWN, NOBODY)[0, 1]


def test_sight_narrows_an_area_and_who_only_watches_sees_all_of_it() -> None:
    area = Area(width=300, height=1000, margin=0)
    sight = InSight(past_a_wall, reach=0, keep=0, among=area)
    world = world_of((-50, 150), (50, 150), (150, 150), (50, 0))
    assert sight.sees(world, BODY, BODY, OWN, NOBODY)[0].tolist() == [True, True, False, False]
    watchers = np.array([-1, 0])
    both = sight.sees(world, BODY, BODY, watchers, np.zeros((2, 4), np.bool_))
    assert both[0].all()
    assert both[1].tolist() == [True, True, False, False]


@pytest.mark.parametrize(("reach", "keep"), [(-1, 0), (10, 9)])
def test_a_reach_that_makes_no_sense_is_refused(reach: int, keep: int) -> None:
    with pytest.raises(UsageError, match=str(reach)):
        InSight(past_a_wall, reach, keep)
