"""Leaving and coming back, in virtual time: real sessions, the real lobby, real tokens, and a network that fails.

A `Host` is a server process that can die and be started again at its address; a `Guest` is what client.py wires
together: a session, `Returning`, and somebody who asks the lobby.
"""

from __future__ import annotations

import numpy as np
import pytest

from engine.address import Address
from engine.client.reconnect import Reconnect, Refusal, Returning
from engine.client.session import ClientSession, Phase
from engine.config import MatchConfig, ServerConfig, protocol_id
from engine.link.netcode import NetcodeServer, NetcodeServerConfig, mint_connect_token
from engine.ops.figures import ServerFigures
from engine.ops.lobby.lobby import Issued, Lobby, LobbyConfig, MatchStatus
from engine.ops.lobby.policy import Door, Grant, JoinRequest, OpenDoor, PasswordDoor, Refused
from engine.server.session import ServerSession
from engine.transport.virtual import VirtualNetwork, VirtualSocket
from game.rules import Arena

SERVER: Address = ("10.0.0.1", 40000)
UNIX = 1_700_000_000.0
TICK_HZ = 20
TICK = 1 / TICK_HZ
SILENCE = 3
"""Seconds without a word that end a connection here; 10 by default."""
WAITED = 12.0
"""Seconds for which a player is kept here; 30 by default."""
ARENA = protocol_id("arena", 1)


class Accounts:
    """A door that knows accounts: the password is the account's number."""

    kind = "token"

    def admit(self, request: JoinRequest, unix_now: float) -> Grant | Refused:
        return Grant(client_id=int(request.password or "0"))


class Stage:
    """Time, a network, a host and its guests, stepped at 20 Hz."""

    def __init__(self, seed: int = 1, max_players: int = 4, door: Door | None = None, **config: float) -> None:
        self.now = 0.0
        self.random = np.random.default_rng(seed)
        self.network = VirtualNetwork(seed)
        self.socket = self.network.endpoint(SERVER)
        self.guests: list[Guest] = []
        self.cut: set[Address] = set()
        self._max_players = max_players
        self._door = door or OpenDoor()
        self._config = {"resume_seconds": WAITED, **config}
        self.host: ServerSession | None = None
        self.log: list[str] = []
        self.start_host()

    def start_host(self) -> None:
        key = self.random.bytes(32)
        netcode = NetcodeServer(
            protocol_id=ARENA, private_key=key, addresses=[SERVER], max_clients=self._max_players, now=self.now,
            unix_time=UNIX + self.now, entropy=self.random.bytes, config=NetcodeServerConfig(key_made_at_start=True),
        )  # fmt: skip
        server = ServerConfig(max_players=self._max_players, **self._config)  # type: ignore[arg-type]
        self.host = ServerSession(
            Arena(max_players=self._max_players, tick_hz=TICK_HZ),
            netcode,
            MatchConfig(tick_hz=TICK_HZ),
            server,
            self.random.bytes,
        )
        lobby = LobbyConfig(
            title="Arena", version="arena 1", protocol_id=ARENA, private_key=key, bind=SERVER, door=self._door,
            token_lifetime=45, timeout=SILENCE, max_players=self._max_players,
        )  # fmt: skip
        self.lobby = Lobby(lobby, mint_connect_token, self.random.bytes)

    def kill_host(self) -> None:
        self.host = None

    def join(self, name: str, password: str | None = None) -> Guest:
        guest = Guest(self, name, password)
        self.guests.append(guest)
        return guest

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            arrived = [each for each in self.socket.receive(self.now) if each[1] not in self.cut]
            if self.host is not None:
                self.host.receive(arrived, self.now)
                self.host.step(self.now)
                self.log += [f"{event.kind} {event.name}" for event in self.host.events()]
                self.socket.send([each for each in self.host.datagrams_to_send() if each[1] not in self.cut], self.now)
                figures = ServerFigures(
                    players=self.host.player_count, away=self.host.away_count, max_players=self._max_players
                )
                self.lobby.tell(MatchStatus(figures=figures, names=tuple(self.host.names.values())), self.now)
            for guest in self.guests:
                guest.frame()

    def row(self, name: str) -> int:
        assert self.host is not None
        return next(row for row, its in self.host.names.items() if its == name)


