"""The drawn parts that the HUD, the net graph and the scoreboard are put together from, each rendered once and kept.

Sizes are points: surface pixels at 1280 x 720, times `scale` on larger surfaces.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np
import pygame

from game.view import paint
from game.view.palette import EDGE, PANEL, PANEL_ALPHA, WHITE, Colour
from game.view.text import Text

KEPT = 400
"""Parts kept; the least recently used give way."""

ARC_STEPS = 48
"""In how many steps an arc fills or turns."""


class Widgets:
    """Draws panels, bars, arcs and words at one scale."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.scale = max(0.75, min(size[0] / 1280.0, size[1] / 720.0))
        self.text = Text(self.scale)
        self._kept: OrderedDict[Hashable, pygame.Surface] = OrderedDict()
        self._arcs: dict[tuple[float, float, Colour], list[pygame.Surface]] = {}

    def px(self, points: float) -> int:
        """Return points as surface pixels."""
        return round(points * self.scale)

    def panel(self, surface: pygame.Surface, box: pygame.Rect, edge: Colour = EDGE, alpha: int = PANEL_ALPHA) -> None:
        """Draw a dark translucent plate with a fine edge."""
        key = ("panel", box.size, edge, alpha)
        surface.blit(self._keep(key, lambda: _plate(box.size, self.px(5), edge, alpha)), box)

    def bar(
        self, surface: pygame.Surface, box: pygame.Rect, part: float, colour: Colour, ghost: float = 0.0, cells: int = 1
    ) -> None:
        """Draw a bar filled to `part` (0..1), pale up to `ghost`, cut into `cells`."""
        surface.fill((22, 26, 34), box)
        if ghost > part:
            surface.fill((214, 220, 228), (box.x, box.y, round(box.w * ghost), box.h))
        if part > 0.0:
            filled = max(1, round(box.w * min(part, 1.0)))
            surface.fill(colour, (box.x, box.y, filled, box.h))
            light = tuple(min(255, value + 48) for value in colour)
            surface.fill(light, (box.x, box.y, filled, max(1, box.h // 4)))
        for cell in range(1, cells):
            surface.fill((10, 12, 17), (box.x + round(box.w * cell / cells), box.y, max(1, self.px(1)), box.h))

    def arc(self, radius: float, thick: float, part: float, colour: Colour) -> pygame.Surface:
        """Return a ring filled clockwise from the top to `part` (0..1), with alpha."""
        key = (radius, thick, colour)
        steps = self._arcs.get(key)
        if steps is None:
            # All steps at once: they come one after the other, and share the costly part.
            steps = self._arcs[key] = _arcs(radius * self.scale, thick * self.scale, colour)
        return steps[min(ARC_STEPS, max(0, round(part * ARC_STEPS)))]

    def ring(self, radius: float, thick: float, colour: Colour) -> pygame.Surface:
        """Return a whole ring, with alpha; here radius and thickness are surface pixels."""
        return self._keep(("ring", radius, thick, colour), lambda: _arcs(radius, thick, colour, 0)[0])

    def wedge(self, radius: float, angle: float, strength: float) -> pygame.Surface:
        """Return a red curved mark towards `angle` (radians, y down) at `radius` round the middle, to be added."""
        step = round(angle / (2.0 * math.pi) * ARC_STEPS) % ARC_STEPS
        level = min(4, max(1, round(strength * 4.0)))
        turned = step * 2.0 * math.pi / ARC_STEPS
        full = self._keep(("wedge", radius, step), lambda: self._turned_wedge(radius, turned))
        return self._keep(("wedge", radius, step, level), lambda: paint.tinted(full, WHITE, level / 4.0))

    def _turned_wedge(self, radius: float, angle: float) -> pygame.Surface:
        """Return the mark turned to `angle`. One is painted; a wound's frame has no time to paint another."""
        first = self._keep(("wedge", radius), lambda: _wedge(radius * self.scale, 0.0))
        turned = pygame.transform.rotozoom(first, -math.degrees(angle), 1.0)
        made = pygame.Surface(first.get_size(), 0, 32)
        made.blit(turned, turned.get_rect(center=made.get_rect().center))
        return made

    def _keep(self, key: Hashable, make: Callable[[], pygame.Surface]) -> pygame.Surface:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        made = self._kept[key] = make()
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return made


def centred(surface: pygame.Surface, sprite: pygame.Surface, at: tuple[float, float], blend: int = 0) -> None:
    """Draw a sprite with its middle at a surface point."""
    width, height = sprite.get_size()
    surface.blit(sprite, (round(at[0]) - width // 2, round(at[1]) - height // 2), None, blend)


def _plate(size: tuple[int, int], corner: int, edge: Colour, alpha: int) -> pygame.Surface:
    plate = pygame.Surface(size, pygame.SRCALPHA, 32)
    pygame.draw.rect(plate, (*PANEL, alpha), (0, 0, *size), border_radius=corner)
    pygame.draw.rect(plate, (*edge, 220), (0, 0, *size), width=1, border_radius=corner)
    return plate


def _arcs(radius: float, thick: float, colour: Colour, steps: int = ARC_STEPS) -> list[pygame.Surface]:
    """Return a ring filled to 0, 1, ... `steps` steps of a turn; with no steps, only the whole ring."""
    size = 2 * int(np.ceil(radius + thick)) + 3
    x, y = paint.grid(size, size)
    ring = paint.cover(np.abs(np.hypot(x, y) - radius) - thick / 2.0) * np.float32(0.95)
    turn = np.arctan2(x, -y) / np.float32(2.0 * np.pi) % 1.0
    image = paint.flat(x.shape, colour)
    made = [paint.translucent(image, np.where(turn < step / steps, ring, 0.0)) for step in range(steps)]
    return [*made, paint.translucent(image, ring)]


def _wedge(radius: float, angle: float) -> pygame.Surface:
    size = 2 * int(np.ceil(radius * 1.25)) + 3
    x, y = paint.grid(size, size)
    off = (np.arctan2(y, x) - angle + 3.0 * np.pi) % (2.0 * np.pi) - np.pi
    fall = np.clip(1.0 - np.abs(off) / 0.55, 0.0, 1.0)
    ring = np.clip(1.0 - np.abs(np.hypot(x, y) - radius) / (radius * 0.16 * (0.3 + fall)), 0.0, 1.0)
    return paint.opaque(np.asarray((255.0, 48.0, 36.0)) * (ring * fall * 0.9)[..., None])
