"""What the player must know at a glance: health, weapons, score, who shot whom, when life goes on.

Along the edges, so that the middle belongs to the game; round the crosshair only what changes aim and trigger: the time
until the next shot, the hit mark, and where a hit came from. Everything follows `Scene` and the frame's moments.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pygame

from game.movement import DASH_COOLDOWN
from game.pickups import HEALTH, MAX_ARMOUR
from game.view.moments import Death, Hurt, Landed, Moment
from game.view.palette import ARMOUR, BAD, BLOOD, DASH, EDGE, FAINT, GOOD, INK, WEAPONS, Colour
from game.view.scene import Scene
from game.view.sprites import Sprites
from game.view.widgets import Widgets, centred
from game.weapons import RAIL_COOLDOWN, REPEATER_COOLDOWN, ROCKET_COOLDOWN

FEED_LIFE = 6.0
FEED_LINES = 6
"""Lines of the kill feed; more would cover the game just when there is most to see."""

NAME_LETTERS = 16
"""Letters of a name that are shown: a longer one would push the layout apart."""

STATUS_LETTERS = 100
"""Letters of a status that are shown; a server's reason may be longer than the screen is wide."""

_SLOT_ARC = (21.0, 3.0)
_AIM_ARC = (17.0, 2.4)
"""Radius and thickness of the cooldown arcs, in points: round a weapon's picture, round the crosshair."""

_COOLDOWNS = (RAIL_COOLDOWN, ROCKET_COOLDOWN, REPEATER_COOLDOWN)
_READY = ("rail_ready", "rocket_ready", "repeater_ready")
_ROUNDS = (None, "ammo", "bullets")
"""By weapon: the field that counts what is left to fire; None: it needs none."""


@dataclass(frozen=True, slots=True)
class _Line:
    time: float
    killer: int
    victim: int
    weapon: int


@dataclass(frozen=True, slots=True)
class _Wound:
    time: float
    angle: float | None
    amount: int


def name_of(scene: Scene, row: int, letters: int = NAME_LETTERS) -> str:
    """Return the name to show for a player row, of so many letters at most."""
    name = "".join(letter for letter in scene.names.get(row, "") if letter.isprintable()).strip()
    if len(name) > letters:
        name = name[: letters - 1] + "…"
    return name or f"player {row}"


def colour_of(scene: Scene, row: int) -> Colour:
    """Return the colour that player row `row` is drawn in."""
    players = scene.picture.kinds.get("player")
    team = int(players["team"][row]) if players is not None and 0 <= row < len(players.alive) else 0
    return scene.palette.look(row, team)[0]


