"""Prediction of the own row: equal is equal, what differs is corrected once, and only what is drawn is smoothed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.client.prediction import Prediction
from engine.world.schema import Field, Kind, Scope
from engine.world.table import Rows

KIND = Kind(
    "body",
    (
        Field("x", precision=1 / 16, rate="vx", smooth=True),
        Field("vx", precision=1 / 16),
        Field("health", "uint8", predicted=False),
        Field("jumps", "uint8", predicted=False),
        Field("pushes", "uint8", predicted=False),
        Field("fuel", scope=Scope.OWNER),
        Field("secret", scope=Scope.SERVER),
    ),
    capacity=4,
    teleport="jumps",
    shove="pushes",
)
INPUT = Kind("input", (Field("walk", "int8"),), capacity=1)
OWN = KIND.owner_count


class Walk:
    """A game of walking along a line with some inertia; only what prediction needs of one."""

    kinds = (KIND,)
    player = KIND
    input = INPUT

    def __init__(self) -> None:
        self.predicted_ticks = 0

    def predict(self, players: Rows, inputs: Rows, tick: int) -> None:
        self.predicted_ticks += 1
        players["vx"] = players["vx"] // 2 + inputs["walk"] * 8
        players["x"] = players["x"] + players["vx"]
        players["fuel"] = players["fuel"] - (inputs["walk"] != 0) + tick % 2


Change = Callable[[np.ndarray], None]


class Server:
    """What the server makes of the inputs: those in `late` come too late, and the one before is repeated."""

    def __init__(self, game: Any, late: set[int] | None = None, changes: dict[int, Change] | None = None) -> None:
        self._game = game
        self._late = late or set()
        self._changes = changes or {}
        self._last = 0
        self.state = np.zeros((OWN, 1), np.int32)

    def step(self, tick: int, walk: int) -> np.ndarray:
        if tick not in self._late:
            self._last = walk
        self._game.predict(Rows(KIND, self.state), Rows(INPUT, np.array([[self._last]], np.int32)), tick)
        if tick in self._changes:
            self._changes[tick](self.state[:, 0])
        return self.state[:, 0].copy()


def play(
    walks: list[int],
    *,
    late: set[int] | None = None,
    changes: dict[int, Change] | None = None,
    delay: int = 6,
    lost: set[int] | None = None,
) -> tuple[Prediction, dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Play tick 1 to `len(walks)`, a snapshot every 2 ticks and `delay` under way. Returns it, the truth, and what the
    newest prediction was at each tick."""
    prediction = Prediction(Walk(), 64)
    server = Server(Walk(), late, changes)
    truth, shown = {0: server.state[:, 0].copy()}, {}
    prediction.reconcile(0, truth[0])
    for tick in range(1, len(walks) + 1):
        prediction.advance(tick, (walks[tick - 1],))
        truth[tick] = server.step(tick, walks[tick - 1])
        told = tick - delay
        if told > 0 and told % 2 == 0 and told not in (lost or set()):
            prediction.reconcile(told, truth[told])
        state = prediction.state()
        assert state is not None
        shown[tick] = state.copy()
    return prediction, truth, shown


WALKS = [1, 1, 1, 0, -1, -1, 2, 2, 2, 0] * 4


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(-127, 127), min_size=1, max_size=60), st.integers(0, 20), st.sets(st.integers(0, 60)))
def test_what_is_predicted_right_is_never_corrected(walks: list[int], delay: int, lost: set[int]) -> None:
    prediction, truth, shown = play(walks, delay=delay, lost=lost)
    assert prediction.figures.corrections == 0
    assert prediction.figures.resimulated_ticks == 0
    for tick, state in shown.items():
        assert (state == truth[tick]).all()


def test_a_late_input_is_one_correction_and_all_is_exact_again() -> None:
    prediction, truth, shown = play(WALKS, late={7})
    assert prediction.figures.corrections == 1
    assert prediction.figures.shoved == 0
    # Tick 7 is judged by the snapshot of tick 8, which comes at tick 14.
    wrong = [tick for tick, state in shown.items() if (state != truth[tick]).any()]
    assert wrong == list(range(7, 14))
    assert prediction.figures.resimulated_ticks == 6
    assert prediction.figures.largest_error > 0


REPEATED = 6
"""Ticks for which the server of the next tests repeats an input."""


