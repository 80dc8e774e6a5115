"""Input messages: redundancy, reading no more than is new, and what any list of numbers gives."""

from __future__ import annotations

from contextlib import suppress

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ProtocolError
from engine.wire.inputs import (
    MAX_INPUTS,
    MAX_VIEW_AGE,
    InputWriter,
    StampedInput,
    clamp_inputs,
    decode_inputs,
    decode_newest,
)
from engine.world.picture import VIEW_UNITS, View
from engine.world.schema import RANGES, Field, Kind

KIND = Kind(
    "input",
    (
        Field("buttons", "uint8"),
        Field("aim", "uint16", wrap=True),
        Field("walk", "int8"),
        Field("cursor"),
        Field("fire", "bool"),
        Field("dial", "uint8", wrap=True),
    ),
    capacity=1,
)
VALUES = st.tuples(*(st.integers(*RANGES[field.dtype]) for field in KIND.fields))


@st.composite
def views(draw: st.DrawFn, tick: int) -> View | None:
    if draw(st.booleans()):
        return None
    tick_a = tick - draw(st.integers(-MAX_VIEW_AGE, MAX_VIEW_AGE))
    towards = draw(st.one_of(st.none(), st.integers(1, MAX_VIEW_AGE)))
    offset = draw(st.integers(0, MAX_VIEW_AGE * VIEW_UNITS))
    return View(tick_a, None if towards is None else tick_a + towards, tick_a * VIEW_UNITS + offset)


@st.composite
def runs(draw: st.DrawFn, most: int = 30) -> list[StampedInput]:
    """Inputs of consecutive ticks, oldest first."""
    first = draw(st.integers(0, 2**31 - 1 - most))
    count = draw(st.integers(1, most))
    return [StampedInput(first + n, draw(VALUES), draw(views(first + n))) for n in range(count)]


def writer_of(inputs: list[StampedInput], most: int = MAX_INPUTS) -> InputWriter:
    writer = InputWriter(KIND, most)
    for entry in inputs:
        writer.add(entry)
    return writer


@settings(deadline=None, max_examples=25)
@given(runs(), st.integers(-1, 32))
def test_inputs_come_back_newest_first_down_to_what_is_known(inputs: list[StampedInput], known: int) -> None:
    array = msgpack.unpackb(writer_of(inputs).message())
    after = inputs[-1].tick - known
    assert decode_inputs(array, KIND, after) == [entry for entry in reversed(inputs) if entry.tick > after]
    assert decode_inputs(array, KIND, -1) == inputs[::-1]


@settings(deadline=None, max_examples=20)
@given(runs(), st.integers(1, 12))
def test_only_the_latest_are_repeated(inputs: list[StampedInput], most: int) -> None:
    writer = writer_of(inputs, most)
    assert decode_inputs(msgpack.unpackb(writer.message()), KIND, -1) == inputs[::-1][:most]
    assert decode_inputs(msgpack.unpackb(writer.message(redundant=False)), KIND, -1) == [inputs[-1]]


@settings(deadline=None, max_examples=20)
@given(runs(12), st.lists(st.integers(-2, 14), max_size=4))
def test_what_is_acknowledged_is_not_repeated_but_the_newest_is(inputs: list[StampedInput], acks: list[int]) -> None:
    writer = writer_of(inputs)
    for ack in acks:
        writer.acknowledge(inputs[0].tick + ack)
    known = max([inputs[0].tick + ack for ack in acks], default=-1)
    left = [entry for entry in inputs if entry.tick > known] or [inputs[-1]]
    assert len(writer) == len(left)
    assert decode_inputs(msgpack.unpackb(writer.message()), KIND, -1) == left[::-1]


def plain(tick: int, *values: int, view: View | None = None) -> StampedInput:
    return StampedInput(tick, tuple(values) + (0,) * (len(KIND.fields) - len(values)), view)


def test_a_held_key_costs_one_byte_per_repeated_input() -> None:
    short = writer_of([plain(1000, 1, 40000)])
    long = writer_of([plain(tick, 1, 40000) for tick in range(991, 1001)])
    assert len(long.message()) == len(short.message()) + 9


