"""Everything that moves, drawn once per look and kept: players, rockets, glows, blasts.

A player is a coloured hull that does not turn, and a turret with its weapon that does. Each is a height and a colour
under `paint`'s lamp, so highlights stay in the upper left whichever way it points; that is why a turned sprite is made
anew and not rotated. The costly part, the shape under the lamp, is the same for all colours: turrets are cast once per
direction (`_Mould`) when the game starts, and coloured when first needed. Sprites are kept by look and direction; the
least recently used give way. Sprites named `..._glow` and the blasts have no alpha: they are added to what is below.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable

import numpy as np
import pygame

from game.arena import PLAYER_RADIUS
from game.schema import TURN
from game.view import paint
from game.view.palette import WEAPONS, Colour

DIRECTIONS = 128
"""Directions a turning sprite is made for: 2.8 degrees, less than a pixel at the muzzle."""

KEPT_BYTES = 48 * 2**20
"""Bytes of sprites kept at zoom 1: 64 players in all directions are 25 MB, the glows of a heavy fight 15 MB."""

LIGHT_LEVELS = 16
"""Strengths a glow is made in: alone a step is seen, in the half second that a flash lasts it is not."""

SMOKE_RADII = (7, 9, 12, 15, 18, 22)
"""Map pixels of the puffs of smoke, from fresh to old."""

SMOKE_LEVELS = 6
"""How many densities each puff is made in: alpha per pixel can't be scaled while drawing."""

SCORCHES = 3
"""How many different scorch marks there are."""

BLAST_FRAMES = 18
"""Pictures of an explosion."""

BLAST_REACH = 88
"""Map pixels from an explosion's middle to the edge of its picture."""

MUZZLE = 1.62
"""Where flashes and traces begin, in player radii from the middle: the weapon's end. Shots begin in the middle."""


