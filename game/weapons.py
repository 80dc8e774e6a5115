"""What weapons do, as arithmetic on arrays: directions, a shot's line, a rocket's flight, an explosion's reach.

Aim becomes a direction through a table, because libm's sine and cosine differ in the last bit between builds, and a
rocket's velocity has to be the same everywhere. The table's entries are rounded to 1/32768: no sine in it lies within
1e-6 of where that rounding turns, nine orders of magnitude more than libms differ, so every machine gets the same bits.

Functions here know nothing of worlds or rows that are alive: who may be hit is an argument. Lengths are in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sin

import numpy as np

from game.arena import PLAYER_RADIUS
from game.schema import TURN

DIRECTIONS = 4096
"""Directions a weapon can point in: 0.09 degrees apart, a pixel and a half at the rail's full reach."""

_AIM_STEP = TURN // DIRECTIONS

DIRECTION_UNIT = 32768
"""Direction components are multiples of one over this."""

RAIL_DAMAGE = 80
"""Of 100 health: one hit wounds, and any second hit of whatever kind finishes."""
RAIL_REACH = 2000.0
"""Pixels: past any screen, short of the map's diagonal."""
RAIL_COOLDOWN = 1.2
"""Seconds between two rail shots: a miss costs a duel's tempo."""

ROCKET_SPEED = 600.0
"""Pixels per second, not quite twice a runner's: fast enough to lead, slow enough to dodge."""
ROCKET_RADIUS = 4
"""Pixels: what a rocket adds to a player's radius when it meets one."""
ROCKET_LIFE = 3.5
"""Seconds before it goes off by itself: 2100 px."""
ROCKET_COOLDOWN = 0.8
"""Seconds between two rockets."""
ROCKET_DIRECT = 95
"""Damage to whom a rocket meets: leaves a fresh player a sliver."""
ROCKET_AMMO = 20
"""The most rockets a player carries."""
ROCKETS_AT_START = 10
"""Rockets a player comes to life with: eight seconds of them."""

REPEATER_DAMAGE = 8
"""Of 100 health: 13 hits, 1.3 s of fire that never misses."""
REPEATER_REACH = 900.0
"""Pixels, as far as a screen shows: beyond is the rail's."""
REPEATER_COOLDOWN = 0.1
"""Seconds between two bullets."""
REPEATER_SPREAD = 28
"""Columns of `direction_table`, 2.5 degrees, that a bullet strays at most; half of them fit a player at 700 px."""
BULLETS = 180
"""The most bullets a player carries."""
BULLETS_AT_START = 60
"""Bullets a player comes to life with: six seconds of fire."""

SPLASH_DAMAGE = 75.0
"""Damage by an explosion that touches, falling linearly to 0 at `SPLASH_REACH`."""
SPLASH_REACH = 100.0
"""Pixels between an explosion and a player's edge from which on it does nothing: three tiles."""
SPLASH_PUSH = 520.0
"""Pixels per second an explosion that touches adds to a player's velocity, falling off like its damage."""
SELF_DAMAGE = 0.5
"""Part of its damage that one's own rocket does: a rocket jump costs, and is worth it."""

SWITCH_COOLDOWN = 0.25
"""Seconds the other weapons are held up by a shot: no rail and rocket in one breath."""

_WALL_GAP = 1.0
"""Pixels an explosion keeps from the wall it met, so that it stands on its own side of it."""


def direction_table() -> np.ndarray:
    """Return unit vectors, `(2, DIRECTIONS) float64`, x over y; the column of an aim is `direction_index(aim)`."""
    quarter = DIRECTIONS // 4
    # One quarter decides all four, so that opposite aims are exactly opposite.
    rising = [round(sin(at * pi / (2 * quarter)) * DIRECTION_UNIT) for at in range(quarter)]
    falling = [DIRECTION_UNIT, *reversed(rising[1:])]
    sine = np.array([*rising, *falling, *(-value for value in rising), *(-value for value in falling)], np.float64)
    return np.stack((np.roll(sine, -quarter), sine)) / DIRECTION_UNIT


