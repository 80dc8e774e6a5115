from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from game.view.camera import FOOT, HEAD, LEAN_MAX, SHAKE_MAX, VIEW, Camera

MAP = (3000.0, 2000.0)


def test_a_point_in_the_middle_of_the_map_is_drawn_in_the_middle_of_the_surface() -> None:
    camera = Camera((1280, 720), MAP)
    camera.jump(1500.0, 1000.0)
    assert camera.to_surface(1500.0, 1000.0) == (640, 360)
    assert camera.to_surface(1510.0, 990.0) == (650, 350)


@given(st.floats(-1e5, 1e5), st.floats(-1e5, 1e5))
@settings(deadline=None, max_examples=60)
def test_the_view_leaves_a_map_larger_than_it_only_under_the_hud(x: float, y: float) -> None:
    camera = Camera((1280, 720), MAP)
    camera.jump(x, y)
    left, top = camera.to_map(0, 0)
    right, bottom = camera.to_map(1280, 720)
    assert left >= 0.0
    assert top >= -HEAD
    assert right <= MAP[0]
    assert bottom <= MAP[1] + FOOT
    camera.jump(x, 1e5)
    assert camera.to_surface(0.0, MAP[1])[1] == 720 - FOOT
    camera.jump(x, -1e5)
    assert camera.to_surface(0.0, 0.0)[1] == HEAD


def test_a_map_smaller_than_the_view_is_centred() -> None:
    camera = Camera((1280, 720), (640.0, 320.0))
    camera.jump(0.0, 0.0)
    assert camera.to_surface(320.0, 160.0) == (640, 360)


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (3440, 1440), (800, 1200), (640, 360)])
def test_no_surface_shows_more_of_the_map_than_another(size: tuple[int, int]) -> None:
    camera = Camera(size, MAP)
    assert size[0] / camera.zoom <= VIEW[0] + 1e-9
    assert size[1] / camera.zoom <= VIEW[1] + 1e-9


def test_following_arrives_and_the_way_depends_on_time_not_on_frames() -> None:
    slow, fast = Camera((1280, 720), MAP), Camera((1280, 720), MAP)
    for camera in (slow, fast):
        camera.jump(1500.0, 1000.0)
    for _ in range(6):
        slow.follow(1600.0, 1000.0, seconds=1 / 30)
    for _ in range(24):
        fast.follow(1600.0, 1000.0, seconds=1 / 120)
    assert slow.x == pytest.approx(fast.x)
    assert 1580.0 < slow.x < 1600.0


def test_it_leans_towards_the_crosshair_but_not_too_far() -> None:
    camera = Camera((1280, 720), MAP)
    camera.jump(1500.0, 1000.0)
    for _ in range(200):
        camera.follow(1500.0, 1000.0, towards=(5000.0, 0.0), seconds=1 / 60)
    assert camera.x == pytest.approx(1500.0 + LEAN_MAX)
    assert camera.y == pytest.approx(1000.0)


def test_a_teleport_is_not_travelled() -> None:
    camera = Camera((1280, 720), MAP)
    camera.jump(700.0, 400.0)
    camera.follow(2300.0, 1600.0, seconds=1 / 60)
    assert (camera.x, camera.y) == (2300.0, 1600.0)


def test_shaking_is_bounded_dies_away_and_can_be_off() -> None:
    camera = Camera((1280, 720), MAP)
    camera.jump(1500.0, 1000.0)
    still = camera.left, camera.top
    for _ in range(100):
        camera.kick(50.0)
    camera.shake(0.37, 0.0)
    assert (camera.left, camera.top) != still
    assert abs(camera.left - still[0]) <= SHAKE_MAX
    camera.shake(2.0, 2.0)
    assert (camera.left, camera.top) == still
    camera.shake_scale = 0.0
    camera.kick(50.0)
    camera.shake(2.1, 0.0)
    assert (camera.left, camera.top) == still


def test_surface_and_map_are_inverse_to_a_pixel() -> None:
    camera = Camera((1920, 1080), MAP)
    camera.jump(1234.0, 777.0)
    x, y = camera.to_map(*camera.to_surface(1100.0, 900.0))
    assert (x, y) == pytest.approx((1100.0, 900.0), abs=1.0)