class Hud:
    """The HUD at one surface size."""

    def __init__(self, widgets: Widgets, sprites: Sprites) -> None:
        self._widgets = widgets
        self._sprites = sprites
        self._feed: deque[_Line] = deque(maxlen=FEED_LINES)
        self._painted: dict[_Line, pygame.Surface] = {}
        self._wounds: deque[_Wound] = deque(maxlen=6)
        self._hit: tuple[float, bool] | None = None
        self._notice: tuple[float, str, Colour] | None = None
        self._killer: int | None = None
        self._ghost = 1.0
        self._edges = _red_edges(widgets.size, widgets.px(110))
        for _, colour in WEAPONS:  # made now, because making them takes longer than a frame may
            widgets.arc(*_SLOT_ARC, 1.0, colour)
            widgets.arc(*_AIM_ARC, 1.0, colour)
        widgets.arc(*_SLOT_ARC, 1.0, DASH)

    def warm(self, scene: Scene, row: int) -> None:
        """Render now what the kill feed will say of a player."""
        self._widgets.text.surface(*_fed(scene, row))

    def advance(self, moments: Sequence[Moment], scene: Scene, seconds: float) -> None:
        """Take what happened in a frame of `seconds`."""
        for moment in moments:
            match moment:
                case Landed():
                    killed = self._hit is not None and self._hit[0] == scene.time and self._hit[1]
                    self._hit = (scene.time, killed)
                case Hurt(amount, angle):
                    self._wounds.append(_Wound(scene.time, angle, amount))
                case Death(victim, killer, weapon):
                    self._feed.append(_Line(scene.time, killer, victim, weapon))
                    self._own_death(scene, victim, killer)
        while self._feed and scene.time - self._feed[0].time > FEED_LIFE:
            self._feed.popleft()
        for gone in self._painted.keys() - set(self._feed):
            del self._painted[gone]
        part = _own(scene, "health") / HEALTH
        self._ghost = part if part > self._ghost else max(part, self._ghost - seconds * 0.9)

    def _own_death(self, scene: Scene, victim: int, killer: int) -> None:
        if scene.own_row is None:
            return
        if victim == scene.own_row:
            self._killer = killer
        elif killer == scene.own_row:
            self._hit = (scene.time, True)
            self._notice = (scene.time, f"You fragged {name_of(scene, victim)}", INK)

    # -- parts --------------------------------------------------------------------------------------------------------

    def draw_edges(self, surface: pygame.Surface, scene: Scene) -> None:
        """Redden the surface's edges when hurt, and gently while little health is left."""
        strength = 0.0
        for wound in self._wounds:
            left = 1.0 - (scene.time - wound.time) / 0.6
            strength = max(strength, left * min(1.0, 0.35 + wound.amount / 60.0))
        health = _own(scene, "health")
        if 0 < health <= HEALTH * 0.3:
            strength = max(strength, 0.22 + 0.10 * math.sin(scene.time * 6.0))
        level = min(len(self._edges) - 1, round(strength * (len(self._edges) - 1)))
        if level <= 0:
            return
        width, height = self._widgets.size
        top, bottom, left_side, right_side = self._edges[level]
        surface.blit(top, (0, 0), None, pygame.BLEND_RGB_ADD)
        surface.blit(bottom, (0, height - bottom.get_height()), None, pygame.BLEND_RGB_ADD)
        surface.blit(left_side, (0, top.get_height()), None, pygame.BLEND_RGB_ADD)
        surface.blit(right_side, (width - right_side.get_width(), top.get_height()), None, pygame.BLEND_RGB_ADD)

    def draw_wounds(self, surface: pygame.Surface, scene: Scene, focus: tuple[float, float]) -> None:
        """Show where hits came from, round the own player."""
        for wound in self._wounds:
            left = 1.0 - (scene.time - wound.time) / 0.9
            if wound.angle is not None and left > 0.0:
                mark = self._widgets.wedge(64.0, wound.angle, left)
                centred(surface, mark, focus, pygame.BLEND_RGB_ADD)

    def draw_health(self, surface: pygame.Surface, scene: Scene) -> None:
        """Draw the own health."""
        if scene.own_row is None or scene.picture.own is None:
            return
        widgets = self._widgets
        box = pygame.Rect(widgets.px(20), 0, widgets.px(248), widgets.px(52))
        box.bottom = widgets.size[1] - widgets.px(20)
        widgets.panel(surface, box)
        health = max(0, round(_own(scene, "health")))
        part = min(1.0, health / HEALTH)
        colour = scene.palette.health(part)
        arm, thick = widgets.px(9), widgets.px(3)
        middle = (box.x + widgets.px(26), box.centery)
        surface.fill(colour, (middle[0] - arm, middle[1] - thick, 2 * arm, 2 * thick))
        surface.fill(colour, (middle[0] - thick, middle[1] - arm, 2 * thick, 2 * arm))
        widgets.text.draw(surface, str(health), (box.x + widgets.px(72), box.centery + 1), 30, INK, (0.5, 0.5))
        bar = pygame.Rect(box.x + widgets.px(104), 0, box.w - widgets.px(120), widgets.px(16))
        bar.centery = box.centery
        armour = _own(scene, "armour")
        if armour > 0:
            bar.centery -= widgets.px(5)
            worn = pygame.Rect(bar.x, bar.bottom + widgets.px(3), bar.w, widgets.px(7))
            widgets.bar(surface, worn, min(1.0, armour / MAX_ARMOUR), ARMOUR, 0.0, 10)
        widgets.bar(surface, bar, part, colour, self._ghost, 10)

    def draw_weapons(self, surface: pygame.Surface, scene: Scene) -> None:
        """Draw the weapons: which is in hand, when each can fire again, what is left to fire."""
        own = scene.picture.own
        if scene.own_row is None or own is None:
            return
        widgets = self._widgets
        wide, high, gap = widgets.px(158), widgets.px(52), widgets.px(8)
        left = widgets.size[0] // 2 - (len(WEAPONS) * (wide + gap) - gap) // 2
        for weapon, (title, colour) in enumerate(WEAPONS):
            box = pygame.Rect(left + weapon * (wide + gap), widgets.size[1] - widgets.px(20) - high, wide, high)
            held = int(_own(scene, "weapon")) == weapon
            widgets.panel(surface, box, colour if held else EDGE)
            ready = self._ready_part(scene, weapon)
            tint = colour if ready >= 1.0 else FAINT
            spot = (box.x + widgets.px(27), box.centery)
            centred(surface, self._sprites.turret((132, 142, 158), weapon, 0), spot)
            if ready < 1.0:
                centred(surface, widgets.arc(*_SLOT_ARC, ready, colour), spot)
            words = INK if held else FAINT
            at = box.x + widgets.px(58)
            widgets.text.draw(surface, title, (at, box.y + widgets.px(9)), 15, words)
            left_over = _rounds(scene, weapon)
            if left_over is not None:
                shade = tint if left_over else BAD
                widgets.text.draw(surface, str(left_over), (at, box.y + widgets.px(27)), 15, shade)
            else:
                state = "ready" if ready >= 1.0 else f"{math.ceil((1.0 - ready) * RAIL_COOLDOWN * 10.0) / 10.0:.1f} s"
                widgets.text.draw(surface, state, (at, box.y + widgets.px(28)), 13, tint)
            key = (box.right - widgets.px(8), box.y + widgets.px(7))
            widgets.text.draw(surface, str(weapon + 1), key, 12, FAINT, (1.0, 0.0))

    def draw_dash(self, surface: pygame.Surface, scene: Scene) -> None:
        """Draw when the next dash can be."""
        own = scene.picture.own
        if scene.own_row is None or own is None or "dash_ready" not in own.kind.index:
            return
        widgets = self._widgets
        box = pygame.Rect(widgets.px(276), 0, widgets.px(52), widgets.px(52))
        box.bottom = widgets.size[1] - widgets.px(20)
        part = 1.0 - min(1.0, max(0.0, _own(scene, "dash_ready") / (DASH_COOLDOWN * scene.tick_hz)))
        ready = part >= 1.0
        widgets.panel(surface, box)
        if not ready:
            centred(surface, widgets.arc(*_SLOT_ARC, part, DASH), box.center)
        tint, size = DASH if ready else FAINT, widgets.px(7)
        for step in (-1, 1):
            x = box.centerx + step * widgets.px(6) - size // 2
            points = [
                (x - size // 2, box.centery - size),
                (x + size // 2, box.centery),
                (x - size // 2, box.centery + size),
            ]
            pygame.draw.lines(surface, tint, False, points, max(2, widgets.px(2.6)))

    def draw_feed(self, surface: pygame.Surface, scene: Scene) -> None:
        """Draw who shot whom, newest last."""
        widgets = self._widgets
        right, top = widgets.size[0] - widgets.px(20), widgets.px(18)
        for line in self._feed:
            made = self._painted.get(line)
            if made is None:
                made = self._painted[line] = self._paint_line(scene, line)
            surface.blit(made, (right - made.get_width(), top))
            top += widgets.px(28)

    def _paint_line(self, scene: Scene, line: _Line) -> pygame.Surface:
        """Return a line of the kill feed: killer, weapon, victim, in the colours they wear now."""
        widgets = self._widgets
        title, tint = WEAPONS[line.weapon % len(WEAPONS)]
        killer, victim = _fed(scene, line.killer), _fed(scene, line.victim)
        words = [killer, (title.lower(), 12, tint), victim]
        if line.killer == line.victim:
            words = [victim, ("blew up", 12, FAINT)]
        parts = [widgets.text.surface(*word) for word in words]
        pad = widgets.px(10)
        box = pygame.Rect(0, 0, sum(part.get_width() for part in parts) + pad * (len(parts) + 1), widgets.px(24))
        made = pygame.Surface(box.size, pygame.SRCALPHA, 32)
        widgets.panel(made, box, INK if scene.own_row in (line.victim, line.killer) else EDGE)
        left = pad
        for part in parts:
            made.blit(part, (left, (box.h - part.get_height()) // 2))
            left += part.get_width() + pad
        return made

    def draw_standing(self, surface: pygame.Surface, scene: Scene, watched: int | None) -> None:
        """Draw the own score and place, or whom a spectator looks at (`watched`)."""
        players = scene.picture.kinds.get("player")
        if players is None or not players.alive.any():
            return
        widgets = self._widgets
        rows = players.rows()
        scores = players["score"][rows]
        best = int(rows[int(scores.argmax())])
        box = pygame.Rect(0, widgets.px(14), widgets.px(250), widgets.px(40))
        box.centerx = widgets.size[0] // 2
        widgets.panel(surface, box)
        if scene.own_row is None or scene.own_row >= len(players.alive) or not players.alive[scene.own_row]:
            words = f"spectating {name_of(scene, watched)}" if watched is not None else "spectating"
            if scene.place is not None:
                words = "spectating: free camera"
            widgets.text.draw(surface, words, box.center, 15, FAINT, (0.5, 0.5))
            return
        own = float(players["score"][scene.own_row])
        place = int((scores > own).sum()) + 1
        widgets.text.draw(surface, f"{own:.0f}", (box.x + widgets.px(34), box.centery + 1), 26, INK, (0.5, 0.5))
        at = box.x + widgets.px(68)
        words = f"{place}{_ending(place)} of {len(rows)}"
        widgets.text.draw(surface, words, (at, box.y + widgets.px(5)), 14, GOOD if place == 1 else INK)
        if scores.max() > own:
            leader = f"{name_of(scene, best)} leads with {scores.max():.0f}"
        else:
            others = scores[rows != scene.own_row]
            ahead = own - float(others.max()) if len(others) else 0.0
            leader = f"ahead by {ahead:.0f}" if ahead > 0 else "level with the next"
        widgets.text.draw(surface, leader, (at, box.y + widgets.px(22)), 12, FAINT)

    def draw_watching(self, surface: pygame.Surface, scene: Scene) -> None:
        """Say how to look elsewhere, to who does not play."""
        widgets = self._widgets
        at = (widgets.size[0] // 2, widgets.size[1] - widgets.px(30))
        if scene.own_row is None and scene.picture.kinds.get("player") is not None:
            widgets.text.draw(
                surface, "fire: next player    dash: the one before    move: fly", at, 14, FAINT, (0.5, 0.5)
            )

    def draw_crosshair(self, surface: pygame.Surface, scene: Scene, at: tuple[float, float]) -> None:
        """Draw the crosshair at a surface point, with the time to the next shot and the hit mark."""
        own = scene.picture.own
        if scene.own_row is None or own is None or _own(scene, "health") <= 0:
            return
        widgets = self._widgets
        weapon = min(max(int(_own(scene, "weapon")), 0), len(WEAPONS) - 1)
        ready = self._ready_part(scene, weapon)
        empty = _rounds(scene, weapon) == 0
        colour = BAD if empty else INK if ready >= 1.0 else FAINT
        x, y = round(at[0]), round(at[1])
        inner, outer = widgets.px(6), widgets.px(12)
        for width, tint in ((3, (8, 10, 14)), (1, colour)):
            grow = widgets.px(width)
            for step_x, step_y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                start = (x + step_x * inner, y + step_y * inner)
                end = (x + step_x * outer, y + step_y * outer)
                pygame.draw.line(surface, tint, start, end, grow)
        surface.fill(colour, (x - 1, y - 1, 2, 2))
        if ready < 1.0:
            centred(surface, widgets.arc(*_AIM_ARC, ready, WEAPONS[weapon][1]), (x, y))
        if self._hit is not None:
            part = (scene.time - self._hit[0]) / (0.35 if self._hit[1] else 0.2)
            if 0.0 <= part < 1.0:
                self._draw_hit(surface, (x, y), part, BLOOD if self._hit[1] else (255, 255, 255))

    def draw_notices(self, surface: pygame.Surface, scene: Scene, *, covered: bool) -> None:
        """Say whom we killed, while dead who killed us and when life goes on, and what the server's owner says.

        covered: the scoreboard is where most of it would stand.
        """
        widgets, text = self._widgets, self._widgets.text
        middle, height = widgets.size[0] // 2, widgets.size[1]
        if scene.notice:
            text.draw(surface, scene.notice[:STATUS_LETTERS], (middle, height * 0.14), 20, INK, (0.5, 0.5))
        if covered:
            return
        if scene.own_row is not None and scene.picture.own is not None and _own(scene, "health") <= 0:
            wait = max(0.0, _own(scene, "respawn") / scene.tick_hz)
            killer = self._killer
            words = "You are down"
            if killer is not None:
                words = "You blew yourself up" if killer == scene.own_row else f"Fragged by {name_of(scene, killer)}"
            text.draw(surface, words, (middle, height * 0.30), 30, BAD, (0.5, 0.5))
            text.draw(surface, f"back in {wait:.1f}", (middle, height * 0.30 + widgets.px(36)), 18, INK, (0.5, 0.5))
        elif self._notice is not None and scene.time - self._notice[0] < 1.8:
            text.draw(surface, self._notice[1], (middle, height * 0.24), 24, self._notice[2], (0.5, 0.5))

    def draw_status(self, surface: pygame.Surface, scene: Scene) -> None:
        """Say what is happening when it is not the match: over everything, with the rest dimmed."""
        if not scene.status:
            return
        widgets = self._widgets
        surface.fill((96, 100, 112), special_flags=pygame.BLEND_RGB_MULT)
        words = scene.status if len(scene.status) <= STATUS_LETTERS else scene.status[: STATUS_LETTERS - 1] + "…"
        wide = max(widgets.px(420), widgets.text.width(words, 20) + widgets.px(80))
        box = pygame.Rect(0, 0, wide, widgets.px(96))
        box.center = (widgets.size[0] // 2, widgets.size[1] // 2)
        widgets.panel(surface, box)
        widgets.text.draw(surface, words, (box.centerx, box.y + widgets.px(34)), 20, INK, (0.5, 0.5))
        for dot in range(5):
            bright = 0.5 + 0.5 * math.cos(scene.time * 5.0 - dot * 0.9)
            shade = round(60 + 150 * bright)
            at = (box.centerx + widgets.px((dot - 2) * 16), box.y + widgets.px(68))
            pygame.draw.circle(surface, (shade, shade, shade + 12), at, widgets.px(3))

    def _draw_hit(self, surface: pygame.Surface, at: tuple[int, int], part: float, colour: Colour) -> None:
        near, far = self._widgets.px(6 + 5 * part), self._widgets.px(14 + 5 * part)
        for step_x in (-1, 1):
            for step_y in (-1, 1):
                start = (at[0] + step_x * near, at[1] + step_y * near)
                end = (at[0] + step_x * far, at[1] + step_y * far)
                pygame.draw.line(surface, (8, 10, 14), start, end, self._widgets.px(5))
                pygame.draw.line(surface, colour, start, end, self._widgets.px(3))

    def _ready_part(self, scene: Scene, weapon: int) -> float:
        """Return how much of a weapon's wait is over, 0..1."""
        wait = _own(scene, _READY[weapon])
        return 1.0 - min(1.0, max(0.0, wait / (_COOLDOWNS[weapon] * scene.tick_hz)))


def _fed(scene: Scene, row: int) -> tuple[str, int, Colour]:
    """Return a player's name as the kill feed has it: words, size, colour."""
    return name_of(scene, row), 14, colour_of(scene, row)


def _own(scene: Scene, name: str) -> float:
    own = scene.picture.own
    if own is None:
        return 0.0
    values, at = own.values, own.kind.index.get(name)
    if at is None or at >= len(values) or values.shape[1] == 0:
        return 0.0
    return float(values[at, 0]) * own.kind.fields[at].precision


def _rounds(scene: Scene, weapon: int) -> int | None:
    """Return how many shots of a weapon are left, None where they are not counted."""
    field = _ROUNDS[weapon]
    return None if field is None else int(_own(scene, field))


def _ending(place: int) -> str:
    if place % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")


def _red_edges(size: tuple[int, int], reach: int) -> list[tuple[pygame.Surface, ...]]:
    """Return the four edge strips for each level of redness, to be added: a frame, not a sheet over everything."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    near = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y))
    # Rounded corners: where two edges are near, both count.
    across, along = np.minimum(x, width - 1 - x) / reach, np.minimum(y, height - 1 - y) / reach
    fall = np.clip(1.0 - across, 0, 1) ** 2 + np.clip(1.0 - along, 0, 1) ** 2
    fall = np.where(near < reach, np.minimum(fall, 1.3), 0.0)
    levels = []
    for level in range(7):
        image = np.asarray(BLOOD, np.float32) * (fall * level / 6 * 0.62)[..., None]
        whole = [
            image[:reach],
            image[height - reach :],
            image[reach : height - reach, :reach],
            image[reach : height - reach, width - reach :],
        ]
        levels.append(tuple(_strip(part) for part in whole))
    return levels


def _strip(image: np.ndarray) -> pygame.Surface:
    surface = pygame.Surface((image.shape[1], image.shape[0]), 0, 32)
    pygame.surfarray.blit_array(surface, image.astype(np.uint8).swapaxes(0, 1))
    return surface
