"""The channels of a session: what each carries, and what may be lost. Both sides use this one table.

match    reliable, ordered      welcome, roster, farewell: each makes sense only after the one before
events   reliable, unordered    game events and verdicts: each carries its own tick
chat     reliable, ordered      what players say; last, because everything else is more urgent
game     reliable, ordered      a game's own messages, unless it has channels of its own

A game that needs more, an unreliable channel or one for messages of up to 256 KiB, adds them by `with_channels`.
"""

from __future__ import annotations

from engine.link.channel_table import Channel, ChannelTable, Kind

MATCH = "match"
EVENTS = "events"
CHAT = "chat"
GAME = "game"

CHANNELS = ChannelTable(
    (
        Channel(MATCH, Kind.RELIABLE_ORDERED, priority=1),
        Channel(EVENTS, Kind.RELIABLE_UNORDERED),
        Channel(CHAT, Kind.RELIABLE_ORDERED, priority=-1),
        Channel(GAME, Kind.RELIABLE_ORDERED),
    )
)


def with_channels(*channels: Channel) -> ChannelTable:
    """Return the table with a game's own channels behind the engine's; both sides need the same."""
    return ChannelTable((*CHANNELS.channels, *channels))
