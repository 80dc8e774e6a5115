"""Sparks and smoke: thousands of points that fly, slow down and fade, moved as arrays.

Sparks are light: each is a short streak of a few pixels, added straight into the surface's memory by one gather, one
saturating sum and one scatter for all of them. Smoke is drawn as sprites, few and large. Both live in rings of fixed
size: when full, the oldest give way.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pygame

from game.view.camera import Camera
from game.view.palette import Colour
from game.view.sprites import SMOKE_LEVELS, SMOKE_RADII, Sprites

SPARKS = 3000
"""Sparks in the air: twenty explosions at once."""

PUFFS = 320
"""Puffs of smoke: some twenty rockets' trails; each is a blit, so this bounds the frame's cost."""

_X, _Y, _VX, _VY, _AGE, _LIFE, _DRAG = range(7)

_TAIL = (0.008, 0.016, 0.024)
"""Seconds back along a spark's velocity at which its tail is drawn, a pixel each; the head is 2 x 2 pixels."""

_BRIGHT = (1.0, 0.8, 0.8, 0.6, 0.7, 0.45, 0.25)
"""How bright the head's four pixels and the tail's are."""

_INSET = 16.0
"""Map pixels inside the view's edge from which on sparks are drawn: the tail of one of 600 px/s stays in view."""


