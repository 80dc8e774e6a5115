"""Bodies: what is split, and that nothing else comes out of any bytes than messages or a ProtocolError."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ProtocolError
from engine.wire.body import MAX_MESSAGES, split_body

ARRAYS = st.lists(st.one_of(st.integers(-(2**63), 2**64 - 1), st.binary(max_size=8), st.text(max_size=8)), max_size=20)
MESSAGES = st.lists(st.tuples(st.integers(0, 127), ARRAYS), max_size=MAX_MESSAGES)


def body_of(messages: list[tuple[int, list[object]]]) -> bytes:
    return b"".join(bytes([kind]) + msgpack.packb(array) for kind, array in messages)


@settings(deadline=None, max_examples=30)
@given(MESSAGES)
def test_messages_come_back_in_order(messages: list[tuple[int, list[object]]]) -> None:
    assert split_body(body_of(messages)) == messages


@settings(deadline=None, max_examples=30)
@given(MESSAGES.filter(bool), st.data())
def test_a_body_cut_short_is_whole_messages_or_refused(
    messages: list[tuple[int, list[object]]], data: st.DataObject
) -> None:
    body = body_of(messages)
    cut = data.draw(st.integers(0, len(body) - 1))
    ends = [len(body_of(messages[:count])) for count in range(len(messages))]
    if cut in ends:
        assert split_body(body[:cut]) == messages[: ends.index(cut)]
    else:
        with pytest.raises(ProtocolError):
            split_body(body[:cut])


@given(st.binary(max_size=300))
def test_any_bytes_give_messages_or_a_protocol_error(body: bytes) -> None:
    try:
        messages = split_body(body)
    except ProtocolError:
        return
    assert all(type(kind) is int and type(array) is list for kind, array in messages)


@pytest.mark.parametrize(
    "body",
    [
        b"\x01",
        b"\x90\x01",
        b"\x01\x01",
        b"\xc3\x90",
        b"\x01\xc0",
        b"\x01\x80",
        b"\x01\x91\x81\x01\x02",
        b"\x01\xdc\xff\xff",
        b"\x01\xdd\x7f\xff\xff\xff",
        b"\x01\x91\xa1\xff",
        b"\x01\x91\xd4\x01\x00",
        b"\x01\x91\xc7\x00\xff",
        b"\x01\x91\xc1",
        b"\x01" + b"\x91" * 1199,
        b"\x01" + b"\xdc\x10\x00" * 399,
        b"\x01\x90" * (MAX_MESSAGES + 1),
    ],
)
def test_what_is_no_body_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        split_body(body)


def test_an_empty_body_is_a_bare_acknowledgement() -> None:
    assert split_body(b"") == []
