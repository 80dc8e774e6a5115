"""Arena's rules: `Arena` is the game the engine plays.

What an input does to its own player is `movement.py`, which clients run too; here is what players do to each other,
which only the server knows. A tick in order: everyone moves; the dead whose time has come are put on spawn points;
rail shots are judged, each by the picture its shooter saw, then take effect together, so that two who shoot each other
in one tick both hit; rockets are fired; rockets fly and go off.

All state is in the world: the object holds what never changes, and chance is a hash of seed, tick and row. So a world
that was restored goes on as it went.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, hypot

import numpy as np

from engine.errors import UsageError
from engine.game import Brain, GameEvent, Inputs, Rewind, Settings
from engine.world.schema import Kind
from engine.world.table import Rows, Table, World
from game import weapons
from game.arena import load_map
from game.bots import Fighter, behaviour_named
from game.chance import chance
from game.movement import FIRE, Movement, ticks
from game.schema import (
    GRID,
    INPUT,
    MAX_PLAYERS,
    PLAYER,
    ROCKET,
    Event,
    Weapon,
    player_kind,
)

SPEED_LIMIT = 1500.0
"""Pixels per second nothing pushes a player past: at 20 Hz that is 4800 grid units a tick, well inside an int16."""

HEALTH = 100
"""What a player comes to life with: per cent, as people read it."""
RESPAWN_DELAY = 2.0
"""Seconds dead: long enough to see who did it."""
SPAWN_DISTANCE = 640.0
"""Pixels, half a screen: a spawn point this far from everyone is as good as any farther one."""

TICK_HZ = (20, 128)
"""Least and most ticks per second: below, rockets fly past players in a tick; above, the grid blurs acceleration."""
MAX_TEAMS = 4
"""As many as there are colours that are told apart at a glance."""

_X, _VX, _READY = PLAYER.index["x"], PLAYER.index["vx"], PLAYER.index["rail_ready"]
_POSITION, _VELOCITY, _COOLDOWNS = slice(_X, _X + 2), slice(_VX, _VX + 2), slice(_READY, _READY + 2)
_AIM, _HEALTH, _WEAPON, _AMMO = (PLAYER.index[name] for name in ("aim", "health", "weapon", "ammo"))
_SPAWNS, _TEAM = PLAYER.index["spawns"], PLAYER.index["team"]
_BUTTONS, _INPUT_AIM, _INPUT_WEAPON = (INPUT.index[name] for name in ("buttons", "aim", "weapon"))
_ROCKET_POSITION = slice(ROCKET.index["x"], ROCKET.index["x"] + 2)
_ROCKET_VELOCITY = slice(ROCKET.index["vx"], ROCKET.index["vx"] + 2)


class Arena:
    """The game: see `engine.game.Game` for its methods.

    map: a name that `game.arena.load_map` knows. max_players: 1 to 64. seed: 0 or more, decides where players come to
    life. teams: 0, each for itself, or 2 to 4; who joins goes to the smallest. friendly_fire: team mates hurt each
    other.
    Raises UsageError on a value out of range.
    """

    name = "arena"
    version = 1

    def __init__(
        self,
        *,
        map: str = "foundry",
        tick_hz: int = 60,
        max_players: int = MAX_PLAYERS,
        seed: int = 0,
        teams: int = 0,
        friendly_fire: bool = False,
    ) -> None:
        _check_range("tick_hz", tick_hz, *TICK_HZ)
        _check_range("max_players", max_players, 1, MAX_PLAYERS)
        _check_range("seed", seed, 0, 2**31 - 1)
        if teams:
            _check_range("teams", teams, 2, MAX_TEAMS)
        self.map = load_map(map)
        self.tick_hz = tick_hz
        self.seed = seed
        self.teams = teams
        self.friendly_fire = bool(friendly_fire)
        self.player = player_kind(max_players)
        self.kinds = (self.player, ROCKET)
        self.input = INPUT
        self.directions = weapons.direction_table()
        """Unit vectors by `weapons.direction_index(aim)`, `(2, directions) float64`."""
        self._map_name = map
        self._movement = Movement(self.map.clearance, tick_hz)
        self._rocket_ticks = ticks(weapons.ROCKET_LIFE, tick_hz)
        self._respawn_ticks = ticks(RESPAWN_DELAY, tick_hz)
        self._per_tick = GRID / tick_hz  # pixels per second -> grid units per tick

    @classmethod
    def from_settings(cls, settings: Settings) -> Arena:
        """Return the game that `settings()` described. Raises UsageError on an unknown key or a bad value."""
        known: Mapping[str, type] = {
            "map": str,
            "tick_hz": int,
            "max_players": int,
            "seed": int,
            "teams": int,
            "friendly_fire": int,
        }
        for key, value in settings.items():
            if key not in known:
                raise UsageError(f"Arena has no setting {key!r}; there are: {', '.join(known)}")
            if not isinstance(value, known[key]):
                raise UsageError(f"Arena's {key} must be {known[key].__name__}, got {value!r}")
        if settings.get("friendly_fire", 0) not in (0, 1):
            raise UsageError(f"friendly_fire must be 0 or 1, got {settings['friendly_fire']!r}")
        return cls(**settings)  # type: ignore[arg-type]  # just checked, key by key

    factory = from_settings
    """An `engine.game.GameFactory`."""

    def settings(self) -> Settings:
        """Return what makes an equal game elsewhere."""
        return {
            "map": self._map_name,
            "tick_hz": self.tick_hz,
            "max_players": self.player.capacity,
            "seed": self.seed,
            "teams": self.teams,
            "friendly_fire": int(self.friendly_fire),
        }

    def start(self, world: World) -> None:
        """Set up an empty world: Arena's begins without rows."""

    def join(self, world: World, row: int) -> None:
        """Bring a player into the match, alive, in the smallest team."""
        players = world["player"]
        if self.teams:
            others = players.alive.copy()
            others[row] = False
            sizes = np.bincount(players.state[_TEAM, others], minlength=self.teams + 1)[1 : self.teams + 1]
            players.state[_TEAM, row] = int(sizes.argmin()) + 1
        self._spawn(world, row)

    def leave(self, world: World, row: int) -> None:
        """Take a leaving player's rockets out of the air, so that every rocket's owner is there."""
        rockets = world["rocket"]
        for rocket in np.flatnonzero(rockets.alive & (rockets["owner"] == row)).tolist():
            rockets.despawn(rocket)

    def predict(self, players: Rows, inputs: Rows, tick: int) -> None:
        """Advance `players` by `inputs` through tick `tick`: movement, aim, weapon, cooldowns and ammunition."""
        self._movement.advance(players.state, inputs.state, tick)

    def shots(self, inputs: Rows) -> np.ndarray:
        """Tell which inputs hold the rail gun's trigger: only its shots are judged by what the player saw."""
        if len(inputs) == 1:  # a client asks once a tick: plain numbers are faster
            buttons, _, weapon = inputs.state[:, 0].tolist()
            return np.array([buttons & FIRE != 0 and weapon == Weapon.RAIL])
        result: np.ndarray = (inputs["buttons"] & FIRE != 0) & (inputs["weapon"] == Weapon.RAIL)
        return result

    def rocket_velocity(self, aim: int) -> np.ndarray:
        """Return the velocity of a rocket fired along `aim`, `(2,) int32` grid units per tick, the same everywhere."""
        heading = self.directions[:, weapons.direction_index(aim)]
        return np.rint(heading * (weapons.ROCKET_SPEED * self._per_tick)).astype(np.int32)

    def interest(self, kind: Kind) -> None:
        """Everyone is told of everything: a map is a few screens large, and the minimap shows it."""

    def brain(self, behaviour: str, seed: int) -> Brain:
        """Return a bot. Raises UsageError naming the behaviours there are."""
        return Fighter(self.map, self.tick_hz, behaviour_named(behaviour), seed)

    def step(self, world: World, inputs: Inputs, rewind: Rewind) -> list[GameEvent]:
        """Advance the world through `world.tick`; return what happened. See the module for the order of things."""
        events: list[GameEvent] = []
        players = world["player"]
        rows, given = _given(players, inputs)
        state = players.state[:, rows]
        fires = self._movement.advance(state, given, world.tick)
        players.state[:, rows] = state
        self._revive(world, events)
        if np.count_nonzero(fires):
            rails = state[_WEAPON] == Weapon.RAIL
            self._shoot_rails(world, rows[fires & rails].tolist(), rewind, events)
            self._launch(world, rows[fires & ~rails].tolist())
        self._fly(world, events)
        return events

    def _revive(self, world: World, events: list[GameEvent]) -> None:
        players = world["player"]
        dead = players.alive & (players.state[_HEALTH] == 0)
        if not np.count_nonzero(dead):
            return
        players["respawn"] -= dead
        for row in np.flatnonzero(dead & (players["respawn"] <= 0)).tolist():
            self._spawn(world, row)
            x, y = players.state[_POSITION, row].tolist()
            events.append(_event(world, Event.SPAWN, row, x, y))

    def _spawn(self, world: World, row: int) -> None:
        """Put a player on a spawn point, unhurt and armed."""
        players = world["player"]
        column = players.state[:, row]
        column[_POSITION] = self._spawn_point(players, row, world.tick) * GRID
        column[_VELOCITY] = 0
        column[_HEALTH] = HEALTH
        column[_COOLDOWNS] = 0
        column[_AMMO] = weapons.ROCKET_AMMO
        column[_SPAWNS] = (column[_SPAWNS] + 1) & 255
        players["respawn"][row] = 0
        _shove(players, row)

    def _spawn_point(self, players: Table, row: int, tick: int) -> np.ndarray:
        """Return x and y in pixels: by chance one of the points far enough from everyone living, else the farthest."""
        others = _living(players)
        others[row] = False
        spawns = self.map.spawns
        offset = spawns[:, :, None] - players.state[_POSITION, others][None] / GRID
        nearest = np.sqrt((offset * offset).sum(axis=1)).min(axis=1, initial=SPAWN_DISTANCE)
        good = np.flatnonzero(nearest >= nearest.max())
        point: np.ndarray = spawns[good[chance(self.seed, tick, row) % len(good)]]
        return point

    def _may_hit(self, players: Table, shooter: int) -> np.ndarray:
        """Tell who a shot of `shooter` is meant for, `(rows,) bool`; who lives is not asked."""
        may = np.ones(len(players), np.bool_)
        if self.teams and not self.friendly_fire:
            may = players.state[_TEAM] != players.state[_TEAM, shooter]
        may[shooter] = False
        return may

    def _shoot_rails(self, world: World, shooters: list[int], rewind: Rewind, events: list[GameEvent]) -> None:
        """Judge the rail shots of this tick one by one, then let all of them take effect."""
        players = world["player"]
        hits: list[tuple[int, int]] = []
        living = _living(players)
        for shooter in shooters:
            x, y, aim = (int(players.state[at, shooter]) for at in (_X, _X + 1, _AIM))
            origin = np.array((x, y), np.float64) / GRID
            heading = self.directions[:, weapons.direction_index(aim)]
            wall = self.map.cast_each(origin[:, None], heading[:, None], np.array([weapons.RAIL_REACH]))
            seen = rewind.picture(shooter)["player"]
            may = seen.alive & (seen.values[_HEALTH] > 0) & self._may_hit(players, shooter)
            trace = weapons.trace_rail(origin, heading, float(wall[0]), seen.values[_POSITION] / GRID, may)
            hit, reason = trace.hit, trace.reason
            if hit is not None:
                same = seen.generation[hit] == players.generation[hit]
                if not (living[hit] and same and seen.values[_SPAWNS, hit] == players.state[_SPAWNS, hit]):
                    hit, reason = None, "gone"  # who was seen there has died or left since
                else:
                    hits.append((shooter, hit))
            rewind.judge(shooter, hit, reason)
            end = np.rint((origin + heading * trace.distance) * GRID).astype(int).tolist()
            events.append(_event(world, Event.RAIL, shooter, x, y, *end, -1 if hit is None else hit))
        for shooter, hit in hits:
            self._hurt(world, hit, shooter, weapons.RAIL_DAMAGE, Weapon.RAIL, events)

    def _launch(self, world: World, shooters: list[int]) -> None:
        """Fire a rocket from each shooter's centre; it flies in this tick already."""
        players, rockets = world["player"], world["rocket"]
        for shooter in shooters:
            rocket = rockets.spawn()
            if rocket is None:
                return
            column = rockets.state[:, rocket]
            column[_ROCKET_POSITION] = players.state[_POSITION, shooter]
            column[_ROCKET_VELOCITY] = self.rocket_velocity(int(players.state[_AIM, shooter]))
            rockets["owner"][rocket] = shooter
            rockets["input_tick"][rocket] = world.tick & 0xFFFF
            origin, step = column[_ROCKET_POSITION, None] / GRID, column[_ROCKET_VELOCITY, None] / GRID
            length = hypot(*step[:, 0].tolist())
            wall = self.map.cast_each(origin, step, np.array([length * self._rocket_ticks]))
            rockets["fuse"][rocket] = max(1, ceil(float(wall[0]) / length))

    def _fly(self, world: World, events: list[GameEvent]) -> None:
        """Move every rocket by its velocity, or to what it meets first: a player, a wall, the end of its life."""
        players, rockets = world["player"], world["rocket"]
        rows = rockets.rows()
        if not len(rows):
            return
        targets = np.flatnonzero(_living(players))
        origin = rockets.state[_ROCKET_POSITION, rows] / GRID
        step = rockets.state[_ROCKET_VELOCITY, rows] / GRID
        bodies, moved = players.state[_POSITION, targets] / GRID, players.state[_VELOCITY, targets] / GRID
        when = weapons.sweep(origin, step, bodies, moved)
        owners = rockets["owner"][rows]
        when[owners[:, None] == targets] = np.inf
        if self.teams and not self.friendly_fire:
            when[players.state[_TEAM, owners][:, None] == players.state[_TEAM, targets]] = np.inf
        soonest = when.min(axis=1, initial=np.inf)
        rockets["fuse"][rows] -= 1
        rockets.state[_ROCKET_POSITION, rows] += rockets.state[_ROCKET_VELOCITY, rows]
        spent = np.flatnonzero((rockets["fuse"][rows] == 0) | (soonest <= 1.0))
        if not len(spent):
            return
        origin, step, soonest = origin[:, spent], step[:, spent], soonest[spent]
        length = np.sqrt(step[0] * step[0] + step[1] * step[1])
        wall = self.map.cast_each(origin, step, length)
        direct = soonest * length <= wall
        flown = np.where(direct, soonest * length, np.where(wall < length, weapons.stop_short(wall), length))
        points = origin + step * (flown / length)
        for at, rocket in enumerate(spent.tolist()):
            rockets.despawn(int(rows[rocket]))
            met = int(targets[when[rocket].argmin()]) if direct[at] else None
            self._explode(world, int(owners[rocket]), points[:, at], met, events)

    def _explode(
        self, world: World, owner: int, point: np.ndarray, direct: int | None, events: list[GameEvent]
    ) -> None:
        """Hurt and push everyone near `point`, `(2,)` pixels, whom no wall shields from it."""
        players = world["player"]
        x, y = np.rint(point * GRID).astype(int).tolist()
        events.append(_event(world, Event.EXPLOSION, x, y, owner))
        bodies = players.state[_POSITION] / GRID
        away = bodies - point[:, None]
        distance = np.sqrt(away[0] * away[0] + away[1] * away[1])
        may = self._may_hit(players, owner)
        may[owner] = True
        part = np.where(may & _living(players), weapons.splash(distance), 0.0)
        near = np.flatnonzero(part)
        start = np.broadcast_to(point[:, None], (2, len(near)))
        clear = self.map.line_of_sight(start[0], start[1], bodies[0, near], bodies[1, near])
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
        _shove(players, row)

    def _hurt(self, world: World, victim: int, by: int, damage: int, weapon: Weapon, events: list[GameEvent]) -> None:
        """Take health from a player, and its life when none is left; who is dead already is left alone."""
        players = world["player"]
        state = players.state
        health = int(state[_HEALTH, victim])
        if health == 0 or damage <= 0:
            return
        state[_HEALTH, victim] = max(0, health - damage)
        if by != victim:
            events.append(_event(world, Event.HIT, victim, min(damage, health), to=by))
        if damage < health:
            return
        friend = by == victim or bool(self.teams and state[_TEAM, by] == state[_TEAM, victim])
        players["score"][by] += -1 if friend else 1
        players["deaths"][victim] += 1
        players["respawn"][victim] = self._respawn_ticks
        state[_VELOCITY, victim] = 0
        _shove(players, victim)
        events.append(_event(world, Event.KILL, victim, by, weapon))


def _event(world: World, code: Event, *args: int, to: int | None = None) -> GameEvent:
    return GameEvent(world.tick, int(code), tuple(int(arg) for arg in args), to)


def _given(players: Table, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Return everyone's rows and what they were given, `(fields, n)`: nobody fires by a repeated input.

    A row without an input stands idle, and keeps its aim and weapon.
    """
    given = inputs.input.state.copy()
    given[_BUTTONS] &= ~(inputs.missing * np.int32(FIRE))
    if len(inputs.rows) == players.count:
        return inputs.rows, given
    everyone = np.zeros((len(given), len(players)), np.int32)
    everyone[_INPUT_AIM], everyone[_INPUT_WEAPON] = players.state[_AIM], players.state[_WEAPON]
    everyone[:, inputs.rows] = given
    rows = players.rows()
    return rows, everyone[:, rows]


def _living(players: Table) -> np.ndarray:
    living: np.ndarray = players.alive & (players.state[_HEALTH] > 0)
    return living


def _shove(players: Table, row: int) -> None:
    """Count a change that the player's client could not predict."""
    players["shoves"][row] = (players["shoves"][row] + 1) & 255


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UsageError(f"{name} must be {least} to {most}, got {value}")
