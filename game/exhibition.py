"""A match of bots inside one process, without a network: what is seen behind the menus, and what a bench draws.

`step` plays a tick of the very rules that a server plays; `picture` shows it at any time up to a tick later. Nobody is
lagged here, so a shot is judged by the present.
"""

from __future__ import annotations

import numpy as np

from engine.game import GameEvent, Inputs
from engine.world.picture import VIEW_UNITS, Picture, Seen, View, present
from engine.world.table import World
from game.rules import Arena


class Exhibition:
    """`players` bots in `game`, whose luck `seed` decides."""

    def __init__(self, game: Arena, players: int, seed: int) -> None:
        self.game = game
        self.world = World(game.kinds)
        game.start(self.world)
        for _ in range(players):
            row = self.world["player"].spawn()
            if row is not None:
                game.join(self.world, row)
        self._brain = game.brain("mixed", seed)

    def step(self) -> list[GameEvent]:
        """Play one tick; return its events."""
        self.world.tick += 1
        rows = self.world["player"].rows()
        thought = self._brain.think(present(self.world), rows, self.world.tick)
        return self.game.step(self.world, Inputs(rows, thought, np.zeros(len(rows), np.bool_)), _Present(self.world))

    def picture(self, ahead: float = 0.0) -> Picture:
        """Return the match as a spectator sees it, `ahead` ticks (0..1) after the latest one."""
        tick = self.world.tick
        picture = Picture(View(tick, None, round((tick + ahead) * VIEW_UNITS)))
        for kind in self.game.kinds:
            table = self.world[kind.name]
            values = table.state[: kind.public_count].astype(np.float64)
            for base, rate in zip(*kind.rated, strict=True):
                if base < len(values):
                    values[base] += values[rate] * ahead
            picture.kinds[kind.name] = Seen(kind, values, table.alive.copy(), table.generation.copy())
        return picture


class _Present:
    """An `engine.game.Rewind` that does not rewind."""

    def __init__(self, world: World) -> None:
        self._world = world

    def picture(self, shooter: int) -> Picture:
        return present(self._world)

    def judge(self, shooter: int, hit: int | None, reason: str) -> None:
        """Forget it: nobody asks."""
