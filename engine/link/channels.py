"""Channels: a peer's messages, piggy-backed on the packets that flow anyway, with the promises of its table.

A reliable message is not acknowledged itself: the packets that carried it are (`engine.link.acks`), and the owner of
this object passes their fate on. So nothing travels back for a message, a loss is known one RTT after it happened, and
what is sent again is what is missing and still wanted, cut to the packet at hand, instead of an old packet.

The owner asks `pack` for the data of the next packet, naming its sequence; gives the received data to `unpack`; and
calls `on_acked` or `on_lost` for every packet whose fate it learns. Packets received must be unpacked once each, all of
them: `AckTable.receive` refuses duplicates, and what it accepted it acknowledges.

Channel data is one flat msgpack array of entries one after another. `c` is the channel's place in the table:

| entry                    | elements                              | in channels               |
|--------------------------|---------------------------------------|---------------------------|
| a message                | `2c`, bytes                           | unreliable                |
| a message                | `2c`, number, bytes                   | sequenced, reliable       |
| a slice of a message     | `2c + 1`, number, size, offset, bytes | reliable                  |

number: of the message within its channel and direction, from 0, mod 65536. size: of the whole message. offset: of the
slice's first byte. Slices may overlap and be cut differently when sent again.

A silent path gives no news of loss: then a packet is taken for lost after `TIMEOUT_RTTS` and a margin, what is sent
after that twice as late, and so on until an ack comes. Congestion is `engine.link.pacing`, packets above the datagram
size are `engine.link.fragments`, bounds and promises are declared in `engine.link.channel_table`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import msgpack

from engine.errors import ProtocolError
from engine.link.channel_table import Channel, ChannelTable, Kind
from engine.link.inbox import ReliableInbox, SequencedInbox
from engine.link.outbox import ChannelFull, Entries, Piece, ReliableOutbox, UnreliableOutbox

__all__ = ["Channel", "ChannelFull", "ChannelTable", "Channels", "Kind"]

TIMEOUT_RTTS = 1.5  # a later packet's ack tells of a loss after about one; this is for when none comes
TIMEOUT_MARGIN = 0.1  # s; two packets of a peer that sends 20 a second
TIMEOUT_MAX = 2.0  # s, however often it was doubled
INITIAL_RTT = 0.2  # s, before there is a sample

_ARRAY_HEAD_BYTES = 3  # of a msgpack array with up to 65535 elements; a packet has no room for more


class _Flight:
    """What a packet on its way carries."""

    __slots__ = ("backoff", "pieces", "sent_at", "settled")

    def __init__(self, pieces: list[Piece], sent_at: float, backoff: int) -> None:
        self.pieces = pieces
        self.sent_at = sent_at
        self.backoff = backoff  # what its time-out is multiplied by
        self.settled = False  # acknowledged, or its pieces are queued again


class Channels:
    """One peer's channels, both ways. `pending` tells whether `pack` is worth a call."""

    __slots__ = (
        "_backoff",
        "_by_priority",
        "_flights",
        "_inboxes",
        "_outboxes",
        "_timers",
        "broken",
        "pending",
        "table",
    )

    def __init__(self, table: ChannelTable) -> None:
        self.table = table
        self.pending = False  # something waits to be sent or to be known delivered
        self.broken = False  # the peer left parts of messages unfinished for too long; it is to be disconnected
        self._outboxes: list[UnreliableOutbox | ReliableOutbox] = [
            (ReliableOutbox if channel.kind.reliable else UnreliableOutbox)(place, channel)
            for place, channel in enumerate(table.channels)
        ]
        self._by_priority = [self._outboxes[place] for place in table.by_priority()]
        self._inboxes: list[ReliableInbox | SequencedInbox | None] = [_inbox(channel) for channel in table.channels]
        self._flights: dict[int, _Flight] = {}  # by the packet's sequence
        self._timers: deque[_Flight] = deque()  # the same, and settled ones, in sending order
        self._backoff = 1  # of packets to be sent; doubled when one sent with it times out

    @property
    def waiting(self) -> int:
        """Messages that wait to be sent, or to be known delivered."""
        return sum(map(len, self._outboxes))

    @property
    def held_bytes(self) -> int:
        """Bytes received that wait for others; at most the sum of the table's `window_bytes`."""
        return sum(box.held_bytes for box in self._inboxes if isinstance(box, ReliableInbox))

    @property
    def resent_bytes(self) -> int:
        """Bytes of reliable messages sent again so far."""
        return sum(box.resent_bytes for box in self._outboxes if isinstance(box, ReliableOutbox))

    @property
    def dropped(self) -> int:
        """Unreliable messages that were never sent: their queue overflowed, or no packet had room in time."""
        return sum(box.dropped for box in self._outboxes if isinstance(box, UnreliableOutbox))

    @property
    def needs(self) -> int:
        """Budget in bytes that the largest unreliable message at the head of its channel needs, 0 when none waits."""
        needs = max((box.needs for box in self._outboxes if isinstance(box, UnreliableOutbox)), default=0)
        return needs + _ARRAY_HEAD_BYTES if needs else 0

    def send(self, channel: str | int, message: bytes) -> None:
        """Queue `message` on `channel` (name or place).

        Raises ChannelFull when a reliable channel's queue is full, UsageError for a channel that is not in the table
        and a message of no bytes or too many.
        """
        self._outboxes[self.table.place(channel)].add(message)
        self.pending = True

    def pack(self, budget_bytes: int, sequence: int, now: float, rtt: float) -> bytes | None:
        """Return channel data of at most `budget_bytes` for the packet `sequence`, None when there is nothing to say.

        `rtt` is the path's smoothed round-trip time in seconds, nan when unknown. The packet must then be sent.
        """
        self._time_out(now, rtt)
        room = budget_bytes - _ARRAY_HEAD_BYTES
        entries: Entries = []
        carried: list[Piece] = []
        for box in self._by_priority:
            if not box.busy:
                continue
            if isinstance(box, ReliableOutbox):
                room = box.take(room, entries, carried)
            else:
                room = box.take(room, now, entries)
        if carried:
            flight = self._flights[sequence] = _Flight(carried, now, self._backoff)
            self._timers.append(flight)
        self._note_pending()
        return msgpack.packb(entries) if entries else None

    def pack_oversize(self, above_bytes: int) -> bytes | None:
        """Return channel data with one unreliable message for which `above_bytes` of budget do not do, if one is next.

        It is for a packet of its own, that goes as fragments. Nothing else rides on it: losing it is likelier.
        """
        for box in self._by_priority:
            if isinstance(box, UnreliableOutbox) and box.needs > above_bytes - _ARRAY_HEAD_BYTES:
                entries: Entries = []
                box.take_one(entries)
                self._note_pending()
                packed: bytes = msgpack.packb(entries)
                return packed
        return None

    def on_acked(self, sequence: int) -> None:
        """Note that the packet `sequence` was delivered."""
        flight = self._flights.pop(sequence, None)
        if flight is None:
            return
        flight.settled = True
        self._backoff = 1
        for box, message, start, end in flight.pieces:
            box.acknowledge(message, start, end)
        while self._timers and self._timers[0].settled:
            self._timers.popleft()
        self._note_pending()

    def on_lost(self, sequence: int) -> None:
        """Note that the packet `sequence` was lost."""
        flight = self._flights.pop(sequence, None)
        if flight is not None:
            _queue_again(flight)

    def unpack(self, entries: object, now: float) -> list[tuple[int, bytes]]:
        """Return the messages, `(place of the channel, bytes)`, that received data completes, in promised order.

        `entries` is what msgpack made of the bytes and is not trusted. Raises ProtocolError: "channel-data" when it is
        not what the table above says, others as in `engine.link.inbox`, and "channel-stalled" once `broken`. A peer
        that sent such data has forfeited the promises.
        """
        if not isinstance(entries, list | tuple):
            raise ProtocolError("channel-data", f"{type(entries).__name__} is no array")
        if self.expire(now):
            raise ProtocolError("channel-stalled", "parts of messages were left unfinished")
        delivered: list[tuple[int, bytes]] = []
        at, count = 0, len(entries)
        while at < count:
            place, sliced = divmod(_integer(entries, at), 2)
            if not 0 <= place < len(self._inboxes):
                raise ProtocolError("channel-data", f"channel {place} of {len(self._inboxes)}")
            inbox = self._inboxes[place]
            if isinstance(inbox, ReliableInbox):
                number = _number(entries, at + 1)
                part = _bytes(entries, at + 4 if sliced else at + 2)
                size, start = (_integer(entries, at + 2), _integer(entries, at + 3)) if sliced else (len(part), 0)
                delivered += [(place, message) for message in inbox.accept(number, size, start, part, now)]
                at += 5 if sliced else 3
                continue
            if sliced:
                raise ProtocolError("channel-data", f"a slice in channel {place}")
            at += 2 if inbox is None else 3
            message = _bytes(entries, at - 1)
            if not 0 < len(message) <= self.table.channels[place].max_message_bytes:
                raise ProtocolError("channel-message", f"{self.table.channels[place].name}: {len(message)} bytes")
            if inbox is None or inbox.accept(_number(entries, at - 2)):
                delivered.append((place, message))
        return delivered

    def expire(self, now: float) -> bool:
        """Let go of messages whose sender has stalled; tell whether that happened, now or before (`broken`).

        Part of a reliable message was acknowledged and is never sent again: the channel cannot be mended, so the peer
        is to be disconnected. Called by `unpack`; call it now and then on a silent peer.
        """
        if not self.broken:
            self.broken = any(box.stalled(now) for box in self._inboxes if isinstance(box, ReliableInbox))
            if self.broken:
                for box in self._inboxes:
                    if isinstance(box, ReliableInbox):
                        box.clear()
        return self.broken

    def _time_out(self, now: float, rtt: float) -> None:
        """Queue again what was sent too long ago for no news to be good news."""
        if math.isnan(rtt):
            rtt = INITIAL_RTT
        timeout = TIMEOUT_RTTS * rtt + TIMEOUT_MARGIN
        while self._timers:
            flight = self._timers[0]
            if not flight.settled:
                backoff = min(flight.backoff, self._backoff)  # an ack has come since: the path lives
                if now - flight.sent_at < min(timeout * backoff, TIMEOUT_MAX):
                    break
                if flight.backoff == self._backoff:
                    self._backoff *= 2
                _queue_again(flight)
            self._timers.popleft()

    def _note_pending(self) -> None:
        self.pending = any(box.busy for box in self._outboxes)


def _queue_again(flight: _Flight) -> None:
    if not flight.settled:
        flight.settled = True
        for box, message, start, end in flight.pieces:
            box.lose(message, start, end)


def _inbox(channel: Channel) -> ReliableInbox | SequencedInbox | None:
    if channel.kind.reliable:
        return ReliableInbox(channel)
    return SequencedInbox() if channel.kind is Kind.UNRELIABLE_SEQUENCED else None


def _integer(entries: Sequence[object], at: int) -> int:
    value = entries[at] if at < len(entries) else None
    if type(value) is not int:
        raise ProtocolError("channel-data", f"element {at} of {len(entries)} is {type(value).__name__}, no integer")
    return value


def _number(entries: Sequence[object], at: int) -> int:
    number = _integer(entries, at)
    if not 0 <= number <= 0xFFFF:
        raise ProtocolError("channel-data", f"message number {number}")
    return number


def _bytes(entries: Sequence[object], at: int) -> bytes:
    value = entries[at] if at < len(entries) else None
    if type(value) is not bytes:
        raise ProtocolError("channel-data", f"element {at} of {len(entries)} is {type(value).__name__}, no bytes")
    return value
