"""Every shot seen from both ends: what its shooter had on the line of fire, and what the server found there.

The lab gives the server a game wrapped in `WatchedGame`. It keeps the world as it was before each tick, hands the real
`step` a `Rewind` that remembers the pictures it gives out, and, in a tick with shots of clients, runs the same `step`
once more on a copy of the world, in which each shooter stands where its client predicted it and sees the very picture
that was on its screen. So what was drawn is judged by the game's own rules, whatever the game: no rule is written
twice, and none is known here.

    drawn    hit by the picture on the screen, from where the client believed to stand
    judged   hit by the server's verdict
    error    greatest distance between a row as drawn and as rebuilt (clamped and doubted shots are judged elsewhere)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, cast

import numpy as np

from engine.game import Game, GameEvent, Inputs, Rewind
from engine.lab.states import Positions
from engine.server.rewind import Rewinder
from engine.world.picture import Picture, present
from engine.world.table import World

_CLAIMS_KEPT = 256
"""Pictures of shots under way, per player: a held trigger makes one a tick, and they are judged within a second."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a client had on its screen when it made the input of a tick, and its own row before that tick."""

    picture: Picture
    own: np.ndarray | None


@dataclass(frozen=True, slots=True)
class ShotPicture:
    """Where everyone was, `(dimensions, rows)` in the game's unit: as drawn, as rebuilt, and in truth."""

    drawn: np.ndarray
    drawn_alive: np.ndarray
    rebuilt: np.ndarray
    rebuilt_alive: np.ndarray
    present: np.ndarray
    origin: np.ndarray
    direction: np.ndarray | None


@dataclass(frozen=True, slots=True)
class Shot:
    """One judged shot of a client. rewind_error: in the game's unit, None where the picture was not rebuilt.
    origin_error: how far the shooter stood from where its client believed it to stand. mispredicted: its own row was
    not what its client had predicted (an input came too late, or a push was under way), in position or otherwise.

    doubt: why the verdict is not by the claimed view ("clamped", "unseen", "implausible"), or not from where the
    shooter believed to stand ("moved"); "" if it is.
    """

    tick: int
    shooter: int
    drawn: int | None
    judged: int | None
    reason: str
    doubt: str
    claimed_age: float
    allowed_age: float
    rewind_error: float | None
    origin_error: float
    mispredicted: bool
    picture: ShotPicture

    @property
    def agrees(self) -> bool:
        return self.drawn == self.judged


class ShotWatch:
    """Judges each shot twice; see the module. The players `claim` what they saw, by row and tick."""

    def __init__(self, game: Game) -> None:
        self._game = game
        self._positions = Positions(game.player)
        self._scratch = World(game.kinds)
        self._aim = _aim_of(game)
        self.rewinder: Rewinder | None = None
        """The server's; set once it exists."""
        self.claims: dict[int, dict[int, Claim]] = {}
        """By player row, by input tick."""
        self.shots: list[Shot] = []

    def claim(self, row: int, tick: int, picture: Picture, own: np.ndarray | None) -> None:
        """Remember that player row `row` made an input of `tick` that may shoot, with `picture` on its screen."""
        claims = self.claims.setdefault(row, {})
        claims[tick] = Claim(picture, own)
        while len(claims) > _CLAIMS_KEPT:
            del claims[next(iter(claims))]

    def take(self) -> list[Shot]:
        """Return the shots judged since the last call."""
        shots, self.shots = self.shots, []
        return shots

    def judge_again(self, record: TickRecord, world: World) -> None:
        """Judge the shots of a tick, which has led to `world`, by what was drawn."""
        tick, seen = world.tick, record.seen
        claims = {row: self.claims[row][tick] for row in seen if tick in self.claims.get(row, {})}
        if not claims or self.rewinder is None:
            return
        latest = takewhile(lambda entry: entry[0].tick == tick, reversed(self.rewinder.verdicts))
        verdicts = {verdict.shooter: verdict for verdict, _ in latest}
        scratch, player = self._scratch, self._game.player
        scratch.restore(record.before)
        scratch.tick = tick
        mispredicted = {}
        for row, claim in claims.items():
            if claim.own is not None:
                mine = np.flatnonzero(player.predicted[: player.owner_count])
                told = scratch[player.name].state
                mispredicted[row] = bool((told[mine, row] != claim.own[mine]).any())
                told[mine, row] = claim.own[mine]
        drawn = _Drawn({**seen, **{row: claim.picture for row, claim in claims.items()}}, scratch)
        self._game.step(scratch, record.inputs, drawn)
        for row, claim in claims.items():
            verdict = verdicts.get(row)
            if verdict is None:
                continue
            _, comma, doubt = verdict.reason.partition(", ")
            picture = self._picture(claim.picture, seen[row], world, scratch, row)
            apart = picture.origin - picture.present[:, row]
            self.shots.append(
                Shot(
                    tick=tick,
                    shooter=row,
                    drawn=drawn.hits.get(row),
                    judged=verdict.hit,
                    reason=verdict.reason,
                    doubt=doubt if comma else "",
                    claimed_age=verdict.claimed_age,
                    allowed_age=verdict.allowed_age,
                    rewind_error=_error(picture, row) if doubt in ("", "moved") else None,
                    origin_error=float(np.sqrt((apart * apart).sum())),
                    mispredicted=mispredicted.get(row, True),
                    picture=picture,
                )
            )

    def _picture(self, drawn: Picture, rebuilt: Picture, world: World, scratch: World, row: int) -> ShotPicture:
        name, at = self._game.player.name, self._positions
        table = world[name]
        direction = None
        if self._aim is not None:
            index, turn = self._aim
            angle = float(table.state[index, row]) / turn * 2.0 * np.pi
            direction = np.array((np.cos(angle), np.sin(angle)))
        return ShotPicture(
            drawn=at.of(drawn[name].values),
            drawn_alive=drawn[name].alive.copy(),
            rebuilt=at.of(rebuilt[name].values),
            rebuilt_alive=rebuilt[name].alive.copy(),
            present=at.of(table.state),
            origin=at.of(scratch[name].state[:, row]),
            direction=direction,
        )


