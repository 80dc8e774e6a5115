"""The input message: every input the server has not acknowledged, newest first, each as changes from the one before it
in the message. One flat msgpack array of integers:

    tick            of the newest input
    count           inputs that follow; their ticks count down by one
    per input:
      code          bit mask of the fields that differ from the next newer input (the first: from all zeros), times 2,
                    plus 1 if a view follows
      values        the differing fields as differences, low bit first; cyclic fields the short way
      view          only with a shot: input tick - tick_a, tick_b - tick_a (0: dead-reckoned), view time - tick_a * 256

Newest first lets the server stop at the first input it already has: in a steady stream it reads one and skips the rest,
and yet a lost packet loses no input.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgpack
import numpy as np

from engine.errors import ProtocolError
from engine.world.picture import VIEW_UNITS, View
from engine.world.schema import Kind

MAX_INPUTS = 64
"""Inputs in one message at most: one second at 60 Hz."""
MAX_VIEW_AGE = 1024
"""How many ticks back a view may point at most; anything plausible is far nearer."""


@dataclass(frozen=True, slots=True)
class StampedInput:
    """One tick's input; view: what its player saw, if it may shoot."""

    tick: int
    values: tuple[int, ...]
    view: View | None


class InputWriter:
    """A client's unacknowledged inputs, and the message that carries them."""

    def __init__(self, kind: Kind, max_inputs: int) -> None:
        self._moduli = [modulus for modulus, _, _ in kind.bounds]
        self._zeros = (0,) * len(kind.fields)
        self._pending: deque[StampedInput] = deque(maxlen=max_inputs)
        # What each pending input but the newest says of itself relative to the next newer one, oldest first.
        self._changes: deque[list[int]] = deque(maxlen=max_inputs - 1)

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, entry: StampedInput) -> None:
        """Append the input of the next tick."""
        if self._pending:
            before = self._pending[-1]
            self._changes.append(_changes(before, entry.values, self._moduli))
            if before.tick + 1 != entry.tick:
                # The clock jumped: inputs of a run with a hole can't share a message.
                self._pending.clear()
                self._changes.clear()
        self._pending.append(entry)

    def acknowledge(self, tick: int) -> None:
        """Forget the inputs up to `tick`; the newest stays, so that there is always something to repeat."""
        while len(self._pending) > 1 and self._pending[0].tick <= tick:
            self._pending.popleft()
            self._changes.popleft()

    def message(self, redundant: bool = True) -> bytes:
        """Return the msgpack array of all pending inputs (the newest alone, if not `redundant`); there must be one."""
        newest = self._pending[-1]
        ints = [newest.tick, len(self._pending) if redundant else 1, *_changes(newest, self._zeros, self._moduli)]
        if redundant:
            changes = self._changes
            for at in range(len(self._pending) - 2, -1, -1):
                ints += changes[at]
        packed: bytes = msgpack.packb(ints)
        return packed


