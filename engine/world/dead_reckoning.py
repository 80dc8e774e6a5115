"""Integer dead reckoning, and publishing by it.

A field with a rate field is expected to move by `rate` grid units a tick; every other field is expected to stay. What
differs from that expectation is the residual, and all arithmetic is modulo 2**32 (or the field's own cycle), so
`expected + residual` gives back the true state bit for bit whatever the numbers were.

The server *publishes* the world once per snapshot: where the true state is within its fields' thresholds of the dead
reckoning of what was published before, the dead-reckoned state is published again, and costs nobody anything. Clients,
rewind history and replays see the published world alone, so nothing depends on who lost which packet. (The idea is
IEEE 1278 DIS's dead-reckoning threshold, applied once per snapshot instead of per receiver.)
"""

from __future__ import annotations

import numpy as np

from engine.world.schema import Kind


def expected(kind: Kind, state: np.ndarray, ticks: int | np.ndarray) -> np.ndarray:
    """Return the state dead-reckoned over `ticks`.

    `state` is `(f, ...) int32`, the kind's first `f` fields; `ticks` is an int, or an array that broadcasts against one
    field. Returns a new array of `state`'s shape.
    """
    result = state.copy()
    steps = np.asarray(ticks, np.int32)
    bases, rates = kind.rated
    fields = len(state)
    for base, rate in zip(bases.tolist(), rates.tolist(), strict=True):
        if base < fields:
            # Views even of a single row: numpy warns when a scalar overflows, and here overflow is meant.
            result[base, ...] += np.multiply(state[rate, ...], steps)
    _wrap(kind, result)
    return result


def residual(kind: Kind, state: np.ndarray, expectation: np.ndarray) -> np.ndarray:
    """Return what to add to `expectation` to get `state`, both `(f, ...) int32`; cyclic fields go the short way.

    (With `state` as int64 the difference is the plain one, not modulo 2**32.)
    """
    result: np.ndarray = state - expectation
    for at, modulus in kind.wrapped:
        if at < len(result):
            result[at] = ((result[at] + modulus // 2) & (modulus - 1)) - modulus // 2
    return result


def apply_residual(kind: Kind, expectation: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    """Return the state that `residual` was taken from: its inverse."""
    result: np.ndarray = expectation + residuals
    _wrap(kind, result)
    return result


def publish(kind: Kind, before: np.ndarray, known: np.ndarray, ticks: int, state: np.ndarray) -> np.ndarray:
    """Return what to publish of `state`, `ticks` after `before` was published.

    before, state: `(f, rows) int32`. known: `(rows,) bool`, rows that `before` holds in their present generation; the
    others are published as they are. Fields coupled by a rate are published together, so that a velocity is never
    older than its position.
    """
    expectation = expected(kind, before, ticks)
    fields = len(state)
    # In 64 bits: an expectation that overflowed is far from the truth, not next to it.
    drifted = np.abs(residual(kind, state.astype(np.int64), expectation)) > kind.threshold[:fields]
    renew = (kind.coupled[:fields, :fields] @ drifted.astype(np.int32)) > 0
    renew |= ~known
    return np.where(renew, state, expectation)


def _wrap(kind: Kind, state: np.ndarray) -> None:
    for at, modulus in kind.wrapped:
        if at < len(state):
            state[at] &= modulus - 1
