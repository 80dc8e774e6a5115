"""Text from strangers, made fit for a terminal, a log or a screen: a name, a reason or a line may hold anything."""

from __future__ import annotations

import unicodedata

MAX_MARKS = 2
"""Combining marks on one character: enough for every living language, too few to climb over the line above."""

_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols by their category, and nothing to see."""


def printable(text: str) -> str:
    """Return `text` with everything that does not print written as \\uXXXX (or \\UXXXXXXXX)."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}" for c in text
    )


def is_hidden(character: str) -> bool:
    """Tell whether `character` shows nothing, or changes how others show: controls, bidirectional overrides, joiners,
    unassigned ones, and every space but the plain one."""
    category = unicodedata.category(character)
    return category[0] == "C" or (category[0] == "Z" and character != " ") or character in _BLANK


def clean_line(text: str, most: int) -> str:
    """Return `text` as one line of at most `most` visible characters: what is hidden is left out, spaces of any kind
    and line ends are one space, towers of accents are cut. It may be empty, and cleaning it again changes nothing."""
    shown = "".join(
        " " if each.isspace() or unicodedata.category(each)[0] == "Z" else each
        for each in text
        if each.isspace() or unicodedata.category(each)[0] == "Z" or not is_hidden(each)
    )
    line: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", shown):
        marks = marks + 1 if unicodedata.category(character)[0] == "M" else 0
        double = character == " " and (not line or line[-1] == " ")
        if not double and marks <= MAX_MARKS and not (marks and (not line or line[-1] == " ")):
            line.append(character)
    return "".join(line[:most]).rstrip(" ")