def _error(picture: ShotPicture, shooter: int) -> float:
    """The greatest distance between a row as drawn and as rebuilt; a row in one of them alone is infinitely off."""
    others = np.ones(len(picture.drawn_alive), np.bool_)
    others[shooter] = False
    if (picture.drawn_alive != picture.rebuilt_alive)[others].any():
        return float("inf")
    rows = picture.drawn_alive & others
    apart = picture.drawn[:, rows] - picture.rebuilt[:, rows]
    return float(np.sqrt((apart * apart).sum(axis=0)).max(initial=0.0))


def _aim_of(game: Game) -> tuple[int, float] | None:
    """Which field of a player tells where it aims, and its full turn, if the schema calls one `aim`: for drawings."""
    kind = game.player
    at = kind.index.get("aim")
    return None if at is None or not kind.fields[at].wrap else (at, dict(kind.wrapped)[at])


class _Drawn:
    """A `Rewind` that gives each shooter the picture it had, and keeps what is judged from it."""

    def __init__(self, pictures: dict[int, Picture], world: World) -> None:
        self._pictures = pictures
        self._world = world
        self.hits: dict[int, int | None] = {}

    def picture(self, shooter: int) -> Picture:
        # A shot that the client believed it could fire and the server did not has no picture of its own.
        return self._pictures.get(shooter) or present(self._world)

    def judge(self, shooter: int, hit: int | None, reason: str) -> None:
        self.hits[shooter] = hit


class _Remembering:
    """The server's `Rewind`, and what it gave out in this tick."""

    def __init__(self, rewind: Rewind) -> None:
        self._rewind = rewind
        self.pictures: dict[int, Picture] = {}

    def picture(self, shooter: int) -> Picture:
        picture = self.pictures[shooter] = self._rewind.picture(shooter)
        return picture

    def judge(self, shooter: int, hit: int | None, reason: str) -> None:
        self._rewind.judge(shooter, hit, reason)


@dataclass(frozen=True, slots=True)
class TickRecord:
    """A tick as the server ran it. before: the world before it, valid until the next; seen: the pictures it rebuilt."""

    before: World
    inputs: Inputs
    seen: dict[int, Picture]


class WatchedGame:
    """A game that does what `game` does, and shows each tick to `watch` once it has been stepped. See the module."""

    def __init__(self, game: Game, watch: Callable[[TickRecord, World], None]) -> None:
        self._game = game
        self._watch = watch
        self._before = World(game.kinds)
        # What a game has besides is asked for by protocols, which from Python 3.12 on look past `__getattr__`.
        for name in dir(game):
            if not name.startswith("_") and name not in vars(WatchedGame):
                setattr(self, name, getattr(game, name))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._game, name)

    def as_game(self) -> Game:
        """Return itself: all that is not here is the real game's."""
        return cast(Game, self)

    def step(self, world: World, inputs: Inputs, rewind: Rewind) -> list[GameEvent]:
        self._before.restore(world)
        remembering = _Remembering(rewind)
        events = self._game.step(world, inputs, remembering)
        self._watch(TickRecord(self._before, inputs, remembering.pictures), world)
        return events
