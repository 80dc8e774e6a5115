"""Lines from strangers: what is left out of them, what stays."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text import MAX_MARKS, clean_line, is_hidden, printable


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("well played", "well played"),
        ("  two   spaces\tand a tab ", "two spaces and a tab"),
        ("line\nand\r\nline\u2028end", "line and line end"),
        ("no\u00a0break\u3000and wide", "no break and wide"),
        ("\u202ereversed\u2066isolated\u2069", "reversedisolated"),
        ("zero\u200bwidth\u200djoined\ufeff", "zerowidthjoined"),
        ("bell\x07 escape\x1b[31m nul\x00", "bell escape[31m nul"),
        ("\ud800 alone", "alone"),
        ("blank\u3164\u2800braille", "blankbraille"),
        ("e\u0301t\u00e9", "\u00e9t\u00e9"),
        ("z\u0300\u0301\u0302\u0303\u0304algo", "z\u0300\u0301algo"),
        ("\u0301first", "first"),
        ("a \u0301b", "a b"),
        ("\u65e5\u672c\u8a9e \U0001f680", "\u65e5\u672c\u8a9e \U0001f680"),
        ("\u200b \u202e", ""),
        ("", ""),
    ],
)
def test_what_a_line_is_cleaned_to(text: str, line: str) -> None:
    assert clean_line(text, 40) == line


def test_a_line_is_cut_and_does_not_end_in_a_space() -> None:
    assert clean_line("abc def", 5) == "abc d"
    assert clean_line("abc def", 4) == "abc"


@given(st.text(max_size=80), st.integers(1, 60))
def test_whatever_is_said_a_line_is_fit_to_be_seen(text: str, most: int) -> None:
    line = clean_line(text, most)
    assert len(line) <= most
    assert line == line.strip(" ")
    assert "  " not in line
    assert not any(is_hidden(character) for character in line)
    marks = 0
    for character in line:
        marks = marks + 1 if unicodedata.category(character)[0] == "M" else 0
        assert marks <= MAX_MARKS
    assert clean_line(line, most) == line
    line.encode()


def test_what_does_not_print_is_written_out() -> None:
    assert printable("a\x07\u202e\U000e0001") == "a\\u0007\\u202e\\U000e0001"
    assert printable("plain") == "plain"
