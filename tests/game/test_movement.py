"""The predicted path: walls hold, rows do not matter to each other, tick rates play alike, timers count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.world.table import Rows
from game.rules import Arena
from game.schema import INPUT, PLAYER, Button

DOWN, LEFT, RIGHT, FIRE, DASH = Button.DOWN, Button.LEFT, Button.RIGHT, Button.FIRE, Button.DASH
RAIL, ROCKET, REPEATER = 0, 1, 2


def runner(game: Arena, at: tuple[float, float], count: int = 1) -> Rows:
    """Players at a place, fresh, with the owner's fields alone."""
    players = Rows(PLAYER, np.zeros((PLAYER.owner_count, count), np.int32))
    players["x"], players["y"] = round(at[0] * 64), round(at[1] * 64)
    players["health"], players["ammo"], players["bullets"] = 100, 20, 180
    return players


def command(buttons: int, weapon: int = 0, aim: int = 0, count: int = 1) -> Rows:
    inputs = Rows.zeros(INPUT, count)
    inputs["buttons"], inputs["weapon"], inputs["aim"] = buttons, weapon, aim
    return inputs


@given(
    st.integers(0, 2**31),
    st.sampled_from([20, 60, 128]),
    st.lists(st.tuples(st.integers(0, 255), st.integers(1, 40)), min_size=1, max_size=12),
    st.tuples(st.integers(-4800, 4800), st.integers(-4800, 4800)),
)
@settings(deadline=None, max_examples=40)
def test_nobody_is_ever_in_a_wall(
    spawn: int, tick_hz: int, holds: list[tuple[int, int]], push: tuple[int, int]
) -> None:
    game = Arena(tick_hz=tick_hz)
    spawns = game.map.spawns
    players = runner(game, tuple(spawns[spawn % len(spawns)].tolist()))
    corners = np.array([[-16, -16], [15.98, -16], [-16, 15.98], [15.98, 15.98]])
    for hold, (buttons, ticks) in enumerate(holds):
        if hold % 3 == 1:  # as by an explosion, up to the fastest there is
            players["vx"], players["vy"] = push
        for tick in range(ticks):
            before = players.state.copy()
            game.predict(players, command(buttons), tick)
            place = np.array([players.read("x")[0], players.read("y")[0]])
            assert not game.map.blocked(*(place + corners).T).any()
            for at, speed in (("x", "vx"), ("y", "vy")):
                moved = players[at][0] - before[PLAYER.index[at], 0]
                assert moved == players[speed][0] or players[speed][0] == 0


@given(st.integers(0, 2**31), st.integers(1, 16))
@settings(deadline=None, max_examples=25)
def test_rows_together_are_rows_alone_bit_for_bit(seed: int, count: int) -> None:
    """Dashes and all weapons included: the buttons are any."""
    game = Arena(map="foundry,warren")
    rng = np.random.default_rng(seed)
    together = runner(game, (0.0, 0.0), count)
    arena = seed % 2
    spawns = game.maps[arena].spawns[rng.integers(0, len(game.maps[arena].spawns), count)]
    together["x"], together["y"], together["arena"] = spawns[:, 0] * 64, spawns[:, 1] * 64, arena
    together["health"] = rng.integers(0, 3, count) * 50
    together["ammo"], together["bullets"] = rng.integers(0, 3, (2, count))
    together["dash_ready"] = rng.integers(0, 121, count)
    alone = [together.take(np.array([row])) for row in range(count)]
    inputs = Rows.zeros(INPUT, count)
    for tick in range(60):
        if tick % 5 == 0:
            inputs["buttons"] = rng.integers(0, 256, count)
            inputs["aim"] = rng.integers(0, 65536, count)
            inputs["weapon"] = rng.integers(0, 5, count)
        game.predict(together, inputs, tick)
        for row, player in enumerate(alone):
            game.predict(player, inputs.take(np.array([row])), tick)
    assert np.array_equal(together.state, np.concatenate([player.state for player in alone], axis=1))


def test_prediction_with_the_owners_fields_equals_the_servers_step(start) -> None:
    match = start(6, seed=4)
    rng = np.random.default_rng(8)
    fields = PLAYER.owner_count
    predicted = PLAYER.predicted[:fields]
    shoves = match.players["shoves"].copy()
    compared = 0
    for _ in range(400):
        inputs = match.inputs()
        if match.world.tick % 7 == 0:
            held = rng.integers(0, 128, 6), rng.integers(0, 65536, 6), rng.integers(0, 3, 6)
        inputs.input["buttons"], inputs.input["aim"], inputs.input["weapon"] = held
        mine = Rows(PLAYER, match.players.state[:fields, :6].copy())
        for row in range(6):
            one = mine.take(np.array([row]))
            match.game.predict(one, inputs.input.take(np.array([row])), match.world.tick + 1)
            mine.put(np.array([row]), one)
        match.step(inputs)
        same = match.players["shoves"][:6] == shoves[:6]
        compared += int(same.sum())
        assert np.array_equal(mine.state[predicted][:, same], match.players.state[:fields, :6][predicted][:, same])
        shoves = match.players["shoves"].copy()
    assert compared > 2000


