"""Damage done to true examples, for a fuzzer without coverage and beside the one with it.

An example is bytes, a stream of msgpack objects, or packets behind each other. Bytes are flipped, cut and repeated
anywhere; where there are objects, half of the inputs have objects changed, doubled and left out instead and are still
well-formed msgpack, so that they get past the reader's first look and to what the values mean. Every choice is drawn
from one `random.Random`: the same seed gives the same inputs. `random()` is its cheapest method by far, so everything
here is made of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from enum import Enum
from functools import lru_cache

import msgpack

from engine.errors import ProtocolError
from engine.link.header import decode_header

MOST_BYTES = 4096
"""Of an input: fragments and sessions get a few packets."""

_HEADS = (
    "00 ff 7f 80 c0 c1 c2 c4 ca cb cc cd ce d3 d9 dc dd ffff 0080 ff7f ffffff7f 00000080"
    " cfffffffffffffffff d38000000000000000 cb7ff8000000000000"
)
_BYTES = tuple(map(bytes.fromhex, _HEADS.split()))
"""Bytes at which readers change their mind: ends of integers, msgpack's heads, a NaN."""
_VALUES = (
    *(0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 100, 101, 102, 127, 128, 255, 256, 1000, 4095, 4096, 32767, 32768),
    *(65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**64 - 1, -1, -2, -32, -33, -128, -129, -32769),
    *(-(2**31), -(2**31) - 1, -(2**63), None, True, False, 0.0, -1.5, 1e300, float("nan"), float("inf"), "", "a\u0301"),
    *(b"", b"\x00", bytes(31), [], [0], [[]], {}, {1: 2}),
)
_OBJECTS = tuple(map(msgpack.packb, _VALUES))
"""Objects that are somewhere one too many, one too few or of another kind."""
_TIMES = (1, 1, 1, 2, 3, 4)
_SIZES = (1, 1, 2, 4, 8, 30)

Draw = Callable[[], float]


class Shape(Enum):
    """What an example is made of."""

    BYTES = "bytes"
    OBJECTS = "a stream of msgpack objects"
    PIECES = "packets, each with its length: see `pieces`"


def damaged(examples: Sequence[bytes], chance: random.Random, shape: Shape = Shape.BYTES) -> bytes:
    """Return an example with a few things done to it; now and then nothing but chance."""
    draw = chance.random
    if draw() < 0.02:
        return chance.randbytes(int(draw() * 64))
    example = examples[int(draw() * len(examples))]
    return changed(example, examples[int(draw() * len(examples))], draw, shape)[:MOST_BYTES]


def changed(example: bytes, other: bytes, draw: Draw, shape: Shape) -> bytes:
    """Return `example` damaged as its `shape` suggests, with something of `other` in it at times."""
    if shape is Shape.BYTES or draw() < 0.5:
        return _changed_bytes(example, other, draw)
    if shape is Shape.OBJECTS:
        return _changed_objects(example, other, draw)
    return _changed_pieces(example, other, draw)


def pieces(data: bytes, most: int = 16) -> list[bytes]:
    """Return `data` cut into pieces, each with two bytes of length before it."""
    found, at = [], 0
    while at + 2 <= len(data) and len(found) < most:
        size = int.from_bytes(data[at : at + 2], "little") % 1300
        found.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    return found


def joined(*parts: bytes) -> bytes:
    """Return what `pieces` cuts into `parts`."""
    return b"".join(len(part).to_bytes(2, "little") + part for part in parts)


def _changed_bytes(example: bytes, other: bytes, draw: Draw) -> bytes:
    data = bytearray(example)
    for _ in range(_TIMES[int(draw() * 6)]):
        length = len(data)
        at = int(draw() * (length + 1))
        what = int(draw() * 9)
        if what < 3:
            if at == length:
                continue
            if what == 0:
                data[at] ^= 1 << int(draw() * 8)
            elif what == 1:
                data[at] = int(draw() * 256)
            else:
                data[at] = (data[at] + (1 if draw() < 0.5 else -1)) % 256
        elif what < 5:
            piece = _BYTES[int(draw() * len(_BYTES))]
            data[at : at + len(piece) * (what == 3)] = piece
        elif what < 7:
            size = _SIZES[int(draw() * 6)]
            if what == 5:
                del data[at : at + size]
            else:
                data[at:at] = data[at : at + size]
        elif what == 7:
            del data[at:]
        else:
            data[at:] = other[int(draw() * (len(other) + 1)) :]
    return bytes(data)


