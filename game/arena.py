"""The ground a match is played on: walls on a tile grid, how a player slides along them, and what a ray hits.

Three things make it exact and cheap, for one row on the client as for sixty-four on the server:

- Sliding (`Clearance`). A player of half-side r among walls is a point among walls grown by r. Grown walls fill whole
  cells of a finer grid, and a table holds for each free cell how far a point may go left, right, up and down. So a move
  is two look-ups and two clamps, in integers, whatever the speed: nothing is stepped, so nothing tunnels. (To walls a
  player is a square; to shots it is round.)
- Rays (`ArenaMap.cast`). A ray meets a wall where it enters a wall tile, through one of the grid lines it crosses. All
  crossings of all rays are laid out at once, so a thousand tiles cost as many array operations as one.
- Nothing changes after load, so both sides may keep and share what is derived here.

The text format is described in `game/maps/__init__.py`. What it does not do: floors that move, doors, heights.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import resources
from math import ceil, gcd, inf

import numpy as np

from engine.errors import UsageError
from game.schema import GRID, MAX_PICKUPS, Item

WALL, FLOOR, SPAWN = "#", ".", "@"
ITEMS = {"H": Item.HEALTH, "A": Item.ARMOUR, "M": Item.AMMUNITION}
LEGEND = {WALL: "wall", FLOOR: "floor", SPAWN: "spawn point"} | {
    mark: item.name.lower() for mark, item in ITEMS.items()
}

PLAYER_RADIUS = 16
"""Pixels. As wide as a 32 px tile: fills a good part of a corridor, and is a fair target at a screen's distance."""

PICKUP_RADIUS = 14
"""Pixels: a player whose edge comes so close to a pick-up's middle has it."""

TILES = (16, 32, 64)
"""Sides of a tile that a map may choose, in pixels: powers of two, so that a tile is found by shifting."""

SIZE = (8, 256)
"""Tiles along a side, least and most: 256 x 64 px x 64 grid units is a thousandth of an int32's range."""

MIN_SPAWNS = 2
"""One could be held by one enemy."""

_WAYS = np.array([(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)], np.int32).reshape(8, 2, 1)
"""Out of a wall's edge: along one axis, else along both."""

_NUDGE = 1e-9
"""Tiles. A ray through a corner goes on into the tile diagonally across, whichever way its last bit was rounded."""


