"""The snapshot message: one flat msgpack array of integers per peer, encoded for all peers at once.

    tick            of the published world
    age             snapshots between the baseline and this one; 0: there is no baseline, all rows are full
    input           newest input tick the server has from this client, minus tick; NONE: it has none yet
    slack           how many 1/256 ticks early the tightest input packet since the last snapshot came (negative:
                    late); NONE: none came
    repeated        ticks since the last snapshot for which the input was missing and the one before it repeated
    own code        0: own row as the baseline's dead reckoning says (or no own row)
                    > 0: a bit mask of fields, then the residual of each, low bit first
                    -1: then every field, public and the owner's
    per kind        a section as `wire.delta` describes it

The own row is exact and is not part of the entity section: a client reconciles its prediction against it.
"""

from __future__ import annotations

from array import array as array_of_c
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from engine.errors import ProtocolError
from engine.wire import msgints
from engine.wire.delta import Sections, decode_kind
from engine.world.dead_reckoning import apply_residual, expected, residual
from engine.world.history import History, KindRows, Received
from engine.world.schema import Kind

NONE = -32768
"""Stands for "no value" in `input` and `slack`."""

_HEADER = 5
_OWN_FULL = -1


def encode_own(kind: Kind, now: np.ndarray, base: np.ndarray, apart: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the integers of n own rows, and how many each has.

    now: `(owner_fields, n) int32`. base: the same rows at each peer's baseline. apart: `(n,) int32`, ticks from there
    to now; 0 where there is no baseline. Returns `(total,) int64` and `(n,) int64`.
    """
    fields, count = now.shape
    table = np.empty((count, 1 + fields), np.int64)
    table[:, 1:] = residual(kind, now, expected(kind, base, apart)).T
    table[:, 0] = (table[:, 1:] != 0) @ (1 << np.arange(fields))
    keep = table != 0
    keep[:, 0] = True
    new = apart == 0
    table[new, 0] = _OWN_FULL
    table[new, 1:] = now.T[new]
    keep[new] = True
    return table[keep], keep.sum(axis=1)


def encode_snapshots(header: np.ndarray, own: np.ndarray, own_counts: np.ndarray, kinds: list[Sections]) -> list[bytes]:
    """Return each of n peers' snapshot array as msgpack bytes.

    header: `(n, 5) int64` in the order above. own, own_counts: as `encode_own` returns them, with one 0 for a peer
    without an own row.
    """
    count = len(header)
    # Header and own row share one stream of integers, peer by peer.
    sizes = _HEADER + own_counts
    ends = np.cumsum(sizes)
    values = np.empty(int(ends[-1]) if count else 0, np.int64)
    begins = ends - sizes
    is_own = np.ones(len(values), np.bool_)
    header_at = (begins[:, None] + np.arange(_HEADER)).ravel()
    is_own[header_at] = False
    values[header_at] = header.ravel()
    values[is_own] = own
    data, starts = msgints.encode(values)
    heads = data.tobytes()
    cuts = starts[np.append(begins, len(values))].tolist()
    totals = (sizes + sum(section.ints for section in kinds)).tolist()
    # Each peer's parts, column by column: what is joined is cut out once, without a step of Python's own between.
    columns = [map(msgints.array_header, totals), _cut(heads, cuts)]
    columns += [_cut(section.data.tobytes(), section.starts.tolist()) for section in kinds]
    return list(map(b"".join, zip(*columns, strict=True)))


def _cut(data: bytes, at: list[int]) -> list[bytes]:
    """Return the parts of `data` between each place of `at` and the next."""
    return [data[begin:end] for begin, end in pairwise(at)]


@dataclass(slots=True)
class Snapshot:
    """A snapshot as a client holds it. own: `(owner_fields,) int32`, None before there is an own row."""

    tick: int
    base_tick: int | None
    input_tick: int | None
    slack: int | None
    repeated: int
    own: np.ndarray | None
    kinds: list[KindRows]


def decode_snapshot(
    array: list[Any],
    histories: Sequence[History | Received],
    player: Kind,
    own_history: dict[int, np.ndarray],
    has_own: bool,
) -> Snapshot:
    """Read a snapshot message against what the client holds; nothing of it is changed.

    histories: one per kind, in schema order. own_history: own rows by tick. has_own: whether there is an own row.
    Raises ProtocolError; reason "no-baseline" when the baseline is not held (any more), which loss can explain.
    """
    if len(array) < _HEADER + 1 or set(map(type, array)) != {int}:
        raise ProtocolError("bad-snapshot", f"{len(array)} elements, or not all of them integers")
    ints: list[int] = array
    try:
        array_of_c("i", ints)  # three times as fast as asking for the least and the greatest
    except OverflowError:
        raise ProtocolError("bad-integer", "an integer beyond int32") from None
    tick, age, input_offset, slack, repeated, own_code = ints[: _HEADER + 1]
    every = histories[0].every
    if tick < 0 or tick % every or not 0 <= age < histories[0].depth:
        raise ProtocolError("bad-snapshot", f"tick {tick}, baseline age {age}")
    if not NONE <= slack <= -NONE or repeated < 0:
        raise ProtocolError("bad-snapshot", f"slack {slack}, {repeated} repeated")
    base_tick = tick - age * every if age else None
    base_slot = None
    if base_tick is not None:
        base_slot = histories[0].slot(base_tick)
        if base_slot is None or (has_own and base_tick not in own_history):
            raise ProtocolError("no-baseline", f"tick {tick} against {base_tick}")
    at = _HEADER + 1
    own, at = _decode_own(
        player,
        own_code,
        ints,
        at,
        own_history.get(base_tick) if base_tick is not None else None,
        tick - (base_tick or 0),
    )
    kinds = []
    for history in histories:
        state, at = decode_kind(history, tick, base_slot, ints, at)
        kinds.append(state)
    if at != len(ints):
        raise ProtocolError("trailing", f"{len(ints) - at} integers after the last section")
    return Snapshot(
        tick=tick,
        base_tick=base_tick,
        input_tick=None if input_offset == NONE else tick + input_offset,
        slack=None if slack == NONE else slack,
        repeated=repeated,
        own=own if has_own else None,
        kinds=kinds,
    )


def _decode_own(
    kind: Kind, code: int, ints: list[int], at: int, base: np.ndarray | None, apart: int
) -> tuple[np.ndarray | None, int]:
    fields = kind.owner_count
    if code == _OWN_FULL:
        values = ints[at : at + fields]
        if len(values) < fields:
            raise ProtocolError("truncated", f"own row: {len(values)} of {fields} fields")
        return np.array(values, np.int32), at + fields
    if code < 0 or code >> fields or (code and base is None):
        raise ProtocolError("bad-own", f"own row code {code} {'without' if base is None else 'with'} a baseline")
    if base is None:
        return None, at
    deltas = [0] * fields
    for field in range(fields if code else 0):
        if code >> field & 1:
            if at >= len(ints):
                raise ProtocolError("truncated", "own row ends early")
            deltas[field] = ints[at]
            at += 1
    column = expected(kind, base[:, None], apart)
    if code:
        column = apply_residual(kind, column, np.array(deltas, np.int32)[:, None])
    return column[:, 0], at
