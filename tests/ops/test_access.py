"""Access lists: what a rule means, against a plain loop over `ipaddress`, and reading the file again."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.ops import access
from engine.ops.access import Access, Rules, parse_network, parse_rules


def rules(*lines: str) -> Rules:
    return parse_rules(lines)


@pytest.mark.parametrize(
    ("lines", "host", "permitted"),
    [
        ((), "203.0.113.9", True),
        ((), "2001:db8::1", True),
        (("deny 203.0.113.0/24",), "203.0.113.9", False),
        (("deny 203.0.113.0/24",), "203.0.114.9", True),
        (("deny 203.0.113.0/24",), "::ffff:203.0.113.9", False),
        (("deny ::ffff:203.0.113.0/120",), "203.0.113.9", False),
        (("deny 203.0.113.9",), "203.0.113.9", False),
        (("deny 0.0.0.0/0",), "2001:db8::1", True),
        (("deny ::/0",), "203.0.113.9", True),
        (("deny 2001:db8::/32",), "2001:db8:5::1", False),
        (("deny fe80::/10",), "fe80::1%eth0", False),
        (("allow 10.0.0.0/8",), "10.1.2.3", True),
        (("allow 10.0.0.0/8",), "11.1.2.3", False),
        (("allow 10.0.0.0/8",), "2001:db8::1", False),
        (("allow 10.0.0.0/8", "deny 10.1.0.0/16"), "10.1.2.3", False),
        (("deny 10.1.0.0/16", "allow 10.0.0.0/8"), "10.2.2.3", True),
        ((), "no address", False),
        ((), "", False),
    ],
)
def test_rules(lines: tuple[str, ...], host: str, permitted: bool) -> None:
    lists = Access(rules(*lines))
    assert lists.permits(host) is permitted
    assert lists.permits(host) is permitted  # from the cache


networks = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
    lambda pair: ipaddress.ip_network((ipaddress.IPv4Address(pair[0]), pair[1]), strict=False)
)


@given(st.lists(networks, max_size=6), st.lists(networks, max_size=6), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=200)
def test_look_up_agrees_with_a_plain_loop(
    allow: list[ipaddress.IPv4Network], deny: list[ipaddress.IPv4Network], number: int
) -> None:
    address = ipaddress.IPv4Address(number)
    expected = not any(address in network for network in deny) and (
        not allow or any(address in network for network in allow)
    )
    assert Access(Rules(tuple(allow), tuple(deny))).permits(str(address)) is expected


def test_comments_and_blank_lines() -> None:
    text = "# ours\n\n  allow 10.0.0.0/8   # the office\ndeny 10.0.0.7\n"
    assert parse_rules(text.splitlines()) == Rules(
        (ipaddress.ip_network("10.0.0.0/8"),), (ipaddress.ip_network("10.0.0.7/32"),)
    )


@pytest.mark.parametrize("line", ["permit 10.0.0.0/8", "deny", "deny 10.0.0.0/33", "deny a b", "deny example.org"])
def test_a_wrong_line_is_named(line: str) -> None:
    with pytest.raises(UsageError, match="line 2: "):
        parse_rules(["# first", line])


def test_host_bits_are_forgiven() -> None:
    assert parse_network(" 10.1.2.3/8 ") == ipaddress.ip_network("10.0.0.0/8")


def test_a_ban_wins_and_stays() -> None:
    lists = Access(rules("allow 10.0.0.0/8"))
    assert lists.permits("10.0.0.9")
    lists.ban("10.0.0.9")
    assert not lists.permits("10.0.0.9")
    assert lists.permits("10.0.0.8")
    assert Access(lists.rules).permits("10.0.0.9") is False
    with pytest.raises(UsageError):
        lists.ban("ann")


def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "access.txt"
    file.write_text("deny 10.0.0.1\n")
    lists = Access(rules("deny 10.0.0.3"), file)
    assert not lists.permits("10.0.0.1")
    assert lists.permits("10.0.0.2")
    assert lists.refresh() is False
    rewrite(file, "deny 10.0.0.2\n", at=2_000_000_000)
    assert lists.refresh() is True
    assert lists.permits("10.0.0.1")
    assert not lists.permits("10.0.0.2")
    assert not lists.permits("10.0.0.3")  # from the flags


def test_a_wrong_file_is_complained_about_once_and_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "access.txt"
    file.write_text("deny 10.0.0.1\n")
    lists = Access(path=file)
    rewrite(file, "denny 10.0.0.2\n", at=2_000_000_000)
    with pytest.raises(UsageError, match="line 1"):
        lists.refresh()
    assert lists.refresh() is False
    assert not lists.permits("10.0.0.1")
    file.unlink()
    with pytest.raises(UsageError, match="can't be read"):
        lists.refresh()
    assert not lists.permits("10.0.0.1")


def test_a_missing_file_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        Access(path=tmp_path / "none")


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MAX_CACHED", 4)
    lists = Access(rules("deny 10.0.0.3"))
    for number in range(20):
        assert lists.permits(f"10.0.0.{number}") is (number != 3)


def rewrite(file: Path, text: str, at: int) -> None:
    file.write_text(text)
    os.utime(file, (at, at))
