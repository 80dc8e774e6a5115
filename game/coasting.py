"""Where players and rockets get of which nothing is heard: `engine.world.coasting`, for one tick on one map.

A player goes on at its speed and slides along walls as `movement.py` has it: what a wall stops has velocity 0 along
that axis. A rocket goes on to where it would go off, and waits there: whether it did is for the next snapshot to say.

Positions told to others are up to a pixel off (`schema.py`: thresholds, eighths of a pixel), so a player may be told to
stand that far in a wall. It is brought out of it first: it would else be held in there. One that is deeper in is one
the walls do not hold, and just goes on.
"""

from __future__ import annotations

import numpy as np

from game import weapons
from game.arena import ArenaMap, Clearance
from game.schema import GRID, PLAYER, ROCKET

_X, _VX = PLAYER.index["x"], PLAYER.index["vx"]
_POSITION, _VELOCITY = slice(_X, _X + 2), slice(_VX, _VX + 2)
_ROCKET_X, _ROCKET_VX = ROCKET.index["x"], ROCKET.index["vx"]
_ROCKET_POSITION, _ROCKET_VELOCITY = slice(_ROCKET_X, _ROCKET_X + 2), slice(_ROCKET_VX, _ROCKET_VX + 2)
_ZERO = np.array([0], np.int32)


def coast_players(clearance: Clearance, rows: np.ndarray) -> None:
    """Move players, `(public fields, n) int32`, a tick on, in place."""
    position, velocity = rows[_POSITION], rows[_VELOCITY]
    start, held = clearance.nearest(position, GRID)
    reached = clearance.move(start, velocity)
    stopped = held & (reached - start != velocity)
    position[...] = np.where(held, reached, position + velocity)
    np.putmask(velocity, stopped, _ZERO)


def coast_rockets(arena: ArenaMap, rows: np.ndarray) -> None:
    """Move rockets, `(public fields, n) int32`, a tick on, in place."""
    position, velocity = rows[_ROCKET_POSITION], rows[_ROCKET_VELOCITY]
    origin, step = position / GRID, velocity / GRID
    length = np.sqrt(step[0] * step[0] + step[1] * step[1])
    wall = arena.cast_each(origin, step, length)
    meets = wall < length
    position += velocity
    if np.count_nonzero(meets):
        part = weapons.stop_short(wall[meets]) / length[meets]
        position[:, meets] = np.rint((origin[:, meets] + step[:, meets] * part) * GRID)
        velocity[:, meets] = 0
