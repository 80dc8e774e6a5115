"""What lies about: health, armour and ammunition, taken by who walks over it and needs it, back after a while.

A pick-up is taken in the tick in which it is touched, by the nearest of those who can use it. What is taken tells: it
is an event, and the row's `ready` goes out; when it comes back only the server knows.
"""

from __future__ import annotations

import numpy as np

from engine.game import GameEvent
from engine.world.table import World
from game import weapons
from game.arena import PICKUP_RADIUS, PLAYER_RADIUS, ArenaMap
from game.changes import event, living, shove
from game.movement import ticks
from game.schema import GRID, PICKUP, PLAYER, Event, Item

HEALTH = 100
"""What a player comes to life with, and the most it has: per cent, as people read it."""
MAX_ARMOUR = 100
"""Points of armour a player wears at most."""

HEALTH_GIVEN = 40
"""Half a rail hit."""
ARMOUR_GIVEN = 50
"""Worn with full health it makes of two rail hits three."""
ROCKETS_GIVEN = 5
BULLETS_GIVEN = 60
"""One pick-up holds five rockets and sixty bullets: four to six seconds of fire."""

RETURN = {Item.HEALTH: 15.0, Item.ARMOUR: 25.0, Item.AMMUNITION: 10.0}
"""Seconds until a pick-up that was taken lies there again: the better, the longer."""

_X, _HEALTH, _ARMOUR, _AMMO, _BULLETS = (PLAYER.index[name] for name in ("x", "health", "armour", "ammo", "bullets"))
_POSITION = slice(_X, _X + 2)
_PLACE = slice(PICKUP.index["x"], PICKUP.index["x"] + 2)

# By item, which columns of a player it fills: by how much, and up to what.
_FILLS = {
    Item.HEALTH: ((_HEALTH, HEALTH_GIVEN, HEALTH),),
    Item.ARMOUR: ((_ARMOUR, ARMOUR_GIVEN, MAX_ARMOUR),),
    Item.AMMUNITION: ((_AMMO, ROCKETS_GIVEN, weapons.ROCKET_AMMO), (_BULLETS, BULLETS_GIVEN, weapons.BULLETS)),
}


class Pickups:
    """The rules of pick-ups at one tick rate."""

    def __init__(self, tick_hz: int) -> None:
        self._return = {item: ticks(seconds, tick_hz) for item, seconds in RETURN.items()}

    def lay_out(self, world: World, arena: ArenaMap) -> None:
        """Put what the map has where it has it, all of it ready."""
        table = world["pickup"]
        for row in table.rows().tolist():
            table["wait"][row] = 0
            table.despawn(row)
        for item, x, y in arena.pickups.tolist():
            row = table.spawn()
            if row is None:  # the map was checked: there is room
                return
            table["item"][row], table["x"][row], table["y"][row] = item, x * GRID, y * GRID
            table["ready"][row] = 1

    def advance(self, arena: ArenaMap, world: World, events: list[GameEvent]) -> None:
        """Bring back what is due, and hand out what is touched."""
        table, players = world["pickup"], world["player"]
        waiting = table["wait"] > 0
        if np.count_nonzero(waiting):
            table["wait"] -= waiting
            table["ready"][waiting & (table["wait"] == 0)] = 1
        # Most of the time nobody is near any, which a look-up by tile tells.
        column, row = players.state[_POSITION] >> ((arena.tile * GRID).bit_length() - 1)
        near = arena.near_pickups.take(row * arena.walls.shape[1] + column, mode="clip")
        if not np.count_nonzero(near):
            return
        takers = np.flatnonzero(near & living(players))
        lying = np.flatnonzero(table.alive & (table["ready"] > 0))
        apart = (table.state[_PLACE][:, lying, None] - players.state[_POSITION][:, None, takers]) * (1.0 / GRID)
        square = apart[0] * apart[0] + apart[1] * apart[1]
        touched = square < (PLAYER_RADIUS + PICKUP_RADIUS) ** 2
        if not np.count_nonzero(touched):
            return
        for at in np.flatnonzero(touched.any(axis=1)).tolist():
            near = np.flatnonzero(touched[at])
            for taker in takers[near[np.argsort(square[at, near], kind="stable")]].tolist():
                if self._take(world, int(lying[at]), taker, events):
                    break

    def _take(self, world: World, row: int, taker: int, events: list[GameEvent]) -> bool:
        """Give pick-up `row` to player `taker`; tell whether it had a use for it."""
        table, players = world["pickup"], world["player"]
        item = Item(int(table["item"][row]))
        taken = 0
        for at, given, most in _FILLS[item]:
            held = int(players.state[at, taker])
            players.state[at, taker] = min(held + given, max(held, most))
            taken += int(players.state[at, taker]) - held
        if not taken:
            return False
        if item is Item.AMMUNITION:
            shove(players, taker)
        table["ready"][row], table["wait"][row] = 0, self._return[item]
        events.append(event(world, Event.PICKUP, row, item, taker, taken))
        return True
