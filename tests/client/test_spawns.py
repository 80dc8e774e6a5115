"""Rows that inputs make: drawn at once, adopted without a jump, withdrawn when they never were, never kept for ever.

A game of darts on a line, one grid unit a pixel: a dart flies 10 a tick. The own row is drawn 12 ticks before the view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.client.flight import FADE, PACE
from engine.client.spawns import MOST, PATIENCE, SLIP, Spawns
from engine.game import Spawn, SpawningGame, SpawnKey
from engine.world.history import ABSENT, EXACT, KindRows, Received
from engine.world.picture import VIEW_UNITS, Picture, Seen, View
from engine.world.schema import Field, Kind
from engine.world.table import Rows

PLAYER = Kind("player", (Field("x"),), 4)
INPUT = Kind("input", (Field("fire", "uint8"),), 1)
DART = Kind(
    "dart",
    (
        Field("x", rate="vx", smooth=True),
        Field("vx", "int16"),
        Field("owner", "uint8"),
        Field("tick", "uint8", wrap=True),
        Field("which", "uint8"),
    ),
    6,
)
X, OWNER, TICK, WHICH = (DART.index[name] for name in ("x", "owner", "tick", "which"))
ME, SPEED, HZ = 2, 10, 60
AHEAD = 12.0


def dart(tick: int, x: int = 0, which: int = 0) -> np.ndarray:
    """A dart of mine as it is at the end of its tick, thrown from `x`."""
    return np.array([x + SPEED, SPEED, ME, tick & 255, which], np.int32)


class Darts:
    """An input throws as many darts as it says."""

    def __init__(self, wall: float = inf) -> None:
        self.wall = wall

    @property
    def spawn_keys(self) -> Mapping[str, SpawnKey]:
        return {"dart": SpawnKey("owner", "tick", "which")}

    def spawns(self, row: int, before: Rows, after: Rows, inputs: Rows, tick: int) -> Sequence[Spawn]:
        assert row == ME
        return [Spawn("dart", dart(tick, after["x"].item(0), which)) for which in range(inputs["fire"].item(0))]

    def free_ticks(self, kind: str, state: np.ndarray, player: Rows) -> float:
        return max((self.wall - float(state[X])) / SPEED, 0.0)


class Board:
    """A client's clocks and histories, by hand: `now` is the tick the own row is drawn at."""

    def __init__(self, wall: float = inf, ahead: float = AHEAD) -> None:
        self.history = Received(DART, DART.public_count, 64, 2)
        self.spawns = Spawns(Darts(wall), (PLAYER, DART), ME, {"dart": self.history})
        self.now, self.ahead, self.newest = 99.0, ahead, 100
        self.told: dict[int, KindRows] = {}

    def predict(self, tick: int, fire: int = 0, x: int = 0) -> None:
        self.newest = tick
        state, inputs = Rows(PLAYER, np.array([[x]], np.int32)), Rows(INPUT, np.array([[fire]], np.int32))
        self.spawns.predicted(tick, state, state, inputs)

    def tell(self, tick: int, darts: Mapping[int, np.ndarray], agreed: bool = True, newest: bool = True) -> None:
        """The server's snapshot of `tick` has `darts`, in the state they were thrown in, by row."""
        state, status = np.zeros((DART.public_count, DART.capacity), np.int32), np.full(DART.capacity, ABSENT, np.uint8)
        for row, thrown in darts.items():
            state[:, row], status[row] = thrown, EXACT
            made = tick - (tick - int(thrown[TICK])) % 256
            state[X, row] += SPEED * (tick - made)
        rows = KindRows(state, status, np.full(DART.capacity, 5, np.int32))
        self.history.push(tick, rows)
        self.told[tick] = rows
        self.spawns.told(tick, newest, agreed)

    def picture(self, ticks: float = 1.0) -> Picture:
        """Draw, with the view's rows those of the newest snapshot at or before the view, `ticks` later."""
        self.now += ticks
        view = self.now - self.ahead
        tick = max((tick for tick in self.told if tick <= view), default=None)
        picture = Picture(View(0, None, int(view * VIEW_UNITS)))
        if tick is None:
            values, alive = np.zeros((DART.public_count, DART.capacity)), np.zeros(DART.capacity, np.bool_)
        else:
            rows = self.told[tick]
            values, alive = rows.state.astype(np.float64), rows.status != ABSENT
            values[X] += SPEED * (view - tick)
        alive.setflags(write=False)  # it is the history's: a copy must be written
        picture.kinds["dart"] = Seen(DART, values, alive, np.full(DART.capacity, 5, np.int32))
        self.spawns.draw(picture, self.newest, self.now, ticks / HZ, HZ)
        return picture

    def drawn(self, ticks: float = 1.0) -> list[float]:
        """Draw, and return where darts of mine are."""
        seen = self.picture(ticks)["dart"]
        return sorted(seen.values[X, row] for row in seen.rows() if seen.values[OWNER, row] == ME)

    def fates(self) -> tuple[int, int, int, int]:
        figures = self.spawns.figures
        return figures.predicted, figures.adopted, figures.spent, figures.withdrawn


