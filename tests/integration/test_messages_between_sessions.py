"""Chat, a game's own messages, and large ones of both kinds, between real sessions over paths that lose."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgpack
import numpy as np
import pytest

from engine.address import Address
from engine.client.session import ClientSession, Phase
from engine.config import protocol_id
from engine.errors import UsageError
from engine.identity import encode_user_data
from engine.link.channels import Channel, ChannelTable, Kind
from engine.link.header import encode_header
from engine.link.netcode import NetcodeServer, NetcodeServerConfig, mint_connect_token
from engine.link.session_channels import with_channels
from engine.replay.playback import Playback
from engine.replay.reader import Replay
from engine.replay.writer import ReplayWriter
from engine.server.session import ServerSession
from engine.transport.impairment import LinkModel, Profile, load_profile
from engine.transport.virtual import VirtualNetwork
from engine.wire.body import MessageType
from engine.wire.messages import ENGINE_MESSAGES, FIRST_GAME_ID, Notice, PlayerLeft, Registry, Said
from game.rules import Arena

SERVER: Address = ("10.0.0.1", 40000)
UNIX_START = 1_700_000_000
TICK = 1 / 60


@dataclass(frozen=True, slots=True)
class Vote:
    """A small message of the game's own."""

    map: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A large one: a map, or a picture."""

    number: int
    data: bytes


MESSAGES = ENGINE_MESSAGES.with_types({FIRST_GAME_ID: Vote, FIRST_GAME_ID + 1: Chunk})
CHANNELS = with_channels(
    Channel("maps", Kind.RELIABLE_ORDERED, priority=-2, max_message_bytes=262144),
    Channel("pictures", Kind.UNRELIABLE, priority=-2, max_message_bytes=65536),
)


class Room:
    """A server session and clients, in virtual time, each behind a link of its own."""

    def __init__(self, seed: int = 1, teams: int = 0, messages: Registry = MESSAGES) -> None:
        self.now = 0.0
        self.messages = messages
        self.arena = Arena(max_players=4, seed=3, teams=teams)
        self.network = VirtualNetwork(seed)
        self.entropy = np.random.default_rng(seed).bytes
        self._key = self.entropy(32)
        self._protocol = protocol_id(self.arena.name, self.arena.version)
        self.netcode = NetcodeServer(
            protocol_id=self._protocol,
            private_key=self._key,
            addresses=[SERVER],
            max_clients=4,
            now=0.0,
            unix_time=UNIX_START,
            entropy=self.entropy,
            config=NetcodeServerConfig(key_made_at_start=True),
        )
        self.server = ServerSession(self.arena, self.netcode, messages=messages, channels=CHANNELS)
        self._socket = self.network.endpoint(SERVER)
        self.clients: list[ClientSession] = []
        self._sockets = []

    def join(self, name: str, link: Profile | None = None, channels: ChannelTable = CHANNELS) -> ClientSession:
        number = len(self.clients)
        socket = self.network.endpoint((f"10.1.0.{number + 1}", 5000))
        if link is not None:
            self.network.impair(socket.address, link, seed=number, start=self.now)
        token = mint_connect_token(
            protocol_id=self._protocol,
            private_key=self._key,
            client_id=1 + number,
            addresses=[SERVER],
            create_time=UNIX_START + int(self.now) + 1,
            entropy=self.entropy,
            user_data=encode_user_data(name),
        )
        client = ClientSession(
            lambda settings: self.arena,
            token,
            self.now,
            None,
            self.entropy,
            messages=self.messages,
            channels=channels,
        )
        self.clients.append(client)
        self._sockets.append(socket)
        return client

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        for _ in range(round(seconds / TICK)):
            if until():
                return
            self.now += TICK
            self.network.advance(self.now)
            for client, socket in zip(self.clients, self._sockets, strict=True):
                client.receive(socket.receive(self.now), self.now)
                client.update(self.now, lambda tick: (0, 0, 0))
                socket.send(client.datagrams_to_send(), self.now)
            self.server.receive(self._socket.receive(self.now), self.now)
            self.server.step(self.now)
            self._socket.send(self.server.datagrams_to_send(), self.now)


def playing(room: Room, *clients: ClientSession) -> None:
    room.run(3.0, until=lambda: all(client.phase is Phase.PLAYING for client in clients))
    assert all(client.phase is Phase.PLAYING for client in clients)


# Chat ----------------------------------------------------------------------------------------------------------------


def test_what_one_says_all_hear_once_and_in_order() -> None:
    room = Room()
    ann, bob = room.join("Ann", load_profile("loss5")), room.join("Bob", load_profile("loss5"))
    assert not ann.say("is anybody there?")  # there is no match yet
    playing(room, ann, bob)
    assert ann.say("  well\u202e played\n Bob ")
    assert bob.say("thanks")
    assert not bob.say("\u200b ")
    room.run(1.0)
    assert ann.own_row is not None
    assert bob.own_row is not None
    for client in (ann, bob):
        lines = client.chat()
        assert sorted(lines, key=lambda line: line.row) == [
            Said(ann.own_row, "Ann", "well played Bob", False),
            Said(bob.own_row, "Bob", "thanks", False),
        ]
        assert client.chat() == []
        assert not client.drops


def test_a_flood_of_chat_is_cut_and_costs_no_other_message() -> None:
    room = Room()
    ann, bob = room.join("Ann"), room.join("Bob")
    playing(room, ann, bob)
    for number in range(40):
        assert ann.say(f"line {number}")
        ann.send(Vote(f"map {number}"))
    room.run(1.0)
    assert [line.text for line in bob.chat()] == [f"line {number}" for number in range(5)]
    assert room.server.drops == {"chat-flood": 35}
    assert ann.notices() == ["you are saying too much at once: wait a moment"]
    assert bob.notices() == []
    assert [message for _, message in room.server.messages()] == [Vote(f"map {number}") for number in range(40)]


def test_the_own_team_alone_hears_what_is_for_it() -> None:
    room = Room(teams=2)
    clients = [room.join(name) for name in ("Ann", "Bob", "Cid", "Dee")]
    playing(room, *clients)
    assert clients[0].say("left side", team=True)
    room.run(0.5)
    heard = [[line.text for line in client.chat()] for client in clients]
    teams = [room.arena.team(room.server.world, client.own_row or 0) for client in clients]
    assert heard == [["left side"] if team == teams[0] else [] for team in teams]
    assert sorted(teams) == [1, 1, 2, 2]


def test_what_whoever_runs_the_server_says_is_seen() -> None:
    room = Room()
    ann = room.join("Ann")
    playing(room, ann)
    room.server.say("back in five minutes")
    room.run(0.5)
    assert ann.notices() == ["back in five minutes"]


def test_nobody_speaks_for_another() -> None:
    room = Room()
    ann, bob = room.join("Ann"), room.join("Bob")
    playing(room, ann, bob)
    for forged in (Said(bob.own_row or 0, "Bob", "I cheat", False), Notice("the match is over"), PlayerLeft(0, "bye")):
        ann.send(forged)
    room.run(0.5)
    assert room.server.drops == {"unexpected-message": 3}
    assert room.server.messages() == []
    assert bob.chat() == []
    assert bob.notices() == []


# A game's own messages -----------------------------------------------------------------------------------------------


def test_a_game_has_messages_of_its_own() -> None:
    room = Room()
    ann, bob = room.join("Ann", load_profile("loss5")), room.join("Bob")
    with pytest.raises(UsageError):
        ann.send(Vote("yard"))
    playing(room, ann, bob)
    ann.send(Vote("yard"))
    assert room.server.send(Vote("all"))
    assert room.server.send(Vote("only Bob"), row=bob.own_row)
    assert not room.server.send(Vote("nobody"), row=3)
    room.run(1.0)
    assert room.server.messages() == [(ann.own_row, Vote("yard"))]
    assert room.server.messages() == []
    assert ann.messages() == [Vote("all")]
    assert bob.messages() == [Vote("all"), Vote("only Bob")]
    with pytest.raises(UsageError):
        ann.send(Chunk(0, b"x" * 1024))  # with its id and number more than the channel takes
    with pytest.raises(UsageError):
        room.server.send(object())


def test_messages_nobody_reads_are_bounded() -> None:
    room = Room()
    ann = room.join("Ann")
    playing(room, ann)
    for number in range(300):
        ann.send(Vote(f"map {number}"))
        room.run(TICK)
    room.run(1.0)
    assert len(room.server.messages()) == 256
    assert room.server.drops == {"too-many-messages": 44}


def test_a_game_without_registry_counts_and_skips_what_it_does_not_know() -> None:
    room = Room(messages=ENGINE_MESSAGES)
    room.messages = MESSAGES
    ann = room.join("Ann")
    playing(room, ann)
    ann.send(Vote("yard"))
    room.run(0.5)
    assert room.server.drops == {"unknown-message": 1}
    assert ann.phase is Phase.PLAYING


# Large ones ----------------------------------------------------------------------------------------------------------


def test_a_map_arrives_whole_beside_the_match_both_ways() -> None:
    room = Room()
    ann = room.join("Ann", load_profile("loss5"))
    playing(room, ann)
    room.run(1.0)
    before = ann.figures(room.now)
    data = room.entropy(200_000)
    room.server.send(Chunk(1, data), channel="maps")
    ann.send(Chunk(2, data[::-1]), channel="maps")
    got: list[Any] = []

    def arrived() -> bool:
        got.extend(ann.messages())
        got.extend(message for _, message in room.server.messages())
        return len(got) == 2

    begin = room.now
    room.run(15.0, until=arrived)
    assert sorted(got, key=lambda chunk: chunk.number) == [Chunk(1, data), Chunk(2, data[::-1])]
    seconds = room.now - begin
    after = ann.figures(room.now)
    # 64 kB/s at first: three seconds for 200 kB; hardly a snapshot, and no input, had to wait for it.
    assert seconds < 6.0
    assert after.snapshots - before.snapshots > 0.85 * 30 * seconds
    assert after.inputs_missing - before.inputs_missing <= 3
    assert not room.server.drops
    assert not ann.drops


def test_large_unreliable_messages_go_as_fragments_both_ways() -> None:
    room = Room()
    ann = room.join("Ann", load_profile("rtt100"))
    playing(room, ann)
    pictures = [Chunk(number, room.entropy(size)) for number, size in enumerate((900, 1500, 9000, 40_000, 700))]
    for picture in pictures:
        ann.send(picture, channel="pictures")
        room.server.send(picture, channel="pictures")
        room.run(1.0)
    assert ann.messages() == pictures
    assert [message for _, message in room.server.messages()] == pictures
    assert ann.figures(room.now).snapshots > 130
    assert not room.server.drops
    assert not ann.drops


def test_one_lost_fragment_loses_its_message_and_nothing_is_kept_of_it() -> None:
    room = Room()
    ann = room.join("Ann", Profile("bad", up=LinkModel(delay=0.02, loss=0.1), down=LinkModel(delay=0.02, loss=0.1)))
    playing(room, ann)
    sent = [Chunk(number, room.entropy(6000)) for number in range(40)]
    for picture in sent:
        room.server.send(picture, channel="pictures")
        room.run(0.15)
    room.run(3.0)
    got = ann.messages()
    # Six fragments each: half of them get through.
    assert 8 <= len(got) <= 32
    assert all(picture in sent for picture in got)
    assert len(set(map(repr, got))) == len(got)


def test_a_server_that_leaves_messages_unfinished_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.link.inbox.STALL", 2.0)  # s instead of a minute
    room = Room()
    ann = room.join("Ann")
    playing(room, ann)
    # The first slice of a message, in a packet well ahead of the server's own, and never another one.
    part = msgpack.packb([2 * CHANNELS.place("maps") + 1, 0, 5000, 0, b"x" * 100])
    room.netcode.send(0, encode_header(250, 0xFFFF, 0) + bytes([MessageType.CHANNEL]) + part, room.now)
    room.run(1.0)
    assert ann.phase is Phase.PLAYING
    room.run(2.0, until=lambda: ann.phase is Phase.CLOSED)
    assert ann.phase is Phase.CLOSED
    assert ann.reason == "the server left messages unfinished"
    assert ann.may_return


def test_a_games_own_messages_are_kept_and_the_latest_is_found() -> None:
    room = Room()
    file = io.BytesIO()
    recorder = ReplayWriter(file, messages={FIRST_GAME_ID: Vote})
    room.server.record(recorder)
    client = room.join("Ada")
    seen = io.BytesIO()
    client.recorder = ReplayWriter(seen, messages={FIRST_GAME_ID: Vote})
    room.run(2.0, until=lambda: client.phase is Phase.PLAYING)
    row = client.own_row
    for number, to in enumerate((None, row, None)):
        room.run(0.5)
        assert room.server.send(Vote(f"map {number}"), to)
        assert room.server.send(Chunk(number, b"none of the recorder's"), to)
    room.run(0.5)
    recorder.close()
    client.recorder.close()

    heard = [each.message for each in Replay(seen.getvalue(), messages={FIRST_GAME_ID: Vote}).messages()]
    assert [each for each in heard if isinstance(each, Vote)] == [Vote("map 0"), Vote("map 1"), Vote("map 2")]
    replay = Replay(file.getvalue(), messages={FIRST_GAME_ID: Vote})
    told = [(each.to, each.message) for each in replay.messages() if isinstance(each.message, Vote)]
    assert told == [(None, Vote("map 0")), (row, Vote("map 1")), (None, Vote("map 2"))]
    playback = Playback(replay)
    latest = []
    for _ in range(40):
        latest.append(playback.latest(Vote))
        playback.advance(0.1)
    # What one player alone was told is not what all see.
    assert list(dict.fromkeys(latest)) == [None, Vote("map 0"), Vote("map 2")]
    playback.seek(0.0)
    assert playback.latest(Vote) is None
    # Who does not know the game's messages reads all else.
    plain = Replay(file.getvalue())
    assert plain.digest() == replay.digest()
    assert not [each for each in plain.messages() if isinstance(each.message, Vote)]