def direction_index(aim: int) -> int:
    """Return the column of `direction_table` nearest to `aim`, 65536 to a turn."""
    return (aim + _AIM_STEP // 2) // _AIM_STEP % DIRECTIONS


def direction_indices(aims: np.ndarray) -> np.ndarray:
    """`direction_index` of n aims, `(n,) int`."""
    result: np.ndarray = (aims + _AIM_STEP // 2) // _AIM_STEP % DIRECTIONS
    return result


@dataclass(frozen=True, slots=True)
class Traces:
    """Where n shots ended. hit: `(n,) intp`, the row, -1 for none. distance: `(n,) float64`. shielded: `(n,) bool`, a
    wall was between the shooter and whom the shot would have hit."""

    hit: np.ndarray
    distance: np.ndarray
    shielded: np.ndarray


def trace(
    origin: np.ndarray,
    heading: np.ndarray,
    reach: np.ndarray,
    wall: np.ndarray,
    bodies: np.ndarray,
    may: np.ndarray,
) -> Traces:
    """Return what each of n shots meets first.

    origin, heading: `(2, n)`, from where, and unit vectors. reach: `(n,)`. wall: `(n,)`, the distance to the first
    wall, at most the reach. bodies: `(n, 2, players)`, the players' centres as each shooter saw them. may:
    `(n, players) bool`, who can be hit.
    """
    offset = bodies - origin.T[:, :, None]
    x, y = heading[0][:, None], heading[1][:, None]
    along = offset[:, 0] * x + offset[:, 1] * y
    beside = offset[:, 0] * y - offset[:, 1] * x
    depth = PLAYER_RADIUS * PLAYER_RADIUS - beside * beside
    entry = np.maximum(along - np.sqrt(np.maximum(depth, 0.0)), 0.0)
    entry[~(may & (depth >= 0.0) & (along > 0.0) & (entry < reach[:, None]))] = np.inf
    nearest = entry.argmin(axis=1)
    first = entry[np.arange(len(entry)), nearest]
    there = first < np.inf
    open_way = there & (first <= wall)
    return Traces(np.where(open_way, nearest, -1), np.where(open_way, first, wall), there & ~open_way)


def sweep(origin: np.ndarray, step: np.ndarray, bodies: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Return when in a tick each rocket meets each player, `(rockets, players) float64`: 0..1, infinity for never.

    origin, step: `(2, rockets)`, from where and by how much they fly in this tick. bodies: `(2, players)`, where they
    are at its end; moved: `(2, players)`, by how much they moved in it. Both move, so none passes through the other,
    however long the tick is.
    """
    radius = PLAYER_RADIUS + ROCKET_RADIUS
    offset = (bodies - moved)[:, None, :] - origin[:, :, None]
    closing = step[:, :, None] - moved[:, None, :]
    speed = closing[0] * closing[0] + closing[1] * closing[1]
    toward = offset[0] * closing[0] + offset[1] * closing[1]
    apart = offset[0] * offset[0] + offset[1] * offset[1] - radius * radius
    root = toward * toward - speed * apart
    meets = (root >= 0.0) & (toward > 0.0) & (speed > 0.0)
    when = (toward - np.sqrt(np.maximum(root, 0.0))) / np.where(meets, speed, 1.0)
    inside = apart <= 0.0
    return np.where(inside, 0.0, np.where(meets & (when <= 1.0), when, np.inf))


def stop_short(distance: np.ndarray) -> np.ndarray:
    """Return where a rocket goes off that meets a wall after `distance`."""
    result: np.ndarray = np.maximum(distance - _WALL_GAP, 0.0)
    return result


def splash(distance: np.ndarray) -> np.ndarray:
    """Return the part, 0..1, of an explosion's damage and push at `distance` from it to the players' centres."""
    edge = np.maximum(distance - PLAYER_RADIUS, 0.0)
    result: np.ndarray = np.maximum(1.0 - edge / SPLASH_REACH, 0.0)
    return result
