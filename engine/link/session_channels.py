"""The channels of a session: what each carries, and what may be lost. Both sides use this one table.

match    reliable, ordered      welcome, roster, farewell: each makes sense only after the one before
events   reliable, unordered    game events and verdicts: each carries its own tick
"""

from __future__ import annotations

from engine.link.channel_table import Channel, ChannelTable, Kind

MATCH = "match"
EVENTS = "events"

CHANNELS = ChannelTable(
    (
        Channel(MATCH, Kind.RELIABLE_ORDERED, priority=1),
        Channel(EVENTS, Kind.RELIABLE_UNORDERED),
    )
)
