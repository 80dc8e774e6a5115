"""What moments look like: beams, blasts, flashes, trails, marks on the floor, floating numbers.

Effects take moments and pictures, keep what is still visible in bounded lists, and draw it in two layers: marks below
the players, light and smoke above them. Light is added, never blended: it makes bright what it falls on, and costs a
third. They follow `Scene.time`, and their chance is a seeded generator: the same scenes give the same pictures.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pygame

from engine.world.picture import Picture
from game.arena import PLAYER_RADIUS
from game.schema import TURN
from game.view.camera import Camera
from game.view.moments import (
    Beam,
    Blast,
    Burst,
    Dashed,
    Death,
    Fired,
    Landed,
    Launched,
    Moment,
    Spawned,
    Taken,
    rocket_names,
)
from game.view.palette import BAD, FAIR, INK, RAIL, REPEATER, ROCKET, STANDARD, WEAPONS, Colour, mix
from game.view.particles import Particles
from game.view.pickups import colour_of_item
from game.view.sprites import BLAST_FRAMES, MUZZLE, SCORCHES, Sprites
from game.view.text import Text

BEAM_LIFE = 0.55
"""Seconds a rail's trace is seen: long enough to find where it came from."""

TRACER_LIFE = 0.09
"""Seconds a round of the repeater is seen on its way: five frames, as long as until the next."""

BLAST_LIFE = 0.50
SCORCH_LIFE = 25.0
FLOAT_LIFE = 0.9
SPAWN_LIFE = 0.6

TRAIL_STEP = 11.0
"""Map pixels between a rocket's puffs: at 600 px/s, a puff each frame at 60 Hz."""

_FAR = 900.0
"""Map pixels outside the view from where a round can still come into it."""

_MARGIN = 120.0
"""Map pixels outside the view within which effects are still begun: the largest of them reaches so far in."""


