"""The course of the match as it is shown: the clock, the phase, team scores, and who has won.

All of it is the one row of `game.schema.MATCH` in the picture; a picture without one shows none of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pygame

from engine.world.picture import Picture
from game.schema import MAX_TEAMS, Phase
from game.view.hud import colour_of, name_of
from game.view.moments import Began
from game.view.palette import DARK, FAINT, FAIR, INK, Colour, mix
from game.view.scene import Scene
from game.view.widgets import Widgets

TOLD = 3.0
"""Seconds that a new phase is announced in large words."""

_WORDS: dict[int, str] = {Phase.WARMUP: "WARM-UP", Phase.RESULTS: "RESULTS"}


@dataclass(frozen=True, slots=True)
class Course:
    """The match row of a picture. left: ticks until the phase ends, None where it has no end; scores: by team."""

    phase: int
    left: float | None
    stands: bool
    round: int
    arena: int
    scores: tuple[int, ...]


def course_of(picture: Picture) -> Course | None:
    """Return the course of the match in `picture`, None when it does not tell."""
    seen = picture.kinds.get("match")
    if seen is None or not len(seen.alive) or not seen.alive[0]:
        return None
    clock, pace, phase, number, arena = (float(seen[name][0]) for name in ("clock", "pace", "phase", "round", "arena"))
    scores = tuple(int(seen[f"score{team}"][0]) for team in range(1, MAX_TEAMS + 1))
    left = clock if clock > 0 else None
    return Course(int(phase), left, pace == 0, int(number), int(arena), scores)


def teams_of(scene: Scene) -> list[int]:
    """Return the teams there are, ascending; none where each is for itself. One beyond `MAX_TEAMS` is a lie."""
    players = scene.picture.kinds.get("player")
    if players is None:
        return []
    told = {int(team) for team in players["team"][players.rows()]}
    return sorted(team for team in told if 1 <= team <= MAX_TEAMS)


class CourseView:
    """Draws the course. map_name: of the map that is being played."""

    def __init__(self, widgets: Widgets, map_name: str) -> None:
        self._widgets = widgets
        self._map_name = map_name
        self._began: tuple[float, Began] | None = None

    def advance(self, moments: list[object], time: float) -> None:
        """Take what began in a frame at `time`."""
        for moment in moments:
            if isinstance(moment, Began):
                self._began = (time, moment)

    def results(self, scene: Scene) -> bool:
        """Tell whether the results are to be shown."""
        course = course_of(scene.picture)
        return course is not None and course.phase == Phase.RESULTS

    def draw(self, surface: pygame.Surface, scene: Scene) -> None:
        """Draw the clock and the team scores below the own standing, and what has just begun."""
        course = course_of(scene.picture)
        if course is None:
            return
        self._draw_clock(surface, scene, course)
        if self._began is not None and scene.time - self._began[0] < TOLD:
            self._announce(surface, scene, self._began[1], (scene.time - self._began[0]) / TOLD)

    def draw_winner(self, surface: pygame.Surface, scene: Scene) -> None:
        """Say above the scoreboard who has won."""
        widgets = self._widgets
        words, colour = self._winner(scene)
        at = (widgets.size[0] // 2, widgets.px(104))
        widgets.text.draw(surface, words, at, 30, colour, (0.5, 0.5))

    def _draw_clock(self, surface: pygame.Surface, scene: Scene, course: Course) -> None:
        widgets = self._widgets
        teams = teams_of(scene)
        box = pygame.Rect(0, widgets.px(58), widgets.px(118), widgets.px(26))
        box.centerx = widgets.size[0] // 2
        widgets.panel(surface, box)
        if course.phase == Phase.WARMUP and course.stands:
            words, colour = "waiting for players", FAINT
        elif course.left is None:
            words, colour = _WORDS.get(course.phase, ""), FAINT
        else:
            seconds = -(-course.left // scene.tick_hz)
            words = f"{seconds // 60:.0f}:{seconds % 60:02.0f}"
            soon = course.phase == Phase.ROUND and seconds <= 10
            colour = FAIR if soon and scene.time % 1.0 < 0.6 else INK
            if course.phase != Phase.ROUND:
                words = f"{_WORDS.get(course.phase, '').lower()} {words}"
        size = 18 if course.phase == Phase.ROUND else 13
        widgets.text.draw(surface, words, (box.centerx, box.centery + 1), size, colour, (0.5, 0.5))
        for at, team in enumerate(teams):
            # Two to the left of the clock and two to the right, or one each.
            half = (len(teams) + 1) // 2
            wide = widgets.px(58)
            place = pygame.Rect(0, box.y, wide - widgets.px(4), box.h)
            place.x = box.x - wide * (half - at) if at < half else box.right + widgets.px(4) + wide * (at - half)
            tint = scene.palette.look(0, team)[0]
            surface.fill(mix(tint, DARK, 0.62), place)
            surface.fill(tint, (place.x, place.y, widgets.px(4), place.h))
            widgets.text.draw(surface, str(course.scores[team - 1]), place.center, 18, INK, (0.5, 0.5))

    def _announce(self, surface: pygame.Surface, scene: Scene, began: Began, part: float) -> None:
        if began.phase == Phase.RESULTS:
            return
        widgets = self._widgets
        colour: Colour = mix(INK, DARK, max(0.0, part * 3.0 - 2.0))
        middle, top = widgets.size[0] // 2, widgets.size[1] * 0.19
        large = "FIGHT" if began.phase == Phase.ROUND else "WARM-UP"
        small = f"round {began.round}  ·  {self._map_name}"
        widgets.text.draw(surface, large, (middle, top), 30, colour, (0.5, 0.5))
        widgets.text.draw(surface, small, (middle, top + widgets.px(30)), 15, mix(FAINT, DARK, 0.0), (0.5, 0.5))

    def _winner(self, scene: Scene) -> tuple[str, Colour]:
        began = self._began[1] if self._began is not None else None
        winner = began.winner if began is not None and began.phase == Phase.RESULTS else None
        if winner is None:
            return "The round is over", INK
        if winner < 0:
            return "Nobody has won: it is a draw", INK
        if teams_of(scene):
            return f"Team {winner} has won", scene.palette.look(0, winner)[0]
        if winner == scene.own_row:
            return "You have won", scene.palette.good
        return f"{name_of(scene, winner)} has won", colour_of(scene, winner)
