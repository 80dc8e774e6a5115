"""What is fuzzed of replays: files come from strangers too.

Blocks have checksums, which stop a fuzzer at once, so they are put right before a block is read. A chunk's input is
pieces (`damage.pieces`): roster, messages, inputs, then each snapshot; what is put around them is whole. A value or
ProtocolError, as everywhere. `fuzz.py` and `plain.py` run these.
"""

from __future__ import annotations

import io
import zlib
from functools import cache
from typing import Any

import numpy as np
from damage import Shape, joined, pieces
from match_targets import BODY, INPUT
from outcomes import VALUE, Outcome, Target

from engine.config import MatchConfig
from engine.errors import ProtocolError
from engine.replay.format import (
    CHUNK,
    MAGIC,
    Block,
    Header,
    Sections,
    decode_block,
    decode_header,
    decode_inputs,
    decode_sections,
    decode_snapshots,
    encode_block,
    encode_header,
    encode_sections,
    unpack_body,
)
from engine.replay.reader import Chunk
from engine.replay.writer import ReplayWriter
from engine.wire.messages import Happened, Judged, PlayerJoined
from engine.world.history import EXACT, STALE

MOST_PIECES = 3 + 6
FIRST_TICK = 2
HEAD_BYTES = len(encode_block(CHUNK, b""))


class Dots:
    """As much of a game as a recorder asks for."""

    name, version, tick_hz = "dots", 1, 10
    kinds, player, input = (BODY,), BODY, INPUT

    def settings(self) -> dict[str, Any]:
        return {"map": "none", "size": 3, "wide": 0.5, "open": True}


def fuzz_replay_header(data: bytes) -> Outcome:
    """The body of a header; one that is read is written back to the same meaning."""
    try:
        header = decode_header(data)
    except ProtocolError as error:
        return error.reason
    assert decode_header(encode_header(header)) == header
    return VALUE


def fuzz_replay_chunk(data: bytes) -> Outcome:
    """A chunk of made-up sections: its snapshots, messages and inputs."""
    given = [*pieces(data, MOST_PIECES), b"", b"", b""]
    snapshots = b"".join(len(each).to_bytes(4, "little") + each for each in given[3:] if each)
    body = encode_sections(Sections(*given[:3], snapshots))
    seen: list[str] = []
    try:
        chunk = Chunk(header(), Block(CHUNK, 0, len(body), FIRST_TICK, memoryview(body), 0))
    except ProtocolError as error:
        return error.reason
    reads = [lambda number=number: chunk.frame(number) for number in range(len(chunk))]
    for read in (*reads, chunk.roster, chunk.messages, lambda: decode_inputs(INPUT, chunk.inputs_section())):
        try:
            read()
        except ProtocolError as error:
            seen.append(error.reason)
        else:
            seen.append(VALUE)
    return seen


def fuzz_replay_block(data: bytes) -> Outcome:
    """A block, its checksum put right; what is unpacked is never larger than it says."""
    head, body = data[: HEAD_BYTES - 4], data[HEAD_BYTES:]
    try:
        block = decode_block(memoryview(head + zlib.crc32(body, zlib.crc32(head)).to_bytes(4, "little") + body), 0)
        assert len(unpack_body(block)) == block.plain_bytes
    except ProtocolError as error:
        return error.reason
    return VALUE


@cache
def recorded() -> bytes:
    """Return a replay of two seconds in which everything happens."""
    chance, file = np.random.default_rng(1), io.BytesIO()
    writer = ReplayWriter(file, "server")
    writer.begin(Dots(), MatchConfig(tick_hz=10, snapshot_every=2), 0, 0)  # type: ignore[arg-type]  # all it asks a game for
    writer.message(0, PlayerJoined(1, "Kim", False))
    state = np.array([[10, 1000, -500, 300], [1, 4, 0, -3], [0, 65530, 9, 1]], np.int32)
    for tick in range(1, 21):
        rows = np.flatnonzero(chance.random(4) < 0.6)
        inputs = chance.integers(INPUT.low, INPUT.high + 1, (3, len(rows))).astype(np.int32)
        writer.inputs(tick, rows, inputs, chance.random(len(rows)) < 0.2)
        if tick % 3 == 0:
            writer.message(tick, Happened(tick, 3, (1, -5, 2**31 - 1)), None)
            writer.message(tick, Judged(tick, -1, "miss", 300, 200, True), 1)
        if tick % 2 == 0:
            status = np.array([EXACT, EXACT, STALE, EXACT], np.uint8)
            writer.snapshot(tick, [(state + tick, status, np.ones(4, np.int32))], np.array([10, 1, 0, 30], np.int32))
    writer.close()
    return file.getvalue()


@cache
def blocks() -> list[tuple[Block, bytes]]:
    """Return the blocks of `recorded`, and the bytes of each: a header, chunks, an end."""
    data, at, found = memoryview(recorded()), len(MAGIC), []
    while at < len(data):
        block = decode_block(data, at)
        found.append((block, bytes(data[at : block.end])))
        at = block.end
    return found


@cache
def header() -> Header:
    """Return the header of `recorded`."""
    return decode_header(unpack_body(blocks()[0][0]))


def seeds() -> dict[str, list[bytes]]:
    """Return true examples of what each target reads: what mutation begins with."""
    examples = []
    for block, _ in blocks()[1:-1]:
        sections = decode_sections(unpack_body(block))
        snapshots = [bytes(each) for each in decode_snapshots(sections.snapshots)]
        examples.append(joined(sections.roster, sections.messages, sections.inputs, *snapshots))
    return {
        "replay_header": [unpack_body(blocks()[0][0])],
        "replay_block": [data for _, data in blocks()],
        "replay_chunk": examples,
    }


TARGETS: dict[str, Target] = {
    "replay_header": fuzz_replay_header,
    "replay_block": fuzz_replay_block,
    "replay_chunk": fuzz_replay_chunk,
}

SHAPES = {"replay_chunk": Shape.PIECES}
