"""Bots: minds that play by what a picture shows, for rows nobody plays, for `--bot` clients and for the lab.

A mind looks around a few times a second (its reaction time): who is near, and which of them no wall hides. In between
it steers: it turns its aim towards its target no faster than a wrist can, a little off as people are, and presses the
direction buttons that lead where it wants to go. All of it is plain arithmetic on a handful of numbers: for one bot
that is cheaper than arrays, and a client has only one (`bench/rules.py`).

Bots cheat in nothing: they know what is drawn, and of their own row what its owner knows. Given the same pictures, a
mind of the same seed does the same. (`atan2` is libm's: minds are not on the predicted path, and inputs are recorded.)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from heapq import nsmallest
from math import atan2, cos, hypot, pi, sin

import numpy as np

from engine.errors import UsageError
from engine.world.picture import Picture, Seen
from engine.world.table import Rows
from game import weapons
from game.arena import PLAYER_RADIUS, ArenaMap
from game.chance import chance, chance_unit
from game.movement import ticks
from game.navigation import navigator_for
from game.schema import GRID, INPUT, PLAYER, TURN, Button, Weapon


class Travel(Enum):
    """Where a bot goes while it fights nobody."""

    NOWHERE = "nowhere"
    CIRCLE = "circle"
    ROAM = "roam"  # from place to place
    HUNT = "hunt"  # to where the nearest enemy is
    MIXED = "mixed"  # hunts most of the time, else roams


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A way to play. fights: aims and shoots at who it sees. strafes: moves round its target meanwhile. pauses: stands
    still at odd moments, which is the hardest movement to extrapolate."""

    travel: Travel
    fights: bool
    strafes: bool = False
    pauses: bool = False


BEHAVIOURS = {
    "mixed": Behaviour(Travel.MIXED, fights=True, strafes=True),
    "runner": Behaviour(Travel.ROAM, fights=False),
    "circle": Behaviour(Travel.CIRCLE, fights=False),
    "duel": Behaviour(Travel.HUNT, fights=True, strafes=True),
    "stop-and-go": Behaviour(Travel.ROAM, fights=True, pauses=True),
    "afk": Behaviour(Travel.NOWHERE, fights=False),
}

REACTION = 0.15
"""Seconds between two looks around."""
SIGHT = 900.0
"""Pixels: about what a screen shows."""
CANDIDATES = 3
"""How many of the nearest enemies a look considers."""
TURN_RATE = 1.6
"""Full turns per second an aim can swing."""
TURN_EASE = 12.0
"""Per second: the part of what is left to turn that is turned; an aim slows down as it settles."""
AIM_ERROR = 0.045
"""Radians off, at most, each way: 29 px at 640 px, so that about half of the far shots at a player miss."""
AIM_DRIFT = 0.35
"""Seconds an error lasts before it becomes another."""
NEAR, FAR = 190.0, 430.0
"""Pixels a fighter keeps from its target, between; rockets are for this range, the rail for farther off."""
TOO_CLOSE = 130.0
"""Pixels: a rocket would hurt its owner."""
STRAFE = (0.35, 0.9)
"""Seconds between two changes of the way to go round a target, least and most."""
PAUSE = 0.7
"""Seconds for which a bot that pauses decides to go on or to stand."""
ROAM_FOR = 12.0
"""Seconds to a place at most: then another one, whatever is in the way."""
CIRCLE_FOR = 1.6
"""Seconds around a circle."""

_RADIAN = TURN / (2.0 * pi)

# Buttons for a direction, by eighths of a turn from +x towards +y.
_OCTANTS = tuple(
    int(buttons)
    for buttons in (
        Button.RIGHT,
        Button.RIGHT | Button.DOWN,
        Button.DOWN,
        Button.LEFT | Button.DOWN,
        Button.LEFT,
        Button.LEFT | Button.UP,
        Button.UP,
        Button.RIGHT | Button.UP,
    )
)

_X, _Y, _VX, _VY = (PLAYER.index[name] for name in ("x", "y", "vx", "vy"))
_HEALTH, _TEAM, _AIM = (PLAYER.index[name] for name in ("health", "team", "aim"))
_RAIL_READY, _ROCKET_READY, _AMMO = (PLAYER.index[name] for name in ("rail_ready", "rocket_ready", "ammo"))


