"""Players and rockets of which nothing is heard: into no wall, and on along it."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.client.interpolation import Interpolation
from engine.config import Switches
from engine.world.coasting import CoastingGame, coasting
from engine.world.history import ABSENT, EXACT, STALE, History
from engine.world.picture import VIEW_UNITS, View, sample
from game.arena import ArenaMap, parse_map
from game.coasting import coast_players, coast_rockets
from game.rules import Arena
from game.schema import GRID, MATCH, PLAYER, ROCKET
from game.weapons import stop_short

ROOM = """\
name: room

############
#..........#
#.@.....@..#
#..........#
#....##....#
#....##....#
#..........#
#..........#
############
"""
"""Walls: 0 to 32 and 352 to 384 px across, 0 to 32 and 256 to 288 down, and a block at 160 to 224, 128 to 192."""

X, Y, VX, VY = (PLAYER.index[name] for name in ("x", "y", "vx", "vy"))
DEEPEST = 52
"""Grid units a position that is told may be off: `schema.py`'s threshold of 48, and half of an eighth of a pixel."""


@pytest.fixture(scope="module")
def room() -> ArenaMap:
    return parse_map(ROOM, "room")


def player(x: float, y: float, vx: float, vy: float) -> np.ndarray:
    """One player, in pixels and pixels per tick."""
    rows = np.zeros((PLAYER.public_count, 1), np.int32)
    rows[[X, Y, VX, VY], 0] = np.rint(np.array([x, y, vx, vy]) * GRID)
    return rows


def rocket(x: float, y: float, vx: float, vy: float) -> np.ndarray:
    rows = np.zeros((ROCKET.public_count, 1), np.int32)
    rows[:4, 0] = np.rint(np.array([x, y, vx, vy]) * GRID)
    return rows


def pixels(rows: np.ndarray) -> list[float]:
    places: list[float] = (rows[[X, Y, VX, VY], 0] / GRID).tolist()
    return places


def test_a_player_stops_at_a_wall(room: ArenaMap) -> None:
    rows = player(330, 48, 5, 0)
    coast_players(room.clearance, rows)
    assert pixels(rows) == [335, 48, 5, 0]
    coast_players(room.clearance, rows)
    assert pixels(rows) == [336 - 1 / GRID, 48, 0, 0]  # 16 px from the wall at 352
    coast_players(room.clearance, rows)
    assert pixels(rows) == [336 - 1 / GRID, 48, 0, 0]


def test_a_player_slides_along_a_wall(room: ArenaMap) -> None:
    rows = player(50, 100, -4, 3)
    for y in (103, 106, 109):
        coast_players(room.clearance, rows)
        assert pixels(rows) == [48, y, 0 if y != 103 else pixels(rows)[2], 3]


def test_a_player_who_is_told_to_stand_a_little_in_a_wall_goes_on_beside_it(room: ArenaMap) -> None:
    rows = player(47.5, 60, 0, 4)  # half a pixel too far to the left
    for y in range(64, 180, 4):
        coast_players(room.clearance, rows)
        assert pixels(rows) == [48, y, 0, 4]


def test_a_player_deep_in_a_wall_is_not_held_by_it(room: ArenaMap) -> None:
    rows = player(10, 60, 0, 4)
    coast_players(room.clearance, rows)
    assert pixels(rows) == [10, 64, 0, 4]


@settings(deadline=None, max_examples=150)
@given(
    x=st.integers(48 * GRID - DEEPEST, 336 * GRID + DEEPEST),
    y=st.integers(48 * GRID - DEEPEST, 240 * GRID + DEEPEST),
    vx=st.integers(-960, 960),
    vy=st.integers(-960, 960),
)
def test_players_get_into_no_wall_and_move_as_their_own_rules_move_them(
    room: ArenaMap, x: int, y: int, vx: int, vy: int
) -> None:
    clearance = room.clearance
    rows = player(x / GRID, y / GRID, vx / GRID, vy / GRID)
    (start_x,), (start_y,) = clearance.nearest(rows[[X, Y]], GRID)[0].tolist()
    block = 144 * GRID <= x < 240 * GRID and 112 * GRID <= y < 208 * GRID
    inside = min(x - 144 * GRID, 240 * GRID - x, y - 112 * GRID, 208 * GRID - y)
    if block and inside > GRID:
        return  # more than a pixel in the block: no player is told to stand there
    assert abs(start_x - x) <= GRID
    assert abs(start_y - y) <= GRID
    for _ in range(8):
        before = start_x, start_y
        coast_players(clearance, rows)
        start_x, start_y = clearance.move_one(*before, vx, vy)
        vx, vy = vx if start_x - before[0] == vx else 0, vy if start_y - before[1] == vy else 0
        assert rows[[X, Y, VX, VY], 0].tolist() == [start_x, start_y, vx, vy]
        assert clearance.holds(rows[X], rows[Y]).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(*[st.integers(-(2**31), 2**31 - 1)] * 2, *[st.integers(-(2**15), 2**15 - 1)] * 2)))
