"""A distribution in bounded memory: a histogram whose bins widen with the value, and the exact extremes.

Bins are 1/64 of an octave wide, so a quantile is at most 1.1 % too high, whatever the scale; what is below `TINY`
counts as 0. Two distributions merge by addition, which is how "all players" is made of the players. (The idea is that
of HdrHistogram.) What it does not do: weights.
"""

from __future__ import annotations

from math import ceil, log2

import numpy as np

TINY = 1e-4
"""What is smaller counts as 0: a ten-thousandth of a pixel, or of a millisecond."""
_PER_OCTAVE = 64
_OCTAVES = 40
_BINS = _PER_OCTAVE * _OCTAVES + 1
"""Bin 0 holds the zeros, the last one all beyond 1e-4 * 2**40 = 1e8."""


class Distribution:
    """Values of 0 and more; see the module."""

    __slots__ = ("bins", "count", "max", "total")

    def __init__(self) -> None:
        self.bins = np.zeros(_BINS, np.int64)
        self.count = 0
        self.total = 0.0
        self.max = 0.0

    def add(self, values: np.ndarray) -> None:
        """Take `values`, any shape; negative ones count as 0."""
        flat = np.maximum(np.asarray(values, np.float64).ravel(), 0.0)
        if not len(flat):
            return
        # A value on a bin's upper edge belongs to it, so that a quantile is never below the value it stands for.
        bins = np.ceil(np.log2(np.maximum(flat, TINY) / TINY) * _PER_OCTAVE).astype(np.int64)
        self.bins += np.bincount(np.minimum(bins, _BINS - 1), minlength=_BINS)
        self.count += len(flat)
        self.total += float(flat.sum())
        self.max = max(self.max, float(flat.max()))

    def add_one(self, value: float) -> None:
        """Take one value: a tenth of what an array of one costs."""
        value = max(value, 0.0)
        self.bins[min(ceil(log2(max(value, TINY) / TINY) * _PER_OCTAVE), _BINS - 1)] += 1
        self.count += 1
        self.total += value
        self.max = max(self.max, value)

    def merge(self, other: Distribution) -> None:
        """Take everything `other` holds."""
        self.bins += other.bins
        self.count += other.count
        self.total += other.total
        self.max = max(self.max, other.max)

    @property
    def mean(self) -> float | None:
        """The exact mean; None when empty."""
        return self.total / self.count if self.count else None

    def quantile(self, part: float) -> float | None:
        """Return the value below which `part`, 0..1, of all values lie, at most 1.1 % too high; None when empty."""
        if not self.count:
            return None
        at = int(np.searchsorted(np.cumsum(self.bins), max(1, int(np.ceil(part * self.count)))))
        return min(_edge(at), self.max)

    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Return values, ascending, and the share of all that is at most so large: what a plot of it shows."""
        held = np.flatnonzero(self.bins)
        edges = np.minimum(np.array([_edge(at) for at in held.tolist()]), self.max)
        return edges, np.cumsum(self.bins[held]) / max(self.count, 1)


def _edge(at: int) -> float:
    """The upper edge of bin `at`; 0 for the bin of the zeros."""
    return 0.0 if at == 0 else float(TINY * 2.0 ** (at / _PER_OCTAVE))


def summary(distribution: Distribution, *parts: int) -> dict[str, float | None]:
    """Return the percentiles `parts` as {"p50": ...}, and {"max": ...}; None where there is no value."""
    found: dict[str, float | None] = {f"p{part}": rounded(distribution.quantile(part / 100)) for part in parts}
    found["max"] = rounded(distribution.max if distribution.count else None)
    return found


def rounded(value: float | None) -> float | None:
    """Return `value` to four places: enough for every unit in use, and fit to be read."""
    return None if value is None else round(value, 4)
