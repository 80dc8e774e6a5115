"""What is seen behind the menus: a match of bots, played here, drawn without its HUD and dimmed."""

from __future__ import annotations

import pygame

from engine.game import GameEvent
from game.exhibition import Exhibition
from game.rules import Arena
from game.view.palette import Palette
from game.view.renderer import Renderer
from game.view.scene import Scene

BOTS = 10
"""Enough that there is always something going on, and a millisecond a frame."""
BEHIND = ("backdrop", "floor", "players", "rockets", "effects")
"""The parts of a frame that are drawn."""
DIM = (150, 156, 172)
"""What the picture is multiplied by, of 255: words stand out, and what moves is still seen."""
WARM_UP = 180
"""Ticks played before it is seen: by then they have met."""
MOST_TICKS = 4
"""Ticks played in a frame at most; after a pause the match goes on, it does not catch up."""


class Attract:
    """A match to look at. `seed` decides it."""

    def __init__(self, game: Arena, seed: int) -> None:
        self._match = Exhibition(game, BOTS, seed)
        self._time: float | None = None
        self._part = 0.0
        self._events: list[GameEvent] = []
        for _ in range(WARM_UP):
            self._match.step()

    def draw(self, surface: pygame.Surface, renderer: Renderer, time: float, palette: Palette) -> None:
        """Play on to `time`, in seconds, and draw."""
        hz = self._match.game.tick_hz
        passed = 0.0 if self._time is None else max(0.0, time - self._time)
        self._time = time
        self._part = min(self._part + passed * hz, MOST_TICKS + 0.99)
        while self._part >= 1.0:
            self._part -= 1.0
            self._events += self._match.step()
        scene = Scene(self._match.picture(self._part), time=time, events=self._events, tick_hz=hz, palette=palette)
        self._events = []
        frame = renderer.begin(surface, scene)
        for name, part in renderer.parts:
            if name in BEHIND:
                part(frame)
        surface.fill(DIM, special_flags=pygame.BLEND_RGB_MULT)
