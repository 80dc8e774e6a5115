"""The game's name in large letters, cast from the same metal and under the same lamp as the walls."""

from __future__ import annotations

import numpy as np
import pygame

from game.view import paint
from game.view.palette import RAIL


def paint_title(words: str, high: int) -> pygame.Surface:
    """Return `words` as a sprite with alpha, its letters about `high` pixels tall, lit from below by a line."""
    pygame.font.init()
    face = pygame.font.Font(None, round(high * 1.35)).render(words, True, (255, 255, 255))
    margin = max(4, high // 4)
    sheet = pygame.Surface((face.get_width() + 2 * margin, face.get_height() + 2 * margin), pygame.SRCALPHA, 32)
    sheet.blit(face, (margin, margin))
    body = pygame.surfarray.array_alpha(sheet).T.astype(np.float32) / 255.0
    edge = max(1, high // 22)
    # A blurred mask, cut at its middle, is a distance to the letters' edge: near enough for a bevel.
    height = np.clip((paint.smooth(body, edge, 2) - 0.5) * 2.0, 0.0, 1.0) * edge * 2.2
    metal = paint.flat(body.shape, (118.0, 130.0, 152.0))
    rough = paint.noise(np.random.default_rng(5), body.shape[1], body.shape[0], max(4, high // 3), 4)
    image = paint.lit(height, metal + rough[..., None] * 9.0, gloss=0.5)
    rows = np.linspace(0.0, 1.0, body.shape[0], dtype=np.float32)[:, None]
    image *= (1.12 - 0.45 * rows)[..., None]
    halo = np.clip(paint.smooth(body, high // 7, 3) * 1.1 - 0.05, 0.0, 1.0)
    glow = halo * (0.25 + 0.75 * rows)
    back = np.asarray(RAIL, np.float32) * 0.55
    merged = back + (image - back) * body[..., None]
    return paint.translucent(merged, np.maximum(body, glow * 0.55))
