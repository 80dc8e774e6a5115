"""What lies about to be picked up: lit pads on the floor, with what they hold floating over them while it is there.

An empty pad stays, dark: who knows the map knows where to wait. Kinds that this version does not know look like a plain
crate. Pads are painted under the house lamp, once per kind.
"""

from __future__ import annotations

import math

import numpy as np
import pygame

from engine.world.picture import Picture
from game.schema import Item
from game.view import paint
from game.view.camera import Camera
from game.view.palette import ARMOUR, FAINT, GOOD, ROCKET, Colour
from game.view.sprites import Sprites

RADIUS = 13.0
"""Map pixels of a pad."""
FLOAT = 2.2
"""Map pixels by which what floats goes up and down."""

COLOURS: dict[int, Colour] = {Item.HEALTH: GOOD, Item.ARMOUR: ARMOUR, Item.AMMUNITION: ROCKET}


def colour_of_item(item: int) -> Colour:
    """Return the light of a kind of pick-up."""
    return COLOURS.get(item, FAINT)


class Pickups:
    """Draws the pick-ups at the zoom of `sprites`."""

    def __init__(self, sprites: Sprites) -> None:
        self._sprites = sprites
        self._pads: dict[tuple[int, bool], pygame.Surface] = {}
        self._icons: dict[int, pygame.Surface] = {}
        for item in Item:
            self._pad(item, True), self._pad(item, False), self._icon(item)

    def draw(self, surface: pygame.Surface, camera: Camera, picture: Picture, time: float) -> None:
        """Draw those in view, at `time` in seconds."""
        seen = picture.kinds.get("pickup")
        if seen is None:
            return
        x, y, item, ready = seen["x"], seen["y"], seen["item"], seen["ready"]
        for row in seen.rows().tolist():
            at_x, at_y = float(x[row]), float(y[row])
            if not camera.sees(at_x, at_y, 50.0):
                continue
            kind, there = int(item[row]), bool(ready[row])
            at = camera.to_surface(at_x, at_y)
            _centre(surface, self._pad(kind, there), at)
            if there:
                beat = 0.5 + 0.5 * math.sin(time * 2.6 + row)
                light = self._sprites.glow(34.0, colour_of_item(kind), 0.22 + 0.12 * beat)
                _centre(surface, light, at, pygame.BLEND_RGB_ADD)
                up = round((2.0 + FLOAT * math.sin(time * 2.1 + row)) * camera.zoom)
                _centre(surface, self._icon(kind), (at[0], at[1] - up))

    def _pad(self, item: int, lit: bool) -> pygame.Surface:
        if (item, lit) not in self._pads:
            self._pads[item, lit] = _paint_pad(RADIUS * self._sprites.zoom, colour_of_item(item), lit)
        return self._pads[item, lit]

    def _icon(self, item: int) -> pygame.Surface:
        if item not in self._icons:
            self._icons[item] = _paint_icon(RADIUS * 0.78 * self._sprites.zoom, item)
        return self._icons[item]


def _centre(surface: pygame.Surface, sprite: pygame.Surface, at: tuple[int, int], blend: int = 0) -> None:
    surface.blit(sprite, (at[0] - sprite.get_width() // 2, at[1] - sprite.get_height() // 2), None, blend)


def _grid(radius: float) -> tuple[np.ndarray, np.ndarray]:
    size = 2 * int(np.ceil(radius)) + 5
    return paint.grid(size, size)


def _paint_pad(radius: float, colour: Colour, lit: bool) -> pygame.Surface:
    """A low plate with a groove that glows while something lies on it."""
    x, y = _grid(radius)
    away = np.hypot(x, y)
    plate = away - radius
    groove = np.abs(away - radius * 0.78) - radius * 0.07
    height = paint.bevel(plate, radius * 0.3, radius * 0.16) - paint.cover(groove) * radius * 0.08
    albedo = paint.flat(x.shape, (44.0, 50.0, 62.0))
    image = paint.lit(height, albedo, gloss=0.3)
    light = colour if lit else (26, 30, 38)
    paint.over(image, light, paint.cover(groove) * (0.95 if lit else 0.8))
    return paint.translucent(image, paint.cover(plate) * 0.96)


def _paint_icon(radius: float, item: int) -> pygame.Surface:
    """What floats: a cross, a shield, a row of rounds, or a crate, in relief."""
    x, y = _grid(radius)
    if item == Item.HEALTH:
        arm, long = radius * 0.26, radius * 0.82
        shape = np.minimum(paint.box(x, y, (long, arm), radius * 0.08), paint.box(x, y, (arm, long), radius * 0.08))
    elif item == Item.ARMOUR:
        wide = radius * 0.68 * np.sqrt(np.clip(1.0 - np.clip(y / (radius * 0.95), 0.0, 1.0) ** 2, 0.0, 1.0))
        shape = np.maximum(np.abs(x) - wide, -y - radius * 0.72)
        shape = np.maximum(shape, y - radius * 0.92)
    elif item == Item.AMMUNITION:
        shape = np.full(x.shape, 1e3, np.float32)
        for side in (-1, 0, 1):
            shape = np.minimum(
                shape, paint.box(x - side * radius * 0.52, y, (radius * 0.19, radius * 0.72), radius * 0.19)
            )
    else:
        shape = paint.box(x, y, (radius * 0.7, radius * 0.7), radius * 0.12)
    height = paint.bevel(shape, radius * 0.24, radius * 0.24)
    albedo = paint.flat(x.shape, colour_of_item(item))
    image = paint.lit(height, albedo, gloss=0.55, ambient=0.55)
    edge = paint.cover(np.abs(shape) - radius * 0.05)
    paint.over(image, (12.0, 14.0, 20.0), edge * 0.55)
    return paint.translucent(image, paint.cover(shape - radius * 0.06))
