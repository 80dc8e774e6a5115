"""Bots fill a match up to a number of players, and make room for people.

With three people in a match that is filled to eight, five bots play. A bot leaves in the tick in which a person comes,
so that a match is never larger than wanted because of bots; they come back one by one, and only after a while: who goes
may be back in a moment. People who are away count, as their place is kept.

Which bot goes is the game's to say (`spare`); who comes, the caller's (`make`). Not here: a match that is full, where
the roster takes a row from a bot for whoever joins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.game import Brain
from engine.server.session import ServerSession

BACK_AFTER = 3.0
"""Seconds between somebody's going and a bot in his stead, and between that one and the next."""


class BotFill:
    """Keeps `session` at `size` players, as long as bots can.

    make: a bot's name and mind by its number; the least number free is taken. spare: which of these player rows, all
    bots', can be missed best.
    """

    def __init__(
        self,
        session: ServerSession,
        size: int,
        make: Callable[[int], tuple[str, Brain]],
        spare: Callable[[Sequence[int]], int] = max,
    ) -> None:
        self.size = size
        """Players wanted; may be changed at any time."""
        self._session = session
        self._make = make
        self._spare = spare
        self._numbers: dict[int, int] = {}
        self._back_at = 0

    @property
    def wanted(self) -> int:
        """How many bots there should be."""
        return max(0, self.size - self._session.player_count - self._session.away_count)

    def fill(self) -> None:
        """Bring in all bots that are wanted, at once."""
        while self._session.bot_count < self.wanted and self._add():
            pass

    def update(self, now: float) -> None:
        """Let bots go that are too many, and one come back where it is time. Call it every tick, after its step."""
        session, wanted = self._session, self.wanted
        while session.bot_count > wanted:
            session.remove(self._spare(list(session.roster.bots)), "made room", now)
        tick = session.world.tick
        if session.bot_count >= wanted or (tick >= self._back_at and self._add()):
            self._back_at = tick + round(BACK_AFTER * session.match.tick_hz)

    def _add(self) -> bool:
        """Bring in a bot; tell whether there was room."""
        bots = self._session.roster.bots
        self._numbers = {row: number for row, number in self._numbers.items() if row in bots}
        taken = set(self._numbers.values())
        number = next(each for each in range(len(taken) + 1) if each not in taken)
        before = set(bots)
        if not self._session.add_bot(*self._make(number)):
            return False
        (row,) = set(bots) - before
        self._numbers[row] = number
        return True
