"""The budget: what fits, what is always said, and that no row starves."""

from __future__ import annotations

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.server.budget import Budget, near_first
from engine.wire.delta import KindDelta
from engine.world.history import ABSENT, EXACT, STALE, History
from engine.world.schema import Field, Kind
from engine.world.table import World

BODY = Kind("body", (Field("x"), Field("y"), Field("aim", "uint16", wrap=True)), capacity=300)
ROCKET = Kind("rocket", (Field("x"),), capacity=20)
KINDS = (BODY, ROCKET)
DEPTH, EVERY = 8, 2


def alike(kind: int, peer: int, rows: np.ndarray) -> np.ndarray:
    return np.ones(len(rows))


def histories() -> list[History]:
    return [History(kind, kind.public_count, DEPTH, EVERY) for kind in KINDS]


def push(random: np.random.Generator, published: list[History], tick: int) -> None:
    """Publish a tick at which everything has changed."""
    for history in published:
        fields, rows = history.state.shape[1:]
        state = random.integers(0, 65536, (fields, rows))
        history.push(tick, state, np.full(rows, EXACT), np.zeros(rows, np.int64))


def all_bytes(deltas: list[KindDelta]) -> np.ndarray:
    """Bytes of each peer's sections without their counts."""
    total = np.zeros(1, np.int64)
    for delta in deltas:
        sections = delta.sections()
        counts = np.where(
            sections.data[sections.starts[:-1]] == 0xCD, 3, 1 + (sections.data[sections.starts[:-1]] == 0xCC)
        )
        total = total + np.diff(sections.starts) - counts
    return total


def entries(deltas: list[KindDelta]) -> np.ndarray:
    """How many entries each peer's sections hold, by their counts."""
    total = np.zeros(1, np.int64)
    for delta in deltas:
        sections = delta.sections()
        data = sections.data.tobytes()
        parts = [data[a:b] for a, b in zip(sections.starts[:-1], sections.starts[1:], strict=True)]
        total = total + np.array([next(iter(feed(part))) for part in parts])
    return total


def feed(data: bytes) -> msgpack.Unpacker:
    unpacker = msgpack.Unpacker()
    unpacker.feed(data)
    return unpacker


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), room=st.integers(700, 3000))
def test_what_is_left_fits(seed: int, room: int) -> None:
    random = np.random.default_rng(seed)
    published, peers = histories(), 4
    for tick in (10, 12):
        push(random, published, tick)
    base = np.array([-1, *[published[0].slot(10)] * 3])
    deltas = []
    for history in published:
        rows = history.kind.capacity
        status = random.choice([ABSENT, STALE, EXACT], (peers, rows)).astype(np.uint8)
        status[0] = ABSENT
        visible = random.random((peers, rows)) < random.choice([0.1, 0.9])
        deltas.append(KindDelta(history, 12, visible, base, status))
    before = all_bytes(deltas)
    budget = Budget(KINDS, peers)
    budget.fit(np.arange(peers), deltas, np.full(peers, room), alike)
    after = all_bytes(deltas)
    floor = np.array([sum(delta.entries(peer)[2].sum() for delta in deltas) for peer in range(peers)])
    # At 2 bytes a row, 300 rows can't but fit in 700.
    assert (floor <= 640).all()
    assert (after <= room).all()
    untouched = budget.dropped_total == 0
    assert (after[untouched] == before[untouched]).all()
    # Room is used: what was dropped is no smaller than what was left free, but for what is reserved for skips.
    assert (after + entries(deltas) > room - 64)[~untouched].all()


def test_leaves_are_said_even_without_room() -> None:
    published = histories()
    random = np.random.default_rng(1)
    for tick in (10, 12):
        push(random, published, tick)
    base = np.array([published[0].slot(10)])
    visible = [np.zeros((1, BODY.capacity), np.bool_), np.ones((1, ROCKET.capacity), np.bool_)]
    held = [np.zeros((1, BODY.capacity), np.uint8), np.zeros((1, ROCKET.capacity), np.uint8)]
    held[0][0, :9] = [EXACT, STALE, EXACT, ABSENT, EXACT, STALE, STALE, EXACT, ABSENT]
    deltas = [
        KindDelta(history, 12, seen, base, status)
        for history, seen, status in zip(published, visible, held, strict=True)
    ]
    budget = Budget(KINDS, 1)
    budget.fit(np.array([0]), deltas, np.array([3]), alike)
    status = [delta.sections().status[0] for delta in deltas]
    assert (status[0] == ABSENT).all()
    assert all_bytes(deltas)[0] == 7 + 1  # seven leaves, and one skip where a row was absent between them
    assert (status[1] == ABSENT).all()  # not one rocket went along
    assert budget.dropped_total[0] == ROCKET.capacity


