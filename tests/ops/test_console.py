"""The server's console and the warden: who is put out by what is typed, and by what a file comes to say."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.address import Address
from engine.ops import logs
from engine.ops.access import Access, Rules, parse_rules, rule_changes
from engine.ops.console import Console
from engine.ops.warden import NOT_ADMITTED, Warden, network_of
from engine.server.members import Member
from engine.server.session import ServerSession


class Match(ServerSession):
    """Stands in for a match: keeps what it was asked for."""

    def __init__(self, *members: Member) -> None:
        self.here = list(members)
        self.said: list[str] = []
        self.removed: list[tuple[str, str]] = []

    def members(self, now: float) -> list[Member]:
        return list(self.here)

    def why(self, row: int, kind: str, other: int) -> str:
        return f"{row} {kind} {other}"

    def say(self, text: str) -> None:
        self.said.append(text)

    def remove(self, row: int, reason: str, now: float) -> bool:
        (gone,) = [each for each in self.here if each.row == row]
        self.here.remove(gone)
        self.removed.append((gone.name, reason))
        return True


ANN = Member(0, "ann", "player", ("198.51.100.7", 5000), 0.0234)
ANN2 = Member(1, "ann 2", "player", ("203.0.113.9", 5000))
BOB = Member(2, "Bob Ross", "away", ("2001:db8::7", 5000))
ADA = Member(3, "Ada", "bot")


class Desk:
    """A console, its match, and what the lobby was told."""

    def __init__(self, *members: Member, access: Access | None = None) -> None:
        self.match = Match(*members)
        self.told: list[Rules] = []
        self.ended = False
        self.access = access or Access()
        self.warden = Warden(self.match, self.access, self.told.append)
        self.console = Console(self.match, self.warden, self._end)

    def _end(self) -> None:
        self.ended = True

    def type(self, line: str) -> list[str]:
        return self.console.run(line, 0.0)


@pytest.fixture
def desk() -> Desk:
    return Desk(ANN, ANN2, BOB, ADA)


def test_list_shows_everyone(desk: Desk) -> None:
    assert desk.type("list") == [
        "ann                       player     198.51.100.7:5000      23 ms",
        "ann 2                     player     203.0.113.9:5000",
        "Bob Ross                  away       [2001:db8::7]:5000",
        "Ada                       bot",
    ]
    assert Desk().type("  LIST ") == ["nobody is here"]


@pytest.mark.parametrize(
    ("line", "name", "reason"),
    [
        ("kick ann", "ann", "kicked"),
        ("kick ANN spamming", "ann", "kicked: spamming"),
        ("kick ann 2", "ann 2", "kicked"),
        ("kick ann 2 be nice", "ann 2", "kicked: be nice"),
        ('kick "ann" 2 reasons', "ann", "kicked: 2 reasons"),
        ("kick bob ross", "Bob Ross", "kicked"),
        ("kick ada", "Ada", "kicked"),
    ],
)
def test_kick(desk: Desk, line: str, name: str, reason: str) -> None:
    assert desk.type(line) == [f"{name} is out"]
    assert desk.match.removed == [(name, reason)]
    assert desk.told == []


def test_nobody_of_that_name(desk: Desk) -> None:
    for line in ("kick an", "kick annie", 'kick "ann 2 and more"', "ban carol", "kick Bob"):
        assert desk.type(line)[0].startswith("nobody here is called"), line
    assert desk.type("kick") == desk.type('ban ""') == ["whom? type list"]
    assert desk.match.removed == []


def test_a_ban_by_name_keeps_the_address_out(desk: Desk) -> None:
    assert desk.type("ban ann aimbot") == ["198.51.100.7 is kept out; ann: out"]
    assert desk.match.removed == [("ann", "banned: aimbot")]
    assert not desk.access.permits("198.51.100.7")
    assert desk.told == [parse_rules(["deny 198.51.100.7"])]
    noise: list[tuple[bytes, Address]] = [(b"x", ("198.51.100.7", 1)), (b"y", ("198.51.100.8", 1))]
    assert desk.warden.admitted(noise) == noise[1:]


def test_a_ban_of_an_ipv6_player_holds_its_whole_network(desk: Desk) -> None:
    assert desk.type("ban Bob Ross") == ["2001:db8::/64 is kept out; Bob Ross: out"]
    assert network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("::ffff:1.2.3.4") == "1.2.3.4"
    assert network_of("1.2.3.4") == "1.2.3.4"


def test_a_ban_of_a_network_puts_everyone_in_it_out(desk: Desk) -> None:
    assert desk.type("ban 198.51.0.0/16") == ["198.51.0.0/16 is kept out; ann: out"]
    assert desk.type("ban 10.0.0.0/8 why not") == ["10.0.0.0/8 is kept out"]
    assert desk.match.removed == [("ann", "banned")]


def test_a_bot_has_no_address_to_ban(desk: Desk) -> None:
    assert desk.type("ban Ada") == ["Ada is a bot: kick it"]


def test_say_quit_help_and_what_is_none(desk: Desk) -> None:
    assert desk.type("say  back in five  ") == []
    assert desk.match.said == ["back in five"]
    assert desk.type("say") == ["say what?"]
    assert not desk.ended
    assert desk.type("quit") == []
    assert desk.ended
    assert any(line.startswith("ban NAME|NETWORK") for line in desk.type("help"))
    assert desk.type("") == []
    assert desk.type("frag\x1b[2J everyone") == ["there is no command 'frag\\\\u001b[2J': type help"]


def test_a_reason_is_cut_to_a_line(desk: Desk) -> None:
    desk.type("kick ann " + "x" * 1000)
    assert desk.match.removed == [("ann", "kicked: " + "x" * 200)]


# The access file ------------------------------------------------------------------------------------------------------


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    logs.configure(logs.LogConfig(), stream)
    yield stream
    logs.configure(logs.LogConfig())


def test_a_changed_file_is_logged_and_puts_out_whom_it_denies(tmp_path: Path, log: io.StringIO) -> None:
    path = tmp_path / "access"
    path.write_text("deny 10.0.0.0/8\n")
    desk = Desk(ANN, ANN2, BOB, ADA, access=Access(path=path))
    desk.warden.refresh(0.0)
    assert log.getvalue() == ""
    path.write_text("deny 203.0.113.0/24\n# and that is all\n")
    desk.warden.refresh(1.0)
    assert desk.match.removed == [("ann 2", NOT_ADMITTED)]
    assert desk.told == [parse_rules(["deny 203.0.113.0/24"])]
    (line,) = log.getvalue().splitlines()
    assert line.endswith('access rules changed added=["deny 203.0.113.0/24"] removed=["deny 10.0.0.0/8"]')


def test_a_wrong_file_changes_nothing_and_is_complained_about(tmp_path: Path, log: io.StringIO) -> None:
    path = tmp_path / "access"
    path.write_text("deny 10.0.0.0/8\n")
    desk = Desk(ANN, access=Access(path=path))
    path.write_text("deny everybody at once\n")
    desk.warden.refresh(1.0)
    assert (desk.match.removed, desk.told) == ([], [])
    assert "access rules kept" in log.getvalue()


def test_without_rules_nothing_is_looked_at() -> None:
    datagrams: list[tuple[bytes, Address]] = [(b"x", ("1.2.3.4", 5))]
    assert Desk().warden.admitted(datagrams) is datagrams


def test_what_changed_in_the_rules() -> None:
    before = parse_rules(["allow 10.0.0.0/8", "deny 10.1.0.0/16"])
    after = parse_rules(["deny 10.1.0.0/16", "deny 10.2.0.0/16"])
    assert rule_changes(before, after) == (("deny 10.2.0.0/16",), ("allow 10.0.0.0/8",))


def test_why_asks_about_a_player_and_a_row() -> None:
    desk = Desk(ANN, ANN2)
    assert desk.type("why ann 2 7 rocket") == ["1 rocket 7"]
    assert desk.type("why ann 7 rocket") == ["0 rocket 7"]
    assert desk.type("why ann x") == ["why what? why NAME ROW [KIND]"]
    assert desk.type("why eve 7") == ["nobody here is called 'eve 7': type list"]
