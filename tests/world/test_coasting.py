"""Rows without news go as their game lets them: tick by tick, alike for who draws and for who judges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.client.interpolation import Interpolation
from engine.config import MatchConfig
from engine.server.inputs import InputRing
from engine.server.rewind import Rewinder
from engine.server.views import ViewTable
from engine.wire.inputs import StampedInput
from engine.world.coasting import Coasting, Told, Way, coasting
from engine.world.history import ABSENT, EXACT, STALE, History, KindRows, Received
from engine.world.picture import VIEW_UNITS, View, sample
from engine.world.schema import Field, Kind
from engine.world.table import World

BODY = Kind("body", (Field("x", rate="vx", smooth=True), Field("vx"), Field("jumps", "uint8")), 3, teleport="jumps")
WALL = Kind("wall", (Field("at"),), 1)
INPUT = Kind("input", (Field("fire", "bool"),), capacity=1)
MAX_TICKS = 15.0


class Walled:
    """Bodies can't get beyond the wall, wherever the snapshot has it."""

    coasting_kinds = ("body",)

    def __init__(self) -> None:
        self.asked = 0

    def coast(self, kind: Kind, rows: np.ndarray, told: Told) -> None:
        self.asked += 1
        wall = told("wall")
        rows[0] += rows[1]
        if wall is None or wall.status[0] != EXACT:
            return
        rows[0] = np.minimum(rows[0], wall.state[0, 0])
        rows[1, rows[0] == wall.state[0, 0]] = 0


def told(wall: int, bodies: np.ndarray, *ticks: int) -> dict[str, History]:
    histories = {"body": History(BODY, 3, 8, 2), "wall": History(WALL, 1, 8, 2)}
    for tick in ticks:
        histories["body"].push(tick, bodies, np.full(3, EXACT, np.uint8), np.ones(3, np.int32))
        histories["wall"].push(tick, np.array([[wall]]), np.full(1, EXACT, np.uint8), np.ones(1, np.int32))
    return histories


def drawn(game: Walled | None, histories: dict[str, History], view: View) -> list[float]:
    coast = coasting(game, BODY, histories, view.tick_a)
    seen = sample(BODY, histories["body"], view, MAX_TICKS, coast=coast)
    assert seen is not None
    positions: list[float] = seen.values[0].tolist()
    return positions


BODIES = np.array([[0, 40, 100], [10, 10, -10], [0, 0, 0]])


@pytest.mark.parametrize(
    ("ticks", "there"),
    [
        (0.0, [0, 40, 100]),
        (0.5, [5, 42.5, 95]),  # between two ticks it is linear: the body is at the wall after the first
        (1.0, [10, 45, 90]),
        (3.25, [32.5, 45, 67.5]),
        (5.0, [45, 45, 50]),
        (90.0, [45, 45, -50]),  # no further than 15 ticks
    ],
)
def test_rows_go_on_as_far_as_they_can(ticks: float, there: list[float]) -> None:
    histories = told(45, BODIES, 10)
    # The third stands beyond the wall: where it goes is for the game alone to say. Here it is put back at once.
    histories["body"].state[:, 0, 2] = 45
    there[2] = 45 - 10 * min(ticks, 15.0)
    assert drawn(Walled(), histories, View(10, None, int((10 + ticks) * VIEW_UNITS))) == there


@given(st.floats(0.0, 30.0))
def test_without_anything_in_the_way_they_go_as_they_are_dead_reckoned(ticks: float) -> None:
    histories = told(2**30, BODIES, 10)
    view = View(10, None, int((10 + ticks) * VIEW_UNITS))
    assert drawn(Walled(), histories, view) == drawn(None, histories, view)


def test_nobody_is_asked_while_there_are_newer_snapshots_nor_twice_for_one_tick() -> None:
    game, histories = Walled(), told(45, BODIES, 10, 12)
    interpolation = Interpolation(histories, MAX_TICKS, game)
    for tick in (10, 12):
        interpolation.received(tick)

    def draw(time: float) -> None:
        view = interpolation.view(time)
        assert view is not None
        picture = interpolation.draw(view)
        assert picture is not None
        assert picture["body"].values.shape == (3, 3)

    draw(11.5)
    draw(12.0)
    assert game.asked == 0
    draw(12.25)
    draw(12.75)
    assert game.asked == 1
    draw(14.5)
    draw(14.0)
    assert game.asked == 3


def test_what_stands_is_not_asked_for() -> None:
    standing = BODIES.copy()
    standing[1] = 0
    game = Walled()
    assert drawn(game, told(45, standing, 10), View(10, None, 14 * VIEW_UNITS)) == [0, 40, 100]
    assert game.asked == 0


def test_rows_that_end_before_the_next_snapshot_are_held_as_well() -> None:
    histories = told(45, BODIES, 10, 14)
    histories["body"].status[histories["body"].slot(14), 1] = ABSENT
    values = drawn(Walled(), histories, View(10, 14, 13 * VIEW_UNITS))
    assert values[1] == 45


