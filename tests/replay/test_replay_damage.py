"""Files that were cut off, damaged or made up: what is whole is read, the rest is told in one line, and nothing else
is ever raised."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import MatchConfig
from engine.errors import ProtocolError, UsageError
from engine.replay.format import (
    CHUNK,
    HEADER,
    MAGIC,
    MAX_BODY_BYTES,
    Sections,
    decode_block,
    decode_header,
    decode_inputs,
    encode_block,
    encode_header,
    encode_inputs,
    encode_sections,
    unpack_body,
)
from engine.replay.playback import Playback
from engine.replay.reader import Replay
from engine.replay.writer import ReplayWriter
from engine.wire.messages import Happened, Judged, PlayerJoined
from engine.wire.recorder import Published
from engine.world.history import ABSENT, EXACT, STALE
from engine.world.schema import Field, Kind, Scope

BODY = Kind(
    "body",
    (
        Field("x", threshold=4, coarse=3, rate="vx", smooth=True),
        Field("vx", "int16", threshold=4, coarse=3),
        Field("aim", "uint16", wrap=True, smooth=True),
        Field("health", "uint8"),
        Field("ammo", "uint8", scope=Scope.OWNER),
    ),
    capacity=9,
)
STONE = Kind("stone", (Field("size", "uint8"),), capacity=3)
INPUT = Kind("input", (Field("buttons", "uint8"), Field("aim", "uint16", wrap=True), Field("reach")), capacity=1)


class Small:
    """As much of a game as a recorder asks for."""

    name, version, tick_hz = "small", 3, 10
    kinds, player, input = (BODY, STONE), BODY, INPUT

    def settings(self) -> dict[str, Any]:
        return {"map": "none", "size": 3, "wide": 0.5, "open": True}


MATCH = MatchConfig(tick_hz=10, snapshot_every=2, history_snapshots=8)


def snapshot(random: np.random.Generator, stale: bool) -> tuple[list[Published], np.ndarray]:
    """A snapshot of anything at all, in the steps it is published in."""
    kinds = []
    for kind in Small.kinds:
        low, high = kind.low[: kind.public_count], kind.high[: kind.public_count]
        state = random.integers(low, high + 1, (kind.public_count, kind.capacity)).astype(np.int32)
        if kind.coarse is not None:
            state = state >> kind.coarse << kind.coarse
        status = random.choice([ABSENT, EXACT, STALE if stale else EXACT], kind.capacity).astype(np.uint8)
        kinds.append((state, status, random.integers(0, 128, kind.capacity).astype(np.int32)))
    return kinds, random.integers(BODY.low[:, 0], BODY.high[:, 0] + 1).astype(np.int32)


def write(
    seed: int, ticks: int, own_row: int | None = None, gaps: bool = False
) -> tuple[bytes, ReplayWriter, dict[int, Any]]:
    """Write a made-up match of `ticks`; return the file, its writer, and what it was told."""
    random = np.random.default_rng(seed)
    file = io.BytesIO()
    writer = ReplayWriter(file, "server")
    writer.begin(Small(), MATCH, own_row, 0)  # type: ignore[arg-type]  # all that is asked of it
    writer.message(0, PlayerJoined(1, "Kim", False))
    told = {}
    kept: tuple[list[Published], np.ndarray] | None = None
    for tick in range(1, ticks + 1):
        rows = np.flatnonzero(random.random(9) < 0.6)
        state = random.integers(INPUT.low, INPUT.high + 1, (3, len(rows))).astype(np.int32)
        writer.inputs(tick, rows, state, random.random(len(rows)) < 0.2)
        if random.random() < 0.3:
            writer.message(tick, Happened(tick, 3, (1, -5, 2**31 - 1)), None)
            writer.message(tick, Judged(tick, -1, "miss", 300, 200, True), 1)
        if tick % 2 == 0 and not (gaps and random.random() < 0.6):
            # Sometimes just what was there before: then there is little to tell.
            kept = snapshot(random, stale=own_row is not None) if kept is None or random.random() < 0.6 else kept
            writer.snapshot(tick, kept[0], None if own_row is None else kept[1])
            told[tick] = kept
    writer.close()
    return file.getvalue(), writer, told


def told_in_one_line(error: UsageError) -> None:
    assert str(error)
    assert "\n" not in str(error)


def read_everything(replay: Replay) -> int:
    """Do all that can be done with a replay; return how many snapshots it has."""
    frames = list(replay.frames())
    replay.digest(), replay.verdicts(), replay.events(), replay.players(), replay.inputs()
    replay.columns("body")["x"]
    playback = Playback(replay)
    while not playback.at_end:
        playback.advance(0.13)
        playback.picture().kinds["body"]["x"]
        playback.present(), playback.events(), playback.verdicts(), playback.said()
    return len(frames)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(2, 40), st.sampled_from([None, 0, 8]), st.booleans())
def test_any_match_is_read_back(seed: int, ticks: int, own_row: int | None, gaps: bool) -> None:
    data, writer, told = write(seed, ticks, own_row, gaps)
    if not told:
        with pytest.raises(UsageError, match="nothing was kept"):
            Replay(data)
        return
    replay = Replay(data)
    assert replay.damage == ""
    assert (replay.header.settings, replay.header.match) == (Small().settings(), MATCH)
    assert (replay.header.kinds, replay.header.input) == (Small.kinds, INPUT)
    frames = list(replay.frames())
    assert [frame.tick for frame in frames] == [*told]
    for frame in frames:
        kinds, own = told[frame.tick]
        assert own_row is None or (frame.own == own).all()
        for (state, status, generation), read in zip(kinds, frame.kinds, strict=True):
            there = status != ABSENT
            assert (read[1] == status).all()
            assert (read[0][:, there] == state[:, there]).all()
            assert (read[2][there] == generation[there]).all()
    assert replay.digest() == writer.digest


def test_a_file_cut_off_anywhere_is_good_up_to_its_last_chunk() -> None:
    data, _, told = write(1, 24)
    ends, at = [], 0
    view = memoryview(data)
    at = len(MAGIC)
    while at < len(data):
        at = decode_block(view, at).end
        ends.append(at)
    whole = [*told]
    for size in range(len(data)):
        chunks = sum(end <= size for end in ends) - 1
        if chunks < 1:
            with pytest.raises(UsageError) as failure:
                Replay(data[:size], "x.twr")
            assert str(failure.value).startswith("x.twr: ")
            told_in_one_line(failure.value)
            continue
        replay = Replay(data[:size], "x.twr")
        ticks = [frame.tick for frame in replay.frames()]
        # A chunk is a second: five snapshots.
        assert ticks == whole[: 5 * chunks]
        assert replay.damage.count("\n") == 0
        assert replay.damage


def test_a_flipped_bit_is_seen_and_nothing_before_it_is_lost() -> None:
    data, _, told = write(2, 22)
    whole = [*told]
    first_chunk = decode_block(memoryview(data), len(MAGIC)).end
    second_chunk = decode_block(memoryview(data), first_chunk).end
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 1 << at % 8
        try:
            replay = Replay(bytes(broken), "x.twr")
        except UsageError as error:
            told_in_one_line(error)
            assert at < second_chunk
            continue
        ticks = [frame.tick for frame in replay.frames()]
        assert at >= second_chunk
        assert replay.damage
        assert ticks == whole[: len(ticks)]


def reblock(data: bytes, change: Callable[[bytes, int], bytes]) -> bytes:
    """Return the file with each block's body changed, and its checks made good: only what is in it is wrong."""
    view, at, out = memoryview(data), len(MAGIC), [MAGIC]
    while at < len(data):
        block = decode_block(view, at)
        out.append(encode_block(block.kind, change(unpack_body(block), block.kind), block.tick))
        at = block.end
    return b"".join(out)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_what_is_made_up_is_told_in_one_line(seed: int, flips: int) -> None:
    """Bytes changed behind the checksum's back: any reading either works or is a UsageError."""
    random = np.random.default_rng(seed)

    def change(body: bytes, kind: int) -> bytes:
        changed = bytearray(body)
        for _ in range(flips if random.random() < 0.7 else 0):
            changed[int(random.integers(len(changed)))] = int(random.integers(256))
        return bytes(
            changed[: int(random.integers(len(changed) // 2, len(changed) + 1))] if random.random() < 0.2 else changed
        )

    data, _, _ = FILE
    try:
        read_everything(Replay(reblock(data, change)))
    except UsageError as error:
        told_in_one_line(error)


FILE = write(3, 16, own_row=2)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_no_replay(data: bytes) -> None:
    with pytest.raises(UsageError):
        Replay(data)
    with pytest.raises(UsageError):
        Replay(MAGIC + data)
    with pytest.raises(UsageError):
        Replay(MAGIC + encode_block(HEADER, data))


def test_a_file_can_not_make_us_allocate_more_than_it_may() -> None:
    small = {"kinds": 1, **HEAD}
    for bad in (
        # A schema of four million cells; a kind with more rows than there can be; a name beyond bounds.
        {**small, "kinds": [kind_map(capacity=65535)] * 9},
        {**small, "kinds": [kind_map(capacity=10**9)]},
        {**small, "kinds": [kind_map(name="x" * 600)]},
        {**small, "settings": {"a": "b" * 10**6}},
    ):
        with pytest.raises(UsageError):
            Replay(MAGIC + encode_block(HEADER, msgpack.packb(bad)))
    body = b"\0" * MAX_BODY_BYTES
    packed = zlib.compress(body * 16)
    for plain in (MAX_BODY_BYTES, 2**32 - 1):
        head = struct.pack("<BBIII", CHUNK, 1, len(packed), plain, 2)
        crc = struct.pack("<I", zlib.crc32(packed, zlib.crc32(head)))
        start = MAGIC + encode_block(HEADER, header_of(FILE[0]))
        tracemalloc.start()
        with pytest.raises(UsageError):
            Replay(start + head + crc + packed)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 3 * MAX_BODY_BYTES
    # A thousand million inputs in twelve bytes.
    with pytest.raises(ProtocolError):
        decode_inputs(INPUT, struct.pack("<II", 10**5, 10**4) + b"\0" * 4)
    # A snapshot that says it is longer than its chunk.
    chunk = encode_sections(Sections(b"", b"", b"", struct.pack("<I", 2**31) + b"\x93\0\0\0"))
    with pytest.raises(UsageError):
        Replay(MAGIC + encode_block(HEADER, header_of(FILE[0])) + encode_block(CHUNK, chunk, 2))


def kind_map(**changes: Any) -> dict[str, Any]:
    field = ["x", "int32", 1.0, 0, 0, None, False, 0, True, False]
    return {"name": "k", "capacity": 3, "teleport": None, "shove": None, "fields": [[*field]], **changes}


HEAD = {
    "format": 1,
    "game": "g",
    "game_version": 1,
    "settings": {},
    "match": {
        "tick_hz": 10,
        "snapshot_every": 2,
        "history_snapshots": 8,
        "rewind_limit": 0.2,
        "max_extrapolation": 0.2,
    },
    "source": "server",
    "own_row": -1,
    "started": 0,
    "schema": 1,
    "kinds": [kind_map()],
    "player": "k",
    "input": kind_map(),
}


def header_of(data: bytes) -> bytes:
    return unpack_body(decode_block(memoryview(data), len(MAGIC)))


def test_headers_round_trip_and_newer_ones_are_named() -> None:
    header = decode_header(header_of(FILE[0]))
    assert decode_header(encode_header(header)) == header
    assert decode_header(msgpack.packb(HEAD)).own_row is None
    with pytest.raises(UsageError, match="format 2, this reads 1"):
        Replay(MAGIC + encode_block(HEADER, msgpack.packb({**HEAD, "format": 2})))
    for name in HEAD:
        for value in (None, -7, "?", [], {"a": []}, 2**63, float("nan")):
            try:
                decode_header(msgpack.packb({**HEAD, name: value}))
            except ProtocolError:
                continue


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 30))
def test_inputs_round_trip(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    ticks = np.sort(random.choice(1000, count, replace=False)).tolist()
    told = []
    for tick in ticks:
        rows = np.sort(random.choice(70, int(random.integers(0, 9)), replace=False))
        state = random.integers(INPUT.low, INPUT.high + 1, (3, len(rows))).astype(np.int32)
        told.append((tick, rows, state, random.random(len(rows)) < 0.5))
    if not sum(len(rows) for _, rows, _, _ in told):
        return
    table = decode_inputs(INPUT, encode_inputs(INPUT, told))
    assert table is not None
    assert table.tick.tolist() == ticks
    for at, (_, rows, state, missing) in enumerate(told):
        assert table.rows[table.played[at]].tolist() == rows.tolist()
        assert (table.state[:, table.played[at], at] == state).all()
        assert (table.missing[at, table.played[at]] == missing).all()


class Full(io.BytesIO):
    """A disk with room for so many bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: Any) -> int:
        if len(data) > self.room:
            raise OSError(28, "No space left on device")
        self.room -= len(data)
        return super().write(data)


def test_a_full_disk_ends_the_recording_and_nothing_else() -> None:
    _, _, told = write(4, 60)

    def record(file: io.BytesIO) -> ReplayWriter:
        writer = ReplayWriter(file)
        writer.begin(Small(), MATCH, None, 0)  # type: ignore[arg-type]  # all that is asked of it
        for tick, (kinds, _) in told.items():
            writer.snapshot(tick, kinds)
        writer.close()
        return writer

    whole = record(io.BytesIO())
    assert whole.error == ""
    file = Full(whole.bytes_written // 2)
    assert record(file).error == "No space left on device"
    replay = Replay(file.getvalue())
    assert "stopped before" in replay.damage
    assert 0 < len(list(replay.frames())) < len(told)


def test_a_client_that_comes_back_goes_on_and_another_match_ends_it() -> None:
    for tick, error in ((12, ""), (0, "another match began")):
        file = io.BytesIO()
        writer = ReplayWriter(file, "client", hold=0.4)
        kinds, own = snapshot(np.random.default_rng(5), stale=True)
        writer.begin(Small(), MATCH, 2, 0)  # type: ignore[arg-type]  # all that is asked of it
        writer.message(0, PlayerJoined(3, "before", False))
        for at in (2, 4, 8, 6, 10):
            writer.snapshot(at, kinds, own)
        writer.begin(Small(), MATCH, 2, tick)  # type: ignore[arg-type]
        writer.message(12, PlayerJoined(3, "after", False))
        for at in (16, 14, 18):
            writer.snapshot(at, kinds, own)
        writer.close()
        replay = Replay(file.getvalue())
        assert writer.error == error
        assert replay.damage == ""
        assert [frame.tick for frame in replay.frames()] == [2, 4, 6, 8, 10, *([] if error else [14, 16, 18])]
        assert replay.players() == {3: ["before"] if error else ["before", "after"]}


def test_a_match_that_is_too_large_is_not_kept_and_nothing_is_raised() -> None:
    class Huge(Small):
        kinds = (BODY, Kind("sand", tuple(Field(f"f{number}") for number in range(20)), capacity=65535))

    class Verbose(Small):
        def settings(self) -> dict[str, Any]:
            return {"story": "x" * 1000}

    for game, words in ((Huge(), "too large for a replay"), (Verbose(), "a text")):
        file = io.BytesIO()
        writer = ReplayWriter(file)
        writer.begin(game, MATCH, None, 0)  # type: ignore[arg-type]  # all that is asked of it
        writer.snapshot(2, snapshot(np.random.default_rng(1), stale=False)[0])
        writer.message(2, PlayerJoined(1, "Kim", False))
        writer.close()
        assert words in writer.error
        assert file.getvalue() == b""
