"""Text from strangers, made fit for a terminal, a log or a screen: a name or a reason may hold anything."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return `text` with everything that does not print written as \\uXXXX (or \\UXXXXXXXX)."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}" for c in text
    )
