"""The verdict overlay: each judged shot's target where it was drawn here, and where the server's rewind put it.

White is what the shooter saw, green or red is what the server judged by. Where the two rings are one, what was seen is
what was shot at; the line between them is the error of the rewind.
"""

from __future__ import annotations

import math

import pygame

from game.arena import PLAYER_RADIUS
from game.view.camera import Camera
from game.view.palette import INK, mix
from game.view.scene import Scene, ShotVerdict
from game.view.widgets import Widgets

LIFE = 3.0
"""Seconds a verdict is shown."""

SHOWN_MAX = 12
"""The newest so many are drawn."""


def draw_verdicts(surface: pygame.Surface, camera: Camera, widgets: Widgets, scene: Scene) -> None:
    """Draw the scene's verdicts that are not too old."""
    recent = [shot for shot in scene.verdicts if 0.0 <= scene.time - shot.shown < LIFE]
    for shot in recent[-SHOWN_MAX:]:
        _draw(surface, camera, widgets, scene, shot)


def _draw(surface: pygame.Surface, camera: Camera, widgets: Widgets, scene: Scene, shot: ShotVerdict) -> None:
    fade = (scene.time - shot.shown) / LIFE
    floor, palette = (44, 48, 56), scene.palette
    colour = mix(palette.good if shot.verdict.hit is not None else palette.bad, floor, fade * 0.8)
    white = mix(INK, floor, fade * 0.8)
    radius, thick = round(PLAYER_RADIUS * camera.zoom), max(1, widgets.px(2))
    if shot.drawn is not None:
        _dashed(surface, camera.to_surface(*shot.drawn), radius, white, thick)
    if shot.judged is not None:
        pygame.draw.circle(surface, colour, camera.to_surface(*shot.judged), radius, thick)
    if shot.drawn is not None and shot.judged is not None:
        pygame.draw.line(surface, colour, camera.to_surface(*shot.drawn), camera.to_surface(*shot.judged), thick)
    place = shot.judged or shot.drawn
    if place is None:
        return
    ms = 1000.0 / scene.tick_hz
    words = f"{shot.verdict.reason}  {shot.verdict.allowed_age * ms:.0f} ms"
    if shot.verdict.clamped:
        words += f" of {shot.verdict.claimed_age * ms:.0f}"
    x, y = camera.to_surface(*place)
    widgets.text.draw(surface, words, (x, y - radius - widgets.px(16)), 12, colour, (0.5, 1.0))


def _dashed(
    surface: pygame.Surface, at: tuple[int, int], radius: int, colour: tuple[int, int, int], thick: int
) -> None:
    box = pygame.Rect(at[0] - radius, at[1] - radius, 2 * radius, 2 * radius)
    for dash in range(8):
        start = dash * math.pi / 4.0
        pygame.draw.arc(surface, colour, box, start, start + math.pi / 8.0, thick)
