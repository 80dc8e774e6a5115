"""Writing a replay: what a session tells, as chunks of a second, each flushed when it is full.

    session -> begin, snapshot, inputs, message -> chunk -> file

It writes to any binary file and reads no clock: a second is `tick_hz` ticks. Within a tick it costs one more peer's
delta; packing and writing come once a second (docs/REPLAYS.md has the figures). A file that can't be written to any
more is told in `error`, and the match goes on without it. What it does not do: open or close the file.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from copy import copy
from typing import BinaryIO

import numpy as np

from engine.config import MatchConfig
from engine.errors import ProtocolError, UsageError
from engine.game import Game
from engine.replay.format import (
    CHUNK,
    END,
    HEADER,
    MAGIC,
    MAX_CHUNK_CELLS,
    End,
    Header,
    Sections,
    StreamDigest,
    cells,
    decode_header,
    encode_block,
    encode_end,
    encode_header,
    encode_inputs,
    encode_message,
    encode_sections,
    encode_snapshot,
    own_kind,
)
from engine.wire.delta import KindDelta
from engine.wire.messages import ENGINE_MESSAGES, PlayerAway, PlayerJoined, PlayerLeft
from engine.wire.recorder import Published
from engine.world.dead_reckoning import expected
from engine.world.history import ABSENT, EXACT, STALE, History
from engine.world.schema import schema_hash

CHUNK_SECONDS = 1.0
"""A crash costs as much, and a seek reads as much; halving it adds a fifth to the file, for its rows told whole."""
FULL_BYTES = 1024 * 1024
"""A chunk that has grown to this ends early: what a reader must take in at once is bounded."""
_DEPTH = 16
"""Snapshots in the ring that baselines are looked up in; one that is further back is done without."""
_INPUTS_KEPT = 1024
"""Ticks of inputs in a chunk: a client whose server is silent goes on making some."""

_NOTHING = (b"\0", 1)
"""A section without entries."""

_Snapshot = tuple[int, Sequence[Published], np.ndarray | None]


class ReplayWriter:
    """An `engine.wire.recorder.Recorder` that writes to `file`.

    source: who keeps it ("server", "client"). started: Unix seconds, for the reader; 0: not known. hold: seconds a
    snapshot waits to be written, so that those that come in another order are put right; a server's never do.
    messages: the game's own that are kept, by id.
    Nothing here raises.
    """

    def __init__(
        self,
        file: BinaryIO,
        source: str = "server",
        started: int = 0,
        hold: float = 0.0,
        messages: dict[int, type] | None = None,
    ) -> None:
        self.error = ""
        """Why nothing more is written; "" while it is."""
        self.bytes_written = 0
        self.snapshots = 0
        self.tick = -1
        """Of the last snapshot taken into a chunk."""
        self.late = 0
        """Snapshots left out because later ones had been written."""
        self._file = file
        self._source = source
        self._started = started
        self._hold = hold
        self._known = ENGINE_MESSAGES.with_types(messages) if messages else ENGINE_MESSAGES
        self._header: Header | None = None
        self._digest = StreamDigest()
        self._waiting: list[tuple[int, _Snapshot]] = []
        self._roster: dict[int, bytes] = {}
        self._away: dict[int, bytes] = {}
        self._open = False
        self._chunk_tick = 0
        self._roster_then = b""
        self._snapshots: list[bytes] = []
        self._messages: list[bytes] = []
        self._inputs: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        self._size = 0

    @property
    def digest(self) -> str:
        """The hash of what has been taken in so far; a reader gets the same one."""
        return self._digest.hex()

    def begin(self, game: Game, match: MatchConfig, own_row: int | None, tick: int) -> None:
        """Take a match. A second call is a client that came back: if to another match, this one ends here."""
        header = Header(
            game=game.name,
            game_version=game.version,
            settings=dict(game.settings()),
            match=match,
            source=self._source,
            own_row=own_row,
            started=self._started,
            schema=schema_hash(game.kinds),
            kinds=game.kinds,
            player=game.player,
            input=game.input,
        )
        if self._header is not None:
            self._drain()
            self._flush()
            self._roster.clear()
            self._away.clear()
            if header != self._header or tick < self.tick:
                self.close()
                self._stop("another match began")
            return
        try:
            body = encode_header(header)
            decode_header(body)
        except (UsageError, ProtocolError) as error:
            self._stop(f"this match can't be kept: {error}")
            return
        self._header = header
        depth, every = _DEPTH, match.snapshot_every
        self._histories = [History(kind, kind.public_count, depth, every) for kind in game.kinds]
        if own_row is not None:
            own = own_kind(game.player)
            self._histories.append(History(own, len(own.fields), depth, every))
        self._chunk_ticks = round(CHUNK_SECONDS * match.tick_hz)
        self._most_snapshots = MAX_CHUNK_CELLS // cells(game.kinds)
        self._last_ticks = self._chunk_ticks - match.snapshot_every + 1
        self._hold_ticks = round(self._hold * match.tick_hz)
        self._write(MAGIC + encode_block(HEADER, body))

    def snapshot(self, tick: int, kinds: Sequence[Published], own: np.ndarray | None = None) -> None:
        """Take a snapshot; see `Recorder`."""
        if self.error or self._header is None:
            return
        if not self._hold_ticks:
            self._take(tick, kinds, own)
            return
        if tick <= self.tick:
            self.late += 1
            return
        insort(self._waiting, (tick, (tick, kinds, own)), key=lambda entry: entry[0])
        while self._waiting[0][0] <= self._waiting[-1][0] - self._hold_ticks:
            self._take(*self._waiting.pop(0)[1])

    def inputs(self, tick: int, rows: np.ndarray, state: np.ndarray, missing: np.ndarray) -> None:
        """Take the inputs of a tick; see `Recorder`."""
        if self._open and not self._hold_ticks and tick > self.tick and tick - self._chunk_tick >= self._last_ticks:
            # Nothing more can come into this chunk: it is packed in a tick that has no snapshot of its own to tell.
            self._flush()
        if not self.error and self._header is not None and len(rows):
            self._inputs[tick] = rows, state, missing
            self._size += state.size
            if len(self._inputs) > _INPUTS_KEPT:
                del self._inputs[next(iter(self._inputs))]

    def message(self, tick: int, message: object, to: int | None = None) -> None:
        """Take what was told; see `Recorder`. What is not registered is passed over."""
        if self.error:
            return
        try:
            data = self._known.encode(message)
        except UsageError:
            return
        if isinstance(message, PlayerJoined):
            self._roster[message.row] = data
        elif isinstance(message, PlayerLeft):
            self._roster.pop(message.row, None)
            self._away.pop(message.row, None)
        elif isinstance(message, PlayerAway) and message.away:
            self._away[message.row] = data
        elif isinstance(message, PlayerAway):
            self._away.pop(message.row, None)
        self._messages.append(encode_message(tick, to, data))
        self._size += len(data)

    def close(self) -> None:
        """Write what is left, and that this is all."""
        if self._header is None or self.error:
            return
        self._drain()
        self._flush()
        self._write(encode_block(END, encode_end(End(self.digest, self.tick, self.snapshots))))

    # Within -----------------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        while self._waiting:
            self._take(*self._waiting.pop(0)[1])

    def _take(self, tick: int, kinds: Sequence[Published], own: np.ndarray | None) -> None:
        """Write a snapshot into the chunk, against the one before it there."""
        if tick <= self.tick:
            self.late += 1
            return
        full = self._size > FULL_BYTES or len(self._snapshots) >= self._most_snapshots
        if self._open and (full or tick - self._chunk_tick >= self._chunk_ticks):
            self._flush()
        base_tick = self.tick if self._open else None
        if not self._open:
            self._open, self._chunk_tick = True, tick
            here = (*self._roster.values(), *self._away.values())
            self._roster_then = b"".join(encode_message(tick, None, data) for data in here)
        tables = [*kinds]
        if len(tables) < len(self._histories):
            tables.append(_own_table(self._histories[-1], own))
        base_slot = None if base_tick is None else self._base_slot(base_tick, tick)
        stale: list[int] = []
        sections = []
        for number, (history, (state, status, generation)) in enumerate(zip(self._histories, tables, strict=True)):
            # What is stale is told like the rest, so that it is read back bit for bit; that it is, is told beside it.
            known = np.where(status == ABSENT, np.uint8(ABSENT), np.uint8(EXACT))
            slot = history.push(tick, state, known, generation)
            if STALE in status.tobytes():
                for row in np.flatnonzero(status == STALE).tolist():
                    stale += (number, row)
            sections.append(_section(history, slot, base_slot))
        back = 0 if base_slot is None or base_tick is None else tick - base_tick
        entry = encode_snapshot([tick, back, len(stale) // 2, *stale], sections)
        self._snapshots.append(entry)
        self._size += len(entry)
        self._digest.add(tick, kinds, own)
        self.tick = tick
        self.snapshots += 1

    def _base_slot(self, base_tick: int, tick: int) -> int | None:
        """Return where the baseline is in the rings; None where the snapshot of `tick` takes its place."""
        history = self._histories[0]
        taken = (tick - base_tick) // history.every % history.depth == 0
        return None if taken else history.slot(base_tick)

    def _flush(self) -> None:
        """End the chunk and write it."""
        if not self._open or self._header is None:
            return
        inputs = [(tick, *self._inputs[tick]) for tick in sorted(self._inputs)]
        sections = Sections(
            roster=self._roster_then,
            messages=b"".join(self._messages),
            inputs=encode_inputs(self._header.input, inputs),
            snapshots=b"".join(self._snapshots),
        )
        self._open = False
        self._size = 0
        self._snapshots.clear()
        self._messages.clear()
        self._inputs.clear()
        try:
            self._write(encode_block(CHUNK, encode_sections(sections), self._chunk_tick))
        except UsageError as error:
            self._stop(str(error))

    def _write(self, data: bytes) -> None:
        if self.error:
            return
        try:
            self._file.write(data)
            self._file.flush()
        except (OSError, ValueError) as error:
            self._stop(getattr(error, "strerror", None) or str(error))
            return
        self.bytes_written += len(data)

    def _stop(self, why: str) -> None:
        """Write no more, and keep nothing."""
        self.error = self.error or why
        self._open = False
        self._waiting.clear()
        self._messages.clear()
        self._inputs.clear()


def _section(history: History, slot: int, base_slot: int | None) -> tuple[bytes, int]:
    """Return one kind's section, as bytes and how many integers: what a peer is told who sees all and lost nothing."""
    known = history.status[slot]
    before = np.zeros_like(known) if base_slot is None else history.status[base_slot]
    if base_slot is not None and _is_as_expected(history, slot, base_slot):
        return _NOTHING
    # Rows that nobody has been in cost as much as others, and are most of a large table.
    there = np.flatnonzero(known | before)
    used = int(there[-1]) + 1 if len(there) else 0
    part = copy(history)
    part.state, part.generation = history.state[:, :, :used], history.generation[:, :used]
    slots = np.array([-1 if base_slot is None else base_slot])
    visible = known[None, :used] == EXACT
    told = KindDelta(part, int(history.tick[slot]), visible, slots, before[None, :used]).sections()
    return told.data.tobytes(), int(told.ints[0])


def _is_as_expected(history: History, slot: int, base_slot: int) -> bool:
    """Tell whether a kind has nothing to tell: most of them, most of the time."""
    known = history.status[slot]
    if (known != history.status[base_slot]).any():
        return False
    there = known != ABSENT
    apart = int(history.tick[slot] - history.tick[base_slot])
    differs = expected(history.kind, history.state[base_slot], apart) != history.state[slot]
    moved = history.generation[slot] != history.generation[base_slot]
    return not ((differs.any(axis=0) | moved) & there).any()


def _own_table(history: History, own: np.ndarray | None) -> Published:
    """Return the own row as the one row of its kind; absent where there is none yet."""
    if own is None:
        return np.zeros((history.state.shape[1], 1), np.int32), np.array([ABSENT], np.uint8), np.zeros(1, np.int32)
    return own[:, None], np.array([EXACT], np.uint8), np.zeros(1, np.int32)
