"""What is fuzzed of a match: headers, fragments, channels, bodies, inputs, snapshots, messages, and both sessions.

Parsers give a value or ProtocolError, and nothing else; what they read is written back to the same meaning where there
is a writer. Sessions take anything and raise nothing. `fuzz.py` and `plain.py` run these.
"""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from engine.address import Address
from engine.client.session import ClientSession, Phase
from engine.config import MatchConfig, ServerConfig, protocol_id
from engine.errors import ProtocolError
from engine.identity import encode_user_data
from engine.link.channel_table import Channel, ChannelTable, Kind
from engine.link.channels import Channels
from engine.link.fragments import Reassembler
from engine.link.header import decode_fragment_header, decode_header, encode_fragment_header, encode_header
from engine.link.netcode import ClientState, NetcodeClient, NetcodeServer, NetcodeServerConfig, mint_connect_token
from engine.link.session_channels import CHANNELS, MATCH
from engine.server.session import ServerSession
from engine.wire.body import MessageType, split_body
from engine.wire.inputs import decode_inputs
from engine.wire.messages import ENGINE_MESSAGES, Ready
from engine.wire.snapshot import decode_snapshot
from engine.world import schema
from engine.world.history import EXACT, History
from game.rules import Arena

GOLDEN = Path(__file__).resolve().parents[1] / "wire" / "golden"
SERVER: Address = ("203.0.113.7", 40000)
HOME: Address = ("198.51.100.1", 5000)
UNIX = 1_700_000_000

EVERY_KIND = ChannelTable(
    (
        Channel("ordered", Kind.RELIABLE_ORDERED),
        Channel("unordered", Kind.RELIABLE_UNORDERED, max_message_bytes=4096),
        Channel("sequenced", Kind.UNRELIABLE_SEQUENCED),
        Channel("plain", Kind.UNRELIABLE),
    )
)
BODY = schema.Kind(
    "body",
    (
        schema.Field("x", rate="vx"),
        schema.Field("vx", "int16"),
        schema.Field("aim", "uint16", wrap=True),
        schema.Field("ammo", scope=schema.Scope.OWNER),
    ),
    capacity=4,
)
INPUT = schema.Kind(
    "input",
    (schema.Field("walk", "int8"), schema.Field("aim", "uint16", wrap=True), schema.Field("fire", "bool")),
    capacity=1,
)


def golden() -> dict[str, bytes]:
    """Return the golden bytes of every message, by name."""
    return {path.stem: bytes.fromhex(json.loads(path.read_text())["hex"]) for path in sorted(GOLDEN.glob("*.json"))}


def fuzz_header(data: bytes) -> None:
    """A packet header: one that is read is written back to the same bytes, for it is canonical."""
    try:
        sequence, ack, ack_bits, offset = decode_header(data)
    except ProtocolError:
        return
    assert encode_header(sequence, ack, ack_bits) == data[:offset]


def fuzz_fragment_header(data: bytes) -> None:
    """A fragment header, likewise."""
    try:
        sequence, number, count = decode_fragment_header(data)
    except ProtocolError:
        return
    assert encode_fragment_header(sequence, number, count) == data[:5]


def fuzz_fragments(data: bytes) -> None:
    """A run of fragments: each piece has two bytes of length."""
    together = Reassembler()
    for at, piece in enumerate(pieces(data)):
        try:
            packet = together.receive(piece, at * 0.3)
        except ProtocolError:
            continue
        finally:
            assert together.held_bytes <= 2 * 68 * 1024
        if packet is not None:
            decode_header(packet)


def fuzz_channels(data: bytes) -> None:
    """Channel data, as msgpack made something of it."""
    box = Channels(EVERY_KIND)
    unpacker = msgpack.Unpacker(max_buffer_size=max(1, len(data)), strict_map_key=False)
    unpacker.feed(data)
    for at in range(8):
        try:
            entries = unpacker.unpack()
        except (msgpack.exceptions.UnpackException, ValueError, TypeError):
            return
        try:
            for place, message in box.unpack(entries, at * 0.5):
                assert 0 < len(message) <= EVERY_KIND.channels[place].max_message_bytes
        except ProtocolError:
            continue


