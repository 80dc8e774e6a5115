"""What players do to each other: shots that hit at once, rockets, explosions, damage and death.

The rail and the repeater hit at once, and are judged by the picture their shooter saw: all shots of a tick are traced
together, then take effect together, so that two who shoot each other in one tick both hit. Rockets fly, and meet whom
they meet in the server's present.

All of this only the server knows. What an input does to its own player is `movement.py`.
"""

from __future__ import annotations

from math import ceil, hypot, inf

import numpy as np

from engine.game import GameEvent, Rewind
from engine.world.table import Table, World
from game import rounds, weapons
from game.arena import ArenaMap
from game.chance import chance
from game.changes import event, living, shove
from game.movement import ticks
from game.schema import GRID, PLAYER, ROCKET, Event, Weapon

SPEED_LIMIT = 1500.0
"""Pixels per second nothing pushes a player past: at 20 Hz that is 4800 grid units a tick, well inside an int16."""
RESPAWN_DELAY = 2.0
"""Seconds dead: long enough to see who did it."""
ARMOUR_PART = (3, 5)
"""Of any damage armour takes this part, numerator and denominator, as long as it lasts."""

_X, _VX, _AIM, _HEALTH, _ARMOUR, _WEAPON, _SPAWNS, _TEAM = (
    PLAYER.index[name] for name in ("x", "vx", "aim", "health", "armour", "weapon", "spawns", "team")
)
_POSITION, _VELOCITY = slice(_X, _X + 2), slice(_VX, _VX + 2)
_ROCKET_POSITION = slice(ROCKET.index["x"], ROCKET.index["x"] + 2)
_ROCKET_VELOCITY = slice(ROCKET.index["vx"], ROCKET.index["vx"] + 2)
_OWNER, _INPUT_TICK = ROCKET.index["owner"], ROCKET.index["input_tick"]


