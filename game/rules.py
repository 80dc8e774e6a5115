"""Arena's rules: `Arena` is the game the engine plays.

What an input does to its own player is `movement.py`, which clients run too; `combat.py`, `pickups.py` and `rounds.py`
are what only the server knows. A tick in order: everyone moves; the dead whose time has come are put on spawn points;
shots are judged, rockets fired, and all rockets fly; what lies about is picked up; the clock goes on, and if a phase
begins that starts afresh, everyone begins anew on its map.

All state is in the world: the object holds what never changes, and chance is a hash of seed, tick and row. So a world
that was restored goes on as it went. Which map is played is state too: the match row has its index in the rotation, and
each player's row the index of the map it stands on, so that `predict` finds it in what it is given.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from engine.errors import UsageError
from engine.game import Brain, GameEvent, Inputs, Rewind, Settings, Spawn, SpawnKey
from engine.world.coasting import Told
from engine.world.dead_reckoning import expected
from engine.world.history import EXACT
from engine.world.interest import Interest
from engine.world.schema import Kind
from engine.world.table import Rows, Table, World
from game import weapons
from game.arena import ArenaMap, load_map
from game.bots import Fighter
from game.chance import chance
from game.changes import event, living, shove
from game.characters import parse_behaviour
from game.coasting import coast_players, coast_rockets
from game.combat import Combat
from game.fog import Fog
from game.movement import DASH, FIRE, Movement, ticks
from game.navigation import navigator_for
from game.pickups import HEALTH as HEALTH  # for those who draw it
from game.pickups import Pickups
from game.rounds import Rounds
from game.schema import (
    GRID,
    INPUT,
    MATCH,
    MAX_PLAYERS,
    MAX_TEAMS,
    PICKUP,
    PLAYER,
    ROCKET,
    Event,
    Phase,
    Weapon,
    player_kind,
)

SPAWN_DISTANCE = 640.0
"""Pixels, half a screen: a spawn point this far from everyone is as good as any farther one."""
SPAWN_GUARD = 1.0
"""Seconds a player can't be hurt after coming to life, unless it shoots: long enough to look about."""

TICK_HZ = (20, 128)
"""Least and most ticks per second: below, rockets fly past players in a tick; above, the grid blurs acceleration."""
MAX_MAPS = 16
"""Maps in a rotation."""

_SETTINGS: Mapping[str, tuple[type, int, int]] = {
    # type, and least and most of numbers
    "map": (str, 0, 0),
    "tick_hz": (int, *TICK_HZ),
    "max_players": (int, 1, MAX_PLAYERS),
    "seed": (int, 0, 2**31 - 1),
    "teams": (int, 0, MAX_TEAMS),
    "friendly_fire": (int, 0, 1),
    "warmup": (int, 0, 600),
    "round_time": (int, 0, 7200),
    "results": (int, 1, 60),
    "frag_limit": (int, 0, 10_000),
    "fog": (int, 0, 1),
}

_X, _VX, _READY = PLAYER.index["x"], PLAYER.index["vx"], PLAYER.index["rail_ready"]
_POSITION, _VELOCITY, _COOLDOWNS = slice(_X, _X + 2), slice(_VX, _VX + 2), slice(_READY, _READY + 4)
_AIM, _HEALTH, _WEAPON, _TEAM, _SPAWNS, _SHOTS, _ARENA = (
    PLAYER.index[name] for name in ("aim", "health", "weapon", "team", "spawns", "shots", "arena")
)
_MATCH_ARENA = MATCH.index["arena"]
_BUTTONS, _INPUT_AIM, _INPUT_WEAPON = (INPUT.index[name] for name in ("buttons", "aim", "weapon"))
_DEEDS = np.int32(FIRE | DASH)