def fuzz_body(data: bytes) -> None:
    """A payload's body, and what reads its messages."""
    try:
        messages = split_body(data)
    except ProtocolError:
        return
    for kind, array in messages:
        try:
            if kind == MessageType.INPUT:
                decode_inputs(array, INPUT, 3)
            elif kind == MessageType.SNAPSHOT:
                read_snapshot(array)
            elif kind == MessageType.CHANNEL:
                Channels(CHANNELS).unpack(array, 0.0)
        except ProtocolError:
            continue


def fuzz_inputs(data: bytes) -> None:
    """An input message of any integers: values are within their fields."""
    try:
        inputs = decode_inputs(integers(data), INPUT, 1)
    except ProtocolError:
        return
    for entry in inputs:
        assert entry.tick > 1
        for (_, low, high), value in zip(INPUT.bounds, entry.values, strict=True):
            assert low <= value <= high


def fuzz_snapshot(data: bytes) -> None:
    """A snapshot of any integers, against a history that holds two."""
    try:
        snapshot = read_snapshot(integers(data))
    except ProtocolError:
        return
    for part in snapshot.kinds:
        assert part.state.dtype == np.int32
        assert part.state.shape == (BODY.public_count, BODY.capacity)


def fuzz_messages(data: bytes) -> None:
    """A typed message: one that is read is written back to the same meaning."""
    try:
        message = ENGINE_MESSAGES.decode(data)
    except ProtocolError:
        return
    if message is not None:
        assert ENGINE_MESSAGES.decode(ENGINE_MESSAGES.encode(message)) == message


def fuzz_server_session(data: bytes) -> None:
    """A server with one player, who sends any payloads; a piece that begins with 0xff passes a tick instead."""
    server, client = connected()
    now = 1.0
    for piece in pieces(data, most=24):
        if piece[:1] == b"\xff":
            now += 1 / 60
            server.step(now)
            server.datagrams_to_send()
            continue
        if 0 < len(piece) <= 1200:
            client.send(piece, now)
        server.receive([*client.datagrams_to_send(), (piece, HOME), (piece, ("192.0.2.1", 9))], now)
    server.step(now + 1 / 60)


def fuzz_client_session(data: bytes) -> None:
    """A client with a server that sends any payloads; a piece that begins with 0xff passes a frame instead."""
    netcode, session, slot = welcomed()
    now = 1.0
    for piece in pieces(data, most=24):
        if piece[:1] == b"\xff":
            now += 1 / 60
            session.picture(now)
            session.update(now, lambda tick: (16, 0, 0))
            session.events()
            session.datagrams_to_send()
            continue
        if 0 < len(piece) <= 1200 and netcode.is_connected(slot):
            netcode.send(slot, piece, now)
        session.receive([(each, SERVER) for each, _ in netcode.datagrams_to_send()] + [(piece, SERVER)], now)
    session.picture(now + 1 / 60)
    session.labels()
    assert all(name.isprintable() for name in session.names.values())
    assert session.reason.isprintable()


# Alike ----------------------------------------------------------------------------------------------------------------


def pieces(data: bytes, most: int = 16) -> list[bytes]:
    """Return `data` cut into pieces, each with two bytes of length before it."""
    found, at = [], 0
    while at + 2 <= len(data) and len(found) < most:
        size = int.from_bytes(data[at : at + 2], "little") % 1300
        found.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    return found


def joined(*parts: bytes) -> bytes:
    """Return what `pieces` cuts into `parts`."""
    return b"".join(len(part).to_bytes(2, "little") + part for part in parts)


def integers(data: bytes) -> list[Any]:
    """Return the msgpack objects in `data`, one after the other, as far as there are any."""
    unpacker = msgpack.Unpacker(max_buffer_size=max(1, len(data)), strict_map_key=False)
    unpacker.feed(data)
    found: list[Any] = []
    try:
        for each in unpacker:
            found += each if isinstance(each, list) else [each]
    except (msgpack.exceptions.UnpackException, ValueError, TypeError):
        pass
    return found


