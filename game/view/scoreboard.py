"""The scoreboard, held open over the game: every player in order of score, in as many columns as fit."""

from __future__ import annotations

import numpy as np
import pygame

from game.view.hud import colour_of, name_of
from game.view.palette import FAINT, INK, Colour
from game.view.scene import Scene
from game.view.widgets import Widgets

ROWS_MAX = 20
"""Players to a column; then another column begins, up to four for 64 players and a few to spare."""


def draw_scoreboard(surface: pygame.Surface, widgets: Widgets, scene: Scene) -> None:
    """Draw the scoreboard in the middle of the surface."""
    players = scene.picture.kinds.get("player")
    rows = np.empty(0, np.intp) if players is None else players.rows()
    if players is not None:
        # Most kills first, of equals who died less, then by row.
        rows = rows[np.lexsort((rows, players["deaths"][rows], -players["score"][rows]))]
    columns = max(1, -(-len(rows) // ROWS_MAX))
    narrow = columns > 2
    lines = max(1, -(-len(rows) // columns))
    high, wide = widgets.px(24), widgets.px(300 if narrow else 420)
    box = pygame.Rect(0, 0, columns * wide + widgets.px(24), lines * high + widgets.px(74))
    box.center = (widgets.size[0] // 2, widgets.size[1] // 2)
    widgets.panel(surface, box, alpha=242)
    title = (box.x + widgets.px(20), box.y + widgets.px(12))
    widgets.text.draw(surface, "SCOREBOARD", title, 18, INK)
    count = f"{len(rows)} player" + ("" if len(rows) == 1 else "s")
    widgets.text.draw(surface, count, (box.right - widgets.px(20), title[1]), 15, FAINT, (1.0, 0.0))
    for column in range(columns):
        left = box.x + widgets.px(12) + column * wide
        _draw_head(surface, widgets, left, box.y + widgets.px(40), wide)
        if players is None:
            continue
        for line, row in enumerate(rows[column * lines : (column + 1) * lines].tolist()):
            at = pygame.Rect(left, box.y + widgets.px(62) + line * high, wide, high)
            if row == scene.own_row:
                surface.fill((44, 54, 70), at.inflate(-widgets.px(6), -2))
            elif line % 2:
                surface.fill((20, 24, 31), at.inflate(-widgets.px(6), -2))
            figures = (int(players["score"][row]), int(players["deaths"][row]))
            alive = bool(players["health"][row] > 0)
            place = column * lines + line + 1
            _draw_line(surface, widgets, at, place, name_of(scene, row), colour_of(scene, row), alive, figures)
            _draw_ping(surface, widgets, at, scene, row)


def _edges(widgets: Widgets, left: int, wide: int) -> tuple[int, int, int]:
    """Return the right edges of the columns score, deaths, ping."""
    return left + wide - widgets.px(112), left + wide - widgets.px(62), left + wide - widgets.px(14)


def _draw_head(surface: pygame.Surface, widgets: Widgets, left: int, top: int, wide: int) -> None:
    for words, edge in zip(("score", "deaths", "ping"), _edges(widgets, left, wide), strict=True):
        widgets.text.draw(surface, words, (edge, top), 12, FAINT, (1.0, 0.0))


def _draw_line(
    surface: pygame.Surface,
    widgets: Widgets,
    box: pygame.Rect,
    place: int,
    name: str,
    colour: Colour,
    alive: bool,
    figures: tuple[int, int],
) -> None:
    text = widgets.text
    text.draw(surface, str(place), (box.x + widgets.px(30), box.centery), 13, FAINT, (1.0, 0.5))
    swatch = (box.x + widgets.px(42), box.centery)
    pygame.draw.circle(surface, colour, swatch, widgets.px(5), 0 if alive else max(1, widgets.px(1.5)))
    text.draw(surface, name, (box.x + widgets.px(56), box.centery), 15, INK if alive else FAINT, (0.0, 0.5))
    score, deaths, _ = _edges(widgets, box.x, box.w)
    text.draw(surface, str(figures[0]), (score, box.centery), 15, INK, (1.0, 0.5))
    text.draw(surface, str(figures[1]), (deaths, box.centery), 15, FAINT, (1.0, 0.5))


def _draw_ping(surface: pygame.Surface, widgets: Widgets, box: pygame.Rect, scene: Scene, row: int) -> None:
    """Say how far away a player is; or that it is a bot, or away."""
    edge, palette = _edges(widgets, box.x, box.w)[2], scene.palette
    ping = scene.pings.get(row)
    words, colour = "–", FAINT
    if row in scene.bots:
        words = "bot"
    elif row in scene.away:
        words, colour = "away", palette.fair
    elif ping is not None:
        words, colour = str(ping), palette.good if ping < 80 else palette.fair if ping < 160 else palette.bad
    widgets.text.draw(surface, words, (edge, box.centery), 13, colour, (1.0, 0.5))
