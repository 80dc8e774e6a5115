"""What a game implements to be played over this engine.

A game is a schema, a function that predicts a player's own row, and a function that steps the world. The server calls
`step` once a tick; the client calls `predict`, the same code `step` uses, on its own row. Read next: `world/schema.py`
for fields and kinds, `world/table.py` for rows and columns, then `examples/`. What a game may have besides is in
protocols of their own: those below, and `world/coasting.py`'s for one with walls.

Three rules keep clients exact: everything that changes lives in the world (a game object holds only what never changes:
rules, map, seed); `predict` reads nothing but its arguments and the map; and the predicted path uses only + - * / sqrt,
comparisons and table look-ups, because libm's sin and cos differ between builds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from engine.world.interest import Interest
from engine.world.picture import Picture
from engine.world.schema import Kind
from engine.world.table import Rows, World

Settings = Mapping[str, int | float | str | bool]
"""What a game was made with; the server tells it to each client, which makes its own game from the same."""


@dataclass(frozen=True, slots=True)
class GameEvent:
    """Something that happened and is not state: a shot's trace, a kill. Sent once, reliably, shown at its tick.

    code: the game's own number for it. args: its values, each within int32. to: the player row it is for; None: all.
    """

    tick: int
    code: int
    args: tuple[int, ...]
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of one tick.

    rows: `(n,) intp`, the player rows that are played, ascending. input: n rows of the game's `input` kind.
    missing: `(n,) bool`, where nothing arrived in time and the input before it is repeated.
    """

    rows: np.ndarray
    input: Rows
    missing: np.ndarray


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of one shot, for its shooter, the overlay and the report. Ticks may be fractional (view time).

    hit: the row hit, None for a miss. reason: a short slug: "hit", "miss", "wall", "clamped", "implausible", ...
    claimed_age, allowed_age: how far back the picture was, in ticks, as claimed and as used.
    """

    tick: int
    shooter: int
    hit: int | None
    reason: str
    claimed_age: float
    allowed_age: float
    clamped: bool


class Rewind(Protocol):
    """What `step` asks to judge a shot by what its shooter saw."""

    def picture(self, shooter: int) -> Picture:
        """Return the published world as player row `shooter` saw it when it made this tick's input.

        The picture is clamped to the rewind limit; a shooter without a claim (a bot of the server) gets the present.
        """
        ...

    def judge(self, shooter: int, hit: int | None, reason: str) -> None:
        """Record the verdict of a shot of this tick by `shooter`."""
        ...


class Brain(Protocol):
    """A bot's mind: on the server for rows nobody plays, in the client for `--bot`, in the lab for everyone."""

    def think(self, picture: Picture, rows: np.ndarray, tick: int) -> Rows:
        """Return the inputs of tick `tick` for the player rows `rows`, judging by `picture` alone."""
        ...


class Game(Protocol):
    """The rules of a game. See the module's three rules."""

    @property
    def name(self) -> str:
        """What is played; with `version`, only equals can connect."""
        ...

    @property
    def version(self) -> int:
        """Counts changes of the rules or the schema."""
        ...

    @property
    def tick_hz(self) -> int:
        """Steps per second."""
        ...

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The schema."""
        ...

    @property
    def player(self) -> Kind:
        """The kind, one of `kinds`, of which each player has one row."""
        ...

    @property
    def input(self) -> Kind:
        """The fields of one tick's input, as a kind of capacity 1; all public."""
        ...

    def settings(self) -> Settings:
        """Return what makes an equal game elsewhere."""
        ...

    def start(self, world: World) -> None:
        """Set up an empty world at tick 0."""
        ...

    def join(self, world: World, row: int) -> None:
        """A player has come: its row is alive and zero; fill it."""
        ...

    def leave(self, world: World, row: int) -> None:
        """A player is going; its row ends after this call."""
        ...

    def predict(self, players: Rows, inputs: Rows, tick: int) -> None:
        """Advance `players` (n rows; at least the owner's fields) in place by `inputs` (n rows) through tick `tick`.

        Writes predicted fields only.
        """
        ...

    def shots(self, inputs: Rows) -> np.ndarray:
        """Tell which of `inputs` (n rows) may shoot, `(n,) bool`: they carry what the player saw."""
        ...

    def step(self, world: World, inputs: Inputs, rewind: Rewind) -> list[GameEvent]:
        """Advance the world by one tick, to `world.tick`, which the caller has set; return what happened."""
        ...

    def interest(self, kind: Kind) -> Interest | None:
        """Return who is told of which rows of `kind`; None: everyone of all."""
        ...

    def brain(self, behaviour: str, seed: int) -> Brain:
        """Return a bot of the named behaviour. Raises UsageError naming those there are."""
        ...


