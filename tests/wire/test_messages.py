"""Typed messages: there and back, what is refused, and how they may grow."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ProtocolError, UsageError
from engine.wire.messages import (
    ENGINE_MESSAGES,
    FIRST_GAME_ID,
    MAX_ITEMS,
    MAX_MESSAGE_BYTES,
    MAX_NUMBER,
    MAX_TEXT,
    Farewell,
    Happened,
    Judged,
    Notice,
    PlayerAway,
    PlayerJoined,
    PlayerLeft,
    Ready,
    Resume,
    Said,
    Say,
    Welcome,
)

WELCOME = Welcome(
    "arena", 3, 12345, {"map": "yard", "bots": 4, "gravity": 9.5, "teams": True}, 60, 2, 64, 0.25, 0.2, 7, 99
)
NUMBERS = st.integers(-MAX_NUMBER, MAX_NUMBER)
TEXT = st.text(max_size=60)


@dataclass(frozen=True, slots=True)
class Chat:
    """A game's own message, with a check of its own."""

    text: str
    tint: bytes
    loudness: float

    def __post_init__(self) -> None:
        if not self.text:
            raise UsageError("nothing said")


GAME = ENGINE_MESSAGES.with_types({FIRST_GAME_ID: Chat})


@given(
    st.one_of(
        st.builds(Ready, NUMBERS),
        st.builds(PlayerJoined, NUMBERS, TEXT, st.booleans()),
        st.builds(PlayerLeft, NUMBERS, TEXT),
        st.builds(Happened, NUMBERS, NUMBERS, st.lists(NUMBERS, max_size=12).map(tuple)),
        st.builds(Judged, NUMBERS, NUMBERS, TEXT, NUMBERS, NUMBERS, st.booleans()),
        st.builds(Farewell, TEXT, st.booleans()),
        st.builds(Resume, TEXT, st.floats(0, 600)),
        st.builds(PlayerAway, NUMBERS, st.booleans()),
        st.builds(Notice, TEXT),
        st.builds(Say, TEXT, st.booleans()),
        st.builds(Said, NUMBERS, TEXT, TEXT, st.booleans()),
        st.builds(Chat, TEXT.filter(bool), st.binary(max_size=30), st.floats(-1e9, 1e9)),
        st.just(WELCOME),
    )
)
def test_a_message_comes_back_equal(message: object) -> None:
    data = GAME.encode(message)
    assert GAME.decode(data) == message
    with pytest.raises(ProtocolError):
        GAME.decode(data[:-1])
    with pytest.raises(ProtocolError):
        GAME.decode(data + b"\x00")


def test_fields_beyond_those_known_are_ignored_and_missing_ones_refused() -> None:
    array = msgpack.unpackb(ENGINE_MESSAGES.encode(PlayerLeft(3, "quit")))
    assert ENGINE_MESSAGES.decode(msgpack.packb([*array, "later", {"a": 1}])) == PlayerLeft(3, "quit")
    with pytest.raises(ProtocolError):
        ENGINE_MESSAGES.decode(msgpack.packb(array[:-1]))


@dataclass(frozen=True, slots=True)
class Score:
    """A message that has grown: `assists` came later."""

    row: int
    assists: int = 0


def test_a_field_appended_with_a_default_may_be_missing() -> None:
    grown = ENGINE_MESSAGES.with_types({FIRST_GAME_ID: Score})
    assert grown.decode(msgpack.packb([FIRST_GAME_ID, 3])) == Score(3)
    assert grown.decode(msgpack.packb([FIRST_GAME_ID, 3, 4])) == Score(3, 4)
    assert grown.decode(msgpack.packb([FIRST_GAME_ID, 3, 4, "later still"])) == Score(3, 4)
    for array in ([FIRST_GAME_ID], [FIRST_GAME_ID, 3, "4"]):
        with pytest.raises(ProtocolError, match="bad-message"):
            grown.decode(msgpack.packb(array))


def test_which_messages_are_the_games() -> None:
    assert GAME.is_of_game(Chat("hello", b"", 1.0))
    assert not GAME.is_of_game(Say("hello", False))
    assert not ENGINE_MESSAGES.is_of_game(Chat("hello", b"", 1.0))


