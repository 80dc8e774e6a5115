"""Secrets from files and the environment; that they stay out of every repr and every error."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.ops.secrets import load_password, load_private_key, read_secret_file

KEY = bytes(range(100, 132))


def entropy(count: int) -> bytes:
    return b"\xee" * count


@pytest.mark.parametrize(
    "data",
    [
        KEY,
        KEY.hex().encode(),
        KEY.hex().upper().encode() + b"\r\n",
        base64.b64encode(KEY) + b"\n",
        b" " + KEY.hex().encode(),
    ],
)
def test_a_key_file_in_each_form(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "server.key"
    file.write_bytes(data)
    found = load_private_key(file, {"TICKWIRE_PRIVATE_KEY": "ignored"}, entropy)
    assert found.key == KEY
    assert not found.made_at_start


def test_urlsafe_base64() -> None:
    key = b"\xfb\xff" * 16
    text = base64.urlsafe_b64encode(key).decode()
    assert "_" in text
    assert load_private_key(None, {"TICKWIRE_PRIVATE_KEY": text}, None).key == key


def test_environment_and_then_chance() -> None:
    assert load_private_key(None, {"TICKWIRE_PRIVATE_KEY": KEY.hex()}, entropy).key == KEY
    drawn = load_private_key(None, {}, entropy)
    assert drawn.key == b"\xee" * 32
    assert drawn.made_at_start
    with pytest.raises(UsageError, match="--private-key-file"):
        load_private_key(None, {}, None)


@pytest.mark.parametrize(
    "text", ["", "hunter2", "x" * 32, "zz" * 32, KEY.hex()[:-2], base64.b64encode(KEY[:31]).decode()]
)
def test_no_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(UsageError, match="TICKWIRE_PRIVATE_KEY holds no private key") as caught:
        load_private_key(None, {"TICKWIRE_PRIVATE_KEY": text}, entropy)
    assert not text or text not in str(caught.value)


def test_the_repr_keeps_the_key() -> None:
    assert repr(load_private_key(None, {}, entropy)) == "PrivateKey(made_at_start=True)"


def test_password_from_file_then_environment(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes("pass wörd \r\nsecond line\n".encode())
    assert load_password(file, {"TICKWIRE_PASSWORD": "other"}) == "pass wörd "
    assert load_password(None, {"TICKWIRE_PASSWORD": "other"}) == "other"
    assert load_password(None, {}) is None


@pytest.mark.parametrize("data", [b"", b"\n", b"\xff\xfe", b"x" * 70_000])
def test_a_file_that_holds_no_password(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(data)
    with pytest.raises(UsageError):
        load_password(file, {})


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read: No such file"):
        read_secret_file(tmp_path / "none")
    with pytest.raises(UsageError, match="can't be read"):
        read_secret_file(tmp_path)
    with pytest.raises(UsageError, match="empty password"):
        load_password(None, {"TICKWIRE_PASSWORD": ""})