LIGHTS: tuple[tuple[float, float], ...] = (
    *((radius, 3.5) for radius in (30.0, 44.0, 48.0, 56.0, 60.0, 62.0, 80.0, 110.0, 150.0, 190.0)),
    (15.0, 2.5),
    *((float(radius), 2.0) for radius in range(9, 19)),
)
"""Every light there will be here, by radius and power: the largest takes as long to paint as half a frame."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """Something seen from time `start` on, at a map point."""

    start: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class _Trace(_Shown):
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class _Flash(_Shown):
    colour: Colour
    radius: float
    life: float


@dataclass(frozen=True, slots=True)
class _Number(_Shown):
    words: str
    colour: Colour


class Effects:
    """All that is not state: begins with moments, ends by itself. palette: what players are coloured by."""

    def __init__(self, sprites: Sprites, text: Text, seed: int = 1) -> None:
        self._sprites = sprites
        self._text = text
        self.palette = STANDARD
        self.particles = Particles(seed)
        self._beams: deque[_Trace] = deque(maxlen=64)
        self._blasts: deque[_Shown] = deque(maxlen=48)
        self._flashes: deque[_Flash] = deque(maxlen=96)
        self._scorches: deque[_Shown] = deque(maxlen=40)
        self._numbers: deque[_Number] = deque(maxlen=24)
        self._spawns: deque[_Flash] = deque(maxlen=32)
        self._tracers: deque[_Trace] = deque(maxlen=96)
        self._trails: dict[int, tuple[float, float]] = {}
        self._time = 0.0

    def advance(
        self,
        moments: Sequence[Moment],
        picture: Picture,
        own_row: int | None,
        camera: Camera,
        time: float,
        seconds: float,
    ) -> None:
        """Begin what `moments` bring, go on with what is there, for a frame of `seconds` that ends at `time`."""
        self._time = time
        self.particles.advance(seconds)
        for moment in moments:
            self._begin(moment, picture, own_row, camera)
        self._trail(picture, camera)
        for shown, life in (
            (self._beams, BEAM_LIFE),
            (self._tracers, TRACER_LIFE),
            (self._blasts, BLAST_LIFE + 0.2),
            (self._scorches, SCORCH_LIFE),
            (self._numbers, FLOAT_LIFE),
            (self._spawns, SPAWN_LIFE),
            (self._flashes, 0.6),
        ):
            while shown and time - shown[0].start > life:
                shown.popleft()

    # -- beginnings ---------------------------------------------------------------------------------------------------

    def _begin(self, moment: Moment, picture: Picture, own_row: int | None, camera: Camera) -> None:
        match moment:
            case Beam():
                self._begin_beam(moment, own_row, _team(picture, moment.shooter))
            case Blast(x, y) if camera.sees(x, y, _MARGIN):
                self._begin_blast(x, y)
            case Death(victim, _, _, float(x), float(y)) if camera.sees(x, y, _MARGIN):
                self._begin_death(x, y, self.palette.look(victim, _team(picture, victim))[0])
            case Landed(victim, damage):
                self._begin_number(victim, damage, picture)
            case Spawned(row, x, y):
                colour = self.palette.look(row, _team(picture, row))[0]
                self._spawns.append(_Flash(self._time, x, y, colour, 46.0, SPAWN_LIFE))
                if camera.sees(x, y, _MARGIN):
                    self.particles.burst(x, y, 40, 160.0, 0.5, mix(colour, INK, 0.4))
            case Launched(owner, x, y, angle) if owner != own_row:
                self._muzzle_flash(x, y, angle, 1)
            case Fired(weapon, x, y, angle):
                self._muzzle_flash(x, y, angle, weapon)
            case Burst(row, x, y) if camera.sees(x, y, _FAR):
                self._begin_burst(moment, row != own_row)
            case Dashed(row, x, y, angle) if camera.sees(x, y, _MARGIN):
                colour = self.palette.look(row, _team(picture, row))[0]
                self.particles.spray(x, y, angle + math.pi, 0.5, 46, 420.0, 0.4, mix(colour, INK, 0.3))
                self.particles.puff(np.array([x]), np.array([y]), 20.0, 0.7, 0.2)
                self._flashes.append(_Flash(self._time, x, y, colour, 80.0, 0.2))
            case Taken(item, row, amount, float(x), float(y)) if camera.sees(x, y, _MARGIN):
                colour = colour_of_item(item)
                self.particles.burst(x, y, 26, 170.0, 0.5, mix(colour, INK, 0.3))
                self._flashes.append(_Flash(self._time, x, y, colour, 60.0, 0.3))
                if row == own_row:
                    self._numbers.append(_Number(self._time, x, y - 20.0, f"+{amount}", colour))

    def _begin_burst(self, burst: Burst, others: bool) -> None:
        """A tracer, sparks where it ends, and another's muzzle; the own one flashes when it is fired."""
        length = math.hypot(burst.x1 - burst.x, burst.y1 - burst.y)
        angle = math.atan2(burst.y1 - burst.y, burst.x1 - burst.x)
        start = min(PLAYER_RADIUS * MUZZLE, length)
        at = (burst.x + math.cos(angle) * start, burst.y + math.sin(angle) * start)
        self._tracers.append(_Trace(self._time, *at, burst.x1, burst.y1))
        self.particles.spray(burst.x1, burst.y1, angle + math.pi, 1.0, 6, 260.0, 0.22, mix(REPEATER, INK, 0.4))
        if others:
            self._muzzle_flash(burst.x, burst.y, angle, 2)

    def _muzzle_flash(self, x: float, y: float, angle: float, weapon: int) -> None:
        colour = WEAPONS[min(max(weapon, 0), len(WEAPONS) - 1)][1]
        if weapon == 2:  # ten a second: a small one each
            at_x, at_y = x + math.cos(angle) * PLAYER_RADIUS * MUZZLE, y + math.sin(angle) * PLAYER_RADIUS * MUZZLE
            self._flashes.append(_Flash(self._time, at_x, at_y, mix(colour, INK, 0.3), 30.0, 0.06))
            self.particles.spray(at_x, at_y, angle, 0.4, 3, 380.0, 0.12, mix(colour, INK, 0.5))
            return
        at_x = x + math.cos(angle) * PLAYER_RADIUS * MUZZLE
        at_y = y + math.sin(angle) * PLAYER_RADIUS * MUZZLE
        self._flashes.append(_Flash(self._time, at_x, at_y, mix(colour, INK, 0.3), 44.0, 0.12))
        self._flashes.append(_Flash(self._time, at_x, at_y, colour, 110.0, 0.16))
        self.particles.spray(at_x, at_y, angle, 0.5, 14, 420.0, 0.18, mix(colour, INK, 0.5))

    def _begin_beam(self, beam: Beam, own_row: int | None, team: int) -> None:
        length = math.hypot(beam.x1 - beam.x0, beam.y1 - beam.y0)
        if length < 1.0:
            return
        dx, dy = (beam.x1 - beam.x0) / length, (beam.y1 - beam.y0) / length
        angle = math.atan2(dy, dx)
        if not beam.told:
            start = min(PLAYER_RADIUS * MUZZLE, length)
            self._beams.append(_Trace(self._time, beam.x0 + dx * start, beam.y0 + dy * start, beam.x1, beam.y1))
            self._helix(beam, length, self.palette.look(beam.shooter, team)[0])
            if beam.shooter != own_row:
                self._muzzle_flash(beam.x0, beam.y0, angle, 0)
        # Where it ends: sparks thrown back, many and white from armour, fewer and blue from a wall.
        back = angle + math.pi
        if beam.hit is not None:
            self.particles.spray(beam.x1, beam.y1, back, 1.5, 34, 330.0, 0.45, (255, 236, 190))
            self.particles.spray(beam.x1, beam.y1, angle, 0.7, 26, 380.0, 0.4, (255, 90, 60))
            self._flashes.append(_Flash(self._time, beam.x1, beam.y1, (255, 190, 150), 48.0, 0.16))
        elif not beam.told:
            self.particles.spray(beam.x1, beam.y1, back, 1.3, 20, 260.0, 0.4, mix(RAIL, INK, 0.4))
            self._flashes.append(_Flash(self._time, beam.x1, beam.y1, RAIL, 56.0, 0.22))

    def _helix(self, beam: Beam, length: float, colour: Colour) -> None:
        """Wind sparks of the shooter's colour round the beam: they tell whose it was, and linger."""
        rng = self.particles.rng
        start = min(PLAYER_RADIUS * MUZZLE, length)
        along = np.arange(start, length, 5.0)
        if not len(along):
            return
        dx, dy = (beam.x1 - beam.x0) / length, (beam.y1 - beam.y0) / length
        wave = np.sin(along * 0.16)
        out = rng.normal(0.0, 5.0, len(along)) + wave * 26.0
        x = beam.x0 + dx * along - dy * wave * 5.0
        y = beam.y0 + dy * along + dx * wave * 5.0
        life = rng.uniform(0.35, 0.85, len(along))
        self.particles.spark(x, y, -dy * out, dx * out, life, mix(colour, INK, 0.25), drag=2.0)

    def _begin_blast(self, x: float, y: float) -> None:
        rng = self.particles.rng
        self._blasts.append(_Shown(self._time, x, y))
        self._scorches.append(_Shown(self._time, x, y))
        self._flashes.append(_Flash(self._time, x, y, (255, 176, 96), 190.0, 0.30))
        self.particles.burst(x, y, 70, 520.0, 0.55, (255, 190, 90))
        self.particles.burst(x, y, 30, 260.0, 0.9, (255, 110, 40))
        count = 9
        self.particles.puff(x + rng.normal(0, 16, count), y + rng.normal(0, 16, count), 60.0, 1.3, 0.8)

    def _begin_death(self, x: float, y: float, colour: Colour) -> None:
        rng = self.particles.rng
        self._blasts.append(_Shown(self._time, x, y))
        self._scorches.append(_Shown(self._time, x, y))
        self._flashes.append(_Flash(self._time, x, y, colour, 150.0, 0.35))
        self.particles.burst(x, y, 90, 380.0, 1.0, colour)
        self.particles.burst(x, y, 40, 240.0, 1.3, INK)
        count = 7
        self.particles.puff(x + rng.normal(0, 10, count), y + rng.normal(0, 10, count), 40.0, 1.6, 0.7)

    def _begin_number(self, victim: int, damage: int, picture: Picture) -> None:
        players = picture.kinds.get("player")
        if players is None or not 0 <= victim < len(players.alive):
            return
        x = float(players["x"][victim]) + float(self.particles.rng.uniform(-8, 8))
        colour = BAD if damage >= 60 else FAIR
        self._numbers.append(_Number(self._time, x, float(players["y"][victim]) - 24.0, str(damage), colour))

    def _trail(self, picture: Picture, camera: Camera) -> None:
        """Leave smoke and fire along each rocket's way since the last frame, evenly spaced at any frame rate."""
        rockets = picture.kinds.get("rocket")
        trails, self._trails = self._trails, {}
        if rockets is None:
            return
        x, y, vx, vy = (rockets[name] for name in ("x", "y", "vx", "vy"))
        puffs: list[tuple[float, float]] = []
        fires: list[tuple[float, float, float]] = []
        for key, row in rocket_names(rockets).items():
            if ("rocket", row) in picture.fading:
                continue
            at_x, at_y = float(x[row]), float(y[row])
            last_x, last_y = trails.get(key, (at_x, at_y))
            way = math.hypot(at_x - last_x, at_y - last_y)
            count = int(way / TRAIL_STEP)
            if count == 0 or count > 20 or not camera.sees(at_x, at_y, 60.0):
                # Too short a way waits for the next frame; a jump or an unseen one leaves nothing.
                self._trails[key] = (last_x, last_y) if count == 0 else (at_x, at_y)
                continue
            back = math.atan2(-float(vy[row]), -float(vx[row]))
            for part in (step * TRAIL_STEP / way for step in range(1, count + 1)):
                point = (last_x + (at_x - last_x) * part, last_y + (at_y - last_y) * part)
                self._trails[key] = point
                puffs.append(point)
                fires += [(*point, back)] * 3
        if puffs:
            smoke, fire = np.array(puffs).T, np.array(fires).T
            self.particles.puff(smoke[0], smoke[1], 12.0, 0.85, 0.05)
            self.particles.spray(fire[0], fire[1], fire[2], 0.5, fire.shape[1], 170.0, 0.22, (255, 170, 70))

    # -- drawing ------------------------------------------------------------------------------------------------------

    def draw_floor(self, surface: pygame.Surface, camera: Camera) -> None:
        """Draw what lies below the players: scorch marks, spawn rings."""
        for mark in self._scorches:
            if camera.sees(mark.x, mark.y, 60.0):
                steps = self._sprites.scorch[int(mark.x + mark.y) % SCORCHES]
                left = 1.0 - (self._time - mark.start) / SCORCH_LIFE
                _centre(surface, steps[min(int(left * 2.0 * len(steps)), len(steps) - 1)], camera, mark.x, mark.y)
        for spawn in self._spawns:
            part = (self._time - spawn.start) / spawn.life
            radius = round((14.0 + (1.0 - part) ** 2 * spawn.radius) * camera.zoom)
            thick = max(1, round(3.0 * (1.0 - part) * camera.zoom))
            pygame.draw.circle(
                surface, mix(spawn.colour, (20, 24, 30), part), camera.to_surface(spawn.x, spawn.y), radius, thick
            )

    def draw_rocket_light(self, surface: pygame.Surface, camera: Camera, picture: Picture) -> None:
        """Add the light of rocket motors to the floor around them."""
        rockets = picture.kinds.get("rocket")
        if rockets is None:
            return
        wide = self._sprites.glow(62.0, ROCKET, 0.42)
        x, y = rockets["x"], rockets["y"]
        for row in rockets.rows().tolist():
            if camera.sees(float(x[row]), float(y[row]), 62.0):
                _centre(surface, wide, camera, float(x[row]), float(y[row]), pygame.BLEND_RGB_ADD)

    def draw_rockets(self, surface: pygame.Surface, camera: Camera, picture: Picture) -> None:
        """Draw the rockets and their flames."""
        rockets = picture.kinds.get("rocket")
        if rockets is None:
            return
        x, y, vx, vy = (rockets[name] for name in ("x", "y", "vx", "vy"))
        for row in rockets.rows().tolist():
            at_x, at_y = float(x[row]), float(y[row])
            if not camera.sees(at_x, at_y, 20.0):
                continue
            angle = math.atan2(float(vy[row]), float(vx[row]))
            sprite = self._sprites.rocket(angle * TURN / (2.0 * math.pi))
            left = picture.fading.get(("rocket", row), 1.0)
            if left < 1.0:
                sprite = sprite.copy()
                sprite.set_alpha(round(255 * left))
            _centre(surface, sprite, camera, at_x, at_y)
            flicker = 0.75 + 0.25 * math.sin(self._time * 90.0 + row)
            flame = self._sprites.glow(15.0, (255, 196, 110), flicker * left, 2.5)
            tail = (at_x - math.cos(angle) * 11.0, at_y - math.sin(angle) * 11.0)
            _centre(surface, flame, camera, *tail, pygame.BLEND_RGB_ADD)

    def draw_air(self, surface: pygame.Surface, camera: Camera) -> None:
        """Draw what is above the players: smoke, fire, beams, flashes and sparks."""
        self.particles.draw_smoke(surface, camera, self._sprites)
        for blast in self._blasts:
            if camera.sees(blast.x, blast.y, 110.0):
                self._draw_blast(surface, camera, blast)
        for beam in self._beams:
            self._draw_beam(surface, camera, beam)
        for tracer in self._tracers:
            self._draw_tracer(surface, camera, tracer)
        for flash in self._flashes:
            part = (self._time - flash.start) / flash.life
            if 0.0 <= part < 1.0 and camera.sees(flash.x, flash.y, flash.radius):
                light = self._sprites.glow(flash.radius, flash.colour, 0.85 * (1.0 - part))
                _centre(surface, light, camera, flash.x, flash.y, pygame.BLEND_RGB_ADD)
        self.particles.draw_sparks(surface, camera)

    def draw_numbers(self, surface: pygame.Surface, camera: Camera) -> None:
        """Draw the damage done, rising from whom it was done to."""
        for number in self._numbers:
            part = (self._time - number.start) / FLOAT_LIFE
            if camera.sees(number.x, number.y, 30.0):
                x, y = camera.to_surface(number.x, number.y - 26.0 * (1.0 - (1.0 - part) ** 2))
                size = 20 if part > 0.12 else 26
                self._text.draw(surface, number.words, (x, y), size, number.colour, (0.5, 0.5))

    def _draw_blast(self, surface: pygame.Surface, camera: Camera, blast: _Shown) -> None:
        age = self._time - blast.start
        frame = int(age / BLAST_LIFE * BLAST_FRAMES)
        if 0 <= frame < BLAST_FRAMES:
            _centre(surface, self._sprites.blast[frame], camera, blast.x, blast.y, pygame.BLEND_RGB_ADD)
        ring = int(age / 0.28 * len(self._sprites.ring))
        if 0 <= ring < len(self._sprites.ring):
            _centre(surface, self._sprites.ring[ring], camera, blast.x, blast.y, pygame.BLEND_RGB_ADD)

    def _draw_tracer(self, surface: pygame.Surface, camera: Camera, tracer: _Trace) -> None:
        """Draw a short bright stroke that runs from the muzzle to the end."""
        part = (self._time - tracer.start) / TRACER_LIFE
        tail, head = (
            camera.to_surface(tracer.x + (tracer.x1 - tracer.x) * at, tracer.y + (tracer.y1 - tracer.y) * at)
            for at in (min(max(way, 0.0), 1.0) for way in (part * 1.5 - 0.45, part * 1.5 + 0.05))
        )
        if tail != head:
            pygame.draw.line(surface, mix(REPEATER, (40, 46, 40), 0.35), tail, head, max(2, round(2.6 * camera.zoom)))
            pygame.draw.line(surface, mix(REPEATER, (255, 255, 255), 0.6), tail, head, max(1, round(1.2 * camera.zoom)))

    def _draw_beam(self, surface: pygame.Surface, camera: Camera, beam: _Trace) -> None:
        clipped = _clip(beam, camera)
        if clipped is None:
            return
        x0, y0, x1, y1 = clipped
        left = max(0.0, 1.0 - (self._time - beam.start) / BEAM_LIFE)
        # The glow is a row of soft dots, three quarters of a radius apart: their sum is even.
        radius = 9.0 + 9.0 * left
        dot = self._sprites.glow(round(radius), RAIL, 0.40 * left * left, 2.0)
        step = max(2.0, radius * 0.75 * camera.zoom)
        length = math.hypot(x1 - x0, y1 - y0)
        half = dot.get_width() // 2
        count = int(length / step) + 1
        across = np.rint(np.linspace(x0, x1, count + 1)).astype(int) - half
        down = np.rint(np.linspace(y0, y1, count + 1)).astype(int) - half
        dots = [(dot, at) for at in zip(across.tolist(), down.tolist(), strict=True)]
        surface.fblits(dots, pygame.BLEND_RGB_ADD)
        if left > 0.35:
            wide = max(1, round(3.4 * (left - 0.2) * camera.zoom))
            colour = mix(RAIL, (255, 255, 255), max(0.0, 2.0 * left - 1.0))
            pygame.draw.line(surface, colour, (x0, y0), (x1, y1), wide)


def _centre(
    surface: pygame.Surface, sprite: pygame.Surface, camera: Camera, x: float, y: float, blend: int = 0
) -> None:
    """Draw a sprite with its middle at a map point."""
    at_x, at_y = camera.to_surface(x, y)
    surface.blit(sprite, (at_x - sprite.get_width() // 2, at_y - sprite.get_height() // 2), None, blend)


def _clip(beam: _Trace, camera: Camera) -> tuple[int, int, int, int] | None:
    """Return the part of a beam that is in view, with some margin, in surface pixels; None when there is none."""
    margin = round(24 * camera.zoom)
    area = pygame.Rect(-margin, -margin, camera.size[0] + 2 * margin, camera.size[1] + 2 * margin)
    line = area.clipline(camera.to_surface(beam.x, beam.y), camera.to_surface(beam.x1, beam.y1))
    return (*line[0], *line[1]) if line else None


def _team(picture: Picture, row: int) -> int:
    players = picture.kinds.get("player")
    if players is None or not 0 <= row < len(players.alive):
        return 0
    return int(players["team"][row])
