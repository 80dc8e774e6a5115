"""Bots: minds that play by what a picture shows, for rows nobody plays, for `--bot` clients and for the lab.

A mind looks around a few times a second (its reaction time; `lookout.py`): who is near and not hidden by a wall, which
rocket is about to hit, what lies about that it needs. In between it steers: it turns its aim towards its target no
faster than a wrist can, a little off as people are, and presses the direction buttons that lead where it wants to go.
What it is after is its behaviour, how well it does that its skill (`characters.py`). All of it is plain arithmetic on a
handful of numbers: for one bot that is cheaper than arrays, and a client has only one (`bench/rules.py`).

Bots cheat in nothing: they know what is drawn, and of their own row what its owner knows. Given the same pictures, a
mind of the same seed does the same. (`atan2` is libm's: minds are not on the predicted path, and inputs are recorded.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import atan2, cos, hypot, pi, sin

import numpy as np

from engine.world.picture import Picture, Seen
from engine.world.table import Rows
from game import weapons
from game.arena import PLAYER_RADIUS, ArenaMap
from game.chance import chance, chance_unit
from game.characters import Behaviour, Skill, Travel
from game.lookout import Sight, look
from game.movement import ticks
from game.navigation import navigator_for
from game.schema import GRID, INPUT, MATCH, PLAYER, TURN, Button, Weapon

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
HUNT_FOR = 0.6
"""Seconds to where an enemy was: it moves, so look again soon."""
DETOUR_FOR = 1.2
"""Seconds a hunter who came to a place where nobody is goes elsewhere."""
FLEE_HEALTH = 40.0
"""Health below which a bot leaves a fight for health it has seen."""
SPRAY_DISTANCE = 520.0
"""Pixels within which a bot uses the repeater: farther off too much strays."""
SIDESTEP = 48.0
"""Pixels that must be free where a bot steps aside."""
DASH_WITHIN = 0.35
"""Seconds: a rocket this near is dashed away from, if the dash is ready."""

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

_X, _Y, _VX, _VY, _HEALTH, _AIM = (PLAYER.index[name] for name in ("x", "y", "vx", "vy", "health", "aim"))
_READY, _AMMO = PLAYER.index["rail_ready"], PLAYER.index["ammo"]
_ARENA, _OWN_ARENA = MATCH.index["arena"], PLAYER.index["arena"]


@dataclass(slots=True)
class _Mind:
    """What one bot has in mind.

    aim: where it points, in aim units. look_at: tick of its next look around. beat: ticks for which it goes one way
    round a target; side: which way, and sprays: whether with the repeater, in the stretch `stretch`. errors: how far
    off its hand is at the start and at the end of `drift`, in radians. sight: what the last look showed.
    """

    aim: float
    look_at: int
    beat: int
    stretch: int = -1
    side: float = 1.0
    sprays: bool = False
    drift: int = -1
    errors: tuple[float, float] = (0.0, 0.0)
    goal: int | None = None
    goal_until: int = 0
    sight: Sight = field(default_factory=Sight)


@dataclass(slots=True)
class _Self:
    """What a bot knows of its own row, in pixels and ticks. ready: by weapon, then the dash."""

    x: float
    y: float
    health: float
    ready: Sequence[float]
    rockets: float
    bullets: float


class Fighter:
    """The brain of all behaviours: an `engine.game.Brain`. Keeps a mind for each row it has been asked to think for.

    maps: the rotation; the picture tells which of them is played, and where it doesn't it is the first.
    """

    def __init__(self, maps: Sequence[ArenaMap], tick_hz: int, behaviour: Behaviour, skill: Skill, seed: int) -> None:
        self._maps = maps
        self._arena = maps[0]
        self._tick_hz = tick_hz
        self._behaviour = behaviour
        self._skill = skill
        self._seed = seed
        self._minds: dict[int, _Mind] = {}
        self._reaction = ticks(skill.reaction, tick_hz)
        self._drift = ticks(AIM_DRIFT, tick_hz)
        self._pause = ticks(PAUSE, tick_hz)
        self._roam = ticks(ROAM_FOR, tick_hz)
        self._hunt = ticks(HUNT_FOR, tick_hz)
        self._detour = ticks(DETOUR_FOR, tick_hz)
        self._octant = ticks(CIRCLE_FOR / 8.0, tick_hz)
        self._swing = skill.turn_rate * TURN / tick_hz
        self._ease = skill.turn_ease / tick_hz
        self._rocket_pace = weapons.ROCKET_SPEED / tick_hz  # pixels per tick

    def think(self, picture: Picture, rows: np.ndarray, tick: int) -> Rows:
        """Return the inputs of `tick` for the player rows `rows`, judging by `picture` alone."""
        result = Rows.zeros(INPUT, len(rows))
        if self._behaviour.travel is Travel.NOWHERE:
            return result
        if not self._find_arena(picture):
            return result
        seen = picture["player"]
        numbers = rows.tolist()
        minds = [self._mind(row, seen) for row in numbers]
        if self._behaviour.fights:
            due = [at for at, mind in enumerate(minds) if tick >= mind.look_at]
            if due:
                sights = look(picture, self._arena, [numbers[at] for at in due], self._tick_hz, tick)
                for at, sight in zip(due, sights, strict=True):
                    minds[at].sight, minds[at].look_at = sight, tick + self._reaction
                    self._decide(minds[at], numbers[at], tick)
        columns = [self._play(picture, seen, row, mind, tick) for row, mind in zip(numbers, minds, strict=True)]
        if columns:
            result.state[...] = np.array(columns, np.int32).T
        return result

    def _find_arena(self, picture: Picture) -> bool:
        """Find out which map is played; tell whether the picture shows the one the own row stands on.

        A client's own row is ahead of its picture, and so comes to a new map first.
        """
        match = picture.kinds.get("match")
        if match is None:
            return True
        index = match.told(_ARENA, 0)
        if picture.own is not None and picture.own.told(_OWN_ARENA, 0) != index:
            return False
        arena = self._maps[index % len(self._maps)]
        if arena is not self._arena:
            self._arena = arena
            for mind in self._minds.values():
                mind.goal, mind.sight = None, Sight()
        return True

    def _mind(self, row: int, seen: Seen) -> _Mind:
        mind = self._minds.get(row)
        if mind is None:
            # Looks are spread over the reaction time, and every bot has its own rhythm.
            least, most = STRAFE
            beat = least + (most - least) * chance_unit(self._seed, row, 2)
            look_at = chance(self._seed, row, 0) % self._reaction
            mind = self._minds[row] = _Mind(float(seen.values[_AIM, row]), look_at, ticks(beat, self._tick_hz))
        return mind

    def _decide(self, mind: _Mind, row: int, tick: int) -> None:
        """Keep what was seen, less the rocket this bot is too slow to mind."""
        sight = mind.sight
        if sight.dodge is not None and chance_unit(self._seed, row, tick, 9) >= self._skill.dodges:
            sight.dodge = None

    def _play(self, picture: Picture, seen: Seen, row: int, mind: _Mind, tick: int) -> tuple[int, int, int]:
        """Return one bot's buttons, aim and weapon."""
        me = _read_self(picture, seen, row)
        if me.health <= 0.0:
            mind.goal = None
            return 0, int(mind.aim) % TURN, Weapon.RAIL
        sight = mind.sight
        target = sight.target if sight.visible else None
        if target is None or not seen.alive[target] or seen.values[_HEALTH, target] <= 0.0:
            heading = self._detour_of(mind, me) or self._travel(seen, mind, me, row, tick)
            if heading is not None and heading != (0.0, 0.0):
                self._turn(mind, atan2(heading[1], heading[0]) * _RADIAN)
            return self._step_aside(mind, me, row, heading, tick), int(mind.aim) % TURN, Weapon.RAIL
        dx, dy, vx, vy = self._bearing(seen, me, target)
        distance = hypot(dx, dy)
        self._keep_time(mind, row, tick)
        weapon = _choose_weapon(distance, me, mind.sprays)
        lead = self._lead(dx, dy, vx, vy) if weapon is Weapon.ROCKET else 0.0
        wanted = atan2(dy + vy * lead, dx + vx * lead)
        off = self._turn(mind, (wanted + self._error(mind, row, tick)) * _RADIAN)
        on_target = abs(off) / _RADIAN * distance < 2.0 * PLAYER_RADIUS
        fires = on_target and me.ready[weapon] <= 1.0 and (weapon is not Weapon.ROCKET or self._has_room(mind, me))
        fire = Button.FIRE if fires else 0
        heading = self._detour_of(mind, me) if me.health < FLEE_HEALTH else None
        if heading is None:
            if self._behaviour.strafes:
                heading = self._dance(mind, dx, dy, distance)
            else:
                heading = self._travel(seen, mind, me, row, tick)
        return self._step_aside(mind, me, row, heading, tick) | fire, int(mind.aim) % TURN, weapon

    def _lead(self, dx: float, dy: float, vx: float, vy: float) -> float:
        """Return for how many ticks ahead of a target at (dx, dy) to aim a rocket, as far as this bot leads at all."""
        lead = hypot(dx, dy) / self._rocket_pace
        lead = hypot(dx + vx * lead, dy + vy * lead) / self._rocket_pace
        return lead * self._skill.leads

    def _has_room(self, mind: _Mind, me: _Self) -> bool:
        """Tell whether a rocket fired now would get far enough away before it meets a wall."""
        angle = mind.aim / _RADIAN
        return self._arena.sees(me.x, me.y, me.x + TOO_CLOSE * cos(angle), me.y + TOO_CLOSE * sin(angle))

    def _step_aside(self, mind: _Mind, me: _Self, row: int, heading: tuple[float, float] | None, tick: int) -> int:
        """Return the buttons for `heading`, or for out of a rocket's way if one comes."""
        danger = mind.sight.dodge
        if danger is None or tick > mind.sight.dodge_until:
            return self._buttons(heading, row, tick)
        side = 1.0
        if not self._arena.sees(me.x, me.y, me.x + SIDESTEP * danger[0], me.y + SIDESTEP * danger[1]):
            side = -1.0
        buttons = _towards(side * danger[0], side * danger[1])
        soon = mind.sight.dodge_until - tick <= self._tick_hz * DASH_WITHIN
        return buttons | (Button.DASH if soon and self._skill.dashes and me.ready[3] <= 1.0 else 0)

    def _detour_of(self, mind: _Mind, me: _Self) -> tuple[float, float] | None:
        """Return in which direction lies what this bot needs and has seen lying about; None when nothing does."""
        errand = mind.sight.errand
        if errand is None:
            return None
        navigator = navigator_for(self._arena)
        heading = navigator.heading(navigator.place_near(*errand), me.x, me.y)
        return heading if heading is not None else (errand[0] - me.x, errand[1] - me.y)

    def _bearing(self, seen: Seen, me: _Self, target: int) -> tuple[float, float, float, float]:
        """Return where `target` is from here, in pixels, and how it moves, in pixels per tick."""
        values = seen.values
        x, y, vx, vy = (values.item(field, target) / GRID for field in (_X, _Y, _VX, _VY))
        return x - me.x, y - me.y, vx, vy

    def _error(self, mind: _Mind, row: int, tick: int) -> float:
        """Return by how many radians the hand is off just now: it drifts from one error to the next."""
        at, part = divmod(tick, self._drift)
        if at != mind.drift:
            one, other = (2.0 * chance_unit(self._seed, row, at + ahead, 1) - 1.0 for ahead in (0, 1))
            mind.drift, mind.errors = at, (one * self._skill.aim_error, other * self._skill.aim_error)
        return mind.errors[0] + (mind.errors[1] - mind.errors[0]) * part / self._drift

    def _turn(self, mind: _Mind, wanted: float) -> float:
        """Swing the aim towards `wanted`, as far as a tick allows; return how far off it still is, in aim units."""
        off = (wanted - mind.aim + TURN / 2.0) % TURN - TURN / 2.0
        step = max(-self._swing, min(self._swing, off * min(1.0, self._ease) + (64.0 if off > 0.0 else -64.0)))
        if abs(step) > abs(off):
            step = off
        mind.aim = (mind.aim + step) % TURN
        return off - step

    def _keep_time(self, mind: _Mind, row: int, tick: int) -> None:
        """Decide, once a beat, which way round the target to go, and whether to use the repeater."""
        stretch = tick // mind.beat
        if stretch != mind.stretch:
            luck = chance(self._seed, row, stretch, 3)
            mind.stretch, mind.side, mind.sprays = stretch, 1.0 if luck & 1 else -1.0, luck & 6 == 0

    def _dance(self, mind: _Mind, dx: float, dy: float, distance: float) -> tuple[float, float]:
        """Return where to go in a fight: round the target, this way or that, and back into the right range."""
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
            mind.goal_until = tick + (self._detour if self._behaviour.travel is not Travel.ROAM else self._roam)
        return heading

    def _choose_goal(self, seen: Seen, mind: _Mind, row: int, tick: int) -> int:
        travel = self._behaviour.travel
        hunts = travel is Travel.HUNT or (travel is Travel.MIXED and chance(self._seed, row, tick, 4) % 3 > 0)
        target = mind.sight.target
        if hunts and target is not None:
            mind.goal_until = tick + self._hunt
            x, y = float(seen.values[_X, target]) / GRID, float(seen.values[_Y, target]) / GRID
            return navigator_for(self._arena).place_near(x, y)
        mind.goal_until = tick + self._roam
        return self._any_place(row, tick)

    def _any_place(self, row: int, tick: int) -> int:
        return chance(self._seed, row, tick, 5) % navigator_for(self._arena).places

    def _buttons(self, heading: tuple[float, float] | None, row: int, tick: int) -> int:
        """Return the direction buttons for `heading`, or none in a bot's pause."""
        if heading is None or (self._behaviour.pauses and chance(self._seed, row, tick // self._pause, 6) & 1):
            return 0
        return _towards(*heading)


_CIRCLE = tuple((float(x), float(y)) for x, y in ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)))


