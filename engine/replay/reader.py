"""Reading a replay: as frames in their order, at a tick, or as numpy columns.

    with `Replay.open(path)`:  header, chunks (looked up by tick), messages, digest
    columns("player")["x"]     (snapshots, rows) float64, in the game's unit
    inputs(), verdicts()       what was played, and what became of each shot

A file that was cut off or damaged is read up to there, and `damage` says so in one line; what is no replay at all is a
UsageError. A whole file is in memory as it is stored; of what it unpacks to, only the chunk at hand.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import ProtocolError, UsageError
from engine.game import GameEvent
from engine.replay.columns import InputColumns, RowColumns, RowsKept, join_inputs, verdict_table
from engine.replay.format import (
    CHUNK,
    END,
    HEADER,
    MAGIC,
    MAX_CHUNK_CELLS,
    Block,
    End,
    Header,
    StreamDigest,
    cells,
    decode_block,
    decode_end,
    decode_header,
    decode_inputs,
    decode_messages,
    decode_sections,
    decode_snapshots,
    own_kind,
    read_ints,
    unpack_body,
)
from engine.wire.delta import decode_kind
from engine.wire.messages import ENGINE_MESSAGES, Happened, Judged, PlayerJoined, Registry
from engine.wire.recorder import Published
from engine.world.history import ABSENT, EXACT, STALE, History
from engine.world.schema import Kind

MAX_MESSAGES = 5_000_000
"""Messages of a file: days of a lively match, and the end of what memory should be spent on one."""

_CHUNKS_KEPT = 3
"""Chunks held unpacked: the one that is played, the next, and the one that a verdict looks back into."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was told at `tick`: a message of `engine.wire.messages`. to: the player row it is for; None: everyone."""

    tick: int
    to: int | None
    message: object


@dataclass(frozen=True, slots=True)
class Frame:
    """A snapshot. kinds: of each kind, in schema order, state, status and generation; own: the own row, exact."""

    tick: int
    kinds: tuple[Published, ...]
    own: np.ndarray | None


class Chunk:
    """About a second of a replay. Its snapshots are read when they are first asked for, one after the other."""

    def __init__(self, header: Header, block: Block, known: Registry = ENGINE_MESSAGES) -> None:
        self.tick = block.tick
        self._header = header
        self._known = known
        sections = decode_sections(unpack_body(block))
        self._sections = sections
        self._entries = decode_snapshots(sections.snapshots)
        if not 0 < len(self._entries) <= MAX_CHUNK_CELLS // cells(header.kinds):
            raise ProtocolError("bad-chunk", f"{len(self._entries)} snapshots")
        self._frames: list[Frame] = []
        self._bases = [History(kind, kind.public_count, 1, 1) for kind in header.kinds]
        if header.own_row is not None:
            own = own_kind(header.player)
            self._bases.append(History(own, len(own.fields), 1, 1))

    def __len__(self) -> int:
        """Snapshots in it."""
        return len(self._entries)

    def frame(self, number: int) -> Frame:
        """Return its snapshot `number`. Raises ProtocolError when it is not one."""
        while len(self._frames) <= number:
            self._frames.append(self._read(read_ints(self._entries[len(self._frames)])))
        return self._frames[number]

    def roster(self) -> list[Told]:
        """Return the messages that tell who is here when it begins. Raises ProtocolError."""
        return _read_messages(self._sections.roster, self._known)

    def messages(self) -> list[Told]:
        """Return what was told meanwhile. Raises ProtocolError."""
        return _read_messages(self._sections.messages, self._known)

    def inputs_section(self) -> bytes:
        """Return the inputs, as they are stored."""
        return self._sections.inputs

    def _read(self, ints: list[int]) -> Frame:
        if len(ints) < 3:
            raise ProtocolError("bad-chunk", "a snapshot without a head")
        tick, back, count = ints[:3]
        before = self._frames[-1].tick if self._frames else None
        if before is None and (tick != self.tick or back):
            raise ProtocolError("bad-chunk", f"tick {tick}, {back} back, begins the chunk of {self.tick}")
        if before is not None and (tick <= before or back not in (0, tick - before)):
            raise ProtocolError("bad-chunk", f"tick {tick}, {back} back, after {before}")
        at = 3 + 2 * count
        if not 0 <= count <= len(ints) or at > len(ints):
            raise ProtocolError("bad-chunk", f"{count} stale rows in {len(ints)} integers")
        tables: list[Published] = []
        for history in self._bases:
            read, at = decode_kind(history, tick, 0 if back else None, ints, at)
            _check_bounds(history.kind, read.state, read.status)
            tables.append((read.state, read.status, read.generation))
        if at != len(ints):
            raise ProtocolError("bad-chunk", f"{len(ints) - at} integers after the last section")
        for history, (state, status, generation) in zip(self._bases, tables, strict=True):
            history.push(tick, state, status, generation)
        own = None
        if len(tables) > len(self._header.kinds):
            row, status, _ = tables.pop()
            own = row[:, 0] if status[0] == EXACT else None
        for number, row_number in zip(ints[3 : 3 + 2 * count : 2], ints[4 : 3 + 2 * count : 2], strict=True):
            if not 0 <= number < len(tables) or not 0 <= row_number < len(tables[number][1]):
                raise ProtocolError("bad-chunk", f"stale row {row_number} of kind {number}")
            state, status, generation = tables[number]
            status = status.copy()
            status[row_number] = STALE
            tables[number] = state, status, generation
        return Frame(tick, tuple(tables), own)