class Guest:
    """A player's client, as client.py wires it, standing where it is."""

    def __init__(self, stage: Stage, name: str, password: str | None) -> None:
        self.stage = stage
        self.name = name
        self.password = password
        self.asked: list[float] = []
        self.tickets: list[str] = []
        self.words: list[str] = []
        self._answer: bytes | Refusal | None = None
        self.socket: VirtualSocket = stage.network.endpoint((f"10.1.0.{len(stage.guests) + 1}", 5000))
        first = self._fetch("")
        assert isinstance(first, bytes), first
        # `bytes` makes zeros: no jitter.
        self.returning = Returning(self._session(first, stage.now), self._session, self, Reconnect(bytes))

    @property
    def session(self) -> ClientSession:
        return self.returning.session

    def move(self, address: Address) -> None:
        """Get another address, as a phone that leaves the house does."""
        self.socket.close()
        self.socket = self.stage.network.endpoint(address)

    def frame(self) -> None:
        now = self.stage.now
        self.session.receive(self.socket.receive(now), now)
        self.session.picture(now)
        self.session.update(now, lambda tick: (8, 1234, 0))  # walks right, which way it looks is remembered
        self.returning.update(now)
        words = self.returning.words(now)
        if words and words not in self.words[-1:]:
            self.words.append(words)
        self.socket.send(self.session.datagrams_to_send(), now)

    def ask(self, resume_ticket: str) -> None:
        self.asked.append(self.stage.now)
        self.tickets.append(resume_ticket)
        self._answer = self._fetch(resume_ticket)

    def answer(self) -> bytes | Refusal | None:
        answer, self._answer = self._answer, None
        return answer

    def _fetch(self, resume_ticket: str) -> bytes | Refusal:
        stage = self.stage
        if stage.host is None or self.socket.address in stage.cut:
            return Refusal("no server at 10.0.0.1:40000", retry=True)
        request = JoinRequest(name=self.name, password=self.password, resume=resume_ticket or None)
        found = stage.lobby.join(request, self.socket.address[0], None, stage.now, UNIX + stage.now)
        if isinstance(found, Issued):
            return found.connect_token
        return Refusal(found.message, found.status in (429, 503), found.retry_after)

    def _session(self, token: bytes, now: float) -> ClientSession:
        return ClientSession(Arena.factory, token, now, UNIX + now, self.stage.random.bytes)


def lose(stage: Stage, guest: Guest, seconds: float) -> None:
    """Cut a guest's line for `seconds`."""
    stage.cut.add(guest.socket.address)
    stage.run(seconds)
    stage.cut.discard(guest.socket.address)


def mark(stage: Stage, name: str) -> tuple[int, list[int]]:
    """Give a player a score and less ammunition; return its row and what is to be found again."""
    assert stage.host is not None
    row = stage.row(name)
    players = stage.host.world["player"]
    players["score"][row], players["deaths"][row], players["ammo"][row] = 17, 4, 2
    return row, players.state[:2, row].tolist()


@pytest.mark.parametrize("moves", [False, True])
def test_a_player_finds_itself_as_it_was_at_the_same_address_or_another(moves: bool) -> None:
    stage = Stage()
    ann, bob = stage.join("ann"), stage.join("bob")
    stage.run(3.0)
    assert ann.session.phase is Phase.PLAYING
    row, _ = mark(stage, "ann")
    first_ticket = ann.session.resume_ticket
    lose(stage, ann, SILENCE + 1.0)  # both sides have given up
    assert stage.host is not None
    assert (stage.host.player_count, stage.host.away_count) == (1, 1)
    assert bob.session.away == {row}
    assert bob.session.names[row] == "ann"
    stood = stage.host.world["player"].state[:2, row].tolist()
    if moves:
        ann.move(("172.16.9.9", 1234))
    stage.run(4.0)
    assert ann.session.phase is Phase.PLAYING
    assert ann.session.own_row == row
    assert ann.session.names[row] == "ann"
    players = stage.host.world["player"]
    assert (int(players["score"][row]), int(players["deaths"][row])) == (17, 4)
    assert int(players["ammo"][row]) >= 2
    assert abs(players.state[0, row] - stood[0]) <= 4 * 320 * 64, "no farther than it can have walked since"
    assert players.state[1, row] == stood[1]
    assert bob.session.away == set()
    assert ann.returning.reconnect.returns == 1
    assert ann.session.resume_ticket not in ("", first_ticket), "a ticket is good once: it has a new one"
    assert stage.log == ["joined ann", "joined bob", "away ann", "back ann"]
    # Coming back without its ticket it would have been given another name.
    assert sorted(stage.host.names.values()) == ["ann", "bob"]


