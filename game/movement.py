"""What a player's own input does to its own row: the predicted path, the server's over all rows, a client's over one.

It reads the rows, the inputs, the tick and the map, and nothing else; it ends on the integer grid; and its only inexact
operations are + - * / and sqrt, which IEEE 754 rounds the same way everywhere. So a client's row equals the server's
bit for bit. Speeds and times are given per second and turned into grid units and ticks once, so a match plays alike at
20 and at 128 ticks a second.

A client runs this once a tick and once more per tick it replays, on a single row. There an array operation costs as
much as thirty of plain Python, so one row is advanced in plain numbers, by the same steps in the same order, and a test
holds one row to the same bits as many. Over many rows operations are few, work on two rows of state at a time, and take
their constants from arrays of the state's dtype. `bench/rules.py` measures both.

What it does not do: anything one player does to another. That is `rules.py`.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from game import weapons
from game.arena import Clearance
from game.schema import GRID, INPUT, MOVE_BUTTONS, PLAYER, Button, Weapon

TOP_SPEED = 320.0
"""Pixels per second a player runs: the width of the screen in four seconds."""
ACCELERATION = 3000.0
"""Pixels per second per second towards where the buttons point: 0.1 s to full speed, 0.2 s to turn about."""
FRICTION = 1800.0
"""The same when no button is held: stops in 0.18 s and 28 px. A knockback is fought with the same two."""

FIRE = int(Button.FIRE)

_X, _VX, _READY = PLAYER.index["x"], PLAYER.index["vx"], PLAYER.index["rail_ready"]
_POSITION, _VELOCITY, _COOLDOWNS = slice(_X, _X + 2), slice(_VX, _VX + 2), slice(_READY, _READY + 2)
_AIM, _HEALTH, _WEAPON, _AMMO = (PLAYER.index[name] for name in ("aim", "health", "weapon", "ammo"))
_BUTTONS, _INPUT_AIM, _INPUT_WEAPON = (INPUT.index[name] for name in ("buttons", "aim", "weapon"))


# Constants as arrays: see the module.
_ZERO, _ONE = np.array([0], np.int32), np.array([1], np.int32)
_FIRE, _MOVE = np.array([FIRE], np.int32), np.array([MOVE_BUTTONS], np.int32)
_LAST = int(max(Weapon))
_LAST_WEAPON = np.array([max(Weapon)], np.int32)
_MAX_AMMO = np.array([weapons.ROCKET_AMMO], np.int32)


def ticks(seconds: float, tick_hz: int) -> int:
    """Return `seconds` in ticks, at least one."""
    return max(1, round(seconds * tick_hz))


class Movement:
    """Movement, aim, weapon, cooldowns and ammunition at one tick rate on one map."""

    def __init__(self, clearance: Clearance, tick_hz: int) -> None:
        self._clearance = clearance
        self._walks = _walks(tick_hz)
        rail, rocket = ticks(weapons.RAIL_COOLDOWN, tick_hz), ticks(weapons.ROCKET_COOLDOWN, tick_hz)
        switch = ticks(weapons.SWITCH_COOLDOWN, tick_hz)
        self._setback = np.array([[rail, switch], [switch, rocket]], np.int32)  # cooldown [of, by a shot of]
        self._reload_ticks = ticks(weapons.ROCKET_RELOAD, tick_hz)
        # The same as plain numbers, for one row.
        self._one_walks: list[list[float]] = self._walks.T.tolist()
        self._one_setback: list[list[int]] = self._setback.T.tolist()  # by the weapon that fired

    def advance(self, state: np.ndarray, given: np.ndarray, tick: int) -> np.ndarray:
        """Advance n players in place through `tick`; return who fires, `(n,) bool`.

        state: `(fields, n) int32`, at least the owner's fields of `PLAYER`. given: `(fields, n) int32` of `INPUT`.
        The dead (health 0) stand still and do not fire.
        """
        if state.shape[1] == 1:
            return np.array([self._advance_one(state, given, tick)])
        buttons = given[_BUTTONS]
        alive = np.minimum(state[_HEALTH], _ONE)
        state[_AIM] = given[_INPUT_AIM]
        weapon = np.minimum(given[_INPUT_WEAPON], _LAST_WEAPON, out=state[_WEAPON])
        self._walk(state[_POSITION], state[_VELOCITY], (buttons & _MOVE) * alive)

        ready = state[_COOLDOWNS]
        ready -= np.minimum(ready, _ONE)
        ammo = state[_AMMO]
        if tick % self._reload_ticks == 0:
            np.minimum(ammo + _ONE, _MAX_AMMO, out=ammo)
        fires: np.ndarray = (buttons & _FIRE) * alive != _ZERO
        if np.count_nonzero(fires):
            # What holds a shot up: the weapon's cooldown, or a lack of rockets. A weapon's number is how many it takes.
            wait = np.maximum(ready[0] + (ready[1] - ready[0]) * weapon, weapon - ammo)
            fires &= wait == _ZERO
            if np.count_nonzero(fires):
                np.maximum(ready, self._setback.take(weapon, axis=1) * fires, out=ready)
                ammo -= weapon * fires
        return fires

    def _advance_one(self, state: np.ndarray, given: np.ndarray, tick: int) -> bool:
        """Do as `advance` for one row; tell whether it fires."""
        row: list[int] = state[:, 0].tolist()
        column: list[int] = given[:, 0].tolist()
        buttons = column[_BUTTONS]
        alive = min(row[_HEALTH], 1)
        row[_AIM] = column[_INPUT_AIM]
        weapon = row[_WEAPON] = min(column[_INPUT_WEAPON], _LAST)

        wish_x, wish_y, pace = self._one_walks[(buttons & MOVE_BUTTONS) * alive]
        x, y, vx, vy = row[_X], row[_X + 1], row[_VX], row[_VX + 1]
        change_x, change_y = wish_x - vx, wish_y - vy
        part = pace / max(sqrt(change_x * change_x + change_y * change_y), pace)
        vx, vy = round(change_x * part + vx), round(change_y * part + vy)
        row[_X], row[_X + 1] = to_x, to_y = self._clearance.move_one(x, y, vx, vy)
        row[_VX] = vx if to_x - x == vx else 0
        row[_VX + 1] = vy if to_y - y == vy else 0

        rail, rocket, ammo = row[_READY], row[_READY + 1], row[_AMMO]
        rail -= min(rail, 1)
        rocket -= min(rocket, 1)
        if tick % self._reload_ticks == 0:
            ammo = min(ammo + 1, weapons.ROCKET_AMMO)
        fires = (buttons & FIRE) * alive != 0 and max(rocket if weapon else rail, weapon - ammo) == 0
        if fires:
            of_rail, of_rocket = self._one_setback[weapon]
            rail, rocket, ammo = max(rail, of_rail), max(rocket, of_rocket), ammo - weapon
        row[_READY], row[_READY + 1], row[_AMMO] = rail, rocket, ammo
        state[:, 0] = row
        return fires

    def _walk(self, position: np.ndarray, velocity: np.ndarray, way: np.ndarray) -> None:
        """Move `(2, n)` positions and velocities in place, with direction buttons `way`, `(n,)` 0..15.

        Velocity goes straight towards the wished one, by at most what acceleration allows in a tick, and ends on the
        grid; a position changes by exactly the velocity. What a wall stops has velocity 0 along that axis.
        """
        walk = self._walks.take(way, axis=1)
        pace = walk[2]
        before = velocity.astype(np.float64)
        change = np.subtract(walk[:2], before)
        square = change * change
        change *= pace / np.maximum(np.sqrt(square[0] + square[1]), pace)
        change += before
        wished = np.rint(change, out=change).astype(np.int32)
        reached = self._clearance.move(position, wished)
        velocity[...] = wished
        np.putmask(velocity, reached - position != wished, _ZERO)
        position[...] = reached


def _walks(tick_hz: int) -> np.ndarray:
    """Return by direction buttons, 0..15, the velocity wished for and how much it may change, `(3, 16) float64`.

    Two rows in grid units per tick, on the grid, and one per tick per tick. Opposite buttons cancel out.
    """
    buttons = np.arange(16)
    x = ((buttons & Button.RIGHT) != 0).astype(np.float64) - ((buttons & Button.LEFT) != 0)
    y = ((buttons & Button.DOWN) != 0).astype(np.float64) - ((buttons & Button.UP) != 0)
    length = np.sqrt(x * x + y * y)
    speed = TOP_SPEED * GRID / tick_hz / np.where(length > 0.0, length, 1.0)
    pace = np.where(length > 0.0, ACCELERATION, FRICTION) * GRID / (tick_hz * tick_hz)
    return np.stack((np.rint(x * speed), np.rint(y * speed), pace))
