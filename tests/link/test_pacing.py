"""Pacing against a simulated bottleneck: queue, rate and loss, in virtual time."""

from __future__ import annotations

import numpy as np
import pytest

from bench.pacing import KBIT, Bottleneck, Match
from engine.errors import UsageError
from engine.link.acks import AckTable
from engine.link.pacing import Pacer, PacingConfig
from engine.link.paths import Paths
from engine.link.sent import sent_packets


def test_without_pacing_the_queue_fills() -> None:
    """What the others are measured against: 36 kB/s into 256 kbit/s stands in a queue of seconds."""
    _, queue, _, _ = Match(Bottleneck(256 * KBIT), 1200, paced=False).run(30.0)
    assert queue[-1] > 4.0


@pytest.mark.parametrize(("packets", "delay"), [(1, 0.020), (2, 0.020), (2, 0.100)])
def test_a_peer_behind_256_kbit_settles_near_its_unloaded_delay(packets: int, delay: float) -> None:
    """36 and 72 kB/s of snapshots want to go through 32 kB/s. A packet takes 39 ms by itself, so a pair waits 20 ms."""
    match = Match(Bottleneck(256 * KBIT, delay, jitter=0.002), 1200, packets)
    match.run(5.0)
    _, queue, divider, sizes = match.run(45.0)
    own = 0.0196 * (packets - 1)
    assert queue.mean() < own + 0.020
    assert np.quantile(queue, 0.95) < 2 * own + 0.060
    assert queue.max() < 0.4  # when it tries whether the path has become wider
    assert divider.min() >= 1
    assert sizes.sum() / 45 > 0.5 * 256 * KBIT
    assert divider.mean() > 1.5  # the snapshot rate gave way


@pytest.mark.parametrize("kbit", [128, 256])
def test_the_time_a_large_packet_takes_is_no_queue(kbit: int) -> None:
    """The least RTT is that of small packets, as before a match; then packets take 38 or 75 ms each by themselves."""
    match = Match(Bottleneck(kbit * KBIT), 60)
    match.run(3.0)
    match.size = 1100
    match.run(9.0)
    _, queue, divider, sizes = match.run(4.0)
    assert sizes.sum() / 4 > 0.5 * kbit * KBIT
    assert divider.max() < 6
    assert queue.mean() < 0.060


def test_the_first_overshoot_is_short() -> None:
    match = Match(Bottleneck(256 * KBIT), 1200, 2)
    at, queue, _, _ = match.run(5.0)
    assert queue.max() < 0.5
    assert queue[at > 2.0].max() < 0.060


def test_a_path_that_carries_it_is_left_alone() -> None:
    match = Match(Bottleneck(1e6), 1000)
    _, _, divider, _ = match.run(10.0)
    assert divider.max() == 1


@pytest.mark.parametrize(("jitter", "loss"), [(0.030, 0.0), (0.010, 0.05), (0.0, 0.1)])
def test_a_bad_radio_is_not_taken_for_a_full_path(jitter: float, loss: float) -> None:
    match = Match(Bottleneck(1e6, jitter=jitter, loss=loss), 600)
    _, _, divider, _ = match.run(25.0)
    assert np.mean(divider > 1) < 0.05


def test_loss_that_does_not_yield_becomes_usual() -> None:
    """A fifth of all packets is lost whatever is sent: the rate is given back, after a trial or two."""
    match = Match(Bottleneck(1e6, loss=0.2), 600)
    match.run(10.0)
    _, _, divider, _ = match.run(25.0)
    assert np.mean(divider > 1) < 0.1


@pytest.mark.parametrize("seed", range(4))
def test_who_begins_to_send_much_on_a_lossy_path_is_not_tried_with_next_to_nothing(seed: int) -> None:
    """A trial sends a little less than now; by what had arrived before, it was a tenth of it, and took six seconds."""
    match = Match(Bottleneck(1e6, loss=0.2), 120, seed=seed)
    match.run(0.6)
    match.size = 1200
    rates = []
    for _ in range(60):
        match.run(0.1)
        rates.append(float(match.pacer.rate[0]))
    assert min(rates) > 15_000
    assert rates[-1] >= 36_000


def test_loss_by_a_shallow_queue_is_answered() -> None:
    """72 kB/s into a policer of 32 kB/s that holds four packets: more than half would be lost."""
    match = Match(Bottleneck(256 * KBIT, queue_bytes=4 * 1200), 1200, 2)
    match.run(20.0)
    assert match.acks.stats(0, 20.0).loss_out < 0.1