class Replay:
    """A recorded match; see the module. `open` makes one.

    header: what was played. damage: why it was not read to its end, "" if it was. end: what the recorder said last;
    None: it was stopped before it could. messages: the game's own that are read, by id; others are passed over.
    """

    def __init__(self, data: bytes, name: str = "replay", messages: dict[int, type] | None = None) -> None:
        self.name = name
        self._known = ENGINE_MESSAGES.with_types(messages) if messages else ENGINE_MESSAGES
        self.size = len(data)
        self.damage = ""
        self.end: End | None = None
        view = memoryview(data)
        if data[: len(MAGIC)] != MAGIC:
            raise UsageError(f"{name}: not a replay")
        try:
            block = decode_block(view, len(MAGIC))
            if block.kind != HEADER:
                raise ProtocolError("bad-header", f"it begins with a block of kind {block.kind}")
            self.header = decode_header(unpack_body(block))
        except ProtocolError as error:
            raise UsageError(f"{name}: a replay that can't be read: {error}") from None
        self._blocks: list[Block] = []
        self._scan(view, block.end)
        self._ticks = [each.tick for each in self._blocks]
        self._kept: dict[int, Chunk] = {}
        self._messages: list[Told] | None = None
        if not self._blocks:
            raise UsageError(f"{name}: a replay in which nothing was kept{self._why()}")
        self.first_tick = self._ticks[0]
        chunk = self.chunk(len(self._blocks) - 1)
        self.last_tick = self._frame(chunk, len(chunk) - 1).tick

    @classmethod
    def open(cls, path: str | Path, messages: dict[int, type] | None = None) -> Replay:
        """Return the replay in the file `path`. Raises UsageError when it can't be read, or is none."""
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise UsageError(f"can't read {path}: {error.strerror or error}") from error
        return cls(data, str(path), messages)

    def _scan(self, view: memoryview, at: int) -> None:
        """Look at every block but into none."""
        while at < len(view):
            try:
                block = decode_block(view, at)
                if self.end is not None:
                    raise ProtocolError("bad-block", "something after the end")
                if block.kind == END:
                    self.end = decode_end(unpack_body(block))
                elif block.kind != CHUNK or (self._blocks and block.tick <= self._blocks[-1].tick):
                    raise ProtocolError("bad-block", f"kind {block.kind}, tick {block.tick}")
                else:
                    self._blocks.append(block)
            except ProtocolError as error:
                what = "it ends within a block" if error.reason == "truncated" else f"damaged ({error})"
                self.damage = f"{what}; {len(view) - at} of {len(view)} bytes are lost"
                return
            at = block.end
        if self.end is None:
            self.damage = "the recorder was stopped before it could say that this is all"

    def _why(self) -> str:
        return f": {self.damage}" if self.damage else ""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.last_tick - self.first_tick) / self.header.match.tick_hz

    # Frames ----------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Chunks in it."""
        return len(self._blocks)

    def chunk(self, number: int) -> Chunk:
        """Return chunk `number`. Raises UsageError when it can't be read."""
        chunk = self._kept.get(number)
        if chunk is None:
            try:
                chunk = Chunk(self.header, self._blocks[number], self._known)
            except ProtocolError as error:
                raise self._unreadable(self._blocks[number].tick, error) from None
            self._kept[number] = chunk
            if len(self._kept) > _CHUNKS_KEPT:
                del self._kept[next(iter(self._kept))]
        return chunk

    def chunk_at(self, tick: int) -> int:
        """Return the number of the chunk in which `tick` is; the first or the last one where it is in none."""
        return max(bisect_right(self._ticks, tick) - 1, 0)

    def frames(self, first_tick: int | None = None, last_tick: int | None = None) -> Iterator[Frame]:
        """Yield the snapshots from `first_tick` to `last_tick`, both included. Raises UsageError."""
        begin = 0 if first_tick is None else self.chunk_at(first_tick)
        for number in range(begin, len(self)):
            chunk = self.chunk(number)
            if last_tick is not None and chunk.tick > last_tick:
                return
            for at in range(len(chunk)):
                frame = self._frame(chunk, at)
                if last_tick is not None and frame.tick > last_tick:
                    return
                if first_tick is None or frame.tick >= first_tick:
                    yield frame

    def frame_at(self, tick: int) -> Frame:
        """Return the snapshot at `tick`, or the last one before it; the first one where there is none before."""
        chunk = self.chunk(self.chunk_at(tick))
        found = self._frame(chunk, 0)
        for at in range(1, len(chunk)):
            frame = self._frame(chunk, at)
            if frame.tick > tick:
                break
            found = frame
        return found

    def frame_after(self, tick: int) -> Frame | None:
        """Return the first snapshot after `tick`; None when there is none."""
        number = self.chunk_at(tick)
        return next((frame for frame in self._frames_of(number, number + 2) if frame.tick > tick), None)

    def _frames_of(self, begin: int, end: int) -> Iterator[Frame]:
        for number in range(begin, min(end, len(self))):
            chunk = self.chunk(number)
            for at in range(len(chunk)):
                yield self._frame(chunk, at)

    def _frame(self, chunk: Chunk, at: int) -> Frame:
        try:
            return chunk.frame(at)
        except ProtocolError as error:
            raise self._unreadable(chunk.tick, error) from None

    def _unreadable(self, tick: int, error: ProtocolError) -> UsageError:
        return UsageError(f"{self.name}: the chunk of tick {tick} can't be read: {error}")

    def digest(self) -> str:
        """Return the hash of the published stream, as `ReplayWriter.digest` had it. Reads the whole file."""
        digest = StreamDigest()
        for frame in self.frames():
            digest.add(frame.tick, frame.kinds, frame.own)
        return digest.hex()

    # Messages --------------------------------------------------------------------------------------------------------

    def messages(self) -> list[Told]:
        """Return all that was told, by the tick it was told at. Raises UsageError."""
        if self._messages is None:
            found: list[Told] = []
            for block in self._blocks:
                try:
                    found += Chunk(self.header, block, self._known).messages()
                    if len(found) > MAX_MESSAGES:
                        raise ProtocolError("too-many-messages", f"more than {MAX_MESSAGES}")
                except ProtocolError as error:
                    raise self._unreadable(block.tick, error) from None
            found.sort(key=lambda told: told.tick)
            self._messages = found
        return self._messages

    def roster(self, number: int) -> list[Told]:
        """Return the messages that tell who is here when chunk `number` begins. Raises UsageError."""
        try:
            return self.chunk(number).roster()
        except ProtocolError as error:
            raise self._unreadable(self._ticks[number], error) from None

    def players(self) -> dict[int, list[str]]:
        """Return the names each player row had, in their order."""
        found: dict[int, list[str]] = {}
        told = (*self.roster(0), *self.messages())
        for message in [each.message for each in told if isinstance(each.message, PlayerJoined)]:
            names = found.setdefault(message.row, [])
            if not names or names[-1] != message.name:
                names.append(message.name)
        return dict(sorted(found.items()))

    def events(self) -> list[GameEvent]:
        """Return the game's events, by their tick."""
        told = [(each.message, each.to) for each in self.messages() if isinstance(each.message, Happened)]
        events = [GameEvent(message.tick, message.code, message.args, to) for message, to in told]
        return sorted(events, key=lambda event: event.tick)

    def verdicts(self) -> np.ndarray:
        """Return the verdicts as a structured array: see `columns.VERDICT`."""
        return verdict_table([(each.message, each.to) for each in self.messages() if isinstance(each.message, Judged)])

    # Columns ---------------------------------------------------------------------------------------------------------

    def columns(self, kind: str, first_tick: int | None = None, last_tick: int | None = None) -> RowColumns:
        """Return all rows of a kind at all snapshots, or at those of a span of ticks, both ends included.

        An own row stands in its place among the players. Raises UsageError: there is no such kind, the file can't be
        read there, or it is too much at once.
        """
        names = [each.name for each in self.header.kinds]
        if kind not in names:
            raise UsageError(f"{self.header.game} has no kind {kind!r}; there are: {', '.join(names)}")
        number = names.index(kind)
        kept = RowsKept(self.header.kinds[number])
        for frame in self.frames(first_tick, last_tick):
            kept.add(frame.tick, *with_own(self.header, frame)[number])
        return kept.columns()

    def inputs(self) -> InputColumns:
        """Return what was played in each tick. Raises UsageError."""
        tables = []
        for block in self._blocks:
            try:
                table = decode_inputs(self.header.input, Chunk(self.header, block).inputs_section())
            except ProtocolError as error:
                raise self._unreadable(block.tick, error) from None
            if table is not None:
                tables.append(table)
        return join_inputs(self.header.input, tables)


