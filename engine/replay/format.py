"""A replay's bytes. All numbers are little-endian; what stands in msgpack is as msgpack has it.

    file        8   magic, b"TICKREPL"
                    blocks, one behind the other: a header, chunks, and an end if the recorder could say good-bye

    block       1   kind: 1 header, 2 chunk, 3 end
                1   packing of the body: 0 as it is, 1 zlib
                4   bytes of the body as stored
                4   bytes of the body unpacked
                4   tick: of a chunk's first snapshot, else 0
                4   CRC-32 of the 14 bytes before it and of the stored body
                    the body

    header          a msgpack map; see `Header`
    end             a msgpack map: digest (of the stream, hex), tick (of the last snapshot), snapshots (how many)
    chunk       16  bytes of each of its four sections, which follow: roster, messages, inputs, snapshots

    roster          messages: those that tell who is here when the chunk begins
    messages        what was told meanwhile, each:
                4   tick at which it was told
                4   the player row it is for, signed; -1: everyone. Of a verdict: the shooter
                4   bytes of the message
                    the message, as `wire.messages` has it on the wire

    inputs          empty, or:
                4   ticks, m
                4   player rows, n
                    m + n + m * n * (1 + fields) msgpack integers: each tick less the one before it (the first: less
                    0), the rows likewise, and then per column, per row, per tick, the value less the one of the tick
                    before (the first: less 0). The first column is 0 for no input, 1 for one that was played, 2 for one
                    that was missing and stood in for; the others are the input's fields, cyclic ones the short way

    snapshots       each:
                4   bytes of what follows
                    a msgpack array of integers: tick, ticks back to the baseline (the snapshot before it in this
                    chunk; 0: there is none, and all rows are full), how many rows are stale and of each the kind's
                    number and the row, and then a section as `wire.delta` has it of each kind, and of the own row
                    where there is one: it is a kind of one row, with the owner's fields, in exact steps

A chunk needs nothing outside it but the header: so a file that ends anywhere is good up to its last whole chunk, and
seeking is to look up a chunk and read less than a second of it. A snapshot is told as to a peer that sees everything
and loses nothing; there is no second codec. Nothing in a file is believed: every length is compared with what is
there, and with the bounds below, before anything is allocated.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import msgpack
import numpy as np

from engine.config import MatchConfig
from engine.errors import ProtocolError, UsageError
from engine.wire import msgints
from engine.wire.recorder import Published
from engine.world.dead_reckoning import residual
from engine.world.schema import Field, Kind, Scope

MAGIC = b"TICKREPL"
FORMAT = 1
"""Counts changes of this format."""
HEADER, CHUNK, END = 1, 2, 3
MAX_BODY_BYTES = 8 * 1024 * 1024
"""Of a block, unpacked: three hundred times what a second of 64 players takes. It bounds what a file can make us do."""
MAX_CELLS = 2**20
"""Fields times rows of all kinds together: a snapshot of all of them must fit into a body."""
MAX_CHUNK_CELLS = 2**26
"""Cells times snapshots of a chunk: as much may be held at once."""
MAX_KINDS = 64
MAX_TEXT = 512
MAX_SETTINGS = 256

_BLOCK = struct.Struct("<BBIIII")
_SECTIONS = struct.Struct("<IIII")
_MESSAGE = struct.Struct("<IiI")
_INPUTS = struct.Struct("<II")
_LENGTH = struct.Struct("<I")
_PLAIN, _ZLIB = 0, 1
_ARRAY = b"\xdd"
"""msgpack's array with a count of 32 bits: a world may have more than 65,535 numbers."""


def cells(kinds: Sequence[Kind]) -> int:
    """Return the fields of all rows of all kinds."""
    return sum(kind.capacity * len(kind.fields) for kind in kinds)


def own_kind(player: Kind) -> Kind:
    """Return the own row as a kind of its own: one row, with the owner's fields, none of them in coarser steps."""
    fields = tuple(replace(each, coarse=0, scope=Scope.PUBLIC) for each in player.fields[: player.owner_count])
    return Kind("own", fields, 1)


# Blocks --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a file. body: as stored. end: where the next one begins."""

    kind: int
    packing: int
    plain_bytes: int
    tick: int
    body: memoryview
    end: int


