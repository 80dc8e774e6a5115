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

from engine.world.schema import Kind, Reckoning


def expected(kind: Kind, state: np.ndarray, ticks: int | np.ndarray) -> np.ndarray:
    """Return the state dead-reckoned over `ticks`.

    `state` is `(f, ...) int32`, the kind's first `f` fields; `ticks` is an int, or an array that broadcasts against one
    field. Returns a new array of `state`'s shape.
    """
    how = kind.reckonings[len(state)]
    result = state.copy()
    if how.bases is not None:
        # A slice or rows, never a single number: numpy warns when a scalar overflows, and here overflow is meant.
        result[how.bases] += state[how.rates] * np.asarray(ticks, np.int32)
    return _wrap(how, result)


def residual(kind: Kind, state: np.ndarray, expectation: np.ndarray) -> np.ndarray:
    """Return what to add to `expectation` to get `state`, both `(f, ...) int32`; cyclic fields go the short way.

    (With `state` as int64 the difference is the plain one, not modulo 2**32.)
    """
    how = kind.reckonings[len(state)]
    result: np.ndarray = state - expectation
    if how.half is not None:
        half = _column(how.half, result)
        result += half
        _wrap(how, result)
        result -= half
    return result


def apply_residual(kind: Kind, expectation: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    """Return the state that `residual` was taken from: its inverse."""
    return _wrap(kind.reckonings[len(expectation)], expectation + residuals)


def moved_on(kind: Kind, state: np.ndarray, ticks: int, residuals: np.ndarray | None) -> np.ndarray:
    """Return what `state`, `(f, rows) int32`, has become after `ticks`: as expected, but for the `residuals`.

    `residuals`, of `state`'s shape, is used up. With none, a kind of which nothing moves by itself comes back as the
    very array that was given: do not write into it.
    """
    how = kind.reckonings[len(state)]
    if residuals is None:
        if how.bases is None:
            return state
        result = state.copy()
    else:
        result = residuals
        result += state
    if how.bases is not None:
        result[how.bases] += state[how.rates] * np.asarray(ticks, np.int32)
    return _wrap(how, result)


def publish(kind: Kind, before: np.ndarray, known: np.ndarray, ticks: int, state: np.ndarray) -> np.ndarray:
    """Return what to publish of `state`, `ticks` after `before` was published.

    before, state: `(f, rows) int32`, the public fields. known: `(rows,) bool`, rows that `before` holds in their
    present generation; the others are published as they are, in the steps of `Field.coarse`. Fields coupled by a rate
    are published together, so that a velocity is never older than its position.
    """
    expectation = expected(kind, before, ticks)
    fields = len(state)
    # In 64 bits: an expectation that overflowed is far from the truth, not next to it.
    drifted = np.abs(residual(kind, state.astype(np.int64), expectation)) > kind.threshold[:fields]
    renew = (kind.coupled[:fields, :fields] @ drifted.astype(np.int32)) > 0
    renew |= ~known
    return np.where(renew, coarsened(kind, state), expectation)


def coarsened(kind: Kind, state: np.ndarray) -> np.ndarray:
    """Return the public `state`, `(f, rows) int32`, rounded to the steps it is published in (half goes up)."""
    if kind.coarse is None:
        return state
    steps = state + (np.left_shift(1, kind.coarse) >> 1)
    np.minimum(steps, kind.high[: len(state)], out=steps, where=~kind.cyclic[: len(state)])
    steps >>= kind.coarse
    steps <<= kind.coarse
    return _wrap(kind.reckonings[len(state)], steps)


def _wrap(how: Reckoning, state: np.ndarray) -> np.ndarray:
    """Bring the cyclic fields of `state` into their cycles, in place; return it."""
    if how.cycle is not None:
        state &= _column(how.cycle, state)
    return state


def _column(column: np.ndarray, state: np.ndarray) -> np.ndarray:
    """Return `column`, `(f, 1)`, so that it goes with `state`, `(f, ...)`."""
    return column if state.ndim == 2 else column.reshape(-1, *[1] * (state.ndim - 1))
