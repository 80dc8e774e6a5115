"""The scoreboard, held open over the game: every player in order of score, in as many columns as fit.

Teams have a column each, the one that is ahead first; where that would not fit, all are in one order.
"""

from __future__ import annotations

import numpy as np
import pygame

from engine.world.picture import Seen
from game.view.course import course_of, teams_of
from game.view.hud import colour_of, name_of
from game.view.palette import FAINT, INK, Colour
from game.view.scene import Scene
from game.view.widgets import Widgets

ROWS_MAX = 20
"""Players to a column; then another column begins, up to four for 64 players and a few to spare."""
COLUMNS_MAX = 4
_LETTERS, _LETTERS_NARROW = 24, 14
"""Of a name, in a column and in a narrow one."""


def draw_scoreboard(surface: pygame.Surface, widgets: Widgets, scene: Scene) -> None:
    """Draw the scoreboard in the middle of the surface."""
    players = scene.picture.kinds.get("player")
    rows = [] if players is None else _ranked(players)
    columns = _columns(scene, rows)
    narrow = len(columns) > 2
    lines = max(1, *(len(each) for _, each in columns))
    high, wide = widgets.px(24), widgets.px(300 if narrow else 420)
    box = pygame.Rect(0, 0, len(columns) * wide + widgets.px(24), lines * high + widgets.px(74))
    box.center = (widgets.size[0] // 2, widgets.size[1] // 2)
    widgets.panel(surface, box, alpha=242)
    title = (box.x + widgets.px(20), box.y + widgets.px(12))
    widgets.text.draw(surface, "SCOREBOARD", title, 18, INK)
    count = f"{len(rows)} player" + ("" if len(rows) == 1 else "s")
    widgets.text.draw(surface, count, (box.right - widgets.px(20), title[1]), 15, FAINT, (1.0, 0.0))
    places = {row: place for place, row in enumerate(rows, 1)}
    for column, (team, group) in enumerate(columns):
        left = box.x + widgets.px(12) + column * wide
        _draw_head(surface, widgets, left, box.y + widgets.px(40), wide)
        if team:
            words = (f"TEAM {team}", 14, scene.palette.look(0, team)[0])
            widgets.text.draw(surface, words[0], (left + widgets.px(36), box.y + widgets.px(38)), *words[1:])
        if players is None:
            continue
        for line, row in enumerate(group):
            at = pygame.Rect(left, box.y + widgets.px(62) + line * high, wide, high)
            if row == scene.own_row:
                surface.fill((44, 54, 70), at.inflate(-widgets.px(6), -2))
            elif line % 2:
                surface.fill((20, 24, 31), at.inflate(-widgets.px(6), -2))
            figures = (int(players["score"][row]), int(players["deaths"][row]))
            alive = bool(players["health"][row] > 0)
            name = name_of(scene, row, _LETTERS_NARROW if narrow else _LETTERS)
            _draw_line(surface, widgets, at, places[row], name, colour_of(scene, row), alive, figures)
            _draw_ping(surface, widgets, at, scene, row)


def _ranked(players: Seen) -> list[int]:
    """Return the rows there are: most kills first, of equals who died less, then by row."""
    rows = players.rows()
    ranked: list[int] = rows[np.lexsort((rows, players["deaths"][rows], -players["score"][rows]))].tolist()
    return ranked


def _columns(scene: Scene, rows: list[int]) -> list[tuple[int, list[int]]]:
    """Return the columns, from left to right, each with its team (0: of no team) and its rows."""
    players = scene.picture.kinds.get("player")
    course = course_of(scene.picture)
    teams = teams_of(scene)
    if players is not None and course is not None and teams:
        columns = []
        for team in sorted(teams, key=lambda team: (-course.scores[team - 1], team)):
            group = [row for row in rows if int(players["team"][row]) == team]
            columns += [(team, part) for part in _parts(group)]
        if len(columns) <= COLUMNS_MAX and len(rows) == sum(len(group) for _, group in columns):
            return columns
    return [(0, part) for part in _parts(rows)]


def _parts(rows: list[int]) -> list[list[int]]:
    """Return `rows` in as few columns as hold them, of about one length; one of none, where there are none."""
    columns = max(1, -(-len(rows) // ROWS_MAX))
    lines = max(1, -(-len(rows) // columns))
    return [rows[at * lines : (at + 1) * lines] for at in range(columns)]


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
