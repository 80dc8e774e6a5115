"""What the server tells a player besides snapshots: who is there, what was said, what happened, how shots were judged.

A server is a stranger too: what it says is taken as far as it is fit to be seen, and no more of it is kept than a
screen can show. Here is what can be read at any time; what begins or ends a session is the session's own.
"""

from __future__ import annotations

from collections import deque

from engine.errors import ProtocolError, UsageError
from engine.game import GameEvent
from engine.identity import clean_name
from engine.text import clean_line, printable
from engine.wire.messages import (
    MAX_CHAT,
    Happened,
    Judged,
    Notice,
    PlayerAway,
    PlayerJoined,
    PlayerLeft,
    Registry,
    Said,
)

_EVENTS_KEPT = 512
_NOTICES_KEPT = 16
_CHAT_KEPT = 64
_MESSAGES_KEPT = 1024


class News:
    """See the module. registry: the messages there are, the game's own among them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.names: dict[int, str] = {}
        self.bots: set[int] = set()
        self.away: set[int] = set()
        """Rows whose player lost its connection and is waited for."""
        self._events: deque[GameEvent] = deque(maxlen=_EVENTS_KEPT)
        self._verdicts: deque[Judged] = deque(maxlen=_EVENTS_KEPT)
        self._notices: deque[str] = deque(maxlen=_NOTICES_KEPT)
        self._chat: deque[Said] = deque(maxlen=_CHAT_KEPT)
        self._messages: list[object] = []

    def take(self, message: object, rows: int) -> None:
        """Take a message; there are `rows` player rows, 0 before the match is known. Raises ProtocolError."""
        if isinstance(message, PlayerJoined):
            self._join(message, rows)
        elif isinstance(message, PlayerLeft):
            self.names.pop(message.row, None)
            self.bots.discard(message.row)
            self.away.discard(message.row)
        elif isinstance(message, PlayerAway):
            if message.row not in self.names:
                raise ProtocolError("bad-row", f"row {message.row} is away")
            (self.away.add if message.away else self.away.discard)(message.row)
        elif isinstance(message, Notice):
            self._notices.append(printable(message.text))
        elif isinstance(message, Said):
            self._hear(message)
        elif isinstance(message, Happened):
            self._events.append(GameEvent(message.tick, message.code, message.args))
        elif isinstance(message, Judged):
            self._verdicts.append(message)
        elif self._registry.is_of_game(message):
            if len(self._messages) == _MESSAGES_KEPT:
                raise ProtocolError("too-many-messages", type(message).__name__)
            self._messages.append(message)
        else:
            raise ProtocolError("unexpected-message", type(message).__name__)

    def _join(self, joined: PlayerJoined, rows: int) -> None:
        if not 0 <= joined.row < rows:
            raise ProtocolError("bad-row", f"row {joined.row} has joined")
        self.names[joined.row] = _name(joined.name)
        if joined.bot:
            self.bots.add(joined.row)
        else:
            self.bots.discard(joined.row)

    def _hear(self, said: Said) -> None:
        text, name = clean_line(said.text, MAX_CHAT), _name(said.name)
        if not text:
            raise ProtocolError("chat-empty")
        self._chat.append(Said(said.row, name, text, said.team))

    def labels(self) -> dict[int, str]:
        """Return the names as they are to be shown: whoever is away is marked so."""
        if not self.away:
            return self.names
        return {row: f"{name} (away)" if row in self.away else name for row, name in self.names.items()}

    def events(self, until: float) -> list[GameEvent]:
        """Return the events up to the tick `until`, oldest first, each once."""
        due = [event for event in self._events if event.tick <= until]
        for event in due:
            self._events.remove(event)
        return sorted(due, key=lambda event: event.tick)

    def verdicts(self) -> list[Judged]:
        """Return the verdicts since the last call."""
        verdicts = list(self._verdicts)
        self._verdicts.clear()
        return verdicts

    def notices(self) -> list[str]:
        """Return the notices since the last call."""
        notices = list(self._notices)
        self._notices.clear()
        return notices

    def chat(self) -> list[Said]:
        """Return what was said since the last call."""
        lines = list(self._chat)
        self._chat.clear()
        return lines

    def messages(self) -> list[object]:
        """Return the game's messages since the last call."""
        messages, self._messages = self._messages, []
        return messages


def _name(text: str) -> str:
    """Return a name that is fit to be seen. Raises ProtocolError."""
    try:
        return clean_name(text)
    except UsageError as error:
        raise ProtocolError("bad-name", str(error)) from error
