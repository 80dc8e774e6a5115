"""What peers are told besides snapshots: messages into their channels, the game's events, and verdicts on shots.

Nothing is sent from here: a message waits in the channels of each peer it is for, until a packet has room. A peer that
has taken nothing for so long that what it must know no longer fits is noted as behind (`Peers.behind`).

A recorder, where there is one, is told what all are told, and of events, verdicts and the game's own messages also what
one is. What is between the server and one peer (its `Welcome`, its farewell) it is not told.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.game import GameEvent, Verdict
from engine.link.channels import ChannelFull
from engine.link.session_channels import CHAT, EVENTS, MATCH
from engine.server.peers import Peer, Peers
from engine.wire.messages import Happened, Judged, Registry, Said
from engine.wire.recorder import Recorder
from engine.world.picture import VIEW_UNITS
from engine.world.table import World


class Teller:
    """See the module. `messages` are those both sides speak."""

    def __init__(self, peers: Peers, world: World, messages: Registry) -> None:
        self.recorder: Recorder | None = None
        self._peers = peers
        self._world = world
        self._messages = messages

    def tell(self, peers: Iterable[Peer], channel: str | int, message: object) -> None:
        """Give `message` to `peers`. Raises UsageError for one that is not registered, or too large for `channel`."""
        data = self._messages.encode(message)
        for peer in peers:
            try:
                peer.channels.send(channel, data)
            except ChannelFull:
                self._peers.behind.add(peer.slot)

    def tell_all(self, message: object) -> None:
        """Give everyone a message about the match."""
        self.tell(self._peers, MATCH, message)
        self._record(self._world.tick, message)

    def tell_of_game(self, channel: str | int, message: object, row: int | None) -> bool:
        """Give one of the game's messages to who plays `row`, or to everyone (None); tell whether there is anybody."""
        peer = None if row is None else self._peers.in_row(row)
        if row is not None and peer is None:
            return False
        self.tell(self._peers if peer is None else [peer], channel, message)
        self._record(self._world.tick, message, row)
        return True

    def said(self, peers: Iterable[Peer], said: Said) -> None:
        """Give a line of chat to those who may hear it."""
        self.tell(peers, CHAT, said)
        self._record(self._world.tick, said)

    def happened(self, events: Iterable[GameEvent]) -> None:
        """Give the game's events to those they are for."""
        for event in events:
            message = Happened(event.tick, event.code, event.args)
            self._record(event.tick, message, event.to)
            if event.to is None:
                self.tell(self._peers, EVENTS, message)
            elif (peer := self._peers.in_row(event.to)) is not None:
                self.tell([peer], EVENTS, message)

    def judged(self, verdicts: Iterable[Verdict]) -> None:
        """Give each verdict to its shooter."""
        for verdict in verdicts:
            peer = self._peers.in_row(verdict.shooter)
            if peer is None and self.recorder is None:
                continue
            message = Judged(
                tick=verdict.tick,
                hit=-1 if verdict.hit is None else verdict.hit,
                reason=verdict.reason,
                claimed_age=round(verdict.claimed_age * VIEW_UNITS),
                allowed_age=round(verdict.allowed_age * VIEW_UNITS),
                clamped=verdict.clamped,
            )
            self._record(verdict.tick, message, verdict.shooter)
            if peer is not None:
                self.tell([peer], EVENTS, message)

    def _record(self, tick: int, message: object, to: int | None = None) -> None:
        if self.recorder is not None:
            self.recorder.message(tick, message, to)
