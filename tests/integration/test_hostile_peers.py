"""Peers that are let in and then lie: sealed and well numbered packets with bodies nobody of ours would send.

A server must not raise, grow, or favour whoever does so; nor may the others notice. A client must survive a server that
lies: it is a stranger too.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import msgpack
import numpy as np
import pytest

from engine.address import Address
from engine.client.session import ClientSession, Phase
from engine.config import protocol_id
from engine.errors import ProtocolError
from engine.identity import encode_user_data
from engine.link.acks import AckTable
from engine.link.channels import Channels
from engine.link.header import decode_header, encode_header
from engine.link.netcode import ClientState, NetcodeClient, NetcodeServer, NetcodeServerConfig, mint_connect_token
from engine.link.session_channels import CHANNELS, EVENTS, MATCH
from engine.server.session import ServerSession
from engine.wire.body import MessageType, split_body
from engine.wire.inputs import InputWriter, StampedInput
from engine.wire.messages import ENGINE_MESSAGES, PlayerJoined, PlayerLeft, Ready, Welcome
from engine.world.picture import View
from engine.world.schema import schema_hash
from game.rules import Arena
from game.schema import GRID, INPUT, Button

SERVER: Address = ("10.0.0.1", 40000)
UNIX_START = 1_700_000_000
TICK = 1 / 60
RUN_AND_FIRE = int(Button.RIGHT | Button.FIRE)

Say = Callable[["Liar"], list[bytes]]
"""What a liar sends in a tick: bodies."""


@pytest.fixture(scope="module")
def arena() -> Arena:
    return Arena(max_players=4, seed=3)


class Liar:
    """A client made of the link's own parts, that says what it is told to."""

    def __init__(self, token: bytes, now: float, say: Say) -> None:
        self.netcode = NetcodeClient(token=token, now=now)
        self.acks = AckTable(1)
        self.channels = Channels(CHANNELS)
        self.say = say
        self.welcome: Welcome | None = None
        self.server_tick = 0
        self._ready_at: float | None = None

    @property
    def next_tick(self) -> int:
        """The tick that the server steps next."""
        return self.server_tick + 1

    def frame(self, now: float, server_tick: int) -> list[tuple[bytes, Address]]:
        """Send what it has to say at `now`."""
        self.server_tick = server_tick
        self.netcode.update(now)
        if self.welcome is not None and self._ready_at is None:
            self._ready_at = now
            self.channels.send(MATCH, ENGINE_MESSAGES.encode(Ready(self.welcome.schema)))
        if self.netcode.state is ClientState.CONNECTED:
            # Honest until it is taken for a player: what rides on a body that can't be read is lost.
            playing = self._ready_at is not None and now > self._ready_at
            for body in (self.say(self) if playing else []) or [b""]:
                self._send(body, now)
        return self.netcode.datagrams_to_send()

    def receive(self, datagrams: list[tuple[bytes, Address]], now: float) -> None:
        for datagram, address in datagrams:
            payload = self.netcode.receive(datagram, address, now)
            if payload is None:
                continue
            sequence, ack, ack_bits, at = decode_header(payload)
            _, acked = self.acks.receive_one(0, sequence, ack, ack_bits, now, len(payload))
            for fate in acked:
                self.channels.on_acked(fate[1])
            for kind, array in split_body(payload[at:]):
                if kind == MessageType.CHANNEL:
                    for _, data in self.channels.unpack(array, now):
                        message = ENGINE_MESSAGES.decode(data)
                        self.welcome = message if isinstance(message, Welcome) else self.welcome

    def _send(self, body: bytes, now: float) -> None:
        sequence = self.acks.next_sequence(0)
        block = self.channels.pack(600, sequence, now, 0.01) if self.channels.pending and not body else None
        if block is not None:
            body += bytes([MessageType.CHANNEL]) + block
        _, ack, ack_bits = self.acks.send_one(0, now, len(body) + 10)
        self.netcode.send(encode_header(sequence, ack, ack_bits) + body, now)


