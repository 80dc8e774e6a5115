"""Arena's own messages, besides its state and events: what the engine measures, and players want to see of each other.

The registry of both sides is `ENGINE_MESSAGES.with_types(MESSAGES)`; on the wire they are as docs/PROTOCOL.md says.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import UsageError

MAX_PING_MS = 9999
"""Milliseconds told at most: nobody plays on more."""


@dataclass(frozen=True, slots=True)
class Pings:
    """The round trip times of everyone who plays over the network, once a second, for the scoreboard.

    rows: player rows. ms: milliseconds, one for each. Raises UsageError where they don't fit together.
    """

    rows: tuple[int, ...]
    ms: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.ms) or any(row < 0 for row in self.rows):
            raise UsageError(f"{len(self.rows)} rows and {len(self.ms)} times")
        if any(not 0 <= ms <= MAX_PING_MS for ms in self.ms):
            raise UsageError(f"times are 0 to {MAX_PING_MS} ms, got {self.ms}")

    @classmethod
    def of(cls, seconds: dict[int, float]) -> Pings:
        """Return the message for round trip times in seconds by player row."""
        return cls(tuple(seconds), tuple(min(round(each * 1000), MAX_PING_MS) for each in seconds.values()))


MESSAGES: dict[int, type] = {32: Pings}
"""By id."""