def test_what_was_said_meanwhile() -> None:
    stage = Stage()
    ann = stage.join("ann")
    stage.run(2.0)
    lose(stage, ann, SILENCE + 4.5)
    stage.run(10.0)
    lost = "lost the connection: nothing came from the server any more"
    nobody = "no server at 10.0.0.1:40000"
    assert [each for each in ann.words if "trying" in each] == [
        f"{lost}: trying again in 1 s",
        f"{nobody}: trying again in 2 s",
        f"{nobody}: trying again in 1 s",
        f"{nobody}: trying again in 4 s",
        f"{nobody}: trying again in 3 s",
        f"{nobody}: trying again in 2 s",
        f"{nobody}: trying again in 1 s",
    ]
    assert ann.session.phase is Phase.PLAYING
    assert np.diff(ann.asked).round(1).tolist() == [2.0, 4.0]


def test_who_is_away_stands_still_and_others_see_it() -> None:
    stage = Stage()
    ann, bob = stage.join("ann"), stage.join("bob")
    stage.run(3.0)
    row = stage.row("ann")
    lose(stage, ann, SILENCE + 1.0)
    assert stage.host is not None
    players = stage.host.world["player"]
    stood = players.state[:2, row].tolist()
    stage.cut.add(ann.socket.address)
    stage.run(5.0)
    assert players.state[:2, row].tolist() == stood
    picture = bob.session.picture(stage.now)
    assert picture is not None
    assert picture["player"].alive[row]
    carol = stage.join("carol")
    stage.run(2.0)
    assert carol.session.away == {row}, "who comes later is told too"


def test_who_stays_away_is_removed_and_everyone_is_told() -> None:
    stage = Stage()
    ann, bob = stage.join("ann"), stage.join("bob")
    stage.run(2.0)
    row = stage.row("ann")
    stage.cut.add(ann.socket.address)
    stage.run(SILENCE + WAITED - 1.0)
    assert row in bob.session.names
    stage.run(2.0)
    assert row not in bob.session.names
    assert bob.session.away == set()
    assert stage.log[-1] == "left ann"
    assert stage.host is not None
    assert not stage.host.world["player"].alive[row]
    # It still comes back, as somebody new.
    stage.cut.clear()
    stage.run(16.0)
    assert ann.session.phase is Phase.PLAYING
    assert stage.log[-1] == "joined ann"


def test_who_leaves_or_is_kicked_is_not_waited_for() -> None:
    stage = Stage()
    ann, bob, carol = stage.join("ann"), stage.join("bob"), stage.join("carol")
    stage.run(2.0)
    assert stage.host is not None
    ann.session.leave(stage.now)
    assert stage.host.remove(stage.row("bob"), "kicked: spamming", stage.now)
    stage.run(5.0)
    assert stage.host.away_count == 0
    assert list(carol.session.names.values()) == ["carol"]
    assert (bob.returning.over, bob.returning.reason) == (True, "kicked: spamming")
    assert bob.asked == []
    # A player who is away can be thrown out too.
    lose(stage, carol, SILENCE + 0.5)
    assert stage.host.away_count == 1
    assert stage.host.remove(stage.row("carol"), "kicked", stage.now)
    assert (stage.host.away_count, dict(stage.host.names)) == (0, {})
    assert not stage.host.remove(0, "kicked", stage.now)


