"""Rewinding: which claims are believed, how far, and that the picture is the shooter's own, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from engine.config import MatchConfig
from engine.server.inputs import InputRing
from engine.server.rewind import VERDICTS_KEPT, Rewinder
from engine.server.views import ViewTable
from engine.wire.inputs import StampedInput
from engine.world.history import ABSENT, EXACT, History
from engine.world.picture import VIEW_UNITS, View, sample
from engine.world.schema import Field, Kind
from engine.world.table import World

BODY = Kind("body", (Field("x", rate="vx", smooth=True), Field("vx")), capacity=4)
INPUT = Kind("input", (Field("fire", "bool"),), capacity=1)
CONFIG = MatchConfig(tick_hz=60, snapshot_every=2, rewind_limit=0.25, history_snapshots=32)
NOW = 121  # the limit is 15 ticks: 106
PEER, SHOOTER, BOT = 1, 0, 3


class Scene:
    """A world of 121 ticks whose snapshots up to 110 the shooter has acknowledged, and which it holds itself."""

    def __init__(self) -> None:
        self.world = World((BODY,))
        for _ in range(4):
            self.world["body"].spawn()
        self.published = History(BODY, 2, CONFIG.history_snapshots, 2)
        self.theirs = History(BODY, 2, CONFIG.history_snapshots, 2)
        self.views = ViewTable((BODY,), 2, CONFIG.history_snapshots, 2)
        self.inputs = InputRing(INPUT, 2, 64, 15)
        random = np.random.default_rng(7)
        generation = np.ones(4, np.int64)
        for tick in range(80, 121, 2):
            state = random.integers(-(2**16), 2**16, (2, 4))
            status = np.array([ABSENT, EXACT, EXACT, ABSENT if tick < 100 else EXACT], np.uint8)
            self.published.push(tick, state, np.full(4, EXACT), generation)
            self.theirs.push(tick, state, status, generation)
            self.views.sent(np.array([PEER]), np.array([tick]), tick, {"body": status[None]})
            if tick <= 110:
                self.views.acknowledged(np.array([PEER]), np.array([tick]))
        self.world.tick = NOW
        self.rewinder = Rewinder(
            CONFIG, self.world, {"body": self.published}, self.views, self.inputs, {SHOOTER: PEER}, player=BODY
        )

    def shoot(self, view: View | None) -> None:
        self.inputs.receive(PEER, [StampedInput(NOW, (1,), view)], NOW, NOW)
        self.inputs.take(NOW, np.array([PEER]))


def at(ticks: float) -> int:
    return int(ticks * VIEW_UNITS)


@pytest.mark.parametrize("view", [View(108, 110, at(109.25)), View(106, 110, at(108)), View(110, None, at(113.5))])
def test_the_picture_is_the_shooters_own_bit_for_bit(view: View) -> None:
    scene = Scene()
    scene.shoot(view)
    picture = scene.rewinder.picture(SHOOTER)
    drawn = sample(BODY, scene.theirs, view, CONFIG.max_extrapolation * CONFIG.tick_hz)
    assert drawn is not None
    assert picture.view == view
    assert picture["body"].alive.tolist() == drawn.alive.tolist() == [False, True, True, True]
    rows = drawn.rows()
    assert picture["body"].values[:, rows].tobytes() == drawn.values[:, rows].tobytes()
    scene.rewinder.judge(SHOOTER, 2, "hit")
    ((verdict, judged_in),) = scene.rewinder.drain()
    age = NOW - view.time / VIEW_UNITS
    assert (verdict.claimed_age, verdict.allowed_age, verdict.clamped) == (age, age, False)
    assert (verdict.tick, verdict.shooter, verdict.hit, verdict.reason) == (NOW, SHOOTER, 2, "hit")
    assert judged_in == view
    assert scene.rewinder.drain() == []


@pytest.mark.parametrize(
    ("view", "doubt"),
    [
        (View(110, 112, at(111)), "unseen"),  # 112 was sent, but never acknowledged
        (View(112, None, at(112)), "unseen"),
        (View(109, 110, at(109.5)), "unseen"),  # no such snapshot
        (View(40, 110, at(109)), "unseen"),  # older than all that is kept
        (View(108, 110, at(110) + 1), "implausible"),
        (View(108, 110, at(107)), "implausible"),
        (View(110, None, at(NOW) + 1), "implausible"),  # the future
        (View(110, None, at(109)), "implausible"),
    ],
)
def test_a_claim_that_can_not_be_is_judged_in_the_present(view: View, doubt: str) -> None:
    scene = Scene()
    scene.shoot(view)
    picture = scene.rewinder.picture(SHOOTER)
    assert picture.view == View(NOW, None, NOW * VIEW_UNITS)
    scene.rewinder.judge(SHOOTER, None, "miss")
    ((verdict, judged_in),) = scene.rewinder.drain()
    assert (verdict.reason, judged_in) == (f"miss, {doubt}", None)
    assert verdict.claimed_age == NOW - view.time / VIEW_UNITS
    assert (verdict.allowed_age, verdict.clamped) == (0.0, False)


@pytest.mark.parametrize("time", [at(105), at(90.5), at(106) - 1])
def test_a_claim_beyond_the_limit_is_judged_at_the_limit(time: int) -> None:
    scene = Scene()
    tick_a = time // VIEW_UNITS // 2 * 2
    scene.shoot(View(tick_a, tick_a + 2, time))
    picture = scene.rewinder.picture(SHOOTER)
    assert picture.view == View(106, 108, at(106))
    rows = [1, 2]
    slot = scene.published.slot(106)
    assert picture["body"].values[0, rows].tolist() == scene.published.state[slot, 0, rows].tolist()
    scene.rewinder.judge(SHOOTER, 1, "hit")
    ((verdict, _),) = scene.rewinder.drain()
    assert (verdict.reason, verdict.clamped, verdict.allowed_age) == ("hit, clamped", True, 15.0)
    assert verdict.claimed_age == NOW - time / VIEW_UNITS


def test_the_limit_itself_is_not_clamped() -> None:
    scene = Scene()
    scene.shoot(View(106, 108, at(106)))
    scene.rewinder.picture(SHOOTER)
    scene.rewinder.judge(SHOOTER, None, "miss")
    ((verdict, _),) = scene.rewinder.drain()
    assert (verdict.reason, verdict.allowed_age) == ("miss", 15.0)


@pytest.mark.parametrize("shooter", [SHOOTER, BOT])
def test_a_shooter_without_a_claim_sees_the_present(shooter: int) -> None:
    scene = Scene()
    scene.shoot(None)
    assert scene.rewinder.picture(shooter).view.tick_a == NOW
    scene.rewinder.judge(shooter, None, "wall")
    ((verdict, view),) = scene.rewinder.drain()
    assert (verdict.reason, verdict.claimed_age, view) == ("wall", 0.0, None)


def test_an_old_input_stamp_is_not_a_claim_for_this_tick() -> None:
    scene = Scene()
    scene.shoot(View(108, 110, at(109)))
    scene.world.tick = NOW + 1
    scene.inputs.take(NOW + 1, np.array([PEER]))
    assert scene.rewinder.picture(SHOOTER).view.tick_a == NOW + 1


def test_verdicts_kept_are_bounded_and_each_is_drained_once() -> None:
    scene = Scene()
    for _ in range(VERDICTS_KEPT + 5):
        scene.rewinder.judge(BOT, None, "miss")
    assert len(scene.rewinder.drain()) == VERDICTS_KEPT + 5
    assert len(scene.rewinder.verdicts) == VERDICTS_KEPT
    assert scene.rewinder.drain() == []


@pytest.mark.parametrize(("missed", "reason"), [(None, "hit"), (109, "hit"), (110, "hit"), (111, "hit, moved")])
def test_a_shooter_whose_input_was_missing_since_may_stand_elsewhere(missed: int | None, reason: str) -> None:
    scene = Scene()
    scene.inputs.receive(PEER, [StampedInput(90, (1,), None)], 90, 90)
    for tick in range(90, NOW):
        if tick != missed:
            scene.inputs.receive(PEER, [StampedInput(tick, (1,), None)], tick, tick)
        scene.inputs.take(tick, np.array([PEER]))
    scene.shoot(View(108, 110, at(109.25)))
    picture = scene.rewinder.picture(SHOOTER)
    assert picture.view == View(108, 110, at(109.25))  # and is judged as claimed all the same
    scene.rewinder.judge(SHOOTER, 2, "hit")
    assert [verdict.reason for verdict, _ in scene.rewinder.drain()] == [reason]


@pytest.mark.parametrize(("shoved_at", "reason"), [(0, "hit"), (108, "hit"), (112, "hit, moved")])
def test_a_shooter_that_was_pushed_since_may_stand_elsewhere(shoved_at: int, reason: str) -> None:
    kind = Kind("body", (Field("x"), Field("y"), Field("shoves", "uint8", wrap=True)), 4, shove="shoves")
    world, published = World((kind,)), History(kind, 3, CONFIG.history_snapshots, 2)
    views, inputs = ViewTable((kind,), 2, CONFIG.history_snapshots, 2), InputRing(INPUT, 2, 64, 15)
    for _ in range(4):
        world["body"].spawn()
    for tick in range(80, 121, 2):
        if tick == shoved_at:
            world["body"].state[2, SHOOTER] += 1
        published.push(tick, world["body"].state, np.full(4, EXACT), np.ones(4, np.int64))
        views.sent(np.array([PEER]), np.array([tick]), tick, {"body": np.full((1, 4), EXACT, np.uint8)})
        views.acknowledged(np.array([PEER]), np.array([tick]))
    world.tick = NOW
    inputs.receive(PEER, [StampedInput(NOW, (1,), View(108, 110, at(109.25)))], NOW, NOW)
    inputs.take(NOW, np.array([PEER]))
    rewinder = Rewinder(CONFIG, world, {"body": published}, views, inputs, {SHOOTER: PEER}, player=kind)
    rewinder.picture(SHOOTER)
    rewinder.judge(SHOOTER, 2, "hit")
    assert [verdict.reason for verdict, _ in rewinder.drain()] == [reason]
