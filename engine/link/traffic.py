"""What one peer is sent beside snapshots and inputs: its channels, in the room that packets leave and in packets more.

Both sides of a session use it, and it makes and reads bodies: what a channel block is behind its type is `channels`.

- `block` fills the room that a packet leaves. Small messages never need more, so nothing is sent for them alone.
- `packets` makes further packets when that was not enough: the fragments of one message too large for a packet, one
  message at a time, and then packets full of slices and messages. They go as far as the peer's budget has something to
  spare besides its next snapshot; what is left waits for the next tick. Fragments that were begun go before all else,
  because the receiver does not wait for the rest for long.

Received datagrams go through `whole`: a fragment gives the packet it completes, or nothing.
"""

from __future__ import annotations

from collections import deque

from engine.link.channels import Channels, ChannelTable
from engine.link.fragments import Reassembler, fragment_bytes_within, split
from engine.link.header import encode_header, is_fragment
from engine.link.paths import HEADER_BYTES, Paths

FULL_MARGIN = 128
"""Bytes; a block that leaves no more of its room free has perhaps not said all: a slice does not go in less."""


class Traffic:
    """The channels of the peer in `slot`, and its fragments both ways.

    kind: the byte that goes before channel data in a body. packets_max: further packets per call of `packets`, so many
    that the acknowledgements, which tell of 32, keep up.
    """

    __slots__ = ("_expect_more", "_fragments", "_kind", "_packets_max", "_paths", "_reassembler", "_slot", "channels")

    def __init__(self, paths: Paths, slot: int, table: ChannelTable, kind: int, packets_max: int) -> None:
        self.channels = Channels(table)
        self._paths = paths
        self._slot = slot
        self._kind = bytes([kind])
        self._packets_max = packets_max
        self._expect_more = False  # the last block was as large as its room
        self._fragments: deque[bytes] = deque()  # of a packet that was begun
        self._reassembler = Reassembler()

    @property
    def pending(self) -> bool:
        """Whether something waits to be sent, or to be known delivered."""
        return self.channels.pending or bool(self._fragments)

    def whole(self, datagram: bytes, now: float) -> bytes | None:
        """Return the packet that `datagram` is or completes; None for a fragment of which others are missing.

        Raises ProtocolError as `Reassembler.receive` does.
        """
        return self._reassembler.receive(datagram, now) if is_fragment(datagram) else datagram

    def expire(self, now: float) -> bool:
        """Let go of what will not be completed; tell whether the peer has thereby broken the channels."""
        self._reassembler.expire(now)
        return self.channels.expire(now)

    def block(self, used: int, now: float) -> bytes:
        """Return what of the channels fits behind the `used` bytes of the next packet's body, with its type before it.

        That packet must then be sent.
        """
        self._expect_more = False
        if not self.channels.pending:
            return b""
        paths, slot = self._paths, self._slot
        room = paths.body_bytes(slot) - used - 1
        data = self.channels.pack(room, paths.acks.next_sequence(slot), now, paths.rtt(slot))
        self._expect_more = (data is not None and len(data) > room - FULL_MARGIN) or self.channels.needs > room
        return b"" if data is None else self._kind + data

    def packets(self, now: float) -> list[bytes]:
        """Return further packets, and fragments, that may go now; they are paid for. Call it after `block`."""
        found: list[bytes] = []
        paths, slot = self._paths, self._slot
        while (self._fragments or self._expect_more) and len(found) < self._packets_max and paths.spare(slot) > 0:
            if not self._fragments:
                self._begin_fragments(now)
            if self._fragments:
                packet = self._fragments.popleft()
            elif body := self.block(0, now):
                packet = self._packet(body, now)
            else:
                break
            paths.sent(slot, len(packet))
            found.append(packet)
        return found

    def _begin_fragments(self, now: float) -> None:
        """Cut the next message that is too large for a packet into fragments, if there is one."""
        data = self.channels.pack_oversize(self._paths.body_bytes(self._slot) - 1)
        if data is not None:
            packet = self._packet(self._kind + data, now)
            datagram_bytes = self._paths.body_bytes(self._slot) + HEADER_BYTES
            self._fragments.extend(split(packet, fragment_bytes_within(datagram_bytes)))

    def _packet(self, body: bytes, now: float) -> bytes:
        return encode_header(*self._paths.acks.send_one(self._slot, now, len(body) + HEADER_BYTES)) + body
