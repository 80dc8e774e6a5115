"""Painting with arrays: distance fields, noise, blur, and one lamp that lights them all.

Everything solid in the picture is made the same way: a height `(h, w)` and a colour `(h, w, 3)`, lit by `lit()` from
the upper left. That one light is what makes floor, walls and players belong together. It runs when sprites are made,
never per frame. Colours are float32 in 0..255; sizes and coordinates are pixels, y down.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pygame

from game.view.palette import Colour

LIGHT = (-0.50, -0.62, 0.60)
"""Direction towards the lamp (x right, y down, z up), of length 1: upper left, as in every window system."""


def grid(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of every pixel centre, measured from the middle: two `(height, width) float32`."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x - (width - 1) / 2.0, y - (height - 1) / 2.0


def circle(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    """Return the signed distance to a circle about the origin; negative inside."""
    distance: np.ndarray = np.sqrt(x * x + y * y) - radius
    return distance


def box(x: np.ndarray, y: np.ndarray, half: tuple[float, float], round_by: float = 0.0) -> np.ndarray:
    """Return the signed distance to a box about the origin with half sizes `half` and rounded corners."""
    over_x, over_y = np.abs(x) - (half[0] - round_by), np.abs(y) - (half[1] - round_by)
    outside = np.hypot(np.maximum(over_x, 0.0), np.maximum(over_y, 0.0))
    distance: np.ndarray = outside + np.minimum(np.maximum(over_x, over_y), 0.0) - round_by
    return distance


def cover(distance: np.ndarray, soft: float = 1.0) -> np.ndarray:
    """Return how much of each pixel a shape covers, 0..1, its edge `soft` pixels wide."""
    return np.asarray(np.clip(0.5 - distance / soft, 0.0, 1.0))


def bevel(distance: np.ndarray, width: float, height: float) -> np.ndarray:
    """Return the height of a plateau whose edge rises over `width` pixels, rounded like a pressed plate."""
    part = np.clip(-distance / width, 0.0, 1.0)
    return np.asarray(np.sqrt(part * (2.0 - part)) * height)


def smooth(values: np.ndarray, radius: int, passes: int = 2) -> np.ndarray:
    """Return `values` `(h, w)` box-blurred `passes` times (two: a tent, three: nearly Gaussian); edges repeat."""
    if radius < 1:
        return values
    size = 2 * radius + 1
    for _ in range(passes):
        for axis in (0, 1):
            pads = [(0, 0), (0, 0)]
            pads[axis] = (radius + 1, radius)
            total = np.cumsum(np.pad(values, pads, mode="edge"), axis=axis, dtype=np.float64)
            length = values.shape[axis]
            high = np.take(total, np.arange(size, size + length), axis=axis)
            low = np.take(total, np.arange(length), axis=axis)
            values = ((high - low) / size).astype(np.float32)
    return values


def noise(rng: np.random.Generator, width: int, height: int, cell: int, octaves: int = 3) -> np.ndarray:
    """Return value noise `(height, width)` in about -1..1; `cell` pixels is the size of the largest blobs. It tiles."""
    out = np.zeros((height, width), np.float32)
    strength = 1.0
    for octave in range(octaves):
        step = max(1, cell >> octave)
        rows, columns = max(1, height // step), max(1, width // step)
        knots = rng.uniform(-1.0, 1.0, (rows, columns)).astype(np.float32)
        at_y = np.arange(height, dtype=np.float32) * (rows / height)
        at_x = np.arange(width, dtype=np.float32) * (columns / width)
        y0, x0 = at_y.astype(np.intp), at_x.astype(np.intp)
        part_y, part_x = at_y - y0, at_x - x0
        part_y, part_x = part_y * part_y * (3.0 - 2.0 * part_y), part_x * part_x * (3.0 - 2.0 * part_x)
        y1, x1 = (y0 + 1) % rows, (x0 + 1) % columns
        top = knots[y0][:, x0] * (1.0 - part_x) + knots[y0][:, x1] * part_x
        bottom = knots[y1][:, x0] * (1.0 - part_x) + knots[y1][:, x1] * part_x
        out += strength * (top * (1.0 - part_y[:, None]) + bottom * part_y[:, None])
        strength *= 0.5
    return out


def flat(shape: tuple[int, int], colour: Colour | tuple[float, float, float]) -> np.ndarray:
    """Return an image `(h, w, 3) float32` of one colour."""
    return np.broadcast_to(np.asarray(colour, np.float32), (*shape, 3)).copy()


def over(image: np.ndarray, colour: Sequence[float] | np.ndarray, part: np.ndarray) -> None:
    """Lay `colour` over `image` in place, as opaque as `part` `(h, w)` says."""
    image += (np.asarray(colour, np.float32) - image) * part[..., None]


def shading(height: np.ndarray, gloss: float, ambient: float = 0.42) -> tuple[np.ndarray, np.ndarray]:
    """Return what the lamp makes of relief `height` (in pixels): a factor to the colour, a highlight to add; `(h, w)`.

    A flat surface gets factor 1 and no highlight.
    """
    slope_y, slope_x = np.gradient(height)
    length = np.sqrt(slope_x * slope_x + slope_y * slope_y + 1.0)
    towards = -slope_x * LIGHT[0] - slope_y * LIGHT[1] + LIGHT[2]
    shade = ambient + (1.0 - ambient) * np.clip(towards / length, 0.0, None) / LIGHT[2]
    # Blinn's highlight, seen from straight above: the half vector is (light + up) / |light + up|.
    half = np.sqrt(2.0 + 2.0 * LIGHT[2])
    mirror = np.clip((towards + 1.0) / (length * half), 0.0, 1.0)
    flat_mirror = (LIGHT[2] + 1.0) / half
    # To the 24th power by squaring: numpy's general power costs ten times as much.
    square = mirror * mirror
    fourth = square * square
    eighth = fourth * fourth
    return shade, np.clip(eighth * eighth * eighth - flat_mirror**24, 0.0, None) * gloss * 255.0


def lit(height: np.ndarray, albedo: np.ndarray, gloss: float = 0.25, ambient: float = 0.42) -> np.ndarray:
    """Return `albedo` with relief `height` (in pixels) under the lamp; `gloss`: the highlight's strength."""
    shade, shine = shading(height, gloss, ambient)
    return np.asarray(np.clip(albedo * shade[..., None] + shine[..., None], 0.0, 255.0), np.float32)


