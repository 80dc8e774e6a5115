from __future__ import annotations

import pygame
import pytest

from game.schema import Button, Weapon
from game.settings import Settings
from game.view.controls import ControlInput, Controls, bindings_of, key_code

MIDDLE = (640, 360)


def key(code: int, down: bool = True) -> pygame.event.Event:
    return pygame.event.Event(pygame.KEYDOWN if down else pygame.KEYUP, key=code)


def mouse(x: int, y: int) -> pygame.event.Event:
    return pygame.event.Event(pygame.MOUSEMOTION, pos=(x, y), rel=(0, 0), buttons=(0, 0, 0))


def button(which: int, down: bool = True, pos: tuple[int, int] = (900, 360)) -> pygame.event.Event:
    return pygame.event.Event(pygame.MOUSEBUTTONDOWN if down else pygame.MOUSEBUTTONUP, button=which, pos=pos)


def test_untouched_controls_do_nothing() -> None:
    assert Controls().sample(MIDDLE) == ControlInput(0, 0, 0)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (pygame.K_w, Button.UP),
        (pygame.K_UP, Button.UP),
        (pygame.K_s, Button.DOWN),
        (pygame.K_DOWN, Button.DOWN),
        (pygame.K_a, Button.LEFT),
        (pygame.K_LEFT, Button.LEFT),
        (pygame.K_d, Button.RIGHT),
        (pygame.K_RIGHT, Button.RIGHT),
    ],
)
def test_a_key_held_moves_until_it_is_released(code: int, expected: Button) -> None:
    controls = Controls()
    controls.handle(key(code))
    assert controls.sample(MIDDLE).buttons == expected
    assert controls.sample(MIDDLE).buttons == expected
    controls.handle(key(code, down=False))
    assert controls.sample(MIDDLE).buttons == 0


def test_two_keys_for_one_way_count_once_and_either_holds_it() -> None:
    controls = Controls()
    controls.handle(key(pygame.K_w))
    controls.handle(key(pygame.K_UP))
    controls.handle(key(pygame.K_d))
    assert controls.sample(MIDDLE).buttons == Button.UP | Button.RIGHT
    controls.handle(key(pygame.K_w, down=False))
    assert controls.sample(MIDDLE).buttons == Button.UP | Button.RIGHT


@pytest.mark.parametrize(
    ("at", "aim"),
    [((740, 360), 0), ((640, 460), 16384), ((540, 360), 32768), ((640, 260), 49152), ((740, 460), 8192)],
)
def test_aim_goes_from_the_player_to_the_mouse_clockwise_from_the_right(at: tuple[int, int], aim: int) -> None:
    controls = Controls()
    controls.handle(mouse(*at))
    assert controls.sample(MIDDLE).aim == aim


def test_aim_is_always_a_uint16() -> None:
    controls = Controls()
    controls.handle(mouse(100000, 359))  # a hair above +x: rounds up to a full turn, which is 0
    assert 0 <= controls.sample(MIDDLE).aim < 65536


def test_with_the_mouse_on_the_player_the_last_aim_stays() -> None:
    controls = Controls()
    controls.handle(mouse(640, 500))
    assert controls.sample(MIDDLE).aim == 16384
    controls.handle(mouse(*MIDDLE))
    assert controls.sample(MIDDLE).aim == 16384


def test_a_click_shorter_than_a_tick_fires_once() -> None:
    controls = Controls()
    controls.handle(button(pygame.BUTTON_LEFT))
    controls.handle(button(pygame.BUTTON_LEFT, down=False))
    assert controls.sample(MIDDLE).buttons == Button.FIRE
    assert controls.sample(MIDDLE).buttons == 0


def test_a_held_button_fires_on_and_the_right_one_dashes() -> None:
    controls = Controls()
    controls.handle(button(pygame.BUTTON_RIGHT))
    controls.handle(button(pygame.BUTTON_RIGHT, down=False))
    assert controls.sample(MIDDLE).buttons == Button.DASH
    controls.handle(button(pygame.BUTTON_LEFT))
    assert [controls.sample(MIDDLE).buttons for _ in range(3)] == [Button.FIRE] * 3


def test_weapons_by_number_and_by_wheel() -> None:
    controls = Controls()
    controls.handle(key(pygame.K_2))
    assert controls.sample(MIDDLE).weapon == Weapon.ROCKET
    controls.handle(key(pygame.K_1))
    assert controls.sample(MIDDLE).weapon == Weapon.RAIL
    for turn, expected in ((-1, Weapon.ROCKET), (-1, Weapon.REPEATER), (-1, Weapon.RAIL), (1, Weapon.REPEATER)):
        controls.handle(pygame.event.Event(pygame.MOUSEWHEEL, x=0, y=turn))
        assert controls.sample(MIDDLE).weapon == expected


