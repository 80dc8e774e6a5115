"""Maps: what is refused and how it is told, where players fit, what rays meet."""

from __future__ import annotations

from math import hypot

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UsageError
from game.arena import ArenaMap, Clearance, load_map, map_names, parse_map

SMALL = """name: Small
tile: 32

############
#..........#
#.@........#
#....#.....#
#....#.....#
#........@.#
#..........#
#..##......#
#..##......#
############
"""


@pytest.fixture(scope="module")
def small() -> ArenaMap:
    return parse_map(SMALL, "small.txt")


@pytest.mark.parametrize("name", map_names())
def test_every_map_of_the_package_loads(name: str) -> None:
    arena = load_map(name)
    x, y = (arena.spawns * 64).T
    assert arena.clearance.holds(x, y).all()


def test_foundry_is_larger_than_the_screen() -> None:
    foundry = load_map("foundry")
    assert (foundry.width, foundry.height) == (2560, 1920)
    assert len(foundry.spawns) >= 32
    assert (foundry.walls == foundry.walls[::-1, ::-1]).all(), "it looks the same from the other side"


def test_parse(small: ArenaMap) -> None:
    assert (small.name, small.tile, small.width, small.height) == ("Small", 32, 384, 320)
    assert small.spawns.tolist() == [[80, 80], [304, 176]]
    assert small.walls.sum() == 2 * 12 + 2 * 8 + 2 + 4


def replaced(line: int, text: str) -> str:
    lines = SMALL.splitlines()
    lines[line - 1] = text
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (replaced(5, "#....x.....#"), "line 5, column 6: 'x' is not in the legend"),
        (replaced(5, "#.........#"), "line 5: 11 tiles wide, the first line has 12"),
        (replaced(5, "#..........."), "line 5, column 12: the border must be wall"),
        (replaced(4, "######.#####"), "line 4, column 7: the border must be wall"),
        (replaced(13, "#####.######"), "line 13, column 6: the border must be wall"),
        (replaced(6, "#.@#.......#"), "line 6, column 3: the tiles around a spawn point must be floor"),
        (replaced(9, "#..........#"), "1 spawn points"),
        (replaced(2, "tile: 31"), "tile must be 16, 32 or 64, got '31'"),
        (replaced(2, "size: 32"), "line 2: expected 'name: ...' or 'tile: ...', got 'size: 32'"),
        (replaced(2, "name: Again"), "line 2: a second 'name'"),
        (replaced(1, "tile: 32").replace("tile: 32\ntile: 32", "tile: 32"), "the header lacks a line 'name: ...'"),
        ("name: Short\n\n#####", "the drawing has 1 lines; 8 to 256 are allowed"),
        ("name: Narrow\n\n" + "#####\n" * 9, "line 3: 5 tiles wide; 8 to 256 are allowed"),
        ("name: No end", "no empty line between header and drawing"),
        ("", "no empty line between header and drawing"),
    ],
)
def test_a_broken_map_is_told_where(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=r"small\.txt") as caught:
        parse_map(text, "small.txt")
    assert message in str(caught.value)


def test_a_spawn_point_that_cannot_be_reached_is_told() -> None:
    # One tile is left open above the pillar: a player needs two.
    text = SMALL.replace("#.@........#", "#.@..#.....#").replace("#........@.#", "#....#...@.#")
    text = text.replace("#..........#", "#....#.....#").replace("#..##......#", "#..###.....#")
    text = text.replace("#....#.....#", "#..........#", 1)
    with pytest.raises(UsageError, match=r"small\.txt line 9, column 10: no way from the first spawn point"):
        parse_map(text, "small.txt")


def test_an_unknown_map_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="foundry"):
        load_map("../../etc/passwd")


def test_blocked(small: ArenaMap) -> None:
    x = np.array([0.0, 31.9, 32.0, 160.0, 191.9, 192.0, -1.0, 1e6])
    y = np.array([50.0, 50.0, 50.0, 96.0, 96.0, 96.0, 50.0, 50.0])
    assert small.blocked(x, y).tolist() == [True, True, False, True, True, False, True, True]


def walk_by_units(clearance: Clearance, x: int, y: int, dx: int, dy: int) -> tuple[int, int]:
    """The oracle: one grid unit at a time, first along x, then along y, never off what is free."""
    for _ in range(abs(dx)):
        to = x + (1 if dx > 0 else -1)
        if not clearance.holds(np.array([to]), np.array([y]))[0]:
            break
        x = to
    for _ in range(abs(dy)):
        to = y + (1 if dy > 0 else -1)
        if not clearance.holds(np.array([x]), np.array([to]))[0]:
            break
        y = to
    return x, y