def test_a_cyclic_field_goes_the_short_way() -> None:
    array = msgpack.unpackb(writer_of([plain(1, 0, 65530), plain(2, 0, 4)]).message())
    # The newest from zero: +4. The one before it: -10.
    assert array == [2, 2, 2 << 1, 4, 2 << 1, -10]


def test_a_jump_of_the_clock_starts_a_new_run() -> None:
    writer = writer_of([plain(5), plain(6), plain(9), plain(10)])
    assert [entry.tick for entry in decode_inputs(msgpack.unpackb(writer.message()), KIND, -1)] == [10, 9]
    writer.add(plain(3))
    assert [entry.tick for entry in decode_inputs(msgpack.unpackb(writer.message()), KIND, -1)] == [3]


@pytest.mark.parametrize(
    "view",
    [
        View(0, 2, 256),
        View(3000 - MAX_VIEW_AGE - 1, None, 3000 * VIEW_UNITS),
        View(2900, 2900, 2900 * VIEW_UNITS),
        View(2900, 2898, 2900 * VIEW_UNITS),
        View(2900, 2902, 2900 * VIEW_UNITS - 1),
        View(2900, None, (2900 + MAX_VIEW_AGE) * VIEW_UNITS + 1),
    ],
)
def test_a_view_that_can_not_be_told_is_left_out(view: View) -> None:
    message = writer_of([plain(3000, 1, view=view)]).message()
    assert decode_inputs(msgpack.unpackb(message), KIND, -1) == [plain(3000, 1)]


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        ([], "bad-input"),
        ([5], "bad-input"),
        ([5, 1], "truncated"),
        ([5, 1.0, 0], "bad-input"),
        ([5, True, 0], "bad-input"),
        ([5, 1, None], "bad-input"),
        ([-1, 1, 0], "bad-input"),
        ([2**31, 1, 0], "bad-input"),
        ([5, 0], "bad-input"),
        ([5, MAX_INPUTS + 1, 0], "bad-input"),
        ([5, 1, -1], "bad-input"),
        ([5, 1, 1 << 7, 0], "bad-input"),
        ([5, 1, 1 << 1], "truncated"),
        ([5, 1, 1 << 1, 256], "bad-input"),
        ([5, 1, 1 << 1, -1], "bad-input"),
        ([5, 1, 1 << 3, 128], "bad-input"),
        ([5, 1, 1 << 4, 2**63], "bad-input"),
        ([5, 1, 1 << 5, 2], "bad-input"),
        ([5, 2, 1 << 1, 200, 1 << 1, 100], "bad-input"),
        ([5, 1, 1], "truncated"),
        ([5, 1, 1, 3, 2], "truncated"),
        ([5, 1, 1, MAX_VIEW_AGE + 1, 2, 0], "bad-view"),
        ([5, 1, 1, 3, -1, 0], "bad-view"),
        ([5, 1, 1, 3, 2, -1], "bad-view"),
        ([5, 1, 1, 3, 2, MAX_VIEW_AGE * VIEW_UNITS + 1], "bad-view"),
        ([5, 1, 1, 2**64 - 1, 2**64 - 1, 2**64 - 1], "bad-view"),
    ],
)
def test_a_bad_message_is_refused(array: list[object], reason: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode_inputs(array, KIND, -1)
    assert refused.value.reason == reason


NUMBER = st.one_of(st.integers(-3, 140), st.integers(-(2**63), 2**64 - 1))


@given(st.lists(NUMBER, max_size=30), st.integers(-1, 200))
def test_any_integers_give_inputs_or_a_protocol_error(array: list[int], after: int) -> None:
    try:
        inputs = decode_inputs(array, KIND, after)
    except ProtocolError:
        return
    for entry in inputs:
        assert entry.tick > after
        for value, field in zip(entry.values, KIND.fields, strict=True):
            low, high = RANGES[field.dtype]
            assert low <= value <= high


@settings(deadline=None, max_examples=25)
@given(runs(6), st.data())
def test_a_message_cut_short_or_changed_gives_inputs_or_a_protocol_error(
    inputs: list[StampedInput], data: st.DataObject
) -> None:
    array = msgpack.unpackb(writer_of(inputs).message())
    with pytest.raises(ProtocolError):
        decode_inputs(array[: data.draw(st.integers(0, len(array) - 1))], KIND, -1)
    array[data.draw(st.integers(0, len(array) - 1))] = data.draw(NUMBER)
    with suppress(ProtocolError):
        decode_inputs(array, KIND, -1)


def test_clamping_makes_any_input_sendable() -> None:
    assert clamp_inputs(KIND, [999, -1, -999, 2**40, 7, 3]) == (255, 0, -128, 2**31 - 1, 1, 3)
    assert clamp_inputs(KIND, np.array([1.9, 0, 0, 0, 0, 0])) == (1, 0, 0, 0, 0, 0)


ODD = st.one_of(st.integers(-(2**63), 2**64 - 1), st.booleans(), st.floats(), st.none(), st.text(max_size=2))


@st.composite
def told(draw: st.DrawFn) -> tuple[list[object], int]:
    """A message as it was unpacked, perhaps spoilt, and the tick up to which its inputs are had."""
    inputs = draw(runs(4))
    array: list[object] = msgpack.unpackb(writer_of(inputs).message())
    after = inputs[-1].tick - draw(st.integers(-1, 3))
    spoil = draw(st.sampled_from(["not", "not", "cut", "number", "odd", "more"]))
    at = draw(st.integers(0, len(array) - 1))
    if spoil == "cut":
        del array[at:]
    elif spoil == "number":
        array[at] = draw(st.integers(-(2**33), 2**33))
    elif spoil == "odd":
        array[at] = draw(ODD)
    elif spoil == "more":
        array.append(draw(st.integers(-300, 300)))
    return array, after


@settings(deadline=None, max_examples=200)
@given(st.lists(told(), min_size=1, max_size=6))
def test_what_is_read_at_once_is_what_is_read_one_by_one(messages: list[tuple[list[object], int]]) -> None:
    after = np.array([known for _, known in messages])
    read, ticks, values = decode_newest([array for array, _ in messages], KIND, after)
    for at in np.flatnonzero(read).tolist():
        array, known = messages[at]
        expected = [StampedInput(ticks.item(at), tuple(values[:, at].tolist()), None)] if ticks[at] > known else []
        assert decode_inputs(array, KIND, known) == expected


@settings(deadline=None, max_examples=100)
@given(st.lists(runs(4), min_size=1, max_size=6))
def test_all_that_say_one_new_thing_without_a_shot_are_read_at_once(all_inputs: list[list[StampedInput]]) -> None:
    arrays = [msgpack.unpackb(writer_of(inputs).message()) for inputs in all_inputs]
    for behind in (0, 1):
        after = np.array([inputs[-1].tick - behind for inputs in all_inputs])
        read, ticks, _ = decode_newest(arrays, KIND, after)
        assert ticks.tolist() == [inputs[-1].tick for inputs in all_inputs]
        assert read.tolist() == [behind == 0 or inputs[-1].view is None for inputs in all_inputs]


@pytest.mark.parametrize("odd", [[], [7, 1, True], [7, 1, 2**64 - 1], [-(2**63)], [7, 1.0], [None, 2**70]])
def test_odd_messages_leave_the_others_to_be_read_at_once(odd: list[object]) -> None:
    array = msgpack.unpackb(writer_of([StampedInput(7, (1, 2, 3, 4, 1, 6), None)]).message())
    read, ticks, values = decode_newest([odd, array, odd, array], KIND, np.full(4, 6))
    assert read.tolist() == [False, True, False, True]
    assert ticks[read].tolist() == [7, 7]
    assert values[:, read].T.tolist() == [[1, 2, 3, 4, 1, 6]] * 2
    assert not decode_newest([odd, odd], KIND, np.full(2, 6))[0].any()