def test_darts_is_such_a_game() -> None:
    assert isinstance(Darts(), SpawningGame)


def test_it_leaves_the_muzzle_in_the_frame_that_throws_it_and_ends_in_the_view() -> None:
    board = Board()
    board.predict(100, fire=1, x=700)
    (first,) = board.drawn(0.25)  # own time 99.25, a quarter into the tick
    assert first == pytest.approx(700 + 0.25 * PACE * SPEED)
    way = [first]
    for tick in range(101, 160):
        board.predict(tick)
        if tick % 2 == 0 and tick >= 108:
            board.tell(tick - 8, {1: dart(100, 700)})
        way += board.drawn()
    steps = np.diff(way)
    assert steps[:25] == pytest.approx(PACE * SPEED)
    assert steps[-20:] == pytest.approx(SPEED)
    assert steps.max() <= SPEED + 0.05  # a 256th of a tick is the view's grain
    # caught up after 12 / (1 - PACE) ticks: there it is where the view has it
    assert way[-1] == pytest.approx(700 + SPEED * (board.now - AHEAD - 99), abs=0.05)
    assert board.fates() == (1, 1, 0, 0)
    assert board.spawns.figures.moved == 0


def test_until_it_is_adopted_it_is_in_a_free_row_then_in_the_servers() -> None:
    board = Board()
    board.predict(100, fire=1)
    seen = board.picture()["dart"]
    (row,) = seen.rows()
    assert seen.generation[row] < 0
    np.testing.assert_array_equal(seen.values[1:, row], dart(100)[1:])
    board.tell(100, {3: dart(100)})
    seen = board.picture()["dart"]
    assert seen.rows().tolist() == [3]
    assert seen.generation[3] == 5
    board.tell(102, {3: dart(100), 5: np.array([0, SPEED, ME + 1, 101, 0], np.int32)})
    board.now += 20  # the view now has both
    assert board.picture()["dart"].rows().tolist() == [3, 5]


def test_two_of_one_input_are_told_apart() -> None:
    board = Board()
    board.predict(100, fire=2)
    assert len(board.drawn()) == 2
    board.tell(100, {0: dart(100, which=1)})
    assert board.fates() == (2, 1, 1, 0)


@pytest.mark.parametrize("known_row", [3, 5])
def test_a_row_that_the_view_still_has_for_another_is_left_to_it(known_row: int) -> None:
    board = Board()
    other = np.array([500, SPEED, ME + 1, 80, 0], np.int32)
    board.tell(84, {known_row: other})
    board.predict(100, fire=1)
    assert len(board.drawn()) == 1
    board.told[84].generation[known_row] = 4
    board.tell(100, {known_row: dart(100)})
    seen = board.picture()["dart"]
    seen.generation.setflags(write=True)
    owners = sorted(int(seen.values[OWNER, row]) for row in seen.rows())
    assert owners in ([ME, ME + 1], [ME])


def test_with_no_free_row_it_is_not_drawn() -> None:
    board = Board()
    other = np.array([500, SPEED, ME + 1, 80, 0], np.int32)
    board.tell(80, dict.fromkeys(range(DART.capacity), other))
    board.predict(100, fire=1)
    assert board.drawn() == []


def test_the_pictures_of_others_are_the_histories_own() -> None:
    board = Board()
    board.tell(80, {0: np.array([500, SPEED, ME + 1, 80, 0], np.int32)})
    before = board.told[80].state.copy()
    board.predict(100, fire=1)
    assert board.picture()["dart"].values.shape == before.shape
    np.testing.assert_array_equal(board.told[80].state, before)


def test_spent_before_the_first_snapshot_it_waits_there_for_the_view() -> None:
    board = Board()
    board.predict(100, fire=1)
    for tick in range(101, 108):
        board.predict(tick)
        assert board.drawn()
    board.tell(102, {})
    places = []
    while drawn := board.drawn():
        places += drawn
    assert board.now - AHEAD == pytest.approx(102, abs=1.0)  # when the view is there
    assert max(places) == pytest.approx(SPEED * 3.6 + SPEED, abs=SPEED)  # it did not fly on
    assert max(np.diff(places), default=0.0) == 0.0
    assert board.fates() == (1, 0, 1, 0)
    assert len(board.spawns) == 0


