"""The lobby's decisions, in the order in which it takes them, with literal times and a mint that can be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine.address import Address
from engine.errors import UsageError
from engine.identity import UserData, decode_user_data, encode_resume_ticket
from engine.link.netcode import mint_connect_token, read_connect_token
from engine.ops.access import parse_rules
from engine.ops.figures import ServerFigures
from engine.ops.lobby import lobby as lobby_module
from engine.ops.lobby.lobby import Issued, Lobby, LobbyConfig, MatchStatus, server_addresses
from engine.ops.lobby.policy import Door, Grant, JoinRequest, OpenDoor, PasswordDoor, Refused

UNIX = 1_700_000_000.25
BIND = ("192.168.0.5", 40000)


class Minted:
    """Stands in for the mint: keeps what it was asked for."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def __call__(self, **wanted: Any) -> bytes:
        self.calls.append(wanted)
        return b"token"


def make(
    door: Door | None = None,
    bind: Address = BIND,
    public: tuple[Address, ...] = (),
    rules: Sequence[str] = (),
    max_spectators: int = 0,
) -> tuple[Lobby, Minted]:
    config = LobbyConfig(
        title="Arena", version="arena 1", protocol_id=77, private_key=bytes(32), bind=bind, public=public,
        door=door or OpenDoor(), rules=parse_rules(rules), token_lifetime=45, timeout=10, max_players=2,
        max_spectators=max_spectators,
    )  # fmt: skip
    minted = Minted()
    return Lobby(config, minted, lambda count: bytes(range(1, count + 1))), minted


def ask(
    lobby: Lobby, name: str = "ann", host: str = "192.168.0.77", now: float = 50.0, **more: Any
) -> Issued | Refused:
    return lobby.join(JoinRequest(name=name, **more), host, "192.168.0.5", now, UNIX)


def reason(answer: Issued | Refused) -> str:
    assert isinstance(answer, Refused)
    return answer.reason


def name_given(answer: Issued | Refused) -> str:
    assert isinstance(answer, Issued), answer
    return answer.name


def test_a_token_says_who_and_where() -> None:
    lobby, minted = make()
    answer = ask(lobby, "  ann ")
    assert answer == Issued(
        connect_token=b"token", client_id=0x0807060504030201, name="ann", server="192.168.0.5:40000",
        expires=1_700_000_046,
    )  # fmt: skip
    (wanted,) = minted.calls
    assert decode_user_data(wanted["user_data"]) == UserData("ann")
    # Rounded up, so that a match that started within this second does not take it for an old one.
    assert wanted["create_time"] == 1_700_000_001
    assert (wanted["expire_seconds"], wanted["timeout_seconds"]) == (45, 10)
    assert (wanted["protocol_id"], wanted["addresses"]) == (77, (BIND,))
    assert lobby.outcomes == {"issued": 1}


def test_the_real_mint_takes_what_the_lobby_gives() -> None:
    config = make()[0].config
    answer = ask(Lobby(config, mint_connect_token, lambda count: b"\x05" * count))
    assert isinstance(answer, Issued)
    token = read_connect_token(answer.connect_token)
    assert token.addresses == (BIND,)
    assert token.expire_timestamp == answer.expires
    assert "token" not in repr(answer).replace("connect_token", "")


def test_the_first_refusal_that_applies() -> None:
    lobby, minted = make(PasswordDoor("p"), rules=["deny 192.168.0.66"])
    assert reason(ask(lobby, "", "192.168.0.66", protocol_id=1)) == "not-allowed"
    assert reason(ask(lobby, "", protocol_id=1)) == "wrong-version"
    assert reason(ask(lobby, "", protocol_id=77)) == "bad-name"
    assert reason(ask(lobby, "ann", protocol_id=77)) == "password-needed"
    assert reason(ask(lobby, "ann", password="q")) == "wrong-password"
    assert name_given(ask(lobby, "ann", password="p")) == "ann"
    lobby.tell(MatchStatus(figures=ServerFigures(players=2, max_players=2)), 50.0)
    assert reason(ask(lobby, "bob", password="p")) == "server-full"
    assert reason(ask(lobby, "bob", password="q")) == "wrong-password"
    assert len(minted.calls) == 1