def _changed_objects(example: bytes, other: bytes, draw: Draw) -> bytes:
    """Change whole objects; an array that loses or gains an element says so in its head."""
    parts, parents = _parts(example)
    if not parts:
        return _OBJECTS[int(draw() * len(_OBJECTS))]
    new, grown = list(parts), {}
    for _ in range(_TIMES[int(draw() * 6)]):
        at = int(draw() * len(new))
        what = int(draw() * 8)
        if what < 3:
            new[at] = _OBJECTS[int(draw() * len(_OBJECTS))]
        elif what == 3:
            new[at] = msgpack.packb(int(draw() * 2 ** (1 + int(draw() * 63))) - (draw() < 0.3))
        elif what == 4 and len(new[at]) == 1 and 0 < new[at][0] < 127:
            new[at] = bytes([new[at][0] + (1 if draw() < 0.5 else -1)])
        elif what == 5:
            new[at] = b""
            grown[parents[at]] = grown.get(parents[at], 0) - 1
        elif what == 6:
            new[at] += parts[at]
            grown[parents[at]] = grown.get(parents[at], 0) + 1
        else:
            donors, _ = _parts(other)
            if donors:
                new[at] = donors[int(draw() * len(donors))]
    for parent, by in grown.items():
        # An array that was itself replaced or left out has no head to mend.
        if parent >= 0 and new[parent] == parts[parent]:
            new[parent] = _array_head(_array_count(parts[parent]) + by)
    return b"".join(new)


def _changed_pieces(example: bytes, other: bytes, draw: Draw) -> bytes:
    """Change the objects of one packet behind its header, or the packets' order."""
    found = pieces(example, 24)
    if not found:
        return example
    at = int(draw() * len(found))
    what = int(draw() * 10)
    if what < 7:
        packet = found[at]
        begin = _header_bytes(packet)
        rest = pieces(other, 24)
        donor = rest[int(draw() * len(rest))] if rest else b""
        found[at] = packet[:begin] + _changed_objects(packet[begin:], donor[_header_bytes(donor) :], draw)
    elif what == 7:
        found.insert(at, found[int(draw() * len(found))])
    elif what == 8:
        del found[at]
    else:
        found.insert(at, b"\xff")
    return joined(*found)


@lru_cache(1024)
def _header_bytes(packet: bytes) -> int:
    try:
        return decode_header(packet)[3]
    except ProtocolError:
        return 0


@lru_cache(1024)
def _parts(data: bytes) -> tuple[tuple[bytes, ...], tuple[int, ...]]:
    """Cut msgpack into array heads and other objects, and tell for each the index of its array's head, or -1."""
    unpacker = msgpack.Unpacker(max_buffer_size=max(1, len(data)), strict_map_key=False)
    unpacker.feed(data)
    parts: list[bytes] = []
    parents: list[int] = []
    inside: list[list[int]] = []
    begin = 0
    try:
        while begin < len(data):
            if data[begin] >> 4 == 9 or data[begin] in (0xDC, 0xDD):
                count = unpacker.read_array_header()
            else:
                unpacker.skip()
                count = 0
            parents.append(inside[-1][0] if inside else -1)
            parts.append(data[begin : unpacker.tell()])
            begin = unpacker.tell()
            if inside:
                inside[-1][1] -= 1
            inside.append([len(parts) - 1, count])
            while inside and inside[-1][1] == 0:
                inside.pop()
    except (msgpack.exceptions.UnpackException, ValueError):
        parts.append(data[begin:])
        parents.append(-1)
    return tuple(parts), tuple(parents)


def _array_count(head: bytes) -> int:
    return head[0] & 15 if len(head) == 1 else int.from_bytes(head[1:])


def _array_head(count: int) -> bytes:
    return bytes([0x90 | count]) if 0 <= count < 16 else b"\xdc" + (count % 65536).to_bytes(2)
