"""What is fuzzed of a match: headers, fragments, channels, bodies, inputs, snapshots and messages.

Parsers give a value or ProtocolError, and nothing else; what they read is written back to the same meaning where there
is a writer. `session_targets.py` has the sessions above them. `fuzz.py` and `plain.py` run these.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
from damage import Shape, joined, pieces
from outcomes import VALUE, Outcome, Target

from engine.address import Address
from engine.errors import ProtocolError
from engine.link.channel_table import Channel, ChannelTable, Kind
from engine.link.channels import Channels
from engine.link.fragments import Reassembler, split
from engine.link.header import decode_fragment_header, decode_header, encode_fragment_header, encode_header
from engine.link.session_channels import CHANNELS
from engine.wire.body import MessageType, split_body
from engine.wire.inputs import decode_inputs
from engine.wire.messages import ENGINE_MESSAGES
from engine.wire.snapshot import decode_snapshot
from engine.world import schema
from engine.world.history import EXACT, History

GOLDEN = Path(__file__).resolve().parents[1] / "wire" / "golden"
SERVER: Address = ("203.0.113.7", 40000)
NO_MESSAGES = ("input", "snapshot", "snapshot_first")
"""Golden bytes that are arrays of a body, and no messages of a channel."""
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


def fuzz_header(data: bytes) -> Outcome:
    """A packet header: one that is read is written back to the same bytes, for it is canonical."""
    try:
        sequence, ack, ack_bits, offset = decode_header(data)
    except ProtocolError as error:
        return error.reason
    assert encode_header(sequence, ack, ack_bits) == data[:offset]
    return VALUE


def fuzz_fragment_header(data: bytes) -> Outcome:
    """A fragment header, likewise."""
    try:
        sequence, number, count = decode_fragment_header(data)
    except ProtocolError as error:
        return error.reason
    assert encode_fragment_header(sequence, number, count) == data[:5]
    return VALUE


def fuzz_fragments(data: bytes) -> Outcome:
    """A run of fragments: each piece has two bytes of length."""
    together, seen = Reassembler(), []
    for at, piece in enumerate(pieces(data)):
        try:
            packet = together.receive(piece, at * 0.3)
            if packet is not None:
                decode_header(packet)
                seen.append(VALUE)
        except ProtocolError as error:
            seen.append(error.reason)
        finally:
            assert together.held_bytes <= 2 * 68 * 1024
    return seen


def fuzz_channels(data: bytes) -> Outcome:
    """Channel data, as msgpack made something of it."""
    box = Channels(EVERY_KIND)
    unpacker = msgpack.Unpacker(max_buffer_size=max(1, len(data)), strict_map_key=False)
    unpacker.feed(data)
    seen: list[str] = []
    for at in range(8):
        try:
            entries = unpacker.unpack()
        except (msgpack.exceptions.UnpackException, ValueError, TypeError):
            break
        try:
            for place, message in box.unpack(entries, at * 0.5):
                assert 0 < len(message) <= EVERY_KIND.channels[place].max_message_bytes
        except ProtocolError as error:
            seen.append(error.reason)
        else:
            seen.append(VALUE)
    return seen


def fuzz_body(data: bytes) -> Outcome:
    """A payload's body, and what reads its messages."""
    try:
        messages = split_body(data)
    except ProtocolError as error:
        return error.reason
    seen: list[str] = []
    for kind, array in messages:
        try:
            if kind == MessageType.INPUT:
                decode_inputs(array, INPUT, 3)
            elif kind == MessageType.SNAPSHOT:
                read_snapshot(array)
            elif kind == MessageType.CHANNEL:
                Channels(CHANNELS).unpack(array, 0.0)
        except ProtocolError as error:
            seen.append(error.reason)
        else:
            seen.append(VALUE)
    return seen