class Stage:
    """A server session and its clients in virtual time, over a network that neither loses nor waits."""

    def __init__(self, arena: Arena, entropy_seed: int = 1) -> None:
        self.now = 0.0
        self.entropy = np.random.default_rng(entropy_seed).bytes
        self.key = self.entropy(32)
        self.protocol = protocol_id(arena.name, arena.version)
        self.arena = arena
        self.netcode = NetcodeServer(
            protocol_id=self.protocol, private_key=self.key, addresses=[SERVER], max_clients=4, now=0.0,
            unix_time=UNIX_START, entropy=self.entropy, config=NetcodeServerConfig(key_made_at_start=True),
        )  # fmt: skip
        self.server = ServerSession(arena, self.netcode)
        self.clients: dict[Address, ClientSession | Liar] = {}
        self.buttons = 0

    def token(self, name: str) -> bytes:
        return mint_connect_token(
            protocol_id=self.protocol, private_key=self.key, client_id=1 + len(self.clients), addresses=[SERVER],
            create_time=UNIX_START + int(self.now) + 1, entropy=self.entropy, user_data=encode_user_data(name),
        )  # fmt: skip

    def join(self, name: str, say: Say | None = None) -> Any:
        """Let a client come in: a liar, if it has something to `say`."""
        token = self.token(name)
        client: ClientSession | Liar
        if say is None:
            client = ClientSession(lambda settings: self.arena, token, self.now, None, self.entropy)
        else:
            client = Liar(token, self.now, say)
        self.clients[(f"10.1.0.{len(self.clients) + 1}", 5000)] = client
        return client

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK)):
            self.tick()

    def tick(self) -> None:
        """One tick: everybody sends, the server steps, everybody gets its answers."""
        self.now += TICK
        arrived = []
        for address, client in self.clients.items():
            if isinstance(client, Liar):
                sent = client.frame(self.now, self.server.world.tick)
            else:
                client.picture(self.now)
                client.update(self.now, lambda tick: (self.buttons, 0, 0))
                client.events()
                sent = client.datagrams_to_send()
            arrived += [(datagram, address) for datagram, _ in sent]
        self.server.receive(arrived, self.now)
        self.server.step(self.now)
        self.server.events()
        for datagram, to in self.server.datagrams_to_send():
            self.clients[to].receive([(datagram, SERVER)], self.now)


def body(kind: int, *values: object) -> bytes:
    packed: bytes = msgpack.packb(list(values))
    return bytes([kind]) + packed


def channel(*values: object) -> bytes:
    return body(MessageType.CHANNEL, *values)


def input_body(ticks: range, buttons: int, view: View | None = None) -> bytes:
    """Return an honest message with the inputs of `ticks`."""
    writer = InputWriter(INPUT, len(ticks))
    for tick in ticks:
        writer.add(StampedInput(tick, (buttons, 0, 0), view))
    return bytes([MessageType.INPUT]) + writer.message()


# To the server -------------------------------------------------------------------------------------------------------