def test_what_never_was_fades() -> None:
    board = Board()
    board.predict(100, fire=1)
    board.drawn()
    board.tell(100, {}, agreed=False)
    left = []
    while (picture := board.picture()).fading:
        left += list(picture.fading.values())
    assert left == sorted(left, reverse=True)
    assert 0.0 < left[-1] < left[0] <= 1.0
    assert len(left) <= FADE * HZ + 1
    assert not picture["dart"].alive.any()
    assert board.fates() == (1, 0, 0, 1)
    assert len(board.spawns) == 0


def test_a_correction_takes_it_back_and_another_brings_it_again() -> None:
    board = Board()
    board.predict(100, fire=1)
    board.drawn()
    board.predict(100, fire=0)
    assert board.picture().fading
    board.predict(100, fire=1)
    assert not board.picture().fading
    assert board.fates() == (1, 0, 0, 0)
    board.tell(100, {0: dart(100)})
    assert board.fates() == (1, 1, 0, 0)


def test_a_correction_within_one_frame_is_not_seen() -> None:
    board = Board()
    board.predict(100, fire=1)
    first = board.drawn(0.5)
    for tick, fire in ((100, 0), (100, 1), (101, 0)):
        board.predict(tick, fire)
    (second,) = board.drawn()
    assert second - first[0] == pytest.approx(PACE * SPEED)


@pytest.mark.parametrize("slip", [-1, 1, SLIP])
def test_a_shot_that_slips_by_some_ticks_is_the_same_shot(slip: int) -> None:
    board = Board()
    board.predict(120, fire=1)
    board.now = 119.0
    way = [place for _ in range(18) for place in board.drawn()]
    for tick in range(119, 138):
        board.predict(tick, fire=int(tick == 120 + slip))
    for _ in range(30):
        way += board.drawn()
    assert len(way) == 48
    assert board.fates() == (1, 0, 0, 0)
    # A sixth of the offset fades in a frame, and the offset is the way of `slip` ticks.
    assert np.abs(np.diff(way)).max() <= SPEED + abs(slip) * SPEED / 6
    assert way[-1] == pytest.approx(SPEED * (board.now - AHEAD - 119 - slip), abs=1.0)


def test_a_shot_that_the_server_fired_a_tick_later_is_adopted() -> None:
    board = Board()
    board.predict(100, fire=1)
    board.drawn()
    board.tell(102, {4: dart(101, x=3)}, agreed=False)
    assert board.fates() == (1, 1, 0, 0)
    assert board.spawns.figures.moved == 1
    assert board.picture()["dart"].rows().tolist() == [4]


def test_a_stranger_is_not_adopted() -> None:
    board = Board()
    board.predict(100, fire=1)
    board.drawn()
    board.tell(100, {4: dart(100) + np.array([0, 0, 1, 0, 0], np.int32), 5: dart(100 - SLIP - 1)}, agreed=False)
    assert board.fates() == (1, 0, 0, 0)
    board.drawn()
    assert board.fates() == (1, 0, 0, 1)


@pytest.mark.parametrize("by", [40, -40, 400])
@pytest.mark.parametrize("who", ["prediction", "server"])
def test_one_that_is_elsewhere_moves_there_gradually_unless_it_is_far(by: int, who: str) -> None:
    board = Board()
    board.predict(100, fire=1, x=500)
    (before,) = board.drawn()
    if who == "server":
        board.tell(100, {0: dart(100, 500 + by)})
    else:
        board.predict(100, fire=1, x=500 + by)
    (after,) = board.drawn()
    jump = after - before - PACE * SPEED
    # 10 a second of the offset at 60 frames
    assert jump == pytest.approx(by if abs(by) > 256 else by / 6, abs=0.01)
    board.now += 30
    way = [place for _ in range(60) for place in board.drawn()]
    assert way[-1] == pytest.approx(500 + by + SPEED * (board.now - AHEAD - 99), abs=0.1)


@pytest.mark.parametrize("distance", [0, 5, 40, 100, 333])
def test_it_is_never_drawn_beyond_a_wall_and_the_view_is_there_when_it_is(distance: int) -> None:
    board = Board(wall=1000)
    board.predict(100, fire=1, x=1000 - distance)
    way = board.drawn(0.5)
    while board.now - AHEAD < 99 + distance / SPEED:
        way += board.drawn(0.5)
    assert max(way) <= 1000 + 1e-9
    assert way[-1] == pytest.approx(1000, abs=0.5 * SPEED)
    assert np.diff(way).min() >= 0.0
    before = way[-3] if len(way) > 3 and distance > 40 else 0.0
    assert before < 1000  # it has only just come
    assert board.drawn() == pytest.approx([1000])  # and waits for the server's word


