"""What a link model accepts, and the figures it states about itself."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.errors import UsageError
from engine.transport.impairment import LinkEvent, LinkModel, RateTrace


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"delay": -0.001}, "delay is -0.001"),
        ({"delay": math.nan}, "delay is nan"),
        ({"delay": math.inf}, "delay is inf"),
        ({"loss": 1.2}, "loss is 1.2; it must be 0 to 1"),
        ({"loss": -0.1}, "loss is -0.1"),
        ({"loss_bad": 2.0}, "loss_bad is 2"),
        ({"duplicate": 1.01}, "duplicate is 1.01"),
        ({"jitter_p50": 0.02, "jitter_p99": 0.01}, "jitter_p99 0.01 is below jitter_p50 0.02"),
        ({"jitter_p99": 0.01}, "jitter_p50 0.0 is below 1/1000"),
        ({"jitter_shape": "normal"}, "'normal'; it is 'lognormal' or 'gamma'"),
        ({"p_good_to_bad": 0.1, "p_bad_to_good": 0.0}, "never end"),
        ({"rate_bit_s": 0.0}, "rate_bit_s is 0; it must be 1000 or more"),
        ({"queue_bytes": 100}, "queue_bytes is 100; it must be 1528 or more"),
        ({"load_bit_s": 1e6}, "load_bit_s needs rate_bit_s"),
        ({"rate_bit_s": 1e6, "rate_trace": RateTrace((0.001,))}, "take one"),
        ({"mtu_bytes": 100}, "mtu_bytes is 100"),
        ({"events": (LinkEvent(2.0, blackout=1.0), LinkEvent(1.0, blackout=1.0))}, "event at 1.0 s"),
        ({"events": (LinkEvent(-1.0, blackout=1.0),)}, "event at -1.0 s"),
        ({"events": (LinkEvent(1.0),)}, "changes nothing"),
        ({"events": (LinkEvent(1.0, delay=-0.1),)}, "delay is -0.1"),
        ({"events": (LinkEvent(1.0, rate_bit_s=1e6),)}, "rate_bit_s is not given"),
        ({"events": (LinkEvent(5.0, delay=0.1),), "events_period": 5.0}, "events_period 5.0 s does not exceed"),
    ],
)
def test_what_cannot_be_is_refused_with_its_value(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        LinkModel(**values)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_mean_loss_of_both_kinds_together() -> None:
    # a fifth of the time bad (0.05 / (0.05 + 0.2)), where 60 % go; 1 % of the rest go anyhow
    model = LinkModel(loss=0.01, p_good_to_bad=0.05, p_bad_to_good=0.2, loss_good=0.0, loss_bad=0.6)
    assert model.mean_loss == pytest.approx(1 - 0.99 * (0.8 + 0.2 * 0.4))
    assert model.mean_bad_packets == 5.0


def test_a_perfect_model_loses_nothing() -> None:
    assert LinkModel().mean_loss == 0.0
    assert LinkModel().mean_bad_packets == 0.0
    assert LinkModel().jitter(0.99) == 0.0


@pytest.mark.parametrize("shape", ["lognormal", "gamma"])
def test_jitter_has_the_quantiles_it_was_given(shape: Any) -> None:
    model = LinkModel(jitter_p50=0.004, jitter_p99=0.060, jitter_shape=shape)
    assert model.jitter(0.5) == pytest.approx(0.004, rel=2e-3)
    assert model.jitter(0.99) == pytest.approx(0.060, rel=2e-3)
    assert model.jitter(1.0) == model.jitter(0.9995)  # the tail ends at the 99.9th percentile
