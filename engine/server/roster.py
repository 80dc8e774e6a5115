"""Who has which player row: people, the server's bots, and people who lost their connection and are waited for.

Rows and names are here; connections are the session's. Everyone is told of every change by `tell`, which the session
gives. A match that is full takes a row from a bot for a player, and never one from a player who is waited for.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.game import Brain, Game
from engine.identity import free_name, name_key
from engine.server.away import AwayPlayer, AwayTable
from engine.wire.messages import PlayerAway, PlayerJoined, PlayerLeft
from engine.world.table import World


class Roster:
    """See the module. `tell` takes a message for everyone connected."""

    def __init__(self, game: Game, world: World, tell: Callable[[object], None]) -> None:
        self.names: dict[int, str] = {}
        """Player row -> name: people, those away, and bots."""
        self.bots: dict[int, Brain] = {}
        """Row -> mind of the server's own bots."""
        self.away = AwayTable()
        self._game = game
        self._world = world
        self._table = world[game.player.name]
        self._tell = tell

    def spawn(self) -> int | None:
        """Return a new player row, to be given to `enter`; a bot gives up its own where none is free."""
        row = self._table.spawn()
        if row is None and self.bots:
            self.exit(next(reversed(self.bots)), "made room")
            row = self._table.spawn()
        return row

    def free_name(self, name: str) -> str:
        """Return `name`, with a number where somebody has it."""
        return free_name(name, {name_key(taken) for taken in self.names.values()})

    def enter(self, row: int, name: str) -> None:
        """Bring a person into the match, on a spawned row."""
        self._enter(row, name, bot=False)

    def add_bot(self, name: str, brain: Brain) -> bool:
        """Give a row to a bot; False when the match is full."""
        row = self._table.spawn()
        if row is None:
            return False
        self.bots[row] = brain
        self._enter(row, self.free_name(name), bot=True)
        return True

    def exit(self, row: int, reason: str) -> None:
        """Take whoever has `row` out of the match, and tell everyone."""
        self._game.leave(self._world, row)
        self._table.despawn(row)
        self.bots.pop(row, None)
        self.away.remove(row)
        del self.names[row]
        self._tell(PlayerLeft(row, reason))

    def wait_for(self, player: AwayPlayer) -> AwayPlayer | None:
        """Keep the row of a player who lost its connection; return whom that ends the waiting for, and removes."""
        former = self.away.keep(player)
        if former is not None:
            self.exit(former.row, "came back as another")
        self._tell(PlayerAway(player.row, True))
        return former

    def welcome_back(self, client_id: int, secret: bytes, now: float) -> int | None:
        """Return the row that `client_id` takes back with `secret`, and tell everyone; None when there is none."""
        player = self.away.claim(client_id, secret, now)
        if player is None:
            return None
        self._tell(PlayerAway(player.row, False))
        return player.row

    def give_up(self, now: float) -> list[AwayPlayer]:
        """Take those who stayed away too long out of the match, and return them."""
        over = self.away.expired(now)
        for player in over:
            self.exit(player.row, "stayed away")
        return over

    def news(self) -> list[object]:
        """Return the messages that tell a newcomer who is here."""
        told: list[object] = [PlayerJoined(row, name, row in self.bots) for row, name in self.names.items()]
        return told + [PlayerAway(row, True) for row in self.away.rows]

    def _enter(self, row: int, name: str, bot: bool) -> None:
        self.names[row] = name
        self._game.join(self._world, row)
        self._tell(PlayerJoined(row, name, bot))
