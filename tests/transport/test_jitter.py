"""The two jitter distributions against theory."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.transport.impairment.jitter import TOP, jitter_map, jitter_quantile


def test_lognormal_quantiles_are_exact() -> None:
    p50, p99 = 0.002, 0.025
    sigma = math.log(p99 / p50) / NormalDist().inv_cdf(0.99)
    for quantile in (0.01, 0.25, 0.5, 0.9, 0.99):
        expected = p50 * math.exp(sigma * NormalDist().inv_cdf(quantile))
        assert jitter_quantile("lognormal", p50, p99, quantile) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shape", [0.4, 1.0, 3.0, 40.0])
def test_gamma_quantiles_match_a_large_sample(shape: float) -> None:
    sample = np.sort(np.random.default_rng(5).gamma(shape, 1.0, 400_000))
    p50, p99 = float(np.quantile(sample, 0.5)), float(np.quantile(sample, 0.99))
    for quantile in (0.1, 0.25, 0.5, 0.75, 0.9, 0.99):
        drawn = float(np.quantile(sample, quantile))
        assert jitter_quantile("gamma", p50, p99, quantile) == pytest.approx(drawn, rel=0.03)


def test_exponential_is_gamma_with_shape_one() -> None:
    mean = 0.01
    for quantile in (0.1, 0.5, 0.9, 0.99):
        expected = -mean * math.log(1 - quantile)
        ours = jitter_quantile("gamma", mean * math.log(2), mean * math.log(100), quantile)
        assert ours == pytest.approx(expected, rel=3e-3)


@settings(deadline=None, max_examples=40)
@given(
    shape=st.sampled_from(["lognormal", "gamma"]),
    p50=st.floats(1e-5, 1.0),
    ratio=st.floats(1.0, 1000.0),
    scores=st.lists(st.floats(-8.0, 8.0), min_size=2, max_size=20),
)
def test_delay_never_falls_as_the_score_rises(shape: str, p50: float, ratio: float, scores: list[float]) -> None:
    delay = jitter_map(shape, p50, p50 * ratio)
    delays = [delay(score) for score in sorted(scores)]
    assert all(math.isfinite(each) and each >= 0.0 for each in delays)
    assert delays == sorted(delays)
    assert delay(TOP + 1.0) == delay(TOP + 5.0)
