"""Names and the user data of tokens: what may stand in a name, and that nothing but a name comes out of 256 bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ProtocolError, UsageError
from engine.identity import (
    MAX_NAME_BYTES,
    MAX_NAME_CHARACTERS,
    RESUME_TICKET_BYTES,
    USER_DATA_BYTES,
    UserData,
    clean_name,
    decode_resume_ticket,
    decode_user_data,
    encode_resume_ticket,
    encode_user_data,
    free_name,
    name_key,
)


def is_name(text: str) -> bool:
    try:
        return clean_name(text) == text
    except UsageError:
        return False


names = st.text(max_size=MAX_NAME_CHARACTERS).filter(is_name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ann", "ann"),
        ("  Ann   Lee ", "Ann Lee"),
        ("e\u0301a", "éa"),  # composed
        ("Ærøskøbing", "Ærøskøbing"),
        ("玩家一号", "玩家一号"),
        ("नमस्ते", "नमस्ते"),
        ("<b>&\"'=;", "<b>&\"'=;"),
        ("x" * 24, "x" * 24),
        ("\U0001f916", "\U0001f916"),
    ],
)
def test_a_name_is_cleaned(text: str, name: str) -> None:
    assert clean_name(text) == name
    assert clean_name(name) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "x" * 25,
        "a\nb",
        "a\x1b[31mb",
        "a\x00b",
        "a\u202eb",  # right-to-left override
        "a\u2066b",  # isolate
        "a\u200bb",  # zero width space
        "a\u200db",  # zero width joiner
        "a\ufeffb",
        "a\u00a0b",  # a space that is none
        "a\u2028b",
        "\u3164",  # a letter that shows nothing
        "\u2800",
        "a\u0301\u0302\u0303\u0304",  # a tower (the first composes)
        "\u0301a",  # a mark on nothing
        "a\ue000",  # private use
        "a\ud800",  # half a surrogate pair
        "a\U000e0041",  # tag
    ],
)
def test_what_does_not_show_is_no_name(text: str) -> None:
    with pytest.raises(UsageError):
        clean_name(text)


def test_names_that_read_alike_count_as_the_same() -> None:
    assert name_key("Ann Lee") == name_key("annlee") == name_key("ＡＮＮ ＬＥＥ")
    assert name_key("ann") != name_key("ann 2")


def test_a_taken_name_gets_the_first_free_number() -> None:
    assert free_name("ann", ()) == "ann"
    assert free_name("Ann", {name_key("ann")}) == "Ann 2"
    assert free_name("ann", {name_key("ann"), name_key("ann 2"), name_key("ann 4")}) == "ann 3"
    assert free_name("x" * 24, {"x" * 24}) == "x" * 22 + " 2"


@given(names, st.integers(1, 12))
@settings(deadline=None, max_examples=100)
def test_free_names_are_names_and_differ(name: str, count: int) -> None:
    taken: set[str] = set()
    for _ in range(count):
        free = free_name(name, taken)
        assert len(free) <= MAX_NAME_CHARACTERS
        assert clean_name(free)
        assert name_key(free) not in taken
        taken.add(name_key(free))


@given(names, st.just(b"") | st.binary(min_size=16, max_size=16), st.booleans())
@settings(deadline=None, max_examples=200)
def test_user_data_round_trip(name: str, resume: bytes, watches: bool) -> None:
    data = encode_user_data(name, resume, watches)
    assert len(data) == USER_DATA_BYTES
    assert decode_user_data(data) == UserData(name, resume, watches)


def test_user_data_bytes() -> None:
    assert encode_user_data("zoé") == b"\x01\x04zo\xc3\xa9" + bytes(250)
    assert len("\U0001f916".encode() * 24) == MAX_NAME_BYTES
    assert encode_user_data("zoé", b"s" * 16) == b"\x01\x04zo\xc3\xa9\x10" + b"s" * 16 + bytes(233)
    assert encode_user_data("zoé", watches=True) == b"\x01\x04zo\xc3\xa9\x00\x01" + bytes(248)
    assert decode_user_data(encode_user_data("\U0001f916" * 24)) == UserData("\U0001f916" * 24)
    with pytest.raises(UsageError, match="got 15"):
        encode_user_data("ann", bytes(15))


def test_secrets_stay_out_of_a_repr() -> None:
    assert "resume" not in repr(UserData("ann", b"s" * 16))


@given(st.integers(0, 2**64 - 1), st.binary(min_size=16, max_size=16))
@settings(deadline=None, max_examples=50)
def test_resume_ticket_round_trip(client_id: int, secret: bytes) -> None:
    ticket = encode_resume_ticket(client_id, secret)
    assert len(ticket) == 2 * RESUME_TICKET_BYTES
    assert decode_resume_ticket(ticket) == (client_id, secret)


def test_what_is_no_resume_ticket() -> None:
    assert encode_resume_ticket(0x0102, b"s" * 16) == "0201" + "00" * 6 + "73" * 16
    with pytest.raises(UsageError, match="no resume ticket"):
        encode_resume_ticket(2**64, bytes(16))
    with pytest.raises(UsageError, match="15 bytes"):
        encode_resume_ticket(1, bytes(15))
    for text in ("", "0" * 47, "0" * 49, "g" * 48, "A" * 48, " " + "0" * 47, "0" * 48 + "\n"):
        with pytest.raises(ProtocolError, match="bad-resume-ticket"):
            decode_resume_ticket(text)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(256),
        b"\x01\x03ann" + bytes(250),  # 255 bytes
        b"\x02\x03ann" + bytes(251),
        b"\x01\x00" + bytes(254),
        b"\x01\x61" + b"x" * 97 + bytes(157),
        b"\x01\xff" + b"x" * 254,
        b"\x01\x02ann" + bytes(251),  # more than the length says
        b"\x01\x04ann" + bytes(251),  # a zero in the name
        b"\x01\x02\xc3\x28" + bytes(252),
        b"\x01\x04 ann" + bytes(250),  # not clean
        b"\x01\x03ann\x0f" + b"s" * 15 + bytes(235),  # a secret of another length
        b"\x01\x03ann\x10" + b"s" * 17 + bytes(233),  # more than the secret
        b"\x01\x03ann\x00\x02" + bytes(249),  # neither watches nor plays
        b"\x01\x03ann\x00\x01\x01" + bytes(248),
    ],
)
def test_other_user_data_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="bad-user-data"):
        decode_user_data(data)


@given(st.binary(min_size=254, max_size=256) | st.binary(max_size=254).map(lambda d: (b"\x01" + d).ljust(256, b"\0")))
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_a_name_or_a_protocol_error(data: bytes) -> None:
    try:
        read = decode_user_data(data)
    except ProtocolError:
        return
    assert encode_user_data(read.name, read.resume, read.watches) == data
