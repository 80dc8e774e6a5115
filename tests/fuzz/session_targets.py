"""What is fuzzed of both sessions: a server whose player sends anything, and a client whose server does.

A session takes anything and raises nothing. An input is a run of payloads, each sealed as a modified peer would, with
ticks between them. The examples are true ones: the packets of the first seconds of a match with chat in it, from the
first on, since what a session can read depends on what it has read; and one packet with every message there is.
`fuzz.py` and `plain.py` run these.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import cache

from damage import Shape, joined, pieces
from match_targets import HOME, NO_MESSAGES, SERVER, UNIX, golden
from outcomes import Outcome, Target, taken

from engine.address import Address
from engine.client.session import ClientSession, Phase
from engine.config import MatchConfig, ServerConfig, protocol_id
from engine.identity import encode_user_data
from engine.link.channels import Channels
from engine.link.fragments import split
from engine.link.header import encode_header
from engine.link.netcode import ClientState, NetcodeClient, NetcodeServer, NetcodeServerConfig, mint_connect_token
from engine.link.session_channels import CHANNELS, GAME, MATCH
from engine.server.session import ServerSession
from engine.wire.body import MessageType
from engine.wire.messages import ENGINE_MESSAGES, Ready, Say
from engine.world import schema
from game.rules import Arena

TICK = b"\xff"
"""A piece that is not sent: a tick passes instead."""
UNSEALED = 0xFE
"""A piece that begins with it is sent as it is, from the peer and from a stranger."""
STRANGER: Address = ("192.0.2.1", 9)
MOST_PIECES = 12
"""Of an input."""


def fuzz_server_session(data: bytes) -> Outcome:
    """A server with one player, who sends any payloads."""
    server, client = connected()
    now, sent = 1.0, 0
    for piece in pieces(data, MOST_PIECES):
        if piece == TICK:
            now += 1 / 60
            server.step(now)
            server.datagrams_to_send()
            continue
        sent += 1
        if piece[:1] == bytes([UNSEALED]):
            server.receive([(piece[1:], HOME), (piece[1:], STRANGER)], now)
        elif 0 < len(piece) <= 1200:
            client.send(piece, now)
            server.receive([(each, HOME) for each, _ in client.datagrams_to_send()], now)
    server.step(now + 1 / 60)
    return taken(sent, server.all_drops())


def fuzz_client_session(data: bytes) -> Outcome:
    """A client with a server that sends any payloads."""
    netcode, session, slot = welcomed()
    now, sent = 1.0, 0
    for piece in pieces(data, MOST_PIECES):
        if piece == TICK:
            now += 1 / 60
            session.picture(now)
            session.update(now, lambda tick: (16, 0, 0))
            session.events()
            session.datagrams_to_send()
            continue
        sent += 1
        if piece[:1] == bytes([UNSEALED]):
            session.receive([(piece[1:], SERVER), (piece[1:], STRANGER)], now)
        elif 0 < len(piece) <= 1200 and netcode.is_connected(slot):
            netcode.send(slot, piece, now)
            session.receive([(each, SERVER) for each, _ in netcode.datagrams_to_send()], now)
    session.picture(now + 1 / 60)
    session.labels()
    assert all(name.isprintable() for name in session.names.values())
    assert all(each.text.isprintable() for each in session.chat())
    assert all(each.isprintable() for each in session.notices())
    assert session.reason.isprintable()
    return taken(sent, session.all_drops())


# Sessions to begin with -----------------------------------------------------------------------------------------------


@cache
def arena() -> Arena:
    """The game of all sessions here: it never changes, so one does for all."""
    return Arena(max_players=2)


def handshake() -> tuple[NetcodeServer, bytes]:
    """Return a server, and a token for it."""
    key, chance = bytes(32), random.Random(3)
    number = protocol_id(Arena.name, Arena.version)
    netcode = NetcodeServer(
        protocol_id=number,
        private_key=key,
        addresses=[SERVER],
        max_clients=2,
        now=0.0,
        unix_time=float(UNIX),
        entropy=chance.randbytes,
        config=NetcodeServerConfig(key_made_at_start=True),
    )
    token = mint_connect_token(
        protocol_id=number,
        private_key=key,
        client_id=7,
        addresses=[SERVER],
        create_time=UNIX,
        entropy=chance.randbytes,
        user_data=encode_user_data("ann"),
    )
    return netcode, token


def connected() -> tuple[ServerSession, NetcodeClient]:
    """Return a server session with one player, who is ready for snapshots."""
    netcode, token = handshake()
    server = ServerSession(arena(), netcode, MatchConfig(), ServerConfig(max_players=2), random.Random(4).randbytes)
    client = NetcodeClient(token=token, now=0.0)
    client.update(0.0)
    while client.state is not ClientState.CONNECTED or not server.player_count:
        server.receive([(each, HOME) for each, _ in client.datagrams_to_send()], 0.0)
        for datagram, _ in server.datagrams_to_send():
            client.receive(datagram, SERVER, 0.0)
    client.send(ready_payload(), 0.0)
    server.receive([(each, HOME) for each, _ in client.datagrams_to_send()], 0.0)
    return server, client


def welcomed() -> tuple[NetcodeServer, ClientSession, int]:
    """Return a server, a client session that it welcomed, and the client's slot."""
    netcode, token = handshake()
    session = ClientSession(lambda settings: arena(), token, 0.0, None, random.Random(5).randbytes)
    session.update(0.0, lambda tick: (0, 0, 0))
    while session.phase is Phase.CONNECTING:
        for datagram, _ in session.datagrams_to_send():
            netcode.receive(datagram, HOME, 0.0)
        session.receive([(each, SERVER) for each, _ in netcode.datagrams_to_send()], 0.0)
    netcode.send(0, welcome_payload(), 0.0)
    session.receive([(each, SERVER) for each, _ in netcode.datagrams_to_send()], 0.0)
    return netcode, session, 0