@given(st.integers(0, 10**6), st.integers(-2100, 2100), st.integers(-2100, 2100))
@settings(deadline=None, max_examples=40)
def test_move_goes_as_far_as_single_steps_would(start: int, dx: int, dy: int) -> None:
    clearance = parse_map(SMALL, "small.txt").clearance
    row, column = np.argwhere(clearance.free)[start % clearance.free.sum()].tolist()
    x, y = column * 1024 + start % 1024, row * 1024 + start // 7 % 1024
    reached = clearance.move(np.array([[x], [y]], np.int32), np.array([[dx], [dy]], np.int32))
    assert tuple(reached[:, 0].tolist()) == walk_by_units(clearance, x, y, dx, dy)


def test_a_free_cell_keeps_the_whole_square_out_of_walls(small: ArenaMap) -> None:
    rows, columns = np.nonzero(small.clearance.free)
    for across, down in ((0.0, 0.0), (15.98, 0.0), (0.0, 15.98), (15.98, 15.98)):  # in the cell
        for dx, dy in ((-16.0, -16.0), (15.98, -16.0), (-16.0, 15.98), (15.98, 15.98)):  # of the square
            assert not small.blocked(columns * 16 + across + dx, rows * 16 + down + dy).any()


def test_a_radius_that_fits_no_grid_is_refused(small: ArenaMap) -> None:
    with pytest.raises(UsageError, match="radius 0"):
        Clearance(small.walls, 32, 0)


def cast_by_steps(arena: ArenaMap, x: float, y: float, dx: float, dy: float, reach: float) -> float:
    """The oracle: a 200th of a pixel at a time until it is in a wall."""
    along = np.arange(0.0, reach, 0.005)
    length = hypot(dx, dy)
    inside = arena.blocked(x + along * dx / length, y + along * dy / length)
    return float(along[inside.argmax()]) if inside.any() else reach


@given(st.floats(33, 350), st.floats(33, 287), st.floats(-1, 1), st.floats(-1, 1), st.sampled_from([5.0, 60.0, 400.0]))
@settings(deadline=None, max_examples=80)
def test_cast_meets_the_wall_that_small_steps_meet(x: float, y: float, dx: float, dy: float, reach: float) -> None:
    if hypot(dx, dy) < 1e-3:
        dx = 1.0
    arena = parse_map(SMALL, "small.txt")
    found = arena.cast(np.array([x]), np.array([y]), np.array([dx]), np.array([dy]), reach)[0]
    by_steps = cast_by_steps(arena, x, y, dx, dy, reach)
    if abs(found - by_steps) > 0.02:
        # A corner may be cut by less than a step sees: then moving the ray a hair to one side agrees.
        sides = [cast_by_steps(arena, x + s * dy * 0.01, y - s * dx * 0.01, dx, dy, reach) for s in (-1, 1)]
        assert min(abs(found - side) for side in sides) < 0.5, (found, by_steps, sides)


def test_cast_many_rays_at_once_equals_each_alone(small: ArenaMap) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 384, 200), rng.uniform(0, 320, 200)
    heading = rng.normal(size=(2, 200))
    heading[:, :4] = [[1, -1, 0, 0], [0, 0, 1, -1]]
    together = small.cast(x, y, heading[0], heading[1], 500.0)
    alone = [small.cast(x[i : i + 1], y[i : i + 1], heading[:1, i], heading[1:, i], 500.0)[0] for i in range(200)]
    assert together.tolist() == alone
    assert (together[small.blocked(x, y)] == 0.0).all()


@pytest.mark.parametrize(
    ("x", "y", "dx", "dy", "distance"),
    [
        (80.0, 128.0, 1.0, 0.0, 80.0),  # the pillar at x = 160
        (80.0, 80.0, -3.0, 0.0, 48.0),  # the border at x = 32
        (80.0, 80.0, 0.0, -0.5, 48.0),
        (80.0, 176.0, 0.0, 2.0, 112.0),
        (112.0, 112.0, 0.0, 1.0, 112.0),  # onto the block's upper edge at y = 224
        (64.0, 160.0, 1.0, 0.0, 288.0),  # along the pillar's lower edge: grazing is not entering
        (192.0, 128.0, -1.0, 0.0, 0.0),  # from the pillar's face into it
        (192.0, 128.0, 1.0, 0.0, 160.0),  # and away from it
        (60.0, 60.0, 0.0, 0.0, 500.0),  # no heading
    ],
)
def test_cast_by_hand(small: ArenaMap, x: float, y: float, dx: float, dy: float, distance: float) -> None:
    assert small.cast(np.array([x]), np.array([y]), np.array([dx]), np.array([dy]), 500.0)[0] == distance


