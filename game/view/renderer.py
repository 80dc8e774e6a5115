"""The frame: takes a `Scene`, draws it on a surface, part after part from the floor up.

The parts are a list of named functions over one `Frame`, so that the bench times each of them and a reader sees the
order of drawing in one place. Nothing here reads a clock, a device or a session: time is the scene's. What is costly
(the painted map, sprites, words) is made once, in the constructor or when first needed, and kept.

A renderer is made for one surface size and one map; another size or map takes another renderer (about a second; for
another map at the same size half of it, when it is given the old one's `sprites`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pygame

from engine.errors import UsageError
from game.arena import PLAYER_RADIUS, ArenaMap
from game.pickups import HEALTH, MAX_ARMOUR
from game.schema import TURN
from game.view.backdrop import OUTSIDE, paint_arena
from game.view.camera import Camera
from game.view.course import CourseView
from game.view.effects import LIGHTS, Effects
from game.view.hud import Hud, name_of
from game.view.minimap import Minimap
from game.view.moments import Blast, Death, Fired, Hurt, Moment, Watcher
from game.view.net_graph import NetGraph
from game.view.palette import ARMOUR, INK, PLAYERS, Colour, mix
from game.view.pickups import Pickups
from game.view.scene import NetFigures, Scene
from game.view.scoreboard import draw_scoreboard
from game.view.sprites import Sprites
from game.view.verdicts import draw_verdicts
from game.view.widgets import Widgets

LONGEST_FRAME = 0.1
"""Seconds a frame may advance the animation by: after a pause it goes on, it does not catch up."""

_OWN_LIGHT, _GUARD_LIGHT = 44.0, 40.0
"""Radius of the light round the own player, and round one that can't be hurt, map pixels."""

AIM_REACH = 240.0
"""Map pixels from a player to the crosshair when there is no mouse."""


@dataclass(frozen=True, slots=True)
class Body:
    """A living player in view. Map pixels, `aim` in aim units, `at` the middle in surface pixels."""

    row: int
    x: float
    y: float
    aim: float
    weapon: int
    health: float
    armour: float
    guarded: bool
    colour: Colour
    mark: int
    at: tuple[int, int]


@dataclass(slots=True)
class Frame:
    """What the parts draw from: the scene, what happened since the last one, and who is in view."""

    surface: pygame.Surface
    scene: Scene
    figures: NetFigures | None
    seconds: float
    moments: list[Moment]
    bodies: list[Body]
    focus: tuple[int, int]
    crosshair: tuple[float, float]


