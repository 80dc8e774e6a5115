"""The minimap: the walls, where we are and look, and where there was noise.

Others are not on it while they are quiet: firing tells, as it would to the ear.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
import pygame

from engine.world.picture import Picture
from game.arena import ArenaMap
from game.view.camera import Camera
from game.view.moments import Beam, Blast, Burst, Launched, Moment
from game.view.palette import EDGE, PANEL, PANEL_ALPHA, STANDARD, Colour, Palette
from game.view.pickups import colour_of_item
from game.view.widgets import Widgets

BOX = (172.0, 130.0)
"""Largest size in points."""

BLIP_LIFE = 1.2
"""Seconds a noise is seen."""


class Minimap:
    """The map in the lower right corner."""

    def __init__(self, widgets: Widgets, arena_map: ArenaMap) -> None:
        self._widgets = widgets
        walls = arena_map.walls
        points = min(BOX[0] / arena_map.width, BOX[1] / arena_map.height)
        self._ratio = points * widgets.scale
        size = (max(1, round(arena_map.width * self._ratio)), max(1, round(arena_map.height * self._ratio)))
        self._plate = _plate(walls, size)
        self._box = self._plate.get_rect()
        self._box.bottomright = (widgets.size[0] - widgets.px(20), widgets.size[1] - widgets.px(20))
        self._blips: deque[tuple[float, float, float, Colour]] = deque(maxlen=40)

    def advance(self, moments: Sequence[Moment], time: float, palette: Palette = STANDARD) -> None:
        """Take the noises of a frame at `time`."""
        for moment in moments:
            match moment:
                case Beam(shooter, x, y) if not moment.told:
                    self._blips.append((time, x, y, palette.look(shooter)[0]))
                case Burst(row, x, y):
                    self._blips.append((time, x, y, palette.look(row)[0]))
                case Launched(owner, x, y):
                    self._blips.append((time, x, y, palette.look(owner)[0]))
                case Blast(x, y):
                    self._blips.append((time, x, y, (255, 150, 60)))
        while self._blips and time - self._blips[0][0] > BLIP_LIFE:
            self._blips.popleft()

    def draw_pickups(self, surface: pygame.Surface, picture: Picture) -> None:
        """Draw the map, and what lies about on it."""
        surface.blit(self._plate, self._box)
        seen = picture.kinds.get("pickup")
        if seen is None:
            return
        x, y, item, ready = seen["x"], seen["y"], seen["item"], seen["ready"]
        half = max(1, self._widgets.px(1.4))
        for row in seen.rows().tolist():
            if ready[row]:
                at = self._at(float(x[row]), float(y[row]))
                surface.fill(colour_of_item(int(item[row])), (at[0] - half, at[1] - half, 2 * half, 2 * half))

    def draw(
        self,
        surface: pygame.Surface,
        camera: Camera,
        own: tuple[float, float, float] | None,
        colour: Colour,
        time: float,
    ) -> None:
        """Draw the camera's view, the noises, and the own player (x, y, angle in radians)."""
        left, top = self._at(*camera.to_map(0, 0))
        right, bottom = self._at(*camera.to_map(*camera.size))
        view = pygame.Rect(left, top, right - left, bottom - top).clip(self._box)
        pygame.draw.rect(surface, (92, 104, 124), view, 1)
        for start, x, y, tint in self._blips:
            left_part = 1.0 - (time - start) / BLIP_LIFE
            shade = (round(tint[0] * left_part), round(tint[1] * left_part), round(tint[2] * left_part))
            radius = max(1, self._widgets.px(1.5 + 2.0 * (1.0 - left_part)))
            pygame.draw.circle(surface, shade, self._at(x, y), radius, 0 if left_part > 0.6 else 1)
        if own is not None:
            at = self._at(own[0], own[1])
            tip = (
                at[0] + float(np.cos(own[2])) * self._widgets.px(8),
                at[1] + float(np.sin(own[2])) * self._widgets.px(8),
            )
            pygame.draw.line(surface, (255, 255, 255), at, tip)
            pygame.draw.circle(surface, (255, 255, 255), at, self._widgets.px(3))
            pygame.draw.circle(surface, colour, at, self._widgets.px(2))

    def _at(self, x: float, y: float) -> tuple[int, int]:
        return self._box.x + round(x * self._ratio), self._box.y + round(y * self._ratio)


def _plate(walls: np.ndarray, size: tuple[int, int]) -> pygame.Surface:
    """Return the walls scaled to `size`, on a translucent plate."""
    rows, columns = walls.shape
    small = pygame.Surface((columns, rows), pygame.SRCALPHA, 32)
    small.fill((*PANEL, PANEL_ALPHA))
    for row, column in np.argwhere(walls).tolist():
        small.set_at((column, row), (84, 96, 116, 235))
    plate = pygame.transform.smoothscale(small, size)
    pygame.draw.rect(plate, EDGE, plate.get_rect(), 1)
    return plate
