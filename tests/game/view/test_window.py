from __future__ import annotations

from collections.abc import Iterator

import pygame
import pytest

from engine.errors import UsageError
from game.schema import Button
from game.view.controls import Controls
from game.view.window import CANVAS_MAX, SETTLE, SMALLEST, Window


@pytest.fixture
def window() -> Iterator[Window]:
    made = Window("test", (800, 450))
    pygame.event.clear()
    yield made
    made.close()


def test_the_canvas_has_the_windows_size_and_32_bits(window: Window) -> None:
    assert window.canvas.get_size() == (800, 450)
    assert window.canvas.get_bitsize() == 32
    window.show()


def test_posted_events_reach_the_controls(window: Window) -> None:
    controls = Controls()
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_d))
    pygame.event.post(pygame.event.Event(pygame.MOUSEMOTION, pos=(400, 325), rel=(0, 0), buttons=(0, 0, 0)))
    pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, button=1, pos=(400, 325)))
    for event in window.events(0.0):
        controls.handle(event)
    sampled = controls.sample((400, 225))
    assert sampled.buttons == Button.RIGHT | Button.FIRE
    assert sampled.aim == 16384


@pytest.mark.parametrize(
    ("size", "canvas"),
    [
        ((1024, 576), (1024, 576)),
        ((2560, 1440), CANVAS_MAX),
        ((3840, 1080), (1920, 540)),
        ((320, 180), SMALLEST),
    ],
)
def test_a_new_size_is_taken_when_it_has_settled(
    window: Window, size: tuple[int, int], canvas: tuple[int, int]
) -> None:
    pygame.display.set_mode(size, pygame.RESIZABLE)
    pygame.event.clear()
    pygame.event.post(pygame.event.Event(pygame.VIDEORESIZE, size=size, w=size[0], h=size[1]))
    window.events(10.0)
    assert window.canvas.get_size() == (800, 450)
    window.show()  # stretched meanwhile
    window.events(10.0 + SETTLE / 2)
    assert window.canvas.get_size() == (800, 450)
    window.events(10.0 + SETTLE * 1.01)
    assert window.canvas.get_size() == canvas
    window.show()


def test_the_mouse_is_told_in_canvas_pixels(window: Window) -> None:
    pygame.display.set_mode((3840, 2160), pygame.RESIZABLE)
    pygame.event.clear()
    pygame.event.post(pygame.event.Event(pygame.VIDEORESIZE, size=(3840, 2160), w=3840, h=2160))
    window.events(0.0)
    window.events(1.0)
    assert window.canvas.get_size() == CANVAS_MAX
    pygame.event.post(pygame.event.Event(pygame.MOUSEMOTION, pos=(3839, 1080), rel=(0, 0), buttons=(0, 0, 0)))
    (event,) = [event for event in window.events(1.1) if event.type == pygame.MOUSEMOTION]
    assert event.pos == (1919, 540)


def test_without_a_display_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise pygame.error("No available video device")

    monkeypatch.setattr(pygame.display, "set_mode", refuse)
    with pytest.raises(UsageError, match="can't open a window: No available video device"):
        Window("test")