def behaviour_named(name: str) -> Behaviour:
    """Return the behaviour `name`. Raises UsageError naming those there are."""
    if name not in BEHAVIOURS:
        raise UsageError(f"no behaviour {name!r}; there are: {', '.join(BEHAVIOURS)}")
    return BEHAVIOURS[name]


@dataclass(slots=True)
class _Mind:
    """What one bot has in mind.

    aim: where it points, in aim units. look_at: tick of its next look around. beat: ticks for which it goes one way
    round a target; side: which way, in the stretch `stretch`. errors: how far off its hand is at the start and at the
    end of `drift`, in radians.
    """

    aim: float
    look_at: int
    beat: int
    stretch: int = -1
    side: float = 1.0
    drift: int = -1
    errors: tuple[float, float] = (0.0, 0.0)
    goal: int | None = None
    goal_until: int = 0
    target: int | None = None
    visible: bool = False


@dataclass(slots=True)
class _Self:
    """What a bot knows of its own row, in pixels and ticks."""

    x: float
    y: float
    ready: tuple[float, float]
    ammo: float


class Fighter:
    """The brain of all behaviours: an `engine.game.Brain`. Keeps a mind for each row it has been asked to think for."""

    def __init__(self, arena: ArenaMap, tick_hz: int, behaviour: Behaviour, seed: int) -> None:
        self._arena = arena
        self._tick_hz = tick_hz
        self._behaviour = behaviour
        self._seed = seed
        self._minds: dict[int, _Mind] = {}
        self._reaction = ticks(REACTION, tick_hz)
        self._drift = ticks(AIM_DRIFT, tick_hz)
        self._pause = ticks(PAUSE, tick_hz)
        self._roam = ticks(ROAM_FOR, tick_hz)
        self._octant = ticks(CIRCLE_FOR / 8.0, tick_hz)
        self._swing = TURN_RATE * TURN / tick_hz
        self._ease = TURN_EASE / tick_hz
        self._rocket_pace = weapons.ROCKET_SPEED / tick_hz  # pixels per tick

    def think(self, picture: Picture, rows: np.ndarray, tick: int) -> Rows:
        """Return the inputs of `tick` for the player rows `rows`, judging by `picture` alone."""
        result = Rows.zeros(INPUT, len(rows))
        behaviour = self._behaviour
        if behaviour.travel is Travel.NOWHERE:
            return result
        seen = picture["player"]
        numbers = rows.tolist()
        minds = [self._mind(row, seen) for row in numbers]
        if behaviour.fights:
            due = [at for at, mind in enumerate(minds) if tick >= mind.look_at]
            if due:
                self._look(seen, [numbers[at] for at in due], [minds[at] for at in due], tick)
        columns = [self._play(picture, seen, row, mind, tick) for row, mind in zip(numbers, minds, strict=True)]
        if columns:
            result.state[...] = np.array(columns, np.int32).T
        return result

    def _mind(self, row: int, seen: Seen) -> _Mind:
        mind = self._minds.get(row)
        if mind is None:
            # Looks are spread over the reaction time, and every bot has its own rhythm.
            least, most = STRAFE
            beat = least + (most - least) * chance_unit(self._seed, row, 2)
            look_at = chance(self._seed, row, 0) % self._reaction
            mind = self._minds[row] = _Mind(float(seen.values[_AIM, row]), look_at, ticks(beat, self._tick_hz))
        return mind

    def _look(self, seen: Seen, rows: list[int], minds: list[_Mind], tick: int) -> None:
        """Let each of `minds` choose the nearest enemy it can see, else the nearest one there is."""
        living = np.flatnonzero(seen.alive & (seen.values[_HEALTH] > 0.0))
        x, y, team = seen.values[[_X, _Y, _TEAM]][:, living].tolist()
        others = list(zip(living.tolist(), x, y, team, strict=True))
        for row, mind in zip(rows, minds, strict=True):
            own_x, own_y, own_team = seen.values[[_X, _Y, _TEAM], row].tolist()
            enemies = [
                ((x - own_x) * (x - own_x) + (y - own_y) * (y - own_y), other, x, y)
                for other, x, y, team in others
                if other != row and (team == 0.0 or team != own_team)
            ]
            mind.target, mind.visible, mind.look_at = None, False, tick + self._reaction
            for square, other, x, y in nsmallest(CANDIDATES, enemies):
                if mind.target is None:
                    mind.target = other
                near = square < SIGHT * SIGHT * GRID * GRID
                if near and self._arena.sees(own_x / GRID, own_y / GRID, x / GRID, y / GRID):
                    mind.target, mind.visible = other, True
                    break

    def _play(self, picture: Picture, seen: Seen, row: int, mind: _Mind, tick: int) -> tuple[int, int, int]:
        """Return one bot's buttons, aim and weapon."""
        own = picture.own if picture.own is not None and picture.own_row == row else None
        column = seen.values[:, row].tolist() if own is None else own.values[:, 0].tolist()
        if column[_HEALTH] <= 0.0:
            mind.goal = None
            return 0, int(mind.aim) % TURN, Weapon.RAIL
        # A picture of the published world has no owner's fields: then the weapon is always thought ready.
        knows = len(column) > _AMMO
        ready = (column[_RAIL_READY], column[_ROCKET_READY]) if knows else (0.0, 0.0)
        me = _Self(column[_X] / GRID, column[_Y] / GRID, ready, column[_AMMO] if knows else 1.0)
        target = mind.target if mind.visible else None
        if target is None or not seen.alive[target] or seen.values[_HEALTH, target] <= 0.0:
            heading = self._travel(seen, mind, me, row, tick)
            if heading is not None and heading != (0.0, 0.0):
                self._turn(mind, atan2(heading[1], heading[0]) * _RADIAN)
            return self._buttons(heading, row, tick), int(mind.aim) % TURN, Weapon.RAIL
        dx, dy, vx, vy = self._bearing(seen, me, target)
        distance = hypot(dx, dy)
        weapon = _choose_weapon(distance, me)
        lead = distance / self._rocket_pace if weapon is Weapon.ROCKET else 0.0
        wanted = atan2(dy + vy * lead, dx + vx * lead)
        off = self._turn(mind, (wanted + self._error(mind, row, tick)) * _RADIAN)
        on_target = abs(off) / _RADIAN * distance < 2.0 * PLAYER_RADIUS
        fires = on_target and me.ready[weapon] <= 1.0 and (weapon is Weapon.RAIL or self._has_room(mind, me))
        fire = Button.FIRE if fires else 0
        if self._behaviour.strafes:
            heading = self._dance(mind, row, dx, dy, distance, tick)
        else:
            heading = self._travel(seen, mind, me, row, tick)
        return self._buttons(heading, row, tick) | fire, int(mind.aim) % TURN, weapon

    def _has_room(self, mind: _Mind, me: _Self) -> bool:
        """Tell whether a rocket fired now would get far enough away before it meets a wall."""
        angle = mind.aim / _RADIAN
        return self._arena.sees(me.x, me.y, me.x + TOO_CLOSE * cos(angle), me.y + TOO_CLOSE * sin(angle))

    def _bearing(self, seen: Seen, me: _Self, target: int) -> tuple[float, float, float, float]:
        """Return where `target` is from here, in pixels, and how it moves, in pixels per tick."""
        values = seen.values
        x, y = float(values[_X, target]), float(values[_Y, target])
        return x / GRID - me.x, y / GRID - me.y, float(values[_VX, target]) / GRID, float(values[_VY, target]) / GRID

    def _error(self, mind: _Mind, row: int, tick: int) -> float:
        """Return by how many radians the hand is off just now: it drifts from one error to the next."""
        at, part = divmod(tick, self._drift)
        if at != mind.drift:
            one, other = (2.0 * chance_unit(self._seed, row, at + ahead, 1) - 1.0 for ahead in (0, 1))
            mind.drift, mind.errors = at, (one * AIM_ERROR, other * AIM_ERROR)
        return mind.errors[0] + (mind.errors[1] - mind.errors[0]) * part / self._drift

    def _turn(self, mind: _Mind, wanted: float) -> float:
        """Swing the aim towards `wanted`, as far as a tick allows; return how far off it still is, in aim units."""
        off = (wanted - mind.aim + TURN / 2.0) % TURN - TURN / 2.0
        step = max(-self._swing, min(self._swing, off * min(1.0, self._ease) + (64.0 if off > 0.0 else -64.0)))
        if abs(step) > abs(off):
            step = off
        mind.aim = (mind.aim + step) % TURN
        return off - step

    def _dance(self, mind: _Mind, row: int, dx: float, dy: float, distance: float, tick: int) -> tuple[float, float]:
        """Return where to go in a fight: round the target, this way or that, and back into the right range."""
        stretch = tick // mind.beat
        if stretch != mind.stretch:
            mind.stretch, mind.side = stretch, 1.0 if chance(self._seed, row, stretch, 3) & 1 else -1.0
        pull = 1.0 if distance > FAR else -1.0 if distance < NEAR else 0.0
        return -dy * mind.side + dx * pull, dx * mind.side + dy * pull

    def _travel(self, seen: Seen, mind: _Mind, me: _Self, row: int, tick: int) -> tuple[float, float] | None:
        """Return in which direction to go on; None to stand."""
        travel = self._behaviour.travel
        if travel is Travel.CIRCLE:
            return _CIRCLE[(tick // self._octant + row) % 8]
        navigator = navigator_for(self._arena)
        if mind.goal is None or tick >= mind.goal_until:
            mind.goal = self._choose_goal(seen, mind, row, tick)
        heading = navigator.heading(mind.goal, me.x, me.y)
        if heading is None:
            # There, and the enemy is not to be seen: on to somewhere else, before hunting again.
            mind.goal = self._any_place(row, tick)
            mind.goal_until = tick + (8 * self._reaction if self._behaviour.travel is not Travel.ROAM else self._roam)
        return heading

    def _choose_goal(self, seen: Seen, mind: _Mind, row: int, tick: int) -> int:
        travel = self._behaviour.travel
        hunts = travel is Travel.HUNT or (travel is Travel.MIXED and chance(self._seed, row, tick, 4) % 3 > 0)
        if hunts and mind.target is not None:
            # Where the enemy is now; it moves, so look again soon.
            mind.goal_until = tick + 4 * self._reaction
            x, y = float(seen.values[_X, mind.target]) / GRID, float(seen.values[_Y, mind.target]) / GRID
            return navigator_for(self._arena).place_near(x, y)
        mind.goal_until = tick + self._roam
        return self._any_place(row, tick)

    def _any_place(self, row: int, tick: int) -> int:
        return chance(self._seed, row, tick, 5) % navigator_for(self._arena).places

    def _buttons(self, heading: tuple[float, float] | None, row: int, tick: int) -> int:
        """Return the direction buttons that come nearest to `heading`."""
        if heading is None or (self._behaviour.pauses and chance(self._seed, row, tick // self._pause, 6) & 1):
            return 0
        dx, dy = heading
        across, down = abs(dx), abs(dy)
        # tan(22.5 degrees): nearer to an axis than to a diagonal
        if down <= 0.41421356 * across:
            return _OCTANTS[0 if dx > 0.0 else 4] if across > 0.0 else 0
        if across <= 0.41421356 * down:
            return _OCTANTS[2 if dy > 0.0 else 6]
        return _OCTANTS[(1 if dx > 0.0 else 3) if dy > 0.0 else (7 if dx > 0.0 else 5)]


_CIRCLE = tuple((float(x), float(y)) for x, y in ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)))


def _choose_weapon(distance: float, me: _Self) -> Weapon:
    """Rockets in their range, the rail beyond it and where a rocket would hurt its owner; whichever is ready first."""
    rocket = distance > TOO_CLOSE and me.ammo > 0.0
    if not rocket:
        return Weapon.RAIL
    if distance <= FAR:
        return Weapon.ROCKET if me.ready[1] <= me.ready[0] else Weapon.RAIL
    return Weapon.RAIL if me.ready[0] <= me.ready[1] else Weapon.ROCKET
