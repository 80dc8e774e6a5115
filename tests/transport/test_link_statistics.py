"""What a link does in the long run, against theory. Seeds are fixed, so a failure is a change and not bad luck."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from engine.transport.impairment import Link, LinkModel

PACKETS = 20_000
SEED = 11


def delays(model: LinkModel, interval: float, packets: int = PACKETS, seed: int = SEED) -> list[float | None]:
    """Return the delay of each packet sent every `interval` seconds, None for a lost one."""
    link = Link(model, seed)
    found: list[float | None] = []
    for index in range(packets):
        now = index * interval
        deliveries = link.send(b"x" * 100, now)
        found.append(deliveries[0][0] - now if deliveries else None)
    return found


def arrived(found: list[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([delay for delay in found if delay is not None])


@pytest.mark.parametrize("shape", ["lognormal", "gamma"])
def test_delay_quantiles(shape: Any) -> None:
    model = LinkModel(delay=0.03, jitter_p50=0.004, jitter_p99=0.04, jitter_shape=shape)
    found = arrived(delays(model, interval=1.0))  # further apart than any jitter: FIFO has no effect
    assert found.min() > 0.03
    for quantile, tolerance in ((0.1, 0.05), (0.5, 0.03), (0.9, 0.05), (0.99, 0.1)):
        assert np.quantile(found, quantile) - 0.03 == pytest.approx(model.jitter(quantile), rel=tolerance)
    assert found.max() <= 0.03 + model.jitter(1.0) + 1e-9


def test_mean_delay_of_lognormal_jitter() -> None:
    model = LinkModel(jitter_p50=0.005, jitter_p99=0.02)
    sigma = math.log(4.0) / NormalDist().inv_cdf(0.99)
    # the tail beyond the 99.9th percentile is cut: 0.2 % of the mean at this sigma
    assert arrived(delays(model, interval=1.0)).mean() == pytest.approx(0.005 * math.exp(sigma**2 / 2), rel=0.02)


@pytest.mark.parametrize("gap", [0.01, 0.05, 0.2])
def test_jitter_comes_in_waves_of_the_given_length(gap: float) -> None:
    model = LinkModel(delay=10.0, jitter_p50=0.001, jitter_p99=0.002, jitter_time=0.1)
    sigma = math.log(2.0) / NormalDist().inv_cdf(0.99)
    scores = np.log((arrived(delays(model, interval=gap)) - 10.0) / 0.001) / sigma
    correlation = float(np.corrcoef(scores[:-1], scores[1:])[0, 1])
    assert correlation == pytest.approx(math.exp(-gap / 0.1), abs=0.03)


def test_random_loss_is_independent() -> None:
    found = delays(LinkModel(loss=0.05), interval=0.01)
    lost = np.array([delay is None for delay in found])
    assert lost.mean() == pytest.approx(0.05, abs=0.006)  # four deviations of a binomial
    after_a_loss = lost[1:][lost[:-1]].mean()
    assert after_a_loss == pytest.approx(0.05, abs=0.03)


def test_burst_lengths_and_gaps_are_geometric() -> None:
    model = LinkModel(p_good_to_bad=0.02, p_bad_to_good=0.25)  # all lost while bad
    lost = np.array([delay is None for delay in delays(model, interval=0.01, packets=60_000)])
    assert lost.mean() == pytest.approx(model.mean_loss, rel=0.1)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], lost.astype(int), [0]))))
    bursts = edges[1::2] - edges[::2]
    assert bursts.mean() == pytest.approx(4.0, rel=0.08)
    # geometric: a burst of one has probability 0.25, of two 0.75 * 0.25
    assert (bursts == 1).mean() == pytest.approx(0.25, abs=0.04)
    assert (bursts == 2).mean() == pytest.approx(0.1875, abs=0.04)
    gaps = edges[2::2] - edges[1:-1:2]
    assert gaps.mean() == pytest.approx(50.0, rel=0.1)


def test_loss_in_both_states() -> None:
    model = LinkModel(loss=0.02, p_good_to_bad=0.01, p_bad_to_good=0.04, loss_good=0.01, loss_bad=0.3)
    link = Link(model, SEED)
    for index in range(60_000):
        link.send(b"x", index * 0.01)
    stats = link.stats
    assert (stats.lost_good + stats.lost_bad) / stats.sent == pytest.approx(model.mean_loss, rel=0.08)
    assert stats.lost_bad / stats.sent == pytest.approx(0.2 * (1 - 0.98 * 0.7), rel=0.12)
    assert stats.sent == stats.delivered + stats.lost_good + stats.lost_bad


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_correlated_loss_keeps_its_ratio_and_picks_the_slow_packets(correlation: float) -> None:
    model = LinkModel(jitter_p50=0.01, jitter_p99=0.1, loss=0.1, loss_delay_correlation=correlation)
    calm = delays(LinkModel(jitter_p50=0.01, jitter_p99=0.1), interval=1.0)  # same seed, same jitter
    found = delays(model, interval=1.0)
    lost = np.array([delay is None for delay in found])
    jitter = arrived(calm)
    assert lost.mean() == pytest.approx(0.1, abs=0.008)
    ratio = float(np.median(jitter[lost]) / np.median(jitter[~lost]))
    if correlation == 0.0:
        assert ratio == pytest.approx(1.0, abs=0.1)
    else:
        assert ratio > 1.0 + 2.0 * correlation


def test_throughput_is_the_rate_and_delay_the_queue() -> None:
    model = LinkModel(rate_bit_s=1_000_000.0, queue_bytes=20_000)
    link = Link(model, SEED)
    size = 472  # 500 bytes with headers: 4 ms each
    arrivals = [at for index in range(4_000) for at, _ in link.send(bytes(size), index * 0.002)]  # twice the rate
    seconds = arrivals[-1] - arrivals[0]
    assert (len(arrivals) - 1) * 500 * 8 / seconds == pytest.approx(1_000_000.0, rel=1e-6)
    assert link.stats.lost_queue == pytest.approx(2_000, abs=50)
    last_delay = arrivals[-1] - 3_999 * 0.002
    assert last_delay <= 20_000 * 8 / 1_000_000.0 + 1e-9  # a full queue, and never more
    assert last_delay > 0.14


def test_an_idle_queue_costs_only_the_serialization() -> None:
    link = Link(LinkModel(delay=0.01, rate_bit_s=800_000.0), SEED)
    assert link.send(bytes(72), 5.0)[0][0] == pytest.approx(5.0 + 0.01 + 100 * 8 / 800_000)


def test_background_load_fills_the_queue_and_stays_just_below_full() -> None:
    model = LinkModel(rate_bit_s=1_000_000.0, queue_bytes=50_000, load_bit_s=2_000_000.0)
    found = delays(model, interval=0.05, packets=400)
    assert all(delay is not None for delay in found)  # delay instead of loss
    assert arrived(found)[10:].mean() == pytest.approx(0.9 * 50_000 * 8 / 1e6, rel=0.02)


def test_reordering_duplication_and_corruption_happen_as_often_as_asked() -> None:
    model = LinkModel(reorder=0.1, reorder_extra=0.025, duplicate=0.05, corrupt=0.02)
    link = Link(model, SEED)
    order: list[tuple[float, int]] = []
    for index in range(PACKETS):
        for at, payload in link.send(index.to_bytes(4, "little") * 10, index * 0.01):
            order.append((at, index))
            assert len(payload) == 40
    stats = link.stats
    assert stats.reordered / PACKETS == pytest.approx(0.1, abs=0.009)
    assert stats.duplicated / PACKETS == pytest.approx(0.05, abs=0.007)
    assert stats.corrupted / PACKETS == pytest.approx(0.02, abs=0.004)
    sequence = [index for _, index in sorted(order)]
    late = sum(1 for before, after in pairwise(sequence) if after < before)
    assert late / PACKETS == pytest.approx(0.1, abs=0.02)  # held back 25 ms, overtaken by two or three
