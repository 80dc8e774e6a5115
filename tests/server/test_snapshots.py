"""The snapshot stage over whole worlds: what is too much for one packet still goes out, and goes out right."""

from __future__ import annotations

import msgpack
import numpy as np
import pytest
from dots import INPUT, Dots, dots_of

from engine.config import MatchConfig
from engine.errors import UsageError
from engine.server.inputs import InputRing
from engine.server.snapshots import SnapshotStage
from engine.wire.snapshot import decode_snapshot
from engine.world.history import ABSENT, EXACT, History
from engine.world.interest import Area, Interest
from engine.world.table import World

ROWS = 900
DOT = dots_of(ROWS)
ROOM = 1150


class Client:
    """One receiver that acknowledges what it is sent."""

    def __init__(self, stage: SnapshotStage, config: MatchConfig) -> None:
        self.stage = stage
        self.history = History(DOT, DOT.public_count, config.history_snapshots, config.snapshot_every)
        self._inputs = InputRing(INPUT, 1, 64, 15)
        self._own: dict[int, np.ndarray] = {}
        self.ages: list[int] = []

    def snapshot(self, world: World, own_row: int = 0) -> np.ndarray:
        """Let the world be published, told and acknowledged; return the status of each row as the client has it."""
        self.stage.publish(world)
        peers = np.array([0])
        batch = self.stage.build(world, peers, np.array([own_row]), self._inputs, np.array([ROOM]))
        assert len(batch.messages[0]) <= ROOM
        array = msgpack.unpackb(batch.messages[0])
        self.ages.append(array[1])
        snapshot = decode_snapshot(array, [self.history], DOT, self._own, has_own=own_row >= 0)
        part = snapshot.kinds[0]
        self.history.push(snapshot.tick, part.state, part.status, part.generation)
        if snapshot.own is not None:
            self._own[snapshot.tick] = snapshot.own
        sequence = np.array([world.tick % 65536])
        self.stage.views.sent(peers, sequence, world.tick, batch.status)
        self.stage.views.acknowledged(peers, sequence)
        published = self.stage.histories["dot"]
        exact = part.status == EXACT
        here = published.state[published.slot(world.tick)]
        assert (part.state[:, exact] == here[:, exact]).all()
        return part.status


def made(count: int, interest: Interest | None = None) -> tuple[World, Client]:
    config = MatchConfig()
    game = Dots(DOT, interest)
    world = World(game.kinds)
    random = np.random.default_rng(1)
    for _ in range(count):
        row = world["dot"].spawn()
        world["dot"].state[:2, row] = random.integers(-(2**30), 2**30, 2)
    return world, Client(SnapshotStage(config, game, 1), config)


def settle(world: World, client: Client, snapshots: int) -> np.ndarray:
    for _ in range(snapshots):
        world.tick += 2
        status = client.snapshot(world)
    return status


def test_a_late_joiner_gets_a_large_world_spread_over_snapshots() -> None:
    world, client = made(ROWS)
    status = settle(world, client, 1)
    assert 0 < (status == EXACT).sum() < 200
    status = settle(world, client, 20)
    assert (status == EXACT).sum() == ROWS - 1  # all but its own


def test_when_even_the_leaves_do_not_fit_the_snapshot_begins_anew() -> None:
    world, client = made(ROWS)
    settle(world, client, 20)
    for row in range(1, ROWS):
        world["dot"].despawn(row)
    status = settle(world, client, 1)
    assert client.ages[-1] == 0
    assert (status == ABSENT).all()
    settle(world, client, 1)
    assert client.ages[-1] == 1


def test_when_everything_changes_at_once_nobody_is_told_too_much() -> None:
    world, client = made(ROWS)
    settle(world, client, 20)
    world["dot"].state[:2] += 10**8
    settle(world, client, 1)
    status = settle(world, client, 20)
    assert (status == EXACT).sum() == ROWS - 1


@pytest.mark.parametrize(("step", "entered"), [(0, True), (60, True), (150, False)])
def test_a_row_at_the_border_stays_until_it_is_well_outside(step: int, entered: bool) -> None:
    world, client = made(2, Area(width=200, height=200, margin=100))
    dots = world["dot"]
    dots.state[:] = 0
    dots["x"][1] = 99
    assert settle(world, client, 1)[1] == EXACT
    dots["x"][1] = 99 + step
    assert bool(settle(world, client, 1)[1] == EXACT) is entered
    dots["x"][1] = 150  # within the margin: who was out stays out, who was in stays in
    assert bool(settle(world, client, 1)[1] == EXACT) is entered


def test_a_watcher_has_no_own_row_and_sees_everything() -> None:
    world, client = made(5, Area(width=2, height=2, margin=0))
    world.tick = 2
    assert (client.snapshot(world, own_row=-1)[:5] == EXACT).all()


def test_why_says_what_became_of_a_row() -> None:
    world, client = made(ROWS)
    stage = client.stage
    assert stage.why(0, "dot", 1).code == "none"
    settle(world, client, 1)
    assert stage.why(0, "dot", 0).code == "own"
    codes = [stage.why(0, "dot", row).code for row in range(1, ROWS)]
    assert set(codes) == {"told", "waits"}
    late = 1 + codes.index("waits")
    first = stage.budget.urgency(0, 0, late)
    assert first > 0
    assert f"urgency is now {first:.1f}" in str(stage.why(0, "dot", late))
    settle(world, client, 20)
    assert stage.why(0, "dot", late).code == "expected"
    world["dot"].despawn(late)
    settle(world, client, 1)
    assert str(stage.why(0, "dot", late)) == "absent: not alive, and it was told so"
    settle(world, client, 1)
    assert str(stage.why(0, "dot", late)) == "absent: not alive"
    with pytest.raises(UsageError, match=f"no dot {ROWS}: rows are dot 0..{ROWS - 1}"):
        stage.why(0, "dot", ROWS)


def test_why_names_the_area_of_interest() -> None:
    world, client = made(3, Area(100, 100, 10))
    world["dot"].state[:2] = 0
    world["dot"].state[0, 1:3] = 40, 400
    settle(world, client, 1)
    assert [client.stage.why(0, "dot", row).code for row in (1, 2)] == ["told", "interest"]
    world["dot"].state[0, 1] = 90
    settle(world, client, 1)
    assert str(client.stage.why(0, "dot", 1)) == "interest: the game does not let it know any more"
