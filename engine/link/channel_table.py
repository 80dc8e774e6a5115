"""The channels of a game, declared: name, promise, priority and bounds.

Both ends are given the same table; a channel is its place in it on the wire. What the promises mean:

| kind                 | arrives      | in order                                      | a full queue       |
|----------------------|--------------|-----------------------------------------------|--------------------|
| UNRELIABLE           | at most once | no                                            | drops its oldest   |
| UNRELIABLE_SEQUENCED | at most once | yes: what is older than the newest is dropped | drops its oldest   |
| RELIABLE_UNORDERED   | exactly once | no                                            | raises ChannelFull |
| RELIABLE_ORDERED     | exactly once | yes: waits for the missing ones               | raises ChannelFull |

Waiting stays inside a channel: a lost message of one delays no other channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from engine.errors import UsageError

CHANNELS_MAX = 64  # so that a channel and its slice mark are one byte of msgpack
RELIABLE_MAX_BYTES = 256 * 1024  # of a message: a map, a scoreboard, a replay header; more is a download, not a message
UNRELIABLE_MAX_BYTES = 64 * 1024  # of a message: some sixty fragments, of which none may be lost
WINDOW_MESSAGES = 512  # reliable messages in flight per channel; the receiver remembers no more than that
WINDOW_BYTES = 64 * 1024  # of reliable messages in flight per channel besides the largest one: 5 Mbit/s at 100 ms


class Kind(Enum):
    """What a channel promises."""

    UNRELIABLE = "unreliable"
    UNRELIABLE_SEQUENCED = "unreliable-sequenced"
    RELIABLE_UNORDERED = "reliable-unordered"
    RELIABLE_ORDERED = "reliable-ordered"

    @property
    def reliable(self) -> bool:
        """Whether what is sent arrives, as long as the connection lives."""
        return self in (Kind.RELIABLE_UNORDERED, Kind.RELIABLE_ORDERED)


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a table.

    `priority`: a higher one is packed first, strictly; among equals the table's order holds. `max_message_bytes` bounds
    what is sent and what is accepted. The queue's bounds hold what is not yet delivered (reliable) or not yet sent.
    """

    name: str
    kind: Kind
    priority: int = 0
    max_message_bytes: int = 1024  # chat, events, match state; raise it for a channel that carries maps
    queue_messages: int = 1024
    queue_bytes: int = 1024 * 1024

    def __post_init__(self) -> None:
        most = RELIABLE_MAX_BYTES if self.kind.reliable else UNRELIABLE_MAX_BYTES
        if not self.name or not 0 < self.max_message_bytes <= most:
            raise UsageError(f"channel {self.name!r}: messages of {self.max_message_bytes} bytes (1 to {most})")
        if self.queue_messages < 1 or self.queue_bytes < self.max_message_bytes:
            raise UsageError(
                f"channel {self.name!r}: a queue of {self.queue_messages} messages, {self.queue_bytes} bytes does not "
                f"hold one of {self.max_message_bytes} bytes"
            )

    @property
    def window_bytes(self) -> int:
        """Bytes of messages begun and not delivered; the sender keeps to it, the receiver's memory is bounded by it."""
        return self.max_message_bytes + WINDOW_BYTES


class ChannelTable:
    """The channels of a connection by place and by name; make it once and give it to every peer's `Channels`."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self.channels = tuple(channels)
        self._places = {channel.name: place for place, channel in enumerate(self.channels)}
        if not 0 < len(self.channels) <= CHANNELS_MAX:
            raise UsageError(f"{len(self.channels)} channels: 1 to {CHANNELS_MAX}")
        if len(self._places) != len(self.channels):
            raise UsageError(f"channel names repeat in {[channel.name for channel in self.channels]}")

    def __len__(self) -> int:
        return len(self.channels)

    def place(self, channel: str | int) -> int:
        """Return the place of a channel by name or place. Raises UsageError when there is none."""
        place = self._places.get(channel, -1) if isinstance(channel, str) else channel
        if not 0 <= place < len(self.channels):
            raise UsageError(f"no channel {channel!r} among {list(self._places)}")
        return place

    def by_priority(self) -> list[int]:
        """Return the places in the order in which channels are packed."""
        return sorted(range(len(self.channels)), key=lambda place: -self.channels[place].priority)
