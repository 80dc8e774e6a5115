"""The predicted path: walls hold, rows do not matter to each other, tick rates play alike, timers count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.world.table import Rows
from game.rules import Arena
from game.schema import INPUT, PLAYER, Button

DOWN, LEFT, RIGHT, FIRE = Button.DOWN, Button.LEFT, Button.RIGHT, Button.FIRE
RAIL, ROCKET = 0, 1


def runner(game: Arena, at: tuple[float, float], count: int = 1) -> Rows:
    """Players at a place, fresh, with the owner's fields alone."""
    players = Rows(PLAYER, np.zeros((PLAYER.owner_count, count), np.int32))
    players["x"], players["y"] = round(at[0] * 64), round(at[1] * 64)
    players["health"], players["ammo"] = 100, 20
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
    game = Arena()
    rng = np.random.default_rng(seed)
    together = runner(game, (0.0, 0.0), count)
    spawns = game.map.spawns[rng.integers(0, len(game.map.spawns), count)]
    together["x"], together["y"] = spawns[:, 0] * 64, spawns[:, 1] * 64
    together["health"] = rng.integers(0, 3, count) * 50
    alone = [together.take(np.array([row])) for row in range(count)]
    inputs = Rows.zeros(INPUT, count)
    for tick in range(60):
        if tick % 5 == 0:
            inputs["buttons"] = rng.integers(0, 256, count)
            inputs["aim"] = rng.integers(0, 65536, count)
            inputs["weapon"] = rng.integers(0, 4, count)
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
            held = rng.integers(0, 32, 6), rng.integers(0, 65536, 6), rng.integers(0, 2, 6)
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
    """At which ticks a shot was fired, told by the cooldowns going up."""
    players = runner(game, (700.0, 380.0))
    shots = []
    for tick, given_ in enumerate(inputs, 1):
        before = players["rail_ready"][0] + players["rocket_ready"][0]
        game.predict(players, given_, tick)
        if players["rail_ready"][0] + players["rocket_ready"][0] > before:
            shots.append(tick)
    return shots


def test_what_is_worked_on_together_lies_together() -> None:
    order = [field.name for field in PLAYER.fields]
    assert order[:4] == ["x", "y", "vx", "vy"]
    assert order.index("rocket_ready") == order.index("rail_ready") + 1


def test_cooldowns_are_kept_to_the_tick() -> None:
    game = Arena(tick_hz=60)
    assert fired(game, [command(FIRE, RAIL)] * 160) == [1, 73, 145]  # 1.2 s
    assert fired(game, [command(FIRE, ROCKET)] * 110) == [1, 49, 97]  # 0.8 s
    # A shot of one holds up the other for 0.25 s.
    assert fired(game, [command(FIRE, RAIL)] + [command(FIRE, ROCKET)] * 30) == [1, 16]


def test_rockets_run_out_and_are_found_again() -> None:
    game = Arena(tick_hz=60)
    players = runner(game, (700.0, 380.0))
    players["ammo"] = 1
    for tick in range(121, 121 + 100):
        game.predict(players, command(FIRE, ROCKET), tick)
    assert players["ammo"][0] == 0
    game.predict(players, command(0), 240)  # every 2 s
    assert players["ammo"][0] == 1
    players["ammo"] = 20
    game.predict(players, command(0), 360)
    assert players["ammo"][0] == 20, "and no more than fit"


def test_an_unknown_weapon_counts_as_the_last_one() -> None:
    game = Arena()
    players = runner(game, (700.0, 380.0))
    game.predict(players, command(FIRE, 200), 1)
    assert players["weapon"][0] == ROCKET


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