class Particles:
    """All sparks and puffs. Positions in map pixels, velocities in map pixels per second, y down.

    Each is a column of a `(7, n) float32` matrix: x, y, vx, vy, age, life (0: free), drag per second.
    """

    def __init__(self, seed: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self._sparks = np.zeros((7, SPARKS), np.float32)
        self._light = np.zeros((3, SPARKS), np.float32)
        self._puffs = np.zeros((7, PUFFS), np.float32)
        self._size = np.zeros(PUFFS, np.float32)
        self._next_spark = 0
        self._next_puff = 0

    @property
    def spark_count(self) -> int:
        """Sparks in the air."""
        return int(np.count_nonzero(self._sparks[_LIFE]))

    @property
    def puff_count(self) -> int:
        """Puffs in the air."""
        return int(np.count_nonzero(self._puffs[_LIFE]))

    def spark(
        self,
        x: np.ndarray | float,
        y: np.ndarray | float,
        vx: np.ndarray,
        vy: np.ndarray,
        life: np.ndarray | float,
        colour: Colour | np.ndarray,
        drag: float = 3.0,
    ) -> None:
        """Throw as many sparks as `vx` is long, each for `life` seconds; colour: one, or `(3, n)`."""
        count = min(len(vx), SPARKS)
        at = (self._next_spark + np.arange(count)) % SPARKS
        self._next_spark = (self._next_spark + count) % SPARKS
        for index, values in ((_X, x), (_Y, y), (_VX, vx), (_VY, vy), (_LIFE, life)):
            self._sparks[index, at] = values[:count] if isinstance(values, np.ndarray) else values
        self._sparks[_AGE, at] = 0.0
        self._sparks[_DRAG, at] = drag
        light = np.asarray(colour, np.float32)
        self._light[:, at] = light[:, None] if light.ndim == 1 else light[:, :count]

    def burst(self, x: float, y: float, count: int, speed: float, life: float, colour: Colour) -> None:
        """Throw sparks all round, up to `speed`, for about `life` seconds."""
        angle = self.rng.uniform(0.0, 2.0 * np.pi, count)
        fast = speed * np.sqrt(self.rng.uniform(0.02, 1.0, count))
        self.spark(x, y, np.cos(angle) * fast, np.sin(angle) * fast, self.rng.uniform(0.4, 1.2, count) * life, colour)

    def spray(
        self,
        x: float | np.ndarray,
        y: float | np.ndarray,
        angle: float | np.ndarray,
        spread: float,
        count: int,
        speed: float,
        life: float,
        colour: Colour,
    ) -> None:
        """Throw sparks along `angle` within `spread` radians to either side; place and angle: one, or `(count,)`."""
        angles = angle + self.rng.normal(0.0, spread / 2.0, count)
        fast = speed * self.rng.uniform(0.25, 1.0, count)
        self.spark(x, y, np.cos(angles) * fast, np.sin(angles) * fast, self.rng.uniform(0.4, 1.1, count) * life, colour)

    def puff(self, x: np.ndarray, y: np.ndarray, speed: float, life: float, size: float) -> None:
        """Let smoke rise at n points, drifting apart by up to `speed`; size: 0..1 of the largest puff."""
        count = min(len(x), PUFFS)
        at = (self._next_puff + np.arange(count)) % PUFFS
        self._next_puff = (self._next_puff + count) % PUFFS
        angle = self.rng.uniform(0.0, 2.0 * np.pi, count)
        fast = speed * self.rng.uniform(0.1, 1.0, count)
        self._puffs[:, at] = np.stack(
            (
                x[:count],
                y[:count],
                np.cos(angle) * fast,
                np.sin(angle) * fast,
                np.zeros(count),
                life * self.rng.uniform(0.6, 1.2, count),
                np.full(count, 2.2),
            )
        )
        self._size[at] = size

    def advance(self, seconds: float) -> None:
        """Move everything on by `seconds`."""
        for state in (self._sparks, self._puffs):
            state[_AGE] += seconds
            state[_LIFE, state[_AGE] >= state[_LIFE]] = 0.0
            state[_X : _Y + 1] += state[_VX : _VY + 1] * seconds
            state[_VX : _VY + 1] *= np.exp(-seconds * state[_DRAG])

    def draw_smoke(self, surface: pygame.Surface, camera: Camera, sprites: Sprites) -> None:
        """Draw the puffs in view."""
        state = self._puffs
        live = np.flatnonzero(state[_LIFE])
        if not len(live):
            return
        left, top, right, bottom = _window(camera, 30.0)
        x, y = state[_X, live], state[_Y, live]
        live = live[(x > left) & (x < right) & (y > top) & (y < bottom)]
        part = state[_AGE, live] / state[_LIFE, live]
        # It thickens at once, then grows and thins.
        size = np.clip((self._size[live] * 0.45 + part * 0.75) * len(SMOKE_RADII), 0, len(SMOKE_RADII) - 1).astype(int)
        thick = np.minimum(part * 6.0, 1.0) * (1.0 - part)
        level = np.clip(np.rint(thick * SMOKE_LEVELS) - 1, -1, SMOKE_LEVELS - 1).astype(int)
        px = np.rint(state[_X, live] * camera.zoom).astype(int) - camera.left
        py = np.rint(state[_Y, live] * camera.zoom).astype(int) - camera.top
        seen = level >= 0
        half = sprites.smoke_half[size]
        corners = np.stack((px - half, py - half), axis=1)[seen].tolist()
        chosen = zip(size[seen].tolist(), level[seen].tolist(), strict=True)
        jobs = [(sprites.smoke[which][thin], at) for (which, thin), at in zip(chosen, corners, strict=True)]
        surface.blits(jobs, False)

    def draw_sparks(self, surface: pygame.Surface, camera: Camera) -> None:
        """Add the sparks in view to the surface, which has 32 bits a pixel."""
        state = self._sparks
        live = np.flatnonzero(state[_LIFE])
        if not len(live):
            return
        left, top, right, bottom = _window(camera, -_INSET)
        x, y = state[_X, live], state[_Y, live]
        live = live[(x > left) & (x < right) & (y > top) & (y < bottom)]
        if not len(live):
            return
        fade = 1.0 - state[_AGE, live] / state[_LIFE, live]
        light = self._light[:, live] * np.minimum(fade * 1.6, 1.0)
        back = np.array((0.0, *_TAIL), np.float32)[:, None]
        px = ((state[_X, live] - state[_VX, live] * back) * camera.zoom).astype(np.int32) - camera.left
        py = ((state[_Y, live] - state[_VY, live] * back) * camera.zoom).astype(np.int32) - camera.top
        step = max(1, round(camera.zoom))
        heads = (px[0], px[0] + step, px[0], px[0] + step), (py[0], py[0], py[0] + step, py[0] + step)
        bright = np.array(_BRIGHT, np.float32)[:, None]
        add_light(
            surface,
            np.concatenate((*heads[0], *px[1:])),
            np.concatenate((*heads[1], *py[1:])),
            [(channel * bright).ravel() for channel in light],
        )


def add_light(surface: pygame.Surface, x: np.ndarray, y: np.ndarray, light: Sequence[np.ndarray]) -> None:
    """Add light to the pixels at x, y `(n,) int` of a 32-bit surface, saturating; light: red, green, blue, `(n,)` each.

    Of several on one pixel the last counts: that is not seen, and spares a sort. Pixels off the surface are moved onto
    it, which is not right but safe: the caller leaves them out.
    """
    width, height = surface.get_size()
    pixels = pygame.surfarray.pixels2d(surface)
    # One index instead of two halves the time: the same memory as one line, from the first pixel to the last.
    stride = pixels.strides[1] // 4
    line = np.lib.stride_tricks.as_strided(pixels, (stride * (height - 1) + width,), (4,))
    at = np.minimum(np.maximum(y, 0), height - 1) * stride + np.minimum(np.maximum(x, 0), width - 1)
    packed = line.take(at)
    channels = packed.view(np.uint8).reshape(-1, 4)
    little = sys.byteorder == "little"
    for shift, more in zip(surface.get_shifts()[:3], light, strict=True):
        column = channels[:, shift // 8 if little else 3 - shift // 8]
        column[...] = np.minimum(column + more.astype(np.uint16), 255)
    line[at] = packed
    del line, pixels  # an array that refers to the surface keeps it locked


def _window(camera: Camera, margin: float) -> tuple[float, float, float, float]:
    left, top = camera.to_map(0, 0)
    right, bottom = camera.to_map(*camera.size)
    return left - margin, top - margin, right + margin, bottom + margin