def lies(tick: int, schema: int) -> Iterator[bytes]:
    """Yield bodies that no client of ours sends, as of server tick `tick`."""
    one, two = MessageType.INPUT, MessageType.SNAPSHOT
    yield bytes(range(256)) * 4
    yield bytes([one])
    yield from (bytes([one]) + head for head in (b"\xdd\xff\xff\xff\xff", b"\xdc\xff\xff", b"\xc6\xff\xff\xff\xff"))
    yield from (bytes([one]) + head for head in (b"\xdf\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff\x01", b"\xc1"))
    yield bytes([one]) + b"\x91" * 1100 + b"\x90"
    yield bytes([one]) + b"\x90" * 1100
    yield bytes([one, 0x90]) * 500
    yield from (body(kind, 1, 2, 3) for kind in (0, two, 4, 0x7F))
    yield body(two, *[0] * 1000)
    for absurd in (-1, -(2**63), 2**31 - 1, 2**31, 2**63, 2**64 - 1, 1.5, None, True, "1", b"1", [1], float("nan")):
        yield body(one, absurd, 1, 0)
        yield body(one, tick, absurd, 0)
        yield body(one, tick, 1, absurd)
        yield body(one, tick, 1, 14, absurd, 0, 0)
        yield body(one, tick, 1, 1, absurd, 0, 0)
        yield body(one, tick, 1, 1, 2, absurd, 0)
        yield body(one, tick, 1, 1, 2, 0, absurd)
        yield from (channel(*[absurd if at == place else 1 for at in range(5)]) for place in range(5))
    yield body(one, tick, 64, *[0] * 3)
    yield body(one, tick, 1, 14, 300, 70_000, -1)
    yield channel(0, 0, b"")
    yield channel(0, 2000, b"far ahead")
    yield channel(1, 300, 2**31, 0, b"part")
    yield channel(1, 300, 1000, 999, b"beyond its end")
    yield channel(2, 77, b"\xc1")
    yield channel(2, 78, b"\x91" * 900 + b"\x90")
    yield channel(2, 79, b"\xdd\xff\xff\xff\xff")
    yield channel(*[2, 80, b"x"] * 100)
    for number, message in enumerate((Ready(schema ^ 1), PlayerJoined(0, "me", False), PlayerLeft(0, "me")), 100):
        yield channel(2, number, ENGINE_MESSAGES.encode(message))
    yield channel(2, 110, msgpack.packb([30]))
    yield channel(2, 111, msgpack.packb([7]))
    yield channel(2, 112, msgpack.packb([7, "schema"]))


def test_lies_move_nothing_and_are_counted(arena: Arena) -> None:
    def play(lying: bool) -> tuple[str, dict[str, int], int]:
        stage = Stage(arena)
        count = 0

        def say(liar: Liar) -> list[bytes]:
            nonlocal count
            assert liar.welcome is not None
            told = list(lies(liar.next_tick, liar.welcome.schema))
            count += lying
            return [told[count % len(told)]] * 2 if lying else []

        stage.join("liar", say)
        honest = stage.join("honest")
        stage.run(1.0)
        stage.buttons = RUN_AND_FIRE
        stage.run(4.0)
        assert honest.phase is Phase.PLAYING
        assert honest.figures(stage.now).prediction.corrections == 0
        return stage.server.world.digest(), dict(stage.server.drops), count

    silent, drops, _ = play(lying=False)
    assert drops == {}
    lied, drops, count = play(lying=True)
    assert lied == silent
    assert sum(drops.values()) > count
    assert {"bad-body", "bad-msgpack", "bad-input", "bad-view", "truncated", "unexpected-message"} <= drops.keys()
    assert {"channel-data", "channel-window", "wrong-schema", "bad-message", "unknown-message"} <= drops.keys()


@pytest.mark.parametrize("seed", range(2))
def test_mangled_bodies_and_headers_never_raise(arena: Arena, seed: int) -> None:
    random = np.random.default_rng(seed)
    stage = Stage(arena)

    def say(liar: Liar) -> list[bytes]:
        tick = liar.next_tick
        honest = [input_body(range(tick, tick + 4), RUN_AND_FIRE, View(tick - 6, tick - 4, 256 * (tick - 5)))]
        honest += [
            channel(2, int(random.integers(50)), ENGINE_MESSAGES.encode(Ready(1))),
            channel(3, 9, 40, 0, b"x" * 9),
        ]
        return [mangled(random, honest[int(random.integers(len(honest)))]) for _ in range(4)]

    stage.join(f"liar of seed {seed}", say)
    honest = stage.join("honest")
    stage.run(4.0)
    assert honest.phase is Phase.PLAYING, honest.reason
    assert sum(stage.server.drops.values()) > 100


def mangled(random: np.random.Generator, data: bytes) -> bytes:
    """Return `data` with a few bytes changed, cut out, or put in."""
    mangled = bytearray(data)
    for _ in range(int(random.integers(1, 4))):
        at = int(random.integers(len(mangled) + 1))
        way = random.integers(3)
        if way == 0 and at < len(mangled):
            mangled[at] = int(random.integers(256))
        elif way == 1:
            del mangled[at : at + int(random.integers(1, 5))]
        else:
            mangled[at:at] = random.bytes(int(random.integers(1, 5)))
    return bytes(mangled)