def encode_block(kind: int, body: bytes, tick: int = 0) -> bytes:
    """Return `body` as a block, packed where that makes it smaller. Raises UsageError when it is too large."""
    if len(body) > MAX_BODY_BYTES:
        raise UsageError(f"a block of {len(body)} bytes, more than {MAX_BODY_BYTES}")
    packed = zlib.compress(body)
    packing, stored = (_ZLIB, packed) if len(packed) < len(body) else (_PLAIN, body)
    head = _BLOCK.pack(kind, packing, len(stored), len(body), tick, 0)[:-4]
    return head + _LENGTH.pack(zlib.crc32(stored, zlib.crc32(head))) + stored


def decode_block(data: memoryview, at: int) -> Block:
    """Return the block that begins at `data[at]`. Raises ProtocolError where there is none, or none that is whole."""
    if len(data) - at < _BLOCK.size:
        raise ProtocolError("truncated", f"{len(data) - at} bytes of a block's {_BLOCK.size}")
    kind, packing, stored, plain, tick, crc = _BLOCK.unpack_from(data, at)
    begin = at + _BLOCK.size
    if stored > len(data) - begin:
        raise ProtocolError("truncated", f"{len(data) - begin} bytes of a body's {stored}")
    body = data[begin : begin + stored]
    if zlib.crc32(body, zlib.crc32(data[at : begin - 4])) != crc:
        raise ProtocolError("bad-crc", f"block at byte {at}")
    if packing not in (_PLAIN, _ZLIB) or plain > MAX_BODY_BYTES or (packing == _PLAIN and plain != stored):
        raise ProtocolError("bad-block", f"packing {packing}, {stored} bytes for {plain}")
    return Block(kind, packing, plain, tick, body, begin + stored)


def unpack_body(block: Block) -> bytes:
    """Return a block's body, unpacked. Raises ProtocolError."""
    if block.packing == _PLAIN:
        return bytes(block.body)
    try:
        body = zlib.decompressobj().decompress(block.body, block.plain_bytes + 1)
    except zlib.error as error:
        raise ProtocolError("bad-packing", str(error)) from None
    if len(body) != block.plain_bytes:
        raise ProtocolError("bad-packing", f"{len(body)} bytes or more, not {block.plain_bytes}")
    return body


# The header and the end ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Header:
    """What was played, and who kept it.

    source: "server", "client" or what else it was. own_row: whose eyes it was seen with; None: it was seen whole.
    started: Unix seconds; 0: not known. schema: `schema_hash` of the kinds. player: one of `kinds`.
    """

    game: str
    game_version: int
    settings: dict[str, Any]
    match: MatchConfig
    source: str
    own_row: int | None
    started: int
    schema: int
    kinds: tuple[Kind, ...]
    player: Kind
    input: Kind


_MATCH = ("tick_hz", "snapshot_every", "history_snapshots", "rewind_limit", "max_extrapolation")
_FIELD = ("name", "dtype", "precision", "threshold", "coarse", "rate", "wrap", "scope", "predicted", "smooth")
_FIELD_TYPES = ((str,), (str,), (float, int), (int,), (int,), (str, type(None)), (bool,), (int,), (bool,), (bool,))


def encode_header(header: Header) -> bytes:
    """Return the body of a header block. Raises UsageError for a schema that is too large to be kept."""
    if cells(header.kinds) > MAX_CELLS or len(header.kinds) > MAX_KINDS:
        raise UsageError(
            f"a schema of {len(header.kinds)} kinds and {cells(header.kinds)} cells is too large for a replay"
        )
    packed: bytes = msgpack.packb(
        {
            "format": FORMAT,
            "game": header.game,
            "game_version": header.game_version,
            "settings": header.settings,
            "match": {name: getattr(header.match, name) for name in _MATCH},
            "source": header.source,
            "own_row": -1 if header.own_row is None else header.own_row,
            "started": header.started,
            "schema": header.schema,
            "kinds": [_kind_map(kind) for kind in header.kinds],
            "player": header.player.name,
            "input": _kind_map(header.input),
        }
    )
    return packed


