"""What just happened, told once for everyone who reacts to it: effects, camera, sounds and messages.

Two sources become one list of moments in map pixels. Events of the game (`engine.game.GameEvent`) arrive a network
delay after the deed; what shows in the picture itself (a rocket that was not there, health that fell) needs no event.
The player's own trigger is read from the predicted cooldowns, so flash, sound and trace answer at once; the server's
trace of that same shot, when it comes, tells only where it really ended.

Events are taken as they are meant (`game.schema.Event`); one with too few arguments is passed over, not raised.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from engine.game import GameEvent
from engine.world.picture import Seen
from game.arena import PLAYER_RADIUS, ArenaMap
from game.schema import GRID, TURN, Event, Weapon
from game.view.scene import Scene
from game.weapons import RAIL_REACH, REPEATER_REACH, SWITCH_COOLDOWN

ANSWER_WITHIN = 1.0
"""Seconds the server's trace of an own shot may take; later it is drawn as anybody's."""

BLAME_WITHIN = 0.35
"""Seconds between a blast or a hit and the health it took: snapshots and events come on two channels."""


@dataclass(frozen=True, slots=True)
class Beam:
    """A rail shot's trace. hit: the row it ended in, None for none. told: the own shot's, already drawn when fired."""

    shooter: int
    x0: float
    y0: float
    x1: float
    y1: float
    hit: int | None
    told: bool = False


@dataclass(frozen=True, slots=True)
class Blast:
    """A rocket went off."""

    x: float
    y: float
    owner: int


@dataclass(frozen=True, slots=True)
class Death:
    """A player died; x and y are None when nobody saw where."""

    victim: int
    killer: int
    weapon: int
    x: float | None
    y: float | None


@dataclass(frozen=True, slots=True)
class Landed:
    """A shot of ours did damage."""

    victim: int
    damage: int


@dataclass(frozen=True, slots=True)
class Spawned:
    """A player came to life."""

    row: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Launched:
    """A rocket appeared, flying along `angle` (radians)."""

    owner: int
    x: float
    y: float
    angle: float


@dataclass(frozen=True, slots=True)
class Fired:
    """The own trigger, as predicted: the weapon, from where, along `angle` (radians)."""

    weapon: int
    x: float
    y: float
    angle: float


@dataclass(frozen=True, slots=True)
class Burst:
    """A shot of the repeater, from a player's middle to where it seems to end."""

    row: int
    x: float
    y: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Dashed:
    """A player dashes along `angle` (radians)."""

    row: int
    x: float
    y: float
    angle: float


@dataclass(frozen=True, slots=True)
class Taken:
    """A player picked something up: `amount` of an `Item`; x and y are None when nobody saw where."""

    item: int
    row: int
    amount: int
    x: float | None
    y: float | None


@dataclass(frozen=True, slots=True)
class Began:
    """A phase of the match began: a `Phase`, the round, and after it the winner: a row, or a team; -1 for nobody."""

    phase: int
    round: int
    winner: int


@dataclass(frozen=True, slots=True)
class Hurt:
    """The own player lost health. angle: where it came from, radians on the screen; None when it can't be told."""

    amount: int
    angle: float | None


@dataclass(frozen=True, slots=True)
class Switched:
    """The own player took another weapon in hand."""

    weapon: int


Moment = Beam | Blast | Death | Landed | Spawned | Launched | Fired | Burst | Dashed | Taken | Began | Hurt | Switched


@dataclass(slots=True)
class _Own:
    """What was known of the own player a frame ago."""

    row: int
    x: float
    y: float
    angle: float
    spawns: float
    health: float
    weapon: int
    ready: tuple[float, float]