def test_a_server_that_was_killed_and_started_again_is_rejoined() -> None:
    stage = Stage()
    ann, bob = stage.join("ann"), stage.join("bob")
    stage.run(3.0)
    stage.kill_host()
    stage.run(1.0)
    stage.start_host()
    stage.run(8.0)
    assert [guest.session.phase for guest in (ann, bob)] == [Phase.PLAYING] * 2
    assert stage.host is not None
    assert sorted(stage.host.names.values()) == ["ann", "bob"]
    assert stage.log[2:] == ["joined ann", "joined bob"]
    assert len(ann.asked) == 1, "it noticed the silence, and the first attempt got in"


def test_a_server_that_says_it_restarts_is_rejoined_at_once() -> None:
    stage = Stage()
    ann = stage.join("ann")
    stage.run(3.0)
    assert stage.host is not None
    stage.host.stop("the server is restarting", stage.now, again=True)
    stage.socket.send(stage.host.datagrams_to_send(), stage.now)
    stage.kill_host()
    stage.run(2.0)
    stage.start_host()
    stage.run(6.0)
    assert ann.words[0] == "the server is restarting: trying again in 1 s"
    assert ann.session.phase is Phase.PLAYING


def test_a_match_that_is_over_is_over() -> None:
    stage = Stage()
    ann = stage.join("ann")
    stage.run(2.0)
    assert stage.host is not None
    stage.host.stop("the match is over", stage.now)
    stage.run(1.0)
    assert (ann.returning.over, ann.returning.reason, ann.asked) == (True, "the match is over", [])


def test_a_client_that_never_got_in_does_not_try_again() -> None:
    stage = Stage()
    ann = stage.join("ann")
    stage.cut.add(ann.socket.address)
    stage.run(SILENCE + 1.0)
    assert (ann.returning.over, ann.returning.reason) == (True, "the server does not answer")


def test_told_no_it_stops_with_the_reason() -> None:
    stage = Stage(door=PasswordDoor("sesame"))
    ann = stage.join("ann", "sesame")
    stage.run(2.0)
    ann.password = "changed meanwhile"
    lose(stage, ann, SILENCE + 1.0)
    stage.run(2.0)
    assert (ann.returning.over, ann.returning.reason) == (True, "wrong password")


def test_a_full_match_keeps_the_place_of_who_is_away() -> None:
    stage = Stage(max_players=2)
    ann, bob = stage.join("ann"), stage.join("bob")
    stage.run(2.0)
    stage.cut.add(ann.socket.address)
    stage.run(SILENCE + 0.5)
    assert stage.host is not None
    assert stage.host.player_count == 1
    answer = stage.lobby.join(JoinRequest(name="carol"), "10.9.9.9", None, stage.now, UNIX + stage.now)
    assert isinstance(answer, Refused)
    assert answer.reason == "server-full"
    stage.cut.clear()
    stage.run(5.0)
    assert ann.session.phase is Phase.PLAYING
    assert bob.session.phase is Phase.PLAYING


def thief(stage: Stage, victim: Guest, *, password: str | None = None, ticket: str | None = None) -> Guest:
    """Somebody who asks for a victim's place, with its ticket or a made-up one."""
    guest = Guest.__new__(Guest)
    guest.__dict__.update(victim.__dict__)
    guest.socket = stage.network.endpoint((f"10.66.0.{len(stage.guests)}", 6000))
    guest.password = password
    token = guest._fetch(ticket if ticket is not None else victim.session.resume_ticket)
    assert isinstance(token, bytes)
    guest.returning = Returning(guest._session(token, stage.now), guest._session, guest, Reconnect(bytes))
    stage.guests.append(guest)
    return guest


def test_a_ticket_is_worth_nothing_to_another_account() -> None:
    stage = Stage(door=Accounts())
    ann = stage.join("ann", "1001")
    stage.run(2.0)
    row, _ = mark(stage, "ann")
    stage.cut.add(ann.socket.address)
    stage.run(SILENCE + 0.5)
    eve = thief(stage, ann, password="6666")
    stage.run(2.0)
    assert eve.session.phase is Phase.PLAYING
    assert eve.session.own_row != row
    stage.cut.clear()
    stage.run(6.0)
    assert ann.session.own_row == row


