"""The packet and fragment headers of reliable 1.0: which packet this is, and which ones arrived.

Every datagram of a connection begins with one of the two. Source: the reliable 1.0 standard and the bytes its C library
makes (`tests/vectors/reliable_1_0.json`).

Packet header, 4 to 9 bytes, little-endian:

| bytes  | field     | meaning                                                                                        |
|--------|-----------|------------------------------------------------------------------------------------------------|
| 1      | prefix    | bit 0: 0. Bits 1-4: byte 0-3 of ack_bits is *not* 0xFF and is sent. Bit 5: near. Bits 6-7: 0    |
| 2      | sequence  | of this packet                                                                                 |
| 1 or 2 | ack       | near (`(sequence - ack) mod 65536 <= 255`): that difference, one byte; else `ack` itself, u16   |
| 0 to 4 | ack_bits  | those of its bytes that are not 0xFF, low byte first                                            |

Bit n of ack_bits says that packet `ack - n` arrived; bit 0 is `ack` itself. Nothing received yet is ack 65535,
ack_bits 0.

Fragment header, 5 bytes; fragment 0 then carries the packet header of the whole, which has the same sequence:

| bytes | field    | meaning                        |
|-------|----------|--------------------------------|
| 1     | prefix   | 1                              |
| 2     | sequence | of the packet that was cut     |
| 1     | id       | of this fragment, from 0       |
| 1     | count-1  | fragments of the packet less 1 |

The encoding is canonical: one triple has one form, and a decoder refuses every other. The two packet functions run for
every datagram of every peer: what the prefix means is looked up in tables made once, and `encode_headers` writes those
of a whole tick in one pass. Windows, duplicates and the meaning of an ack are `engine.link.acks`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.errors import ProtocolError, UsageError

PACKET_HEADER_MAX_BYTES = 9  # prefix, sequence, two bytes of ack, four of ack_bits
FRAGMENT_HEADER_BYTES = 5
FRAGMENTS_MAX = 256  # the count travels in one byte, less one

FRAGMENT_PREFIX = 1  # the whole prefix of a fragment; its bit 0 is what tells it from a packet

_NEAR = 0x20
_NEAR_MAX = 255  # a larger difference does not fit the one byte of ack
_ALL_ARRIVED = 0xFFFFFFFF
_BATCH_MIN = 100  # packets; below it the pass over arrays costs more than a loop (0.5 us a packet against 50 us + 0.2)

_pack_near = struct.Struct("<BHB").pack
_pack_far = struct.Struct("<BHH").pack
_FRAGMENT = struct.Struct("<BHBB")


def encode_header(sequence: int, ack: int, ack_bits: int) -> bytes:
    """Return the packet header of `sequence` (0..65535) that acknowledges `ack` (0..65535) and `ack_bits` (32 bits).

    Takes plain ints (numpy's would wrap and are slow one at a time); raises UsageError out of range.
    """
    difference = (sequence - ack) & 0xFFFF
    try:
        if ack_bits == _ALL_ARRIVED:
            if difference <= _NEAR_MAX:
                return _pack_near(_NEAR, sequence, difference)
            return _pack_far(0, sequence, ack)
        raw = ack_bits.to_bytes(4, "little")
        present = (
            (2 if raw[0] != 255 else 0)
            | (4 if raw[1] != 255 else 0)
            | (8 if raw[2] != 255 else 0)
            | (16 if raw[3] != 255 else 0)
        )
        if difference <= _NEAR_MAX:
            return _pack_near(_NEAR | present, sequence, difference) + raw.replace(b"\xff", b"")
        return _pack_far(present, sequence, ack) + raw.replace(b"\xff", b"")
    except (struct.error, OverflowError) as error:
        raise UsageError(f"no packet header of ({sequence}, {ack}, {ack_bits}): {error}") from error


def decode_header(datagram: bytes) -> tuple[int, int, int, int]:
    """Return `(sequence, ack, ack_bits, body_offset)` of the packet header that `datagram` begins with.

    Raises ProtocolError("bad-header") when it is cut short or not canonical, a fragment included.
    """
    try:
        unpack, near, first, end, low_mask, low_shift, high_drop, high_shift, filled = _LAYOUTS[datagram[0]]
        _, sequence, ack = unpack(datagram)
    except (IndexError, KeyError, struct.error) as error:
        raise ProtocolError("bad-header", f"{datagram[:PACKET_HEADER_MAX_BYTES].hex()} is no packet header") from error
    if near:
        ack = (sequence - ack) & 0xFFFF
    elif (sequence - ack) & 0xFFFF <= _NEAR_MAX:
        raise ProtocolError("bad-header", f"ack {ack} of packet {sequence} is in the long form")
    if first == end:
        return sequence, ack, _ALL_ARRIVED, end
    raw = datagram[first:end]
    if 255 in raw or len(datagram) < end:
        raise ProtocolError("bad-header", f"ack bytes {raw.hex()} of packet {sequence}: cut short, or one is 0xff")
    value = int.from_bytes(raw, "little")
    return sequence, ack, (value & low_mask) << low_shift | value >> high_drop << high_shift | filled, end


def encode_headers(
    sequences: NDArray[np.integer], acks: NDArray[np.integer], ack_bits: NDArray[np.integer]
) -> list[bytes]:
    """Return the packet headers of three `(n,)` integer arrays, as `encode_header` would one by one.

    Values are in range by the caller's promise (`AckTable.send` returns such).
    """
    count = len(sequences)
    if count < _BATCH_MIN:
        return [
            encode_header(*triple) for triple in zip(sequences.tolist(), acks.tolist(), ack_bits.tolist(), strict=True)
        ]
    sequence, ack = sequences.astype(np.int64), acks.astype(np.int64)
    raw = ack_bits.astype("<u4").view(np.uint8).reshape(count, 4)
    difference = (sequence - ack) & 0xFFFF
    near = difference <= _NEAR_MAX
    ack_field = np.where(near, difference, ack)
    present = raw != 255
    table = np.empty((count, PACKET_HEADER_MAX_BYTES), np.uint8)
    table[:, 0] = present @ np.array([2, 4, 8, 16], np.uint8) | np.where(near, _NEAR, 0)
    table[:, 1] = sequence & 0xFF
    table[:, 2] = sequence >> 8
    table[:, 3] = ack_field & 0xFF
    table[:, 4] = ack_field >> 8
    table[:, 5:] = raw
    sent = np.ones(table.shape, bool)
    sent[:, 4] = ~near
    sent[:, 5:] = present
    flat = table[sent].tobytes()
    ends = np.cumsum(sent.sum(axis=1)).tolist()
    starts = [0, *ends[:-1]]
    return [flat[start:end] for start, end in zip(starts, ends, strict=True)]


def encode_fragment_header(sequence: int, fragment: int, count: int) -> bytes:
    """Return the header of fragment `fragment` (0 up) of the `count` (1..256) that packet `sequence` was cut into."""
    if not 0 <= fragment < count <= FRAGMENTS_MAX or not 0 <= sequence <= 0xFFFF:
        raise UsageError(f"no fragment {fragment} of {count} of packet {sequence}")
    return _FRAGMENT.pack(FRAGMENT_PREFIX, sequence, fragment, count - 1)


def decode_fragment_header(datagram: bytes) -> tuple[int, int, int]:
    """Return `(sequence, fragment, count)` of the fragment header that `datagram` begins with; data starts at byte 5.

    Raises ProtocolError("bad-fragment") when it is cut short, no fragment, or numbered beyond its count.
    """
    if len(datagram) < FRAGMENT_HEADER_BYTES:
        raise ProtocolError("bad-fragment", f"{len(datagram)} bytes")
    prefix, sequence, fragment, last = _FRAGMENT.unpack_from(datagram)
    if prefix != FRAGMENT_PREFIX or fragment > last:
        raise ProtocolError("bad-fragment", f"prefix {prefix}, fragment {fragment} of {last + 1}")
    return sequence, fragment, last + 1


def is_fragment(datagram: bytes) -> bool:
    """Tell whether `datagram` claims to be a fragment rather than a whole packet."""
    return bool(datagram) and datagram[0] & 1 == 1


# (unpack prefix-sequence-ack, near, first ack byte, end of header, low mask, low shift, high drop, high shift, filled)
_Layout = tuple[Callable[[bytes], tuple[int, int, int]], bool, int, int, int, int, int, int, int]


def _layout(prefix: int) -> _Layout:
    """Return how to read a header with `prefix`: the bytes sent form at most two runs, each of which moves as one."""
    near = bool(prefix & _NEAR)
    places = [place for place in range(4) if prefix & 2 << place]
    low = 0  # length of the first run of neighbouring places, in bytes
    while low < len(places) and places[low] == places[0] + low:
        low += 1
    low_shift = 8 * places[0] if places else 0
    high_shift = 8 * places[low] if low < len(places) else 0
    filled = sum(0xFF << 8 * place for place in range(4) if place not in places)
    first = 4 if near else 5
    fields = struct.Struct("<BHB" if near else "<BHH")
    return (
        fields.unpack_from,
        near,
        first,
        first + len(places),
        (1 << 8 * low) - 1,
        low_shift,
        8 * low,
        high_shift,
        filled,
    )


_LAYOUTS: dict[int, _Layout] = {prefix: _layout(prefix) for prefix in range(0, 64, 2)}