class Watcher:
    """Turns scenes into moments; remembers the frame before."""

    def __init__(self, arena_map: ArenaMap) -> None:
        self._map = arena_map
        self._own: _Own | None = None
        self._rockets: dict[int, int] | None = None
        self._answers: deque[float] = deque(maxlen=8)
        self._counts: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        self._blames: deque[tuple[float, float, float]] = deque(maxlen=16)

    def watch(self, scene: Scene) -> list[Moment]:
        """Return what happened between the scene before and this one, in the order to show it."""
        players = scene.picture.kinds.get("player")
        before, self._own = self._own, _read_own(scene)
        own = (before, self._own) if before and self._own and before.row == self._own.row else None
        moments: list[Moment] = []
        if own and players is not None:
            moments += self._deeds(scene, players, *own)
        moments += self._launches(scene)
        moments += self._counted(scene, players)
        for event in scene.events:
            moment = self._read(event, scene, players) if event.to in (None, scene.own_row) else None
            if moment is not None:
                moments.append(moment)
        if own:
            moments += self._wounds(scene, *own)
        return moments

    def _read(self, event: GameEvent, scene: Scene, players: Seen | None) -> Moment | None:
        match event.code, event.args:
            case Event.RAIL, (shooter, x0, y0, x1, y1, hit, *_):
                told = False
                while shooter == scene.own_row and self._answers and not told:
                    told = scene.time - self._answers.popleft() < ANSWER_WITHIN
                if hit == scene.own_row:
                    self._blames.append((scene.time, x0 / GRID, y0 / GRID))
                return Beam(shooter, x0 / GRID, y0 / GRID, x1 / GRID, y1 / GRID, None if hit < 0 else hit, told)
            case Event.EXPLOSION, (x, y, owner, *_):
                self._blames.append((scene.time, x / GRID, y / GRID))
                return Blast(x / GRID, y / GRID, owner)
            case Event.KILL, (victim, killer, weapon, *_):
                where = _place(players, victim)
                return Death(victim, killer, weapon, *(where or (None, None)))
            case Event.HIT, (victim, damage, *_):
                return Landed(victim, damage)
            case Event.SPAWN, (row, x, y, *_):
                return Spawned(row, x / GRID, y / GRID)
            case Event.PICKUP, (row, item, taker, amount, *_):
                where = _place(scene.picture.kinds.get("pickup"), row)
                return Taken(item, taker, amount, *(where or (None, None)))
            case Event.ROUND, (phase, number, _, winner, *_):
                return Began(phase, number, winner)
        return None

    def _launches(self, scene: Scene) -> list[Moment]:
        rockets = scene.picture.kinds.get("rocket")
        if rockets is None:
            self._rockets = None
            return []
        now = rocket_names(rockets)
        before, self._rockets = self._rockets, now
        if before is None:
            return []  # those in the air when we came were fired before
        new = [row for name, row in now.items() if name not in before]
        if not new:
            return []
        x, y, vx, vy, owner = (rockets[name] for name in ("x", "y", "vx", "vy", "owner"))
        return [
            Launched(int(owner[row]), float(x[row]), float(y[row]), math.atan2(float(vy[row]), float(vx[row])))
            for row in new
        ]

    def _counted(self, scene: Scene, players: Seen | None) -> list[Moment]:
        """Read shots of the repeater and dashes from the rows' counters, of all who were there a frame ago, too."""
        if players is None or "dashes" not in players.kind.index:
            return []
        rows = len(players.alive)
        lives = np.where(players.alive & (players["health"] > 0), players.generation + 1, 0)
        now = (lives, players["shots"], players["dashes"])
        before, self._counts = self._counts, now
        if before is None or len(before[0]) != rows:
            return []
        same = (lives == before[0]) & (lives != 0)
        moments: list[Moment] = []
        x, y, aim, vx, vy = (players[name] for name in ("x", "y", "aim", "vx", "vy"))
        fired = same & (now[1] != before[1]) & (players["weapon"] == Weapon.REPEATER)
        for row in np.flatnonzero(fired).tolist():
            angle = float(aim[row]) * 2.0 * math.pi / TURN
            trace = self._traced(players, row, float(x[row]), float(y[row]), angle, REPEATER_REACH)
            if row == scene.own_row:
                moments.append(Fired(int(Weapon.REPEATER), trace.x0, trace.y0, angle))
            moments.append(Burst(row, trace.x0, trace.y0, trace.x1, trace.y1))
        dashed = np.flatnonzero(same & (now[2] != before[2])).tolist()
        return moments + [
            Dashed(row, float(x[row]), float(y[row]), math.atan2(float(vy[row]), float(vx[row]))) for row in dashed
        ]

    def _deeds(self, scene: Scene, players: Seen, before: _Own, now: _Own) -> list[Moment]:
        """Read the own trigger and weapon from the predicted row."""
        moments: list[Moment] = []
        if now.weapon != before.weapon:
            moments.append(Switched(now.weapon))
        # A shot also holds up the other weapon, for less: only a longer wait than that is a shot of this one.
        held = SWITCH_COOLDOWN * scene.tick_hz + 1.0
        for weapon in (Weapon.RAIL, Weapon.ROCKET):  # the repeater waits no longer than any shot holds it up
            if now.ready[weapon] > max(before.ready[weapon] + 1.0, held):
                moments.append(Fired(int(weapon), now.x, now.y, now.angle))
                if weapon == Weapon.RAIL:
                    self._answers.append(scene.time)
                    moments.append(self._traced(players, now.row, now.x, now.y, now.angle, RAIL_REACH))
        return moments

    def _wounds(self, scene: Scene, before: _Own, now: _Own) -> list[Moment]:
        """Nothing tells who hurt us: blame the nearest of the blasts and hits of the last moments."""
        lost = before.health - now.health
        if lost <= 0 or now.spawns != before.spawns:
            return []
        recent = [(x - now.x, y - now.y) for time, x, y in self._blames if scene.time - time <= BLAME_WITHIN]
        near = min(recent, key=lambda way: math.hypot(*way), default=None)
        return [Hurt(round(lost), None if near is None else math.atan2(near[1], near[0]))]

    def _traced(self, players: Seen, row: int, x: float, y: float, angle: float, reach: float) -> Beam:
        """Return a shot as it looks from here: up to the wall, or to whom the picture has in the way."""
        dx, dy = math.cos(angle), math.sin(angle)
        one = np.array([x]), np.array([y]), np.array([dx]), np.array([dy])
        reach = float(self._map.cast(*one, reach)[0])
        along = (players["x"] - x) * dx + (players["y"] - y) * dy
        beside = (players["x"] - x) * dy - (players["y"] - y) * dx
        struck = players.alive & (players["health"] > 0) & (np.abs(beside) < PLAYER_RADIUS)
        struck &= (along > 0) & (along < reach)
        struck[row] = False
        if struck.any():
            reach = float(along[struck].min()) - PLAYER_RADIUS / 2
        return Beam(row, x, y, x + dx * reach, y + dy * reach, None)