def play_with_silences(
    gaps: list[tuple[int, int]], seconds: float = 2.0, trip: int = 8, tells: bool = True
) -> tuple[Prediction, int, int]:
    """Play a server that has no input newer than the first of each gap's ticks until it steps the second.

    tells: whether the client is told what the server had. Returns it, how often a snapshot changed its newest row, and
    in how many ticks that row was wrong.
    """
    random = np.random.default_rng(1)
    walks = random.integers(-3, 4, round(seconds * 60)).tolist()
    game: Any = Walk()
    prediction = Prediction(game, 64, repeat_ticks=REPEATED)
    server, last = Server(Walk()), 0
    truth, had = {0: server.state[:, 0].copy()}, {0: 0}
    prediction.reconcile(0, truth[0])
    changes = wrong = 0
    shown: dict[int, np.ndarray] = {}
    for tick in range(1, len(walks) + 1):
        gap = next(((begin, end) for begin, end in gaps if begin < tick < end), None)
        had[tick] = tick + 4 if gap is None else gap[0]
        last = walks[tick - 1] if gap is None else last if tick - gap[0] <= REPEATED else 0
        truth[tick] = server.step(tick, last)
    for tick in range(1, len(walks) + 1):
        prediction.advance(tick, (walks[tick - 1],))
        told = tick - 2 * trip
        before = prediction.state()
        assert before is not None
        if told > 0 and told % 2 == 0:
            prediction.reconcile(told, truth[told], had[told] if tells else None, trip)
        state = prediction.state()
        assert state is not None
        changes += bool((state != before).any())
        shown[tick] = state.copy()
        wrong += bool((state != truth[tick]).any())
    return prediction, changes, wrong


def test_a_server_that_hears_nothing_is_followed_without_being_contradicted_by_every_snapshot() -> None:
    """Half a second in which nothing of ours arrives: known at once, and again when it is over."""
    insisting, changes, _ = play_with_silences([(40, 70)], tells=False)
    assert insisting.figures.corrections >= 14
    assert changes >= 14
    following, fewer, _ = play_with_silences([(40, 70)])
    # The beginning, and each time that the silence lasted longer than half a round trip; what is right stays.
    assert following.figures.corrections <= 6
    assert fewer <= 7


def test_after_a_silence_all_is_exact_again() -> None:
    for gaps in ([(40, 45)], [(40, 52)], [(30, 60), (63, 70), (72, 80)]):
        prediction, _, wrong = play_with_silences(gaps, seconds=3.0)
        _, _, insisting = play_with_silences(gaps, seconds=3.0, tells=False)
        before = prediction.figures.corrections
        assert 0 < before < 12
        state = prediction.state()
        assert state is not None
        assert wrong <= insisting + 8  # what was taken for silent and was not is wrong for half a round trip


def test_a_silence_shorter_than_a_snapshot_tells_is_insisted_on() -> None:
    prediction, _, _ = play_with_silences([(40, 42)])
    assert prediction.figures.corrections == 1


def test_what_is_not_predicted_is_taken_over_and_is_no_correction() -> None:
    def hurt(state: np.ndarray) -> None:
        state[KIND.index["health"]] = 70

    prediction, truth, shown = play(WALKS, changes={8: hurt})
    assert prediction.figures.corrections == 0
    assert shown[14][KIND.index["health"]] == 70
    assert all((shown[tick] == truth[tick]).all() for tick in range(14, 41))
    drawn = prediction.drawn(1.0, 0.0)
    assert drawn is not None
    assert drawn[0] == shown[40][0]


def test_a_push_from_outside_explains_its_correction() -> None:
    def push(state: np.ndarray) -> None:
        state[KIND.index["vx"]] += 500
        state[KIND.index["pushes"]] += 1

    prediction, truth, shown = play(WALKS, changes={8: push})
    assert (prediction.figures.corrections, prediction.figures.shoved) == (0, 1)
    assert all((shown[tick] == truth[tick]).all() for tick in range(14, 41))


def test_a_push_whose_snapshot_was_lost_is_explained_by_the_next() -> None:
    def push(state: np.ndarray) -> None:
        state[KIND.index["x"]] += 300
        state[KIND.index["pushes"]] += 1

    prediction, truth, shown = play(WALKS, changes={8: push}, lost={8, 10})
    assert (prediction.figures.corrections, prediction.figures.shoved) == (0, 1)
    assert all((shown[tick] == truth[tick]).all() for tick in range(18, 41))


def test_resimulation_is_bounded() -> None:
    game = Walk()
    prediction = Prediction(game, 10)
    prediction.reconcile(0, np.zeros(OWN, np.int32))
    for tick in range(1, 41):
        prediction.advance(tick, (1,))
    before = game.predicted_ticks
    wrong = np.zeros(OWN, np.int32)
    wrong[0] = 999
    prediction.reconcile(25, wrong)
    assert game.predicted_ticks - before == 10
    assert prediction.figures.resimulated_ticks == 10
    # What is missing is made up for with the next ticks, no more than as much again each time.
    before = game.predicted_ticks
    prediction.advance(41, (1,))
    assert game.predicted_ticks - before <= 10


def test_memory_is_bounded_without_news() -> None:
    prediction = Prediction(Walk(), 16)
    prediction.reconcile(0, np.zeros(OWN, np.int32))
    for tick in range(1, 2000):
        prediction.advance(tick, (1,))
    # News of a tick long forgotten still sets things right.
    wrong = np.zeros(OWN, np.int32)
    wrong[0] = 999
    prediction.reconcile(1990, wrong)
    assert prediction.tick == 1999
    assert prediction.figures.corrections == 1