class Arena:
    """The game: see `engine.game.Game` for its methods.

    map: names that `game.arena.load_map` knows, with commas between them: the rotation, one round on each in turn.
    max_players: 1 to 64. seed: 0 or more, decides where players come to life. teams: 0, each for itself, or 2 to 4; who
    joins goes to the smallest. friendly_fire: team mates hurt each other. warmup, round_time, results: seconds of each
    phase; a warm-up of 0 is none, a round of 0 has no end. frag_limit: a score that ends a round, a team's where there
    are teams; 0 for none. fog: who is behind a wall is not told to enemies (`game.fog`).
    Raises UsageError on a value out of range.
    """

    name = "arena"
    version = 2

    def __init__(
        self,
        *,
        map: str = "foundry",
        tick_hz: int = 60,
        max_players: int = MAX_PLAYERS,
        seed: int = 0,
        teams: int = 0,
        friendly_fire: bool = False,
        warmup: int = 0,
        round_time: int = 300,
        results: int = 8,
        frag_limit: int = 0,
        fog: bool = False,
    ) -> None:
        self._settings: dict[str, int | str] = {
            "map": map,
            "tick_hz": tick_hz,
            "max_players": max_players,
            "seed": seed,
            "teams": teams,
            "friendly_fire": int(friendly_fire),
            "warmup": warmup,
            "round_time": round_time,
            "results": results,
            "frag_limit": frag_limit,
            "fog": int(fog),
        }
        _check(self._settings)
        names = [name.strip() for name in map.split(",")]
        if len(names) > MAX_MAPS:
            raise UsageError(f"{len(names)} maps in the rotation; there may be at most {MAX_MAPS}")
        self.maps = tuple(load_map(name) for name in names)
        """The rotation: the match row's `arena` is an index of it."""
        self.map = self.maps[0]
        """The map of the first round."""
        self.tick_hz = tick_hz
        self.seed = seed
        self.teams = teams
        self.friendly_fire = bool(friendly_fire)
        self._fog = Fog(self.maps) if fog else None
        self.player = player_kind(max_players)
        self.kinds = (self.player, ROCKET, PICKUP, MATCH)
        self.input = INPUT
        self._movements = tuple(Movement(each.clearance, tick_hz) for each in self.maps)
        self._combat = Combat(tick_hz, seed, teams, self.friendly_fire)
        self._pickups = Pickups(tick_hz)
        self._rounds = Rounds(
            tick_hz,
            len(self.maps),
            warmup=warmup,
            round_time=round_time,
            results=results,
            frag_limit=frag_limit,
            teams=teams,
        )
        self.directions = self._combat.directions
        """Unit vectors by `weapons.direction_index(aim)`, `(2, directions) float64`."""
        self.rocket_velocity = self._combat.rocket_velocity
        self.bullet_direction = self._combat.bullet_direction
        self._guard_ticks = ticks(SPAWN_GUARD, tick_hz)

    @classmethod
    def from_settings(cls, settings: Settings) -> Arena:
        """Return the game that `settings()` described. Raises UsageError on an unknown key or a bad value."""
        for key, value in settings.items():
            if key not in _SETTINGS:
                raise UsageError(f"Arena has no setting {key!r}; there are: {', '.join(_SETTINGS)}")
            if not isinstance(value, _SETTINGS[key][0]):
                raise UsageError(f"Arena's {key} must be {_SETTINGS[key][0].__name__}, got {value!r}")
        return cls(**settings)  # type: ignore[arg-type]  # just checked, key by key

    factory = from_settings
    """An `engine.game.GameFactory`."""

    def settings(self) -> Settings:
        """Return what makes an equal game elsewhere."""
        return dict(self._settings)

    def map_of(self, world: World) -> ArenaMap:
        """Return the map that is being played."""
        return self.maps[int(world["match"]["arena"][0])]

    def start(self, world: World) -> None:
        """Set up an empty world: the match itself, and what lies about on its first map."""
        self._rounds.start(world)
        self._pickups.lay_out(world, self.map)

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
        """Advance `players`, all on one map, by `inputs`: movement, aim, weapon, dashes, cooldowns and ammunition."""
        self._advance(players.state, inputs.state)

    def shots(self, inputs: Rows) -> np.ndarray:
        """Tell which inputs hold the trigger of a weapon that hits at once: it is judged by what the player saw."""
        if len(inputs) == 1:  # a client asks once a tick: plain numbers are faster
            buttons, _, weapon = inputs.state[:, 0].tolist()
            return np.array([buttons & FIRE != 0 and weapon != Weapon.ROCKET])
        result: np.ndarray = (inputs["buttons"] & FIRE != 0) & (inputs["weapon"] != Weapon.ROCKET)
        return result

    @property
    def spawn_keys(self) -> Mapping[str, SpawnKey]:
        """Rockets: an input fires one at most."""
        return {ROCKET.name: SpawnKey("owner", "input_tick")}

    def spawns(self, row: int, before: Rows, after: Rows, inputs: Rows, tick: int) -> Sequence[Spawn]:
        """Return the rocket that player row `row` fires in `tick`, if it does, as it is once it has flown a tick."""
        player = after.state[:, 0]
        if player[_SHOTS] == before.state[_SHOTS, 0] or player[_WEAPON] != Weapon.ROCKET:
            return ()
        return (Spawn(ROCKET.name, expected(ROCKET, self._combat.rocket(player, row, tick), 1)),)

    def free_ticks(self, kind: str, state: np.ndarray, player: Rows) -> float:
        """Return after how many ticks a rocket meets a wall."""
        return self._combat.free_ticks(self.maps[self._map_index(player.state[:, 0])], state)

    @property
    def coasting_kinds(self) -> Collection[str]:
        """Players and rockets: walls stop them."""
        return (PLAYER.name, ROCKET.name)

    def coast(self, kind: Kind, rows: np.ndarray, told: Told) -> None:
        """Move players or rockets a tick on, as far as walls let them. Who was not told of the match knows no map."""
        match = told(MATCH.name)
        if match is None or match.status[0] != EXACT:
            rows[...] = expected(kind, rows, 1)
            return
        arena = self.maps[self._index(int(match.state[_MATCH_ARENA, 0]))]
        if kind.name == PLAYER.name:
            coast_players(arena.clearance, rows)
        else:
            coast_rockets(arena, rows)

    def repeat(self, inputs: Rows) -> Rows:
        """Return what stands in for inputs that follow `inputs` and have not come: people go on running and aiming,
        but nobody shoots or dashes for them."""
        state = inputs.state.copy()
        state[_BUTTONS] &= ~_DEEDS
        return Rows(inputs.kind, state)

    def team(self, world: World, row: int) -> int | None:
        return int(world[PLAYER.name].state[_TEAM, row]) or None

    def spare(self, world: World, rows: Sequence[int]) -> int:
        """Return which of the player rows `rows` can be missed best: of the largest team, who has scored least."""
        players = world[PLAYER.name]
        sizes = np.bincount(players.state[_TEAM, players.alive], minlength=MAX_TEAMS + 1)
        team, score = players["team"], players["score"]
        return max(rows, key=lambda row: (sizes[team[row]], -int(score[row]), row))

    def interest(self, kind: Kind) -> Interest | None:
        """Without fog everyone is told of everything: a map is a few screens large, and the minimap shows it."""
        return self._fog if kind.name in (PLAYER.name, ROCKET.name) else None

    def brain(self, behaviour: str, seed: int) -> Brain:
        """Return a bot of `behaviour`, "NAME" or "NAME:SKILL". Raises UsageError naming those there are."""
        plays, skill = parse_behaviour(behaviour)
        for arena in self.maps:
            navigator_for(arena)  # now: finding the ways takes longer than a tick may
        return Fighter(self.maps, self.tick_hz, plays, skill, seed)

    def step(self, world: World, inputs: Inputs, rewind: Rewind) -> list[GameEvent]:
        """Advance the world through `world.tick`; return what happened. See the module for the order of things."""
        events: list[GameEvent] = []
        players, arena = world["player"], self.map_of(world)
        rows, given = self._given(players, inputs)
        state = players.state[:, rows]
        fires = self._advance(state, given)
        players.state[:, rows] = state
        self._revive(world, events)
        self._watch_over(players, rows[fires])
        if np.count_nonzero(fires):
            rockets = state[_WEAPON] == Weapon.ROCKET
            shooters = rows[fires & ~rockets].tolist()
            if shooters:
                self._combat.shoot(arena, world, shooters, rewind, events)
            self._combat.launch(arena, world, rows[fires & rockets].tolist())
        self._combat.fly(arena, world, events)
        self._pickups.advance(arena, world, events)
        phase = self._rounds.advance(world)
        if phase is not None:
            self._begin(world, phase, events)
        return events

    def _advance(self, state: np.ndarray, given: np.ndarray) -> np.ndarray:
        """Advance players, all on one map, by their own inputs; return who fires, `(n,) bool`."""
        at = self._map_index(state[:, 0]) if state.shape[1] else 0
        return self._movements[at].advance(state, given)

    def _map_index(self, player: np.ndarray) -> int:
        """Return which map of the rotation a player, `(fields,)`, stands on."""
        return self._index(player.item(_ARENA))

    def _index(self, told: int) -> int:
        """Return the index of the map `told`. Who lies may name one that isn't there: it gets a map all the same."""
        return told if 0 <= told < len(self.maps) else 0

    def _given(self, players: Table, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
        """Return everyone's rows and what they were given, `(fields, n)`. A row without an input stands idle, and keeps
        its aim and weapon."""
        given = inputs.input.state
        if np.count_nonzero(inputs.missing):
            given = np.where(inputs.missing, self.repeat(inputs.input).state, given)
        if len(inputs.rows) == players.count:
            return inputs.rows, given
        everyone = np.zeros((len(given), len(players)), np.int32)
        everyone[_INPUT_AIM], everyone[_INPUT_WEAPON] = players.state[_AIM], players.state[_WEAPON]
        everyone[:, inputs.rows] = given
        rows = players.rows()
        return rows, everyone[:, rows]

    def _begin(self, world: World, phase: Phase, events: list[GameEvent]) -> None:
        """A phase has begun: tell it, and unless it only shows results, let everyone start afresh on its map."""
        match, players, rockets = world["match"], world["player"], world["rocket"]
        winner = self._rounds.winner(world) if phase is Phase.RESULTS else -1
        events.append(event(world, Event.ROUND, phase, match["round"][0], match["arena"][0], winner))
        if phase is Phase.RESULTS:
            return
        for rocket in rockets.rows().tolist():
            rockets.despawn(rocket)
        self._pickups.lay_out(world, self.map_of(world))
        players.state[_HEALTH] = 0  # nobody is in anybody's way yet
        for row in players.rows().tolist():
            self._enliven(world, row, events)

    def _revive(self, world: World, events: list[GameEvent]) -> None:
        players = world["player"]
        dead = players.alive & (players.state[_HEALTH] == 0)
        if not np.count_nonzero(dead):
            return
        players["respawn"] -= dead
        for row in np.flatnonzero(dead & (players["respawn"] <= 0)).tolist():
            self._enliven(world, row, events)

    def _watch_over(self, players: Table, shooters: np.ndarray) -> None:
        """Let the protection of those who just came to life run down, and end where they shoot."""
        guard = players["guard"]
        if np.count_nonzero(guard):
            guard -= guard > 0
            guard[shooters] = 0
            players["guarded"] = guard > 0

    def _enliven(self, world: World, row: int, events: list[GameEvent]) -> None:
        self._spawn(world, row)
        x, y = world["player"].state[_POSITION, row].tolist()
        events.append(event(world, Event.SPAWN, row, x, y))

    def _spawn(self, world: World, row: int) -> None:
        """Put a player on a spawn point, unhurt, armed and under protection."""
        players = world["player"]
        column = players.state[:, row]
        column[_ARENA] = world["match"]["arena"][0]
        column[_POSITION] = self._spawn_point(world, row) * GRID
        column[_VELOCITY] = 0
        column[_HEALTH] = HEALTH
        column[_COOLDOWNS] = 0
        column[_SPAWNS] = (column[_SPAWNS] + 1) & 255
        players["armour"][row] = 0
        players["ammo"][row], players["bullets"][row] = weapons.ROCKETS_AT_START, weapons.BULLETS_AT_START
        players["guard"][row], players["guarded"][row] = self._guard_ticks, 1
        players["respawn"][row] = 0
        shove(players, row)

    def _spawn_point(self, world: World, row: int) -> np.ndarray:
        """Return x and y in pixels: by chance one of the points far enough from everyone living, else the farthest."""
        players, spawns = world["player"], self.map_of(world).spawns
        others = living(players)
        others[row] = False
        offset = spawns[:, :, None] - players.state[_POSITION, others][None] / GRID
        nearest = np.sqrt((offset * offset).sum(axis=1)).min(axis=1, initial=SPAWN_DISTANCE)
        good = np.flatnonzero(nearest >= nearest.max())
        point: np.ndarray = spawns[good[chance(self.seed, world.tick, row) % len(good)]]
        return point


def _check(settings: Settings) -> None:
    for name, value in settings.items():
        kind, least, most = _SETTINGS[name]
        if name in ("friendly_fire", "fog") and value not in (0, 1):
            raise UsageError(f"{name} must be 0 or 1, got {value!r}")
        if name == "teams" and value == 1:
            raise UsageError(f"teams must be 0 or 2 to {most}, got 1")
        if kind is int and isinstance(value, int) and not least <= value <= most:
            raise UsageError(f"{name} must be {least} to {most}, got {value}")
