"""Where secrets come from: a file or the environment, never a command line, which every user of the machine can read.

A private key is 32 bytes: as they are, as 64 hex digits, or as base64. `openssl rand -hex 32 > server.key` makes one.
Where none is given the server draws one at its start; then only its own lobby can mint tokens for it. What is read here
goes into fields that stay out of every repr, and into no log.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import UsageError

PRIVATE_KEY_VARIABLE = "TICKWIRE_PRIVATE_KEY"
PASSWORD_VARIABLE = "TICKWIRE_PASSWORD"
KEY_BYTES = 32
"""ChaCha20-Poly1305's key."""
MAX_FILE_BYTES = 64 * 1024
"""No key or password is longer; a wrong path may name anything."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The key that mints connect tokens. `made_at_start`: drawn here and now, so no older token can exist."""

    key: bytes = field(repr=False)
    made_at_start: bool


def load_private_key(
    path: Path | None, environ: Mapping[str, str], entropy: Callable[[int], bytes] | None
) -> PrivateKey:
    """Return the key in the file `path`, else in the environment, else a new one drawn from `entropy`.

    Raises UsageError when what is found is no key, or when nothing is found and `entropy` is None.
    """
    if path is not None:
        return PrivateKey(_parse_key(read_secret_file(path), f"the file {path}"), made_at_start=False)
    text = environ.get(PRIVATE_KEY_VARIABLE)
    if text is not None:
        return PrivateKey(_parse_key(text.encode("utf-8", "surrogateescape"), PRIVATE_KEY_VARIABLE), False)
    if entropy is None:
        raise UsageError(f"a private key is needed: --private-key-file FILE or {PRIVATE_KEY_VARIABLE}")
    return PrivateKey(entropy(KEY_BYTES), made_at_start=True)


def load_password(path: Path | None, environ: Mapping[str, str]) -> str | None:
    """Return the first line of the file `path`, else what the environment has, else None. Raises UsageError."""
    if path is None:
        text = environ.get(PASSWORD_VARIABLE)
        source = PASSWORD_VARIABLE
    else:
        source = f"the file {path}"
        try:
            text = read_secret_file(path).decode().partition("\n")[0].rstrip("\r")
        except UnicodeDecodeError as error:
            raise UsageError(f"{source} holds no password: it is not UTF-8 text") from error
    if text == "":
        raise UsageError(f"{source} holds an empty password")
    return text


def read_secret_file(path: Path) -> bytes:
    """Return the bytes of the file `path`. Raises UsageError when it can't be read, is empty or is too large."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"the file {path} can't be read: {error.strerror or error}") from error
    if not data:
        raise UsageError(f"the file {path} is empty")
    if len(data) > MAX_FILE_BYTES:
        raise UsageError(f"the file {path} is longer than any key: over {MAX_FILE_BYTES} bytes")
    return data


def _parse_key(data: bytes, source: str) -> bytes:
    """Return the 32 bytes in `data`. What was found stays out of the error, for it may be most of a key."""
    # 32 bytes that all print are a passphrase somebody typed, not a key: chance makes one in 10**13.
    if len(data) == KEY_BYTES and not all(32 <= byte < 127 for byte in data):
        return data
    text = data.strip()
    try:
        if len(text) == 2 * KEY_BYTES:
            return bytes.fromhex(text.decode("ascii"))
        key = base64.b64decode(text, altchars=b"-_" if b"-" in text or b"_" in text else None, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise UsageError(f"{source} holds no private key: {KEY_BYTES} bytes, {2 * KEY_BYTES} hex digits or base64")
    return key
