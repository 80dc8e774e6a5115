"""Who is in a match, as its recorder was told: names, bots, and those who are waited for."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.errors import UsageError
from engine.identity import clean_name
from engine.replay.reader import Replay
from engine.wire.messages import PlayerAway, PlayerJoined, PlayerLeft


@dataclass(slots=True)
class Present:
    """Who is in the match: names by player row, and the rows of bots and of those who are waited for."""

    names: dict[int, str] = field(default_factory=dict)
    bots: set[int] = field(default_factory=set)
    away: set[int] = field(default_factory=set)

    def hear(self, message: object) -> None:
        """Take what was told; most of it is about something else."""
        match message:
            case PlayerJoined(row, name, bot):
                self.names[row] = shown_name(name)
                (self.bots.add if bot else self.bots.discard)(row)
            case PlayerLeft(row):
                self.names.pop(row, None)
                self.bots.discard(row)
                self.away.discard(row)
            case PlayerAway(row, gone):
                (self.away.add if gone else self.away.discard)(row)


def present_at(replay: Replay, number: int) -> Present:
    """Return who is in the match when chunk `number` begins. Raises UsageError where it can't be read."""
    here = Present()
    for told in replay.roster(number):
        here.hear(told.message)
    return here


def shown_name(name: str) -> str:
    """Return a name fit to be shown: a file is a stranger too."""
    try:
        return clean_name(name)
    except UsageError:
        return "?"
