"""Packets larger than a datagram, cut into fragments and put together again.

For what cannot wait to be sent in pieces: an unreliable payload above the datagram size. All fragments travel at once,
and one that is lost loses the packet. A large reliable message does not come here: `engine.link.channels` cuts it into
slices, of which only the missing ones are sent again. Source: the reliable 1.0 standard.

| fragment | bytes                                                                                             |
|----------|---------------------------------------------------------------------------------------------------|
| 0        | fragment header (5), the packet's own header (4..9), the first `fragment_bytes` of its body       |
| 1..n-2   | fragment header, the next `fragment_bytes`                                                        |
| n-1      | fragment header, the rest, 1..`fragment_bytes`                                                    |

The packet is acknowledged as one, when it is whole. The receiver is told no `fragment_bytes`: the first fragment that
is not the last one sets it for its packet (the sender may change it with the path's MTU).
"""

from __future__ import annotations

from engine.errors import ProtocolError, UsageError
from engine.link.header import (
    FRAGMENT_HEADER_BYTES,
    FRAGMENTS_MAX,
    PACKET_HEADER_MAX_BYTES,
    decode_fragment_header,
    decode_header,
    encode_fragment_header,
)

PACKET_MAX_BYTES = 68 * 1024  # of a packet that is put together: a 64 KiB message and what comes with it
PARTIAL_PACKETS_MAX = 8  # incomplete packets of one peer; reordering does not mix more
PARTIAL_BYTES_MAX = 2 * PACKET_MAX_BYTES  # held for one peer: one packet arriving, one that will not be completed
EXPIRY = 2.0  # s after the first fragment; they are sent together, so what is missing by then was lost
_DONE_MAX = 32  # completed packets remembered, so that late duplicates of their fragments start nothing


def fragment_bytes_within(datagram_bytes: int) -> int:
    """Return the most `fragment_bytes` whose fragments, the first one too, fit datagrams of `datagram_bytes`."""
    return datagram_bytes - FRAGMENT_HEADER_BYTES - PACKET_HEADER_MAX_BYTES


def split(packet: bytes, fragment_bytes: int) -> list[bytes]:
    """Return the fragments of `packet`, which begins with its packet header; all but the last carry `fragment_bytes`.

    Raises UsageError when it would take more than 256 fragments or the packet is above `PACKET_MAX_BYTES`.
    """
    sequence, _, _, offset = decode_header(packet)
    count = max(1, -(-(len(packet) - offset) // fragment_bytes)) if fragment_bytes > 0 else 0
    if not 0 < count <= FRAGMENTS_MAX or len(packet) > PACKET_MAX_BYTES:
        raise UsageError(f"a packet of {len(packet)} bytes in fragments of {fragment_bytes}")
    fragments = []
    start = 0
    for number in range(count):
        end = offset + (number + 1) * fragment_bytes
        fragments.append(encode_fragment_header(sequence, number, count) + packet[start:end])
        start = end
    return fragments


class _Partial:
    """A packet of which some fragments are here."""

    __slots__ = ("count", "fragment_bytes", "held_bytes", "parts", "started_at")

    def __init__(self, count: int, now: float) -> None:
        self.count = count
        self.started_at = now
        self.parts: dict[int, bytes] = {}
        self.held_bytes = 0
        self.fragment_bytes: int | None = None  # what a fragment other than the last one carries, once seen


class Reassembler:
    """Puts one peer's fragments together. Bounded: when memory runs out the oldest incomplete packet gives way."""

    __slots__ = ("_done", "_held_bytes", "_partials", "dropped")

    def __init__(self) -> None:
        self._partials: dict[int, _Partial] = {}  # by sequence, oldest first
        self._done: dict[int, float] = {}  # sequences that were completed, and when
        self._held_bytes = 0
        self.dropped = 0  # packets given up: expired, or pushed out by newer ones

    @property
    def held_bytes(self) -> int:
        """Bytes of fragments waiting for the others."""
        return self._held_bytes

    def receive(self, datagram: bytes, now: float) -> bytes | None:
        """Take one fragment; return the packet, header and body, when it completes one.

        Raises ProtocolError: "bad-fragment" for bytes that are none, "fragment-mismatch" for one that contradicts those
        of its packet that came before, "fragment-size" for a packet that would grow too large.
        """
        sequence, number, count = decode_fragment_header(datagram)
        part = datagram[FRAGMENT_HEADER_BYTES:]
        self.expire(now)
        if sequence in self._done:
            return None
        partial = self._partials.get(sequence)
        if partial is None:
            partial = _Partial(count, now)
        elif partial.count != count:
            raise ProtocolError("fragment-mismatch", f"packet {sequence}: {count} fragments, then {partial.count}")
        if number in partial.parts:
            return None
        self._check(partial, sequence, number, part)
        partial.parts[number] = part
        partial.held_bytes += len(part)
        self._held_bytes += len(part)
        self._partials[sequence] = partial
        if len(partial.parts) == count:
            self._forget(sequence)
            self._done[sequence] = now
            if len(self._done) > _DONE_MAX:
                del self._done[next(iter(self._done))]
            return b"".join(partial.parts[each] for each in range(count))
        while len(self._partials) > PARTIAL_PACKETS_MAX or self._held_bytes > PARTIAL_BYTES_MAX:
            self._forget(next(iter(self._partials)))
            self.dropped += 1
        return None

    def expire(self, now: float) -> None:
        """Give up packets that have waited too long. Called by `receive`; call it now and then on a silent peer."""
        while self._partials:
            sequence, partial = next(iter(self._partials.items()))
            if now - partial.started_at < EXPIRY:
                break
            self._forget(sequence)
            self.dropped += 1
        while self._done:
            sequence, completed_at = next(iter(self._done.items()))
            if now - completed_at < EXPIRY:
                break
            del self._done[sequence]

    def _forget(self, sequence: int) -> None:
        self._held_bytes -= self._partials.pop(sequence).held_bytes

    def _check(self, partial: _Partial, sequence: int, number: int, part: bytes) -> None:
        """Raise ProtocolError when `part` cannot be fragment `number` of `partial`; learn the fragment size from it."""
        carried = len(part)
        if number == 0:
            own_sequence, _, _, offset = decode_header(part)
            carried -= offset
            if own_sequence != sequence:
                raise ProtocolError("fragment-mismatch", f"packet {own_sequence} in a fragment of packet {sequence}")
        last = partial.count - 1
        usual = partial.fragment_bytes
        if number < last and usual is None:
            usual = carried
        if carried == 0 and last > 0:
            raise ProtocolError("bad-fragment", f"fragment {number} of packet {sequence} is empty")
        # The last fragment may have come first: then this one has to agree with it.
        tail = carried if number == last else len(partial.parts.get(last, b""))
        if usual is not None and ((number < last and carried != usual) or tail > usual):
            raise ProtocolError("fragment-mismatch", f"packet {sequence}: fragments of {usual}, then {carried} bytes")
        if (usual or 0) * last + tail > PACKET_MAX_BYTES:
            raise ProtocolError("fragment-size", f"packet {sequence}: {partial.count} fragments of {usual} bytes")
        partial.fragment_bytes = usual
