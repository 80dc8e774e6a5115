"""Chat on the server: what a player says is cleaned, paid for, and goes to those who may hear it.

Every line is told to many, so it is paid for twice: from a bucket per player, and from one for the match. What is not
paid for is dropped; the player is told so once, and not again before a line of his got through.
"""

from __future__ import annotations

from engine.config import ServerConfig
from engine.errors import ProtocolError
from engine.game import Game, TeamGame
from engine.text import clean_line
from engine.wire.messages import MAX_CHAT, Notice, Said, Say
from engine.world.table import World

SLOWER = "you are saying too much at once: wait a moment"


class _Bucket:
    """A token bucket of lines; full at first."""

    __slots__ = ("_at", "_hz", "_most", "left")

    def __init__(self, hz: float, most: float) -> None:
        self._hz = hz
        self._most = most
        self._at: float | None = None
        self.left = most

    def fill(self, now: float) -> bool:
        """Refill it; tell whether there is a line in it."""
        if self._at is not None:
            self.left = min(self.left + (now - self._at) * self._hz, self._most)
        self._at = now
        return self.left >= 1.0


class Chat:
    """See the module. Speakers are known by player row, and spectators by numbers below 0: they have no team."""

    def __init__(self, game: Game, world: World, config: ServerConfig) -> None:
        self._game = game
        self._world = world
        self._config = config
        self._match = _Bucket(config.chat_match_hz, 2 * config.chat_match_hz)
        self._buckets: dict[int, _Bucket] = {}
        self._told: set[int] = set()

    def leave(self, row: int) -> None:
        """Forget a row: whoever comes next begins anew."""
        self._buckets.pop(row, None)
        self._told.discard(row)

    def take(self, row: int, name: str, say: Say, now: float) -> Said:
        """Return what everyone who `hears` it is to be told.

        Raises ProtocolError: "chat-flood" when it is not paid for, "chat-empty" when there is nothing to see in it,
        "chat-team" when there is no team to tell.
        """
        text = clean_line(say.text, MAX_CHAT)
        if not text:
            raise ProtocolError("chat-empty")
        if say.team and self._team(row) is None:
            raise ProtocolError("chat-team", f"row {row} has no team")
        bucket = self._buckets.get(row)
        if bucket is None:
            bucket = self._buckets[row] = _Bucket(self._config.chat_hz, self._config.chat_burst)
        if not (bucket.fill(now) and self._match.fill(now)):
            raise ProtocolError("chat-flood", f"row {row}")
        bucket.left -= 1.0
        self._match.left -= 1.0
        self._told.discard(row)
        return Said(max(row, -1), name, text, say.team)

    def word_to_wait(self, row: int) -> Notice | None:
        """Return what to tell a player whose line was not paid for; None when it was told already."""
        if row in self._told:
            return None
        self._told.add(row)
        return Notice(SLOWER)

    def hears(self, row: int, said: Said) -> bool:
        """Tell whether speaker `row` is to be told of `said`."""
        return not said.team or self._team(row) == self._team(said.row)

    def _team(self, row: int) -> int | None:
        return self._game.team(self._world, row) if row >= 0 and isinstance(self._game, TeamGame) else None
