"""Words on the surface: each rendered once, with a dark edge that keeps it readable on anything.

The font is the one pygame carries with it, so there is no file of ours to find. Rendered words are kept, the least
recently used give way: numbers that change each frame can't fill the memory.
"""

from __future__ import annotations

from collections import OrderedDict

import pygame

from game.view.palette import DARK, WHITE, Colour

KEPT = 1500
"""Rendered words kept, some 7 MB: names in each size, scores, the numbers of a net graph several times over."""


SIZES = (12, 13, 14, 15, 18, 20, 24, 26, 30)
"""Sizes opened at once: opening a font takes longer than a frame may."""

FINE = 2
"""Words are rendered so many times larger and scaled down: at small sizes the font's own letter spacing is uneven."""


class Text:
    """Draws words at `scale` surface pixels to a point of size."""

    def __init__(self, scale: float) -> None:
        pygame.font.init()
        self.scale = scale
        self._fonts = {size: self._open(size) for size in SIZES}
        self._kept: OrderedDict[tuple[str, int, Colour, bool], pygame.Surface] = OrderedDict()

    def surface(self, words: str, size: int, colour: Colour, edge: bool = True) -> pygame.Surface:
        """Return `words` rendered; the caller must not draw on it."""
        key = (words, size, colour, edge)
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        made = self._render(words, size, colour, edge)
        self._kept[key] = made
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return made

    def draw(
        self,
        target: pygame.Surface,
        words: str,
        at: tuple[float, float],
        size: int = 16,
        colour: Colour = WHITE,
        anchor: tuple[float, float] = (0.0, 0.0),
        edge: bool = True,
    ) -> pygame.Rect:
        """Draw `words` with the point `anchor` of their box ((0, 0) upper left, (1, 1) lower right) at `at`."""
        made = self.surface(words, size, colour, edge)
        width, height = made.get_size()
        return target.blit(made, (round(at[0] - anchor[0] * width), round(at[1] - anchor[1] * height)))

    def width(self, words: str, size: int) -> int:
        """Return how wide `words` is drawn, in surface pixels."""
        return self.surface(words, size, WHITE).get_width()

    def _font(self, size: int) -> pygame.font.Font:
        font = self._fonts.get(size)
        if font is None:
            font = self._fonts[size] = self._open(size)
        return font

    def _open(self, size: int) -> pygame.font.Font:
        return pygame.font.Font(None, max(8, round(size * self.scale * 1.25)) * FINE)

    def _face(self, words: str, size: int, colour: Colour) -> pygame.Surface:
        font = self._font(size)
        blank = pygame.Surface((1, max(1, font.get_height() // FINE)), pygame.SRCALPHA, 32)
        try:
            large = font.render(words, True, colour)
        except pygame.error:  # only letters without a width, which some versions refuse
            return blank
        width, height = large.get_size()
        if width == 0:  # nothing to see, which others return: scaling it would crash the process
            return blank
        return pygame.transform.smoothscale(large, (max(1, -(-width // FINE)), max(1, -(-height // FINE))))

    def _render(self, words: str, size: int, colour: Colour, edge: bool) -> pygame.Surface:
        # Neither a NUL nor half a surrogate pair can be rendered, and who knows where the words come from.
        clean = words.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
        face = self._face(clean, size, colour)
        if not edge:
            return face
        reach = 1 if size * self.scale < 30 else 2
        width, height = face.get_size()
        made = pygame.Surface((width + 2 * reach, height + 2 * reach), pygame.SRCALPHA, 32)
        dark = self._face(clean, size, DARK)
        for step_x, step_y in ((0, 1), (2, 1), (1, 0), (1, 2), (1, 2)):
            made.blit(dark, (step_x * reach, step_y * reach))
        made.blit(face, (reach, reach))
        return made
