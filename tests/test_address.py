"""Addresses as text, there and back."""

from __future__ import annotations

import pytest

from engine.address import format_address, is_loopback, parse_address
from engine.errors import UsageError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("1.2.3.4:5", ("1.2.3.4", 5)),
        ("localhost:65535", ("localhost", 65535)),
        ("[::1]:7777", ("::1", 7777)),
        ("[fe80::1%eth0]:1", ("fe80::1%eth0", 1)),
    ],
)
def test_an_address_is_read_and_written_back(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address
    assert format_address(address) == text


@pytest.mark.parametrize(
    ("text", "host"), [("example.org", "example.org"), ("[::1]", "::1"), ("::1", "::1"), ("2001:db8::2", "2001:db8::2")]
)
def test_a_bare_host_takes_the_default_port(text: str, host: str) -> None:
    assert parse_address(text, default_port=99) == (host, 99)
    with pytest.raises(UsageError):
        parse_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":5",
        "[]:5",
        "[::1",
        "[::1]5",
        "[::1]x:5",
        "host:0",
        "host:65536",
        "host:-1",
        "host:1e3",
        "host: 5",
        "host:٣",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_address(text, default_port=99)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("name", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