def test_switches() -> None:
    controls = Controls()
    controls.handle(key(pygame.K_TAB))
    assert controls.show_scores
    controls.handle(key(pygame.K_TAB, down=False))
    assert not controls.show_scores
    for expected in (True, False):
        controls.handle(key(pygame.K_F3))
        controls.handle(key(pygame.K_F4))
        assert (controls.show_net, controls.show_verdicts) == (expected, expected)
    assert controls.asked == []
    controls.handle(key(pygame.K_ESCAPE))
    controls.handle(key(pygame.K_RETURN))
    controls.handle(key(pygame.K_t))
    assert controls.asked == ["menu", "chat", "team chat"]
    assert not controls.leave


def test_closing_the_window_leaves() -> None:
    controls = Controls()
    controls.handle(pygame.event.Event(pygame.QUIT))
    assert controls.leave


def test_losing_the_focus_lets_go_of_everything() -> None:
    controls = Controls()
    for event in (key(pygame.K_w), key(pygame.K_TAB), button(pygame.BUTTON_LEFT)):
        controls.handle(event)
    controls.handle(pygame.event.Event(pygame.WINDOWFOCUSLOST))
    assert controls.sample(MIDDLE).buttons == 0
    assert not controls.show_scores


def axis(which: int, part: float) -> pygame.event.Event:
    return pygame.event.Event(pygame.CONTROLLERAXISMOTION, axis=which, value=round(part * 32767))


def pad(which: int, down: bool = True) -> pygame.event.Event:
    return pygame.event.Event(pygame.CONTROLLERBUTTONDOWN if down else pygame.CONTROLLERBUTTONUP, button=which)


def test_keys_do_what_the_settings_say() -> None:
    controls = Controls(bindings_of(Settings().with_key("fire", "f").with_key("up", "mouse 2").keys))
    controls.handle(key(pygame.K_f))
    controls.handle(button(pygame.BUTTON_MIDDLE))
    assert controls.sample(MIDDLE).buttons == Button.FIRE | Button.UP
    controls.handle(key(pygame.K_f, down=False))
    controls.handle(button(pygame.BUTTON_MIDDLE, down=False))
    controls.handle(button(pygame.BUTTON_LEFT))
    controls.handle(key(pygame.K_w))
    assert controls.sample(MIDDLE).buttons == 0


@pytest.mark.parametrize("name", ["", "no such key", "mouse", "mouse x", "mouse 999", "\0"])
def test_a_key_that_is_none_does_nothing(name: str) -> None:
    assert key_code(name) is None
    assert bindings_of({"fire": (name,)}).keys == {}


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (0.2, 0.1, 0),
        (1.0, 0.0, Button.RIGHT),
        (1.0, 0.3, Button.RIGHT),
        (0.7, -0.7, Button.RIGHT | Button.UP),
        (0.0, 0.6, Button.DOWN),
        (-0.5, 0.5, Button.LEFT | Button.DOWN),
    ],
)
def test_the_left_stick_walks_eight_ways(x: float, y: float, expected: int) -> None:
    controls = Controls()
    controls.handle(axis(pygame.CONTROLLER_AXIS_LEFTX, x))
    controls.handle(axis(pygame.CONTROLLER_AXIS_LEFTY, y))
    assert controls.sample(MIDDLE).buttons == expected


def test_a_pad_aims_fires_and_hands_the_aim_back_to_the_mouse() -> None:
    controls = Controls()
    controls.handle(mouse(900, 360))
    controls.handle(axis(pygame.CONTROLLER_AXIS_RIGHTY, 0.9))
    controls.handle(axis(pygame.CONTROLLER_AXIS_TRIGGERRIGHT, 0.9))
    sampled = controls.sample(MIDDLE)
    assert (sampled.buttons, sampled.aim, controls.cursor) == (Button.FIRE, 16384, None)
    controls.handle(axis(pygame.CONTROLLER_AXIS_RIGHTY, 0.1))
    controls.handle(axis(pygame.CONTROLLER_AXIS_TRIGGERRIGHT, 0.1))
    assert controls.sample(MIDDLE) == ControlInput(0, 16384, 0)  # let go, the aim stays
    controls.handle(mouse(900, 360))
    assert controls.sample(MIDDLE).aim == 0


def test_a_trigger_pulled_for_less_than_a_tick_fires_once() -> None:
    controls = Controls()
    controls.handle(axis(pygame.CONTROLLER_AXIS_TRIGGERRIGHT, 1.0))
    controls.handle(axis(pygame.CONTROLLER_AXIS_TRIGGERRIGHT, 0.0))
    assert controls.sample(MIDDLE).buttons == Button.FIRE
    assert controls.sample(MIDDLE).buttons == 0


def test_a_pads_buttons() -> None:
    controls = Controls()
    controls.handle(pad(pygame.CONTROLLER_BUTTON_BACK))
    assert controls.show_scores
    controls.handle(pad(pygame.CONTROLLER_BUTTON_BACK, down=False))
    assert not controls.show_scores
    controls.handle(pad(pygame.CONTROLLER_BUTTON_RIGHTSHOULDER))
    assert controls.weapon == 1
    controls.handle(pad(pygame.CONTROLLER_BUTTON_LEFTSHOULDER))
    assert controls.weapon == 0
    controls.handle(pad(pygame.CONTROLLER_BUTTON_START))
    assert controls.asked == ["menu"]
