"""Bots: what each behaviour does, that they fight well enough, and that they find their way."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import UsageError
from engine.world.picture import Picture, Seen
from game.arena import load_map, map_names
from game.characters import BEHAVIOURS
from game.navigation import Navigator
from game.schema import PLAYER, Button, Event, Item


def play(match, behaviour: str, ticks: int, seed: int = 1) -> np.ndarray:
    """Play; return where everyone was at every tick, `(ticks, 2, players)` pixels."""
    brain = match.game.brain(behaviour, seed)
    count = match.world["player"].count
    path = []
    for _ in range(ticks):
        match.step(match.think(brain))
        path.append(match.players.state[:2, :count] / 64)
    return np.array(path)


def test_an_unknown_behaviour_names_those_there_are(start) -> None:
    with pytest.raises(UsageError, match="'hero'; there are: mixed, runner, circle, duel, stop-and-go, afk"):
        start(0).game.brain("hero", 1)
    with pytest.raises(UsageError, match="no skill 'brave' in 'duel:brave'; there are: easy, normal, hard"):
        start(0).game.brain("duel:brave", 1)


@pytest.mark.parametrize(("behaviour", "players"), [("mixed", 12), ("stop-and-go", 12), ("duel", 6)])
def test_fighters_kill_within_seconds(start, behaviour: str, players: int) -> None:
    match = start(players)
    play(match, behaviour, 60 * 12)
    kills = [event for event in match.events if event.code == Event.KILL]
    assert len(kills) >= 3
    assert sum(event.args[0] == event.args[1] for event in kills) <= len(kills) / 2
    assert {reason for _, _, reason in match.verdicts} >= {"hit", "miss"}, "they hit, and they miss"


def test_runners_run_and_shoot_nobody(start) -> None:
    match = start(6)
    path = play(match, "runner", 600)
    # A place is 256 px apart at least, so in ten seconds at 320 px/s everyone has been far away from its start.
    assert (np.hypot(*(path - path[0]).transpose(1, 0, 2)).max(axis=0) > 500.0).all()
    moving = np.abs(np.diff(path, axis=0)).sum(axis=1) > 1.0
    assert moving.mean() > 0.95
    assert {event.code for event in match.events} <= {Event.PICKUP}


def test_circles_come_back_to_where_they_were(start) -> None:
    match = start(1)
    match.place(0, 2250.0, 770.0)  # above the middle of seven free tiles square
    path = play(match, "circle", 192)[:, :, 0]
    assert np.hypot(*(path[191] - path[95])) < 1.0
    assert np.hypot(*(path - path[0]).T).max() > 100.0


def test_stop_and_go_stops_and_goes(start) -> None:
    match = start(1)
    path = play(match, "stop-and-go", 1200)[:, :, 0]
    still = (np.abs(np.diff(path, axis=0)).sum(axis=1) == 0.0).mean()
    assert 0.2 < still < 0.8


def test_afk_does_nothing(start) -> None:
    match = start(3)
    path = play(match, "afk", 60)
    assert (path == path[0]).all()
    assert not match.events


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_the_same_seed_plays_the_same_match(start, behaviour: str) -> None:
    digests = []
    for _ in range(2):
        match = start(4, seed=7)
        play(match, behaviour, 200, seed=3)
        digests.append(match.world.digest())
    assert digests[0] == digests[1]


def test_bots_thought_for_together_do_what_they_do_alone(start) -> None:
    match = start(5)
    together = match.game.brain("mixed", 4)
    alone = [match.game.brain("mixed", 4) for _ in range(5)]
    for _ in range(240):
        inputs = match.think(together)
        picture = match.picture(0)
        tick = match.world.tick + 1
        singly = [brain.think(picture, np.array([row]), tick).state for row, brain in enumerate(alone)]
        assert np.array_equal(inputs.input.state, np.concatenate(singly, axis=1))
        match.step(inputs)


def test_a_client_bot_reads_its_own_row_with_the_owners_fields(start) -> None:
    """In a client's picture the table has public fields, and the own row stands apart, with its cooldowns."""
    match = start(2)
    match.place(0, 600.0, 272.0)
    match.place(1, 1000.0, 272.0)
    brain = match.game.brain("duel", 1)
    shots = []
    for _ in range(150):
        whole = match.picture(0)["player"]
        public = Seen(PLAYER, whole.values[: PLAYER.public_count], whole.alive, whole.generation)
        own = Seen(PLAYER, whole.values[: PLAYER.owner_count, :1], whole.alive[:1], whole.generation[:1])
        picture = Picture(match.picture(0).view, {"player": public}, own_row=0, own=own)
        given = brain.think(picture, np.array([0]), match.world.tick + 1)
        assert not given["buttons"][0] & Button.FIRE or own["rail_ready"][0] <= 1 or own["rocket_ready"][0] <= 1
        shots.append(bool(given["buttons"][0] & Button.FIRE))
        match.step(match.inputs(**{name: {0: int(given[name][0])} for name in ("buttons", "aim", "weapon")}))
        match.players["health"][:2] = 100
    assert any(shots)
    assert [event for event in match.events if event.code == Event.HIT]