def with_own(header: Header, frame: Frame) -> tuple[Published, ...]:
    """Return the kinds of `frame`, the own row in its place among the players."""
    if frame.own is None or header.own_row is None:
        return frame.kinds
    tables = [*frame.kinds]
    number = next(at for at, kind in enumerate(header.kinds) if kind is header.player)
    state, status, generation = (array.copy() for array in tables[number])
    state[:, header.own_row] = frame.own[: len(state)]
    status[header.own_row] = EXACT
    tables[number] = state, status, generation
    return tuple(tables)


def _read_messages(section: bytes, known: Registry) -> list[Told]:
    """Read a section of messages; those of a type that is not known are passed over."""
    found = []
    for tick, to, data in decode_messages(section):
        message = known.decode(data)
        if message is not None:
            found.append(Told(tick, to, message))
    return found


def _check_bounds(kind: Kind, state: np.ndarray, status: np.ndarray) -> None:
    """Raise ProtocolError where a row has a value that its field can't have: nobody else looks again.

    But for what is dead-reckoned: that may run a little beyond.
    """
    steady = [at for at, field in enumerate(kind.fields[: len(state)]) if field.rate is None]
    here = state[steady][:, status != ABSENT]
    if ((here < kind.low[steady]) | (here > kind.high[steady])).any():
        raise ProtocolError("bad-chunk", f"a {kind.name} out of its fields' bounds")