def test_an_input_delay_delays_it_with_the_barrel() -> None:
    board = Board()
    board.now = 96.0  # drawn three ticks behind what is predicted
    board.predict(100, fire=1)
    assert [len(board.drawn()) for _ in range(4)] == [0, 0, 1, 1]


def test_the_clock_put_back_withdraws_what_has_not_been() -> None:
    board = Board()
    board.predict(100, fire=1)
    board.drawn()
    board.newest = 90
    assert board.picture().fading


def test_without_any_news_it_is_given_up() -> None:
    board = Board()
    board.predict(100, fire=1)
    frames = 0
    while board.drawn():
        frames += 1
        board.newest += 1
    assert frames <= (PATIENCE + FADE) * HZ + 2
    assert board.fates() == (1, 0, 0, 1)


def test_one_that_was_not_foreseen_is_followed_from_the_news_on() -> None:
    board = Board()
    board.predict(110)
    board.now = 107.0
    board.drawn()  # the view is at 96
    board.tell(98, {1: dart(90), 2: dart(97, 700)})
    # 13 ticks after it was thrown; the other one the view may have shown already
    assert board.drawn() == pytest.approx([700 + PACE * SPEED * (109 - 96)])
    figures = board.spawns.figures
    assert (figures.unforeseen, figures.predicted, figures.adopted) == (1, 0, 0)
    way = [place for _ in range(60) for place in board.drawn() if place > 700]
    assert np.diff(way).min() >= PACE * SPEED - 0.1
    assert np.diff(way).max() <= SPEED + 0.1


def test_a_late_snapshot_tells_of_one_that_a_later_one_lacked() -> None:
    board = Board()
    board.predict(100, fire=1)
    board.drawn()
    board.tell(104, {})
    board.tell(102, {1: dart(100)}, newest=False, agreed=False)
    assert board.fates() == (1, 1, 0, 0)
    places = []
    while drawn := board.drawn():
        places += drawn
    assert board.now - AHEAD == pytest.approx(104, abs=1.0)


def test_one_that_was_only_out_of_sight_is_not_ended() -> None:
    board = Board()
    board.predict(100, fire=1)
    board.drawn()
    board.tell(100, {1: dart(100)})
    board.tell(102, {})
    board.tell(104, {1: dart(100)})
    board.ahead = 0.0
    assert len(board.drawn(20.0)) == 1


def test_memory_is_bounded() -> None:
    board = Board()
    for tick in range(100, 100 + 3 * MOST):
        board.predict(tick, fire=2)
    assert len(board.spawns) == MOST
    board.spawns.clear()
    assert len(board.spawns) == 0
    assert board.drawn() == []


def test_a_player_who_is_far_ahead_sees_it_fly_steadily() -> None:
    board = Board(ahead=25.0)
    board.predict(100, fire=1)
    way = [place for _ in range(90) for place in board.drawn()]
    assert all(PACE * SPEED - 0.1 <= later - earlier <= SPEED + 0.1 for earlier, later in pairwise(way))
    assert way[-1] == pytest.approx(SPEED * (board.now - 25.0 - 99), abs=0.1)


DEED = st.tuples(st.integers(0, 2), st.sampled_from(["made", "late", "lost", "never"]), st.booleans(), st.booleans())


@given(st.lists(DEED, max_size=40), st.integers(0, 20), st.integers(0, 30))
@settings(deadline=None, max_examples=60)
def test_whatever_happens_each_has_one_fate_and_none_stays(
    deeds: list[tuple[int, str, bool, bool]], trip: int, life: int
) -> None:
    """The server may have fired, later, or not; snapshots may be lost; corrections come when they like."""
    board = Board()
    there: dict[int, tuple[int, np.ndarray]] = {}
    for number in range(len(deeds) + 200):
        tick = 100 + number
        fire, fate, snapshot, undo = deeds[number] if number < len(deeds) else (0, "never", True, False)
        board.predict(tick, fire)
        if undo:
            board.predict(tick, 0)
        made = {"made": tick, "late": tick + 1}.get(fate)
        if fire and made is not None:
            row = next((row for row in range(DART.capacity) if row not in there), None)
            if row is not None:
                there[row] = (made, dart(made, which=2 * (fate == "late")))
        then = tick - trip
        if snapshot and then % 2 == 0:
            agreed = fate != "late"
            board.tell(then, {row: thrown for row, (since, thrown) in there.items() if since <= then}, agreed)
        for row in [row for row, (since, _) in there.items() if tick - since > life + trip]:
            del there[row]
        picture = board.picture()
        seen = picture["dart"]
        names = [(seen.values[TICK, row], seen.values[WHICH, row]) for row in seen.rows()]
        assert len(names) == len(set(names))
    assert len(board.spawns) == 0
    predicted, *fates = board.fates()
    assert sum(fates) == predicted
    assert min(fates) >= 0
