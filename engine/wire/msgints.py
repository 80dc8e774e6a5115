"""Arrays of integers as msgpack, encoded all at once.

    value               bytes                     width
    -32 .. 127          the value itself          1
    128 .. 255          cc, u8                    2
    -128 .. -33         d0, i8                    2
    256 .. 65535        cd, u16 big-endian        3
    -32768 .. -129      d1, i16 big-endian        3
    the rest of int32   ce u32 or d2 i32          5

Always the shortest form, as every msgpack library writes it. A message is `dc`, the count as u16 big-endian, then the
integers: a plain msgpack array. Source: the msgpack specification. Integers beyond int32 are not written here.
"""

from __future__ import annotations

import numpy as np

ARRAY_HEADER_BYTES = 3
"""`dc` and a 16-bit count, always: the count is known last, so its width must not depend on it."""

_MARKERS = np.array([[0, 0, 0xCC, 0xCD, 0, 0xCE], [0, 0, 0xD0, 0xD1, 0, 0xD2]], np.uint8)
"""First byte by (negative, width)."""


def array_header(count: int) -> bytes:
    """Return the header of a msgpack array of `count` (0..65535) elements."""
    return b"\xdc" + count.to_bytes(2, "big")


def widths(values: np.ndarray) -> np.ndarray:
    """Return the encoded size in bytes of each of `values`, `(n,) int64` within int32: `(n,) int64`."""
    # Each form holds one unbroken range: shifted to begin at 0, what lies below it has wrapped round and is large too.
    shifted = (values + 32768).view(np.uint64)
    result = (shifted > 98303).view(np.uint8) * np.uint8(2)  # not -32768 .. 65535
    shifted -= np.uint64(32640)
    result += shifted > 383  # not -128 .. 255
    shifted -= np.uint64(96)
    result += shifted > 159  # not -32 .. 127
    result += np.uint8(1)
    return result.astype(np.int64)


def encode(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Encode `values`, `(n,) int64` within int32.

    Returns the bytes, `(total,) uint8`, and where each value starts, `(n + 1,) int64`, the last entry being the total.
    """
    width = widths(values)
    starts = np.zeros(len(values) + 1, np.int64)
    np.cumsum(width, out=starts[1:])
    out = np.empty(int(starts[-1]), np.uint8)
    out[starts[1:] - 1] = values & 0xFF
    wide = np.flatnonzero(width > 1)
    if len(wide):
        at = starts[wide]
        out[at] = _MARKERS[(values[wide] < 0).astype(np.intp), width[wide]]
        high = wide[width[wide] > 2]
        out[starts[high + 1] - 2] = (values[high] >> 8) & 0xFF
        top = high[width[high] > 3]
        out[starts[top + 1] - 3] = (values[top] >> 16) & 0xFF
        out[starts[top + 1] - 4] = (values[top] >> 24) & 0xFF
    return out, starts


def gather(source: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the segments `source[starts[i] : starts[i] + lengths[i]]`, one behind the other, `(sum(lengths),)`."""
    ends = np.cumsum(lengths)
    if not len(ends):
        return source[:0]
    shift = np.repeat(starts - (ends - lengths), lengths)
    shift += np.arange(int(ends[-1]))
    result: np.ndarray = source[shift]
    return result
