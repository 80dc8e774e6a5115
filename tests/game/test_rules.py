"""What players do to each other. The open ground used is the gallery in foundry's north: y = 288 px, x from 550 on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.game import Inputs
from engine.world.table import Rows, World
from game.arena import load_map
from game.rules import Arena
from game.schema import INPUT, PLAYER, ROCKET, Button, Event, Weapon

FIRE = int(Button.FIRE)
EAST, SOUTH, WEST, NORTH = 0, 16384, 32768, 49152
LANE = 272.0


def codes(events) -> list[int]:
    return [event.code for event in events]


def duel(start, distance: float = 300.0, **settings):
    """Two players in the lane, row 0 west of row 1."""
    match = start(2, **settings)
    match.place(0, 600.0, LANE)
    match.place(1, 600.0 + distance, LANE)
    return match


def shoot(match, row: int, aim: int, weapon: Weapon):
    return match.step(match.inputs(buttons={row: FIRE}, aim={row: aim}, weapon={row: int(weapon)}))


def test_a_rail_shot_wounds_and_a_second_kills(start) -> None:
    match = duel(start)
    events = shoot(match, 0, EAST, Weapon.RAIL)
    assert match.verdicts == [(0, 1, "hit")]
    assert match.players["health"][1] == 20
    assert [(event.code, event.args, event.to) for event in events] == [
        (Event.RAIL, (0, 600 * 64, 272 * 64, (900 - 16) * 64, 272 * 64, 1), None),
        (Event.HIT, (1, 80), 0),
    ]
    for _ in range(71):
        assert not match.step(match.inputs(buttons={0: FIRE}))
    events = match.step(match.inputs(buttons={0: FIRE}))
    assert [(event.code, event.args) for event in events[1:]] == [
        (Event.HIT, (1, 20)),
        (Event.KILL, (1, 0, Weapon.RAIL)),
    ]
    assert match.players["health"][1] == 0
    assert match.players["score"][:2].tolist() == [1, 0]
    assert match.players["deaths"][:2].tolist() == [0, 1]


def test_the_dead_come_back_after_two_seconds(start) -> None:
    match = duel(start)
    match.players["health"][1] = 1
    before = match.players.state[:, 1].copy()
    shoot(match, 0, EAST, Weapon.RAIL)
    assert match.players["respawn"][1] == 120
    shoves = match.players["shoves"][1]
    for _ in range(119):
        assert not match.step()
        assert match.players["health"][1] == 0
    events = match.step()
    x, y = match.players["x"][1], match.players["y"][1]
    assert [(event.code, event.args) for event in events] == [(Event.SPAWN, (1, x, y))]
    assert [x // 64, y // 64] in match.game.map.spawns.tolist()
    assert match.players["health"][1] == 100
    assert match.players["spawns"][1] == before[PLAYER.index["spawns"]] + 1
    assert match.players["shoves"][1] == shoves + 1


def test_spawn_points_are_away_from_others(start) -> None:
    match = start(8, seed=3)
    x, y = match.players.read("x")[:8], match.players.read("y")[:8]
    apart = np.hypot(x[:, None] - x, y[:, None] - y) + np.eye(8) * 1e6
    assert apart.min() > 400.0


def test_a_wall_stops_the_rail(start) -> None:
    match = start(2)
    match.place(0, 700.0, 288.0)
    match.place(1, 700.0, 400.0)  # the wall at y = 320 is between
    events = shoot(match, 0, SOUTH, Weapon.RAIL)
    assert match.verdicts == [(0, None, "wall")]
    assert match.players["health"][1] == 100
    assert events[0].args[4:] == (320 * 64, -1)


def test_the_rail_is_judged_by_what_the_shooter_saw(start) -> None:
    match = duel(start)
    match.seen = match.picture(0)
    match.place(1, 900.0, LANE - 100.0)  # has moved on since
    shoot(match, 0, EAST, Weapon.RAIL)
    assert match.verdicts == [(0, 1, "hit")]
    assert match.players["health"][1] == 20


def test_who_was_seen_but_lives_again_elsewhere_is_spared(start) -> None:
    match = duel(start)
    match.seen = match.picture(0)
    match.players["spawns"][1] += 1
    shoot(match, 0, EAST, Weapon.RAIL)
    assert match.verdicts == [(0, None, "gone")]
    assert match.players["health"][1] == 100


def test_who_was_seen_in_a_row_that_is_another_players_now_is_spared(start) -> None:
    match = duel(start)
    match.seen = match.picture(0)
    match.world["player"].generation[1] += 1
    shoot(match, 0, EAST, Weapon.RAIL)
    assert match.verdicts == [(0, None, "gone")]


def test_two_who_shoot_each_other_in_one_tick_both_hit(start) -> None:
    match = duel(start)
    match.players["health"][:2] = 50
    match.step(match.inputs(buttons={0: FIRE, 1: FIRE}, aim={0: EAST, 1: WEST}))
    assert match.players["health"][:2].tolist() == [0, 0]
    assert match.players["score"][:2].tolist() == [1, 1]


def test_a_repeated_input_moves_but_does_not_fire(start) -> None:
    match = duel(start)
    inputs = match.inputs(buttons={0: FIRE | Button.RIGHT}, aim={0: EAST})
    inputs.missing[0] = True
    assert not match.step(inputs)
    assert match.players["vx"][0] > 0
    assert inputs.input["buttons"][0] == FIRE | Button.RIGHT, "the caller's inputs are left alone"


def test_a_row_without_input_stands_idle_and_keeps_its_aim(start) -> None:
    match = duel(start)
    match.step(match.inputs(buttons={1: Button.RIGHT}, aim={1: 1234}, weapon={1: 1}))
    only_first = match.inputs(buttons={0: Button.LEFT})
    only_first = Inputs(only_first.rows[:1], only_first.input.take(np.array([0])), only_first.missing[:1])
    for _ in range(30):
        match.step(only_first)
    assert (match.players["vx"][1], match.players["aim"][1], match.players["weapon"][1]) == (0, 1234, 1)


@pytest.mark.parametrize("tick_hz", [20, 60, 128])
@pytest.mark.parametrize("aim", range(700, 65536, 4111))
def test_rockets_do_not_tunnel(start, tick_hz: int, aim: int) -> None:
    match = start(1, tick_hz=tick_hz)
    match.place(0, 1280.0, 760.0)
    shoot(match, 0, aim, Weapon.ROCKET)
    rockets, arena = match.world["rocket"], match.game.map
    flown = 1
    while rockets.count:
        x, y = rockets.read("x")[:1], rockets.read("y")[:1]
        assert not arena.blocked(x, y)[0]
        last = x[0], y[0]
        match.step()
        flown += 1
        assert flown <= 4 * tick_hz
    explosion = next(event for event in match.events if event.code == Event.EXPLOSION)
    x, y = explosion.args[0] / 64, explosion.args[1] / 64
    assert not arena.blocked(np.array([x]), np.array([y]))[0]
    assert np.hypot(x - last[0], y - last[1]) <= 600.0 / tick_hz + 0.1
    around = [(x + dx, y + dy) for dx in (-2, 0, 2) for dy in (-2, 0, 2)]
    assert arena.blocked(*np.array(around).T).any() or flown > 3 * tick_hz, "it went off at a wall"


def test_a_rocket_meets_a_thin_wall_and_shields_who_is_behind(start) -> None:
    match = duel(start)
    match.place(0, 700.0, 288.0)
    match.place(1, 700.0, 370.0)  # right behind the wall at y = 320..352
    shoot(match, 0, SOUTH, Weapon.ROCKET)
    while match.world["rocket"].count:
        match.step()
    assert match.players["health"][1] == 100


def test_a_direct_hit_hurts_pushes_and_is_the_shooters(start) -> None:
    match = duel(start, distance=200.0)
    shoot(match, 0, EAST, Weapon.ROCKET)
    assert match.world["rocket"]["input_tick"][0] == 1
    shoves = match.players["shoves"][1]
    while match.world["rocket"].count:
        events = match.step()
    # 200 px, less both radii, at 10 px a tick: the 18th tick of flight
    assert match.world.tick == 18
    assert codes(events) == [Event.EXPLOSION, Event.HIT]
    assert match.players["health"][1] == 5
    assert match.players["vx"][1] > 0
    assert match.players["shoves"][1] == shoves + 1
    assert match.players["health"][0] == 100


def explode_beside(start, gap: float, row: int = 1):
    """A rocket fired at the wall to the south of row 0; row `row` stands `gap` px from where it goes off."""
    match = start(2)
    match.place(0, 600.0, 303.9 if row == 0 else 180.0)
    match.place(1, 600.0 + gap if row == 1 else 1400.0, 303.9)
    shoot(match, 0, SOUTH, Weapon.ROCKET)
    while match.world["rocket"].count:
        match.step()
    return match


@pytest.mark.parametrize(("gap", "left"), [(40.0, 39), (66.0, 60), (90.0, 79), (120.0, 100)])
def test_splash_falls_off_with_distance(start, gap: float, left: int) -> None:
    match = explode_beside(start, gap)
    assert match.players["health"][1] == pytest.approx(left, abs=6)


def test_ones_own_rocket_does_half_the_damage_and_all_of_the_push(start) -> None:
    match = explode_beside(start, 0.0, row=0)
    assert match.players["health"][0] == 62, "100 less half of 75"
    assert match.players["vy"][0] == pytest.approx(-520.0 * 64 / 60, rel=0.05)
    assert not [event for event in match.events if event.code == Event.HIT]


def test_killing_oneself_costs_a_point(start) -> None:
    match = start(1)
    match.place(0, 640.0, 296.0)
    match.players["health"][0] = 20
    shoot(match, 0, SOUTH, Weapon.ROCKET)
    while match.world["rocket"].count:
        match.step()
    assert match.players["score"][0] == -1
    assert match.players["deaths"][0] == 1
    assert match.events[-1].args == (0, 0, Weapon.ROCKET)
    assert (match.players["vx"][0], match.players["vy"][0]) == (0, 0)


def test_who_leaves_takes_its_rockets_along(start) -> None:
    match = duel(start)
    match.step(match.inputs(buttons={0: FIRE, 1: FIRE}, aim={0: NORTH, 1: NORTH}, weapon={0: 1, 1: 1}))
    assert match.world["rocket"].count == 2
    match.game.leave(match.world, 0)
    match.world["player"].despawn(0)
    assert match.world["rocket"]["owner"][match.world["rocket"].rows()].tolist() == [1]
    for _ in range(60):
        match.step()


def test_a_rocket_goes_off_by_itself_in_the_end(start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("game.weapons.ROCKET_LIFE", 0.1)
    match = start(1)
    match.place(0, 640.0, LANE)
    shoot(match, 0, EAST, Weapon.ROCKET)
    for _ in range(5):
        match.step()
    assert codes(match.events) == [Event.EXPLOSION]
    assert match.events[0].args == ((640 + 60) * 64, 272 * 64, 0)


def test_rockets_in_flight_are_bounded(start) -> None:
    match = start(1)
    rockets = match.world["rocket"]
    for _ in range(rockets.kind.capacity):
        rocket = rockets.spawn()
        rockets["fuse"][rocket] = 1000
    shoot(match, 0, EAST, Weapon.ROCKET)
    assert rockets.count == rockets.kind.capacity


def test_teams_share_players_evenly_and_spare_each_other(start) -> None:
    match = start(4, teams=2)
    assert sorted(match.players["team"][:4].tolist()) == [1, 1, 2, 2]
    match.place(0, 600.0, LANE)
    match.place(1, 900.0, LANE)
    match.players["team"][:2] = 1
    shoot(match, 0, EAST, Weapon.RAIL)
    assert match.players["health"][1] == 100


def test_friendly_fire_costs_a_point(start) -> None:
    match = duel(start, teams=2, friendly_fire=1)
    match.players["team"][:2] = 1
    match.players["health"][1] = 10
    shoot(match, 0, EAST, Weapon.RAIL)
    assert match.players["score"][0] == -1


def test_shots_tells_whose_inputs_carry_a_view(start) -> None:
    match = start(4)
    inputs = match.inputs(buttons={0: FIRE, 1: FIRE, 3: FIRE}, weapon={1: 1, 2: 0, 3: 2})
    assert match.game.shots(inputs.input).tolist() == [True, False, False, True]


def test_a_repeated_input_runs_on_without_its_deeds(start) -> None:
    match = start(1)
    held = match.inputs(buttons={0: FIRE | Button.DASH | Button.LEFT}, aim={0: 77}, weapon={0: 2}).input
    repeated = match.game.repeat(held)
    assert repeated.state[:, 0].tolist() == [Button.LEFT, 77, 2]
    assert held["buttons"][0] == FIRE | Button.DASH | Button.LEFT


@pytest.mark.parametrize(
    ("armour", "damage_taken", "armour_left"),
    [(0, 80, 0), (50, 32, 2), (100, 32, 52), (48, 32, 0), (10, 70, 0)],
)
def test_armour_takes_three_fifths_while_it_lasts(start, armour: int, damage_taken: int, armour_left: int) -> None:
    match = duel(start)
    match.players["armour"][1] = armour
    events = shoot(match, 0, EAST, Weapon.RAIL)
    assert match.players["health"][1] == 100 - damage_taken
    assert match.players["armour"][1] == armour_left
    assert events[1].args == (1, 80), "the shooter is told what the shot did"


def test_the_dead_wear_no_armour(start) -> None:
    match = duel(start)
    match.players["armour"][1], match.players["health"][1] = 100, 10
    shoot(match, 0, EAST, Weapon.RAIL)
    assert (match.players["health"][1], match.players["armour"][1]) == (0, 0)


def test_who_just_came_to_life_cannot_be_hurt_for_a_second(start) -> None:
    match = duel(start)
    match.players["guard"][1], match.players["guarded"][1] = 60, 1
    assert codes(shoot(match, 0, EAST, Weapon.RAIL)) == [Event.RAIL]
    assert match.verdicts == [(0, 1, "hit")]
    assert match.players["health"][1] == 100
    for _ in range(58):
        match.step()
        assert match.players["guarded"][1]
    match.step()
    assert not match.players["guarded"][1]


def test_protection_ends_when_its_owner_shoots(start) -> None:
    match = duel(start)
    match.players["guard"][:2], match.players["guarded"][:2] = 60, 1
    match.step(match.inputs(buttons={0: FIRE, 1: FIRE}, aim={0: EAST, 1: NORTH}))
    assert match.players["guarded"][:2].tolist() == [0, 0]
    assert match.players["health"][:2].tolist() == [100, 20]


def test_the_repeater_strays_a_little_and_hits_often(start) -> None:
    match = duel(start, distance=350.0)
    for _ in range(120):
        shoot(match, 0, EAST, Weapon.REPEATER)
        match.players["health"][1] = 100
    reasons = [reason for _, _, reason in match.verdicts]
    assert len(reasons) == 20
    assert 12 <= reasons.count("hit") <= 20
    assert {event.args for event in match.events} == {(1, 8)}
    columns = [match.game.bullet_direction(0, EAST, tick) for tick in range(2000)]
    strays = np.array([(column + 2048) % 4096 - 2048 for column in columns])
    assert (strays.min(), strays.max()) == (-28, 28)
    assert abs(strays.mean()) < 1.0
    assert np.abs(strays).mean() == pytest.approx(28 / 3, rel=0.1), "near the middle more often than far from it"


def test_the_repeater_does_not_reach_as_far_as_the_rail(start) -> None:
    match = duel(start, distance=960.0)
    for _ in range(60):
        shoot(match, 0, EAST, Weapon.REPEATER)
    assert {reason for _, _, reason in match.verdicts} == {"miss"}


def test_a_restored_world_goes_on_as_it_went(start) -> None:
    """Bots play; a copy of an earlier world, given the same inputs, comes to the same state at every tick."""
    match = start(8, seed=5)
    brain = match.game.brain("mixed", 2)
    for _ in range(60):
        match.step(match.think(brain))
    kept = World(match.game.kinds)
    kept.restore(match.world)
    recorded, digests = [], []
    for _ in range(600):
        inputs = match.think(brain)
        recorded.append(inputs)
        match.step(inputs)
        digests.append(match.world.digest())
    assert {Event.KILL, Event.SPAWN, Event.EXPLOSION, Event.RAIL} <= set(codes(match.events))
    again = type(match)(Arena.from_settings(match.game.settings()), kept)
    for inputs, digest in zip(recorded, digests, strict=True):
        again.step(inputs)
        assert again.world.digest() == digest


def test_events_fit_the_wire(start) -> None:
    match = start(8, seed=1)
    brain = match.game.brain("mixed", 1)
    for _ in range(300):
        match.step(match.think(brain))
    for event in match.events:
        assert type(event.code) is int
        assert all(type(arg) is int and -(2**31) <= arg < 2**31 for arg in event.args)


def test_settings_make_an_equal_game() -> None:
    game = Arena(tick_hz=30, max_players=12, seed=9, teams=2, friendly_fire=True)
    settings = game.settings()
    assert settings == {
        "map": "foundry",
        "tick_hz": 30,
        "max_players": 12,
        "seed": 9,
        "teams": 2,
        "friendly_fire": 1,
        "warmup": 0,
        "round_time": 300,
        "results": 8,
        "frag_limit": 0,
        "fog": 0,
    }
    again = Arena.factory(settings)
    assert again.settings() == settings
    assert again.player.capacity == 12
    assert again.map is load_map("foundry"), "maps are shared"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gravity": 1}, "no setting 'gravity'; there are: map, tick_hz"),
        ({"tick_hz": 19}, "tick_hz must be 20 to 128, got 19"),
        ({"tick_hz": "60"}, "tick_hz must be int, got '60'"),
        ({"max_players": 65}, "max_players must be 1 to 64, got 65"),
        ({"teams": 1}, "teams must be 0 or 2 to 4, got 1"),
        ({"teams": 5}, "teams must be 0 to 4, got 5"),
        ({"results": 0}, "results must be 1 to 60, got 0"),
        ({"map": "foundry,,canyon"}, "no map ''; there are: "),
        ({"map": ",".join(["foundry"] * 17)}, "17 maps in the rotation; there may be at most 16"),
        ({"seed": -1}, "seed must be 0 to"),
        ({"friendly_fire": 2}, "friendly_fire must be 0 or 1, got 2"),
        ({"map": "nowhere"}, "no map 'nowhere'; there are: "),
        ({"map": 3}, "map must be str, got 3"),
    ],
)
def test_bad_settings_are_told(settings: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Arena.factory(settings)


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=ROCKET.public_count, max_size=ROCKET.public_count))
@settings(deadline=None, max_examples=100)
def test_no_rocket_that_a_server_may_tell_of_is_too_odd_to_be_followed(values: list[int]) -> None:
    arena = Arena()
    state = np.array(values, np.int32)
    player = Rows(PLAYER, np.full((PLAYER.owner_count, 1), values[0], np.int32))
    assert arena.free_ticks("rocket", state, player) >= 0.0
    assert arena.free_ticks("rocket", np.zeros(ROCKET.public_count, np.int32), player) > 1e9


def test_what_a_client_predicts_of_a_shot_is_the_servers_rocket(start) -> None:
    match = duel(start)
    arena = match.game
    players = match.world["player"]
    before = Rows(PLAYER, players.state[: PLAYER.owner_count, :1].copy())
    shoot(match, 0, EAST, Weapon.ROCKET)
    after = Rows(PLAYER, players.state[: PLAYER.owner_count, :1])
    (made,) = arena.spawns(0, before, after, Rows.zeros(INPUT, 1), match.world.tick)
    assert made.kind == "rocket"
    assert made.state.tolist() == match.world["rocket"].state[: ROCKET.public_count, 0].tolist()
    assert arena.spawns(0, after, after, Rows.zeros(INPUT, 1), match.world.tick) == ()
    # Nobody is in its way now: it goes off at the end of the tick in which it meets the wall.
    match.place(1, 100.0, 100.0)
    fired, free = match.world.tick, arena.free_ticks("rocket", made.state, after)
    while match.world["rocket"].count:
        match.step()
    assert match.world.tick - fired - 1 <= free <= match.world.tick - fired