def decode_header(body: bytes) -> Header:
    """Read the body of a header block. Raises ProtocolError."""
    told = _map(body)
    if told.get("format") != FORMAT:
        raise ProtocolError("other-format", f"format {told.get('format')!r}, this reads {FORMAT}")
    try:
        match = _of(told, "match", dict)
        kinds = tuple(_kind(each) for each in _of(told, "kinds", list)[:MAX_KINDS])
        if cells(kinds) > MAX_CELLS:
            raise ProtocolError("bad-header", "a schema too large")
        settings = {
            _text(key): value if type(value) in (int, float, bool) else _text(value)
            for key, value in _of(told, "settings", dict).items()
        }
        player = _of(told, "player", str)
        own_row = _of(told, "own_row", int)
        players = next((kind for kind in kinds if kind.name == player), None)
        if players is None or not -1 <= own_row < players.capacity:
            raise ProtocolError("bad-header", f"own row {own_row} of the kind {player!r}")
        return Header(
            game=_text(told.get("game")),
            game_version=_of(told, "game_version", int),
            settings=settings,
            match=MatchConfig(**{name: _number(match.get(name)) for name in _MATCH}),
            source=_text(told.get("source")),
            own_row=None if own_row < 0 else own_row,
            started=_of(told, "started", int),
            schema=_of(told, "schema", int),
            kinds=kinds,
            player=players,
            input=_kind(_of(told, "input", dict)),
        )
    except (UsageError, TypeError, ValueError) as error:
        raise ProtocolError("bad-header", str(error)) from None


@dataclass(frozen=True, slots=True)
class End:
    """What a recorder says of the whole file when it stops in good order."""

    digest: str
    tick: int
    snapshots: int


def encode_end(end: End) -> bytes:
    """Return the body of an end block."""
    packed: bytes = msgpack.packb({"digest": end.digest, "tick": end.tick, "snapshots": end.snapshots})
    return packed


def decode_end(body: bytes) -> End:
    """Read the body of an end block. Raises ProtocolError."""
    told = _map(body)
    return End(_text(told.get("digest")), _of(told, "tick", int), _of(told, "snapshots", int))


def _kind_map(kind: Kind) -> dict[str, Any]:
    fields = [[*(getattr(each, name) for name in _FIELD)] for each in kind.fields]
    for row in fields:
        row[_FIELD.index("scope")] = row[_FIELD.index("scope")].value
    return {
        "name": kind.name,
        "capacity": kind.capacity,
        "teleport": kind.teleport,
        "shove": kind.shove,
        "fields": fields,
    }


def _kind(told: Any) -> Kind:
    if type(told) is not dict:
        raise ProtocolError("bad-header", "a kind that is none")
    fields = []
    for row in _of(told, "fields", list):
        if type(row) is not list or len(row) < len(_FIELD):
            raise ProtocolError("bad-header", "a field that is none")
        values = dict(zip(_FIELD, row, strict=False))
        for value, types in zip(row, _FIELD_TYPES, strict=False):
            if type(value) not in types:
                raise ProtocolError("bad-header", f"{value!r} in the field {values['name']!r}")
        fields.append(Field(**{**values, "scope": Scope(values["scope"])}))
    marks = {name: None if told.get(name) is None else _of(told, name, str) for name in ("teleport", "shove")}
    return Kind(_of(told, "name", str), tuple(fields), _of(told, "capacity", int), **marks)


def _map(body: bytes) -> dict[str, Any]:
    try:
        told = msgpack.unpackb(body, max_array_len=MAX_SETTINGS, max_map_len=MAX_SETTINGS, max_ext_len=0)
    except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
        raise ProtocolError("bad-map", str(error)) from None
    if type(told) is not dict or not all(type(key) is str for key in told):
        raise ProtocolError("bad-map", "not a map of names")
    return told


def _of(told: dict[str, Any], name: str, kind: type) -> Any:
    value = told.get(name)
    if type(value) is not kind:
        raise ProtocolError("bad-map", f"{name} is {type(value).__name__}, not {kind.__name__}")
    if type(value) is int and not -(2**53) <= value <= 2**53:
        raise ProtocolError("bad-map", f"{name} is {value}")
    return _text(value) if kind is str else value


def _text(value: object) -> str:
    if type(value) is not str or len(value) > MAX_TEXT:
        raise ProtocolError("bad-map", "a text that is none, or too long")
    return value


