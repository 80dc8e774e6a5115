"""What a bot makes of a picture when it looks around: whom it sees, what is about to hit it, what it needs lies where.

Looking is a few times a second and costs the most of a bot's thinking, so those who look in one tick look together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest
from math import sqrt

import numpy as np

from engine.world.picture import Picture, Seen
from game.arena import PLAYER_RADIUS, ArenaMap
from game.schema import GRID, PICKUP, PLAYER, ROCKET, Item

SIGHT = 900.0
"""Pixels: about what a screen shows."""
CANDIDATES = 3
"""How many of the nearest enemies a look considers."""
DANGER_WITHIN = 0.7
"""Seconds a rocket is away that is minded."""
DANGER_RADIUS = PLAYER_RADIUS + 40.0
"""Pixels a rocket passes a player's middle by that still hurts it: a wall or another player may set it off there."""

LOW_HEALTH = 60.0
"""Health below which a bot looks for more."""
LOW_ARMOUR = 25.0
LOW_ROCKETS, LOW_BULLETS = 2.0, 15.0
"""What a bot counts as nearly out of."""
ERRAND_DISTANCE = {Item.HEALTH: 1200.0, Item.ARMOUR: 500.0, Item.AMMUNITION: 700.0}
"""Pixels as the crow flies that a bot goes for it."""

_X, _Y, _HEALTH, _TEAM, _ARMOUR, _AMMO = (PLAYER.index[name] for name in ("x", "y", "health", "team", "armour", "ammo"))
_ITEM, _LIES = PICKUP.index["item"], PICKUP.index["ready"]
_ITEM_X, _ITEM_Y = PICKUP.index["x"], PICKUP.index["y"]
_ROCKET_X, _ROCKET_Y, _ROCKET_VX, _ROCKET_VY, _OWNER = (ROCKET.index[name] for name in ("x", "y", "vx", "vy", "owner"))


@dataclass(slots=True)
class Sight:
    """What a look showed. target: the nearest enemy that can be seen, else the nearest there is; visible: which of the
    two. dodge: a unit vector out of the way of the rocket that hits first, until tick `dodge_until`. errand: where
    something lies that is needed, in pixels."""

    target: int | None = None
    visible: bool = False
    dodge: tuple[float, float] | None = None
    dodge_until: int = 0
    errand: tuple[float, float] | None = None


def look(picture: Picture, arena: ArenaMap, rows: list[int], tick_hz: int, tick: int) -> list[Sight]:
    """Return what each of the player rows `rows` sees when it looks around before `tick`."""
    seen = picture["player"]
    sights = _enemies(seen, arena, rows)
    _rockets(picture, rows, sights, tick_hz, tick)
    lying = _lying(picture)
    if lying:
        for row, sight in zip(rows, sights, strict=True):
            sight.errand = _errand(_column(picture, seen, row), lying)
    return sights


def _enemies(seen: Seen, arena: ArenaMap, rows: list[int]) -> list[Sight]:
    """Return for each of `rows` the nearest enemy it can see, else the nearest one there is."""
    living = np.flatnonzero(seen.alive & (seen.values[_HEALTH] > 0.0))
    x, y, team = seen.values[[_X, _Y, _TEAM]][:, living].tolist()
    others = list(zip(living.tolist(), x, y, team, strict=True))
    sights = []
    for row in rows:
        own_x, own_y, own_team = seen.values[[_X, _Y, _TEAM], row].tolist()
        enemies = [
            ((x - own_x) * (x - own_x) + (y - own_y) * (y - own_y), other, x, y)
            for other, x, y, team in others
            if other != row and (team == 0.0 or team != own_team)
        ]
        sight = Sight()
        for square, other, x, y in nsmallest(CANDIDATES, enemies):
            if sight.target is None:
                sight.target = other
            near = square < SIGHT * SIGHT * GRID * GRID
            if near and arena.sees(own_x / GRID, own_y / GRID, x / GRID, y / GRID):
                sight.target, sight.visible = other, True
                break
        sights.append(sight)
    return sights


def _rockets(picture: Picture, rows: list[int], sights: list[Sight], tick_hz: int, tick: int) -> None:
    """Note for each of `rows` which rocket will hit it first, and which way is out."""
    rockets, players = picture.kinds.get("rocket"), picture["player"].values
    if rockets is None or not rockets.alive.any():
        return
    # Plain numbers: a look is for a bot or two, and of the rockets in the air few come near.
    flying = rockets.values[:, rockets.alive][[_ROCKET_X, _ROCKET_Y, _ROCKET_VX, _ROCKET_VY, _OWNER]].T.tolist()
    courses = []
    for x, y, vx, vy, owner in flying:
        speed = max(sqrt(vx * vx + vy * vy), 1.0)
        courses.append((x, y, vx / speed, vy / speed, speed, owner))
    for row, sight in zip(rows, sights, strict=True):
        own_x, own_y = players.item(_X, row), players.item(_Y, row)
        soonest = DANGER_WITHIN * tick_hz
        for x, y, ux, uy, speed, owner in courses:
            dx, dy = own_x - x, own_y - y
            when = (dx * ux + dy * uy) / speed  # ticks until it is nearest
            if not 0.0 < when < soonest or owner == row:
                continue
            beside = dy * ux - dx * uy  # grid units the player is to its right
            if abs(beside) < DANGER_RADIUS * GRID:
                soonest = when
                sight.dodge = (-uy, ux) if beside >= 0.0 else (uy, -ux)
                sight.dodge_until = tick + int(when)


def _lying(picture: Picture) -> list[tuple[int, float, float]]:
    """Return what lies about: item, and where, in pixels."""
    pickups = picture.kinds.get("pickup")
    if pickups is None:
        return []
    there = pickups.values[:, pickups.alive & (pickups.values[_LIES] > 0.0)]
    items, x, y = there[[_ITEM, _ITEM_X, _ITEM_Y]].tolist()
    return [(int(item), at_x / GRID, at_y / GRID) for item, at_x, at_y in zip(items, x, y, strict=True)]


def _column(picture: Picture, seen: Seen, row: int) -> list[float]:
    """Return a player's own row, with the owner's fields where the picture has them."""
    own = picture.own if picture.own is not None and picture.own_row == row else None
    values: list[float] = seen.values[:, row].tolist() if own is None else own.values[:, 0].tolist()
    return values


def _errand(own: Sequence[float], lying: list[tuple[int, float, float]]) -> tuple[float, float] | None:
    """Return where the nearest thing lies that is needed most; None when all is well, or it is too far."""
    needs = []
    if own[_HEALTH] < LOW_HEALTH:
        needs.append(Item.HEALTH)
    if len(own) > _AMMO + 1 and own[_AMMO] < LOW_ROCKETS and own[_AMMO + 1] < LOW_BULLETS:
        needs.append(Item.AMMUNITION)
    if own[_ARMOUR] < LOW_ARMOUR:
        needs.append(Item.ARMOUR)
    x, y = own[_X] / GRID, own[_Y] / GRID
    for need in needs:
        reach = ERRAND_DISTANCE[need]
        near = [
            ((at_x - x) * (at_x - x) + (at_y - y) * (at_y - y), at_x, at_y)
            for item, at_x, at_y in lying
            if item == need
        ]
        square, at_x, at_y = min(near, default=(np.inf, 0.0, 0.0))
        if square < reach * reach:
            return at_x, at_y
    return None