def test_a_path_that_becomes_narrow_and_wide_again() -> None:
    path = Bottleneck(1e6)
    match = Match(path, 1000)
    match.run(3.0)
    path.rate = 128 * KBIT
    match.run(5.0)
    _, queue, divider, _ = match.run(10.0)
    assert queue.mean() < 0.050
    assert divider.min() >= 2
    path.rate = 1e6
    match.run(30.0)
    _, _, divider, _ = match.run(3.0)
    assert divider.mean() == 1


@pytest.mark.parametrize(("tick_hz", "frame_hz"), [(30, 30.2), (30, 29.7), (60, 30.2), (60, 59.5), (30, 61.0)])
def test_frames_that_drift_against_ticks_are_no_queue(tick_hz: int, frame_hz: float) -> None:
    """Each side reads its mail once a frame or tick: as the two drift, the RTT grows and falls by one of each."""
    server, client = Paths(1), Paths(1)
    for paths in (server, client):
        paths.reset(0, 0.0)
    to_client: list[tuple[float, tuple[int, int, int]]] = []
    to_server: list[tuple[float, tuple[int, int, int]]] = []
    only, way = np.array([0]), 0.012
    dividers = []
    ticks = [(number / tick_hz, True) for number in range(1, 40 * tick_hz)]
    frames = [(number / frame_hz, False) for number in range(1, round(40 * frame_hz))]
    for now, ours in sorted(ticks + frames):
        paths, mail, size = (server, to_server, 60) if ours else (client, to_client, 300)
        while mail and mail[0][0] <= now:
            paths.receive_one(0, *mail.pop(0)[1], now, size)
        if not ours:
            to_server.append((now + way, client.acks.send_one(0, now, 60)))
            continue
        server.update(now)
        to_client.append((now + way, server.acks.send_one(0, now, 300)))
        server.snapshots_sent(only, np.array([290]), np.array([300]), np.array([1100]))
        dividers.append(server.snapshot_divider(0))
    assert max(dividers) == 1
    assert server.pacer.rate[0] >= PacingConfig().start_rate


NOTHING = sent_packets([])


def test_the_bucket() -> None:
    config = PacingConfig(start_rate=10_000, burst=0.5, burst_bytes=1000)
    pacer, meter = Pacer(2, config), AckTable(2).meter
    both = np.array([0, 1])
    assert pacer.allowance.tolist() == [5000, 5000]
    pacer.update(0.0, NOTHING, NOTHING, meter)
    pacer.spend(both, np.array([6000, 100]))
    assert pacer.allowance.tolist() == [-1000, 4900]  # overdrawn: what must go goes
    pacer.update(0.2, NOTHING, NOTHING, meter)
    assert pacer.allowance.tolist() == pytest.approx([1000, 5000])
    pacer.reset(0, 0.2)
    assert pacer.allowance.tolist() == pytest.approx([5000, 5000])


def test_the_divider_leaves_room_for_all_else() -> None:
    """20 kB/s: 9 kB/s of other traffic leave room for 11 of the 18 kB/s that whole snapshots take."""
    pacer, meter = Pacer(1, PacingConfig(start_rate=20_000)), AckTable(1).meter
    one = np.array([0])
    for tick in range(600):
        pacer.update(tick / 60, NOTHING, NOTHING, meter)
        pacer.want_snapshots(one, np.array([600]))
        if tick % 2 == 0 and pacer.snapshot_due(tick // 2)[0]:
            pacer.spend(one, np.array([600]), np.array([600]))
        pacer.spend(one, np.array([150]))
    assert pacer.snapshot_divider.tolist() == [2]


def test_slots_take_turns() -> None:
    pacer = Pacer(6)
    pacer.snapshot_divider[:] = [1, 2, 2, 3, 3, 3]
    due = np.array([pacer.snapshot_due(number) for number in range(6)])
    assert due.sum(axis=0).tolist() == [6, 3, 3, 2, 2, 2]
    assert not (due[:, 1] & due[:, 2]).any()
    assert due[:, 3:].sum(axis=1).tolist() == [1] * 6


@pytest.mark.parametrize(
    "fields", [{"min_rate": 0}, {"start_rate": 3_000}, {"max_rate": 50_000}, {"back_off": 1.0}, {"divider_max": 0}]
)
def test_a_config_that_cannot_be(fields: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        PacingConfig(**fields)
