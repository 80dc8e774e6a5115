"""The vectorised integers against msgpack itself."""

from __future__ import annotations

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.wire import msgints

INT32 = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-300, 300),
    st.sampled_from(
        [-(2**31), -32769, -32768, -129, -128, -33, -32, -1, 0, 127, 128, 255, 256, 65535, 65536, 2**31 - 1]
    ),
)


@pytest.mark.parametrize(
    ("value", "width"),
    [
        (0, 1),
        (127, 1),
        (-1, 1),
        (-32, 1),
        (128, 2),
        (255, 2),
        (-33, 2),
        (-128, 2),
        (256, 3),
        (65535, 3),
        (-129, 3),
        (-32768, 3),
        (65536, 5),
        (2**31 - 1, 5),
        (-32769, 5),
        (-(2**31), 5),
    ],
)
def test_every_width_at_both_of_its_ends(value: int, width: int) -> None:
    data, starts = msgints.encode(np.array([value]))
    assert data.tobytes() == msgpack.packb(value)
    assert starts.tolist() == [0, width]
    assert msgints.widths(np.array([value])).tolist() == [width]


@given(st.lists(INT32, max_size=60))
def test_arrays_are_what_msgpack_writes(values: list[int]) -> None:
    data, starts = msgints.encode(np.array(values, np.int64))
    pieces = [msgpack.packb(value) for value in values]
    assert data.tobytes() == b"".join(pieces)
    assert np.diff(starts).tolist() == [len(piece) for piece in pieces]
    assert msgpack.unpackb(msgints.array_header(len(values)) + data.tobytes()) == values


@pytest.mark.parametrize("count", [0, 15, 16, 65535])
def test_the_array_header_has_one_width(count: int) -> None:
    header = msgints.array_header(count)
    assert len(header) == msgints.ARRAY_HEADER_BYTES
    assert msgpack.unpackb(header + b"\x00" * count) == [0] * count


@given(st.binary(max_size=50), st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=20))
def test_gather_joins_slices(source: bytes, cuts: list[tuple[int, int]]) -> None:
    inside = [(at, min(length, len(source) - at)) for at, length in cuts if at <= len(source)]
    starts = np.array([at for at, _ in inside], np.int64)
    lengths = np.array([length for _, length in inside], np.int64)
    joined = msgints.gather(np.frombuffer(source, np.uint8), starts, lengths).tobytes()
    assert joined == b"".join(source[at : at + length] for at, length in inside)
