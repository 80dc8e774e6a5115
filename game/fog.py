"""What walls hide: with the setting `fog`, a player is told of nobody, and of no rocket, that it can't see.

A client that draws through walls then has nothing to draw. Team mates see each other always. The engine does the
seeing (`engine.world.interest.InSight`); here is what is clear in Arena, and who is exempt.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.world.interest import InSight
from engine.world.schema import Kind
from engine.world.table import World
from game.arena import ArenaMap
from game.schema import GRID, MATCH, PLAYER

REACH = 112.0
"""Pixels that somebody may still have to go to come into sight and is told of: a third of a second at a run."""
KEEP = 176.0
"""Pixels for whoever was in sight before."""

_ARENA = MATCH.index["arena"]


class Fog:
    """The `engine.world.interest.Interest` of it, on whichever of `maps` is played."""

    def __init__(self, maps: Sequence[ArenaMap]) -> None:
        self._maps = maps
        self._in_sight = InSight(self._clear, round(REACH * GRID), round(KEEP * GRID))

    def sees(self, world: World, kind: Kind, player: Kind, own_rows: np.ndarray, before: np.ndarray) -> np.ndarray:
        result = self._in_sight.sees(world, kind, player, own_rows, before)
        if kind.name == PLAYER.name:
            team = world[kind.name]["team"]
            own = np.where(own_rows < 0, 0, team[own_rows])
            result |= (own[:, None] == team[None]) & (own > 0)[:, None]
        return result

    def _clear(self, world: World, x0: np.ndarray, y0: np.ndarray, x1: np.ndarray, y1: np.ndarray) -> np.ndarray:
        arena = self._maps[int(world[MATCH.name].state[_ARENA, 0]) % len(self._maps)]
        return arena.line_of_sight(x0 / GRID, y0 / GRID, x1 / GRID, y1 / GRID)
