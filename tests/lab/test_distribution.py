"""The histogram beside numpy's quantiles of the same values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.lab.distribution import Distribution, summary

VALUES = st.lists(st.floats(0.0, 1e6), min_size=1, max_size=200)


@settings(deadline=None, max_examples=60)
@given(VALUES, st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_never_too_low_and_at_most_a_hundredth_too_high(values: list[float], part: float) -> None:
    distribution = Distribution()
    distribution.add(np.array(values))
    exact = float(np.quantile(values, part, method="inverted_cdf"))
    found = distribution.quantile(part)
    assert found is not None
    assert exact - 1e-4 <= found <= exact * 1.011 + 1e-4


@settings(deadline=None, max_examples=40)
@given(VALUES, VALUES)
def test_merging_is_adding_together(one: list[float], other: list[float]) -> None:
    both, first, second = Distribution(), Distribution(), Distribution()
    both.add(np.array(one + other))
    first.add(np.array(one))
    second.add(np.array(other))
    first.merge(second)
    assert (first.bins == both.bins).all()
    assert (first.count, first.max) == (both.count, both.max)


def test_it_says_none_when_empty() -> None:
    assert summary(Distribution(), 50, 99) == {"p50": None, "p99": None, "max": None}


def test_zeros_are_zeros_and_the_mean_and_the_largest_are_exact() -> None:
    distribution = Distribution()
    distribution.add(np.array([0.0, 0.0, 3.0, 7.5]))
    assert distribution.quantile(0.5) == 0.0
    assert distribution.mean == pytest.approx(2.625)
    assert summary(distribution, 99) == {"p99": 7.5, "max": 7.5}


def test_the_curve_ends_at_everything() -> None:
    distribution = Distribution()
    distribution.add(np.array([1.0, 2.0, 4.0, 4.0]))
    values, shares = distribution.curve()
    assert shares.tolist() == [0.25, 0.5, 1.0]
    assert values[-1] == 4.0


@given(st.floats(-1.0, 1e9))
def test_one_value_counts_as_an_array_of_one_does(value: float) -> None:
    one, array = Distribution(), Distribution()
    one.add_one(value)
    array.add(np.array([value]))
    assert (one.count, one.total, one.max) == (array.count, array.total, array.max)
    # A logarithm may differ in its last bit, and then a value on an edge lies in the next bin.
    assert abs(int(one.bins.argmax()) - int(array.bins.argmax())) <= 1