def _number(value: object) -> Any:
    if type(value) not in (int, float):
        raise ProtocolError("bad-map", f"{value!r} is no number")
    return value


# Chunks --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sections:
    """The four sections of a chunk, as bytes."""

    roster: bytes
    messages: bytes
    inputs: bytes
    snapshots: bytes


def encode_sections(sections: Sections) -> bytes:
    """Return the body of a chunk."""
    parts = (sections.roster, sections.messages, sections.inputs, sections.snapshots)
    return b"".join((_SECTIONS.pack(*map(len, parts)), *parts))


def decode_sections(body: bytes) -> Sections:
    """Read the body of a chunk. Raises ProtocolError."""
    if len(body) < _SECTIONS.size:
        raise ProtocolError("bad-chunk", f"{len(body)} bytes")
    lengths = _SECTIONS.unpack_from(body)
    if sum(lengths) != len(body) - _SECTIONS.size:
        raise ProtocolError("bad-chunk", f"sections of {lengths} bytes in {len(body)}")
    at, parts = _SECTIONS.size, []
    for length in lengths:
        parts.append(body[at : at + length])
        at += length
    return Sections(*parts)


def encode_message(tick: int, to: int | None, data: bytes) -> bytes:
    """Return an entry of the roster or of the messages."""
    return _MESSAGE.pack(tick, -1 if to is None else to, len(data)) + data


def decode_messages(section: bytes) -> Iterator[tuple[int, int | None, bytes]]:
    """Yield the entries of a section: tick, whom it is for, and the message's bytes. Raises ProtocolError."""
    at = 0
    while at < len(section):
        if len(section) - at < _MESSAGE.size:
            raise ProtocolError("bad-chunk", "a message that is cut off")
        tick, to, length = _MESSAGE.unpack_from(section, at)
        at += _MESSAGE.size
        if length > len(section) - at:
            raise ProtocolError("bad-chunk", f"a message of {length} bytes in {len(section) - at}")
        yield tick, None if to < 0 else to, section[at : at + length]
        at += length


def encode_snapshot(head: Sequence[int], sections: Sequence[tuple[bytes, int]]) -> bytes:
    """Return an entry of the snapshots: the integers of `head`, then sections, each as bytes and how many integers."""
    count = len(head) + sum(ints for _, ints in sections)
    array = b"".join((_ARRAY, count.to_bytes(4, "big"), *map(msgpack.packb, head), *(data for data, _ in sections)))
    return _LENGTH.pack(len(array)) + array


def decode_snapshots(section: bytes) -> list[memoryview]:
    """Return the entries of the section of snapshots, not yet read. Raises ProtocolError."""
    found, at, view = [], 0, memoryview(section)
    while at < len(section):
        if len(section) - at < _LENGTH.size:
            raise ProtocolError("bad-chunk", "a snapshot that is cut off")
        (length,) = _LENGTH.unpack_from(section, at)
        at += _LENGTH.size
        if length > len(section) - at:
            raise ProtocolError("bad-chunk", f"a snapshot of {length} bytes in {len(section) - at}")
        found.append(view[at : at + length])
        at += length
    return found


def read_ints(data: bytes | memoryview) -> list[int]:
    """Return the integers of the msgpack array that `data` is, all within int32. Raises ProtocolError."""
    try:
        # An element takes a byte at least.
        ints = msgpack.unpackb(
            data, max_array_len=len(data), max_map_len=0, max_str_len=0, max_bin_len=0, max_ext_len=0
        )
    except (ValueError, TypeError, RecursionError, msgpack.exceptions.UnpackException) as error:
        raise ProtocolError("bad-integer", str(error)) from None
    if type(ints) is not list or not set(map(type, ints)) <= {int}:
        raise ProtocolError("bad-integer", "something that is no integer")
    if ints and not (min(ints) >= -(2**31) and max(ints) < 2**31):
        raise ProtocolError("bad-integer", "an integer beyond int32")
    return ints


# Inputs --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InputTable:
    """Inputs of m ticks and n player rows.

    tick `(m,) int64`; rows `(n,) int64`; played, missing `(m, n) bool`; state `(fields, n, m) int32`, 0 where nothing
    was played.
    """

    tick: np.ndarray
    rows: np.ndarray
    played: np.ndarray
    missing: np.ndarray
    state: np.ndarray


