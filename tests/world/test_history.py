"""The ring of snapshots: what is held, what is overwritten, and never a neighbour."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.world.history import ABSENT, EXACT, History, KindRows, Received
from engine.world.schema import Field, Kind

KIND = Kind("body", (Field("x"), Field("y")), capacity=2)


def filled(ticks: list[int], depth: int = 4, every: int = 2) -> History:
    """A history in which every value of a snapshot is its tick."""
    history = History(KIND, 2, depth, every)
    for tick in ticks:
        history.push(tick, np.full((2, 2), tick), np.array([EXACT, ABSENT]), np.array([tick % 128, 0]))
    return history


def test_nothing_is_held_at_first() -> None:
    history = filled([])
    assert [history.slot(tick) for tick in (-2, -1, 0, 1, 2)] == [None] * 5
    assert (history.newest, history.ticks()) == (-1, [])


def test_a_pushed_snapshot_is_found_and_its_arrays_are_copies() -> None:
    history = History(KIND, 2, 4, 2)
    state = np.array([[1, 2], [3, 4]])
    slot = history.push(6, state, np.array([EXACT, EXACT]), np.array([1, 2]))
    state[0, 0] = 99
    assert history.slot(6) == slot == 3
    assert history.state[slot].tolist() == [[1, 2], [3, 4]]
    assert history.generation[slot].tolist() == [1, 2]


def test_the_oldest_is_overwritten_and_then_unknown() -> None:
    history = filled([0, 2, 4, 6, 8])
    assert history.slot(0) is None
    assert history.slot(8) == 0
    assert history.ticks() == [2, 4, 6, 8]


def test_a_tick_between_snapshots_is_no_snapshot() -> None:
    history = filled([0, 2, 4])
    assert history.slot(3) is None
    assert history.slot(-2) is None


def test_a_snapshot_out_of_order_fills_its_own_place() -> None:
    history = filled([0, 6, 4])
    assert history.newest == 6
    assert history.ticks() == [0, 4, 6]


@given(st.lists(st.integers(0, 60), max_size=40), st.integers(1, 7), st.integers(1, 4))
def test_the_latest_in_each_slot_is_what_is_held(pushes: list[int], depth: int, every: int) -> None:
    ticks = [tick * every for tick in pushes]
    history = filled(ticks, depth, every)
    latest = {(tick // every) % depth: tick for tick in ticks}
    for tick in range(-every, 62 * every):
        slot = history.slot(tick)
        assert (slot is not None) == (tick in latest.values())
        if slot is not None:
            assert history.state[slot, 0, 0] == tick
    assert history.ticks() == sorted(latest.values())


@given(st.lists(st.integers(0, 60), max_size=40), st.integers(1, 7), st.integers(1, 4))
def test_a_receivers_ring_holds_the_very_arrays(pushes: list[int], depth: int, every: int) -> None:
    ticks = [tick * every for tick in pushes]
    history, received = filled(ticks, depth, every), Received(KIND, 2, depth, every)
    told: dict[int, KindRows] = {}
    for tick in ticks:
        told[tick] = KindRows(np.full((2, 2), tick), np.array([EXACT, ABSENT]), np.zeros(2, np.int32))
        received.push(tick, told[tick])
    assert received.newest == history.newest
    for tick in range(-every, 62 * every):
        slot = received.slot(tick)
        assert slot == history.slot(tick)
        if slot is not None:
            assert received.rows(slot) is told[tick]
    assert len(received.held()) == len(history.ticks())


def test_an_empty_slot_is_said_to_be_one() -> None:
    with pytest.raises(UsageError, match="slot 3 of body has never"):
        Received(KIND, 2, 4, 1).rows(3)
