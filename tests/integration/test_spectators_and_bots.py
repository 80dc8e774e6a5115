"""Who is in a match besides those who play: spectators, who see it all and count for nobody, and bots that fill it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.client.session import ClientSession, Phase
from engine.config import MatchConfig, ServerConfig, protocol_id
from engine.identity import encode_user_data
from engine.link.netcode import NetcodeServer, NetcodeServerConfig, mint_connect_token
from engine.server.filling import BACK_AFTER, BotFill
from engine.server.session import ServerSession
from engine.transport.virtual import VirtualNetwork
from game.cast import Cast
from game.rules import Arena
from game.schema import GRID

SERVER = ("10.0.0.1", 40000)
UNIX_START = 1_800_000_000.0
TICK_HZ = 20
TICK = 1.0 / TICK_HZ


class Room:
    """A server session and clients, in virtual time, 20 ticks a second."""

    def __init__(self, max_players: int = 4, spectators: int = 2, teams: int = 0) -> None:
        self.now = 0.0
        self.network = VirtualNetwork(1)
        self.entropy = np.random.default_rng(1).bytes
        self._key = self.entropy(32)
        self.arena = Arena(max_players=max_players, tick_hz=TICK_HZ, teams=teams)
        self._protocol = protocol_id(self.arena.name, self.arena.version)
        netcode = NetcodeServer(
            protocol_id=self._protocol,
            private_key=self._key,
            addresses=[SERVER],
            max_clients=max_players + spectators + 1,
            now=0.0,
            unix_time=UNIX_START,
            entropy=self.entropy,
            config=NetcodeServerConfig(key_made_at_start=True),
        )
        config = ServerConfig(max_players=max_players, max_spectators=spectators)
        self.server = ServerSession(self.arena, netcode, MatchConfig(tick_hz=TICK_HZ), config, self.entropy)
        self.bots = BotFill(
            self.server,
            0,
            Cast(self.arena, "easy", 1).make,
            lambda rows: self.arena.spare(self.server.world, rows),
        )
        self._socket = self.network.endpoint(SERVER)
        self.guests: list[tuple[ClientSession, object]] = []
        self.log: list[str] = []

    def join(self, name: str, watches: bool = False) -> ClientSession:
        number = len(self.guests)
        token = mint_connect_token(
            protocol_id=self._protocol,
            private_key=self._key,
            client_id=1 + number,
            addresses=[SERVER],
            create_time=UNIX_START + int(self.now) + 1,
            entropy=self.entropy,
            user_data=encode_user_data(name, watches=watches),
        )
        client = ClientSession(Arena.factory, token, self.now, None, self.entropy)
        self.guests.append((client, self.network.endpoint((f"10.1.0.{number + 1}", 5000))))
        return client

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * TICK_HZ)):
            self.now += TICK
            self.network.advance(self.now)
            self.server.receive(self._socket.receive(self.now), self.now)
            self.server.step(self.now)
            self.bots.update(self.now)
            self.log += [f"{event.kind} {event.name}" for event in self.server.events()]
            self._socket.send(self.server.datagrams_to_send(), self.now)
            for client, socket in self.guests:
                client.receive(socket.receive(self.now), self.now)
                client.update(self.now, lambda tick: (8, 0, 0))
                client.picture(self.now)
                socket.send(client.datagrams_to_send(), self.now)

    def leave(self, client: ClientSession) -> None:
        client.leave(self.now)
        self.run(0.5)


# Spectators ----------------------------------------------------------------------------------------------------------


def test_a_spectator_sees_everybody_and_is_nobody() -> None:
    room = Room()
    ann, eve = room.join("ann"), room.join("eve", watches=True)
    room.run(2.0)
    assert (ann.phase, eve.phase) == (Phase.PLAYING, Phase.PLAYING)
    assert (ann.own_row, eve.own_row) == (0, None)
    assert eve.names == {0: "ann"} == ann.names
    assert (room.server.player_count, room.server.spectator_count) == (1, 1)
    assert room.server.names == {0: "ann"}
    assert room.log == ["joined ann", "watches eve"]
    picture = eve.picture(room.now)
    assert picture is not None
    assert picture.own is None
    assert picture["player"].rows().tolist() == [0]
    # It is drawn where it is, a moment late.
    apart = abs(picture["player"]["x"][0] - room.server.world["player"]["x"][0] / GRID)
    assert apart <= 100.0
    assert room.server.world["player"].count == 1
    assert not room.server.all_drops()
    room.leave(eve)
    assert (room.server.player_count, room.server.spectator_count) == (1, 0)
    assert room.log[-1] == "left eve"
    assert ann.phase is Phase.PLAYING


def test_a_spectator_makes_no_inputs_and_still_says_what_has_arrived() -> None:
    room = Room()
    ann, eve = room.join("ann"), room.join("eve", watches=True)
    room.run(5.0)
    figures = eve.figures(room.now)
    assert (figures.inputs_made, figures.inputs_missing, figures.lead_ticks) == (0, 0, 0.0)
    assert ann.figures(room.now).inputs_made > 60
    # Deltas go against snapshots it has acknowledged: it is told no more than who plays.
    assert figures.snapshots > 30
    assert figures.snapshot_bytes / figures.snapshots < 60.0
    assert eve.picture(room.now) is not None


def test_spectators_have_places_of_their_own_and_no_more_than_those() -> None:
    room = Room(max_players=2, spectators=1)
    players, watchers = [], []
    for name, watcher in (("ann", "eve"), ("bob", ""), ("cid", ""), ("", "fay")):
        players += [room.join(name)] if name else []
        watchers += [room.join(watcher, watches=True)] if watcher else []
        room.run(1.0)
    assert [each.phase for each in players] == [Phase.PLAYING, Phase.PLAYING, Phase.CLOSED]
    assert players[2].reason == "the server is full"
    assert [each.phase for each in watchers] == [Phase.PLAYING, Phase.CLOSED]
    assert watchers[1].reason == "there is no room for another spectator"
    room.leave(watchers[0])
    last = room.join("gus", watches=True)
    room.run(1.0)
    assert last.phase is Phase.PLAYING


def test_a_spectator_is_not_waited_for_and_can_be_put_out() -> None:
    room = Room()
    eve, fay = room.join("eve", watches=True), room.join("fay", watches=True)
    room.run(1.0)
    assert (eve.resume_ticket, fay.resume_ticket) == ("", "")
    assert [(each.name, each.kind, each.row) for each in room.server.members(room.now)] == [
        ("eve", "spectator", -1),
        ("fay", "spectator", -1),
    ]
    room.server.expel(room.server.members(room.now)[1], "kicked", room.now)
    room.run(0.5)
    assert (fay.phase, fay.reason) == (Phase.CLOSED, "kicked")
    room.guests = room.guests[1:]  # eve falls silent
    room.run(15.0)
    assert (room.server.spectator_count, room.server.away_count) == (0, 0)


def test_spectators_chat_with_everybody_and_hear_no_team() -> None:
    room = Room(teams=2)
    ann, eve, fay = room.join("ann"), room.join("eve", watches=True), room.join("fay", watches=True)
    room.run(1.0)
    for each in (ann, eve, fay):
        each.chat()
    assert eve.say("nice shot")
    assert fay.say("psst", team=True)
    assert ann.say("left side", team=True)
    room.run(1.0)
    heard = {(said.row, said.name, said.text) for said in ann.chat()}
    assert heard == {(-1, "eve", "nice shot"), (0, "ann", "left side")}
    assert [said.text for said in fay.chat()] == ["nice shot"]
    assert room.server.drops == {"chat-team": 1}
    # Each pays for its own lines.
    for _ in range(9):
        eve.say("x")
    assert fay.say("y")
    room.run(1.0)
    told = [said.text for said in ann.chat()]
    assert room.server.drops["chat-flood"] >= 2
    assert told.count("y") == 1


def test_who_takes_a_spectators_name_is_told_apart() -> None:
    room = Room()
    room.join("ann")
    room.run(0.5)
    room.join("ann", watches=True)
    room.run(0.5)
    assert [each.name for each in room.server.members(room.now)] == ["ann", "ann 2"]


# Bots ----------------------------------------------------------------------------------------------------------------


def test_bots_fill_the_match_make_room_and_come_back() -> None:
    room = Room(max_players=8)
    room.bots.size = 4
    room.bots.fill()
    assert sorted(room.server.names.values()) == ["Ada", "Bell", "Curie", "Dijkstra"]
    ann, _ = room.join("ann"), room.join("eve", watches=True)
    room.run(0.5)
    assert (room.server.player_count, room.server.bot_count) == (1, 3)
    others = [room.join(f"p{number}") for number in range(5)]
    room.run(0.5)
    assert (room.server.player_count, room.server.bot_count) == (6, 0)
    for each in others:
        room.leave(each)
    assert room.server.bot_count < 3
    room.run(3 * BACK_AFTER)
    assert (room.server.player_count, room.server.bot_count) == (1, 3)
    assert sorted(room.server.names.values()) == ["Ada", "Bell", "Curie", "ann"]
    assert ann.phase is Phase.PLAYING
    room.run(2 * BACK_AFTER)
    assert room.server.bot_count == 3


def test_bots_keep_nobody_out_and_leave_the_teams_even() -> None:
    room = Room(max_players=4, teams=2)
    room.bots.size = 4
    room.bots.fill()
    for number in range(4):
        room.join(f"p{number}")
        room.run(0.5)
        players = room.server.world["player"]
        teams = players["team"][players.rows()].tolist()
        assert sorted(teams) == [1, 1, 2, 2]
        assert (room.server.player_count, room.server.bot_count) == (number + 1, 3 - number)


def test_a_bot_that_was_put_out_is_replaced_after_a_while() -> None:
    room = Room()
    room.bots.size = 2
    room.bots.fill()
    room.run(1.0)
    room.server.expel(next(each for each in room.server.members(room.now) if each.name == "Ada"), "kicked", room.now)
    room.run(BACK_AFTER / 2)
    assert list(room.server.names.values()) == ["Bell"]
    room.run(BACK_AFTER)
    assert sorted(room.server.names.values()) == ["Ada", "Bell"]


@pytest.mark.parametrize("size", [0, 3])
def test_the_number_may_be_changed_at_any_time(size: int) -> None:
    room = Room()
    room.bots.size = 2
    room.bots.fill()
    room.bots.size = size
    room.run(3 * BACK_AFTER)
    assert room.server.bot_count == size
