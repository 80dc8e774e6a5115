"""Rows as residuals against a baseline, for all peers at once.

The entity section of a snapshot is, per kind, in schema order:

    count                       entries that follow
    per entry, rows ascending:  of the row after the previous entry's (the first: of row 0), unless
      code <= -3   skip         -2 - code rows are skipped; then the entry's own code follows
      code > 0    residual      code is a bit mask of fields; then the residual of each set field, low bit first
      code = 0    full          then the generation, then every public field
      code = -1   leave         the receiver forgets the row
      code = -2   hold          the row did not fit: still there, but from now on not known exactly

A row that the baseline holds exactly and that has no residual has no entry. Everything is an integer within int32, in
the steps its field is published in (`Field.coarse`).

What an entry says depends only on (baseline tick, row), so the bytes of each are made once and gathered for every peer
that needs them; only the skips differ from peer to peer. `encode_kind` is a handful of passes over `(peers, rows)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import ProtocolError
from engine.wire import msgints
from engine.world.dead_reckoning import expected, moved_on, residual
from engine.world.history import ABSENT, EXACT, STALE, History, KindRows, Received
from engine.world.schema import Kind
from engine.world.table import GENERATIONS

FULL = 0
LEAVE = -1
HOLD = -2


@dataclass(slots=True)
class Sections:
    """One kind's section for each of n peers.

    data: `(total,) uint8`; starts: `(n + 1,) int64`, where each peer's bytes begin; ints: `(n,) int64`, how many
    integers each holds; status: `(n, rows) uint8`, the view each peer has once it holds this snapshot.
    """

    data: np.ndarray
    starts: np.ndarray
    ints: np.ndarray
    status: np.ndarray


class KindDelta:
    """One kind's rows at one snapshot, ready to be told to `n` peers against each one's own baseline.

    visible: `(n, rows) bool`, what each peer shall see. base_slots: `(n,) int`, each peer's baseline as a slot of
    `history`, -1 for none. base_status: `(n, rows) uint8`, what each peer holds there (all ABSENT where there is none).
    The snapshot itself must already be pushed into `history`, at `tick`. distinct: the different ones of `base_slots`
    and which of them each peer's is, where that is known already; it is the same for all kinds.
    """

    def __init__(
        self,
        history: History,
        tick: int,
        visible: np.ndarray,
        base_slots: np.ndarray,
        base_status: np.ndarray,
        distinct: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        slot = history.slot(tick)
        if slot is None:
            raise ProtocolError("unpublished", f"tick {tick} is not in the history")
        self._kind = history.kind
        self._shape = visible.shape
        state, generation = history.state[slot], history.generation[slot]
        rows = state.shape[1]
        # Few of all (peer, row) are of any concern: those seen now or known before, by peer and then by row.
        # (One look along all of it: numpy is ten times as fast at that as at rows and columns.)
        concerns = np.flatnonzero(visible | (base_status != ABSENT))
        self._peers, self._rows = np.divmod(concerns, rows)
        self._starts = np.searchsorted(self._peers, np.arange(len(visible) + 1))
        self._seen = visible[self._peers, self._rows]
        self._before = base_status[self._peers, self._rows]
        exact = self._before == EXACT
        bases, base_of_peer = distinct or np.unique(base_slots, return_inverse=True)
        if not len(exact) or (exact.all() and self._seen.all() and _as_reckoned(history, tick, slot, bases)):
            # Nothing to say to anybody, which is usual for what seldom changes.
            self._entry = np.full(len(self._peers), -1)
            self._blob_lengths = self._blob_starts = self._blob_ints = np.zeros(1, np.int64)
            self._full = self._leave = self._hold = 0
            return
        # Slot -1, no baseline, reads some slot or other; but then nothing was held before.
        same = exact & (history.generation[base_slots[self._peers], self._rows] == generation[self._rows])
        new = np.zeros(rows, np.bool_)
        new[self._rows[self._seen & ~same]] = True
        news = np.flatnonzero(new)
        self._blob_starts, self._blobs, self._blob_ints = self._make_blobs(
            history, state, generation, tick, bases, news
        )
        self._blob_lengths = np.diff(self._blob_starts)
        # Blob numbers: base * rows + row, then full + how many new rows come before it, then leave, then hold.
        self._full = len(bases) * rows
        self._leave = self._full + len(news)
        self._hold = self._leave + 1
        whole = self._full + np.cumsum(new) - 1
        blob = np.where(same, base_of_peer[self._peers] * rows + self._rows, whole[self._rows])
        blob[~self._seen] = self._leave
        # Which blob each says; -1: none, since it is as expected or was dropped.
        self._entry = np.where(self._blob_lengths[blob] > 0, blob, -1)

    def _make_blobs(
        self,
        history: History,
        state: np.ndarray,
        generation: np.ndarray,
        tick: int,
        bases: np.ndarray,
        news: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Encode every entry any peer needs: returns starts `(blobs + 1,)`, bytes, and integers of each blob.

        bases: slots of the baselines. news: the rows that are new to some peer.
        """
        fields, rows = state.shape
        tables = []
        for base in bases.tolist():
            table = np.zeros((rows, 1 + fields), np.int64)
            if base >= 0:
                apart = tick - int(history.tick[base])
                residuals = residual(self._kind, state, expected(self._kind, history.state[base], apart))
                table[:, 1:] = _in_steps(self._kind, residuals).T
                table[:, 0] = (table[:, 1:] != 0) @ (1 << np.arange(fields))
            tables.append(table)
        entries = np.concatenate(tables) if tables else np.zeros((0, 1 + fields), np.int64)
        keep = entries != 0
        full = np.empty((len(news), 2 + fields), np.int64)
        full[:, 0] = FULL
        full[:, 1] = generation[news]
        full[:, 2:] = _in_steps(self._kind, state[:, news]).T
        values = np.concatenate([entries[keep], full.ravel(), np.array([LEAVE, HOLD])])
        counts = np.concatenate([keep.sum(axis=1), np.full(len(news), 2 + fields), np.array([1, 1])])
        data, value_starts = msgints.encode(values)
        blob_starts = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=blob_starts[1:])
        return value_starts[blob_starts], data, counts

    def peer_bytes(self) -> np.ndarray:
        """Return the size of all entries of each peer, `(n,) int64`; a skip of one byte is counted in with each."""
        said = self._entry >= 0
        sizes = np.where(said, self._blob_lengths[self._entry] + 1, 0)
        total: np.ndarray = np.bincount(self._peers, weights=sizes, minlength=self._shape[0]).astype(np.int64)
        return total

    def entries(self, peer: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the rows `peer` is told of, each entry's size in bytes, and what is left of that if it is dropped.

        What is left is the word that a row has left, or that it is on hold.
        """
        mine = slice(self._starts[peer], self._starts[peer + 1])
        entry = self._entry[mine]
        said = entry >= 0
        entry = entry[said]
        stays = (entry == self._leave) | (self._before[mine][said] == EXACT)
        return self._rows[mine][said], self._blob_lengths[entry] + 1, np.where(stays, 2, 0)

    def said(self, peer: int, row: int) -> tuple[str, int]:
        """Return what `peer` is told of `row` as decided so far, and in how many bytes.

        "residual", "full", "leave", "hold"; "" for nothing, the row being seen; "unseen" where it is of no concern.
        """
        begin, end = int(self._starts[peer]), int(self._starts[peer + 1])
        at = begin + int(np.searchsorted(self._rows[begin:end], row))
        if at == end or self._rows[at] != row:
            return "unseen", 0
        entry = int(self._entry[at])
        if entry < 0:
            return "", 0
        word = "residual" if entry < self._full else "full" if entry < self._leave else "leave"
        return "hold" if entry == self._hold else word, int(self._blob_lengths[entry])

    @property
    def gap_bytes(self) -> int:
        """Bytes by which a section's skips can exceed one byte each: one for every 31 rows skipped."""
        return int(self._shape[1]) // 31

    def drop(self, peer: int, rows: np.ndarray) -> None:
        """Leave the entries of `rows` out of `peer`'s snapshot: a row held so far is put on hold, others stay away."""
        begin, end = self._starts[peer], self._starts[peer + 1]
        at = begin + np.searchsorted(self._rows[begin:end], rows)
        held = np.where(self._before[at] == EXACT, self._hold, -1)
        self._entry[at] = np.where(self._entry[at] == self._leave, self._leave, held)

    def sections(self) -> Sections:
        """Return every peer's section as decided so far."""
        said = np.flatnonzero(self._entry >= 0)
        if not len(said):  # each says that it has no entry, in one byte
            count = self._shape[0]
            empty = np.zeros(count, np.uint8)
            return Sections(empty, np.arange(count + 1), np.ones(count, np.int64), self._status())
        peers, rows, blobs = self._peers[said], self._rows[said], self._entry[said]
        count = self._shape[0]
        per_peer = np.bincount(peers, minlength=count)
        first = np.ones(len(peers), np.bool_)
        first[1:] = peers[1:] != peers[:-1]
        gaps = rows.copy()
        gaps[1:] -= rows[:-1] + 1
        gaps[first] = rows[first]
        skips = gaps > 0
        # One stream holds all counts, then all skips; the blobs lie before it. A peer's segments: count, (skip, blob)*.
        stream, at = msgints.encode(np.concatenate([per_peer, HOLD - gaps]))
        source = np.concatenate([self._blobs, stream])
        at += len(self._blobs)
        segments = count + 2 * len(peers)
        starts = np.empty(segments, np.int64)
        lengths = np.empty(segments, np.int64)
        entry_at = 2 * np.arange(len(peers)) + peers + 1
        count_at = np.arange(count) + 2 * (np.cumsum(per_peer) - per_peer)
        starts[count_at], lengths[count_at] = at[:count], np.diff(at[: count + 1])
        starts[entry_at], lengths[entry_at] = at[count:-1], np.where(skips, np.diff(at[count:]), 0)
        starts[entry_at + 1], lengths[entry_at + 1] = self._blob_starts[blobs], self._blob_lengths[blobs]
        ends = np.zeros(segments + 1, np.int64)
        np.cumsum(lengths, out=ends[1:])
        peer_starts = np.append(ends[count_at], ends[-1])
        ints = 1 + np.bincount(peers, weights=self._blob_ints[blobs] + skips, minlength=count).astype(np.int64)
        return Sections(msgints.gather(source, starts, lengths), peer_starts, ints, self._status())

    def _status(self) -> np.ndarray:
        """The view each peer has once it holds this snapshot."""
        # Seen and silent is either exact and as expected, or dropped; both ways it is held as it was.
        known = np.where(self._entry < 0, self._before, EXACT)
        known[self._entry == self._hold] = STALE
        known[~self._seen] = ABSENT
        status = np.zeros(self._shape, np.uint8)
        status[self._peers, self._rows] = known
        return status


def _as_reckoned(history: History, tick: int, slot: int, bases: np.ndarray) -> bool:
    """Tell whether `slot`, the snapshot of `tick`, has the rows of all `bases`, as dead reckoning has them by then."""
    for base in bases.tolist():
        if base >= 0:
            reckoned = expected(history.kind, history.state[base], tick - int(history.tick[base]))
            if not np.array_equal(reckoned, history.state[slot]):
                return False
            if not np.array_equal(history.generation[base], history.generation[slot]):
                return False
    return True


def _in_steps(kind: Kind, units: np.ndarray) -> np.ndarray:
    """Return grid units, `(f, rows)`, in the steps that the wire counts: `Field.coarse`. Nothing is lost."""
    return units if kind.coarse is None else units >> kind.coarse


def decode_kind(
    history: History | Received, tick: int, base_slot: int | None, ints: list[int], at: int
) -> tuple[KindRows, int]:
    """Read one kind's section from `ints[at:]`, and return what it makes of the baseline, and where the section ends.

    history: the receiver's. base_slot: the baseline's slot in it, None for none. Raises ProtocolError.
    What is as in the baseline comes back as the baseline's own array, and where all of it is, as its own rows.
    """
    kind, fields, rows = history.kind, history.fields, history.kind.capacity
    if base_slot is None:
        base = KindRows(np.zeros((fields, rows), np.int32), np.zeros(rows, np.uint8), np.zeros(rows, np.int32))
        apart = 0
    else:
        base = history.rows(base_slot)
        apart = tick - int(history.tick[base_slot])
    if ints[at : at + 1] == [0]:  # nothing to be told, which is usual for what seldom moves
        if not base.alive.any():
            return base, at + 1  # and nobody there who could have moved
        now = moved_on(kind, base.state, apart, None)
        return base if now is base.state else KindRows(now, base.status, base.generation), at + 1
    state, status, generation = base.state, base.status, base.generation
    # A row has at most one entry, so each is judged by the baseline; what they say is written all at once.
    held = status.tobytes()
    places: list[int] = []
    residuals: list[int] = []
    told: list[int] = []
    tenants: list[int] = []
    values: list[int] = []
    others: dict[int, int] = {}
    try:
        count = ints[at]
        if not 0 <= count <= rows:
            raise ProtocolError("bad-count", f"{count} entries for {rows} rows of {kind.name}")
        at += 1
        row = -1
        for _ in range(count):
            code = ints[at]
            at += 1
            row += 1
            if code < HOLD:
                row += HOLD - code
                code = ints[at]
                at += 1
            if row >= rows:
                raise ProtocolError("bad-row", f"{kind.name} row {row} of {rows}")
            if code > 0:
                if held[row] != EXACT or code >> fields:
                    raise ProtocolError("bad-residual", f"{kind.name} row {row}: mask {code:#x}, status {held[row]}")
                while code:
                    bit = code & -code
                    code ^= bit
                    places.append((bit.bit_length() - 1) * rows + row)
                    residuals.append(ints[at])
                    at += 1
            elif code == FULL:
                whole = ints[at + 1 : at + 1 + fields]
                if len(whole) < fields or not 0 <= ints[at] < GENERATIONS:
                    raise ProtocolError(
                        "bad-full", f"{kind.name} row {row}: generation {ints[at]}, {len(whole)} fields"
                    )
                told.append(row)
                tenants.append(ints[at])
                values += whole
                at += 1 + fields
            elif code == LEAVE:
                others[row] = ABSENT
            elif code == HOLD and held[row] != ABSENT:
                others[row] = STALE
            else:
                raise ProtocolError("bad-code", f"{kind.name} row {row}: {code}")
        deltas = None
        if places:
            deltas = np.zeros((fields, rows), np.int32)
            deltas.reshape(-1)[places] = np.array(residuals, np.int32)
            if kind.coarse is not None:
                deltas <<= kind.coarse
        now = moved_on(kind, state, apart, deltas)
        if told or others:
            status = status.copy()
            status[list(others)] = list(others.values())
        if told:
            generation = generation.copy()
            status[told] = EXACT
            generation[told] = tenants
            whole_rows = np.array(values, np.int32).reshape(-1, fields).T
            if now is state:
                now = state.copy()
            now[:, told] = whole_rows if kind.coarse is None else whole_rows << kind.coarse
    except IndexError:
        raise ProtocolError("truncated", f"{kind.name} section ends early, at integer {at} of {len(ints)}") from None
    except (TypeError, OverflowError) as error:
        raise ProtocolError("bad-integer", f"{kind.name} section: {error}") from None
    return KindRows(now, status, generation), at