def encode_inputs(kind: Kind, ticks: Sequence[tuple[int, np.ndarray, np.ndarray, np.ndarray]]) -> bytes:
    """Return the section of inputs: of each tick the rows `(n,)`, the inputs `(fields, n)`, and which were missing."""
    if not ticks:
        return b""
    fields = len(kind.fields)
    joined = np.concatenate([numbers for _, numbers, _, _ in ticks])
    values = np.concatenate([played for _, _, played, _ in ticks], axis=1)
    gaps = np.concatenate([missing for _, _, _, missing in ticks])
    counts = np.array([len(numbers) for _, numbers, _, _ in ticks])
    rows, places = np.unique(joined, return_inverse=True)
    at = np.repeat(np.arange(len(ticks)), counts)
    code = np.zeros((1, len(rows), len(ticks)), np.int32)
    state = np.zeros((fields, len(rows), len(ticks)), np.int32)
    code[0, places, at] = 1 + gaps
    state[:, places, at] = values
    before = np.zeros_like(state)
    before[..., 1:] = state[..., :-1]
    steps = np.diff(code, axis=2, prepend=0)
    changes = residual(kind, state.reshape(fields, -1), before.reshape(fields, -1))
    ahead = np.diff(np.array([tick for tick, _, _, _ in ticks], np.int64), prepend=0)
    numbers = np.concatenate([ahead, np.diff(rows, prepend=0), steps.ravel(), changes.ravel()]).astype(np.int64)
    return _INPUTS.pack(len(ticks), len(rows)) + msgints.encode(numbers)[0].tobytes()


def decode_inputs(kind: Kind, section: bytes) -> InputTable | None:
    """Read the section of inputs; None when it is empty. Raises ProtocolError."""
    if not section:
        return None
    if len(section) < _INPUTS.size:
        raise ProtocolError("bad-chunk", "inputs that are cut off")
    count, width = _INPUTS.unpack_from(section)
    fields = len(kind.fields)
    # Every integer takes a byte at least.
    total = count + width + count * width * (1 + fields)
    if total > len(section) - _INPUTS.size:
        raise ProtocolError("bad-chunk", f"{count} x {width} inputs in {len(section)} bytes")
    ints = read_ints(_ARRAY + total.to_bytes(4, "big") + section[_INPUTS.size :])
    values = np.array(ints, np.int32)
    tick = np.cumsum(values[:count], dtype=np.int64)
    rows = np.cumsum(values[count : count + width], dtype=np.int64)
    code = np.cumsum(values[count + width :][: count * width].reshape(width, count), axis=1)
    state = np.cumsum(values[total - fields * count * width :].reshape(fields, width, count), axis=2, dtype=np.int32)
    for at, modulus in kind.wrapped:
        state[at] &= modulus - 1
    low, high = kind.low.reshape(-1, 1, 1), kind.high.reshape(-1, 1, 1)
    if (np.diff(tick) <= 0).any() or (np.diff(rows) <= 0).any() or (rows < 0).any() or (tick < 0).any():
        raise ProtocolError("bad-chunk", "inputs out of order")
    if (code < 0).any() or (code > 2).any() or (state < low).any() or (state > high).any() or (rows > 65535).any():
        raise ProtocolError("bad-chunk", "inputs out of bounds")
    return InputTable(tick, rows, code.T > 0, code.T == 2, state)


# The digest ----------------------------------------------------------------------------------------------------------


class StreamDigest:
    """A hash of the published stream: of every snapshot its tick, the rows that are there, and the own row."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)

    def add(self, tick: int, kinds: Sequence[Published], own: np.ndarray | None) -> None:
        """Take a snapshot."""
        self._hash.update(tick.to_bytes(8, "little"))
        for state, status, generation in kinds:
            rows = status.nonzero()[0]
            here = (rows, status[rows], generation[rows], state[:, rows])
            self._hash.update(b"".join(array.astype("<i4").tobytes() for array in here))
        if own is not None:
            self._hash.update(own.astype("<i4").tobytes())

    def hex(self) -> str:
        """Return it as it is now."""
        return self._hash.hexdigest()
