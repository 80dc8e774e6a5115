"""What lies about: who gets it, how much, and when it is back."""

from __future__ import annotations

import pytest

from game.schema import Event, Item


def lying(match, item: Item) -> tuple[int, float, float]:
    """The first pick-up of a kind: row, x, y."""
    table = match.world["pickup"]
    row = next(row for row in table.rows().tolist() if table["item"][row] == item)
    return row, table.read("x")[row], table.read("y")[row]


@pytest.mark.parametrize(
    ("item", "before", "after", "taken"),
    [
        (Item.HEALTH, {"health": 30}, {"health": 70}, 40),
        (Item.HEALTH, {"health": 85}, {"health": 100}, 15),
        (Item.ARMOUR, {"armour": 0}, {"armour": 50}, 50),
        (Item.ARMOUR, {"armour": 70}, {"armour": 100}, 30),
        (Item.AMMUNITION, {"ammo": 2, "bullets": 10}, {"ammo": 7, "bullets": 70}, 65),
        (Item.AMMUNITION, {"ammo": 20, "bullets": 170}, {"ammo": 20, "bullets": 180}, 10),
    ],
)
def test_it_fills_up_to_the_most_there_is(start, item: Item, before: dict, after: dict, taken: int) -> None:
    match = start(1)
    row, x, y = lying(match, item)
    match.place(0, x + 25.0, y)
    for name, value in before.items():
        match.players[name][0] = value
    shoves = match.players["shoves"][0]
    events = match.step()
    assert {name: match.players[name][0] for name in after} == after
    assert [(event.code, event.args) for event in events] == [(Event.PICKUP, (row, item, 0, taken))]
    # Ammunition is predicted, so its change is told as one from outside.
    assert match.players["shoves"][0] - shoves == (item is Item.AMMUNITION)


def test_who_needs_nothing_leaves_it(start) -> None:
    match = start(1)
    row, x, y = lying(match, Item.HEALTH)
    match.place(0, x, y)
    assert not match.step()
    assert match.world["pickup"]["ready"][row] == 1


def test_it_is_back_after_its_time(start) -> None:
    match = start(1, tick_hz=20)
    table = match.world["pickup"]
    row, x, y = lying(match, Item.AMMUNITION)
    match.place(0, x, y)
    match.players["ammo"][0] = 0
    match.step()
    match.players["ammo"][0] = 0
    for _ in range(199):  # 10 s
        assert not match.step()
        assert table["ready"][row] == 0
    assert [event.args[:2] for event in match.step()] == [(row, Item.AMMUNITION)]


def test_out_of_touch_is_out_of_reach(start) -> None:
    match = start(1)
    _, x, y = lying(match, Item.HEALTH)
    match.players["health"][0] = 10
    match.place(0, x + 30.0, y)  # both radii
    assert not match.step()
    match.place(0, x + 29.9, y)
    assert match.step()


def test_the_nearest_who_needs_it_gets_it_and_the_dead_get_nothing(start) -> None:
    match = start(4)
    _, x, y = lying(match, Item.HEALTH)
    for row, (away, health) in enumerate(((20.0, 50), (10.0, 50), (5.0, 100), (0.0, 0))):
        match.place(row, x, y + away)
        match.players["health"][row] = health
    match.players["respawn"][3] = 100
    events = match.step()
    assert [event.args[2] for event in events] == [1]
    assert match.players["health"][:4].tolist() == [50, 90, 100, 0]
