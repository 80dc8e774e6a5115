"""The door's flags: what they make of it, and what is refused. The lobby they open is tested where it is."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.ops.entrance import add_door_flags, check_flags, door_of

EVERYBODY = "0.0.0.0"


def options(*arguments: object) -> Namespace:
    parser = ArgumentParser()
    add_door_flags(parser)
    return parser.parse_args([str(each) for each in arguments])


def kind(given: Namespace, host: str = EVERYBODY, environ: dict[str, str] | None = None) -> str | None:
    door = door_of(given, host, environ or {})
    return None if door is None else door.kind


def test_each_way_in_has_its_flag(tmp_path: Path) -> None:
    secret = tmp_path / "password.txt"
    secret.write_text("correct horse battery\n", "utf-8")
    secret.chmod(0o600)
    assert kind(options("--open")) == "open"
    assert kind(options("--password-file", secret)) == "password"
    assert kind(options(), "127.0.0.1") == "open"
    assert kind(options("--no-lobby")) is None


def test_others_come_in_only_where_it_was_said_who_may() -> None:
    with pytest.raises(UsageError):
        door_of(options(), EVERYBODY, {})


def test_a_password_that_lies_in_the_environment_does_not_close_an_open_door() -> None:
    environ = {"TICKWIRE_PASSWORD": "correct horse battery"}
    assert kind(options(), environ=environ) == "password"
    assert kind(options("--open"), environ=environ) == "open"


def test_without_a_lobby_its_flags_are_refused_by_name() -> None:
    check_flags(options("--no-lobby", "--private-key-file", "key"))
    check_flags(options("--open", "--tls-self-signed"))
    with pytest.raises(UsageError, match="nothing for --open and --tls-cert to do"):
        check_flags(options("--no-lobby", "--open", "--tls-cert", "cert.pem"))