def steps(arena: Arena, say: Say) -> tuple[list[int], int]:
    """Return how far a player got in each of 120 ticks, in grid units, and how often it fired."""
    stage = Stage(arena)
    liar = stage.join("runner", say)
    while stage.server.world.tick < 30:
        stage.tick()
    assert liar.welcome is not None
    row = liar.welcome.own_row
    players = stage.server.world["player"]
    places = []
    for _ in range(121):
        places.append((int(players["x"][row]), int(players["y"][row])))
        stage.tick()
    moves = [abs(b[0] - a[0]) + abs(b[1] - a[1]) for a, b in pairwise(places)]
    return moves, stage.server.rewinder.totals.shots


def test_a_flood_of_inputs_moves_nobody_faster(arena: Arena) -> None:
    def honest(liar: Liar) -> list[bytes]:
        return [input_body(range(liar.next_tick, liar.next_tick + 1), RUN_AND_FIRE)]

    def flood(liar: Liar) -> list[bytes]:
        first = liar.next_tick
        return [input_body(range(first, first + length), RUN_AND_FIRE) for length in range(1, 11)]

    def rush(liar: Liar) -> list[bytes]:
        # A clock ten times as fast: ten ticks of input in each.
        first = 10 * liar.next_tick
        return [input_body(range(first, first + 10), RUN_AND_FIRE), *honest(liar)]

    moves, shots = steps(arena, honest)
    assert sum(moves) > 50 * GRID
    assert shots >= 1
    assert steps(arena, flood) == (moves, shots)
    rushed, rushed_shots = steps(arena, rush)
    assert max(rushed) <= max(moves)
    assert rushed_shots <= shots


def test_ready_again_and_again_costs_whole_snapshots_and_nothing_else(arena: Arena) -> None:
    schema = schema_hash(arena.kinds)
    number = 0

    def say(liar: Liar) -> list[bytes]:
        nonlocal number
        number += 1
        # On the ordered channel the numbers must be in turn; the liar's own Ready had number 0.
        return [channel(0, number & 0xFFFF, ENGINE_MESSAGES.encode(Ready(schema)))]

    stage = Stage(arena)
    stage.join("liar", say)
    honest = stage.join("honest")
    stage.run(3.0)
    assert honest.phase is Phase.PLAYING
    assert stage.server.drops == {}
    assert stage.server.snapshots_total <= 2 * stage.server.world.tick // stage.server.match.snapshot_every


def test_a_liar_cannot_make_the_server_grow(arena: Arena) -> None:
    random = np.random.default_rng(1)
    stage = Stage(arena)
    told: list[bytes] = []

    def say(liar: Liar) -> list[bytes]:
        assert liar.welcome is not None
        tick = liar.next_tick
        if tick % 15 == 0 or not told:
            told[:] = lies(tick, liar.welcome.schema)
        bodies = [told[int(random.integers(len(told)))] for _ in range(2)]
        # Inputs far ahead, and parts of messages that never end.
        bodies.append(input_body(range(tick + 30, tick + 63), RUN_AND_FIRE))
        bodies.append(channel(3, int(random.integers(512)), 1000, int(random.integers(900)), b"x" * 80))
        return bodies

    stage.join("liar", say)
    stage.run(1.0)
    tracemalloc.start()
    try:
        stage.run(1.0)
        before = tracemalloc.get_traced_memory()[0]
        stage.run(2.0)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    # In two seconds it sends some 100 KB; of parts a channel holds at most 64 KiB, and those were there before.
    assert grown < 64 * 1024, grown


# To the client -------------------------------------------------------------------------------------------------------


