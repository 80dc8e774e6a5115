"""What the menus are told by mouse, keyboard and game pad in one frame: presses, steps of the focus, typed text."""

from __future__ import annotations

from dataclasses import dataclass, field

import pygame

_ARROWS = {
    pygame.K_LEFT: (-1, 0),
    pygame.K_RIGHT: (1, 0),
    pygame.K_UP: (0, -1),
    pygame.K_DOWN: (0, 1),
}
_PAD_ARROWS = {
    pygame.CONTROLLER_BUTTON_DPAD_LEFT: (-1, 0),
    pygame.CONTROLLER_BUTTON_DPAD_RIGHT: (1, 0),
    pygame.CONTROLLER_BUTTON_DPAD_UP: (0, -1),
    pygame.CONTROLLER_BUTTON_DPAD_DOWN: (0, 1),
}


@dataclass(slots=True)
class UiInput:
    """One frame's input.

    mouse: where it is. pressed, released: the left button changed; held: it is down. wheel: turns, positive upwards.
    text: what was typed. keys: pressed keys with their modifiers. step: where the focus is sent; tab: to the next
    widget, or the one before. accept: Enter, or the pad's A. back: Esc, or the pad's B. caught: while a key is to be
    bound, its name; "" for Esc.
    """

    mouse: tuple[int, int] = (-1, -1)
    moved: bool = False
    pressed: bool = False
    held: bool = False
    released: bool = False
    wheel: int = 0
    text: str = ""
    keys: list[tuple[int, int]] = field(default_factory=list)
    step: tuple[int, int] | None = None
    tab: int = 0
    accept: bool = False
    back: bool = False
    caught: str | None = None

    def take(self, event: pygame.event.Event, *, typing: bool, capturing: bool) -> None:
        """Take an event. typing: a field has the focus, and space is a letter. capturing: a key is to be bound."""
        kind = event.type
        if capturing and kind in (pygame.KEYDOWN, pygame.MOUSEBUTTONDOWN):
            self.caught = _caught(event)
            if kind == pygame.KEYDOWN:
                return
        if kind == pygame.MOUSEMOTION:
            self.mouse, self.moved = event.pos, True
        elif kind in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP) and event.button == pygame.BUTTON_LEFT:
            self.mouse = event.pos
            self.held = kind == pygame.MOUSEBUTTONDOWN
            self.pressed |= self.held
            self.released |= not self.held
        elif kind == pygame.MOUSEWHEEL:
            self.wheel += event.y
        elif kind == pygame.TEXTINPUT:
            self.text += event.text
        elif kind == pygame.KEYDOWN:
            self._key(event.key, getattr(event, "mod", 0), typing)
        elif kind == pygame.CONTROLLERBUTTONDOWN:
            self.step = _PAD_ARROWS.get(event.button, self.step)
            self.accept |= event.button == pygame.CONTROLLER_BUTTON_A
            self.back |= event.button == pygame.CONTROLLER_BUTTON_B

    def _key(self, key: int, modifiers: int, typing: bool) -> None:
        self.keys.append((key, modifiers))
        self.step = _ARROWS.get(key, self.step)
        self.accept |= key in (pygame.K_RETURN, pygame.K_KP_ENTER) or (key == pygame.K_SPACE and not typing)
        self.back |= key == pygame.K_ESCAPE
        if key == pygame.K_TAB:
            self.tab = -1 if modifiers & pygame.KMOD_SHIFT else 1


def _caught(event: pygame.event.Event) -> str:
    """Return the name of a key or button to bind; "" for Esc, which takes back."""
    if event.type == pygame.MOUSEBUTTONDOWN:
        return f"mouse {event.button}"
    return "" if event.key == pygame.K_ESCAPE else pygame.key.name(event.key)
