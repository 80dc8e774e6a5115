"""What a link does to single packets, and that it does it again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.transport.impairment import DelayTrace, Link, LinkEvent, LinkModel, RateTrace, derive_seed


def arrival(link: Link, now: float, size: int = 72) -> float | None:
    """Send one packet (100 bytes with headers by default) and return when it arrives."""
    deliveries = link.send(bytes(size), now)
    return deliveries[0][0] if deliveries else None


HARD = LinkModel(
    delay=0.02,
    jitter_p50=0.005,
    jitter_p99=0.08,
    jitter_time=0.1,
    loss=0.02,
    p_good_to_bad=0.02,
    p_bad_to_good=0.3,
    loss_delay_correlation=0.5,
    rate_bit_s=500_000.0,
    queue_bytes=8_000,
    reorder=0.05,
    duplicate=0.05,
    corrupt=0.05,
    mtu_bytes=1000,
    events=(
        LinkEvent(0.5, blackout=0.1),
        LinkEvent(1.0, delay=0.05, rate_bit_s=300_000.0),
        LinkEvent(1.5, load_bit_s=4e5),
    ),
    events_period=2.0,
)


def test_a_perfect_link_hands_the_datagram_on() -> None:
    link = Link(LinkModel(), seed=1)
    datagram = b"hello"
    assert link.send(datagram, 3.5) == [(3.5, datagram)]
    assert link.stats.delivered_bytes == 33  # with 28 bytes of IPv4 and UDP header


def test_same_seed_same_fate_and_another_seed_another() -> None:
    def run(seed: int) -> list[Any]:
        link = Link(HARD, seed, start=0.0)
        return [link.send(bytes([index % 256]) * (20 + index % 900), index * 0.004) for index in range(3_000)]

    assert run(7) == run(7)
    assert run(7) != run(8)


@pytest.mark.parametrize(
    "more",
    [
        {"loss": 0.2},
        {"p_good_to_bad": 0.1, "p_bad_to_good": 0.3},
        {"mtu_bytes": 600},
        {"events": (LinkEvent(3.0, blackout=5.0),)},
    ],
)
def test_one_parameter_does_not_shift_the_draws_of_another(more: dict[str, Any]) -> None:
    calm = LinkModel(jitter_p50=0.005, jitter_p99=0.05)
    first, second = Link(calm, 3), Link(replace(calm, **more), 3)
    arrivals = [(arrival(first, now, now % 900), arrival(second, now, now % 900)) for now in range(900)]
    assert any(with_more is None for _, with_more in arrivals)
    assert all(with_more in (None, alone) for alone, with_more in arrivals)


def test_a_burst_ends_with_the_model_that_had_bursts() -> None:
    link = Link(LinkModel(p_good_to_bad=1.0, p_bad_to_good=0.001), seed=1)
    assert arrival(link, 0.0) is None
    link.set_model(LinkModel(loss=1e-9))
    assert arrival(link, 1.0) == 1.0


def test_correlation_with_delay_needs_delay_that_varies() -> None:
    link = Link(LinkModel(loss=0.1, loss_delay_correlation=0.9), seed=1)
    lost = sum(arrival(link, index) is None for index in range(5_000))
    assert lost / 5_000 == pytest.approx(0.1, abs=0.017)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    jitter=st.floats(0.0001, 0.2),
    rate=st.one_of(st.none(), st.floats(50_000.0, 1e7)),
    gaps=st.lists(st.tuples(st.floats(0.0, 0.3), st.integers(0, 1400)), min_size=1, max_size=120),
)
def test_order_is_kept_and_every_packet_accounted_for(
    seed: int, jitter: float, rate: float | None, gaps: list[tuple[float, int]]
) -> None:
    model = LinkModel(
        delay=0.01,
        jitter_p50=jitter,
        jitter_p99=jitter * 8,
        loss=0.1,
        rate_bit_s=rate,
        queue_bytes=6_000,
        events=(LinkEvent(0.5, blackout=0.2), LinkEvent(1.0, delay=0.0)),
    )
    link = Link(model, seed)
    now = previous = 0.0
    for gap, size in gaps:
        now += gap
        at = arrival(link, now, size)
        if at is not None:
            assert at >= now
            assert at >= previous, f"seed {seed}: {at} overtakes {previous}"
            previous = at
    stats = link.stats
    reasons = (
        stats.lost_good + stats.lost_bad + stats.lost_trace + stats.lost_blackout + stats.lost_queue + stats.lost_mtu
    )
    assert stats.sent == len(gaps) == stats.delivered + reasons


def test_mtu_counts_headers() -> None:
    link = Link(LinkModel(mtu_bytes=1500), seed=1)
    assert arrival(link, 0.0, 1472) == 0.0
    assert arrival(link, 0.0, 1473) is None
    assert link.stats.lost_mtu == 1


def test_a_reordered_packet_lets_later_ones_overtake() -> None:
    link = Link(LinkModel(delay=0.01, reorder=1.0, reorder_extra=0.05), seed=1)
    assert arrival(link, 0.0) == pytest.approx(0.06)
    link.set_model(LinkModel(delay=0.01))
    assert arrival(link, 0.01) == pytest.approx(0.02)


def test_a_duplicate_comes_later_with_the_same_bytes() -> None:
    link = Link(LinkModel(delay=0.01, duplicate=1.0, duplicate_extra=0.003, corrupt=1.0), seed=1)
    (first, payload), (second, copy) = link.send(bytes(50), 1.0)
    assert (first, second) == (pytest.approx(1.01), pytest.approx(1.013))
    assert payload == copy
    flipped = sum(byte.bit_count() for byte in payload)
    assert 1 <= flipped <= 4
    assert link.stats.delivered == 1


def test_an_empty_datagram_survives_corruption() -> None:
    assert Link(LinkModel(corrupt=1.0), seed=1).send(b"", 0.0) == [(0.0, b"")]


def test_events_happen_on_time_and_repeat() -> None:
    events = (LinkEvent(1.0, blackout=0.5), LinkEvent(2.0, delay=0.1))
    link = Link(LinkModel(delay=0.02, events=events, events_period=3.0), seed=1, start=100.0)
    assert arrival(link, 100.99) == pytest.approx(101.01)
    assert arrival(link, 101.0) is None
    assert arrival(link, 101.49) is None
    assert arrival(link, 101.5) == pytest.approx(101.52)
    assert arrival(link, 102.0) == pytest.approx(102.1)
    assert arrival(link, 103.2) == pytest.approx(103.22)  # the second round begins with the model as given
    assert arrival(link, 104.2) is None
    assert arrival(link, 1_000_000.5) == pytest.approx(1_000_000.52)  # 333,300 rounds later, in a moment
    assert link.stats.lost_blackout == 3


def test_events_begin_with_the_first_packet_unless_told() -> None:
    link = Link(LinkModel(events=(LinkEvent(1.0, blackout=1.0),)), seed=1)
    assert arrival(link, 50.0) == 50.0
    assert arrival(link, 51.5) is None
    link.set_model(LinkModel(events=(LinkEvent(1.0, blackout=1.0),)))
    assert arrival(link, 60.0) == 60.0
    assert arrival(link, 61.5) is None
    assert arrival(link, 62.5) == 62.5


def test_a_rate_change_keeps_order() -> None:
    events = (LinkEvent(1.0, rate_bit_s=8_000_000.0),)
    link = Link(LinkModel(rate_bit_s=80_000.0, queue_bytes=50_000, events=events), seed=1, start=0.0)
    slow = [arrival(link, 0.9) for _ in range(20)]  # 10 ms each
    assert slow[-1] == pytest.approx(1.1)
    assert arrival(link, 1.05) == pytest.approx(1.1)  # quick, but behind the slow ones
    assert arrival(link, 1.2) == pytest.approx(1.2001)


def test_load_starts_and_stops_with_its_events() -> None:
    events = (LinkEvent(1.0, load_bit_s=2_000_000.0), LinkEvent(3.0, load_bit_s=0.0))
    link = Link(LinkModel(rate_bit_s=1_000_000.0, queue_bytes=100_000, events=events), seed=1, start=0.0)
    idle = 0.0008  # 100 bytes at 1 Mbit/s
    assert arrival(link, 0.9) == pytest.approx(0.9 + idle)
    # filling at 1 Mbit/s: after 0.4 s there are 50,000 bytes before us
    assert arrival(link, 1.4) == pytest.approx(1.4 + 0.4 + idle)
    assert arrival(link, 2.9) == pytest.approx(2.9 + 0.72 + idle)  # 90,000 bytes and no more
    assert arrival(link, 3.3) == pytest.approx(
        3.3 + 0.42 + 2 * idle, abs=0.001
    )  # 0.3 s of it gone (our packets added theirs)
    assert arrival(link, 4.0) == pytest.approx(4.0 + idle)


def test_rate_trace_carries_1500_bytes_per_opportunity() -> None:
    link = Link(LinkModel(rate_trace=RateTrace((0.010, 0.010, 0.040)), queue_bytes=10_000), seed=1, start=0.0)
    assert arrival(link, 0.0, 1000 - 28) == pytest.approx(0.010)
    assert arrival(link, 0.0, 500 - 28) == pytest.approx(0.010)  # the same opportunity
    assert arrival(link, 0.0, 1000 - 28) == pytest.approx(0.010)  # the second one
    assert arrival(link, 0.0, 1000 - 28) == pytest.approx(0.040)  # 500 bytes of it went earlier
    assert arrival(link, 0.0, 1500 - 28) == pytest.approx(0.050)  # round again: 0.040 + 0.010
    assert arrival(link, 0.060, 100) == pytest.approx(0.080)  # unused opportunities are gone
    assert arrival(link, 8.0001, 100) == pytest.approx(8.010)


def test_rate_trace_queue_is_bounded() -> None:
    link = Link(LinkModel(rate_trace=RateTrace((1.0,)), queue_bytes=3_000), seed=1, start=0.0)
    assert [arrival(link, 0.0, 1000 - 28) for _ in range(4)] == [1.0, 2.0, 2.0, None]
    assert link.stats.lost_queue == 1
    assert arrival(link, 1.5, 1000 - 28) == pytest.approx(3.0)


def test_rate_trace_throughput() -> None:
    times = tuple(sorted((index * 7919 % 1000 + 1) / 1000.0 for index in range(500)))
    trace = RateTrace(times)
    link = Link(LinkModel(rate_trace=trace, queue_bytes=30_000), seed=1, start=0.0)
    arrivals = [at for at in (arrival(link, index * 0.0005, 1472) for index in range(40_000)) if at is not None]
    rate = len(arrivals) * 1500 * 8 / (arrivals[-1] - arrivals[0])
    assert rate == pytest.approx(trace.mean_bit_s, rel=0.01)


def test_delay_trace_is_interpolated_and_repeats() -> None:
    trace = DelayTrace((0.0, 1.0, 2.0, 3.0), (0.010, 0.030, 0.030, 0.020), (False, False, True, False))
    link = Link(LinkModel(delay=0.005, delay_trace=trace), seed=1, start=10.0)
    assert arrival(link, 10.5) == pytest.approx(10.5 + 0.005 + 0.020)
    assert arrival(link, 11.5) == pytest.approx(11.5 + 0.005 + 0.030)
    assert arrival(link, 12.5) is None
    assert arrival(link, 13.9) == pytest.approx(13.9 + 0.005 + 0.020)
    assert arrival(link, 14.5) == pytest.approx(14.5 + 0.005 + 0.020)  # from the start again
    assert link.stats.lost_trace == 1


def test_a_new_model_keeps_packets_under_way_in_front() -> None:
    link = Link(LinkModel(delay=0.5), seed=1)
    assert arrival(link, 0.0) == 0.5
    link.set_model(LinkModel(delay=0.01))
    assert arrival(link, 0.1) == 0.5
    assert arrival(link, 0.6) == pytest.approx(0.61)


def test_derived_seeds_differ_by_name_and_stay_what_they_are() -> None:
    seeds = {derive_seed(1, "up"), derive_seed(1, "down"), derive_seed(2, "up"), derive_seed(1, 0, "up")}
    assert len(seeds) == 4
    assert derive_seed(1, "up") == derive_seed(1, "up")
