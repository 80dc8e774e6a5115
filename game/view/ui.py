"""The parts a menu is made of: buttons, fields, sliders, choices. Immediate: a screen is a function, called each frame.

    ui.begin(surface, events, time)
    if ui.button("join", ui.box(500, 600, 280, 52), "JOIN"): ...
    ui.end()

There is no tree of widgets to keep in step with what they show. A widget has a key; what must outlive a frame (who has
the focus, what is being dragged, where a caret stands) is kept by key. Mouse, keyboard and game pad do the same things:
arrows or the pad's cross move the focus to the nearest widget that way, Enter or the pad's A presses it.

Places are points of a 1280 x 720 sheet, laid in the middle of the surface; `places` tells tests where widgets were.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import pygame

from game.view.palette import BAD, DARK, EDGE, FAINT, INK, RAIL, Colour, mix
from game.view.ui_input import UiInput
from game.view.widgets import Widgets

SHEET = (1280, 720)
CARET_BLINK = 1.06
"""Seconds from one blink of a caret to the next: the common rate of desktops."""


class Ui:
    """Draws and answers. back: Esc or the pad's B was pressed this frame, and no widget took it.

    places: where each widget was drawn in the last frame, in surface pixels.
    """

    def __init__(self, widgets: Widgets) -> None:
        self.widgets = widgets
        self.back = False
        self.focus: str | None = None
        self.places: dict[str, pygame.Rect] = {}
        self.time = 0.0
        self._surface = pygame.Surface((1, 1))
        self._input = UiInput()
        self._capturing: str | None = None
        self._pressed: str | None = None
        self._caret = 0
        self._drawn: dict[str, pygame.Rect] = {}
        # Whether a field has the focus: in this frame as far as it is drawn, and in the one before.
        self._typing = self._typed = False
        size, scale = widgets.size, widgets.scale
        self._origin = ((size[0] - SHEET[0] * scale) / 2, (size[1] - SHEET[1] * scale) / 2)

    # -- a frame ------------------------------------------------------------------------------------------------------

    def begin(self, surface: pygame.Surface, events: Iterable[pygame.event.Event], time: float) -> None:
        """Begin a frame on `surface`; `time` in seconds."""
        self._surface, self.time = surface, time
        self._input = now = UiInput(mouse=self._input.mouse, held=self._input.held)
        for event in events:
            now.take(event, typing=self._typing, capturing=self._capturing is not None)
        self._drawn = {}
        self._typed, self._typing = self._typing, False
        self.back = now.back

    def end(self) -> None:
        """End the frame: move the focus where it was sent."""
        now = self._input
        if now.released:
            self._pressed = None
        if now.step is not None:
            self._move_focus(now.step)
        elif now.tab:
            order = list(self._drawn)
            at = order.index(self.focus) if self.focus in order else -1 if now.tab > 0 else 0
            if order:
                self._set_focus(order[(at + now.tab) % len(order)])
        if self.focus not in self._drawn:
            self.focus = None
        self.places = self._drawn

    def box(self, x: float, y: float, wide: float, high: float) -> pygame.Rect:
        """Return a place of the sheet in surface pixels."""
        scale = self.widgets.scale
        left, top = self._origin[0] + x * scale, self._origin[1] + y * scale
        return pygame.Rect(round(left), round(top), round(wide * scale), round(high * scale))

    @property
    def surface(self) -> pygame.Surface:
        """What this frame is drawn on."""
        return self._surface

    @property
    def mouse(self) -> tuple[int, int]:
        """The mouse, in surface pixels."""
        return self._input.mouse

    def wheel_over(self, box: pygame.Rect) -> int:
        """Return the wheel's turns over `box`, positive upwards."""
        return self._input.wheel if box.collidepoint(self._input.mouse) else 0

    # -- what is only seen --------------------------------------------------------------------------------------------

    def panel(self, box: pygame.Rect, edge: Colour = EDGE, alpha: int = 226) -> None:
        """Draw a plate."""
        self.widgets.panel(self._surface, box, edge, alpha)

    def label(
        self,
        words: str,
        at: tuple[float, float],
        size: int = 15,
        colour: Colour = INK,
        anchor: tuple[float, float] = (0.0, 0.5),
    ) -> pygame.Rect:
        """Draw words; `at` in surface pixels."""
        return self.widgets.text.draw(self._surface, words, at, size, colour, anchor)

    def fitting(self, words: str, size: int, wide: float) -> str:
        """Return `words`, cut with an ellipsis to fit `wide` surface pixels."""
        if self.widgets.text.width(words, size) <= wide:
            return words
        low, high = 0, len(words)
        while low < high:
            middle = (low + high + 1) // 2
            if self.widgets.text.width(words[:middle] + "…", size) <= wide:
                low = middle
            else:
                high = middle - 1
        return words[:low] + "…"

    # -- what answers -------------------------------------------------------------------------------------------------

    def button(
        self,
        key: str,
        box: pygame.Rect,
        words: str,
        colour: Colour = RAIL,
        *,
        enabled: bool = True,
        strong: bool = False,
    ) -> bool:
        """Draw a button; tell whether it was pressed. strong: it is what most are here for."""
        if not enabled:
            self.widgets.panel(self._surface, box, EDGE, 150)
            self.label(words, box.center, 16, mix(FAINT, DARK, 0.4), (0.5, 0.5))
            return False
        hot, pressed = self._interact(key, box)
        self._plate(box, hot, colour)
        if strong:
            inside = box.inflate(-self.widgets.px(6), -self.widgets.px(6))
            self._surface.fill(mix(colour, DARK, 0.55 if hot else 0.7), inside)
        ink = INK if hot or strong else mix(INK, FAINT, 0.35)
        self.label(words, box.center, 20 if strong else 16, ink, (0.5, 0.5))
        return pressed

    def row(self, key: str, box: pygame.Rect, chosen: bool, paint: Callable[[pygame.Rect, Colour], None]) -> bool:
        """Draw a line of a list, its content by `paint(box, ink)`; tell whether it was pressed."""
        hot, pressed = self._interact(key, box)
        if chosen or hot:
            self._surface.fill((34, 46, 62) if chosen else (24, 31, 42), box)
        if chosen:
            self._surface.fill(RAIL, (box.x, box.y, max(2, self.widgets.px(3)), box.h))
        paint(box, INK if hot or chosen else mix(INK, FAINT, 0.3))
        return pressed

    def toggle(self, key: str, box: pygame.Rect, on: bool) -> bool:
        """Draw a switch; return its new state."""
        hot, pressed = self._interact(key, box)
        wide, high = self.widgets.px(46), self.widgets.px(22)
        track = pygame.Rect(box.right - wide, box.centery - high // 2, wide, high)
        state = on != pressed
        pygame.draw.rect(self._surface, (24, 92, 112) if state else (30, 36, 46), track, border_radius=high // 2)
        pygame.draw.rect(self._surface, RAIL if hot else EDGE, track, max(1, self.widgets.px(1.4)), high // 2)
        knob = (track.right - high // 2 if state else track.x + high // 2, track.centery)
        pygame.draw.circle(self._surface, RAIL if state else FAINT, knob, high // 2 - self.widgets.px(4))
        self.label("on" if state else "off", (track.x - self.widgets.px(10), box.centery), 14, FAINT, (1.0, 0.5))
        return state

    def choice(self, key: str, box: pygame.Rect, words: Sequence[str], at: int) -> int:
        """Draw one of several `words`, the one at `at`; return where it now is. Left and right change it."""
        hot, pressed = self._interact(key, box)
        step = self._sideways(key)
        if pressed:
            left = self._input.mouse[0] < box.centerx and self._input.released
            step = -1 if left else 1
        at = (at + step) % len(words) if words else 0
        self._plate(box, hot, RAIL)
        middle, size = box.centery, self.widgets.px(5)
        for side, x in ((-1, box.x + self.widgets.px(16)), (1, box.right - self.widgets.px(16))):
            points = [
                (x - side * size // 2, middle - size),
                (x - side * size // 2, middle + size),
                (x + side * size, middle),
            ]
            pygame.draw.polygon(self._surface, INK if hot else FAINT, points)
        shown = self.fitting(words[at] if words else "", 15, box.w - self.widgets.px(56))
        self.label(shown, box.center, 15, INK, (0.5, 0.5))
        return at

    def slider(self, key: str, box: pygame.Rect, value: float, step: float = 0.05) -> float:
        """Draw a slider from 0 to 1; return its new value."""
        hot, _ = self._interact(key, box)
        value = min(1.0, max(0.0, value + self._sideways(key) * step))
        pad = self.widgets.px(8)
        track = pygame.Rect(box.x + pad, box.centery - self.widgets.px(3), box.w - 2 * pad, self.widgets.px(6))
        if self._pressed == key and self._input.held:
            value = round(min(1.0, max(0.0, (self._input.mouse[0] - track.x) / track.w)), 2)
        pygame.draw.rect(self._surface, (30, 36, 46), track, border_radius=track.h // 2)
        full = pygame.Rect(track.x, track.y, round(track.w * value), track.h)
        pygame.draw.rect(self._surface, mix(RAIL, DARK, 0.25), full, border_radius=track.h // 2)
        knob = (full.right, track.centery)
        pygame.draw.circle(self._surface, DARK, knob, self.widgets.px(10))
        pygame.draw.circle(self._surface, RAIL if hot else INK, knob, self.widgets.px(8))
        return value

    def field(
        self, key: str, box: pygame.Rect, value: str, hint: str = "", limit: int = 64, secret: bool = False
    ) -> tuple[str, bool]:
        """Draw a line of text to edit; return it, and whether Enter was pressed in it."""
        hot, pressed = self._interact(key, box, accepts=False)
        focused = self.focus == key
        if pressed:
            self._caret = len(value)
        done = False
        if focused:
            self._typing = True
            self._caret = min(self._caret, len(value))
            value = self._edit(value, limit)
            done = self._input.accept
            self._input.accept = False
        self._surface.fill((9, 12, 17), box)
        edge = RAIL if focused else INK if hot else EDGE
        pygame.draw.rect(self._surface, edge, box, max(1, self.widgets.px(1.4)), self.widgets.px(3))
        pad = self.widgets.px(12)
        shown = "•" * len(value) if secret else value
        inner = pygame.Rect(box.x + pad, box.y, box.w - 2 * pad, box.h)
        before = self._width(shown[: self._caret]) if focused else 0
        shift = max(0, before - inner.w)
        self._surface.set_clip(inner)
        if shown:
            self.label(shown, (inner.x - shift, box.centery), 16, INK)
        elif not focused:
            self.label(hint, (inner.x, box.centery), 16, mix(FAINT, DARK, 0.35))
        if focused and self.time % CARET_BLINK < CARET_BLINK / 2:
            high = self.widgets.px(20)
            self._surface.fill(
                RAIL, (inner.x + before - shift, box.centery - high // 2, max(1, self.widgets.px(2)), high)
            )
        self._surface.set_clip(None)
        return value, done

    def key(self, key: str, box: pygame.Rect, words: str) -> str | None:
        """Draw what key does something; return the name of another one, when the player has just pressed it."""
        taken = self._input.caught if self._capturing == key else None
        if taken is not None:
            self._capturing = None
            self._input.accept = self._input.pressed = self._input.released = False
            self._pressed = None
            self.back = False
        hot, pressed = self._interact(key, box)
        if pressed and taken is None:
            self._capturing = key
        waiting = self._capturing == key
        self._plate(box, hot or waiting, RAIL)
        if waiting:
            self.label("press a key ...", box.center, 14, RAIL, (0.5, 0.5))
        else:
            shown = self.fitting(words or "nothing", 14, box.w - self.widgets.px(12))
            self.label(shown, box.center, 14, INK if words else BAD, (0.5, 0.5))
        return taken or None

    # -- the rest -----------------------------------------------------------------------------------------------------

    def _interact(self, key: str, box: pygame.Rect, sideways: bool = False, accepts: bool = True) -> tuple[bool, bool]:
        """Register a widget; tell whether it is pointed at or focused, and whether it was pressed."""
        now = self._input
        self._drawn[key] = box
        under = box.collidepoint(now.mouse) and self._capturing in (None, key)
        if under and (now.pressed or (now.moved and not self._typed)):
            self._set_focus(key)
        if under and now.pressed:
            self._pressed = key
        pressed = under and now.released and self._pressed == key
        focused = self.focus == key
        if focused and accepts and now.accept:
            pressed, now.accept = True, False
        return focused, pressed

    def _sideways(self, key: str) -> int:
        """Return by how much a focused widget was sent left or right, which then does not move the focus."""
        if self.focus != key or self._input.step is None or not self._input.step[0]:
            return 0
        step, self._input.step = self._input.step[0], None
        return step

    def _plate(self, box: pygame.Rect, hot: bool, colour: Colour) -> None:
        self.widgets.panel(self._surface, box, colour if hot else EDGE, 226)
        if hot:
            glow = box.inflate(-self.widgets.px(4), -self.widgets.px(4))
            self._surface.fill((14, 26, 32), glow, pygame.BLEND_RGB_ADD)
            self._surface.fill(
                colour,
                (
                    box.x + self.widgets.px(6),
                    box.bottom - self.widgets.px(3),
                    box.w - self.widgets.px(12),
                    max(1, self.widgets.px(1.4)),
                ),
            )

    def _width(self, words: str) -> int:
        return self.widgets.text.width(words, 16) if words else 0

    def _set_focus(self, key: str) -> None:
        if self.focus != key:
            self._caret = 10**6
        self.focus = key

    def _move_focus(self, step: tuple[int, int]) -> None:
        """Give the focus to the nearest widget in a direction; at first to the first."""
        if not self._drawn:
            return
        at = self._drawn.get(self.focus or "")
        if at is None:
            self._set_focus(next(iter(self._drawn)))
            return
        best, nearest = None, math.inf
        for key, box in self._drawn.items():
            along = (box.centerx - at.centerx) * step[0] + (box.centery - at.centery) * step[1]
            gap = (
                max(0, box.x - at.right, at.x - box.right) if step[1] else max(0, box.y - at.bottom, at.y - box.bottom)
            )
            aside = abs((box.centerx - at.centerx) * step[1] + (box.centery - at.centery) * step[0])
            cost = along + 3 * gap + 0.15 * aside
            if key != self.focus and along > 2 and cost < nearest:
                best, nearest = key, cost
        if best is not None:
            self._set_focus(best)

    def _edit(self, value: str, limit: int) -> str:
        """Take what was typed at the caret."""
        now = self._input
        caret = self._caret
        for key, modifiers in now.keys:
            if key == pygame.K_BACKSPACE and caret > 0:
                start = _word_start(value, caret) if modifiers & pygame.KMOD_CTRL else caret - 1
                value, caret = value[:start] + value[caret:], start
            elif key == pygame.K_DELETE:
                value = value[:caret] + value[caret + 1 :]
            elif key == pygame.K_HOME:
                caret = 0
            elif key == pygame.K_END:
                caret = len(value)
            elif key in (pygame.K_LEFT, pygame.K_RIGHT):
                caret = min(len(value), max(0, caret + (1 if key == pygame.K_RIGHT else -1)))
                now.step = None
            elif key == pygame.K_v and modifiers & (pygame.KMOD_CTRL | pygame.KMOD_META):
                now.text += _pasted()
        typed = "".join(letter for letter in now.text if letter.isprintable())[: max(0, limit - len(value))]
        self._caret = caret + len(typed)
        return value[:caret] + typed + value[caret:]


def _word_start(value: str, caret: int) -> int:
    cut = value[:caret].rstrip(" ").rfind(" ")
    return cut + 1


def _pasted() -> str:
    """Return what the clipboard holds, on one line; "" where there is none to read."""
    try:
        return " ".join(pygame.scrap.get_text().split())
    except (pygame.error, AttributeError):
        return ""
