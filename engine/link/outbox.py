"""The sending side of one channel: its bounded queue, and what of it goes into the packet being filled.

Entries are appended to the flat array that `engine.link.channels` describes. A reliable message stays until all its
bytes are known delivered. It goes whole when it fits the room left in the packet, else in slices cut to that room; what
was in a lost packet is taken up again before anything new, cut anew as the room demands. So slices need no fixed size,
a packet beside a snapshot is filled to its last byte, and a path with a smaller MTU is served by the same code.
"""

from __future__ import annotations

from collections import deque

from engine.errors import UsageError
from engine.link.channel_table import WINDOW_MESSAGES, Channel, Kind
from engine.link.coverage import Coverage

SLICE_MIN_BYTES = 64  # a smaller piece of a message is not worth its header; it waits for the next packet
UNSENT_MAX_AGE = 1.0  # s that an unreliable message waits at the head for a packet with room for it

_BIN_HEAD_BYTES = 3  # of a slice below 64 KiB; one below 256 bytes has two and leaves a byte of room

Entries = list[int | bytes]


class ChannelFull(UsageError):
    """The bounded queue of a reliable channel is full: the caller sends faster than the path delivers."""

    def __init__(self, channel: Channel, messages: int, queued_bytes: int) -> None:
        super().__init__(
            f"channel {channel.name!r} is full: {messages} messages, {queued_bytes} bytes are not delivered "
            f"(bounds {channel.queue_messages}, {channel.queue_bytes})"
        )
        self.channel = channel.name


def check_message(channel: Channel, message: bytes) -> None:
    """Raise UsageError when `message` is empty or too large for `channel`."""
    if not 0 < len(message) <= channel.max_message_bytes:
        raise UsageError(
            f"a message of {len(message)} bytes for channel {channel.name!r}: 1 to {channel.max_message_bytes}"
        )


def uint_bytes(value: int) -> int:
    """Return the size of `value` (below 2**32) in msgpack."""
    return 1 if value < 0x80 else 2 if value < 0x100 else 3 if value < 0x10000 else 5


def bin_bytes(size: int) -> int:
    """Return the size in msgpack of `size` bytes."""
    return size + (2 if size < 0x100 else 3 if size < 0x10000 else 5)


class UnreliableOutbox:
    """Messages that go once, oldest first; one that finds no room holds up its own channel alone."""

    __slots__ = ("_channel", "_numbered", "_place", "_queue", "_queued_bytes", "_sent", "_stuck_since", "dropped")

    def __init__(self, place: int, channel: Channel) -> None:
        self._place = place
        self._channel = channel
        self._numbered = channel.kind is Kind.UNRELIABLE_SEQUENCED
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._sent = 0  # the number of the message at the head
        self._stuck_since: float | None = None  # when the head first found no room
        self.dropped = 0  # messages that were never sent: the queue overflowed, or no packet had room in time

    @property
    def busy(self) -> bool:
        """Whether messages wait."""
        return bool(self._queue)

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def needs(self) -> int:
        """Bytes of the entry of the message at the head, 0 when there is none."""
        return self._cost(self._queue[0]) if self._queue else 0

    def add(self, message: bytes) -> None:
        """Queue `message`; the oldest ones give way."""
        check_message(self._channel, message)
        self._queue.append(message)
        self._queued_bytes += len(message)
        while len(self._queue) > self._channel.queue_messages or self._queued_bytes > self._channel.queue_bytes:
            self._pop()
            self.dropped += 1

    def take(self, room: int, now: float, entries: Entries) -> int:
        """Append what fits into `room` bytes to `entries`; return the room left."""
        while (cost := self.needs) and cost <= room:
            self.take_one(entries)
            room -= cost
        if self._queue:
            if self._stuck_since is None:
                self._stuck_since = now
            elif now - self._stuck_since >= UNSENT_MAX_AGE:
                self._pop()
                self.dropped += 1
        return room

    def take_one(self, entries: Entries) -> None:
        """Append the message at the head to `entries`."""
        entries.append(self._place * 2)
        if self._numbered:
            entries.append(self._sent & 0xFFFF)
        entries.append(self._pop())

    def _cost(self, message: bytes) -> int:
        return 1 + (uint_bytes(self._sent & 0xFFFF) if self._numbered else 0) + bin_bytes(len(message))

    def _pop(self) -> bytes:
        message = self._queue.popleft()
        self._queued_bytes -= len(message)
        self._sent += 1
        self._stuck_since = None
        return message


