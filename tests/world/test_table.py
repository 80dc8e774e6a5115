"""Rows and tables: the grid, who lives, which generation, and worlds that are equal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.world.schema import Field, Kind
from engine.world.table import GENERATIONS, Rows, Table, World

KIND = Kind(
    "body",
    (
        Field("x", precision=1 / 64),
        Field("aim", "uint16", precision=1 / 65536, wrap=True),
        Field("health", "uint8"),
        Field("on", "bool"),
    ),
    capacity=3,
)
OTHER = Kind("other", (Field("a"),), capacity=2)


def test_columns_are_views_and_reading_in_units_is_a_copy() -> None:
    rows = Rows.zeros(KIND, 2)
    rows["x"][1] = 65
    assert rows.state[0].tolist() == [0, 65]
    read = rows.read("x")
    assert read.tolist() == [0.0, 65 / 64]
    read[1] = 7.0
    assert rows["x"].tolist() == [0, 65]
    rows["health"] = 5
    assert rows["health"].tolist() == [5, 5]
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("name", "value", "units"),
    [
        ("x", 1.0, 64),
        ("x", 0.5 / 64, 0),  # half to even
        ("x", 1.5 / 64, 2),
        ("x", -1.5 / 64, -2),
        ("x", 1e12, 2**31 - 1),
        ("x", -1e12, -(2**31)),
        ("health", 300, 255),
        ("health", -1, 0),
        ("on", 3, 1),
        ("aim", 1.0, 0),  # a whole turn
        ("aim", 1.25, 16384),
        ("aim", -0.25, 49152),
        ("aim", 65535.6 / 65536, 0),
    ],
)
def test_writing_rounds_clips_and_wraps(name: str, value: float, units: int) -> None:
    rows = Rows.zeros(KIND, 1)
    rows.write(name, value)
    assert rows[name].tolist() == [units]


@given(st.floats(-30_000_000, 30_000_000))
def test_what_is_written_reads_back_within_half_a_unit(value: float) -> None:
    rows = Rows.zeros(KIND, 1)
    rows.write("x", value)
    assert abs(rows.read("x")[0] - value) <= 0.5 / 64
    again = Rows.zeros(KIND, 1)
    again.write("x", rows.read("x"))
    assert again["x"][0] == rows["x"][0]


def test_writing_some_rows_leaves_the_others() -> None:
    rows = Rows.zeros(KIND, 4)
    rows.write("x", np.array([1.0, 2.0]), where=np.array([3, 1]))
    assert rows["x"].tolist() == [0, 128, 0, 64]
    rows.write("health", 9, where=np.array([True, False, False, True]))
    assert rows["health"].tolist() == [9, 0, 0, 9]


def test_take_copies_and_put_writes_back() -> None:
    rows = Rows.zeros(KIND, 4)
    rows["x"] = np.array([10, 20, 30, 40])
    some = rows.take(np.array([3, 0]))
    some["x"] += 1
    assert rows["x"].tolist() == [10, 20, 30, 40]
    rows.put(np.array([3, 0]), some)
    assert rows["x"].tolist() == [11, 20, 30, 41]


def test_spawn_fills_from_the_front_clears_the_row_and_counts_generations() -> None:
    table = Table(KIND)
    assert [table.spawn() for _ in range(4)] == [0, 1, 2, None]
    assert table.generation.tolist() == [1, 1, 1]
    table["x"][1] = 99
    table.despawn(1)
    assert (table.count, table.rows().tolist()) == (2, [0, 2])
    assert table.spawn() == 1
    assert (table["x"][1], table.generation[1]) == (0, 2)


def test_free_rows_are_reused_oldest_first() -> None:
    table = Table(KIND)
    for _ in range(3):
        table.spawn()
    for row in (2, 0, 1):
        table.despawn(row)
    assert [table.spawn() for _ in range(3)] == [2, 0, 1]


def test_a_generation_comes_round_after_all_others() -> None:
    table = Table(KIND)
    seen = []
    for _ in range(3 * GENERATIONS + 3):
        row = table.spawn()
        assert row is not None
        if row == 0:
            seen.append(int(table.generation[0]))
        table.despawn(row)
    assert seen == [n % GENERATIONS for n in range(1, GENERATIONS + 2)]


@pytest.mark.parametrize("row", [-1, 1, 3])
def test_only_the_living_can_despawn(row: int) -> None:
    table = Table(KIND)
    table.spawn()
    with pytest.raises(UsageError):
        table.despawn(row)
    table.despawn(0)
    with pytest.raises(UsageError):
        table.despawn(0)


def test_a_world_refuses_two_kinds_of_one_name() -> None:
    with pytest.raises(UsageError):
        World((KIND, KIND))


def test_digest_sees_every_change_but_not_what_the_dead_left() -> None:
    world = World((KIND, OTHER))
    digests = {world.digest()}
    row = world["body"].spawn()
    assert row == 0
    digests.add(world.digest())
    world["body"]["x"][row] = 5
    digests.add(world.digest())
    world.tick = 1
    digests.add(world.digest())
    world["other"].spawn()
    digests.add(world.digest())
    world["body"].despawn(row)
    dead = world.digest()
    digests.add(dead)
    assert len(digests) == 6
    world["body"]["x"][row] = 77
    assert world.digest() == dead


@given(st.lists(st.integers(-1, 2), max_size=40), st.lists(st.integers(-1, 2), max_size=20))
def test_a_restored_world_goes_on_as_the_original(before: list[int], after: list[int]) -> None:
    def play(world: World, orders: list[int]) -> None:
        table = world["body"]
        for order in orders:
            world.tick += 1
            if order < 0:
                row = table.spawn()
                if row is not None:
                    table["x"][row] = world.tick
            elif table.alive[order]:
                table.despawn(order)

    world, copy = World((KIND, OTHER)), World((KIND, OTHER))
    play(copy, after)
    play(world, before)
    copy.restore(world)
    assert copy.digest() == world.digest()
    play(world, after)
    play(copy, after)
    assert copy.digest() == world.digest()
    assert copy["body"].state is not world["body"].state