class Renderer:
    """Draws scenes of one map on surfaces of one size.

    camera: where it looks; `camera.shake_scale = 0` turns shaking off.
    moments: what happened in the last frame, for the sounds.
    focus: where the own player stands on the surface, from which the mouse aims.
    parts: what is drawn, in order.
    """

    # What has a past; `_forget` begins it anew.
    _time: float | None
    _watcher: Watcher
    _effects: Effects
    _hud: Hud
    _net_graph: NetGraph
    _minimap: Minimap
    _course: CourseView

    def __init__(
        self, surface_size: tuple[int, int], arena_map: ArenaMap, seed: int = 1, sprites: Sprites | None = None
    ) -> None:
        if min(surface_size) < 64:
            raise UsageError(f"a surface must be at least 64 x 64 pixels, got {surface_size[0]} x {surface_size[1]}")
        self.size = surface_size
        self.camera = Camera(surface_size, (float(arena_map.width), float(arena_map.height)))
        self.moments: list[Moment] = []
        self.focus = (surface_size[0] // 2, surface_size[1] // 2)
        self._widgets = Widgets(surface_size)
        if sprites is None or sprites.zoom != self.camera.zoom:
            sprites = Sprites(self.camera.zoom)
            sprites.warm((*LIGHTS, (_OWN_LIGHT, 3.5), (_GUARD_LIGHT, 3.5)))
        self.sprites = sprites
        self._pickups = Pickups(sprites)
        self._backdrop = paint_arena(arena_map.walls, float(arena_map.tile), self.camera.zoom)
        self._map = arena_map
        self._seed = seed
        self._forget()
        self._followed: int | None = None
        self._last: pygame.Surface | None = None
        self.parts: tuple[tuple[str, Callable[[Frame], None]], ...] = (
            ("backdrop", self._draw_backdrop),
            ("floor", self._draw_floor),
            ("pick-ups", self._draw_pickups),
            ("players", self._draw_players),
            ("rockets", self._draw_rockets),
            ("effects", self._draw_effects),
            ("labels", self._draw_labels),
            ("verdicts", self._draw_verdicts),
            ("hud", self._draw_hud),
            ("minimap", self._draw_minimap),
            ("net graph", self._draw_net_graph),
            ("overlays", self._draw_overlays),
        )

    def draw(self, surface: pygame.Surface, scene: Scene, figures: NetFigures | None = None) -> None:
        """Draw `scene` over all of `surface`; with `figures`, the net graph too.

        surface: of the size the renderer was made for, 32 bits a pixel. Raises UsageError on another one.
        """
        frame = self.begin(surface, scene, figures)
        for _, part in self.parts:
            part(frame)

    def begin(self, surface: pygame.Surface, scene: Scene, figures: NetFigures | None = None) -> Frame:
        """Advance camera, effects and HUD to `scene`, and return what `parts` draw: `draw` without the drawing."""
        if surface.get_size() != self.size or surface.get_bitsize() != 32:
            raise UsageError(f"made for {self.size} at 32 bits, got {surface.get_size()} at {surface.get_bitsize()}")
        self._last = surface
        if self._time is not None and scene.time < self._time:
            self._forget()
        first = self._time is None
        seconds = 0.0 if self._time is None else min(max(scene.time - self._time, 0.0), LONGEST_FRAME)
        self._time = scene.time
        self.moments = self._watcher.watch(scene)
        looked_at = self._look(scene, seconds)
        self._shake(scene, seconds)
        self._effects.palette = scene.palette
        self._effects.advance(self.moments, scene.picture, scene.own_row, self.camera, scene.time, seconds)
        if first:
            self._warm(scene)
        self._hud.advance(self.moments, scene, seconds)
        self._course.advance(list(self.moments), scene.time)
        self._minimap.advance(self.moments, scene.time, scene.palette)
        if looked_at is not None:
            self.focus = self.camera.to_surface(looked_at[0], looked_at[1])
        return Frame(
            surface,
            scene,
            figures,
            seconds,
            self.moments,
            self._bodies(scene),
            self.focus,
            self._crosshair(scene, looked_at),
        )

    def _warm(self, scene: Scene) -> None:
        """Make hulls and names of all who are there, seen or not, and the rings: a first frame takes long anyway."""
        players = scene.picture.kinds.get("player")
        if players is not None:
            teams = players["team"]
            for row in players.rows().tolist():
                colour, mark = scene.palette.look(row, int(teams[row]))
                self.sprites.hull(colour, mark)
                self._label(scene, row, colour)
                self._hud.warm(scene, row)
        for breath in (-1, 0, 1):
            self._own_ring(breath)
        self._guard_ring()

    def record(self, figures: NetFigures, time: float) -> None:
        """Keep figures for the net graph's curves while it is not shown."""
        self._net_graph.record(figures, time)

    def screenshot(self, path: str | Path) -> None:
        """Write the last drawn frame to an image file. Raises UsageError when there is none, or it can't be written."""
        if self._last is None:
            raise UsageError("nothing was drawn yet")
        try:
            pygame.image.save(self._last, str(path))
        except (pygame.error, OSError) as error:
            raise UsageError(f"can't write {path}: {error}") from error

    def forget(self) -> None:
        """Forget what is on its way, as after a jump in time."""
        self._forget()

    def _forget(self) -> None:
        """Begin without a past: at first, and when the scenes' time ran backwards, as in a replay."""
        self._time = None
        self._watcher = Watcher(self._map)
        self._effects = Effects(self.sprites, self._widgets.text, self._seed)
        self._hud = Hud(self._widgets, self.sprites)
        self._net_graph = NetGraph(self._widgets)
        self._minimap = Minimap(self._widgets, self._map)
        self._course = CourseView(self._widgets, self._map.name)

    # -- where we look ------------------------------------------------------------------------------------------------

    def _look(self, scene: Scene, seconds: float) -> tuple[float, float, float] | None:
        """Move the camera; return x, y and aim of whom it follows, None when there is nobody."""
        players = scene.picture.kinds.get("player")
        if scene.place is not None:
            self.camera.follow(*scene.place, seconds=seconds)
            return None
        row = self._spectated(scene) if scene.own_row is None else scene.own_row
        if scene.watched is not None and players is not None and players.alive[scene.watched : scene.watched + 1].any():
            row = scene.watched
        if players is None or row is None or not 0 <= row < len(players.alive) or not players.alive[row]:
            self.camera.follow(self.camera.x, self.camera.y, seconds=seconds)
            return None
        x, y, vx, vy, aim = (float(players[name][row]) for name in ("x", "y", "vx", "vy", "aim"))
        if scene.own_row != row or players["health"][row] <= 0:
            self.camera.follow(x, y, (vx, vy), seconds=seconds)
        elif scene.cursor is not None:
            half_w, half_h = self.size[0] / 2, self.size[1] / 2
            towards = ((scene.cursor[0] - half_w) / self.camera.zoom, (scene.cursor[1] - half_h) / self.camera.zoom)
            self.camera.follow(x, y, (vx, vy), towards, seconds)
        else:
            angle = aim * 2.0 * math.pi / TURN
            self.camera.follow(x, y, (vx, vy), (math.cos(angle) * AIM_REACH, math.sin(angle) * AIM_REACH), seconds)
        return x, y, aim

    def _spectated(self, scene: Scene) -> int | None:
        """Return whom a spectator looks at: the one asked for, else who was, while there, else who leads."""
        players = scene.picture.kinds.get("player")
        if players is None or not players.alive.any():
            return None
        if scene.watched is not None:
            self._followed = scene.watched
        kept = self._followed
        if kept is None or kept >= len(players.alive) or not players.alive[kept]:
            rows = players.rows()
            kept = self._followed = int(rows[int(players["score"][rows].argmax())])
        return kept

    def _shake(self, scene: Scene, seconds: float) -> None:
        for moment in self.moments:
            match moment:
                case Blast(x, y):
                    away = math.hypot(x - self.camera.x, y - self.camera.y)
                    self.camera.kick(max(0.0, 9.0 * (1.0 - away / 520.0)))
                case Hurt(amount):
                    self.camera.kick(2.0 + amount * 0.05)
                case Fired(weapon):
                    self.camera.kick(2.6 if weapon == 0 else 1.8)
                case Death(victim) if victim == scene.own_row:
                    self.camera.kick(10.0)
        self.camera.shake(scene.time, seconds)

    def _crosshair(self, scene: Scene, looked_at: tuple[float, float, float] | None) -> tuple[float, float]:
        if scene.cursor is not None:
            return scene.cursor
        if looked_at is None:
            return self.focus
        x, y, aim = looked_at
        angle = aim * 2.0 * math.pi / TURN
        return self.camera.to_surface(x + math.cos(angle) * AIM_REACH, y + math.sin(angle) * AIM_REACH)

    def _bodies(self, scene: Scene) -> list[Body]:
        """Return the living players in view, the own one last and so on top."""
        players = scene.picture.kinds.get("player")
        if players is None:
            return []
        x, y, health = players["x"], players["y"], players["health"]
        left, top = self.camera.to_map(0, 0)
        right, bottom = self.camera.to_map(*self.size)
        seen = players.alive & (health > 0) & (x > left - 60) & (x < right + 60) & (y > top - 60) & (y < bottom + 60)
        aim, weapon, team = players["aim"], players["weapon"], players["team"]
        armour, guarded = players["armour"], players["guarded"]
        bodies = []
        for row in sorted(np.flatnonzero(seen).tolist(), key=lambda at: at == scene.own_row):
            at_x, at_y = float(x[row]), float(y[row])
            colour, mark = scene.palette.look(row, int(team[row]))
            at = self.camera.to_surface(at_x, at_y)
            bodies.append(
                Body(
                    row,
                    at_x,
                    at_y,
                    float(aim[row]),
                    int(weapon[row]),
                    float(health[row]),
                    float(armour[row]),
                    bool(guarded[row]),
                    colour,
                    mark,
                    at,
                )
            )
        return bodies

    # -- parts --------------------------------------------------------------------------------------------------------

    def _draw_backdrop(self, frame: Frame) -> None:
        left, top = self.camera.left, self.camera.top
        shown = self._backdrop.get_rect().clip((left, top, *self.size))
        frame.surface.blit(self._backdrop, (shown.x - left, shown.y - top), shown)
        if shown.size != self.size:
            right, bottom = shown.right - left, shown.bottom - top
            width, height = self.size
            for beyond in (
                (0, 0, width, shown.y - top),
                (0, bottom, width, height - bottom),
                (0, 0, shown.x - left, height),
                (right, 0, width - right, height),
            ):
                frame.surface.fill(OUTSIDE, beyond)

    def _draw_floor(self, frame: Frame) -> None:
        self._effects.draw_floor(frame.surface, self.camera)
        self._effects.draw_rocket_light(frame.surface, self.camera, frame.scene.picture)

    def _draw_pickups(self, frame: Frame) -> None:
        self._pickups.draw(frame.surface, self.camera, frame.scene.picture, frame.scene.time)

    def _draw_players(self, frame: Frame) -> None:
        zoom = self.camera.zoom
        drop = (round(4 * zoom), round(7 * zoom))
        shadow = self.sprites.shadow
        jobs = [_placed(shadow, (body.at[0] + drop[0], body.at[1] + drop[1])) for body in frame.bodies]
        frame.surface.blits(jobs, False)
        jobs.clear()
        for body in frame.bodies:
            if body.row == frame.scene.own_row:
                frame.surface.blits(jobs, False)
                jobs.clear()
                self._draw_own_ring(frame, body)
            jobs.append(_placed(self.sprites.hull(body.colour, body.mark), body.at))
            jobs.append(_placed(self.sprites.turret(body.colour, body.weapon, body.aim), body.at))
        frame.surface.blits(jobs, False)
        for body in frame.bodies:
            if body.guarded:
                self._draw_guard(frame, body)

    def _draw_guard(self, frame: Frame, body: Body) -> None:
        """Show that somebody can't be hurt yet: a shell of light that flickers."""
        flicker = 0.5 + 0.5 * math.sin(frame.scene.time * 14.0 + body.row)
        light = self.sprites.glow(_GUARD_LIGHT, ARMOUR, 0.30 + 0.20 * flicker)
        at = (body.at[0] - light.get_width() // 2, body.at[1] - light.get_height() // 2)
        frame.surface.blit(light, at, None, pygame.BLEND_RGB_ADD)
        frame.surface.blit(*_placed(self._guard_ring(), body.at))

    def _guard_ring(self) -> pygame.Surface:
        return self._widgets.ring((PLAYER_RADIUS + 10.0) * self.camera.zoom, 2.4 * self.camera.zoom, ARMOUR)

    def _own_ring(self, breath: int) -> pygame.Surface:
        zoom = self.camera.zoom
        return self._widgets.ring((PLAYER_RADIUS + 6.5 + 0.8 * breath) * zoom, 1.8 * zoom, INK)

    def _draw_own_ring(self, frame: Frame, body: Body) -> None:
        """Mark the own player: a ring that breathes, so that the eye finds it again after a jump."""
        light = self.sprites.glow(_OWN_LIGHT, mix(body.colour, INK, 0.3), 0.28)
        frame.surface.blit(
            light,
            (body.at[0] - light.get_width() // 2, body.at[1] - light.get_height() // 2),
            None,
            pygame.BLEND_RGB_ADD,
        )
        ring = self._own_ring(round(math.sin(frame.scene.time * 3.0)))
        frame.surface.blit(*_placed(ring, body.at))

    def _draw_rockets(self, frame: Frame) -> None:
        self._effects.draw_rockets(frame.surface, self.camera, frame.scene.picture)

    def _draw_effects(self, frame: Frame) -> None:
        self._effects.draw_air(frame.surface, self.camera)

    def _draw_labels(self, frame: Frame) -> None:
        """Draw names and health over the others; the own ones are on the HUD."""
        widgets, zoom, surface = self._widgets, self.camera.zoom, frame.surface
        wide, high = widgets.px(36), max(3, widgets.px(4))
        for body in frame.bodies:
            if body.row == frame.scene.own_row:
                continue
            x, y = body.at
            part = min(1.0, body.health / HEALTH)
            top = y - round((PLAYER_RADIUS + 13) * zoom)
            surface.fill((6, 8, 11), (x - wide // 2 - 1, top - 1, wide + 2, high + 2))
            surface.fill((46, 52, 62), (x - wide // 2, top, wide, high))
            surface.fill(frame.scene.palette.health(part), (x - wide // 2, top, max(1, round(wide * part)), high))
            if body.armour > 0:
                thin = max(2, widgets.px(2))
                worn = max(1, round(wide * min(1.0, body.armour / MAX_ARMOUR)))
                surface.fill(ARMOUR, (x - wide // 2, top - thin - 1, worn, thin))
            below = y + round((PLAYER_RADIUS + 7) * zoom)
            label = self._label(frame.scene, body.row, body.colour)
            surface.blit(label, (x - round(label.get_width() * 0.5), below))
        self._effects.draw_numbers(surface, self.camera)

    def _label(self, scene: Scene, row: int, colour: Colour) -> pygame.Surface:
        """Return the name that floats below a player."""
        name = name_of(scene, row) + (" (away)" if row in scene.away else "")
        return self._widgets.text.surface(name, 13, mix(colour, INK, 0.5))

    def _draw_verdicts(self, frame: Frame) -> None:
        if frame.scene.verdicts:
            draw_verdicts(frame.surface, self.camera, self._widgets, frame.scene)

    def _draw_hud(self, frame: Frame) -> None:
        surface, scene, hud = frame.surface, frame.scene, self._hud
        hud.draw_edges(surface, scene)
        if any(body.row == scene.own_row for body in frame.bodies):
            hud.draw_wounds(surface, scene, frame.focus)
        hud.draw_health(surface, scene)
        hud.draw_dash(surface, scene)
        hud.draw_weapons(surface, scene)
        hud.draw_standing(surface, scene, self._followed)
        hud.draw_watching(surface, scene)
        self._course.draw(surface, scene)
        hud.draw_feed(surface, scene)
        hud.draw_notices(surface, scene, covered=scene.show_scores or self._course.results(scene))
        hud.draw_crosshair(surface, scene, frame.crosshair)

    def _draw_minimap(self, frame: Frame) -> None:
        own = next((body for body in frame.bodies if body.row == frame.scene.own_row), None)
        place = None if own is None else (own.x, own.y, own.aim * 2.0 * math.pi / TURN)
        colour = PLAYERS[0] if own is None else own.colour
        self._minimap.draw_pickups(frame.surface, frame.scene.picture)
        self._minimap.draw(frame.surface, self.camera, place, colour, frame.scene.time)

    def _draw_net_graph(self, frame: Frame) -> None:
        if frame.figures is not None:
            self._net_graph.record(frame.figures, frame.scene.time)
            self._net_graph.draw(frame.surface, frame.figures)
        self._net_graph.draw_warning(frame.surface, frame.scene.time)

    def _draw_overlays(self, frame: Frame) -> None:
        results = self._course.results(frame.scene)
        if frame.scene.show_scores or results:
            draw_scoreboard(frame.surface, self._widgets, frame.scene)
        if results:
            self._course.draw_winner(frame.surface, frame.scene)
        self._hud.draw_status(frame.surface, frame.scene)


def _placed(sprite: pygame.Surface, at: tuple[int, int]) -> tuple[pygame.Surface, tuple[int, int]]:
    """Return a sprite and its corner, for its middle to be at a surface point."""
    return sprite, (at[0] - sprite.get_width() // 2, at[1] - sprite.get_height() // 2)