@cache
def ready_payload() -> bytes:
    """Return the payload by which a client says that it is ready."""
    box = Channels(CHANNELS)
    box.send(MATCH, ENGINE_MESSAGES.encode(Ready(schema.schema_hash(arena().kinds))))
    block = box.pack(1000, 0, 0.0, 0.1)
    assert block is not None
    return encode_header(0, 65535, 0) + bytes([MessageType.CHANNEL]) + block


@cache
def welcome_payload() -> bytes:
    """Return the first payload of a real match: welcome, resume ticket, roster."""
    netcode, token = handshake()
    server = ServerSession(arena(), netcode, MatchConfig(), ServerConfig(max_players=2), random.Random(4).randbytes)
    client = NetcodeClient(token=token, now=0.0)
    client.update(0.0)
    found: list[bytes] = []
    now = 0.0
    while not found:
        server.receive([(each, HOME) for each, _ in client.datagrams_to_send()], now)
        server.step(now)
        for datagram, _ in server.datagrams_to_send():
            payload = client.receive(datagram, SERVER, now)
            found += [payload] if payload else []
        now += 1 / 60
    return found[0]


@cache
def played() -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return payloads of a second of a real match: those of the client, and those of the server."""
    netcode, token = handshake()
    server = ServerSession(arena(), netcode, MatchConfig(), ServerConfig(max_players=2), random.Random(4).randbytes)
    session = ClientSession(lambda settings: arena(), token, 0.0, None, random.Random(5).randbytes)
    up: list[bytes] = []
    down: list[bytes] = []
    send, receive_all = netcode.send, netcode.receive_all

    def heard_send(slot: int, payload: bytes, now: float) -> None:
        down.append(payload)
        send(slot, payload, now)

    def heard_all(datagrams: Iterable[tuple[bytes, Address]], now: float) -> list[tuple[int, bytes]]:
        opened = receive_all(datagrams, now)
        up.extend(payload for _, payload in opened)
        return opened

    netcode.send, netcode.receive_all = heard_send, heard_all  # type: ignore[method-assign]  # to overhear them
    for tick in range(60):
        now = tick / 60
        if tick % 20 == 10:
            session.say(f"hello {tick}")
            server.say("notice")
        session.update(now, lambda tick: (16 if tick % 8 == 0 else 9, tick * 500 % 65536, tick // 20 % 2))
        server.receive([(each, HOME) for each, _ in session.datagrams_to_send()], now)
        server.step(now)
        session.receive([(each, SERVER) for each, _ in server.datagrams_to_send()], now)
        session.picture(now)
    return tuple(up), tuple(down)


def told(*messages: bytes) -> bytes:
    """Return a payload that carries `messages` on a channel that nothing else here uses."""
    box = Channels(CHANNELS)
    for message in messages:
        box.send(GAME, message)
    block = box.pack(1000, 900, 0.0, 0.1)
    assert block is not None
    return encode_header(900, 0, 1) + bytes([MessageType.CHANNEL]) + block


def seeds() -> dict[str, list[bytes]]:
    """Return true examples of what each target reads: what mutation begins with."""
    up, down = played()
    everything = told(*(message for name, message in golden().items() if name not in NO_MESSAGES))
    talk = told(*(ENGINE_MESSAGES.encode(Say(text, team)) for text, team in (("hello", False), ("a\u0301", True))))
    runs = ((1, 4), (1, 6), (1, 8), (1, 12))
    return {
        "server_session": [
            *(joined(*_with_ticks(up[begin:end])) for begin, end in (*runs[:3], (20, 25), (40, 45))),
            joined(talk, TICK, up[1], *split(talk, 10)),
            joined(bytes([UNSEALED]) + up[1], up[2]),
        ],
        "client_session": [
            *(joined(*_with_ticks(down[begin:end])) for begin, end in runs),
            joined(*down[1:3], TICK, everything),
            joined(*split(everything, 200), down[1]),
            joined(bytes([UNSEALED]) + down[1], down[2]),
        ],
    }


def _with_ticks(packets: tuple[bytes, ...]) -> list[bytes]:
    return [each for at, packet in enumerate(packets) for each in ((packet, TICK) if at % 3 == 1 else (packet,))]


TARGETS: dict[str, Target] = {
    "server_session": fuzz_server_session,
    "client_session": fuzz_client_session,
}

SHAPES = {"server_session": Shape.PIECES, "client_session": Shape.PIECES}