@runtime_checkable
class WeighingGame(Protocol):
    """What a game has besides that says itself what matters when a snapshot does not fit its peer's budget.

    Where a game has none of it, what is near goes more often.
    """

    def weights(self, world: World, kind: Kind, own_row: int, rows: np.ndarray) -> np.ndarray:
        """Return how fast each of `rows`, `(n,)`, of `kind` becomes urgent for the player in `own_row`, `(n,) float`.

        1 is usual; a row of weight 2 is sent about twice as often. own_row: -1 for one that only watches.
        """
        ...


@runtime_checkable
class RepeatingGame(Protocol):
    """What a game has besides that plays a missing input otherwise than as the one before it (`Inputs.missing`).

    The client predicts the ticks it has no input for by the same rule.
    """

    def repeat(self, inputs: Rows) -> Rows:
        """Return what stands in for inputs that follow `inputs`, `(n,)` rows, and have not come."""
        ...


def stand_in(game: Game, inputs: np.ndarray) -> np.ndarray:
    """Return what is played after `inputs`, `(input fields, n) int32`, while nothing newer has come."""
    return game.repeat(Rows(game.input, inputs)).state if isinstance(game, RepeatingGame) else inputs


@runtime_checkable
class TeamGame(Protocol):
    """What a game with teams has besides: then a line of chat can be for the own team alone."""

    def team(self, world: World, row: int) -> int | None:
        """Return the team of player row `row`; None: it has none."""
        ...


@dataclass(frozen=True, slots=True)
class SpawnKey:
    """Which public fields of a kind name a row that an input has made. They never change while the row lives.

    owner: the player row that made it. tick: the input's tick, as many of its low bits as the field holds, which must
    be more than a second. ordinal: which of several that one input made; None where it makes one at most.
    """

    owner: str
    tick: str
    ordinal: str | None = None


@dataclass(frozen=True, slots=True)
class Spawn:
    """A row that an input makes.

    kind: its kind's name. state: `(public fields,) int32`, the row at the end of the input's tick, bit for bit as the
    server makes it.
    """

    kind: str
    state: np.ndarray


@runtime_checkable
class SpawningGame(Protocol):
    """What a game has besides whose players make rows that fly by themselves: then one's own are seen at once.

    The rows must move as they are dead-reckoned, and no shot may be judged by what a picture shows of such kinds: the
    shooter's picture has rows in it that the server's does not.
    """

    @property
    def spawn_keys(self) -> Mapping[str, SpawnKey]:
        """The kinds of such rows, by name, and what names each row."""
        ...

    def spawns(self, row: int, before: Rows, after: Rows, inputs: Rows, tick: int) -> Sequence[Spawn]:
        """Return what `inputs` makes in `tick`, of player row `row`.

        before, after: one row each, the owner's fields, as `predict` was given it and as it left it: what a step needs
        to know of the shooter, without predicting again. Reads nothing else but the map, and writes nothing.
        """
        ...

    def free_ticks(self, kind: str, state: np.ndarray, player: Rows) -> float:
        """Return for how many ticks nothing that stands still is in the way of such a row; it is not drawn beyond.

        state: `(public fields,) int32`, where its dead reckoning begins. player: the own row, as `spawns` is given it,
        which may tell what map that is on.
        """
        ...


GameFactory = Callable[[Settings], Game]
"""Makes a game from settings. Raises UsageError when it can't: a client says so and leaves."""
