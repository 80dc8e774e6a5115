"""Measures beside a plain loop, and on states made by hand where the answer is known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.config import MatchConfig, Switches
from engine.lab.states import TrueStates
from engine.lab.truth import PlayerTruth
from engine.world.picture import VIEW_UNITS, Picture, Seen, View
from engine.world.schema import Field, Kind
from engine.world.table import Table

BODY = Kind(
    "body",
    (
        Field("x", precision=1 / 4, rate="vx", smooth=True),
        Field("y", precision=1 / 4, rate="vy", smooth=True),
        Field("vx", "int16", 1 / 4),
        Field("vy", "int16", 1 / 4),
        Field("jumps", "uint8"),
    ),
    4,
    teleport="jumps",
)


def truth_over(states: TrueStates, own_row: int | None = None, **switches: bool) -> PlayerTruth:
    session: Any = SimpleNamespace(
        game=SimpleNamespace(player=BODY),
        own_row=own_row,
        switches=Switches(**switches),
        own_ticks=lambda: (10, 8),
        histories={},
        own_snapshot=lambda tick: None,
    )
    world = SimpleNamespace(tick=12)
    server: Any = SimpleNamespace(
        match=MatchConfig(),
        world=world,
        peer_slot=lambda row: None,
        snapshots=SimpleNamespace(histories={}, section_bytes={}),
    )
    return PlayerTruth(session, server, states, warmup=0.0)


def picture_of(values: np.ndarray, time: float, towards: int | None = 4) -> Picture:
    view = View(int(time) // 2 * 2, towards, round(time * VIEW_UNITS))
    alive = np.array([True, True, True, False])
    return Picture(view, {"body": Seen(BODY, values, alive, np.zeros(4, np.int32))})


@pytest.fixture
def states() -> TrueStates:
    """Four ticks of random states; row 3 is not alive, row 1 teleports at tick 3."""
    random = np.random.default_rng(5)
    states, table = TrueStates(BODY), Table(BODY)
    for _ in range(3):
        table.spawn()
    table.generation[:] = 0
    for tick in range(4):
        table.state[:4] = random.integers(-400, 400, (4, 4))
        table["jumps"] = [0, int(tick >= 3), 0, 0]
        states.push(tick, table)
    return states


def test_remote_error_equals_a_plain_loop(states: TrueStates) -> None:
    random = np.random.default_rng(6)
    truth = truth_over(states, own_row=2)
    expected = []
    for time in (0.25, 1.0, 1.5, 2.75):
        values = random.uniform(-400, 400, (5, 4))
        values[4] = 0
        truth.drew(picture_of(values, time), now=1.0)
        tick = int(time)
        for row in (0, 1):  # 2 is the own row, 3 is not alive
            before, after = states.place[tick][:, row], states.place[tick + 1][:, row]
            if row == 1 and tick + 1 >= 3:
                continue  # it teleported
            true = before + (after - before) * (time - tick)
            expected.append(float(np.hypot(*(values[:2, row] / 4 - true))))
    truth.close()
    assert truth.remote_error.count == len(expected)
    assert truth.remote_error.total == pytest.approx(sum(expected))
    assert truth.remote_error.max == pytest.approx(max(expected))
    assert truth.untold == 1


def test_starved_rows_are_those_without_a_later_snapshot(states: TrueStates) -> None:
    truth = truth_over(states, own_row=2)
    values = np.zeros((5, 4))
    truth.drew(picture_of(values, 1.0), now=1.0)
    truth.drew(picture_of(values, 2.5, towards=None), now=1.0)
    truth.close()
    assert (truth.frames, truth.dry_frames) == (2, 1)
    assert (truth.row_frames, truth.starved_row_frames) == (4, 2)


def test_without_interpolation_no_row_is_starved(states: TrueStates) -> None:
    truth = truth_over(states, own_row=2, interpolation=False)
    truth.drew(picture_of(np.zeros((5, 4)), 2.0, towards=None), now=1.0)
    truth.close()
    assert truth.starved_row_frames == 0


def test_the_own_input_is_drawn_after_the_ticks_it_waits_and_the_one_it_takes(states: TrueStates) -> None:
    truth = truth_over(states)
    truth.drew(picture_of(np.zeros((5, 4)), 1.0), now=1.0)
    truth.close()
    # Inputs up to tick 10, drawn on the way to tick 8, at 60 ticks a second.
    assert truth.own_delay_ms.max == pytest.approx(3 * 1000 / 60)


def test_overshoot_is_the_farthest_a_row_is_drawn_past_its_stop() -> None:
    states, table = TrueStates(BODY), Table(BODY)
    table.spawn()
    table.generation[:] = 0
    # Along +x by 8 units (2 px) a tick, to rest at x = 40 px from tick 5 on.
    for tick in range(12):
        table.state[0, 0] = 120 + 8 * min(tick, 5)
        table.state[2, 0] = 8 if tick < 5 else 0
        states.push(tick, table)
    truth = truth_over(states, own_row=None)
    for time, x in ((4.0, 38.0), (5.5, 41.0), (6.5, 43.5), (8.0, 39.0)):
        values = np.zeros((5, 4))
        values[0, 0] = x * 4
        seen = picture_of(values, time, towards=10)
        seen.kinds["body"].alive[:] = [True, False, False, False]
        truth.drew(seen, now=1.0)
    truth.close()
    assert truth.overshoot.count == 1
    assert truth.overshoot.max == pytest.approx(3.5)


def test_a_row_at_rest_from_the_start_and_one_put_elsewhere_have_not_stopped() -> None:
    states, table = TrueStates(BODY), Table(BODY)
    table.spawn()
    table.spawn()
    for tick in range(8):
        table.state[2, 1] = 8 if tick < 4 else 0
        table["jumps"] = [0, int(tick >= 4), 0, 0]
        states.push(tick, table)
    assert (states.stopped_at[:8, :2] == -1).all()


def test_judder_is_the_change_of_movement_between_frames() -> None:
    states, table = TrueStates(BODY), Table(BODY)
    table.spawn()
    for tick in range(8):
        states.push(tick, table)
    truth = truth_over(states)
    for frame, x in enumerate((0.0, 2.0, 4.0, 9.0, 11.0)):
        values = np.zeros((5, 4))
        values[0, 0] = x * 4
        seen = picture_of(values, 1.0 + frame / 4)
        seen.kinds["body"].alive[:] = [True, False, False, False]
        truth.drew(seen, now=1.0)
    truth.close()
    # Movements 2, 2, 5, 2: changes 0, 3, 3.
    assert truth.judder.count == 3
    assert truth.judder.total == pytest.approx(6.0)
