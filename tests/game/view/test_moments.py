from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.game import GameEvent
from engine.world.picture import Picture, View
from game.arena import ArenaMap
from game.schema import Event
from game.view.moments import Beam, Blast, Death, Fired, Hurt, Landed, Launched, Spawned, Switched, Watcher
from game.view.scene import Scene

Maker = Callable[..., Picture]
ME = {"x": 1000.0, "y": 800.0}


def event(code: Event, *args: int, to: int | None = None) -> GameEvent:
    return GameEvent(10, int(code), args, to)


def test_events_become_moments_in_pixels(arena_map: ArenaMap, make_picture: Maker) -> None:
    picture = make_picture({0: ME, 3: {"x": 500.0, "y": 400.0}})
    scene = Scene(
        picture,
        events=[
            event(Event.RAIL, 3, 64, 128, 6400, 12800, -1),
            event(Event.RAIL, 3, 64, 128, 6400, 12800, 0),
            event(Event.EXPLOSION, 640, 1280, 3),
            event(Event.KILL, 3, 0, 1),
            event(Event.KILL, 60, 0, 1),
            event(Event.SPAWN, 3, 640, 704),
        ],
    )
    assert Watcher(arena_map).watch(scene) == [
        Beam(3, 1.0, 2.0, 100.0, 200.0, None),
        Beam(3, 1.0, 2.0, 100.0, 200.0, 0),
        Blast(10.0, 20.0, 3),
        Death(3, 0, 1, 500.0, 400.0),
        Death(60, 0, 1, None, None),
        Spawned(3, 10.0, 11.0),
    ]


def test_an_event_for_another_is_not_ours(arena_map: ArenaMap, make_picture: Maker) -> None:
    picture = make_picture({0: ME}, own_row=0)
    events = [event(Event.HIT, 3, 80, to=0), event(Event.HIT, 4, 80, to=1)]
    assert Watcher(arena_map).watch(Scene(picture, own_row=0, events=events)) == [Landed(3, 80)]


@given(
    st.lists(
        st.builds(
            GameEvent,
            st.integers(0, 100),
            st.integers(-1, 9),
            st.lists(st.integers(-(2**31), 2**31 - 1), max_size=8).map(tuple),
        ),
        max_size=6,
    )
)
@settings(deadline=None, max_examples=80)
def test_no_event_is_too_odd(arena_map: ArenaMap, events: list[GameEvent]) -> None:
    moments = Watcher(arena_map).watch(Scene(Picture(View(0, None, 0)), own_row=2, events=events))
    assert len(moments) <= len(events)


def test_rockets_are_launched_when_they_appear_not_when_we_do(arena_map: ArenaMap, make_picture: Maker) -> None:
    watcher = Watcher(arena_map)
    flying = {2: {"x": 100.0, "y": 100.0, "vx": 10.0, "vy": 0.0, "owner": 5}}
    assert watcher.watch(Scene(make_picture({}, flying))) == []
    new = {7: {"x": 300.0, "y": 200.0, "vx": 0.0, "vy": 10.0, "owner": 6}}
    assert watcher.watch(Scene(make_picture({}, flying | new))) == [Launched(6, 300.0, 200.0, math.pi / 2)]
    assert watcher.watch(Scene(make_picture({}, flying | new))) == []
    reused = make_picture({}, {2: flying[2] | {"input_tick": 90.0}} | new)
    assert [moment.owner for moment in watcher.watch(Scene(reused)) if isinstance(moment, Launched)] == [5]
    elsewhere = make_picture({}, {2: flying[2] | {"input_tick": 90.0}, 200: new[7]})
    assert watcher.watch(Scene(elsewhere)) == []  # an own rocket, adopted: the same one in another row


def own_scene(make_picture: Maker, time: float = 0.0, events: Any = (), **own: float) -> Scene:
    public = {name: own[name] for name in ("x", "y", "aim", "weapon", "health", "spawns") if name in own}
    players = {0: ME | public, 1: {"x": 1300.0, "y": 800.0}}
    return Scene(make_picture(players, own_row=0, own=own), own_row=0, time=time, events=events)