def test_an_unknown_id_is_none() -> None:
    assert ENGINE_MESSAGES.decode(msgpack.packb([FIRST_GAME_ID, "hello", b"", 1.0])) is None
    assert ENGINE_MESSAGES.decode(msgpack.packb([-1])) is None


def test_an_integer_will_do_for_a_float() -> None:
    chat = GAME.decode(msgpack.packb([FIRST_GAME_ID, "hello", b"", 1]))
    assert chat == Chat("hello", b"", 1.0)
    assert isinstance(chat, Chat)
    assert type(chat.loudness) is float


@pytest.mark.parametrize(
    "array",
    [
        [],
        None,
        {},
        "text",
        [True, 1],
        ["2", 1, "name", False],
        [2, "1", "name", False],
        [2, 1.0, "name", False],
        [2, True, "name", False],
        [2, 1, b"name", False],
        [2, 1, "name", 0],
        [2, 1, "x" * (MAX_TEXT + 1), False],
        [2, MAX_NUMBER + 1, "name", False],
        [2, -MAX_NUMBER - 1, "name", False],
        [4, 1, 2, [1, "2"]],
        [4, 1, 2, [1, 2.0]],
        [4, 1, 2, [1, 2**60]],
        [4, 1, 2, 3],
        [4, 1, 2, [0] * (MAX_ITEMS + 1)],
        [32, "x", b"", float("nan")],
        [32, "x", b"", float("inf")],
        [32, "x", b"", "1.0"],
        [32, "", b"", 1.0],
    ],
)
def test_what_does_not_fit_is_refused(array: object) -> None:
    with pytest.raises(ProtocolError) as refused:
        GAME.decode(msgpack.packb(array))
    assert refused.value.reason == "bad-message"


@pytest.mark.parametrize(
    "settings",
    [{1: 2}, {"a": [1]}, {"a": None}, {"a": b"x"}, {"a": float("nan")}, {"a": 2**60}, {"a": "x" * 513}, {"x" * 513: 1}],
)
def test_settings_are_plain_values_by_name(settings: object) -> None:
    array = msgpack.unpackb(ENGINE_MESSAGES.encode(WELCOME))
    array[4] = settings
    with pytest.raises(ProtocolError):
        ENGINE_MESSAGES.decode(msgpack.packb(array))


def test_a_message_too_long_is_not_unpacked() -> None:
    with pytest.raises(ProtocolError, match="message-too-long"):
        ENGINE_MESSAGES.decode(b"\x00" * (MAX_MESSAGE_BYTES + 1))


@given(st.binary(max_size=200))
def test_any_bytes_give_a_message_none_or_a_protocol_error(data: bytes) -> None:
    try:
        message = GAME.decode(data)
    except ProtocolError:
        return
    assert message is None or GAME.decode(GAME.encode(message)) == message


@given(st.integers(1, 12), st.data())
def test_a_changed_byte_gives_a_message_or_a_protocol_error(number: int, data: st.DataObject) -> None:
    examples = [WELCOME, Ready(5), PlayerJoined(1, "ann", True), PlayerLeft(1, "quit"), Happened(9, 2, (1, -2))]
    examples += [Judged(9, -1, "miss", 5, 5, False), Farewell("bye", True)]
    examples += [Resume("00" * 24, 30.0), PlayerAway(2, True), Notice("hello")]
    examples += [Say("well", True), Said(3, "ann", "well", False)]
    changed = bytearray(ENGINE_MESSAGES.encode(examples[number - 1]))
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ProtocolError):
        ENGINE_MESSAGES.decode(bytes(changed))


def test_who_may_register_what() -> None:
    with pytest.raises(UsageError):
        ENGINE_MESSAGES.with_types({FIRST_GAME_ID - 1: Chat})
    with pytest.raises(UsageError):
        GAME.with_types({FIRST_GAME_ID: Farewell})
    with pytest.raises(UsageError):
        GAME.with_types({FIRST_GAME_ID + 1: Chat})
    with pytest.raises(UsageError):
        ENGINE_MESSAGES.encode(Chat("hello", b"", 1.0))