def _changes(entry: StampedInput, reference: tuple[int, ...], moduli: list[int]) -> list[int]:
    """The integers that make `entry` out of `reference`."""
    mask = 0
    values = []
    for at, (value, other, modulus) in enumerate(zip(entry.values, reference, moduli, strict=True)):
        difference = value - other
        if difference:
            mask |= 1 << at
            if modulus:
                difference = (difference + modulus // 2) % modulus - modulus // 2
            values.append(difference)
    view = entry.view
    if view is None or not _tellable(view, entry.tick):
        return [mask << 1, *values]
    towards = 0 if view.tick_b is None else view.tick_b - view.tick_a
    return [mask << 1 | 1, *values, entry.tick - view.tick_a, towards, view.time - view.tick_a * VIEW_UNITS]


def _tellable(view: View, tick: int) -> bool:
    """Tell whether a view may go with an input of `tick`. After a long outage it may not: the input goes without."""
    return (
        abs(tick - view.tick_a) <= MAX_VIEW_AGE
        and (view.tick_b is None or 0 < view.tick_b - view.tick_a <= MAX_VIEW_AGE)
        and 0 <= view.time - view.tick_a * VIEW_UNITS <= MAX_VIEW_AGE * VIEW_UNITS
    )


def decode_inputs(array: list[Any], kind: Kind, after: int) -> list[StampedInput]:
    """Return the inputs of a message whose tick is above `after`, newest first; the others are not even read.

    Values are within their field's dtype. Raises ProtocolError.
    """
    if len(array) < 2 or set(map(type, array)) != {int}:
        raise ProtocolError("bad-input", f"{len(array)} elements, or not all of them integers")
    newest, count = array[0], array[1]
    if not 0 <= newest < 2**31 or not 1 <= count <= MAX_INPUTS:
        raise ProtocolError("bad-input", f"tick {newest}, {count} inputs")
    bounds = kind.bounds
    codes = 2 << len(bounds)
    values = [0] * len(bounds)
    inputs = []
    at = 2
    try:
        for tick in range(newest, max(newest - count, after), -1):
            code = array[at]
            at += 1
            if not 0 <= code < codes:
                raise ProtocolError("bad-input", f"code {code} at tick {tick}")
            mask = code >> 1
            field = 0
            while mask:
                if mask & 1:
                    modulus, low, high = bounds[field]
                    value = values[field] + array[at]
                    at += 1
                    if modulus:
                        value %= modulus
                    elif not low <= value <= high:
                        raise ProtocolError("bad-input", f"{kind.fields[field].name} {value} at tick {tick}")
                    values[field] = value
                mask >>= 1
                field += 1
            view = None
            if code & 1:
                back, towards, offset = array[at : at + 3]
                at += 3
                tick_a = tick - back
                view = View(tick_a, tick_a + towards if towards else None, tick_a * VIEW_UNITS + offset)
                if not _tellable(view, tick):
                    raise ProtocolError("bad-view", f"{back}, {towards}, {offset} at tick {tick}")
            inputs.append(StampedInput(tick, tuple(values), view))
    except (IndexError, ValueError):
        raise ProtocolError("truncated", f"input message ends early, at integer {at} of {len(array)}") from None
    return inputs


def decode_newest(
    arrays: Sequence[list[Any]], kind: Kind, after: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read the newest input of n messages at once: all there is to read in a steady stream without shots.

    after: `(n,) int64`; inputs up to that tick are had. Returns which messages this has read, `(n,) bool`, the tick of
    the newest input of each, `(n,)`, and its values, `(fields, n) int32`, which mean nothing where that tick is not
    above `after`. What it has not read, be it wrong or only more than that, is for `decode_inputs`.
    """
    count = len(arrays)
    flat = list(chain.from_iterable(arrays))
    values = np.zeros((len(kind.bounds), count), np.int32)
    if set(map(type, flat)) != {int}:
        return _newest_of_some([set(map(type, array)) == {int} for array in arrays], arrays, kind, after)
    lengths = np.fromiter(map(len, arrays), np.int64, count)
    # Zeros behind the last message: what is read beyond a message's end is not used, but it must be there.
    try:
        ints = np.array(flat + [0] * (3 + len(kind.bounds)), np.int64)
    except OverflowError:
        return _newest_of_some([max(map(abs, array), default=0) < 2**63 for array in arrays], arrays, kind, after)
    ends = np.cumsum(lengths)
    at = ends - lengths
    newest, told, code = ints[at], ints[at + 1], ints[at + 2]
    new = newest > after
    read = (lengths >= 2) & (newest >= 0) & (newest < 2**31) & (told >= 1) & (told <= MAX_INPUTS)
    read &= ~new | ((np.minimum(told, newest - after) == 1) & (code & 1 == 0) & (code >= 0) & (code < 2 << len(values)))
    at += 3
    for field, (modulus, low, high) in enumerate(kind.bounds):
        differs = code >> (field + 1) & 1
        value = ints[np.minimum(at, len(ints) - 1)] * differs
        at += differs
        if modulus:
            value %= modulus
        else:
            read &= ~new | ((value >= low) & (value <= high))
        values[field] = value
    read &= ~new | (at <= ends)
    return read, newest, values


def _newest_of_some(
    fit: list[bool], arrays: Sequence[list[Any]], kind: Kind, after: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Do as `decode_newest` with the messages that are `fit`, and read none of the others: one peer slows nobody."""
    read, newest = np.zeros(len(arrays), np.bool_), np.zeros(len(arrays), np.int64)
    values = np.zeros((len(kind.bounds), len(arrays)), np.int32)
    some = [at for at, fits in enumerate(fit) if fits]
    if some:
        read[some], newest[some], values[:, some] = decode_newest([arrays[at] for at in some], kind, after[some])
    return read, newest, values


def clamp_inputs(kind: Kind, values: Sequence[int]) -> tuple[int, ...]:
    """Return `values` within their fields' dtypes: what a caller hands in may be off, what is sent may not."""
    return tuple(min(max(int(value), low), high) for (_, low, high), value in zip(kind.bounds, values, strict=True))
