"""What rules do to the world in more than one place: tell of an event, count a shove, name who lives."""

from __future__ import annotations

import numpy as np

from engine.game import GameEvent
from engine.world.table import Table, World
from game.schema import Event


def event(world: World, code: Event, *args: int, to: int | None = None) -> GameEvent:
    """Return an event of this tick, its arguments as plain ints."""
    return GameEvent(world.tick, int(code), tuple(int(arg) for arg in args), to)


def shove(players: Table, row: int) -> None:
    """Count a change that the player's client could not predict."""
    players["shoves"][row] = (players["shoves"][row] + 1) & 255


def living(players: Table) -> np.ndarray:
    """Tell who is in the match and not dead, `(rows,) bool`."""
    result: np.ndarray = players.alive & (players["health"] > 0)
    return result