class Sprites:
    """Sprites at one zoom."""

    def __init__(self, zoom: float) -> None:
        self.zoom = zoom
        self._kept: OrderedDict[Hashable, pygame.Surface] = OrderedDict()
        self._bytes = 0
        self.shadow = _shadow(PLAYER_RADIUS * zoom)
        self.blast = _blast(round(BLAST_REACH * zoom))
        self.ring = [_ring(round(14 * zoom + step * 7 * zoom), zoom, 1.0 - step / 14) for step in range(14)]
        self.smoke = [
            [_smoke(round(radius * zoom), seed, (level + 1) / SMOKE_LEVELS) for level in range(SMOKE_LEVELS)]
            for seed, radius in enumerate(SMOKE_RADII)
        ]
        self.smoke_half = np.array([levels[0].get_width() // 2 for levels in self.smoke])
        self.scorch = [
            [_scorch(round(46 * zoom), seed, (level + 1) / SMOKE_LEVELS) for level in range(SMOKE_LEVELS)]
            for seed in range(SCORCHES)
        ]
        self._moulds = [
            [_cast_turret(PLAYER_RADIUS * zoom, weapon, step * TURN / DIRECTIONS) for step in range(DIRECTIONS)]
            for weapon in range(len(WEAPONS))
        ]

    def warm(self, lights: Iterable[tuple[float, float]]) -> None:
        """Make now what takes longer than a frame may: rockets all round, and `lights`, by map radius and power."""
        for step in range(DIRECTIONS):
            self.rocket(step * TURN / DIRECTIONS)
        for radius, power in lights:
            self._light(max(2, round(radius * self.zoom)), power)

    def glow(self, radius: float, colour: Colour, strength: float = 1.0, power: float = 3.5) -> pygame.Surface:
        """Return a soft light to be added, of `radius` map pixels; radius and strength (0..1) are taken in steps."""
        pixels = max(2, round(radius * self.zoom))
        level = min(LIGHT_LEVELS, max(1, round(strength * LIGHT_LEVELS)))
        white = self._light(pixels, power)
        key = ("glow", pixels, colour, level, power)
        return self._keep(key, lambda: paint.tinted(white, colour, level / LIGHT_LEVELS))

    def _light(self, pixels: int, power: float) -> pygame.Surface:
        return self._keep(("light", pixels, power), lambda: paint.glow(pixels, power))

    def hull(self, colour: Colour, mark: int) -> pygame.Surface:
        """Return a player's hull; colour and mark are its `palette.look`."""
        return self._keep(("hull", colour, mark), lambda: _hull(PLAYER_RADIUS * self.zoom, colour, mark))

    def turret(self, colour: Colour, weapon: int, aim: float) -> pygame.Surface:
        """Return a player's turret pointing along `aim` (in aim units) with the weapon in hand."""
        step = round(aim * DIRECTIONS / TURN) % DIRECTIONS
        weapon = min(max(weapon, 0), len(WEAPONS) - 1)
        key = ("turret", colour, weapon, step)
        return self._keep(key, lambda: self._moulds[weapon][step].coloured(colour))

    def rocket(self, aim: float) -> pygame.Surface:
        """Return a rocket flying along `aim` (in aim units)."""
        step = round(aim * DIRECTIONS / TURN) % DIRECTIONS
        return self._keep(("rocket", step), lambda: _rocket(self.zoom, step * TURN / DIRECTIONS))

    def _keep(self, key: Hashable, make: Callable[[], pygame.Surface]) -> pygame.Surface:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        made = self._kept[key] = make()
        self._bytes += made.get_width() * made.get_height() * 4
        while self._bytes > KEPT_BYTES * self.zoom * self.zoom and len(self._kept) > 1:
            _, old = self._kept.popitem(last=False)
            self._bytes -= old.get_width() * old.get_height() * 4
        return made


def _turned(x: np.ndarray, y: np.ndarray, aim: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates along and across the direction `aim`."""
    angle = aim * 2.0 * np.pi / TURN
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return x * cos + y * sin, y * cos - x * sin


def _canvas(radius: float) -> tuple[np.ndarray, np.ndarray]:
    size = 2 * int(np.ceil(radius)) + 3
    return paint.grid(size, size)


def _hull(radius: float, colour: Colour, mark: int) -> pygame.Surface:
    """A round armoured hull: dark skirt, coloured shell, a groove, and the player's mark on the shell."""
    x, y = _canvas(radius)
    away = np.hypot(x, y)
    body = away - radius
    shell = away - radius * 0.88
    height = paint.bevel(body, radius * 0.16, radius * 0.16) + paint.bevel(shell, radius * 0.42, radius * 0.34)
    height -= paint.cover(np.abs(away - radius * 0.60) - radius * 0.035) * radius * 0.10
    albedo = paint.flat(x.shape, (34.0, 38.0, 46.0))
    paint.over(albedo, colour, paint.cover(shell))
    dark = tuple(part * 0.45 for part in colour)
    paint.over(albedo, dark, paint.cover(np.abs(away - radius * 0.60) - radius * 0.035) * 0.7)
    white = (250.0, 250.0, 250.0)
    band = paint.cover(shell + radius * 0.04) * paint.cover(radius * 0.62 - away)
    if mark == 1:
        paint.over(albedo, white, band * paint.cover(np.abs(x) - radius * 0.13))
    elif mark == 2:
        paint.over(albedo, white, band * paint.cover(np.abs(np.abs(x) - radius * 0.30) - radius * 0.11))
    elif mark == 3:
        paint.over(albedo, white, band * paint.cover(np.abs(away - radius * 0.74) - radius * 0.05))
    image = paint.lit(height, albedo, gloss=0.45)
    return paint.translucent(image, paint.cover(body))


class _Mould:
    """A turret before its shoulders are coloured.

    base: the turret with black shoulders. half: half the light that white shoulders would add to it: added twice, so
    that a highlight brighter than the colour itself fits into 8 bits.
    """

    __slots__ = ("base", "half")

    def __init__(self, base: np.ndarray, tint: np.ndarray, alpha: np.ndarray) -> None:
        self.base = paint.translucent(base, alpha)
        self.half = paint.opaque(np.repeat(tint[..., None] * 127.5, 3, axis=2))

    def coloured(self, colour: Colour) -> pygame.Surface:
        red, green, blue = (round(part + (255 - part) * 0.22) for part in colour)
        light = paint.tinted(self.half, (red, green, blue), 1.0)
        made = self.base.copy()
        for _ in range(2):
            made.blit(light, (0, 0), None, pygame.BLEND_RGB_ADD)
        return made


def _cast_turret(radius: float, weapon: int, aim: float) -> _Mould:
    """Cast shoulders, weapon, and a head with a lit visor."""
    x, y = _canvas(radius * 1.75)
    u, v = _turned(x, y, aim)
    glow = WEAPONS[weapon][1]
    height = np.zeros(x.shape, np.float32)
    albedo = paint.flat(x.shape, (30.0, 34.0, 42.0))
    alpha = np.zeros(x.shape, np.float32)
    tint = np.zeros(x.shape, np.float32)

    def add(
        distance: np.ndarray, colour: tuple[float, float, float] | None, foot: float, wide: float, high: float
    ) -> None:
        """Add a part over those before: with a dark seam, its foot and bevel in radii; no colour: the player's."""
        nonlocal height, alpha, tint
        covered, seam = paint.cover(distance), paint.cover(distance - radius * 0.06)
        height = np.where(distance < 0, foot * radius + paint.bevel(distance, wide * radius, high * radius), height)
        paint.over(albedo, (18.0, 20.0, 26.0), seam * 0.85)
        paint.over(albedo, colour or (0.0, 0.0, 0.0), covered)
        tint = np.maximum(tint * (1.0 - seam), covered if colour is None else 0.0)
        alpha = np.maximum(alpha, seam)

    if weapon == 0:
        for side in (-1, 1):
            prong = paint.box(
                u - radius * 0.98, v - side * radius * 0.15, (radius * 0.66, radius * 0.085), radius * 0.05
            )
            add(prong, (142.0, 152.0, 168.0), 0.30, 0.09, 0.12)
        breech = paint.box(u - radius * 0.62, v, (radius * 0.30, radius * 0.27), radius * 0.08)
        add(breech, (96.0, 104.0, 118.0), 0.32, 0.14, 0.16)
    elif weapon == 2:
        block = paint.box(u - radius * 0.66, v, (radius * 0.34, radius * 0.30), radius * 0.09)
        add(block, (84, 92, 104), 0.32, 0.16, 0.18)
        for side in (-1, 0, 1):
            barrel = paint.box(
                u - radius * 1.16, v - side * radius * 0.19, (radius * 0.42, radius * 0.075), radius * 0.06
            )
            add(barrel, (150.0, 158.0, 170.0), 0.34, 0.07, 0.10)
    else:
        tube = paint.box(u - radius * 0.78, v, (radius * 0.60, radius * 0.27), radius * 0.10)
        add(tube, (96.0, 104.0, 118.0), 0.30, 0.27, 0.30)
        collar = paint.box(u - radius * 1.28, v, (radius * 0.13, radius * 0.33), radius * 0.07)
        add(collar, (70.0, 74.0, 82.0), 0.36, 0.20, 0.26)
    for side in (-1, 1):
        shoulder = paint.box(u + radius * 0.02, v - side * radius * 0.63, (radius * 0.36, radius * 0.22), radius * 0.15)
        add(shoulder, None, 0.40, 0.18, 0.22)
    add(paint.circle(u, v, radius * 0.43), (58.0, 64.0, 76.0), 0.48, 0.40, 0.30)

    shade, shine = paint.shading(paint.smooth(height, 1, 1), 0.55)
    image = np.clip(albedo * shade[..., None] + shine[..., None], 0.0, 255.0)
    if weapon == 2:
        light = paint.box(u - radius * 0.58, v, (radius * 0.06, radius * 0.20), radius * 0.04)
    elif weapon == 0:
        light = paint.box(u - radius * 1.02, v, (radius * 0.58, radius * 0.055), radius * 0.04)
    else:
        light = paint.box(u - radius * 1.36, v, (radius * 0.05, radius * 0.20), radius * 0.04)
    visor = paint.box(u - radius * 0.23, v, (radius * 0.075, radius * 0.23), radius * 0.07)
    paint.over(image, tuple(part * 0.65 + 90.0 for part in glow), paint.cover(light))
    paint.over(image, (235.0, 248.0, 255.0), paint.cover(visor))
    return _Mould(image, tint * shade, np.maximum(alpha, paint.cover(light)))


def _rocket(zoom: float, aim: float) -> pygame.Surface:
    x, y = _canvas(13.0 * zoom)
    u, v = _turned(x, y, aim)
    body = paint.box(u - 0.5 * zoom, v, (7.5 * zoom, 2.7 * zoom), 2.6 * zoom)
    fins = paint.box(u + 6.0 * zoom, v, (2.2 * zoom, 5.2 * zoom), 1.2 * zoom)
    shape = np.minimum(body, fins)
    height = np.maximum(paint.bevel(body, 2.7 * zoom, 2.7 * zoom), paint.bevel(fins, 1.0 * zoom, 0.8 * zoom))
    albedo = paint.flat(x.shape, (222.0, 226.0, 232.0))
    paint.over(albedo, (196.0, 62.0, 40.0), paint.cover(4.5 * zoom - u) * paint.cover(u - 20.0 * zoom))
    paint.over(albedo, (222.0, 226.0, 232.0), paint.cover(np.abs(u + 0.5 * zoom) - 3.5 * zoom))
    paint.over(albedo, (96.0, 100.0, 110.0), paint.cover(fins) * paint.cover(-body))
    return paint.translucent(paint.lit(height, albedo, gloss=0.4), paint.cover(shape - 0.4 * zoom))


def _shadow(radius: float) -> pygame.Surface:
    x, y = _canvas(radius * 1.5)
    alpha = np.clip(1.0 - np.hypot(x, y) / (radius * 1.45), 0.0, 1.0)
    return paint.translucent(paint.flat(x.shape, (2.0, 3.0, 6.0)), np.clip(alpha * 1.9, 0.0, 0.68))


def _blast(radius: int) -> list[pygame.Surface]:
    """A fireball that grows, breaks up and cools, `BLAST_FRAMES` pictures to be added."""
    rng = np.random.default_rng(3)
    size = 2 * radius + 1
    x, y = paint.grid(size, size)
    away = np.hypot(x, y) / radius
    coarse = paint.noise(rng, size, size, max(4, radius // 2), 4)
    fine = paint.noise(rng, size, size, max(3, radius // 5), 3)
    frames = []
    for frame in range(BLAST_FRAMES):
        age = frame / (BLAST_FRAMES - 1)
        reach = 0.34 + 0.50 * (1.0 - (1.0 - age) ** 3)
        heat = 1.35 * (1.0 - age) ** 1.1
        body = np.clip(
            (reach - away) / reach * 2.4 + 0.55 * coarse * (0.4 + age) - 1.3 * age * np.clip(fine + 0.3, 0, 1), 0, 1.5
        )
        body *= np.clip((1.0 - away) * 5.0, 0.0, 1.0)
        power = np.clip(body * heat, 0.0, 2.0)
        # Black body, roughly: red saturates first, then green, blue only in the white-hot middle.
        image = np.stack((power * 330.0, power**1.7 * 190.0, power**3.2 * 95.0), axis=2)
        frames.append(paint.opaque(image))
    return frames


def _ring(radius: int, zoom: float, strength: float) -> pygame.Surface:
    """A shock wave's front, to be added: sharp outside, trailing off inside."""
    x, y = _canvas(radius + 3.0 * zoom)
    off = np.hypot(x, y) - radius
    front = np.where(off > 0, np.clip(1.0 - off / (2.0 * zoom), 0, 1), np.clip(1.0 + off / (11.0 * zoom), 0, 1) ** 2)
    return paint.opaque(np.asarray((255.0, 205.0, 150.0)) * (front * strength**1.5 * 0.75)[..., None])


def _smoke(radius: int, seed: int, strength: float) -> pygame.Surface:
    x, y = _canvas(float(radius))
    rough = paint.noise(np.random.default_rng(seed), x.shape[1], x.shape[0], max(3, radius), 3)
    body = np.clip((1.0 - np.hypot(x, y) / radius) * 1.5 + 0.28 * rough - 0.12, 0.0, 1.0)
    shade = 78.0 + 18.0 * (-x - y) / radius
    return paint.translucent(np.stack((shade, shade, shade + 5.0), axis=2), body * 0.80 * strength)


def _scorch(radius: int, seed: int, strength: float) -> pygame.Surface:
    x, y = _canvas(float(radius))
    rough = paint.noise(np.random.default_rng(40 + seed), x.shape[1], x.shape[0], max(3, radius // 2), 4)
    angle = np.arctan2(y, x)
    rays = 0.10 * np.sin(angle * 9.0 + seed) + 0.07 * np.sin(angle * 17.0 + 2.0 * seed)
    body = np.clip((1.0 - np.hypot(x, y) / radius + rays * 0.8 + 0.18 * rough) * 1.3, 0.0, 1.0) ** 1.3
    return paint.translucent(paint.flat(x.shape, (6.0, 6.0, 8.0)), body * 0.72 * strength)
