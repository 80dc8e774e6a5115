"""The input ring: one input per tick whatever arrives, and what is told of lateness."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.server.inputs import InputRing
from engine.wire.inputs import StampedInput
from engine.wire.snapshot import NONE
from engine.world.picture import View
from engine.world.schema import Field, Kind

KIND = Kind("input", (Field("walk", "int8"), Field("fire", "bool")), capacity=1)
RING = 16
REPEAT = 3


def ring_of(peers: int = 2) -> InputRing:
    return InputRing(KIND, peers, RING, REPEAT)


def entry(tick: int, walk: int, view: View | None = None) -> StampedInput:
    return StampedInput(tick, (walk, 0), view)


def send(ring: InputRing, peer: int, next_tick: int, *entries: StampedInput) -> None:
    newest_first = sorted(entries, key=lambda each: -each.tick)
    ring.receive(peer, newest_first, newest_first[0].tick, next_tick)
    ring.settle()


def walked(ring: InputRing, tick: int, peer: int = 0) -> tuple[int, bool]:
    rows, missing = ring.take(tick, np.array([peer]))
    return int(rows["walk"][0]), bool(missing[0])


def test_an_input_is_used_at_its_tick_and_once() -> None:
    ring = ring_of()
    send(ring, 0, 10, entry(10, 5), entry(11, 6))
    assert walked(ring, 10) == (5, False)
    assert walked(ring, 11) == (6, False)
    assert walked(ring, 12) == (6, True)
    assert ring.taken_total.tolist() == [2, 0]
    assert ring.missing_total.tolist() == [1, 0]
    # A ring's length later the same slot must not be read as this tick's.
    for tick in range(13, 10 + RING):
        walked(ring, tick)
    assert walked(ring, 10 + RING) == (0, True)


def test_the_last_input_is_repeated_for_a_while_and_then_the_controls_are_let_go() -> None:
    ring = ring_of()
    send(ring, 0, 10, entry(10, 5))
    assert [walked(ring, tick) for tick in range(10, 16)] == [
        (5, False),
        (5, True),
        (5, True),
        (5, True),
        (0, True),
        (0, True),
    ]
    send(ring, 0, 16, entry(16, 7))
    assert [walked(ring, tick) for tick in (16, 17)] == [(7, False), (7, True)]
    assert ring.repeated.tolist() == [6, 0]


def test_before_its_first_input_a_peer_is_idle_and_not_missing() -> None:
    ring = ring_of()
    assert walked(ring, 9) == (0, False)
    send(ring, 0, 10, entry(12, 5))
    assert [walked(ring, tick) for tick in (10, 11, 12)] == [(0, False), (0, False), (5, False)]
    assert ring.missing_total.tolist() == [0, 0]


def test_a_late_input_is_counted_once_told_of_and_not_used() -> None:
    ring = ring_of()
    send(ring, 0, 10, entry(8, 5))
    assert (ring.late_total[0], ring.newest[0], ring.slack[0]) == (1, 8, -2 * 256)
    assert walked(ring, 10) == (0, True)


def test_an_input_beyond_the_ring_is_not_kept() -> None:
    ring = ring_of()
    send(ring, 0, 10, entry(10 + RING, 5))
    assert ring.newest[0] == -1
    send(ring, 0, 10, entry(10 + RING - 1, 6))
    assert ring.newest[0] == 10 + RING - 1
    for tick in range(10, 10 + RING - 1):
        assert walked(ring, tick) == (0, False)
    assert walked(ring, 10 + RING - 1) == (6, False)


def test_slack_is_the_tightest_arrival_since_the_last_snapshot() -> None:
    ring = ring_of()
    assert ring.slack.tolist() == [NONE, NONE]
    ring.receive(0, [], 14, 10)  # nothing new in it, but it came
    ring.receive(0, [], 12, 10)
    ring.receive(0, [], 17, 11)
    ring.settle()
    assert ring.slack.tolist() == [2 * 256, NONE]
    ring.snapshot_sent(np.array([0]))
    assert ring.slack[0] == NONE
    ring.receive(0, [], 5, 11)
    ring.receive(1, [], 2**31 - 1, 11)
    ring.settle()
    assert ring.slack.tolist() == [-6 * 256, 32767]
    ring.snapshot_sent(np.array([0, 1]))
    ring.receive(0, [], 0, 2**20)
    ring.settle()
    assert ring.slack[0] == NONE + 1


def test_a_view_belongs_to_its_input() -> None:
    ring = ring_of()
    between, beyond = View(4, 6, 5 * 256), View(6, None, 7 * 256)
    send(ring, 0, 10, entry(10, 1, between), entry(11, 1), entry(12, 1, beyond))
    ring.take(10, np.array([0, 1]))
    assert [ring.view(0, tick) for tick in (10, 11, 12, 13)] == [between, None, beyond, None]
    assert ring.view(1, 10) is None
    assert ring.view(0, 10 + RING) is None


def test_a_reset_forgets_even_what_has_just_arrived() -> None:
    ring = ring_of()
    send(ring, 0, 10, entry(10, 5))
    send(ring, 1, 10, entry(10, 6), entry(8, 6))
    ring.take(10, np.array([0, 1]))
    send(ring, 0, 11, entry(11, 7))
    send(ring, 1, 11, entry(11, 8))
    ring.reset(1)
    rows, missing = ring.take(11, np.array([0, 1]))
    assert rows["walk"].tolist() == [7, 0]
    assert missing.tolist() == [False, False]
    assert ring.newest.tolist() == [11, -1]
    assert ring.slack[1] == NONE
    for total in (ring.repeated, ring.taken_total, ring.missing_total, ring.late_total):
        assert total[1] == 0


def test_nobody_at_all_is_fine() -> None:
    rows, missing = ring_of().take(5, np.array([], np.int64))
    assert (len(rows), missing.tolist()) == (0, [])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_the_ring_is_a_dictionary_by_tick(seed: int) -> None:
    """The oracle: plain dictionaries, one peer at a time."""
    random = Random(seed)
    ring = ring_of(3)
    known: list[dict[int, int]] = [{}, {}, {}]
    last, run = [0, 0, 0], [0, 0, 0]
    for tick in range(20, 60):
        for peer in range(3):
            if random.random() < 0.5:
                newest = tick + random.randint(-3, RING + 1)
                count = random.randint(1, 4)
                after = int(ring.newest[peer])
                entries = [entry(t, t % 100) for t in range(newest, max(newest - count, after), -1)]
                ring.receive(peer, entries, newest, tick)
                known[peer].update({each.tick: each.values[0] for each in entries if tick <= each.tick < tick + RING})
        rows, _ = ring.take(tick, np.arange(3))
        for peer in range(3):
            run[peer] = 0 if tick in known[peer] else run[peer] + 1
            last[peer] = known[peer].get(tick, last[peer] if run[peer] <= REPEAT else 0)
        assert rows["walk"].tolist() == last
    assert (ring.taken_total <= 40).all()


@pytest.mark.parametrize("flood", [1, 50])
def test_a_flood_moves_nobody_faster(flood: int) -> None:
    ring = ring_of()
    for tick in range(10, 30):
        for _ in range(flood):
            send(ring, 0, tick, *(entry(ahead, 9) for ahead in range(tick, tick + RING)))
        assert walked(ring, tick) == (9, False)
    assert ring.taken_total[0] == 20


def test_one_new_input_of_many_peers_at_once_is_as_one_by_one() -> None:
    """Whatever comes, in whatever order: the columns and the single packets leave the same ring."""
    random = Random(7)
    one_by_one, at_once = ring_of(5), ring_of(5)
    known = [-1] * 5
    everyone = np.arange(5)
    for next_tick in range(100, 400):
        for _ in range(random.randrange(3)):
            peers = random.sample(range(5), random.randrange(1, 6))
            ticks = [max(0, next_tick + random.choice([-3, -1, 0, 0, 1, 2, RING - 1, RING, RING + 9])) for _ in peers]
            walks = [random.randrange(-100, 100) for _ in peers]
            assert at_once.known_each(np.array(peers)).tolist() == [known[peer] for peer in peers]
            at_once.receive_newest(
                np.array(peers), np.array(ticks), np.array([walks, [0] * len(walks)], np.int32), next_tick
            )
            for peer, tick, walk in zip(peers, ticks, walks, strict=True):
                new = [entry(tick, walk)] if tick > known[peer] else []
                one_by_one.receive(peer, new, tick, next_tick)
                known[peer] = one_by_one.known(peer)
                assert at_once.known(peer) == known[peer]
        if random.random() < 0.03:
            gone = random.randrange(5)
            one_by_one.reset(gone)
            at_once.reset(gone)
            known[gone] = -1
        taken = [ring.take(next_tick, everyone) for ring in (one_by_one, at_once)]
        assert (taken[0][0].state == taken[1][0].state).all()
        assert (taken[0][1] == taken[1][1]).all()
        for name in ("newest", "slack", "repeated", "missed_at", "taken_total", "missing_total", "late_total"):
            assert (getattr(one_by_one, name) == getattr(at_once, name)).all(), (name, next_tick)
    assert one_by_one.taken_total.sum() > 20
    assert one_by_one.late_total.sum() > 5