def test_no_numbers_are_too_strange(room: ArenaMap, numbers: list[tuple[int, int, int, int]]) -> None:
    players = np.zeros((PLAYER.public_count, len(numbers)), np.int32)
    rockets = np.zeros((ROCKET.public_count, len(numbers)), np.int32)
    players[[X, Y, VX, VY]] = rockets[:4] = np.array(numbers, np.int32).reshape(-1, 4).T
    coast_players(room.clearance, players)
    coast_rockets(room, rockets)


@settings(deadline=None, max_examples=60)
@given(st.floats(40, 140), st.floats(40, 250), st.integers(-700, 700), st.integers(-700, 700))
def test_a_rocket_stops_where_it_would_go_off(room: ArenaMap, x: float, y: float, vx: int, vy: int) -> None:
    rows = rocket(x, y, vx / GRID, vy / GRID)
    begin, velocity = rows[:2] / GRID, rows[2:4] / GRID
    way = float(room.cast_each(begin, velocity, np.array([1000.0]))[0]) if vx or vy else inf
    for _ in range(100):
        coast_rockets(room, rows)
        flown = float(np.sqrt((((rows[:2] / GRID) - begin) ** 2).sum()))
        assert flown <= way
    if vx * vx + vy * vy > 250**2:
        assert flown >= float(stop_short(np.array(way))) - 0.1
        assert rows[2:4, 0].tolist() == [0, 0]


# Through the game ----------------------------------------------------------------------------------------------------


def histories(tick: int, rows: np.ndarray, match_status: int = EXACT, arena: int = 0) -> dict[str, History]:
    """A snapshot of one player, on a map of the rotation."""
    made = {kind.name: History(kind, kind.public_count, 16, 2) for kind in (PLAYER, MATCH)}
    tell(made, tick, rows, match_status, arena)
    return made


def tell(made: dict[str, History], tick: int, rows: np.ndarray, match_status: int = EXACT, arena: int = 0) -> None:
    state = np.zeros((PLAYER.public_count, PLAYER.capacity), np.int32)
    state[:, :1] = rows
    status = np.full(PLAYER.capacity, ABSENT, np.uint8)
    status[0] = EXACT
    made["player"].push(tick, state, status, np.ones(PLAYER.capacity, np.int32))
    match = np.zeros((MATCH.public_count, 1), np.int32)
    match[MATCH.index["arena"]] = arena
    made["match"].push(tick, match, np.full(1, match_status, np.uint8), np.ones(1, np.int32))


def test_the_arena_has_a_say() -> None:
    assert isinstance(Arena(), CoastingGame)


@pytest.mark.parametrize(("status", "arena", "held"), [(EXACT, 0, True), (EXACT, 200, True), (STALE, 0, False)])
def test_it_needs_to_know_the_map(status: int, arena: int, held: bool) -> None:
    game = Arena()
    start = (game.map.spawns[0][0] / 1, game.map.spawns[0][1] / 1)
    # As fast as anything: whatever way it starts, a wall is nearer than 15 ticks of 500 px.
    made = histories(10, player(*start, 500, 0), status, arena)
    view = View(10, None, 25 * VIEW_UNITS)
    seen = sample(PLAYER, made["player"], view, 15.0, coast=coasting(game, PLAYER, made, 10))
    assert seen is not None
    inside = game.map.blocked(seen["x"][:1], seen["y"][:1])
    assert not inside[0] if held else inside[0]


def test_who_runs_at_a_wall_stops_there_and_does_not_snap_when_news_come() -> None:
    """Drawn at every quarter of a tick: silence begins at tick 10; a snapshot of tick 16 says where the player is."""
    game = Arena()
    clearance = game.map.clearance
    x, y = game.map.spawns[0].tolist()
    rows = player(x, y, -5.0, 0.0)
    while rows[VX, 0]:
        coast_players(clearance, rows)
    wall = int(rows[X, 0])
    begin = player(wall / GRID + 12.0, y, -5.0, 0.0)
    made = histories(10, begin)
    interpolation = Interpolation(made, 15.0, game)
    interpolation.received(10)

    def draw(time: float, switches: Switches | None = None) -> float:
        view = interpolation.view(time, switches)
        assert view is not None
        picture = interpolation.draw(view)
        assert picture is not None
        seen = picture["player"]
        assert seen.values[X, 0] >= wall
        return float(seen["x"][0])

    shown = [draw(quarter / 4) for quarter in range(40, 60)]
    assert draw(14.9, Switches(dead_reckoning=False)) == shown[0]
    tell(made, 16, player(wall / GRID, y, 0.0, 0.0))
    interpolation.received(16)
    shown += [draw(quarter / 4) for quarter in range(60, 66)]
    steps = -np.diff(shown)
    assert steps.max() <= 5.0 / 4 + 1e-9  # never faster than it ran
    assert steps.min() >= -0.5  # and back by no more than the curve between the two snapshots