def test_who_comes_to_watch_needs_no_place_among_the_players() -> None:
    lobby, _ = make()
    assert reason(ask(lobby, "eve", watches=True)) == "no-spectators"
    lobby, minted = make(PasswordDoor("p"), max_spectators=1)
    lobby.tell(MatchStatus(figures=ServerFigures(players=2, max_players=2)), 50.0)
    assert reason(ask(lobby, "eve", watches=True)) == "password-needed"
    assert name_given(ask(lobby, "eve", password="p", watches=True)) == "eve"
    assert decode_user_data(minted.calls[-1]["user_data"]) == UserData("eve", watches=True)
    lobby.tell(MatchStatus(figures=ServerFigures(players=0, max_players=2, spectators=1)), 51.0)
    assert reason(ask(lobby, "fay", password="p", watches=True, now=51.0)) == "server-full"
    assert name_given(ask(lobby, "gus", password="p", now=51.0)) == "gus"


def test_rules_can_change() -> None:
    lobby, _ = make()
    lobby.set_rules(parse_rules(["deny 192.168.0.0/16"]))
    assert reason(ask(lobby)) == "not-allowed"
    assert not lobby.permits("192.168.0.77")


def test_attempts_are_rationed_by_prefix() -> None:
    lobby, _ = make()
    for number in range(lobby_module.JOIN_BURST):
        assert isinstance(ask(lobby, f"p{number}", f"192.168.0.{number}"), Issued)
    refused = ask(lobby, "late")
    assert isinstance(refused, Refused)
    assert (refused.status, refused.reason) == (429, "too-many")
    assert refused.retry_after == pytest.approx(1 / lobby_module.JOIN_HZ)
    assert isinstance(ask(lobby, "elsewhere", "192.168.1.1"), Issued)
    assert isinstance(ask(lobby, "later", now=50.25), Issued)


def test_failures_are_rationed_harder_and_success_is_not_counted() -> None:
    lobby, _ = make(PasswordDoor("p"))
    for _ in range(20):
        assert isinstance(ask(lobby, password="p"), Issued)
    for _ in range(lobby_module.FAILURE_BURST):
        assert reason(ask(lobby, password="q")) == "wrong-password"
    # The right one is not tried either: whoever guesses must not learn it.
    refused = ask(lobby, password="p")
    assert isinstance(refused, Refused)
    assert (refused.status, refused.reason) == (429, "too-many-failures")
    assert refused.retry_after == pytest.approx(1 / lobby_module.FAILURE_HZ)
    assert isinstance(ask(lobby, password="p", host="10.0.0.1"), Issued)
    assert isinstance(ask(lobby, password="p", now=60.0), Issued)


def test_names_are_numbered_not_refused() -> None:
    lobby, _ = make()
    lobby.tell(MatchStatus(figures=ServerFigures(players=1, max_players=8), names=("Bob",)), 50.0)
    assert name_given(ask(lobby, "bob")) == "bob 2"
    assert name_given(ask(lobby, "ann")) == "ann"
    assert name_given(ask(lobby, "ANN")) == "ANN 2"  # given out, though nobody has come in by it yet
    assert name_given(ask(lobby, "ann", now=50.0 + lobby_module.RESERVE_SECONDS)) == "ann"


def test_a_name_that_came_in_and_left_is_free_at_once() -> None:
    lobby, _ = make()
    assert name_given(ask(lobby, "ann")) == "ann"
    lobby.tell(MatchStatus(figures=ServerFigures(players=1), names=("ann",)), 51.0)
    assert name_given(ask(lobby, "bob", now=51.0)) == "bob"
    lobby.tell(MatchStatus(figures=ServerFigures(), names=()), 52.0)
    assert name_given(ask(lobby, "ann", now=52.0)) == "ann"


