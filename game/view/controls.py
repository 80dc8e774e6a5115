"""Keyboard, mouse and game pad become the input of a tick, and the switches of the view.

It follows events, not the devices' present state: a click shorter than a tick still fires once, and a test can post
events. Losing the window's focus lets go of everything, or a key released elsewhere would stay down here.

What keys do comes from `game.settings`, by name; Esc is the menu's, always. A game pad has one layout:

    left stick     move                          back         scores, while held
    right stick    aim                           start        menu
    right trigger  fire                          shoulders    weapon before, and next
    left trigger   dash
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import pygame

from game.schema import TURN, Button, Weapon
from game.settings import DEFAULT_KEYS

STICK_DEAD = 0.35
"""Part of a stick's reach in which it rests: worn ones rest at a fifth, and eight ways to walk need no less."""
AIM_DEAD = 0.45
"""The aiming stick's: one let go must not turn the aim on its way back."""
TRIGGER = 0.4
"""Part of a trigger's way at which it pulls."""
_STICK_FULL = 32768.0

_BUTTONS = {
    "up": Button.UP,
    "down": Button.DOWN,
    "left": Button.LEFT,
    "right": Button.RIGHT,
    "fire": Button.FIRE,
    "dash": Button.DASH,
}
_WALK = math.sin(math.pi / 8)
"""A stick within 22.5 degrees of an axis walks along it."""


def key_code(name: str) -> int | None:
    """Return the number of a key named as in the settings: SDL's code, a mouse button's negated; None: no such key."""
    if name.startswith("mouse "):
        number = name.removeprefix("mouse ")
        return -int(number) if number.isascii() and number.isdigit() and len(number) < 3 else None
    try:
        return pygame.key.key_code(name)
    except (ValueError, pygame.error):
        return None


@dataclass(frozen=True, slots=True)
class Bindings:
    """What keys do, by `key_code`. keys: held for the rules. weapons: taken in hand. view: actions of the screen."""

    keys: Mapping[int, Button] = field(default_factory=dict)
    weapons: Mapping[int, Weapon] = field(default_factory=dict)
    view: Mapping[int, str] = field(default_factory=dict)


def bindings_of(keys: Mapping[str, tuple[str, ...]]) -> Bindings:
    """Return what the actions of `game.settings` come to; keys and actions that are unknown here are passed over."""
    if not pygame.display.get_init():
        pygame.display.init()  # SDL knows its keys' names only then
    held: dict[int, Button] = {}
    weapons: dict[int, Weapon] = {}
    view: dict[int, str] = {}
    numbers = {f"weapon {number + 1}": weapon for number, weapon in enumerate(Weapon)}
    for action, names in keys.items():
        for code in filter(None, map(key_code, names)):
            if action in _BUTTONS:
                held[code] = _BUTTONS[action]
            elif action in numbers:
                weapons[code] = numbers[action]
            else:
                view[code] = action
    return Bindings(held, weapons, view)


@dataclass(frozen=True, slots=True)
class ControlInput:
    """One tick's input, by the names of `game.schema.INPUT`."""

    buttons: int
    aim: int
    weapon: int


