"""Rounds in virtual ticks: warm-up, clock, results, the rotation, and what they do to players and scores."""

from __future__ import annotations

import numpy as np
import pytest

from engine.world.table import World
from game.rules import Arena
from game.schema import Event, Phase

FAST = {"tick_hz": 20, "warmup": 2, "round_time": 10, "results": 1}
"""At 20 Hz: 40 ticks, 200 ticks, 20 ticks."""


def phases(match) -> list[tuple[int, ...]]:
    return [event.args for event in match.events if event.code == Event.ROUND]


def run(match, ticks: int) -> None:
    for _ in range(ticks):
        match.step()


def test_a_match_goes_through_its_phases_and_maps(start) -> None:
    match = start(3, **FAST, map="foundry,warren")
    state = match.world["match"]
    assert (state["phase"][0], state["round"][0]) == (Phase.WARMUP, 1)
    run(match, 1)  # it notices that there are enough, and the clock begins to run
    run(match, 39)
    assert (phases(match), state["clock"][0]) == ([], 1)
    run(match, 1)
    assert phases(match) == [(Phase.ROUND, 1, 0, -1)]
    match.players["score"][1] = 4
    run(match, 200)
    assert phases(match)[1:] == [(Phase.RESULTS, 1, 0, 1)], "row 1 has won"
    run(match, 20)
    assert phases(match)[2:] == [(Phase.WARMUP, 2, 1, -1)]
    assert match.game.map_of(match.world).name == "Warren"
    run(match, 40 + 200 + 20)
    assert phases(match)[3:] == [(Phase.ROUND, 2, 1, -1), (Phase.RESULTS, 2, 1, -1), (Phase.WARMUP, 3, 0, -1)]


def test_the_clock_is_dead_reckoned_while_it_runs(start) -> None:
    match = start(2, **FAST)
    state = match.world["match"]
    run(match, 5)
    clock, pace = int(state["clock"][0]), int(state["pace"][0])
    assert pace == -1
    run(match, 30)
    assert state["clock"][0] == clock + 30 * pace


def test_a_warm_up_waits_for_a_second_player(start) -> None:
    match = start(1, **FAST)
    run(match, 200)
    assert (match.world["match"]["clock"][0], phases(match)) == (40, [])
    match.join()
    run(match, 41)
    assert phases(match) == [(Phase.ROUND, 1, 0, -1)]


def test_nothing_counts_in_a_warm_up_and_everyone_begins_anew(start) -> None:
    match = start(3, **FAST)
    match.players["health"][1] = 0
    match.players["armour"][2], match.players["ammo"][2] = 50, 0
    match.place(0, 640.0, 296.0)
    match.players["health"][0] = 20
    match.step(match.inputs(buttons={0: 16}, aim={0: 16384}, weapon={0: 1}))
    run(match, 10)
    assert match.players["health"][0] == 0, "its own rocket"
    assert (match.players["score"][0], match.players["deaths"][0]) == (0, 0)
    before = match.players.state.copy()
    match.step(match.inputs(buttons={2: 16}, weapon={2: 1}))
    while not phases(match):
        match.step()
    players = match.players
    assert players["health"][:3].tolist() == [100] * 3
    assert players["armour"][:3].tolist() == [0] * 3
    assert players["ammo"][:3].tolist() == [10] * 3
    assert players["guarded"][:3].all()
    assert (players["spawns"][:3] != before[players.kind.index["spawns"], :3]).all()
    assert (players["shoves"][:3] != before[players.kind.index["shoves"], :3]).all()
    assert match.world["rocket"].count == 0
    x, y = players.read("x")[:3], players.read("y")[:3]
    assert (np.hypot(x[:, None] - x, y[:, None] - y) + np.eye(3) * 1e6).min() > 600.0, "away from each other"


def test_nobody_is_hurt_while_results_are_shown(start) -> None:
    match = start(2, **FAST)
    match.world["match"]["phase"][0] = Phase.RESULTS
    match.place(0, 600.0, 272.0)
    match.place(1, 900.0, 272.0)
    match.step(match.inputs(buttons={0: 16}))
    assert match.players["health"][1] == 100


def test_a_new_map_moves_everyone_and_what_lies_about(start) -> None:
    match = start(4, **{**FAST, "warmup": 0}, map="foundry,canyon")
    run(match, 220)
    canyon = match.game.maps[1]
    players, pickups = match.players, match.world["pickup"]
    assert match.world["match"]["arena"][0] == 1
    assert players["arena"][:4].tolist() == [1] * 4
    places = set(map(tuple, canyon.spawns.tolist()))
    assert {(x, y) for x, y in zip(players["x"][:4] // 64, players["y"][:4] // 64, strict=True)} <= places
    lying = pickups.rows()
    found = np.stack((pickups["item"][lying], pickups["x"][lying] // 64, pickups["y"][lying] // 64), axis=1)
    assert sorted(found.tolist()) == sorted(canyon.pickups.tolist())


def test_a_score_ends_a_round(start) -> None:
    match = start(2, tick_hz=20, round_time=0, frag_limit=3)
    run(match, 5)
    match.players["score"][0] = 3
    run(match, 1)
    assert phases(match) == [(Phase.RESULTS, 1, 0, 0)]


def test_teams_score_together(start) -> None:
    match = start(4, teams=2, frag_limit=2)
    match.players["team"][:4] = [1, 1, 2, 2]
    for victim in (2, 3):
        match.place(0, 600.0, 272.0)
        match.place(victim, 900.0, 272.0)
        match.players["health"][victim], match.players["rail_ready"][0] = 1, 0
        match.step(match.inputs(buttons={0: 16}))
    state = match.world["match"]
    assert [int(state[f"score{team}"][0]) for team in (1, 2, 3, 4)] == [2, 0, 0, 0]
    assert phases(match) == [(Phase.RESULTS, 1, 0, 1)], "the number of the team"


def test_a_draw_has_no_winner(start) -> None:
    match = start(2, **{**FAST, "warmup": 0})
    run(match, 200)
    assert phases(match) == [(Phase.RESULTS, 1, 0, -1)]


@pytest.mark.parametrize("teams", [0, 2])
def test_a_restored_world_goes_through_the_same_rounds(start, teams: int) -> None:
    settings = {"tick_hz": 20, "warmup": 1, "round_time": 8, "results": 1, "map": "warren,foundry", "teams": teams}
    match = start(6, **settings)
    brain = match.game.brain("mixed", 2)
    for _ in range(30):
        match.step(match.think(brain))
    kept = World(match.game.kinds)
    kept.restore(match.world)
    recorded, digests = [], []
    for _ in range(420):
        inputs = match.think(brain)
        recorded.append(inputs)
        match.step(inputs)
        digests.append(match.world.digest())
    assert {phase for phase, *_ in phases(match)} == set(Phase)
    assert {Event.KILL, Event.PICKUP, Event.RAIL} <= {event.code for event in match.events}
    again = type(match)(Arena.from_settings(match.game.settings()), kept)
    for inputs, digest in zip(recorded, digests, strict=True):
        again.step(inputs)
        assert again.world.digest() == digest
