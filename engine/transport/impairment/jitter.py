"""Right-skewed distributions of added delay, given by their median and 99th percentile.

A distribution is a map from a normal score z (mean 0, deviation 1) to seconds, so that correlation in time
and correlation with loss can be put on z (a Gaussian copula) whatever the distribution. Log-normal is exp(mu
+ sigma z); gamma has no closed quantile function and is tabulated once per link.

The map is flat above `TOP`: real delay is bounded by a buffer or a retry limit, where these distributions are
not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

TOP = NormalDist().inv_cdf(0.999)
"""Normal score above which the delay no longer grows: its 99.9th percentile."""

_Z99 = NormalDist().inv_cdf(0.99)
_TABLE_LOW = -4.0
"""Normal score below which the delay no longer falls: 1 packet in 30,000."""
_TABLE_STEPS = 1024
_GRID = 8192
"""Points on which the gamma density is integrated: quantiles are right to better than 1 in 1000."""


def jitter_map(shape: str, p50: float, p99: float) -> Callable[[float], float]:
    """Return the function from a normal score to seconds of delay."""
    if p99 <= 0.0:
        return _nothing
    if shape == "gamma" and p99 > p50:
        return _gamma_map(p50, p99)
    mu, sigma = math.log(p50), math.log(p99 / p50) / _Z99

    def lognormal(z: float) -> float:
        return math.exp(mu + sigma * (z if z < TOP else TOP))

    return lognormal


def jitter_quantile(shape: str, p50: float, p99: float, quantile: float) -> float:
    """Return the delay, seconds, that a share `quantile` of packets stays below."""
    if quantile <= 0.0:
        return jitter_map(shape, p50, p99)(_TABLE_LOW)
    if quantile >= 1.0:
        return jitter_map(shape, p50, p99)(TOP)
    return jitter_map(shape, p50, p99)(NormalDist().inv_cdf(quantile))


def _nothing(z: float) -> float:
    return 0.0


def _gamma_map(p50: float, p99: float) -> Callable[[float], float]:
    low, high = 0.05, 1e5  # shape parameters: p99/p50 of 5e5 down to 1.007
    for _ in range(60):  # the ratio falls as the shape grows: halve the interval on a log scale
        k = math.sqrt(low * high)
        x50, x99 = np.exp(_gamma_log_quantiles(k, np.array([0.5, 0.99])))
        low, high = (k, high) if x99 / x50 > p99 / p50 else (low, k)
    scores = np.linspace(_TABLE_LOW, TOP, _TABLE_STEPS + 1)
    normal = NormalDist()
    levels = np.array([normal.cdf(float(z)) for z in scores])
    logs = _gamma_log_quantiles(k, levels)
    table: list[float] = (np.exp(logs - _gamma_log_quantiles(k, np.array([0.5]))) * p50).tolist()
    per_score = _TABLE_STEPS / (TOP - _TABLE_LOW)
    first, last = table[0], table[-1]

    def gamma(z: float) -> float:
        at = (z - _TABLE_LOW) * per_score
        if at <= 0.0:
            return first
        if at >= _TABLE_STEPS:
            return last
        i = int(at)
        below = table[i]
        return below + (table[i + 1] - below) * (at - i)

    return gamma


def _gamma_log_quantiles(k: float, levels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the logs of the quantiles of a gamma variable of shape `k` and scale 1.

    y = log x has density exp(k y - e^y) up to a factor, smooth for every k, which is summed on a grid. The grid
    covers all but 1e-6 of the mass below and above.
    """
    spread = 1.0 / math.sqrt(k)
    y = np.linspace(math.log(k) - 6.0 * spread - 14.0 / k, math.log(k + 8.0 * math.sqrt(k) + 25.0), _GRID)
    log_density = k * y - np.exp(y)
    density = np.exp(log_density - log_density.max())
    mass = np.concatenate(([0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))))
    quantiles: npt.NDArray[np.float64] = np.interp(levels, mass / mass[-1], y)
    return quantiles