class Controls:
    """The player's hands. Give it every event; `sample` once a tick, read the switches once a frame.

    cursor: the mouse in surface pixels; None before it first moved, and while a pad aims.
    show_scores, show_net, show_verdicts: the view's switches. leave: the window was closed.
    asked: actions asked for since it was last emptied: "menu", "chat", "team chat".
    pressed: rules' buttons pressed since it was last emptied, for a view that answers them itself.
    """

    def __init__(self, bindings: Bindings | None = None) -> None:
        self.bindings = bindings or bindings_of(DEFAULT_KEYS)
        self.cursor: tuple[int, int] | None = None
        self.weapon = Weapon.RAIL
        self.show_scores = False
        self.show_net = False
        self.show_verdicts = False
        self.leave = False
        self.asked: list[str] = []
        self.pressed = Button(0)
        self._held: set[int] = set()
        self._tapped = Button(0)
        self._aim = 0
        self._pad = Button(0)
        self._sticks = [0.0, 0.0, 0.0, 0.0]

    def handle(self, event: pygame.event.Event) -> None:
        """Take one event; those that are not ours pass by."""
        if event.type == pygame.QUIT:
            self.leave = True
        elif event.type == pygame.KEYDOWN:
            self._down(event.key)
        elif event.type == pygame.KEYUP:
            self._up(event.key)
        elif event.type == pygame.MOUSEMOTION:
            self.cursor = (int(event.pos[0]), int(event.pos[1]))
        elif event.type == pygame.MOUSEBUTTONDOWN:
            self.cursor = (int(event.pos[0]), int(event.pos[1]))
            self._down(-event.button)
        elif event.type == pygame.MOUSEBUTTONUP:
            self._up(-event.button)
        elif event.type == pygame.MOUSEWHEEL:
            if event.y:
                self._next_weapon(1 if event.y < 0 else -1)
        elif event.type == pygame.CONTROLLERAXISMOTION:
            self._axis(event.axis, event.value)
        elif event.type in (pygame.CONTROLLERBUTTONDOWN, pygame.CONTROLLERBUTTONUP):
            self._pad_button(event.button, event.type == pygame.CONTROLLERBUTTONDOWN)
        elif event.type == pygame.WINDOWFOCUSLOST:
            self.release()

    def release(self) -> None:
        """Let go of every key, button and stick."""
        self._held.clear()
        self._tapped = self._pad = self.pressed = Button(0)
        self._sticks = [0.0, 0.0, 0.0, 0.0]
        self.show_scores = False

    def sample(self, focus: tuple[float, float]) -> ControlInput:
        """Return the input of this tick, aimed from surface point `focus` to the mouse; a tap since the last counts."""
        dx, dy = (0.0, 0.0) if self.cursor is None else (self.cursor[0] - focus[0], self.cursor[1] - focus[1])
        if math.hypot(*self._sticks[2:]) > AIM_DEAD:
            dx, dy = self._sticks[2:]
            self.cursor = None
        if dx or dy:  # with the mouse on the player itself, or not seen yet, the last aim stays
            self._aim = round(math.atan2(dy, dx) * TURN / (2.0 * math.pi)) % TURN
        buttons = self._tapped | self.held
        self._tapped = Button(0)
        return ControlInput(int(buttons), self._aim, int(self.weapon))

    @property
    def held(self) -> Button:
        """The rules' buttons that are down now."""
        buttons = self._pad | self._walk()
        for key in self._held:
            buttons |= self.bindings.keys.get(key, Button(0))
        return buttons

    def _down(self, key: int) -> None:
        self._held.add(key)
        button = self.bindings.keys.get(key, Button(0))
        self._tapped |= button
        self.pressed |= button
        self.weapon = self.bindings.weapons.get(key, self.weapon)
        if key == pygame.K_ESCAPE:
            self.asked.append("menu")
            return
        match self.bindings.view.get(key):
            case None:
                return
            case "scores":
                self.show_scores = True
            case "net graph":
                self.show_net = not self.show_net
            case "verdicts":
                self.show_verdicts = not self.show_verdicts
            case other:
                self.asked.append(other)

    def _up(self, key: int) -> None:
        self._held.discard(key)
        if self.bindings.view.get(key) == "scores":
            self.show_scores = False

    def _next_weapon(self, step: int) -> None:
        self.weapon = Weapon((self.weapon + step) % len(Weapon))

    def _walk(self) -> Button:
        """Return the directions of the left stick: one of eight."""
        x, y = self._sticks[:2]
        reach = math.hypot(x, y)
        way = Button(0)
        if reach > STICK_DEAD:
            if abs(x) > reach * _WALK:
                way |= Button.RIGHT if x > 0 else Button.LEFT
            if abs(y) > reach * _WALK:
                way |= Button.DOWN if y > 0 else Button.UP
        return way

    def _axis(self, axis: int, value: float) -> None:
        part = value / _STICK_FULL
        sticks = (
            pygame.CONTROLLER_AXIS_LEFTX,
            pygame.CONTROLLER_AXIS_LEFTY,
            pygame.CONTROLLER_AXIS_RIGHTX,
            pygame.CONTROLLER_AXIS_RIGHTY,
        )
        if axis in sticks:
            self._sticks[sticks.index(axis)] = part
        elif axis == pygame.CONTROLLER_AXIS_TRIGGERRIGHT:
            self._pull(Button.FIRE, part > TRIGGER)
        elif axis == pygame.CONTROLLER_AXIS_TRIGGERLEFT:
            self._pull(Button.DASH, part > TRIGGER)

    def _pull(self, button: Button, down: bool) -> None:
        if down:
            self._tapped |= button & ~self._pad
            self.pressed |= button & ~self._pad
            self._pad |= button
        else:
            self._pad &= ~button

    def _pad_button(self, button: int, down: bool) -> None:
        if button == pygame.CONTROLLER_BUTTON_BACK:
            self.show_scores = down
        elif down and button == pygame.CONTROLLER_BUTTON_START:
            self.asked.append("menu")
        elif down and button == pygame.CONTROLLER_BUTTON_RIGHTSHOULDER:
            self._next_weapon(1)
        elif down and button == pygame.CONTROLLER_BUTTON_LEFTSHOULDER:
            self._next_weapon(-1)