@pytest.mark.parametrize("delay", [0, 3])
def test_every_row_is_sent_within_a_bounded_number_of_snapshots(delay: int) -> None:
    """Everything changes all the time and room is for about a sixth of it; acknowledgements take `delay` snapshots."""
    random = np.random.default_rng(2)
    published = histories()
    budget = Budget(KINDS, 1)
    status: dict[int, list[np.ndarray]] = {}
    waited = np.zeros(BODY.capacity + ROCKET.capacity, np.int64)
    longest, sent_each = 0, []
    for count in range(100):
        tick = 10 + count * EVERY
        push(random, published, tick)
        base_tick = tick - (1 + delay) * EVERY
        slot = published[0].slot(base_tick) if base_tick in status else None
        held = status[base_tick] if slot is not None else [np.zeros(kind.capacity, np.uint8) for kind in KINDS]
        base = np.array([-1 if slot is None else slot])
        deltas = [
            KindDelta(history, tick, np.ones((1, kind.capacity), np.bool_), base, mine[None])
            for history, kind, mine in zip(published, KINDS, held, strict=True)
        ]
        budget.fit(np.array([0]), deltas, np.array([900]), alike)
        status[tick] = [delta.sections().status[0] for delta in deltas]
        exact = np.concatenate(status[tick]) == EXACT
        waited = np.where(exact, 0, waited + 1)
        longest = max(longest, int(waited.max()))
        sent_each.append(int(exact.sum()))
    # 320 rows of at most 13 bytes and 900 bytes a snapshot, 2 of them per row held for the word "on hold".
    fair = -(-320 // min(sent_each))
    assert min(sent_each) >= 40
    assert longest <= fair + 1


def test_a_new_tenant_of_a_slot_inherits_no_urgency() -> None:
    published = histories()
    random = np.random.default_rng(3)
    push(random, published, 10)

    def deltas() -> list[KindDelta]:
        return [
            KindDelta(
                history,
                10,
                np.ones((1, history.kind.capacity), np.bool_),
                np.array([-1]),
                np.zeros((1, history.kind.capacity), np.uint8),
            )
            for history in published
        ]

    first, again = deltas(), deltas()
    budget = Budget(KINDS, 3)
    budget.fit(np.array([2]), first, np.array([400]), alike)
    assert budget.dropped_total[2] > 0
    budget.reset(2)
    assert budget.dropped_total[2] == 0
    budget.fit(np.array([2]), again, np.array([400]), alike)
    for one, other in zip(first, again, strict=True):
        assert one.sections().data.tobytes() == other.sections().data.tobytes()


def sent_in(snapshots: int, weights: np.ndarray) -> np.ndarray:
    """How often each body of a world that always changes goes to a peer with room for a few, `(rows,)`."""
    random = np.random.default_rng(4)
    history = histories()[0]
    budget = Budget((BODY,), 1)
    told = np.zeros(BODY.capacity, np.int64)
    for count in range(snapshots):
        push(random, [history], 10 + count * EVERY)
        visible = np.ones((1, BODY.capacity), np.bool_)
        delta = KindDelta(history, 10 + count * EVERY, visible, np.array([-1]), np.zeros_like(visible, np.uint8))
        budget.fit(np.array([0]), [delta], np.array([600]), lambda kind, peer, rows: weights[rows])
        told += delta.sections().status[0] == EXACT
    return told


def test_a_row_of_twice_the_weight_goes_twice_as_often() -> None:
    weights = np.ones(BODY.capacity)
    weights[:30] = 2.0
    told = sent_in(120, weights)
    assert 1.8 < told[:30].mean() / told[30:].mean() < 2.5


def test_a_weight_of_nothing_does_not_starve_a_row() -> None:
    weights = np.full(BODY.capacity, 0.01)
    weights[:3] = 0.0
    assert (sent_in(400, weights)[:3] > 0).all()


def test_what_is_near_weighs_more() -> None:
    world = World((BODY,))
    for x in (0, 100, 300, 800):
        world["body"].state[0, world["body"].spawn()] = x
    weights = near_first(world, BODY, BODY, 0, np.array([1, 2, 3]))
    assert weights.tolist() == [1.6, 800 / 700, 800 / 1200]
    assert near_first(world, BODY, BODY, -1, np.array([1, 2, 3])).tolist() == [1.0, 1.0, 1.0]
    assert near_first(world, ROCKET, BODY, 0, np.array([4])).tolist() == [1.0]
