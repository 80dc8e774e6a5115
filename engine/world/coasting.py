"""Where rows get of which nothing is heard: tick by tick as the game says, from the snapshot they are known of.

Dead reckoning alone goes on through walls. A game that knows better is asked for every whole tick, on the integers of
the snapshot; what lies between two ticks is linear. Client and rewinder call the same code with the same integers, so
what was drawn is what is rebuilt, bit for bit.

It costs nothing while there are newer snapshots, and a tick that has been asked for is not asked for again. What it is
not: the dead reckoning that deltas are taken against (`dead_reckoning`). That knows no game, and is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from engine.world.history import History, KindRows, Received
from engine.world.schema import Kind

Told = Callable[[str], KindRows | None]
"""Gives the rows of a kind in the snapshot that rows coast from, as its receiver holds them; None: no longer held."""

Coasting = Callable[[np.ndarray], None]
"""Moves rows, `(public fields, n) int32`, a tick on, in place."""


@runtime_checkable
class CoastingGame(Protocol):
    """What a game has besides in which rows can't go everywhere: then they are not drawn where they can't be.

    What is drawn is also what shots are judged by, so `coast` keeps the rules of `predict`: it reads nothing but its
    arguments and the map, and uses only + - * / sqrt, comparisons and table look-ups. It never raises, whatever the
    numbers: a server that lies gets a strange picture.
    """

    @property
    def coasting_kinds(self) -> Collection[str]:
        """The names of the kinds that `coast` is for; rows of the others just go on."""
        ...

    def coast(self, kind: Kind, rows: np.ndarray, told: Told) -> None:
        """Move `rows` of `kind`, `(public fields, n) int32`, by a tick, in place, as far as they can go.

        told: the snapshot in which they were heard of last. Only fields that have a rate are drawn; what else is
        written is where the next tick begins.
        """
        ...


def coasting(
    game: CoastingGame | None,
    kind: Kind,
    histories: Mapping[str, History | Received],
    tick: int,
    held: Callable[[str], np.ndarray] | None = None,
) -> Coasting | None:
    """Return how rows of `kind` go on from the snapshot of `tick`; None: as they are dead-reckoned.

    held: gives the status of a kind's rows as a receiver holds that snapshot; None: what the histories say.
    """
    if game is None or kind.name not in game.coasting_kinds:
        return None

    def told(name: str) -> KindRows | None:
        history = histories[name]
        slot = history.slot(tick)
        if slot is None:
            return None
        rows = history.rows(slot)
        return rows if held is None else KindRows(rows.state, held(name), rows.generation)

    return lambda rows: game.coast(kind, rows, told)


class Way:
    """The way that `rows` of `state`, `(public fields, all rows) int32`, take from a snapshot on."""

    __slots__ = ("_bases", "_coast", "_rows", "_states")

    def __init__(self, kind: Kind, state: np.ndarray, rows: np.ndarray, coast: Coasting) -> None:
        how = kind.reckonings[len(state)]
        self._coast = coast
        self._bases = how.bases
        # What stands still stays where it is, and the game is not asked.
        moving = rows if how.rates is None else rows[state[how.rates][:, rows].any(axis=0)]
        self._rows = moving
        self._states = [state[:, moving]]

    def write(self, values: np.ndarray, ticks: float) -> None:
        """Write where the rows are after `ticks` into `values`, `(public fields, all rows) float64`, as they began."""
        if not len(self._rows) or self._bases is None:
            return
        whole = int(ticks)
        part = ticks - whole
        places = self._after(whole)
        if part > 0.0:
            places = places + (self._after(whole + 1) - places) * part
        drawn = values[self._bases]
        drawn[:, self._rows] = places
        values[self._bases] = drawn

    def _after(self, ticks: int) -> np.ndarray:
        """Return what moves after so many ticks, `(bases, n) float64`."""
        while len(self._states) <= ticks:
            state = self._states[-1].copy()
            self._coast(state)
            self._states.append(state)
        places: np.ndarray = self._states[ticks][self._bases].astype(np.float64)
        return places
