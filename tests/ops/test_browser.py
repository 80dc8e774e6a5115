from __future__ import annotations

import json

import pytest

from engine.address import Address
from engine.errors import NetError
from engine.ops.browser import ASK_SECONDS, AT_ONCE, Browser, ServerSeen, ServerStatus, _read_status

STATUS = ServerStatus(title="Arena", protocol_id=5, door="open", players=2, bots=3, max_players=16, ping=0.02)


class Lobby:
    """Answers as it is told to, and counts."""

    def __init__(self, answers: dict[Address, ServerStatus]) -> None:
        self.answers = answers
        self.asked: list[Address] = []

    def __call__(self, address: Address) -> ServerStatus:
        self.asked.append(address)
        if address not in self.answers:
            raise NetError("not there")
        return self.answers[address]


def settled(browser: Browser, known: list[str], now: float) -> list[ServerSeen]:
    """Let the questions of this moment be answered: their threads wait for nothing."""
    for _ in range(2000):
        browser.servers(known, now)
        if not browser.under_way:
            return browser.servers(known, now)
    raise AssertionError("no answer")


def test_known_servers_are_asked_and_asked_again_in_a_while() -> None:
    lobby = Lobby({("10.0.0.1", 40000): STATUS})
    browser = Browser(5, bytes, None, lobby)
    lines = settled(browser, ["10.0.0.1:40000", "10.0.0.2:40000", "10.0.0.1:40000"], 0.0)
    assert lines == [
        ServerSeen(
            address="10.0.0.1:40000",
            title="Arena",
            players=2,
            bots=3,
            max_players=16,
            ping=0.02,
            same_version=True,
        ),
        ServerSeen(address="10.0.0.2:40000", words="not there"),
    ]
    settled(browser, ["10.0.0.1:40000"], ASK_SECONDS - 0.1)
    assert lobby.asked.count(("10.0.0.1", 40000)) == 1
    settled(browser, ["10.0.0.1:40000"], ASK_SECONDS + 0.1)
    assert lobby.asked.count(("10.0.0.1", 40000)) == 2
    browser.refresh()
    settled(browser, ["10.0.0.1:40000"], ASK_SECONDS + 0.2)
    assert lobby.asked.count(("10.0.0.1", 40000)) == 3


def test_many_are_asked_a_few_at_a_time() -> None:
    browser = Browser(5, bytes, None, Lobby({}))
    browser.servers([f"10.0.0.{number}:1" for number in range(20)], 0.0)
    assert browser.under_way <= AT_ONCE


def test_an_address_that_is_none_is_a_line_too() -> None:
    assert settled(Browser(5, bytes, None, Lobby({})), ["[", ":", "a:b"], 0.0)[0].words == "not there"


def test_another_version_and_a_locked_door_are_told() -> None:
    lobby = Lobby({("a", 1): ServerStatus(**{**_fields(STATUS), "protocol_id": 6, "door": "password"})})
    (line,) = settled(Browser(5, bytes, None, lobby), ["a:1"], 0.0)
    assert (line.same_version, line.locked) == (False, True)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 9000, b" " * 20000])
def test_what_is_no_status_is_refused(body: bytes) -> None:
    with pytest.raises(NetError, match="not as a lobby"):
        _read_status(body, 0.1)


def test_a_strange_status_is_made_fit_to_be_shown() -> None:
    told = {"title": "x\n" * 90, "protocol": "zz", "players": -4, "bots": "many", "max_players": 2**70, "door": 3}
    status = _read_status(json.dumps(told).encode(), 0.1)
    assert status.title.isprintable()
    assert (status.protocol_id, status.players, status.bots, status.max_players) == (None, None, None, 0)


def _fields(status: ServerStatus) -> dict[str, object]:
    return {name: getattr(status, name) for name in status.__dataclass_fields__}