@pytest.mark.parametrize("changed", range(16, 48, 8))
def test_a_ticket_with_a_wrong_secret_opens_nothing(changed: int) -> None:
    stage = Stage()
    ann = stage.join("ann")
    stage.run(2.0)
    row = stage.row("ann")
    stage.cut.add(ann.socket.address)
    stage.run(SILENCE + 0.5)
    ticket = ann.session.resume_ticket
    forged = ticket[:changed] + ("0" if ticket[changed] != "0" else "1") + ticket[changed + 1 :]
    eve = thief(stage, ann, ticket=forged)
    stage.run(1.0)
    assert eve.session.phase is Phase.PLAYING
    assert eve.session.own_row != row
    assert stage.log[-1] == "joined ann 2"


def test_a_ticket_opens_a_place_once() -> None:
    stage = Stage()
    ann = stage.join("ann")
    stage.run(2.0)
    row, ticket = stage.row("ann"), ann.session.resume_ticket
    lose(stage, ann, SILENCE + 0.5)
    stage.run(3.0)
    assert ann.session.own_row == row
    stage.cut.add(ann.socket.address)
    stage.run(SILENCE + 0.5)
    eve = thief(stage, ann, ticket=ticket)
    stage.run(1.0)
    assert eve.session.own_row != row


def test_a_line_that_fails_while_coming_back_costs_nothing() -> None:
    """The server gave the place back, and its answer was lost: the client's old ticket is still good."""
    stage = Stage()
    ann = stage.join("ann")
    stage.run(2.0)
    row, ticket = stage.row("ann"), ann.session.resume_ticket
    lose(stage, ann, SILENCE + 0.5)
    for _ in range(100):
        stage.run(TICK)
        if stage.log[-1] == "back ann":
            break
    stage.cut.add(ann.socket.address)  # before anything of the match got through
    stage.run(SILENCE + 1.0)
    assert stage.log[-1] == "away ann"
    stage.cut.clear()
    stage.run(6.0)
    assert ann.session.phase is Phase.PLAYING
    assert ann.session.own_row == row
    assert set(ann.tickets) == {ticket}


def test_an_account_that_comes_anew_has_its_old_place_kept_once() -> None:
    """The client program was restarted: no ticket. What it had is kept its time; losing it again ends the first."""
    stage = Stage(door=Accounts())
    ann = stage.join("ann", "1001")
    stage.run(2.0)
    stage.cut.add(ann.socket.address)
    stage.run(SILENCE + 0.5)
    stage.guests.remove(ann)
    stage.cut.clear()
    ann.socket.close()
    again = stage.join("ann", "1001")
    stage.run(2.0)
    assert stage.log[-1] == "joined ann 2"
    stage.cut.add(again.socket.address)
    stage.run(SILENCE + 0.5)
    assert stage.log[-2:] == ["away ann 2", "left ann"]
    assert stage.host is not None
    assert list(stage.host.names.values()) == ["ann 2"]


def test_without_entropy_or_with_no_time_to_wait_nobody_is_kept() -> None:
    stage = Stage(resume_seconds=0.0)
    ann = stage.join("ann")
    stage.run(2.0)
    assert ann.session.resume_ticket == ""
    stage.cut.add(ann.socket.address)
    stage.run(SILENCE + 0.5)
    assert stage.log[-1] == "left ann"


def test_a_notice_reaches_everyone_as_one_line() -> None:
    stage = Stage()
    ann, bob = stage.join("ann"), stage.join("bob")
    stage.run(2.0)
    assert stage.host is not None
    stage.host.say("back in\nfive minutes")
    stage.run(1.0)
    assert ann.session.notices() == bob.session.notices() == ["back in\\u000afive minutes"]
    assert ann.session.notices() == []
    assert [(each.name, each.kind) for each in stage.host.members(stage.now)] == [("ann", "player"), ("bob", "player")]
