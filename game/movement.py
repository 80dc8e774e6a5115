"""What a player's own input does to its own row: the predicted path, the server's over all rows, a client's over one.

It reads the rows, the inputs and the map, and nothing else; it ends on the integer grid; and its only inexact
operations are + - * / and sqrt, which IEEE 754 rounds the same way everywhere. So a client's row equals the server's
bit for bit. Speeds and times are given per second and turned into grid units and ticks once, so a match plays alike at
20 and at 128 ticks a second.

A client runs this once a tick and once more per tick it replays, on a single row. There an array operation costs as
much as thirty of plain Python, so one row is advanced in plain numbers, by the same steps in the same order, and a test
holds one row to the same bits as many. Over many rows operations are few, work on several rows of state at a time, and
take their constants from arrays of the state's dtype. `bench/rules.py` measures both.

What it does not do: anything one player does to another. That is `combat.py`.
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

DASH_SPEED = 900.0
"""Pixels per second in a dash: three times a run, one and a half times a rocket."""
DASH_TIME = 0.12
"""Seconds a dash lasts: 105 px, out of a rocket's worst. Steering does nothing meanwhile; walls stop it."""
DASH_BRAKE = 0.1
"""Seconds after a dash in which a player gets back to its own speed fast, whether buttons are held or not."""
BRAKING = 9000.0
"""Pixels per second per second meanwhile: from a dash to a run in 0.065 s and 40 px."""
DASH_COOLDOWN = 2.0
"""Seconds from one dash to the next: one of two rockets can be dodged so."""

FIRE, DASH = int(Button.FIRE), int(Button.DASH)

_X, _VX, _READY, _AMMO = (PLAYER.index[name] for name in ("x", "vx", "rail_ready", "ammo"))
_POSITION, _VELOCITY = slice(_X, _X + 2), slice(_VX, _VX + 2)
# What lies together in the schema is worked on together: three weapons' cooldowns and the dash's, two ammunitions.
_COOLDOWNS, _WEAPONS, _DASH_READY, _AMMUNITION = (
    slice(_READY, _READY + 4),
    slice(_READY, _READY + 3),
    _READY + 3,
    slice(_AMMO, _AMMO + 2),
)
_AIM, _HEALTH, _WEAPON, _SHOTS, _DASHES = (
    PLAYER.index[name] for name in ("aim", "health", "weapon", "shots", "dashes")
)
_BUTTONS, _INPUT_AIM, _INPUT_WEAPON = (INPUT.index[name] for name in ("buttons", "aim", "weapon"))


# Constants as arrays: see the module.
_ZERO, _ONE, _BYTE = np.array([0], np.int32), np.array([1], np.int32), np.array([255], np.int32)
_FIRE, _DASH, _MOVE = np.array([FIRE], np.int32), np.array([DASH], np.int32), np.array([MOVE_BUTTONS], np.int32)
_DEEDS = np.array([FIRE | DASH], np.int32)
_LAST = int(max(Weapon))
_LAST_WEAPON = np.array([max(Weapon)], np.int32)
_TAKES = np.array([[0, 1, 0], [0, 0, 1]], np.int32)  # of [rockets, bullets], by a shot of
_OTHERS = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], np.int32)  # which weapons are not in hand, by which one is


def ticks(seconds: float, tick_hz: int) -> int:
    """Return `seconds` in ticks, at least one."""
    return max(1, round(seconds * tick_hz))