WELCOME = {
    "game": "arena",
    "game_version": 1,
    "schema": 0,
    "settings": {},
    "tick_hz": 60,
    "snapshot_every": 2,
    "history_snapshots": 64,
    "rewind_limit": 0.25,
    "max_extrapolation": 0.25,
    "own_row": 0,
    "tick": 100,
}


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 1},
        {"game": "chess"},
        {"own_row": 4},
        {"own_row": 2**40},
        {"tick_hz": 0},
        {"tick_hz": 2**40},
        {"snapshot_every": 0},
        {"history_snapshots": 2**40},
        {"rewind_limit": 1e9},
        {"max_extrapolation": -1.0},
        {"settings": {"map": "../../secrets"}},
        {"settings": {"map": "nowhere"}},
        {"settings": {"max_players": 2**40}},
        {"settings": {"max_players": "many"}},
        {"settings": {"tick_hz": float(2**52)}},
        {"settings": {"unknown": 1}},
        {"settings": {"tick_hz": 120}, "tick_hz": 60},
        {"settings": {"seed": -1}},
    ],
    ids=str,
)
def test_a_welcome_to_what_is_not_played_here_ends_the_session_in_words(arena: Arena, changes: dict[str, Any]) -> None:
    values = WELCOME | {"settings": dict(arena.settings()), "schema": schema_hash(arena.kinds)}
    settings = values["settings"] | changes.get("settings", {})
    stage = Stage(arena)
    tell(stage, Welcome(**(values | changes | {"settings": settings})))
    client = ClientSession(Arena.factory, stage.token("client"), 0.0, None, stage.entropy)
    stage.clients[("10.1.0.1", 5000)] = client
    stage.run(0.5)
    assert client.phase is Phase.CLOSED
    assert client.reason.startswith(("the server's settings don't suit this game", "wrong version")), client.reason


def tell(stage: Stage, message: object, place: int = 0, number: int = 0) -> None:
    """Make the stage's server send only `message`, to everyone."""
    told = channel(2 * place, number, ENGINE_MESSAGES.encode(message))

    def send(slot: int, payload: bytes, now: float) -> None:
        NetcodeServer.send(stage.netcode, slot, payload[: decode_header(payload)[3]] + told, now)

    stage.netcode.send = send


def test_names_of_rows_there_are_not_and_names_nobody_can_read_are_dropped(arena: Arena) -> None:
    stage = Stage(arena)
    client = stage.join("client")
    stage.run(0.5)
    assert client.phase is Phase.PLAYING
    names = dict(client.names)
    place = CHANNELS.place(EVENTS)
    for number, (row, name) in enumerate(((-1, "x"), (4, "x"), (2**50, "x"), (1, "\x1b[2J"), (1, "x" * 500), (1, ""))):
        tell(stage, PlayerJoined(row, name, False), place, 200 + number)
        stage.tick()
        stage.tick()
    assert client.names == names
    assert (client.drops["bad-row"], client.drops["bad-name"]) == (3, 3)


@pytest.mark.parametrize("seed", range(3))
def test_a_client_survives_a_server_that_lies(arena: Arena, seed: int) -> None:
    """Half of all bodies are mangled on their way; nothing raises, whatever the picture is then."""
    random = np.random.default_rng(seed)
    stage = Stage(arena)
    genuine = stage.netcode.send
    lying = False

    def send(slot: int, payload: bytes, now: float) -> None:
        at = decode_header(payload)[3]
        if lying and random.random() < 0.5:
            payload = payload[:at] + mangled(random, payload[at:])
        genuine(slot, payload[:1200], now)

    stage.netcode.send = send
    clients = [stage.join(f"player {number}") for number in range(2)]
    stage.server.add_bot("bot", arena.brain("mixed", seed))
    stage.run(1.0)
    stage.buttons = RUN_AND_FIRE
    lying = True
    stage.run(4.0)
    for client in clients:
        assert client.phase in (Phase.PLAYING, Phase.CLOSED), (seed, client.phase)
        assert sum(client.drops.values()) > 10, seed
        client.verdicts()
        client.figures(stage.now)


def test_what_a_client_cannot_read_is_a_protocol_error_and_no_other() -> None:
    """The rule behind it all, in one place: no parser raises anything else for bytes."""
    random = np.random.default_rng(9)
    for _ in range(2000):
        data = random.bytes(int(random.integers(0, 60)))
        for parse in (split_body, ENGINE_MESSAGES.decode, decode_header):
            try:
                parse(data)
            except ProtocolError:
                continue