@pytest.mark.parametrize("tick_hz", [20, 30, 60, 90, 128])
def test_a_run_takes_the_same_time_at_every_tick_rate(tick_hz: int) -> None:
    game = Arena(tick_hz=tick_hz)
    players = runner(game, (700.0, 380.0))
    for tick in range(tick_hz):
        game.predict(players, command(RIGHT), tick)
    # One second from rest: 320 px less what the 0.107 s to full speed cost, 17 px. Half a tick is 8 px at 20 Hz.
    assert players.read("x")[0] - 700.0 == pytest.approx(303.0, abs=10.0)
    assert players.read("vx")[0] * tick_hz == pytest.approx(320.0, rel=0.005)
    stopped = players.read("x")[0]
    for tick in range(tick_hz // 2):
        game.predict(players, command(0), tick)
    assert players["vx"][0] == 0
    assert players.read("x")[0] - stopped == pytest.approx(28.0, abs=9.0)


def test_a_straight_run_is_dead_reckoned_exactly() -> None:
    game = Arena()
    players = runner(game, (600.0, 1520.0))
    for tick in range(20):
        game.predict(players, command(RIGHT), tick)
    x, y, vx = players["x"][0], players["y"][0], players["vx"][0]
    for tick in range(30):
        game.predict(players, command(RIGHT), tick)
    assert (players["x"][0], players["y"][0], players["vx"][0]) == (x + 30 * vx, y, vx)


def test_diagonals_are_no_faster_and_opposites_cancel() -> None:
    game = Arena()
    players = runner(game, (700.0, 380.0), 3)
    inputs = command(0, count=3)
    inputs["buttons"] = [RIGHT, RIGHT | DOWN, LEFT | RIGHT]
    for tick in range(15):
        game.predict(players, inputs, tick)
    speed = np.hypot(players["vx"], players["vy"])
    assert speed[1] == pytest.approx(speed[0], abs=1.0)
    assert speed[2] == 0.0


def test_a_wall_stops_one_axis_and_the_other_slides_on() -> None:
    game = Arena()
    players = runner(game, (80.0, 80.0))
    for tick in range(90):
        game.predict(players, command(LEFT | DOWN), tick)
        if tick > 20:
            assert players["x"][0] == 48 * 64, "flush with the border: 32 px of wall and the radius"
            assert players["vx"][0] == 0
    assert players.read("y")[0] > 250.0


def test_the_dead_stand_still_and_do_not_fire() -> None:
    game = Arena()
    players = runner(game, (700.0, 380.0))
    players["health"] = 0
    for tick in range(1, 10):
        game.predict(players, command(RIGHT | FIRE), tick)
    assert (players["x"][0], players["rail_ready"][0]) == (700 * 64, 0)


def fired(game: Arena, inputs: list[Rows]) -> list[int]:
    """At which ticks a shot was fired, told by the row's counter."""
    players = runner(game, (700.0, 380.0))
    shots = []
    for tick, given_ in enumerate(inputs, 1):
        before = players["shots"][0]
        game.predict(players, given_, tick)
        if players["shots"][0] != before:
            shots.append(tick)
    return shots


def test_what_is_worked_on_together_lies_together() -> None:
    order = [field.name for field in PLAYER.fields]
    assert order[:4] == ["x", "y", "vx", "vy"]
    at = order.index("rail_ready")
    assert order[at : at + 6] == ["rail_ready", "rocket_ready", "repeater_ready", "dash_ready", "ammo", "bullets"]


def test_cooldowns_are_kept_to_the_tick() -> None:
    game = Arena(tick_hz=60)
    assert fired(game, [command(FIRE, RAIL)] * 160) == [1, 73, 145]  # 1.2 s
    assert fired(game, [command(FIRE, ROCKET)] * 110) == [1, 49, 97]  # 0.8 s
    assert fired(game, [command(FIRE, REPEATER)] * 20) == [1, 7, 13, 19]  # 0.1 s
    # A shot of one holds up the others for 0.25 s.
    assert fired(game, [command(FIRE, RAIL)] + [command(FIRE, ROCKET)] * 30) == [1, 16]
    assert fired(game, [command(FIRE, REPEATER)] + [command(FIRE, RAIL)] * 30) == [1, 16]
    assert fired(game, [command(FIRE, ROCKET)] + [command(FIRE, REPEATER)] * 20) == [1, 16]


def test_every_shot_takes_its_own_ammunition_and_none_is_fired_without() -> None:
    game = Arena(tick_hz=60)
    players = runner(game, (700.0, 380.0))
    players["ammo"], players["bullets"] = 1, 2
    for tick in range(1, 200):
        game.predict(players, command(FIRE, REPEATER), tick)
    assert (players["ammo"][0], players["bullets"][0], players["shots"][0]) == (1, 0, 2)
    for tick in range(200, 400):
        game.predict(players, command(FIRE, ROCKET), tick)
    assert (players["ammo"][0], players["shots"][0]) == (0, 3)
    for tick in range(400, 500):
        game.predict(players, command(FIRE, RAIL), tick)
    assert players["shots"][0] == 5, "the rail needs none"


def test_an_unknown_weapon_counts_as_the_last_one() -> None:
    game = Arena()
    players = runner(game, (700.0, 380.0))
    game.predict(players, command(FIRE, 200), 1)
    assert players["weapon"][0] == REPEATER
    assert players["bullets"][0] == 179


@pytest.mark.parametrize("tick_hz", [20, 60, 128])
def test_a_dash_is_a_burst_that_ends_by_itself(tick_hz: int) -> None:
    game = Arena(tick_hz=tick_hz)
    players = runner(game, (600.0, 1520.0))
    way = []
    for tick in range(tick_hz):
        before = players.read("x")[0]
        game.predict(players, command(RIGHT | (DASH if tick == 0 else 0)), tick)
        way.append(players.read("x")[0] - before)
    assert way[0] * tick_hz == pytest.approx(900.0, rel=0.01)
    assert way[-1] * tick_hz == pytest.approx(320.0, rel=0.01)
    # 108 px in the dash, 40 while braking, and on at a run; half a tick more or less of it at 20 Hz.
    assert sum(way) == pytest.approx(
        108.0 + 40.0 + 320.0 * (1.0 - 0.12 - 0.065), abs=0.06 * 900.0 if tick_hz == 20 else 12.0
    )
    assert players["dashes"][0] == 1


def test_a_dash_without_a_direction_goes_along_the_aim_and_stops() -> None:
    game = Arena()
    players = runner(game, (800.0, 1520.0))
    game.predict(players, command(DASH, aim=49152), 1)
    assert (players["vx"][0], players["vy"][0]) == (0, -960)  # 900 px/s
    for tick in range(2, 30):
        game.predict(players, command(0, aim=0), tick)
    assert (players["vx"][0], players["vy"][0]) == (0, 0)
    assert players.read("y")[0] == pytest.approx(1520.0 - 105.0 - 45.0, abs=10.0)


def test_steering_does_nothing_in_a_dash_and_a_held_button_waits_for_the_cooldown() -> None:
    game = Arena()
    players = runner(game, (900.0, 1520.0))
    game.predict(players, command(RIGHT | DASH), 1)
    for tick in range(2, 8):
        game.predict(players, command(LEFT | DASH), tick)
        assert players["vx"][0] == 960
    for tick in range(8, 121):
        game.predict(players, command(DASH), tick)
    assert players["dashes"][0] == 1
    game.predict(players, command(DASH), 121)  # 2 s
    assert players["dashes"][0] == 2


def test_the_dead_do_not_dash_and_walls_stop_who_does() -> None:
    game = Arena()
    players = runner(game, (80.0, 80.0), 2)
    players["health"] = [0, 100]
    for tick in range(1, 10):
        game.predict(players, command(LEFT | DASH, count=2), tick)
    assert players["x"].tolist() == [80 * 64, 48 * 64]
    assert players["vx"].tolist() == [0, 0]
    assert players["dashes"].tolist() == [0, 1]


def test_the_map_is_the_one_the_row_stands_on() -> None:
    game = Arena(map="foundry,warren")
    players = runner(game, (1500.0, 700.0))  # warren's eastern border; in foundry there is room
    players["arena"] = 1
    for tick in range(1, 60):
        game.predict(players, command(RIGHT), tick)
    assert players.read("x")[0] == 1568 - 32 - 16 - 1 / 64
    players["arena"] = 250
    game.predict(players, command(RIGHT), 61)  # what a lying server might send


def test_a_position_off_the_map_is_not_an_exception() -> None:
    game = Arena()
    players = runner(game, (700.0, 380.0))
    players["x"], players["y"] = 2**30, -(2**30)  # what a lying server might send
    game.predict(players, command(RIGHT), 1)


def test_one_row_in_plain_numbers_goes_where_it_goes_among_others() -> None:
    game = Arena()
    random = np.random.default_rng(5)
    alone, among = runner(game, tuple(game.map.spawns[0].tolist())), runner(game, (300, 300), count=3)
    among.state[:, 1] = alone.state[:, 0]
    inputs = command(0)
    for tick in range(3000):
        if random.random() < 0.1:
            inputs["buttons"], inputs["weapon"] = random.integers(0, 128), random.integers(0, 4)
        if random.random() < 0.01:  # an explosion, a death, a respawn
            push = random.integers(-4800, 4800, 2)
            for rows, at in ((alone, 0), (among, 1)):
                rows.state[[PLAYER.index["vx"], PLAYER.index["vy"]], at] = push
                rows["health"][at] = 100 * (tick % 3 > 0)
        inputs["aim"] = random.integers(0, 65536)
        game.predict(alone, inputs, tick)
        game.predict(among, Rows(INPUT, np.repeat(inputs.state, 3, axis=1)), tick)
        assert alone.state[:, 0].tolist() == among.state[:, 1].tolist()