def test_a_kind_the_game_has_no_say_in_goes_on() -> None:
    game = Walled()
    assert coasting(game, WALL, told(45, BODIES, 10), 10) is None
    assert coasting(None, BODY, told(45, BODIES, 10), 10) is None


def test_a_snapshot_that_is_no_longer_held_tells_of_nothing() -> None:
    asked: list[KindRows | None] = []

    class Asking(Walled):
        def coast(self, kind: Kind, rows: np.ndarray, told: Told) -> None:
            asked.append(told("wall"))

    coast = coasting(Asking(), BODY, told(45, BODIES, 10), 8)
    assert coast is not None
    coast(BODIES)
    assert asked == [None]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**31), st.lists(st.integers(0, 20 * VIEW_UNITS), min_size=1, max_size=5))
def test_a_way_is_the_plain_loop_over_ticks_whatever_the_order_of_asking(seed: int, times: list[int]) -> None:
    random = np.random.default_rng(seed)
    state = random.integers(-100, 100, (3, 3)).astype(np.int32)

    def bounce(rows: np.ndarray) -> None:
        rows[0] += rows[1]
        rows[1, rows[0] > 60] = -7

    one: Coasting = bounce
    way = Way(BODY, state, np.arange(3), one)
    for time in times:
        values = state.astype(np.float64)
        way.write(values, time / VIEW_UNITS)
        for row in range(3):
            x, vx = int(state[0, row]), int(state[1, row])
            before = x
            if vx:
                for _ in range(time // VIEW_UNITS):
                    x += vx
                    vx = -7 if x > 60 else vx
                before, x = x, x + vx
            part = time % VIEW_UNITS / VIEW_UNITS
            assert values[0, row] == before + (x - before) * part
        assert values[1:].tolist() == state[1:].tolist()


PEER, SHOOTER, NOW = 1, 0, 30
CONFIG = MatchConfig(history_snapshots=16, snapshot_every=2)


@settings(deadline=None, max_examples=80)
@given(
    seed=st.integers(0, 2**31),
    ahead=st.integers(0, 6 * VIEW_UNITS),
    towards=st.sampled_from([None, 2, 4]),
    wall_status=st.sampled_from([EXACT, EXACT, STALE, ABSENT]),
)
def test_the_rewinder_rebuilds_what_was_drawn_bit_for_bit(
    seed: int, ahead: int, towards: int | None, wall_status: int
) -> None:
    """Bodies and walls anywhere, rows the peer lacks, snapshots that were lost: both sides ask the game the same."""
    random = np.random.default_rng(seed)
    tick_a = 24
    tick_b = None if towards is None else tick_a + towards
    if tick_b is not None:
        ahead = min(ahead, (tick_b - tick_a) * VIEW_UNITS)
    published = {kind.name: History(kind, kind.public_count, 16, 2) for kind in (BODY, WALL)}
    received = {kind.name: Received(kind, kind.public_count, 16, 2) for kind in (BODY, WALL)}
    views = ViewTable((BODY, WALL), 2, 16, 2)
    for tick in range(20, NOW + 1, 2):
        status = {}
        for kind in (BODY, WALL):
            state = random.integers(-200, 200, (kind.public_count, kind.capacity)).astype(np.int32)
            if kind is BODY:
                state[2] = random.integers(0, 2, 3)
            generation = np.ones(kind.capacity, np.int32)
            held = np.where(random.random(kind.capacity) < 0.7, EXACT, ABSENT).astype(np.uint8)
            if kind is WALL:
                held[0] = wall_status
            status[kind.name] = held[None]
            published[kind.name].push(tick, state, np.full(kind.capacity, EXACT, np.uint8), generation)
            # What a receiver holds of a row that it was not told exactly is nobody's business.
            theirs = np.where(held == EXACT, state, random.integers(-9, 9, state.shape)).astype(np.int32)
            received[kind.name].push(tick, KindRows(theirs, held, generation))
        views.sent(np.array([PEER]), np.array([tick]), tick, status)
        views.acknowledged(np.array([PEER]), np.array([tick]))
    world = World((BODY, WALL))
    world.tick = NOW
    inputs = InputRing(INPUT, 2, 64, 15)
    view = View(tick_a, tick_b, tick_a * VIEW_UNITS + ahead)
    inputs.receive(PEER, [StampedInput(NOW, (1,), view)], NOW, NOW)
    inputs.take(NOW, np.array([PEER]))
    game = Walled()
    rewinder = Rewinder(CONFIG, world, published, views, inputs, {SHOOTER: PEER}, game=game)
    interpolation = Interpolation(received, CONFIG.max_extrapolation * CONFIG.tick_hz, game)
    rebuilt, shown = rewinder.picture(SHOOTER), interpolation.draw(view)
    assert shown is not None
    assert rebuilt.view == shown.view == view
    one, other = rebuilt["body"], shown["body"]
    assert one.alive.tolist() == other.alive.tolist()
    rows = other.rows()
    assert one.values[:, rows].tobytes() == other.values[:, rows].tobytes()