def read_snapshot(array: list[Any]) -> Any:
    """Read a snapshot as a client does that holds those of ticks 100 and 102."""
    history = History(BODY, BODY.public_count, 8, 2)
    state = np.array([[10, 1000, -500, 300], [1, 4, 0, -3], [0, 65530, 9, 1]], np.int32)
    own = {}
    for tick in (100, 102):
        history.push(tick, state, np.full(4, EXACT), np.ones(4, np.int32))
        own[tick] = np.array([10, 1, 0, 30], np.int32)
    return decode_snapshot(array, [history], BODY, own, True)


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
    box = Channels(CHANNELS)
    box.send(MATCH, ENGINE_MESSAGES.encode(Ready(schema.schema_hash(arena().kinds))))
    block = box.pack(1000, 0, 0.0, 0.1)
    assert block is not None
    client.send(encode_header(0, 65535, 0) + bytes([MessageType.CHANNEL]) + block, 0.0)
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
    send, receive = netcode.send, netcode.receive

    def heard_send(slot: int, payload: bytes, now: float) -> None:
        down.append(payload)
        send(slot, payload, now)

    def heard_receive(datagram: bytes, address: Address, now: float) -> tuple[int, bytes] | None:
        opened = receive(datagram, address, now)
        up.extend(() if opened is None else opened[1:])
        return opened

    netcode.send, netcode.receive = heard_send, heard_receive  # type: ignore[method-assign]
    for tick in range(60):
        now = tick / 60
        session.update(now, lambda tick: (16 if tick % 8 == 0 else 9, tick * 500 % 65536, tick // 20 % 2))
        server.receive([(each, HOME) for each, _ in session.datagrams_to_send()], now)
        server.step(now)
        session.receive([(each, SERVER) for each, _ in server.datagrams_to_send()], now)
        session.picture(now)
    return tuple(up), tuple(down)


def seeds() -> dict[str, list[bytes]]:
    """Return true examples of what each target reads: what mutation begins with."""
    wire = golden()
    up, down = played()
    headers = [encode_header(*each) for each in ((0, 65535, 0), (7, 6, 0xFFFFFFFF), (65535, 3, 0x00FF00F0))]
    typed = [wire[name] for name in wire if name not in ("input", "snapshot", "snapshot_first")]
    big = [b"\x01\x05\x00" + bytes([at, 2]) + (headers[1] if at == 0 else b"") + bytes(40) for at in range(3)]
    entries = [
        [0, 0, b"a"],
        [1, 0, 9, 0, b"abc", 1, 0, 9, 3, b"def"],
        [2, 0, b"x", 4, 1, b"y", 6, b"z"],
        [3, 1, 2, 0, b"q"],
    ]
    packed = [msgpack.packb(each) for each in entries]
    return {
        "header": headers,
        "fragment_header": [each[:5] for each in big],
        "fragments": [joined(*big), joined(*reversed(big))],
        "channels": [*packed, b"".join(packed)],
        "body": [payload[decode_header(payload)[3] :] for payload in (*up[::6], *down[::4])],
        "inputs": [wire["input"]],
        "snapshot": [wire["snapshot"], wire["snapshot_first"]],
        "messages": typed,
        "server_session": [joined(*up[at : at + 4], b"\xff", *up[at + 4 : at + 8]) for at in range(0, len(up) - 8, 8)],
        "client_session": [
            joined(*down[at : at + 4], b"\xff", *down[at + 4 : at + 8]) for at in range(0, len(down) - 8, 8)
        ],
    }


TARGETS = {
    "header": fuzz_header,
    "fragment_header": fuzz_fragment_header,
    "fragments": fuzz_fragments,
    "channels": fuzz_channels,
    "body": fuzz_body,
    "inputs": fuzz_inputs,
    "snapshot": fuzz_snapshot,
    "messages": fuzz_messages,
    "server_session": fuzz_server_session,
    "client_session": fuzz_client_session,
}