def test_reserved_names_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lobby_module, "MAX_RESERVED", 2)
    lobby, _ = make()
    assert [reason(a) if isinstance(a, Refused) else a.name for a in (ask(lobby, n) for n in "abc")] == [
        "a",
        "b",
        "busy",
    ]
    assert name_given(ask(lobby, "c", now=61.0)) == "c"


def test_room_is_what_the_match_says() -> None:
    lobby, _ = make()
    assert isinstance(ask(lobby), Issued)  # it has not said anything yet
    lobby.tell(MatchStatus(figures=ServerFigures(players=2)), 50.0)  # and now not how many fit
    assert reason(ask(lobby)) == "server-full"


def test_health_is_news_lately() -> None:
    lobby, _ = make()
    assert not lobby.is_well(0.0)
    lobby.tell(MatchStatus(figures=ServerFigures()), 100.0)
    assert lobby.is_well(105.0)
    assert not lobby.is_well(105.1)


@pytest.mark.parametrize(
    ("bind", "public", "reached", "named"),
    [
        (BIND, (), "192.168.0.5", [BIND]),
        (BIND, (("203.0.113.7", 40000),), "192.168.0.5", [("203.0.113.7", 40000)]),
        (("0.0.0.0", 40000), (), "192.168.0.5", [("192.168.0.5", 40000), ("127.0.0.1", 40000)]),
        (("0.0.0.0", 40000), (), "127.0.0.1", [("127.0.0.1", 40000)]),
        (("0.0.0.0", 40000), (), None, [("127.0.0.1", 40000)]),
        (("0.0.0.0", 40000), (), "no address", [("127.0.0.1", 40000)]),
        (("0.0.0.0", 40000), (("203.0.113.7", 4),), "192.168.0.5", [("203.0.113.7", 4)]),
        (("::", 40000), (), "2001:db8::1", [("2001:db8::1", 40000), ("::1", 40000)]),
        (("::", 40000), (), "::ffff:192.168.0.5", [("192.168.0.5", 40000), ("::1", 40000)]),
        (("::", 40000), (), "fe80::1%eth0", [("fe80::1", 40000), ("::1", 40000)]),
    ],
)
def test_addresses_of_a_token(
    bind: Address, public: tuple[Address, ...], reached: str | None, named: list[Address]
) -> None:
    lobby, minted = make(bind=bind, public=public)
    lobby.join(JoinRequest(name="ann"), "192.168.0.77", reached, 50.0, UNIX)
    assert list(minted.calls[0]["addresses"]) == named
    # What the match knows as its own is among them, whatever the player called it.
    assert set(server_addresses(bind, public)) <= set(named)


def test_the_bound_host_is_an_address() -> None:
    with pytest.raises(UsageError, match="localhost"):
        server_addresses(("localhost", 40000))


def test_the_private_key_stays_out_of_the_repr() -> None:
    assert "private_key" not in repr(make()[0].config)


def test_who_comes_back_brings_its_secret_and_its_number() -> None:
    lobby, minted = make()
    ticket = encode_resume_ticket(4711, b"s" * 16)
    figures = ServerFigures(players=1, away=1, max_players=2)
    lobby.tell(MatchStatus(figures=figures, names=("ann", "bob")), 50.0)
    assert reason(ask(lobby, "carol")) == "server-full", "a place that is kept is taken"
    assert name_given(ask(lobby, resume=ticket)) == "ann 2", "only the match knows that it is the same ann"
    (wanted,) = minted.calls
    assert wanted["client_id"] == 4711
    assert decode_user_data(wanted["user_data"]) == UserData("ann 2", b"s" * 16)


def test_the_doors_word_on_who_it_is_goes_before_the_tickets() -> None:
    class Accounts:
        kind = "token"

        def admit(self, request: JoinRequest, unix_now: float) -> Grant:
            return Grant(client_id=6666)

    lobby, minted = make(door=Accounts())
    ask(lobby, resume=encode_resume_ticket(4711, b"s" * 16))
    assert minted.calls[0]["client_id"] == 6666


def test_a_ticket_stays_out_of_a_repr() -> None:
    assert "7373" not in repr(JoinRequest(name="ann", resume=encode_resume_ticket(1, b"s" * 16)))