class Outgoing:
    """A reliable message on its way."""

    __slots__ = ("_coverage", "cut", "data", "done", "number")

    def __init__(self, number: int, data: bytes) -> None:
        self.number = number
        self.data = data
        self.cut = 0  # every byte before was sent once
        self.done = False  # every byte is known delivered
        self._coverage: Coverage | None = None  # only for a message that went in slices

    def acknowledge(self, start: int, end: int) -> None:
        """Note that bytes `[start, end)` were delivered."""
        if end - start == len(self.data):
            self.done = True
        elif not self.done:
            if self._coverage is None:
                self._coverage = Coverage(len(self.data))
            self._coverage.add(start, end)
            self.done = self._coverage.left == 0

    def missing(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return what of `[start, end)` is not known delivered."""
        if self.done:
            return []
        return [(start, end)] if self._coverage is None else self._coverage.gaps(start, end)


Piece = tuple["ReliableOutbox", Outgoing, int, int]  # bytes [start, end) of a message, as a packet carries them


class ReliableOutbox:
    """Messages that stay until they are delivered; `queue` bounds hold all of them, sent or not."""

    __slots__ = (
        "_again",
        "_begun",
        "_begun_bytes",
        "_channel",
        "_next_number",
        "_place",
        "_queued_bytes",
        "_waiting",
        "resent_bytes",
    )

    def __init__(self, place: int, channel: Channel) -> None:
        self._place = place
        self._channel = channel
        self._waiting: deque[Outgoing] = deque()  # nothing of them was sent
        self._begun: deque[Outgoing] = deque()  # from the oldest not delivered on; the last one may be half sent
        self._begun_bytes = 0
        self._again: deque[tuple[Outgoing, int, int]] = deque()  # was in packets that are lost
        self._next_number = 0
        self._queued_bytes = 0
        self.resent_bytes = 0

    @property
    def busy(self) -> bool:
        """Whether a message is not known delivered."""
        return bool(self._begun or self._waiting)

    def __len__(self) -> int:
        return len(self._begun) + len(self._waiting)

    def add(self, message: bytes) -> None:
        """Queue `message`. Raises ChannelFull."""
        check_message(self._channel, message)
        messages = len(self._begun) + len(self._waiting)
        if messages >= self._channel.queue_messages or self._queued_bytes + len(message) > self._channel.queue_bytes:
            raise ChannelFull(self._channel, messages, self._queued_bytes)
        self._waiting.append(Outgoing(self._next_number, message))
        self._next_number += 1
        self._queued_bytes += len(message)

    def take(self, room: int, entries: Entries, carried: list[Piece]) -> int:
        """Append what fits into `room` bytes to `entries`, and note it in `carried`; return the room left."""
        while self._again:
            message, start, end = self._again.popleft()
            left = message.missing(start, end)
            while left:
                start, end = left.pop(0)
                cut, room = self._put(message, start, end, room, entries, carried)
                self.resent_bytes += cut - start
                if cut < end:
                    self._again.extendleft((message, *gap) for gap in reversed([(cut, end), *left]))
                    return room
        if self._begun:  # the last one may be half sent
            message = self._begun[-1]
            message.cut, room = self._put(message, message.cut, len(message.data), room, entries, carried)
            if message.cut < len(message.data):
                return room
        while self._may_begin():
            message = self._waiting[0]
            message.cut, room = self._put(message, 0, len(message.data), room, entries, carried)
            if message.cut == 0:
                break
            self._begun.append(self._waiting.popleft())
            self._begun_bytes += len(message.data)
            if message.cut < len(message.data):
                break
        return room

    def acknowledge(self, message: Outgoing, start: int, end: int) -> None:
        """Note that a packet with bytes `[start, end)` of `message` was delivered."""
        message.acknowledge(start, end)
        while self._begun and self._begun[0].done:
            delivered = self._begun.popleft()
            self._begun_bytes -= len(delivered.data)
            self._queued_bytes -= len(delivered.data)
        if not self._begun:
            self._again.clear()

    def lose(self, message: Outgoing, start: int, end: int) -> None:
        """Note that a packet with bytes `[start, end)` of `message` was lost: they are sent again."""
        if not message.done:
            self._again.append((message, start, end))

    def _may_begin(self) -> bool:
        """Tell whether the first message that waits is within the receiver's window."""
        if not self._waiting:
            return False
        if not self._begun:
            return True
        message = self._waiting[0]
        return (
            message.number - self._begun[0].number < WINDOW_MESSAGES
            and self._begun_bytes + len(message.data) <= self._channel.window_bytes
        )

    def _put(
        self, message: Outgoing, start: int, end: int, room: int, entries: Entries, carried: list[Piece]
    ) -> tuple[int, int]:
        """Append bytes of `message` from `start`, up to `end`, that fit; return where they end and the room left."""
        if start == end:
            return start, room
        size, number = len(message.data), message.number & 0xFFFF
        head = 1 + uint_bytes(number)
        if end - start == size:
            cost = head + bin_bytes(size)
            if cost <= room:
                entries += (self._place * 2, number, message.data)
                carried.append((self, message, 0, size))
                return size, room - cost
        head += uint_bytes(size) + uint_bytes(start)
        fits = min(room - head - _BIN_HEAD_BYTES, end - start, 0xFFFF)
        if fits < min(SLICE_MIN_BYTES, end - start):
            return start, room
        part = message.data[start : start + fits]
        entries += (self._place * 2 + 1, number, size, start, part)
        carried.append((self, message, start, start + fits))
        return start + fits, room - head - bin_bytes(fits)
