"""What the match as a whole shows: clock, phases, winners, pick-ups, dashes, the repeater."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pygame
import pytest

from engine.game import GameEvent
from engine.world.picture import Picture, Seen
from game.arena import ArenaMap
from game.exhibition import Exhibition
from game.rules import Arena
from game.schema import GRID, MATCH, MAX_TEAMS, PICKUP, Event, Item, Phase, Weapon
from game.view.course import Course, course_of
from game.view.moments import Began, Burst, Dashed, Fired, Taken, Watcher
from game.view.renderer import Renderer
from game.view.scene import Scene

Maker = Callable[..., Picture]
ME = {"x": 1000.0, "y": 700.0}


def add_match(picture: Picture, **fields: int) -> None:
    values = np.zeros((MATCH.public_count, 1))
    for name, value in fields.items():
        values[MATCH.index[name], 0] = value
    picture.kinds["match"] = Seen(MATCH, values, np.ones(1, np.bool_), np.zeros(1, np.int32))


def add_pickups(picture: Picture, *rows: tuple[float, float, int, bool]) -> None:
    values = np.zeros((PICKUP.public_count, PICKUP.capacity))
    alive = np.zeros(PICKUP.capacity, np.bool_)
    for row, (x, y, item, ready) in enumerate(rows):
        alive[row] = True
        for name, value in (("x", x * GRID), ("y", y * GRID), ("item", item), ("ready", ready)):
            values[PICKUP.index[name], row] = value
    picture.kinds["pickup"] = Seen(PICKUP, values, alive, np.zeros(PICKUP.capacity, np.int32))


def test_a_picture_without_a_match_has_no_course(make_picture: Maker) -> None:
    picture = make_picture({0: ME})
    assert course_of(picture) is None
    add_match(picture, clock=600, pace=-1, phase=Phase.ROUND, round=2, arena=1, score1=3)
    assert course_of(picture) == Course(Phase.ROUND, 600.0, False, 2, 1, (3, 0, 0, 0))


def test_phases_and_teams_that_there_are_not_are_passed_over(
    renderer: Renderer, surface: pygame.Surface, make_picture: Maker, written: list[str]
) -> None:
    # Only a server that lies, or a file that does, tells of them.
    picture = make_picture({0: ME | {"team": MAX_TEAMS + 1}, 1: ME | {"team": 2}}, own_row=0)
    for clock in (0, 600):
        add_match(picture, clock=clock, pace=-1, phase=200, score2=77)
        renderer.draw(surface, Scene(picture, own_row=0, show_scores=True))
    assert "77" in written
    assert not any(words.startswith("TEAM") for words in written)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"clock": 16500, "pace": -1, "phase": Phase.ROUND}, "4:35"),
        ({"clock": 61, "pace": -1, "phase": Phase.ROUND}, "0:02"),
        ({"clock": 300, "pace": -1, "phase": Phase.WARMUP}, "warm-up 0:05"),
        ({"clock": 300, "pace": 0, "phase": Phase.WARMUP}, "waiting for players"),
        ({"clock": 600, "pace": -1, "phase": Phase.RESULTS}, "results 0:10"),
        ({"clock": 0, "pace": 0, "phase": 77}, ""),
    ],
)
def test_the_clock_in_each_phase(
    renderer: Renderer,
    surface: pygame.Surface,
    make_picture: Maker,
    written: list[str],
    fields: dict[str, int],
    words: str,
) -> None:
    picture = make_picture({0: ME}, own_row=0)
    add_match(picture, **fields)
    renderer.draw(surface, Scene(picture, own_row=0))
    assert words in written


def test_a_round_is_announced_and_its_winner_named(
    renderer: Renderer, surface: pygame.Surface, make_picture: Maker, written: list[str]
) -> None:
    picture = make_picture({0: ME, 1: ME}, own_row=0)
    add_match(picture, clock=900, pace=-1, phase=Phase.ROUND)
    begun = GameEvent(1, Event.ROUND, (Phase.ROUND, 2, 0, -1))
    renderer.draw(surface, Scene(picture, {1: "Ann"}, 0, 1.0, [begun]))
    assert "FIGHT" in written
    assert "round 2  ·  Test" in written
    written.clear()
    add_match(picture, clock=900, pace=-1, phase=Phase.RESULTS)
    over = GameEvent(2, Event.ROUND, (Phase.RESULTS, 2, 0, 1))
    renderer.draw(surface, Scene(picture, {1: "Ann"}, 0, 2.0, [over]))
    assert "Ann has won" in written
    assert "SCOREBOARD" in written


@pytest.mark.parametrize(("winner", "words"), [(0, "You have won"), (-1, "Nobody has won: it is a draw")])
def test_other_ends(
    renderer: Renderer, surface: pygame.Surface, make_picture: Maker, written: list[str], winner: int, words: str
) -> None:
    picture = make_picture({0: ME}, own_row=0)
    add_match(picture, phase=Phase.RESULTS)
    renderer.draw(surface, Scene(picture, {}, 0, 1.0, [GameEvent(1, Event.ROUND, (Phase.RESULTS, 1, 0, winner))]))
    assert words in written


def test_a_pickup_is_brighter_while_it_is_there_and_an_unknown_one_is_drawn(
    renderer: Renderer, surface: pygame.Surface, make_picture: Maker
) -> None:
    def bright(ready: bool, item: int) -> int:
        picture = make_picture({0: ME}, own_row=0)
        add_pickups(picture, (1060, 700, item, ready))
        renderer.draw(surface, Scene(picture, own_row=0))
        x, y = renderer.camera.to_surface(1060, 700)
        return int(pygame.surfarray.array3d(surface)[x - 8 : x + 8, y - 8 : y + 8].astype(int).sum())

    for item in (*Item, 99):
        assert bright(True, int(item)) > bright(False, int(item)) * 1.2


class TestMoments:
    def test_shots_of_the_repeater_and_dashes_are_read_from_the_counters(
        self, arena_map: ArenaMap, make_picture: Maker
    ) -> None:
        watcher = Watcher(arena_map)
        other = {"x": 900.0, "y": 700.0, "weapon": Weapon.REPEATER, "vx": 5.0}
        watcher.watch(Scene(make_picture({0: ME, 3: other}, own_row=0), own_row=0))
        moved = other | {"shots": 1, "dashes": 1}
        burst, dashed = watcher.watch(Scene(make_picture({0: ME, 3: moved}, own_row=0), own_row=0, time=0.1))
        assert isinstance(burst, Burst)
        # It ends in who stands in its way.
        assert (burst.row, burst.x, burst.y1) == (3, 900.0, 700.0)
        assert 960 < burst.x1 < 1000
        assert dashed == Dashed(3, 900.0, 700.0, 0.0)
        assert watcher.watch(Scene(make_picture({0: ME, 3: moved}, own_row=0), own_row=0, time=0.2)) == []

    def test_the_own_repeater_is_fired_too(self, arena_map: ArenaMap, make_picture: Maker) -> None:
        watcher = Watcher(arena_map)
        mine = ME | {"weapon": Weapon.REPEATER}
        watcher.watch(Scene(make_picture({0: mine}, own_row=0), own_row=0))
        fired, burst = watcher.watch(Scene(make_picture({0: mine | {"shots": 1}}, own_row=0), own_row=0, time=0.1))
        assert fired == Fired(Weapon.REPEATER, 1000.0, 700.0, 0.0)
        assert isinstance(burst, Burst)

    def test_a_row_that_is_new_or_was_dead_tells_nothing(self, arena_map: ArenaMap, make_picture: Maker) -> None:
        watcher = Watcher(arena_map)
        other = {"x": 900.0, "y": 700.0, "weapon": Weapon.REPEATER, "health": 0}
        watcher.watch(Scene(make_picture({3: other})))
        assert watcher.watch(Scene(make_picture({3: other | {"health": 100, "shots": 9}, 4: other}), time=0.1)) == []

    def test_events(self, arena_map: ArenaMap, make_picture: Maker) -> None:
        picture = make_picture({0: ME})
        add_pickups(picture, (50, 60, Item.ARMOUR, False))
        events = [
            GameEvent(1, Event.PICKUP, (0, Item.ARMOUR, 3, 50)),
            GameEvent(1, Event.PICKUP, (63, Item.HEALTH, 3, 40)),
            GameEvent(1, Event.ROUND, (Phase.RESULTS, 4, 1, -1)),
            GameEvent(1, Event.ROUND, (1,)),
        ]
        assert Watcher(arena_map).watch(Scene(picture, events=events)) == [
            Taken(Item.ARMOUR, 3, 50, 50.0, 60.0),
            Taken(Item.HEALTH, 3, 40, None, None),
            Began(Phase.RESULTS, 4, -1),
        ]


@pytest.mark.parametrize("teams", [0, 2])
def test_a_whole_match_can_be_drawn(teams: int, surface: pygame.Surface) -> None:
    game = Arena(map="warren", teams=teams, seed=4)
    match, renderer = Exhibition(game, 8, 4), Renderer(surface.get_size(), game.map)
    for frame in range(240):
        events = match.step()
        if frame % 4 == 0:
            renderer.draw(surface, Scene(match.picture(0.5), time=frame / 60, events=events, show_scores=frame > 200))
    assert pygame.surfarray.array3d(surface).std() > 5
