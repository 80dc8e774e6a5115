"""Keyboard and mouse become the input of a tick, and the switches of the view.

It follows events, not the devices' present state: a click shorter than a tick still fires once, and a test can post
events. Losing the window's focus lets go of everything, or a key released elsewhere would stay down here.

    W A S D, arrows   move            Tab   scoreboard, while held
    mouse             aim             F3    net graph
    left button       fire            F4    verdict overlay
    1, 2, wheel       weapon          Esc   leave
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import pygame

from game.schema import TURN, Button, Weapon


def _default_keys() -> dict[int, Button]:
    return {
        pygame.K_w: Button.UP,
        pygame.K_UP: Button.UP,
        pygame.K_s: Button.DOWN,
        pygame.K_DOWN: Button.DOWN,
        pygame.K_a: Button.LEFT,
        pygame.K_LEFT: Button.LEFT,
        pygame.K_d: Button.RIGHT,
        pygame.K_RIGHT: Button.RIGHT,
        pygame.K_SPACE: Button.FIRE,
    }


@dataclass(frozen=True, slots=True)
class Bindings:
    """What keys do. keys: by key code. weapons: by key code, the weapon taken in hand."""

    keys: Mapping[int, Button] = field(default_factory=_default_keys)
    weapons: Mapping[int, Weapon] = field(
        default_factory=lambda: {
            pygame.K_1: Weapon.RAIL,
            pygame.K_2: Weapon.ROCKET,
            pygame.K_KP1: Weapon.RAIL,
            pygame.K_KP2: Weapon.ROCKET,
        }
    )


@dataclass(frozen=True, slots=True)
class ControlInput:
    """One tick's input, by the names of `game.schema.INPUT`."""

    buttons: int
    aim: int
    weapon: int


class Controls:
    """The player's hands. Give it every event; `sample` once a tick, read the switches once a frame.

    cursor: the mouse in surface pixels, None before it first moved.
    show_scores, show_net, show_verdicts: the view's switches. leave: asked to end.
    """

    def __init__(self, bindings: Bindings | None = None) -> None:
        self.bindings = bindings or Bindings()
        self.cursor: tuple[int, int] | None = None
        self.weapon = Weapon.RAIL
        self.show_scores = False
        self.show_net = False
        self.show_verdicts = False
        self.leave = False
        self._held: set[int] = set()
        self._trigger = False
        self._tapped = Button(0)
        self._aim = 0

    def handle(self, event: pygame.event.Event) -> None:
        """Take one event; those that are not ours pass by."""
        if event.type == pygame.QUIT:
            self.leave = True
        elif event.type == pygame.KEYDOWN:
            self._key_down(event.key)
        elif event.type == pygame.KEYUP:
            self._held.discard(event.key)
            if event.key == pygame.K_TAB:
                self.show_scores = False
        elif event.type == pygame.MOUSEMOTION:
            self.cursor = (int(event.pos[0]), int(event.pos[1]))
        elif event.type == pygame.MOUSEBUTTONDOWN:
            self.cursor = (int(event.pos[0]), int(event.pos[1]))
            if event.button == pygame.BUTTON_LEFT:
                self._trigger = True
                self._tapped |= Button.FIRE
        elif event.type == pygame.MOUSEBUTTONUP:
            if event.button == pygame.BUTTON_LEFT:
                self._trigger = False
        elif event.type == pygame.MOUSEWHEEL:
            if event.y:
                self.weapon = Weapon((self.weapon + (1 if event.y < 0 else -1)) % len(Weapon))
        elif event.type == pygame.WINDOWFOCUSLOST:
            self.release()

    def release(self) -> None:
        """Let go of every key and button."""
        self._held.clear()
        self._trigger = False
        self._tapped = Button(0)
        self.show_scores = False

    def sample(self, focus: tuple[float, float]) -> ControlInput:
        """Return the input of this tick, aimed from surface point `focus` to the mouse; a tap since the last counts."""
        dx, dy = (0.0, 0.0) if self.cursor is None else (self.cursor[0] - focus[0], self.cursor[1] - focus[1])
        if dx or dy:  # with the mouse on the player itself, or not seen yet, the last aim stays
            self._aim = round(math.atan2(dy, dx) * TURN / (2.0 * math.pi)) % TURN
        buttons = self._tapped
        for key in self._held:
            buttons |= self.bindings.keys.get(key, Button(0))
        if self._trigger:
            buttons |= Button.FIRE
        self._tapped = Button(0)
        return ControlInput(int(buttons), self._aim, int(self.weapon))

    def _key_down(self, key: int) -> None:
        self._held.add(key)
        self._tapped |= self.bindings.keys.get(key, Button(0))
        self.weapon = self.bindings.weapons.get(key, self.weapon)
        if key == pygame.K_TAB:
            self.show_scores = True
        elif key == pygame.K_F3:
            self.show_net = not self.show_net
        elif key == pygame.K_F4:
            self.show_verdicts = not self.show_verdicts
        elif key == pygame.K_ESCAPE:
            self.leave = True