class Combat:
    """The rules of fighting at one tick rate; `teams` 0: each for itself."""

    def __init__(self, tick_hz: int, seed: int, teams: int, friendly_fire: bool) -> None:
        self.directions = weapons.direction_table()
        self._seed = seed
        self._teams = teams
        self._spares_friends = bool(teams) and not friendly_fire
        self._per_tick = GRID / tick_hz  # pixels per second -> grid units per tick
        self._rocket_ticks = ticks(weapons.ROCKET_LIFE, tick_hz)
        self._respawn_ticks = ticks(RESPAWN_DELAY, tick_hz)

    def rocket_velocity(self, aim: int) -> np.ndarray:
        """Return the velocity of a rocket fired along `aim`, `(2,) int32` grid units per tick, the same everywhere."""
        heading = self.directions[:, weapons.direction_index(aim)]
        return np.rint(heading * (weapons.ROCKET_SPEED * self._per_tick)).astype(np.int32)

    def bullet_direction(self, row: int, aim: int, tick: int) -> int:
        """Return the column of `directions` a bullet takes that player row `row` fires along `aim` in `tick`.

        Small strays are likelier than large ones: it is the sum of two chances.
        """
        luck = chance(self._seed, tick, row, 8)
        spread = weapons.REPEATER_SPREAD
        stray = (luck & 0xFFFF) % (spread + 1) - (luck >> 16) % (spread + 1)
        return (weapons.direction_index(aim) + stray) % weapons.DIRECTIONS

    def shoot(
        self, arena: ArenaMap, world: World, shooters: list[int], rewind: Rewind, events: list[GameEvent]
    ) -> None:
        """Judge this tick's shots of the rail and the repeater, then let all of them take effect."""
        players = world["player"]
        state = players.state
        aims, held = state[_AIM, shooters].tolist(), state[_WEAPON, shooters].tolist()
        column = [
            weapons.direction_index(aim) if weapon == Weapon.RAIL else self.bullet_direction(row, aim, world.tick)
            for row, aim, weapon in zip(shooters, aims, held, strict=True)
        ]
        origin, heading = state[_POSITION][:, shooters] / GRID, self.directions[:, column]
        reach = np.where(np.array(held) == Weapon.RAIL, weapons.RAIL_REACH, weapons.REPEATER_REACH)
        wall = arena.cast_each(origin, heading, reach)
        pictures = [rewind.picture(row)["player"] for row in shooters]
        bodies = np.stack([seen.values[_POSITION] for seen in pictures]) / GRID
        may = np.stack([seen.alive & (seen.values[_HEALTH] > 0.0) for seen in pictures])
        may &= self._may_hit(players, np.array(shooters))
        traces = weapons.trace(origin, heading, reach, wall, bodies, may)
        ends = np.rint((origin + heading * traces.distance) * GRID).astype(int).T.tolist()
        there = living(players)
        hits: list[tuple[int, int, int]] = []
        for at, (shooter, weapon, seen) in enumerate(zip(shooters, held, pictures, strict=True)):
            hit: int | None = int(traces.hit[at])
            reason = "hit"
            if hit == -1:
                hit, reason = None, "wall" if traces.shielded[at] else "miss"
            elif hit is not None:
                same = seen.generation[hit] == players.generation[hit]
                if not (there[hit] and same and seen.values[_SPAWNS, hit] == state[_SPAWNS, hit]):
                    hit, reason = None, "gone"  # who was seen there has died or left since
                else:
                    hits.append((shooter, hit, weapon))
            rewind.judge(shooter, hit, reason)
            if weapon == Weapon.RAIL:
                x, y = state[_POSITION, shooter].tolist()
                events.append(event(world, Event.RAIL, shooter, x, y, *ends[at], -1 if hit is None else hit))
        for shooter, victim, weapon in hits:
            damage = weapons.RAIL_DAMAGE if weapon == Weapon.RAIL else weapons.REPEATER_DAMAGE
            self._hurt(world, victim, shooter, damage, Weapon(weapon), events)

    def launch(self, arena: ArenaMap, world: World, shooters: list[int]) -> None:
        """Fire a rocket from each shooter's centre; it flies in this tick already."""
        players, rockets = world["player"], world["rocket"]
        for shooter in shooters:
            rocket = rockets.spawn()
            if rocket is None:
                return
            state = self.rocket(players.state[:, shooter], shooter, world.tick)
            rockets.state[: len(state), rocket] = state
            way, pace = self._flight(arena, state)
            rockets["fuse"][rocket] = max(1, ceil(way / pace))

    def rocket(self, player: np.ndarray, row: int, tick: int) -> np.ndarray:
        """Return the rocket that player row `row` fires in `tick`, before it flies: `(public fields,) int32`.

        player: `(fields,)`, the shooter as it fires; its own client knows enough of it to get the same.
        """
        state = np.zeros(ROCKET.public_count, np.int32)
        state[_ROCKET_POSITION] = player[_POSITION]
        state[_ROCKET_VELOCITY] = self.rocket_velocity(int(player[_AIM]))
        state[_OWNER], state[_INPUT_TICK] = row, tick & 0xFFFF
        return state

    def free_ticks(self, arena: ArenaMap, rocket: np.ndarray) -> float:
        """Return after how many ticks a rocket that nobody is in the way of goes off; one that stands still never."""
        way, pace = self._flight(arena, rocket)
        return float(weapons.stop_short(np.array(way))) / pace if pace > 0.0 else inf

    def _flight(self, arena: ArenaMap, rocket: np.ndarray) -> tuple[float, float]:
        """Return how far a rocket can fly until it meets a wall or its life ends, and how far in a tick, in pixels."""
        origin, step = rocket[_ROCKET_POSITION, None] / GRID, rocket[_ROCKET_VELOCITY, None] / GRID
        pace = hypot(*step[:, 0].tolist())
        return float(arena.cast_each(origin, step, np.array([pace * self._rocket_ticks]))[0]), pace

    def fly(self, arena: ArenaMap, world: World, events: list[GameEvent]) -> None:
        """Move every rocket by its velocity, or to what it meets first: a player, a wall, the end of its life."""
        players, rockets = world["player"], world["rocket"]
        rows = rockets.rows()
        if not len(rows):
            return
        targets = np.flatnonzero(living(players))
        origin = rockets.state[_ROCKET_POSITION, rows] / GRID
        step = rockets.state[_ROCKET_VELOCITY, rows] / GRID
        bodies, moved = players.state[_POSITION, targets] / GRID, players.state[_VELOCITY, targets] / GRID
        when = weapons.sweep(origin, step, bodies, moved)
        owners = rockets["owner"][rows]
        when[owners[:, None] == targets] = np.inf
        if self._spares_friends:
            when[players.state[_TEAM, owners][:, None] == players.state[_TEAM, targets]] = np.inf
        soonest = when.min(axis=1, initial=np.inf)
        rockets["fuse"][rows] -= 1
        rockets.state[_ROCKET_POSITION, rows] += rockets.state[_ROCKET_VELOCITY, rows]
        spent = np.flatnonzero((rockets["fuse"][rows] == 0) | (soonest <= 1.0))
        if not len(spent):
            return
        origin, step, soonest = origin[:, spent], step[:, spent], soonest[spent]
        length = np.sqrt(step[0] * step[0] + step[1] * step[1])
        wall = arena.cast_each(origin, step, length)
        direct = soonest * length <= wall
        flown = np.where(direct, soonest * length, np.where(wall < length, weapons.stop_short(wall), length))
        points = origin + step * (flown / length)
        for at, rocket in enumerate(spent.tolist()):
            rockets.despawn(int(rows[rocket]))
            met = int(targets[when[rocket].argmin()]) if direct[at] else None
            self._explode(arena, world, int(owners[rocket]), points[:, at], met, events)

    def _explode(
        self,
        arena: ArenaMap,
        world: World,
        owner: int,
        point: np.ndarray,
        direct: int | None,
        events: list[GameEvent],
    ) -> None:
        """Hurt and push everyone near `point`, `(2,)` pixels, whom no wall shields from it."""
        players = world["player"]
        x, y = np.rint(point * GRID).astype(int).tolist()
        events.append(event(world, Event.EXPLOSION, x, y, owner))
        bodies = players.state[_POSITION] / GRID
        away = bodies - point[:, None]
        distance = np.sqrt(away[0] * away[0] + away[1] * away[1])
        may = self._may_hit(players, np.array([owner]))[0]
        may[owner] = True
        part = np.where(may & living(players), weapons.splash(distance), 0.0)
        near = np.flatnonzero(part)
        start = np.broadcast_to(point[:, None], (2, len(near)))
        clear = arena.line_of_sight(start[0], start[1], bodies[0, near], bodies[1, near])
        for row in near[clear | (near == (-1 if direct is None else direct))].tolist():
            damage = weapons.ROCKET_DIRECT if row == direct else part[row] * weapons.SPLASH_DAMAGE
            outwards = away[:, row] / distance[row] if distance[row] > 0.0 else np.zeros(2)
            self._push(players, row, outwards * (part[row] * weapons.SPLASH_PUSH))
            factor = weapons.SELF_DAMAGE if row == owner else 1.0
            self._hurt(world, row, owner, round(damage * factor), Weapon.ROCKET, events)

    def _push(self, players: Table, row: int, impulse: np.ndarray) -> None:
        """Add `impulse`, `(2,)` pixels per second, to a player's velocity."""
        limit = int(SPEED_LIMIT * self._per_tick)
        pushed = np.rint(players.state[_VELOCITY, row] + impulse * self._per_tick)
        players.state[_VELOCITY, row] = np.minimum(np.maximum(pushed, -limit), limit)
        shove(players, row)

    def _may_hit(self, players: Table, shooters: np.ndarray) -> np.ndarray:
        """Tell who a shot of each of `shooters`, `(n,)`, is meant for, `(n, rows) bool`; who lives is not asked."""
        may: np.ndarray = np.arange(len(players)) != shooters[:, None]
        if self._spares_friends:
            may = players.state[_TEAM] != players.state[_TEAM, shooters][:, None]
        return may

    def _hurt(self, world: World, victim: int, by: int, damage: int, weapon: Weapon, events: list[GameEvent]) -> None:
        """Take armour and health from a player, and its life when none is left.

        Who is dead already or under protection is left alone, and so is everyone while results are shown.
        """
        players = world["player"]
        state = players.state
        health, armour = int(state[_HEALTH, victim]), int(state[_ARMOUR, victim])
        if health == 0 or damage <= 0 or players["guarded"][victim] or rounds.harmless(world):
            return
        part, whole = ARMOUR_PART
        absorbed = min(armour, damage * part // whole)
        lost = min(health, damage - absorbed)
        state[_ARMOUR, victim] = armour - absorbed
        state[_HEALTH, victim] = health - lost
        if by != victim:
            events.append(event(world, Event.HIT, victim, absorbed + lost, to=by))
        if lost == health:
            self._die(world, victim, by)
            events.append(event(world, Event.KILL, victim, by, weapon))

    def _die(self, world: World, victim: int, by: int) -> None:
        players = world["player"]
        team = int(players.state[_TEAM, by])
        if rounds.counts(world):
            friend = by == victim or bool(self._teams and players.state[_TEAM, victim] == team)
            players["score"][by] += -1 if friend else 1
            players["deaths"][victim] += 1
            if self._teams:
                rounds.score_for_team(world, team, -1 if friend else 1)
        players["respawn"][victim] = self._respawn_ticks
        players.state[_ARMOUR, victim] = 0
        players.state[_VELOCITY, victim] = 0
        shove(players, victim)