def fuzz_inputs(data: bytes) -> Outcome:
    """An input message of any integers: values are within their fields."""
    try:
        inputs = decode_inputs(integers(data), INPUT, 1)
    except ProtocolError as error:
        return error.reason
    for entry in inputs:
        assert entry.tick > 1
        for (_, low, high), value in zip(INPUT.bounds, entry.values, strict=True):
            assert low <= value <= high
    return VALUE


def fuzz_snapshot(data: bytes) -> Outcome:
    """A snapshot of any integers, against a history that holds two."""
    try:
        snapshot = read_snapshot(integers(data))
    except ProtocolError as error:
        return error.reason
    for part in snapshot.kinds:
        assert part.state.dtype == np.int32
        assert part.state.shape == (BODY.public_count, BODY.capacity)
    return VALUE


def fuzz_messages(data: bytes) -> Outcome:
    """A typed message: one that is read is written back to the same meaning."""
    try:
        message = ENGINE_MESSAGES.decode(data)
    except ProtocolError as error:
        return error.reason
    if message is None:
        return "unknown-message"
    assert ENGINE_MESSAGES.decode(ENGINE_MESSAGES.encode(message)) == message
    return VALUE


# Alike ----------------------------------------------------------------------------------------------------------------


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
    history, own = held()
    return decode_snapshot(array, [history], BODY, own, True)


@cache
def held() -> tuple[History, dict[int, np.ndarray]]:
    """Return what the client holds; reading leaves it as it is."""
    history = History(BODY, BODY.public_count, 8, 2)
    state = np.array([[10, 1000, -500, 300], [1, 4, 0, -3], [0, 65530, 9, 1]], np.int32)
    own = {}
    for tick in (100, 102):
        history.push(tick, state, np.full(4, EXACT), np.ones(4, np.int32))
        own[tick] = np.array([10, 1, 0, 30], np.int32)
    return history, own


def seeds() -> dict[str, list[bytes]]:
    """Return true examples of what each target reads: what mutation begins with."""
    wire = golden()
    headers = [encode_header(*each) for each in ((0, 65535, 0), (7, 6, 0xFFFFFFFF), (65535, 3, 0x00FF00F0))]
    typed = [wire[name] for name in wire if name not in NO_MESSAGES]
    big, other = split(headers[1] + bytes(100), 40), split(headers[0] + bytes(70), 30)
    entries = [
        [0, 0, b"a"],
        [1, 0, 9, 0, b"abc", 1, 0, 9, 3, b"def"],
        [2, 0, b"x", 4, 1, b"y", 6, b"z"],
        [3, 1, 2, 0, b"q"],
    ]
    packed = [msgpack.packb(each) for each in entries]
    bodies = ((1, wire["input"]), (2, wire["snapshot"]), (2, wire["snapshot_first"]), *((3, each) for each in packed))
    return {
        "header": headers,
        "fragment_header": [each[:5] for each in big],
        "fragments": [
            joined(*big),
            joined(*reversed(big)),
            joined(*(each for both in zip(big, other, strict=True) for each in both)),
        ],
        "channels": [*packed, b"".join(packed)],
        "body": [bytes([kind]) + body for kind, body in bodies] + [b"\x03" + packed[1] + b"\x01" + wire["input"]],
        "inputs": [wire["input"]],
        "snapshot": [wire["snapshot"], wire["snapshot_first"]],
        "messages": typed,
    }


TARGETS: dict[str, Target] = {
    "header": fuzz_header,
    "fragment_header": fuzz_fragment_header,
    "fragments": fuzz_fragments,
    "channels": fuzz_channels,
    "body": fuzz_body,
    "inputs": fuzz_inputs,
    "snapshot": fuzz_snapshot,
    "messages": fuzz_messages,
}

SHAPES = {
    "fragments": Shape.PIECES,
    "channels": Shape.OBJECTS,
    "body": Shape.OBJECTS,
    "inputs": Shape.OBJECTS,
    "snapshot": Shape.OBJECTS,
    "messages": Shape.OBJECTS,
}