def rocket_names(rockets: Seen) -> dict[int, int]:
    """Return the rows of the rockets in a picture, by what names each for as long as it flies: who fired it, and when.

    Its row does not: an own rocket is in one of the client's choice until the server has told which is its own.
    """
    rows = rockets.rows()
    if not len(rows):
        return {}
    owner, tick = (rockets.values[rockets.kind.index[name], rows] for name in ("owner", "input_tick"))
    names: list[int] = (owner * 65536.0 + tick).astype(np.int64).tolist()
    return dict(zip(names, rows.tolist(), strict=True))


def _place(players: Seen | None, row: int) -> tuple[float, float] | None:
    if players is None or not 0 <= row < len(players.alive) or not players.alive[row]:
        return None
    return float(players["x"][row]), float(players["y"][row])


def _read_own(scene: Scene) -> _Own | None:
    own, row = scene.picture.own, scene.own_row
    if own is None or row is None or own.values.shape[1] == 0:
        return None
    x, y, spawns, health, weapon, aim, rail, rocket = (
        float(own[name][0]) for name in ("x", "y", "spawns", "health", "weapon", "aim", "rail_ready", "rocket_ready")
    )
    return _Own(row, x, y, aim * 2.0 * math.pi / TURN, spawns, health, int(weapon), (rail, rocket))