class Movement:
    """Movement, aim, weapon, dashes, cooldowns and ammunition at one tick rate on one map."""

    def __init__(self, clearance: Clearance, tick_hz: int) -> None:
        self._clearance = clearance
        self._walks = _walks(tick_hz)
        switch = ticks(weapons.SWITCH_COOLDOWN, tick_hz)
        own = (weapons.RAIL_COOLDOWN, weapons.ROCKET_COOLDOWN, weapons.REPEATER_COOLDOWN)
        # cooldown [of, by a shot of]
        self._setback = np.diag([ticks(seconds, tick_hz) for seconds in own]).astype(np.int32) + switch * _OTHERS
        dash, brake, cooldown = (ticks(seconds, tick_hz) for seconds in (DASH_TIME, DASH_BRAKE, DASH_COOLDOWN))
        self._dash_cooldown = np.array([cooldown], np.int32)
        self._stage = np.zeros(cooldown + 1, np.int32)
        """By ticks until the next dash, the first column of `_walks` that counts: walking, braking, dashing."""
        self._stage[cooldown - dash - brake + 1 :] = 16
        self._stage[cooldown - dash + 1 :] = 32
        speed = DASH_SPEED * GRID / tick_hz
        self._dash_run = np.rint(_directions() * speed).astype(np.int32)
        """Velocity of a dash by direction buttons, `(2, 16)`; 0 where they name no direction."""
        self._dash_aim = np.rint(weapons.direction_table() * speed).astype(np.int32)
        """The same by `weapons.direction_index(aim)`, `(2, directions)`."""
        # The same as plain numbers, for one row.
        self._one_walks: list[list[float]] = self._walks.T.tolist()
        self._one_setback: list[list[int]] = self._setback.T.tolist()  # by the weapon that fired
        self._one_stage: list[int] = self._stage.tolist()
        self._one_dash_run: list[list[int]] = self._dash_run.T.tolist()
        self._one_dash_cooldown = cooldown

    def advance(self, state: np.ndarray, given: np.ndarray) -> np.ndarray:
        """Advance n players in place through a tick; return who fires, `(n,) bool`.

        state: `(fields, n) int32`, at least the owner's fields of `PLAYER`. given: `(fields, n) int32` of `INPUT`.
        The dead (health 0) stand still and do nothing.
        """
        if state.shape[1] == 1:
            return np.array([self._advance_one(state, given)])
        pressed = given[_BUTTONS] * np.minimum(state[_HEALTH], _ONE)
        state[_AIM] = given[_INPUT_AIM]
        weapon = np.minimum(given[_INPUT_WEAPON], _LAST_WEAPON, out=state[_WEAPON])
        ready = state[_COOLDOWNS]
        ready -= np.minimum(ready, _ONE)
        way = pressed & _MOVE
        deeds = pressed & _DEEDS
        busy = np.count_nonzero(deeds)
        if busy:
            self._dash(state, deeds, way)
        # "clip": what is out of range can only come from a peer that lies; it gets an entry, not an exception.
        way += self._stage.take(state[_DASH_READY], mode="clip")
        self._walk(state[_POSITION], state[_VELOCITY], way)
        fires: np.ndarray = deeds & _FIRE != _ZERO
        if busy and np.count_nonzero(fires):
            self._fire(state, weapon, fires)
        return fires

    def _advance_one(self, state: np.ndarray, given: np.ndarray) -> bool:
        """Do as `advance` for one row; tell whether it fires."""
        row: list[int] = state[:, 0].tolist()
        column: list[int] = given[:, 0].tolist()
        pressed = column[_BUTTONS] * min(row[_HEALTH], 1)
        row[_AIM] = column[_INPUT_AIM]
        weapon = row[_WEAPON] = min(column[_INPUT_WEAPON], _LAST)
        rail, rocket, repeater, dash = row[_COOLDOWNS]
        ready = [rail - min(rail, 1), rocket - min(rocket, 1), repeater - min(repeater, 1)]
        dash -= min(dash, 1)
        way = pressed & MOVE_BUTTONS
        if pressed & DASH > dash * DASH:
            run = self._one_dash_run[way]
            row[_VELOCITY] = run if run != [0, 0] else self._dash_aim[:, weapons.direction_index(row[_AIM])].tolist()
            row[_DASHES] = (row[_DASHES] + 1) & 255
            dash = self._one_dash_cooldown
        way += self._one_stage[min(max(dash, 0), self._one_dash_cooldown)]

        wish_x, wish_y, pace = self._one_walks[way]
        x, y, vx, vy = row[_X], row[_X + 1], row[_VX], row[_VX + 1]
        change_x, change_y = wish_x - vx, wish_y - vy
        part = pace / max(sqrt(change_x * change_x + change_y * change_y), pace)
        vx, vy = round(change_x * part + vx), round(change_y * part + vy)
        row[_X], row[_X + 1] = to_x, to_y = self._clearance.move_one(x, y, vx, vy)
        row[_VX] = vx if to_x - x == vx else 0
        row[_VX + 1] = vy if to_y - y == vy else 0

        fires = bool(pressed & FIRE) and ready[weapon] == 0
        if fires and weapon != Weapon.RAIL:
            at = _AMMO + weapon - 1
            fires = row[at] > 0
            row[at] -= fires
        if fires:
            ready = list(map(max, ready, self._one_setback[weapon]))
            row[_SHOTS] = (row[_SHOTS] + 1) & 255
        row[_COOLDOWNS] = [*ready, dash]
        state[:, 0] = row
        return fires

    def _dash(self, state: np.ndarray, deeds: np.ndarray, way: np.ndarray) -> None:
        """Let those dash who ask for it and can: to where their buttons point, else along their aim."""
        dashes = (deeds & _DASH) > state[_DASH_READY] * _DASH  # the button held, and 0 ticks to wait
        if not np.count_nonzero(dashes):
            return
        run = self._dash_run.take(way, axis=1)
        along = self._dash_aim.take(weapons.direction_indices(state[_AIM]), axis=1)
        np.copyto(state[_VELOCITY], np.where((run != _ZERO).any(axis=0), run, along), where=dashes)
        np.copyto(state[_DASH_READY], self._dash_cooldown, where=dashes)
        state[_DASHES] = (state[_DASHES] + dashes) & _BYTE

    def _fire(self, state: np.ndarray, weapon: np.ndarray, fires: np.ndarray) -> None:
        """Let those in `fires` shoot whose weapon is ready and loaded; take the others out of it."""
        ready, ammunition = state[_WEAPONS], state[_AMMUNITION]
        takes = _TAKES.take(weapon, axis=1)
        # In hand and loaded, a weapon has to wait for its cooldown alone; of the others the cooldown is not asked.
        wait = np.where(_OTHERS.take(weapon, axis=1), _ZERO, ready)
        fires &= ~(np.logical_or.reduce(wait) | np.logical_or.reduce(takes > ammunition))
        if np.count_nonzero(fires):
            np.maximum(ready, self._setback.take(weapon, axis=1) * fires, out=ready)
            ammunition -= takes * fires
            state[_SHOTS] = (state[_SHOTS] + fires) & _BYTE

    def _walk(self, position: np.ndarray, velocity: np.ndarray, way: np.ndarray) -> None:
        """Move `(2, n)` positions and velocities in place, by columns `way` of `_walks`, `(n,)`.

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
    """Return the velocity wished for and how much it may change, `(3, 48) float64`: two rows in grid units per tick, on
    the grid, and one per tick per tick. Columns are direction buttons, 0..15, three times: while walking, while braking
    after a dash, and in a dash, when nothing changes. Opposite buttons cancel out.
    """
    directions = _directions()
    wished = np.rint(directions * (TOP_SPEED * GRID / tick_hz))
    pace = np.where(directions.any(axis=0), ACCELERATION, FRICTION)
    # A tenth of a grid unit is no change once it is rounded, and can still be divided by.
    dashing = np.full(16, 0.1)
    per_tick = GRID / (tick_hz * tick_hz)
    paces = np.concatenate((pace * per_tick, np.full(16, BRAKING * per_tick), dashing))
    return np.concatenate((np.tile(wished, 3), paces[None]))


def _directions() -> np.ndarray:
    """Return where direction buttons, 0..15, point: `(2, 16) float64` unit vectors, or 0."""
    buttons = np.arange(16)
    x = ((buttons & Button.RIGHT) != 0).astype(np.float64) - ((buttons & Button.LEFT) != 0)
    y = ((buttons & Button.DOWN) != 0).astype(np.float64) - ((buttons & Button.UP) != 0)
    length = np.sqrt(x * x + y * y)
    return np.stack((x, y)) / np.where(length > 0.0, length, 1.0)
