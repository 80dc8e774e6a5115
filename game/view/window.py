"""The window: opens it, pumps its events, follows its size, shows the canvas in it.

The renderer draws on a canvas at the window's own resolution, so that nothing is blurred. While the window is being
dragged to another size the old canvas is stretched; when the size has settled, the canvas follows and the renderer is
made anew. A canvas is never larger than `CANVAS_MAX`: beyond that the frame's time goes into pixels nobody tells apart.

With SDL's dummy driver (`SDL_VIDEODRIVER=dummy`) the same code draws into memory.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import pygame

from engine.errors import UsageError

CANVAS_MAX = (1920, 1080)
SMALLEST = (640, 360)
"""A window smaller than this is stretched from a canvas of this size: words stay words."""

SETTLE = 0.3
"""Seconds without another change after which a new size is taken."""


class Window:
    """A window with a canvas to draw on. Raises UsageError when there is no display."""

    def __init__(self, title: str, size: tuple[int, int] = (1280, 720), full_screen: bool = False) -> None:
        try:
            pygame.display.init()
            self._display = self._opened(size, full_screen)
        except pygame.error as error:
            raise UsageError(f"can't open a window: {error}") from error
        pygame.display.set_caption(title)
        self.show_mouse(False)
        self._changed: float | None = None
        self._size = self._fitting_size()
        self._canvas = self._made()

    def reopen(self, size: tuple[int, int], full_screen: bool) -> None:
        """Take another size, or the whole screen. What the system refuses is passed over: the window stays."""
        with contextlib.suppress(pygame.error):
            self._display = self._opened(size, full_screen)
        self._changed = None
        self._size = self._fitting_size()
        self._canvas = self._made()

    def show_mouse(self, shown: bool) -> None:
        """Show the system's arrow over the window, or hide it: in a match there is a crosshair."""
        pygame.mouse.set_visible(shown)

    @staticmethod
    def _opened(size: tuple[int, int], full_screen: bool) -> pygame.Surface:
        flags = pygame.FULLSCREEN if full_screen else pygame.RESIZABLE
        return pygame.display.set_mode((0, 0) if full_screen else size, flags)

    @property
    def largest(self) -> tuple[int, int] | None:
        """The size of the largest desktop there is; None where there is none to be told."""
        sizes = pygame.display.get_desktop_sizes()
        return max(sizes, default=None)

    @property
    def canvas(self) -> pygame.Surface:
        """What to draw the next frame on. Its size changes when the window's has settled."""
        return self._canvas

    def events(self, time: float) -> list[pygame.event.Event]:
        """Return what has come in, with mouse positions on the canvas; `time` is in seconds, as the scenes'."""
        events = [self._on_canvas(event) for event in pygame.event.get()]
        if any(event.type in (pygame.VIDEORESIZE, pygame.WINDOWSIZECHANGED) for event in events):
            self._changed = time
        if self._changed is not None and time - self._changed >= SETTLE:
            self._changed = None
            self._size = self._fitting_size()
        # The display's surface changes its size under us: from then on it is no canvas for a renderer of the old size.
        if self._canvas.get_size() != self._size:
            self._canvas = self._made()
        return events

    def show(self) -> None:
        """Show the canvas."""
        if self._display is not self._canvas:
            box = self._box(self._display.get_size())
            self._display.fill((0, 0, 0))
            self._display.blit(pygame.transform.scale(self._canvas, box.size), box)
        pygame.display.flip()

    def screenshot(self, path: str | Path) -> None:
        """Write the canvas to a PNG or BMP file. Raises UsageError when it can't be written."""
        try:
            pygame.image.save(self._canvas, str(path))
        except (pygame.error, OSError) as error:
            raise UsageError(f"can't write {path}: {error}") from error

    def close(self) -> None:
        """Close the window."""
        pygame.mouse.set_visible(True)
        pygame.display.quit()

    def _fitting_size(self) -> tuple[int, int]:
        """Return the canvas size for the window's: its own, unless too large or too small; the shape stays."""
        width, height = self._display.get_size()
        ratio = max(1.0, width / CANVAS_MAX[0], height / CANVAS_MAX[1])
        ratio = min(ratio, width / SMALLEST[0], height / SMALLEST[1])
        return max(64, round(width / ratio)), max(64, round(height / ratio))

    def _made(self) -> pygame.Surface:
        """Return a canvas: the display's own surface where it fits, which spares a copy."""
        same = self._size == self._display.get_size() and self._display.get_bitsize() == 32
        return self._display if same else pygame.Surface(self._size, 0, 32)

    def _box(self, window: tuple[int, int]) -> pygame.Rect:
        """Return where the canvas lies in a window: as large as fits, in the middle."""
        width, height = self._canvas.get_size()
        ratio = min(window[0] / width, window[1] / height)
        box = pygame.Rect(0, 0, max(1, round(width * ratio)), max(1, round(height * ratio)))
        box.center = (window[0] // 2, window[1] // 2)
        return box

    def _on_canvas(self, event: pygame.event.Event) -> pygame.event.Event:
        if self._display is self._canvas or "pos" not in event.dict:
            return event
        box = self._box(self._display.get_size())
        width, height = self._canvas.get_size()
        x = (event.pos[0] - box.x) * width // box.w
        y = (event.pos[1] - box.y) * height // box.h
        return pygame.event.Event(event.type, {**event.dict, "pos": (x, y)})
