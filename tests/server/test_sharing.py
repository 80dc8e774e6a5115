"""Watchers who are told the same are told it once; whoever differs in anything is told what it would be told alone."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from dots import INPUT, Dots, dots_of
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import MatchConfig
from engine.server.inputs import InputRing
from engine.server.sharing import alike
from engine.server.snapshots import SnapshotStage
from engine.world.history import EXACT
from engine.world.table import World

DOT = dots_of(120)
OWN_ROWS = np.array([0, -1, -1, 3, -1, -1, -1])
PEERS = np.arange(len(OWN_ROWS))


class Apart(SnapshotStage):
    """Makes each peer's snapshot by itself."""

    def _shared(self, peers: np.ndarray, *rest: Any) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(len(peers)), np.arange(len(peers))


def world_of(rows: int) -> World:
    world = World((DOT,))
    for _ in range(rows):
        world["dot"].spawn()
    return world


def move(world: World, random: Random) -> None:
    dots = world["dot"]
    for row in random.sample(range(DOT.capacity), 30):
        if dots.alive[row]:
            dots.state[:, row] = random.randrange(-9999, 9999), random.randrange(-9999, 9999), random.randrange(256)
    gone = random.randrange(8, DOT.capacity)
    if dots.alive[gone] and random.random() < 0.3:
        dots.despawn(gone)
    elif not dots.alive.all() and random.random() < 0.5:
        dots.spawn()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from([-1, -1, 0, 5]), st.integers(0, 2), st.integers(0, 1)), max_size=12))
def test_who_is_alike_is_found_as_by_comparing_one_by_one(peers: list[tuple[int, int, int]]) -> None:
    own_rows = np.array([own for own, _, _ in peers], np.int64)
    room = np.array([room for _, room, _ in peers], np.int64)
    seen = np.array([[bool(sees), True, False] for _, _, sees in peers], np.bool_).reshape(-1, 3)
    told, of = alike(own_rows, [room, seen])
    stands = told[of].tolist()
    assert sorted(set(stands)) == told.tolist()
    for at, peer in enumerate(peers):
        before = [other for other in range(at) if peers[other] == peer]
        assert stands[at] == (before[0] if before and peer[0] < 0 else at)


def test_each_is_told_what_it_would_be_told_alone() -> None:
    config, random = MatchConfig(), Random(5)
    world = world_of(20)
    inputs = InputRing(INPUT, len(PEERS), 64, 15)
    stages = [SnapshotStage(config, Dots(DOT), len(PEERS)), Apart(config, Dots(DOT), len(PEERS))]
    made = 0
    for number in range(1, 200):
        world.tick += 2
        move(world, random)
        room = np.full(len(PEERS), 4000)
        room[random.randrange(len(PEERS))] = 3900  # its path is another
        batches = []
        for stage in stages:
            stage.publish(world)
            batches.append(stage.build(world, PEERS, OWN_ROWS, inputs, room))
            stage.views.sent(PEERS, np.full(len(PEERS), number), world.tick, batches[-1].status)
        one, other = batches
        assert one.messages == other.messages
        assert (one.status["dot"] == other.status["dot"]).all()
        made += len({id(message) for message in one.messages})
        heard = PEERS[[random.random() < 0.8 for _ in PEERS]]
        for stage in stages:
            stage.views.acknowledged(heard, np.full(len(heard), number))
        for peer in PEERS.tolist():
            assert str(stages[0].why(peer, "dot", 7)) == str(stages[1].why(peer, "dot", 7))
    for name, told in stages[0].section_bytes.items():
        assert (told == stages[1].section_bytes[name]).all()
    # Two players always, and now and then one who has lost what others have.
    assert 3 * 199 <= made < 6 * 199


@pytest.mark.parametrize("room", [150, 400])
def test_what_does_not_fit_comes_to_all_of_them(room: int) -> None:
    config, random = MatchConfig(), Random(3)
    world = world_of(DOT.capacity)
    inputs = InputRing(INPUT, len(PEERS), 64, 15)
    stage = SnapshotStage(config, Dots(DOT), len(PEERS))
    for number in range(1, 120):
        world.tick += 2
        stage.publish(world)
        batch = stage.build(world, PEERS, OWN_ROWS, inputs, np.full(len(PEERS), room))
        assert max(map(len, batch.messages)) <= room
        stage.views.sent(PEERS, np.full(len(PEERS), number), world.tick, batch.status)
        heard = PEERS[[random.random() < 0.8 for _ in PEERS]]
        stage.views.acknowledged(heard, np.full(len(heard), number))
    held = (batch.status["dot"] == EXACT).sum(axis=1)
    assert held.tolist() == [DOT.capacity - (own >= 0) for own in OWN_ROWS.tolist()]
    assert (stage.budget.dropped_total > 0).all()