def test_line_of_sight(small: ArenaMap) -> None:
    x0, y0 = np.array([80.0, 80.0, 80.0]), np.array([128.0, 80.0, 80.0])
    x1, y1 = np.array([304.0, 304.0, 80.0]), np.array([128.0, 64.0, 80.0])
    assert small.line_of_sight(x0, y0, x1, y1).tolist() == [False, True, True]
    assert small.line_of_sight(x1, y1, x0, y0).tolist() == [False, True, True]


def test_one_pair_sees_each_other_as_many_do() -> None:
    arena = load_map("foundry")
    rng = np.random.default_rng(11)
    free = np.argwhere(arena.clearance.free)
    (y0, x0), (y1, x1) = (free[rng.integers(0, len(free), 600)].T * 16 + rng.uniform(0, 16, (2, 600)) for _ in range(2))
    x1[:100], y1[100:200] = x0[:100], y0[100:200]  # straight up and down, and across
    clear = arena.line_of_sight(x0, y0, x1, y1).tolist()
    one_by_one = [arena.sees(*pair) for pair in np.stack((x0, y0, x1, y1)).T.tolist()]
    assert 50 < sum(clear) < 300
    assert one_by_one == clear


def test_points_off_the_map_see_nothing(small: ArenaMap) -> None:
    assert small.sees(80.0, 80.0, 90.0, 90.0)
    for x, y in ((-5.0, 80.0), (80.0, -5.0), (384.0, 80.0), (80.0, 1e5)):
        assert not small.sees(80.0, 80.0, x, y)
        assert not small.sees(x, y, 80.0, 80.0)


def test_pickups_are_read(small: ArenaMap) -> None:
    assert small.pickups.shape == (0, 3)
    arena = parse_map(replaced(9, "#.M......@.#"), "small.txt")
    assert arena.pickups.tolist() == [[2, 80, 176]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            replaced(5, "#A.........#"),
            "line 5, column 2: the tiles around a pick-up must be floor",
        ),
        (
            replaced(5, "#.H..h.....#"),
            "'h' is not in the legend (# wall, . floor, @ spawn point, H health, A armour, M ammunition)",
        ),
    ],
)
def test_broken_pickups_are_told(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_map(text, "small.txt")
    assert message in str(caught.value)


def test_too_many_pickups_are_told() -> None:
    width = 40
    rows = [
        "#" * width,
        "#" + "." * (width - 2) + "#",
        "#.@.@" + "." * (width - 6) + "#",
        "#" + "." * (width - 2) + "#",
    ]
    rows += [line for _ in range(2) for line in ("#." + "M" * (width - 4) + ".#", "#" + "." * (width - 2) + "#")]
    rows += ["#" + "." * (width - 2) + "#", "#" * width]
    with pytest.raises(UsageError, match="72 pick-ups; there may be at most 64"):
        parse_map("name: Full\n\n" + "\n".join(rows) + "\n", "full.txt")


def test_a_pickup_that_cannot_be_reached_is_told() -> None:
    rows = ["#" * 16] + ["#........#.....#"] * 8 + ["#" * 16]
    rows[2] = "#..@..@..#.....#"
    rows[5] = "#........#..H..#"
    with pytest.raises(UsageError, match="line 8, column 13: no way from the first spawn point to this pick-up"):
        parse_map("name: Split\n\n" + "\n".join(rows) + "\n", "split.txt")


@pytest.mark.parametrize(("name", "longest"), [("canyon", 2600.0), ("warren", 900.0)])
def test_the_maps_are_of_distinct_character(name: str, longest: float) -> None:
    """Canyon is seen across, warren nowhere far; both look the same from the other side, pick-ups included."""
    arena = load_map(name)
    assert (arena.walls == arena.walls[::-1, ::-1]).all()
    items = {tuple(item) for item in arena.pickups.tolist()}
    assert items == {(item, arena.width - x, arena.height - y) for item, x, y in items}
    assert {item for item, _, _ in items} == {0, 1, 2}
    x, y = arena.spawns.T.astype(np.float64)
    angle = np.arange(720) * np.pi / 360
    reach = [
        arena.cast(np.full(720, a), np.full(720, b), np.cos(angle), np.sin(angle), 4000.0)
        for a, b in zip(x, y, strict=True)
    ]
    if name == "canyon":
        assert np.max(reach) > longest
        assert np.median(reach) > 200.0
    else:
        assert np.max(reach) < longest
        assert np.median(reach) < 130.0
