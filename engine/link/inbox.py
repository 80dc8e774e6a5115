"""The receiving side of one channel: duplicates out, slices together, order kept, memory bounded.

Numbers are 16 bits on the wire and unwrapped here, to the one nearest the lowest that is missing. The sender keeps what
it has begun within `WINDOW_MESSAGES` numbers and `Channel.window_bytes` bytes of the oldest not known delivered, which
is never ahead of our lowest missing one: so an honest peer never exceeds the same bounds here, and a peer that does has
broken the protocol. Those bounds are checked before anything is allocated.
"""

from __future__ import annotations

from engine.errors import ProtocolError
from engine.link.channel_table import WINDOW_MESSAGES, Channel, Kind
from engine.link.coverage import Coverage

STALL = 60.0  # s without any progress while parts of messages are held; the sender has given up, whatever it says


class SequencedInbox:
    """Newest wins: what is older than the newest message seen is dropped."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0  # one past the newest seen

    def accept(self, number: int) -> bool:
        """Tell whether the message `number` (16 bits) is newer than all before it."""
        ahead = _ahead(number, self._next)
        if ahead < 0:
            return False
        self._next += ahead + 1
        return True


class _Partial:
    """A message of which some bytes are here."""

    __slots__ = ("coverage", "data")

    def __init__(self, size: int) -> None:
        self.data = bytearray(size)
        self.coverage = Coverage(size)


class ReliableInbox:
    """Each message once; in an ordered channel, each after the one before it."""

    __slots__ = ("_channel", "_complete", "_held_bytes", "_next", "_ordered", "_partials", "_progress_at")

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._ordered = channel.kind is Kind.RELIABLE_ORDERED
        self._next = 0  # the lowest message that is not complete
        self._complete: dict[int, bytes] = {}  # beyond it; no bytes when unordered, they were delivered
        self._partials: dict[int, _Partial] = {}
        self._held_bytes = 0
        self._progress_at = 0.0

    @property
    def held_bytes(self) -> int:
        """Bytes of messages that are incomplete or wait for an earlier one."""
        return self._held_bytes

    def stalled(self, now: float) -> bool:
        """Tell whether memory is held and nothing has come for `STALL` seconds."""
        return bool(self._held_bytes) and now - self._progress_at >= STALL

    def clear(self) -> None:
        """Let go of all that is held."""
        self._complete.clear()
        self._partials.clear()
        self._held_bytes = 0

    def accept(self, number: int, size: int, start: int, part: bytes, now: float) -> list[bytes]:
        """Take bytes of message `number` (16 bits), `part` from `start` on of `size`; return messages to deliver.

        Raises ProtocolError "channel-message" for a size or range out of bounds, "channel-window" for a number and
        "channel-memory" for a size beyond the window.
        """
        channel = self._channel
        if not (0 < size <= channel.max_message_bytes and part and 0 <= start <= size - len(part)):
            raise ProtocolError("channel-message", f"{channel.name}: {len(part)} bytes at {start} of {size}")
        number = self._next + _ahead(number, self._next)
        if number >= self._next + WINDOW_MESSAGES:
            raise ProtocolError("channel-window", f"{channel.name}: message {number}, {self._next} is missing")
        if number < self._next or number in self._complete:
            return []
        partial = self._partials.get(number)
        if partial is not None and len(partial.data) != size:
            raise ProtocolError("channel-message", f"{channel.name}: {size} bytes that were {len(partial.data)}")
        message = part
        if len(part) < size:
            if partial is None:
                self._hold(size)
                partial = self._partials[number] = _Partial(size)
                self._progress_at = now
            if partial.coverage.add(start, start + len(part)):
                partial.data[start : start + len(part)] = part
                self._progress_at = now
            if partial.coverage.left:
                return []
            message = bytes(partial.data)
        if partial is not None:
            del self._partials[number]
            self._held_bytes -= size
        return self._deliver(number, message, now)

    def _deliver(self, number: int, message: bytes, now: float) -> list[bytes]:
        """Return what can be delivered now that `message` is complete."""
        self._progress_at = now
        if number > self._next:
            if self._ordered:
                self._hold(len(message))
                self._complete[number] = message
                return []
            self._complete[number] = b""
            return [message]
        delivered = [message]
        self._next += 1
        while (waiting := self._complete.pop(self._next, None)) is not None:
            self._next += 1
            if self._ordered:
                self._held_bytes -= len(waiting)
                delivered.append(waiting)
        return delivered

    def _hold(self, size: int) -> None:
        """Account for `size` bytes more. Raises ProtocolError when that is beyond the window."""
        if self._held_bytes + size > self._channel.window_bytes:
            raise ProtocolError(
                "channel-memory", f"{self._channel.name}: {self._held_bytes} and {size} bytes of parts of messages"
            )
        self._held_bytes += size


def _ahead(number: int, expected: int) -> int:
    """Return how far the 16-bit `number` is ahead of the unwrapped `expected`, -32768..32767, the nearest way round."""
    return (number - expected + 0x8000 & 0xFFFF) - 0x8000