def _towards(dx: float, dy: float) -> int:
    """Return the direction buttons that come nearest to a direction; none for none."""
    across, down = abs(dx), abs(dy)
    # tan(22.5 degrees): nearer to an axis than to a diagonal
    if down <= 0.41421356 * across:
        return _OCTANTS[0 if dx > 0.0 else 4] if across > 0.0 else 0
    if across <= 0.41421356 * down:
        return _OCTANTS[2 if dy > 0.0 else 6]
    return _OCTANTS[(1 if dx > 0.0 else 3) if dy > 0.0 else (7 if dx > 0.0 else 5)]


def _read_self(picture: Picture, seen: Seen, row: int) -> _Self:
    own = picture.own if picture.own is not None and picture.own_row == row else None
    column = seen.values[:, row].tolist() if own is None else own.values[:, 0].tolist()
    x, y, health = column[_X] / GRID, column[_Y] / GRID, column[_HEALTH]
    if len(column) <= _AMMO:
        # A picture of the published world has no owner's fields: then weapons are thought ready and loaded.
        return _Self(x, y, health, (0.0, 0.0, 0.0, 0.0), 1.0, 1.0)
    return _Self(x, y, health, column[_READY : _READY + 4], column[_AMMO], column[_AMMO + 1])


def _choose_weapon(distance: float, me: _Self, sprays: bool) -> Weapon:
    """Rockets in their range, the rail beyond it; up close, and at times in between, the repeater. Of rockets and rail
    whichever is ready first."""
    if me.bullets > 0.0 and distance <= SPRAY_DISTANCE and (sprays or distance <= TOO_CLOSE):
        return Weapon.REPEATER
    if distance <= TOO_CLOSE or me.rockets <= 0.0:
        return Weapon.RAIL
    if distance <= FAR:
        return Weapon.ROCKET if me.ready[Weapon.ROCKET] <= me.ready[Weapon.RAIL] else Weapon.RAIL
    return Weapon.RAIL if me.ready[Weapon.RAIL] <= me.ready[Weapon.ROCKET] else Weapon.ROCKET