@dataclass(frozen=True, eq=False)
class ArenaMap:
    """A map as loaded. Lengths are in pixels.

    tile: side of a tile. walls: `(rows, columns) bool`, True where a wall is. spawns: `(n, 2) int32`, x and y of the
    points where players come to life. pickups: `(n, 3) int32`, an `Item` each, its x and y.
    """

    name: str
    tile: int
    walls: np.ndarray
    spawns: np.ndarray
    pickups: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.int32))

    @property
    def width(self) -> int:
        """Pixels from the left edge to the right one."""
        return int(self.walls.shape[1]) * self.tile

    @property
    def height(self) -> int:
        """Pixels from the top edge to the bottom one."""
        return int(self.walls.shape[0]) * self.tile

    def blocked(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Tell which points lie in a wall or off the map, `(n,) bool`."""
        column = np.floor_divide(x, self.tile).astype(np.intp)
        row = np.floor_divide(y, self.tile).astype(np.intp)
        rows, columns = self.walls.shape
        outside: np.ndarray = (column < 0) | (column >= columns) | (row < 0) | (row >= rows)
        inside = self.walls[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)]
        outside |= inside
        return outside

    @cached_property
    def clearance(self) -> Clearance:
        """Where players can go."""
        return Clearance(self.walls, self.tile, PLAYER_RADIUS)

    @cached_property
    def near_pickups(self) -> np.ndarray:
        """From which tiles a player may touch a pick-up, `(rows, columns) bool`."""
        marked = np.zeros_like(self.walls)
        marked[self.pickups[:, 2] // self.tile, self.pickups[:, 1] // self.tile] = True
        by = ceil((PLAYER_RADIUS + PICKUP_RADIUS) / self.tile)
        return _grown(np.pad(marked, by), by)[by:-by, by:-by]

    def cast(self, x: np.ndarray, y: np.ndarray, dx: np.ndarray, dy: np.ndarray, reach: float) -> np.ndarray:
        """Return how far each of n rays goes before it enters a wall, at most `reach`, `(n,) float64` pixels.

        Rays start at (x, y) and head along (dx, dy), of any length; without one a ray reaches `reach`. A ray that
        starts in a wall goes 0. Grazing an edge or a corner is not entering.
        """
        return self.cast_each(np.stack((x, y)), np.stack((dx, dy)), np.full(len(x), reach))

    def cast_each(self, origin: np.ndarray, heading: np.ndarray, reach: np.ndarray) -> np.ndarray:
        """`cast` with a reach per ray: origin and heading are `(2, n)`, reach is `(n,)`; all float64 pixels."""
        grid = self._rays
        square = heading * heading
        length = np.sqrt(square[0] + square[1])
        unit = heading / np.maximum(length, grid.tiny)
        away = np.sign(unit)
        place = origin / grid.tile
        base = place + away * grid.nudge
        first = np.floor(base)
        # Axis 0: lines crossed on the way along x, along y. Axis 1: rays. Axis 2: the start, then the 1st, 2nd, ...
        crossings = away[:, :, None] * grid.steps[: int(max(reach.tolist(), default=0.0) / self.tile) + 3]
        entered = first[:, :, None] + crossings
        offset = first + (grid.half - grid.half * away) - place  # the line entered through is the tile's near side
        distance = (offset[:, :, None] + crossings) / np.copysign(np.maximum(np.fabs(unit), grid.tiny), unit)[
            :, :, None
        ]
        # The start has its line behind it: it counts where it is. So does a ray along the lines, which crosses none.
        np.maximum(distance, grid.zero, out=distance)
        across = np.floor(base[::-1, :, None] + distance * unit[::-1, :, None])
        flat = entered * grid.stride + across * grid.stride[::-1]
        # Beyond the border any tile will do: the border was met before.
        flat = np.minimum(np.maximum(flat, grid.zero), grid.last)
        np.putmask(distance, grid.free.take(flat.astype(np.intp)), np.inf)
        result: np.ndarray = np.minimum(np.minimum.reduce(distance, axis=(0, 2)) * grid.tile, reach)
        return result

    def line_of_sight(self, x0: np.ndarray, y0: np.ndarray, x1: np.ndarray, y1: np.ndarray) -> np.ndarray:
        """Tell for n pairs of points whether no wall is between them, `(n,) bool`."""
        heading = np.stack((x1 - x0, y1 - y0)).astype(np.float64)
        distance = np.sqrt(heading[0] * heading[0] + heading[1] * heading[1])
        clear: np.ndarray = self.cast_each(np.stack((x0, y0)).astype(np.float64), heading, distance) >= distance
        return clear

    def sees(self, x0: float, y0: float, x1: float, y1: float) -> bool:
        """Tell whether no wall is between two points; where one of them is off the map there is.

        The same question as `line_of_sight`, for one pair: from tile to tile in plain arithmetic, which for a single
        ray is many times cheaper than arrays.
        """
        tile, walls = self.tile, self._wall_rows
        column, row = int(x0 // tile), int(y0 // tile)
        last_column, last_row = int(x1 // tile), int(y1 // tile)
        height, width = len(walls), len(walls[0])
        if not (0 <= column < width and 0 <= last_column < width and 0 <= row < height and 0 <= last_row < height):
            return False
        tiles = abs(last_column - column) + abs(last_row - row)
        dx, dy = x1 - x0, y1 - y0
        step_x, step_y = (1 if dx > 0.0 else -1), (1 if dy > 0.0 else -1)
        # Parts of the way: to the next line across x, across y, and from one to the next.
        next_x = ((column + (dx > 0.0)) * tile - x0) / dx if dx else inf
        next_y = ((row + (dy > 0.0)) * tile - y0) / dy if dy else inf
        part_x, part_y = (tile / abs(dx) if dx else inf), (tile / abs(dy) if dy else inf)
        for _ in range(tiles):
            if next_x < next_y:
                column += step_x
                next_x += part_x
            else:
                row += step_y
                next_y += part_y
            if walls[row][column]:
                return False
        return True

    @cached_property
    def _wall_rows(self) -> list[bytes]:
        return [row.tobytes() for row in self.walls]

    @cached_property
    def _rays(self) -> _RayGrid:
        return _RayGrid(self.walls, self.tile)


class _RayGrid:
    """What casting rays on a map needs again and again, as float64 arrays: mixing in Python numbers costs more.

    free: `(tiles,) bool`, no wall, flat over rows then columns. last: the last tile. stride: `(2, 1, 1)`, from one tile
    to the next along x, along y. steps: 0, 1, 2, ... as many as there are tiles along the longer side.
    """

    def __init__(self, walls: np.ndarray, tile: int) -> None:
        self.free = ~walls.ravel()
        self.last = np.array([walls.size - 1.0])
        self.stride = np.array([1.0, walls.shape[1]]).reshape(2, 1, 1)
        self.steps = np.arange(max(walls.shape) + 1.0)
        self.tile = np.array([float(tile)])
        self.nudge = np.array([_NUDGE])
        self.zero, self.half, self.tiny = np.array([0.0]), np.array([0.5]), np.array([1e-300])


class Clearance:
    """Where the centre of a square of half-side `radius` can be, and how far it can go from there.

    The grid of cells is fine enough that walls grown by `radius` fill whole cells. Per cell, flat over rows then
    columns, `_x (2, cells) int32` holds the least and the greatest x, in grid units, that can be reached along its row
    of cells, and `_y` the same along its column. A cell owns its left and upper edges, so a square comes to touch a
    wall on its left, and stays 1/64 px away from one on its right.
    """

    def __init__(self, walls: np.ndarray, tile: int, radius: int) -> None:
        cell = gcd(tile, radius)
        if cell & (cell - 1) or radius < 1:
            raise UsageError(f"radius {radius} and tile {tile} share no power of two above 0")
        self.radius = radius
        # Arrays of the state's dtype, as numpy's mixed operations cost three times as much on few rows.
        self._shift = np.array([(cell * GRID).bit_length() - 1], np.int32)
        fine = walls.repeat(tile // cell, axis=0).repeat(tile // cell, axis=1)
        self.free = ~_grown(fine, radius // cell)
        """`(rows, columns) bool`, one per cell: where the centre can be."""
        self.cell = cell
        """Side of a cell in pixels."""
        self._width = np.array([self.free.shape[1]], np.int32)
        self._x = _runs(self.free, cell * GRID).reshape(2, -1)
        self._y = _runs(self.free.T, cell * GRID).transpose(0, 2, 1).reshape(2, -1)
        # The same as lists, for one square at a time.
        self._one_shift, self._one_width = int(self._shift[0]), int(self._width[0])
        self._least_x, self._most_x = self._x.tolist()
        self._least_y, self._most_y = self._y.tolist()
        self._last_cell = len(self._least_x) - 1

    def holds(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Tell which positions, in grid units on the map, are free, `(n,) bool`."""
        found: np.ndarray = self.free[y >> self._shift, x >> self._shift]
        return found

    def nearest(self, position: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the free place next to each of n positions that is at most about `reach` away, and which have one.

        position: `(2, n) int32` in grid units, wherever; a free one is its own, and one without keeps its own. Result:
        `(2, n) int32` and `(n,) bool`. Ways along one axis go first.
        """
        found = self._free_at(position)
        if found.all():
            return position, found
        result = position.copy()
        for way in _WAYS:
            lost = np.flatnonzero(~found)
            if not len(lost):
                break
            there = position[:, lost] + way * np.int32(reach)
            free = self._free_at(there)
            lost, there = lost[free], there[:, free]
            # Back again as far as the free cells go.
            for axis, limits in enumerate((self._x, self._y)):
                cell = there >> self._shift
                limit = limits.take(cell[1] * self._width + cell[0], axis=1, mode="clip")
                there[axis] = np.minimum(np.maximum(position[axis, lost], limit[0]), limit[1])
            result[:, lost] = there
            found[lost] = True
        return result, found

    def _free_at(self, position: np.ndarray) -> np.ndarray:
        """Tell which of n positions, `(2, n) int32` in grid units, are free, `(n,) bool`; off the map none is."""
        column, row = position >> self._shift
        rows, columns = self.free.shape
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        free: np.ndarray = inside & self.free[np.where(inside, row, 0), np.where(inside, column, 0)]
        return free

    def move(self, position: np.ndarray, velocity: np.ndarray) -> np.ndarray:
        """Return where n squares get in one tick, first along x, then along y, each stopped by the first wall.

        position, velocity, result: `(2, n) int32`, x over y, in grid units.
        """
        cell = position >> self._shift
        row = cell[1] * self._width
        result: np.ndarray = position + velocity
        # "clip": a position off the map can only come from a peer that lies; it gets a cell, not an exception.
        limit = self._x.take(row + cell[0], axis=1, mode="clip")
        x = result[0]
        np.minimum(np.maximum(x, limit[0], out=x), limit[1], out=x)
        limit = self._y.take(row + (x >> self._shift), axis=1, mode="clip")
        y = result[1]
        np.minimum(np.maximum(y, limit[0], out=y), limit[1], out=y)
        return result

    def move_one(self, x: int, y: int, vx: int, vy: int) -> tuple[int, int]:
        """Do as `move` for one square, in plain Python."""
        shift, last = self._one_shift, self._last_cell
        row = (y >> shift) * self._one_width
        cell = min(max(row + (x >> shift), 0), last)
        x = min(max(x + vx, self._least_x[cell]), self._most_x[cell])
        cell = min(max(row + (x >> shift), 0), last)
        return x, min(max(y + vy, self._least_y[cell]), self._most_y[cell])


def map_names() -> list[str]:
    """Return the names that `load_map` knows, sorted."""
    files = resources.files("game.maps").iterdir()
    return sorted(file.name.removesuffix(".txt") for file in files if file.name.endswith(".txt"))


@lru_cache(maxsize=16)
def load_map(name: str) -> ArenaMap:
    """Return the map `name` of this package. Raises UsageError when there is none, or when it is broken.

    A map never changes, so all games of a process that play on it share it, and what was derived from it.
    """
    if name not in map_names():
        raise UsageError(f"no map {name!r}; there are: {', '.join(map_names())}")
    file = f"{name}.txt"
    return parse_map(resources.files("game.maps").joinpath(file).read_text(encoding="utf-8"), file)


def parse_map(text: str, source: str) -> ArenaMap:
    """Return the map that `text` draws. Raises UsageError, which names `source`, line and column, when it is broken."""
    lines = text.splitlines()
    header, top = _header(lines, source)
    drawing = [line.rstrip() for line in lines[top:]]
    while drawing and not drawing[-1]:
        drawing.pop()
    _check_drawing(drawing, top, source)
    tiles = np.array([list(line) for line in drawing])
    walls = tiles == WALL
    tile = _tile(header, source)
    found = np.argwhere(tiles == SPAWN)
    if len(found) < MIN_SPAWNS:
        raise UsageError(f"{source}: {len(found)} spawn points ({SPAWN}); there must be at least {MIN_SPAWNS}")
    lying = np.argwhere(np.isin(tiles, list(ITEMS)))
    if len(lying) > MAX_PICKUPS:
        raise UsageError(f"{source}: {len(lying)} pick-ups; there may be at most {MAX_PICKUPS}")
    marked = [(at, "spawn point") for at in found.tolist()] + [(at, "pick-up") for at in lying.tolist()]
    for (row, column), what in marked:
        if walls[row - 1 : row + 2, column - 1 : column + 2].any():
            raise UsageError(f"{_at(source, top + row, column)}: the tiles around a {what} must be floor")
    spawns = _middles(found, tile)
    items = np.array([[ITEMS[tiles[row, column]]] for row, column in lying.tolist()], np.int32).reshape(-1, 1)
    pickups = np.concatenate((items, _middles(lying, tile)), axis=1)
    result = ArenaMap(header["name"], tile, walls, spawns, pickups)
    cells = np.concatenate((spawns, pickups[:, 1:])) // result.clearance.cell
    reached = _reachable(result.clearance.free, int(cells[0, 1]), int(cells[0, 0]))
    for ((row, column), what), (x, y) in zip(marked, cells.tolist(), strict=True):
        if not reached[y, x]:
            raise UsageError(f"{_at(source, top + row, column)}: no way from the first spawn point to this {what}")
    return result


def _middles(tiles: np.ndarray, tile: int) -> np.ndarray:
    """Return x and y of the middles of `tiles`, `(n, 2)` rows and columns, in pixels."""
    result: np.ndarray = tiles[:, ::-1].astype(np.int32) * tile + tile // 2
    return result


def _at(source: str, row: int, column: int) -> str:
    return f"{source} line {row + 1}, column {column + 1}"


def _header(lines: list[str], source: str) -> tuple[dict[str, str], int]:
    """Return the header's values and the index of the drawing's first line."""
    header: dict[str, str] = {}
    for at, line in enumerate(lines):
        if not line.strip():
            if "name" not in header:
                raise UsageError(f"{source}: the header lacks a line 'name: ...'")
            return header, at + 1
        key, colon, value = line.partition(":")
        key, value = key.strip(), value.strip()
        if not colon or key not in ("name", "tile") or not value:
            raise UsageError(f"{source} line {at + 1}: expected 'name: ...' or 'tile: ...', got {line[:40]!r}")
        if key in header:
            raise UsageError(f"{source} line {at + 1}: a second {key!r}")
        header[key] = value
    raise UsageError(f"{source}: no empty line between header and drawing")


def _tile(header: dict[str, str], source: str) -> int:
    text = header.get("tile", "32")
    if text not in map(str, TILES):
        raise UsageError(f"{source}: tile must be {', '.join(map(str, TILES[:-1]))} or {TILES[-1]}, got {text[:20]!r}")
    return int(text)


def _check_drawing(drawing: list[str], top: int, source: str) -> None:
    least, most = SIZE
    if not least <= len(drawing) <= most:
        raise UsageError(f"{source}: the drawing has {len(drawing)} lines; {least} to {most} are allowed")
    width = len(drawing[0])
    if not least <= width <= most:
        raise UsageError(f"{source} line {top + 1}: {width} tiles wide; {least} to {most} are allowed")
    for row, line in enumerate(drawing):
        for column, tile in enumerate(line):
            if tile not in LEGEND:
                known = ", ".join(f"{mark} {what}" for mark, what in LEGEND.items())
                raise UsageError(f"{_at(source, top + row, column)}: {tile!r} is not in the legend ({known})")
        if len(line) != width:
            raise UsageError(f"{source} line {top + row + 1}: {len(line)} tiles wide, the first line has {width}")
        inner = line[1:-1] if 0 < row < len(drawing) - 1 else ""
        border = line if not inner else line[0] + line[-1]
        if border.strip(WALL):
            gap = next(at for at, tile in enumerate(line) if tile != WALL and (not inner or at in (0, width - 1)))
            raise UsageError(f"{_at(source, top + row, gap)}: the border must be wall ({WALL})")


def _grown(cells: np.ndarray, by: int) -> np.ndarray:
    """Return True cells grown by `by` cells in all eight directions; what is off the grid counts as True."""
    padded = np.pad(cells, by, constant_values=True)
    rows, columns = cells.shape
    across = np.logical_or.reduce([padded[:, at : at + columns] for at in range(2 * by + 1)])
    grown: np.ndarray = np.logical_or.reduce([across[at : at + rows] for at in range(2 * by + 1)])
    return grown


def _runs(free: np.ndarray, unit: int) -> np.ndarray:
    """Return per cell the least and greatest coordinate of its run of free cells along axis 1.

    The result is `(2, rows, columns) int32`. A cell that is not free is a run of its own.
    """
    at = np.broadcast_to(np.arange(free.shape[1], dtype=np.int32), free.shape)
    start = np.maximum.accumulate(np.where(free, 0, at + 1), axis=1)
    end = np.minimum.accumulate(np.where(free, free.shape[1] - 1, at - 1)[:, ::-1], axis=1)[:, ::-1]
    return np.stack((np.where(free, start, at) * unit, (np.where(free, end, at) + 1) * unit - 1)).astype(np.int32)


def _reachable(free: np.ndarray, row: int, column: int) -> np.ndarray:
    """Return the free cells connected to one of them through sides, `(rows, columns) bool`."""
    reached = np.zeros_like(free)
    reached[row, column] = free[row, column]
    border = [(row, column)]
    while border:
        row, column = border.pop()
        for y, x in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if free[y, x] and not reached[y, x]:
                reached[y, x] = True
                border.append((y, x))
    return reached
