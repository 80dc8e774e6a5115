"""Whom one looks at who does not play: asked for by the rules' buttons, and shown by the renderer."""

from __future__ import annotations

from collections.abc import Callable

import pygame
import pytest

from engine.game import GameEvent
from engine.world.picture import Picture
from game.schema import Button, Event
from game.view.renderer import Renderer
from game.view.scene import Scene
from game.view.spectator import FALLEN, FLY_SPEED, Spectator

BOUNDS = (1920.0, 1280.0)
HERE = (600.0, 400.0)
NOTHING = Button(0)


@pytest.fixture
def picture(make_picture: Callable[..., Picture]) -> Picture:
    return make_picture({row: {"x": 300.0 + 200.0 * row, "y": 400.0} for row in (1, 2, 5)})


def press(spectator: Spectator, picture: Picture, button: Button) -> int | None:
    spectator.steer(button, NOTHING, picture, HERE, BOUNDS, 0.016)
    return spectator.watched


def test_fire_and_dash_go_round_the_players(picture: Picture) -> None:
    spectator = Spectator()
    assert press(spectator, picture, NOTHING) is None
    assert [press(spectator, picture, Button.FIRE) for _ in range(4)] == [1, 2, 5, 1]
    assert [press(spectator, picture, Button.DASH) for _ in range(3)] == [5, 2, 1]
    picture["player"].alive[:] = False
    assert press(spectator, picture, Button.FIRE) == 1


def test_one_does_not_look_at_oneself(make_picture: Callable[..., Picture]) -> None:
    picture = make_picture({1: {}, 2: {}}, own_row=1)
    spectator = Spectator()
    assert [press(spectator, picture, Button.FIRE) for _ in range(2)] == [2, 2]


def test_the_directions_fly_from_where_one_looks_and_stay_on_the_map(picture: Picture) -> None:
    spectator = Spectator()
    press(spectator, picture, Button.FIRE)
    spectator.steer(NOTHING, Button.RIGHT, picture, HERE, BOUNDS, 0.1)
    assert spectator.place == (HERE[0] + 0.1 * FLY_SPEED, HERE[1])
    assert spectator.watched is None
    for _ in range(50):
        spectator.steer(NOTHING, Button.LEFT | Button.UP, picture, HERE, BOUNDS, 0.1)
    assert spectator.place == (0.0, 0.0)
    spectator.steer(NOTHING, Button.LEFT | Button.RIGHT, picture, HERE, BOUNDS, 0.1)
    assert spectator.place == (0.0, 0.0)
    assert press(spectator, picture, Button.FIRE) == 1
    assert spectator.place is None


def test_the_dead_look_at_who_killed_them_after_a_moment(picture: Picture) -> None:
    spectator = Spectator()
    spectator.hear([GameEvent(7, Event.KILL, (1, 5, 0)), GameEvent(7, Event.KILL, (2, 1, 0))], own_row=1)
    spectator.fall(10.0)
    spectator.fall(10.0 + FALLEN / 2)
    assert spectator.watched is None
    spectator.fall(10.01 + FALLEN)
    assert spectator.watched == 5
    assert press(spectator, picture, Button.FIRE) == 1
    spectator.fall(10.0 + 2 * FALLEN)
    assert spectator.watched == 1  # what was asked for stays
    spectator.end()
    assert spectator.watched is None


def test_who_killed_himself_stays_where_he_fell() -> None:
    spectator = Spectator()
    spectator.hear([GameEvent(7, Event.KILL, (1, 1, 1))], own_row=1)
    for step in range(5):
        spectator.fall(10.0 + step)
    assert spectator.watched is None


def test_the_camera_goes_to_whom_or_where_one_looks(
    renderer: Renderer, surface: pygame.Surface, make_picture: Callable[..., Picture]
) -> None:
    picture = make_picture({1: {"x": 700.0, "y": 500.0, "score": 9}, 4: {"x": 1200.0, "y": 900.0}})
    for at, (watched, place, seen) in enumerate(
        [(None, None, (700.0, 500.0)), (4, None, (1200.0, 900.0)), (None, (800.0, 700.0), (800.0, 700.0))]
    ):
        for frame in range(60):
            renderer.draw(surface, Scene(picture, time=at + frame / 60, watched=watched, place=place))
        assert (renderer.camera.x, renderer.camera.y) == pytest.approx(seen, abs=2.0)


def test_the_dead_see_whom_they_look_at(
    renderer: Renderer, surface: pygame.Surface, make_picture: Callable[..., Picture]
) -> None:
    players = {1: {"x": 700.0, "y": 500.0, "health": 0}, 4: {"x": 1200.0, "y": 900.0}}
    picture = make_picture(players, own_row=1, own={"health": 0, "respawn": 60})
    for frame in range(60):
        renderer.draw(surface, Scene(picture, own_row=1, time=frame / 60, watched=4))
    assert (renderer.camera.x, renderer.camera.y) == pytest.approx((1200.0, 900.0), abs=2.0)
    for frame in range(60, 120):  # whoever has left is looked at no more
        renderer.draw(surface, Scene(picture, own_row=1, time=frame / 60, watched=60))
    assert (renderer.camera.x, renderer.camera.y) == pytest.approx((700.0, 500.0), abs=2.0)
