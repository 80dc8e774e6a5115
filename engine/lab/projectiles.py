"""How soon a player sees what it fired: from making an input to the first picture with the row that it made.

A row names the input that made it (`engine.game.SpawnKey`), so nothing is asked of the client but its pictures, and a
client that predicts nothing is measured the same way. Only pictures in which rows have come are looked at closely.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.game import Game, SpawningGame, SpawnKey
from engine.lab.distribution import Distribution
from engine.world.picture import Picture

_KEPT = 512
"""Inputs, and rows seen, that are remembered: eight seconds of them at 60 Hz."""


class ProjectileWatch:
    """One player's; see the module."""

    def __init__(self) -> None:
        self.drawn_after_ms = Distribution()
        self._made: dict[int, float] = {}
        self._known: dict[tuple[str, int, int], None] = {}
        self._before: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        # The game asked last, and its keys: asking whether it is one that makes rows costs as much as the rest.
        self._asked: tuple[Game, Mapping[str, SpawnKey]] | None = None

    def made(self, tick: int, now: float) -> None:
        """The player made its input of `tick` at `now`."""
        self._made[tick] = now
        self._made.pop(tick - _KEPT, None)

    def drew(self, picture: Picture, now: float, game: Game, own_row: int | None, counts: bool) -> None:
        """The client drew `picture` at `now`; counts: it is within the time that is measured."""
        if own_row is None:
            return
        if self._asked is None or self._asked[0] is not game:
            self._asked = game, game.spawn_keys if isinstance(game, SpawningGame) else {}
        for name, key in self._asked[1].items():
            seen = picture.kinds[name]
            before = self._before.get(name)
            if before is not None and before[0] is seen.alive:
                continue
            generation = seen.generation
            self._before[name] = seen.alive, generation
            if before is None:
                come = seen.alive
            elif _same(before[0], seen.alive) and _same(before[1], generation):
                continue
            else:
                come = seen.alive & (~before[0] | (generation != before[1]))
            kind, rows = seen.kind, np.flatnonzero(come)
            if not len(rows):
                continue
            owner, tick = (seen.values[kind.index[each], rows] for each in (key.owner, key.tick))
            ordinal = np.zeros(len(rows)) if key.ordinal is None else seen.values[kind.index[key.ordinal], rows]
            cycle = int(kind.high[kind.index[key.tick], 0]) + 1
            newest = max(self._made, default=0)
            for low, which in zip(tick[owner == own_row].tolist(), ordinal[owner == own_row].tolist(), strict=True):
                made_in = newest - (newest - int(low)) % cycle
                known = (name, made_in, int(which))
                if known in self._known:
                    continue
                self._known[known] = None
                if len(self._known) > _KEPT:
                    del self._known[next(iter(self._known))]
                if counts and made_in in self._made:
                    self.drawn_after_ms.add_one((now - self._made[made_in]) * 1000.0)


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two short arrays hold the same bytes, at a fifth of what an array operation costs."""
    return one is other or one.tobytes() == other.tobytes()