def test_old_news_is_no_news() -> None:
    prediction, truth, _ = play(WALKS)
    wrong = truth[20] + 1
    prediction.reconcile(20, wrong)
    assert prediction.figures.corrections == 0


def test_inputs_made_before_the_first_snapshot_are_played_after_it() -> None:
    prediction = Prediction(Walk(), 64)
    assert not prediction.started
    assert prediction.state() is None
    assert prediction.drawn(0.5, 0.01) is None
    prediction.advance(1, (1,))
    assert not prediction.started
    prediction.reconcile(2, np.zeros(OWN, np.int32))
    prediction.advance(3, (1,))
    state = prediction.state()
    assert state is not None
    assert state[0] == 8


def corrected(error_units: int, jump: bool = False) -> tuple[Prediction, float]:
    """A row standing at 0 that the server moves by `error_units` of 1/16; returns where it is drawn right after."""
    prediction = Prediction(Walk(), 64)
    own = np.zeros(OWN, np.int32)
    prediction.reconcile(0, own)
    for tick in (1, 2, 3):
        prediction.advance(tick, (0,))
    moved = own.copy()
    moved[0] = error_units
    moved[KIND.index["fuel"]] = 1
    moved[KIND.index["jumps"]] = int(jump)
    prediction.reconcile(2, moved)
    drawn = prediction.drawn(1.0, 0.0)
    assert drawn is not None
    return prediction, float(drawn[0])


@pytest.mark.parametrize("error", [16, -16, 16 * 40])
def test_a_correction_moves_the_row_at_once_but_its_drawing_slowly(error: int) -> None:
    prediction, at_first = corrected(error)
    state = prediction.state()
    assert state is not None
    assert state[0] == error
    assert at_first == pytest.approx(0.0, abs=1e-9)
    distances = []
    for _ in range(90):
        drawn = prediction.drawn(1.0, 1 / 60)
        assert drawn is not None
        distances.append(abs(drawn[0] - error))
    assert all(later <= earlier for earlier, later in pairwise(distances))
    assert distances[-1] == 0.0
    # Half of it is gone within 100 ms, of a large one within 50.
    assert distances[2 if abs(error) > 256 else 6] < abs(error) / 2


def test_a_long_frame_does_not_overshoot() -> None:
    prediction, _ = corrected(160)
    drawn = prediction.drawn(1.0, 5.0)
    assert drawn is not None
    assert drawn[0] == 160.0


@pytest.mark.parametrize(("error", "jump"), [(16, True), (16 * 300, False)])
def test_a_teleport_and_a_huge_error_are_not_smoothed(error: int, jump: bool) -> None:
    _, at_first = corrected(error, jump)
    assert at_first == error


def test_the_row_is_drawn_between_the_two_newest_ticks() -> None:
    prediction = Prediction(Walk(), 64)
    prediction.reconcile(0, np.zeros(OWN, np.int32))
    prediction.advance(1, (2,))
    drawn = [prediction.drawn(part, 0.0) for part in (-1.0, 0.0, 0.5, 1.0, 3.0)]
    assert [float(each[0]) for each in drawn if each is not None] == [0.0, 0.0, 8.0, 16.0, 16.0]


def test_a_clock_that_jumped_ahead_plays_the_ticks_between_as_the_server_does() -> None:
    prediction = Prediction(Walk(), 64, repeat_ticks=REPEATED)
    server = Server(Walk(), late={3, 4, 5})
    prediction.reconcile(0, server.state[:, 0].copy())
    for tick in (1, 2, 6, 7):
        prediction.advance(tick, (1,))
    for tick in range(1, 8):
        truth = server.step(tick, 1)
    state = prediction.state()
    assert state is not None
    assert (state == truth).all()
    prediction.reconcile(7, truth)
    assert prediction.figures.corrections == 0


class Resting(Walk):
    """Walk, but nobody walks on by itself."""

    def repeat(self, inputs: Rows) -> Rows:
        return Rows(inputs.kind, np.zeros_like(inputs.state))


@pytest.mark.parametrize(("game", "moves"), [(Walk(), True), (Resting(), False)])
def test_ticks_without_an_input_are_bridged_as_the_game_plays_them(game: Any, moves: bool) -> None:
    prediction = Prediction(game, 64, repeat_ticks=REPEATED)
    prediction.reconcile(10, np.zeros(OWN, np.int32))
    prediction.advance(11, (1,))
    first = prediction.state()
    assert first is not None
    speed = int(first[1])
    prediction.advance(15, (0,))
    state = prediction.state()
    assert state is not None
    # Four halvings of the speed, or three ticks more of walking before the last one.
    assert (int(state[1]) > speed // 16) == moves
