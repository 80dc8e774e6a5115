"""The channels of a session: what each carries, and what may be lost. Both sides use this one table.

match    reliable, ordered      welcome, roster, farewell: each makes sense only after the one before
events   reliable, unordered    game events and verdicts: each carries its own tick
"""

from __future__ import annotations

from engine.link.channels import Channel, ChannelKind

MATCH = "match"
EVENTS = "events"

CHANNELS = (
    Channel(MATCH, ChannelKind.RELIABLE_ORDERED),
    Channel(EVENTS, ChannelKind.RELIABLE_UNORDERED),
)