def opaque(image: np.ndarray) -> pygame.Surface:
    """Return an image `(h, w, 3)`, 0..255, as a surface without alpha: for the backdrop and for adding light."""
    surface = pygame.Surface((image.shape[1], image.shape[0]), 0, 32)
    pygame.surfarray.blit_array(surface, np.clip(image, 0, 255).astype(np.uint8).swapaxes(0, 1))
    return surface


def translucent(image: np.ndarray, alpha: np.ndarray) -> pygame.Surface:
    """Return an image `(h, w, 3)`, 0..255, with `alpha` `(h, w)`, 0..1, as a surface with alpha per pixel."""
    surface = pygame.Surface((image.shape[1], image.shape[0]), pygame.SRCALPHA, 32)
    pixels = pygame.surfarray.pixels3d(surface)
    pixels[...] = np.clip(image, 0, 255).astype(np.uint8).swapaxes(0, 1)
    del pixels  # an array that refers to the surface keeps it locked
    alphas = pygame.surfarray.pixels_alpha(surface)
    alphas[...] = (np.clip(alpha, 0.0, 1.0) * 255.0).astype(np.uint8).T
    del alphas
    return surface


def glow(radius: int, power: float) -> pygame.Surface:
    """Return a round soft white light to be coloured and added: full in the middle, nothing at `radius` pixels.

    It falls as (1 - distance^2) ^ power: a larger power gathers it in the middle. With power 2, a row of them three
    quarters of a radius apart adds up to an even line.
    """
    at = np.arange(-radius, radius + 1, dtype=np.float32)
    fall = np.clip(1.0 - (at * at + (at * at)[:, None]) / (radius * radius), 0.0, 1.0) ** np.float32(power)
    return opaque(np.broadcast_to((fall * 255.0)[..., None], (*fall.shape, 3)))


def tinted(light: pygame.Surface, colour: Colour, strength: float) -> pygame.Surface:
    """Return a copy of a white light in `colour`, of `strength` 0..1."""
    copy = light.copy()
    factor = (round(colour[0] * strength), round(colour[1] * strength), round(colour[2] * strength))
    copy.fill(factor, special_flags=pygame.BLEND_RGB_MULT)
    return copy