def test_the_own_rail_is_seen_at_once_and_ends_at_whom_it_meets(arena_map: ArenaMap, make_picture: Maker) -> None:
    watcher = Watcher(arena_map)
    assert watcher.watch(own_scene(make_picture, rail_ready=0, rocket_ready=0)) == []
    # A rail shot holds up the rail gun for 72 ticks, and the rocket launcher for 15: only the rail gun has fired.
    fired, beam = watcher.watch(own_scene(make_picture, 0.1, rail_ready=72, rocket_ready=15))
    assert fired == Fired(0, 1000.0, 800.0, 0.0)
    assert isinstance(beam, Beam)
    assert (beam.shooter, beam.hit, beam.told, beam.y1) == (0, None, False, 800.0)
    assert 1284.0 <= beam.x1 <= 1300.0
    assert watcher.watch(own_scene(make_picture, 0.2, rail_ready=71, rocket_ready=14)) == []


def test_the_own_rail_stops_at_walls(arena_map: ArenaMap, make_picture: Maker) -> None:
    watcher = Watcher(arena_map)
    # Straight up from below the inner wall, whose lower edge is at 384.
    watcher.watch(own_scene(make_picture, x=700.0, y=600.0, aim=49152))
    _, beam = watcher.watch(own_scene(make_picture, 0.1, x=700.0, y=600.0, aim=49152, rail_ready=72))
    assert isinstance(beam, Beam)
    assert beam.y1 == pytest.approx(384.0)


def test_the_servers_answer_to_an_own_shot_is_told_already_a_second_one_is_not(
    arena_map: ArenaMap, make_picture: Maker
) -> None:
    watcher = Watcher(arena_map)
    watcher.watch(own_scene(make_picture))
    watcher.watch(own_scene(make_picture, 0.1, rail_ready=72))
    answers = [event(Event.RAIL, 0, 0, 0, 640, 0, -1), event(Event.RAIL, 0, 0, 0, 640, 0, -1)]
    beams = watcher.watch(own_scene(make_picture, 0.2, answers, rail_ready=66))
    assert [beam.told for beam in beams if isinstance(beam, Beam)] == [True, False]


def test_an_answer_that_never_came_does_not_hide_a_later_shot(arena_map: ArenaMap, make_picture: Maker) -> None:
    watcher = Watcher(arena_map)
    watcher.watch(own_scene(make_picture))
    watcher.watch(own_scene(make_picture, 0.1, rail_ready=72))
    (beam,) = watcher.watch(own_scene(make_picture, 5.0, [event(Event.RAIL, 0, 0, 0, 640, 0, -1)]))
    assert isinstance(beam, Beam)
    assert not beam.told


def test_a_wound_is_blamed_on_the_nearest_blast(arena_map: ArenaMap, make_picture: Maker) -> None:
    watcher = Watcher(arena_map)
    watcher.watch(own_scene(make_picture))
    far, near = event(Event.EXPLOSION, 64 * 1900, 64 * 800, 1), event(Event.EXPLOSION, 64 * 1000, 64 * 900, 1)
    moments = watcher.watch(own_scene(make_picture, 0.1, [far, near], health=60))
    assert moments[-1] == Hurt(40, pytest.approx(math.pi / 2))  # from below
    assert watcher.watch(own_scene(make_picture, 3.0, health=50)) == [Hurt(10, None)]


def test_coming_to_life_is_no_wound(arena_map: ArenaMap, make_picture: Maker) -> None:
    watcher = Watcher(arena_map)
    watcher.watch(own_scene(make_picture, spawns=1))
    assert watcher.watch(own_scene(make_picture, 0.1, health=50, spawns=2)) == []


def test_another_weapon_in_hand(arena_map: ArenaMap, make_picture: Maker) -> None:
    watcher = Watcher(arena_map)
    watcher.watch(own_scene(make_picture))
    assert watcher.watch(own_scene(make_picture, 0.1, weapon=1)) == [Switched(1)]
