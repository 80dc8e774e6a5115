"""Who a player says to be: names, and the 256 bytes of a connect token that carry one from the lobby to the match.

A name comes from a stranger and ends in every player's picture, in logs and on consoles, so it is made of visible
characters only: no controls, no bidirectional overrides, no zero-width joiners, no towers of accents. Two names that
read alike (case, width, spaces) count as the same. Not here: telling look-alike letters of different scripts apart.

User data of a connect token, 256 bytes:

    u8      1, the format
    u8      n, 1..96
    n       the name, UTF-8, as `clean_name` returns it
    u8      r: 0, or 16 where the player wants its former place back
    r       the secret that the match gave it for that (docs/decisions/resume.md)
    u8      1 where it comes to watch, and wants no place at all; else 0
    rest    zeros

What the match gives a player to come back with is its *resume ticket*, 48 hex digits that mean nothing to the player:
its client id (u64, little-endian), and the secret.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field

from engine.errors import ProtocolError, UsageError
from engine.text import MAX_MARKS, is_hidden

MAX_NAME_CHARACTERS = 24
"""Fits above a player's head and in a scoreboard's column."""
MAX_NAME_BYTES = 4 * MAX_NAME_CHARACTERS
"""What so many characters take in UTF-8 at most."""
USER_DATA_BYTES = 256
"""netcode's room for what a backend tells the server about a player."""
USER_DATA_FORMAT = 1
RESUME_SECRET_BYTES = 16
"""Nobody guesses 128 bits."""
RESUME_TICKET_BYTES = 8 + RESUME_SECRET_BYTES
_TICKET = re.compile(f"[0-9a-f]{{{2 * RESUME_TICKET_BYTES}}}")


def clean_name(text: str) -> str:
    """Return `text` as a name: composed (NFC), without spaces around it, inner runs of spaces made one.

    Raises UsageError saying what is wrong with it.
    """
    name = " ".join(part for part in unicodedata.normalize("NFC", text).split(" ") if part)
    if not name:
        raise UsageError("a name needs at least one visible character")
    if len(name) > MAX_NAME_CHARACTERS:
        raise UsageError(f"a name has at most {MAX_NAME_CHARACTERS} characters, got {len(name)}")
    marks = 0
    for at, character in enumerate(name):
        marks = marks + 1 if unicodedata.category(character)[0] == "M" else 0
        if is_hidden(character) or marks > MAX_MARKS or marks > at:
            raise UsageError(f"a name is made of visible characters: U+{ord(character):04X} may not stand there")
    return name


def name_key(name: str) -> str:
    """Return what names that read alike have in common, to look for duplicates by."""
    return unicodedata.normalize("NFKC", name).casefold().replace(" ", "")


def free_name(name: str, taken: Collection[str]) -> str:
    """Return `name`, or `name` with the first number that makes it unlike all of `taken` (keys by `name_key`)."""
    candidate, number = name, 2
    while name_key(candidate) in taken:
        suffix = f" {number}"
        candidate = name[: MAX_NAME_CHARACTERS - len(suffix)].rstrip(" ") + suffix
        number += 1
    return candidate


@dataclass(frozen=True, slots=True)
class UserData:
    """What a connect token says about a player. `resume`: the secret to a former place; empty: it wants a new one.
    watches: it wants none."""

    name: str
    resume: bytes = field(default=b"", repr=False)
    watches: bool = False


def encode_user_data(name: str, resume: bytes = b"", watches: bool = False) -> bytes:
    """Return the user data of a token for `name`. Raises UsageError when it is no name, or `resume` no secret."""
    if len(resume) not in (0, RESUME_SECRET_BYTES):
        raise UsageError(f"a resume secret has {RESUME_SECRET_BYTES} bytes, got {len(resume)}")
    data = clean_name(name).encode()
    head = bytes((USER_DATA_FORMAT, len(data))) + data + bytes((len(resume),)) + resume + bytes((watches,))
    return head.ljust(USER_DATA_BYTES, b"\x00")


def decode_user_data(data: bytes) -> UserData:
    """Return what a token's user data says. Raises ProtocolError when it is not what `encode_user_data` writes."""
    if len(data) != USER_DATA_BYTES:
        raise ProtocolError("bad-user-data", f"{len(data)} bytes, not {USER_DATA_BYTES}")
    if data[0] != USER_DATA_FORMAT:
        raise ProtocolError("bad-user-data", f"format {data[0]}, not {USER_DATA_FORMAT}")
    if data[1] > MAX_NAME_BYTES:
        raise ProtocolError("bad-user-data", f"{data[1]} bytes of name")
    name_end = 2 + data[1]
    end = name_end + 1 + data[name_end]
    if data[name_end] not in (0, RESUME_SECRET_BYTES) or data[end] > 1 or any(data[end + 1 :]):
        raise ProtocolError("bad-user-data", f"{data[name_end]} bytes of resume secret, or more behind it")
    try:
        text = data[2:name_end].decode()
        name = clean_name(text)
    except (UnicodeDecodeError, UsageError) as error:
        raise ProtocolError("bad-user-data", str(error)) from error
    if name != text:
        raise ProtocolError("bad-user-data", "a name that is not clean")
    return UserData(name, data[name_end + 1 : end], data[end] == 1)


def encode_resume_ticket(client_id: int, secret: bytes) -> str:
    """Return what the player `client_id` comes back with. Raises UsageError for values out of range."""
    if not 0 <= client_id < 2**64 or len(secret) != RESUME_SECRET_BYTES:
        raise UsageError(f"no resume ticket: client id {client_id}, {len(secret)} bytes of secret")
    return (client_id.to_bytes(8, "little") + secret).hex()


def decode_resume_ticket(ticket: str) -> tuple[int, bytes]:
    """Return client id and secret. Raises ProtocolError when it is no ticket."""
    if not _TICKET.fullmatch(ticket):
        raise ProtocolError("bad-resume-ticket", f"{len(ticket)} characters, not {2 * RESUME_TICKET_BYTES} hex digits")
    data = bytes.fromhex(ticket)
    return int.from_bytes(data[:8], "little"), data[8:]