def test_every_place_can_be_walked_to_from_every_spawn_point(start) -> None:
    match = start(1)
    arena = match.game.map
    navigator = Navigator(arena)
    for place in range(0, navigator.places, 7):
        goal = navigator._place_xy[:, place]
        for x, y in arena.spawns[::6].tolist():
            steps = 0
            while (heading := navigator.heading(place, x, y)) is not None:
                x, y = x + heading[0], y + heading[1]
                assert arena.clearance.holds(np.array([int(x * 64)]), np.array([int(y * 64)]))[0]
                steps += 1
                assert steps < 300
            assert abs(x - goal[0]) <= 24.0
            assert abs(y - goal[1]) <= 24.0


def test_places_cover_the_map() -> None:
    arena = load_map("foundry")
    navigator = Navigator(arena)
    rng = np.random.default_rng(2)
    for x, y in rng.uniform((50, 50), (2500, 1870), (50, 2)).tolist():
        if arena.clearance.holds(np.array([int(x * 64)]), np.array([int(y * 64)]))[0]:
            place = navigator._place_xy[:, navigator.place_near(x, y)]
            assert np.hypot(place[0] - x, place[1] - y) < 256.0 + 32.0


def frags(match, easy: list[int], hard: list[int], seconds: int) -> tuple[int, int]:
    """Let rows of two skills play each other; how many each side killed of the other."""
    brains = {"easy": easy, "hard": hard}
    minds = {skill: match.game.brain(f"duel:{skill}", 5) for skill in brains}
    for _ in range(seconds * match.game.tick_hz):
        inputs, picture = match.inputs(), match.picture(0)
        for skill, rows in brains.items():
            given = minds[skill].think(picture, np.array(rows), match.world.tick + 1)
            inputs.input.state[:, rows] = given.state
        match.step(inputs)
    kills = [event.args[:2] for event in match.events if event.code == Event.KILL]
    return sum(k in easy and v in hard for v, k in kills), sum(k in hard and v in easy for v, k in kills)


def test_hard_beats_easy(start) -> None:
    match = start(4, tick_hz=30, map="warren", teams=2, seed=3)
    team = match.players["team"][:4]
    easy, hard = np.flatnonzero(team == 1).tolist(), np.flatnonzero(team == 2).tolist()
    of_easy, of_hard = frags(match, easy, hard, 60)
    assert of_hard >= 8
    assert of_hard > 2 * of_easy


@pytest.mark.parametrize("name", map_names())
def test_no_bot_is_ever_stuck(start, name: str) -> None:
    match = start(8, map=name, tick_hz=30, seed=2)
    path = play(match, "runner", 30 * 20)
    # In any four seconds, each is once more than 150 px from where it was at their beginning.
    for begin in range(0, 480, 40):
        assert (np.hypot(*(path[begin : begin + 120] - path[begin]).transpose(1, 0, 2)).max(axis=0) > 150.0).all()


def test_a_hurt_bot_fetches_health(start) -> None:
    match = start(2)
    x, y = next((x, y) for item, x, y in match.game.map.pickups.tolist() if item == Item.HEALTH)
    match.place(0, *next(p for p in match.game.map.spawns.tolist() if 200.0 < np.hypot(p[0] - x, p[1] - y) < 700.0))
    match.players["health"][1] = 0  # nobody to fight
    match.players["respawn"][1] = 10_000
    match.players["health"][0] = 30
    brain = match.game.brain("mixed", 1)
    for _ in range(60 * 8):
        match.step(match.think(brain))
        if match.players["health"][0] > 30:
            break
    assert match.players["health"][0] == 70


@pytest.mark.parametrize(("skill", "dodges"), [("easy", False), ("hard", True)])
def test_who_is_good_steps_out_of_a_rockets_way(start, skill: str, dodges: bool) -> None:
    """A rocket from a wall's shelter, 400 px to the west of a bot that looks elsewhere."""
    hurt = []
    for seed in range(8):
        match = start(2)
        match.place(0, 600.0, 272.0)
        match.place(1, 1000.0, 272.0)
        brain = match.game.brain(f"stop-and-go:{skill}", seed)
        for tick in range(60):
            inputs = match.think(brain)
            inputs.input.state[:, 0] = (Button.FIRE if tick == 0 else 0, 0, 1)
            inputs.input["buttons"][1] &= ~Button.FIRE
            match.step(inputs)
        hurt.append(100 - int(match.players["health"][1]))
    assert (np.mean(hurt) < 40) == dodges, hurt


def test_bots_play_on_when_the_map_changes(start) -> None:
    match = start(6, map="foundry,warren", tick_hz=30, round_time=8, results=1)
    brain = match.game.brain("mixed", 2)
    kills = {0: 0, 1: 0}
    for _ in range(30 * 18):
        events = match.step(match.think(brain))
        kills[int(match.world["match"]["arena"][0])] += sum(event.code == Event.KILL for event in events)
    assert min(kills.values()) >= 1


def test_a_client_bot_waits_while_its_picture_shows_another_map(start) -> None:
    match = start(2, map="foundry,warren")
    brain = match.game.brain("duel", 1)
    whole = match.picture(0)
    own = Seen(PLAYER, whole["player"].values[: PLAYER.owner_count, :1].copy(), *(np.ones(1, np.bool_), np.zeros(1)))
    own.values[PLAYER.index["arena"]] = 1
    picture = Picture(whole.view, whole.kinds, own_row=0, own=own)
    assert not brain.think(picture, np.array([0]), 1).state.any()
    own.values[PLAYER.index["arena"]] = 0
    assert any(brain.think(picture, np.array([0]), tick)["buttons"][0] for tick in range(2, 40))
