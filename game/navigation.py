"""How a bot finds its way: a lattice of points a player fits on, and for each place which way to go from every point.

Points are 32 px apart, on the corners of the clearance's cells, so that a player who stands on one may walk to any
neighbour straight; diagonally where both corners beside the way are points too. Places are points worth going to:
pick-ups, spawn points, and others spread over the map. Ways to all of them are found at once, by flooding one lattice
per place together, before the first bot thinks: some 50 ms, and afterwards a step is a look-up.

What it does not do: shortest ways to the pixel, ways to anywhere but places, or round other players.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from game.arena import ArenaMap

PLACE_DISTANCE = 256.0
"""Pixels: no point of the map that can be walked to is farther from a place than this."""

MAX_PLACES = 128
"""A byte per point each: the largest map with the most places takes 8 MB. On larger maps places are farther apart."""

WAYS = ((1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (-1, -1), (1, -1))
"""Steps on the lattice; a field holds the number of one of them, or `ARRIVED`."""

ARRIVED = 8
"""In a field: the goal itself, or a point with no way to it."""


class Navigator:
    """Ways on one map. Points are numbered row by row, places from 0; positions are pixels."""

    def __init__(self, arena: ArenaMap) -> None:
        cell, free = arena.clearance.cell, arena.clearance.free
        self.step = 2 * cell
        """Pixels between neighbouring points."""
        self._cell = cell
        self._cells = int(free.shape[1])
        self._point = _points(free)
        """`(rows, columns) bool`: a player fits on (column * step, row * step). None on the edges, which are wall."""
        self._width = int(self._point.shape[1])
        self._nearest = _nearest(free, self._point)
        self._places = self._choose_places(np.concatenate((arena.pickups[:, 1:], arena.spawns)))
        distance = self._flood(self._places)
        self._fields = [self._ways(field).tobytes() for field in distance]
        self._place_xy = np.stack(self._position(self._places)).astype(np.float64)

    @property
    def places(self) -> int:
        """How many places there are."""
        return len(self._places)

    def place_near(self, x: float, y: float) -> int:
        """Return the place nearest to a position."""
        dx, dy = self._place_xy[0] - x, self._place_xy[1] - y
        return int((dx * dx + dy * dy).argmin())

    def heading(self, place: int, x: float, y: float) -> tuple[float, float] | None:
        """Return in which direction to walk from (x, y), where a player stands, to get to `place`; None when there."""
        here = self._at(x, y)
        way = self._fields[place][here]
        if way == ARRIVED:
            return None
        dx, dy = WAYS[way]
        return (here % self._width + dx) * self.step - x, (here // self._width + dy) * self.step - y

    def _at(self, x: float, y: float) -> int:
        """Return the point nearest to a position; one off the map, as it may be shown when maps change, gets some."""
        at = int(y) // self._cell * self._cells + int(x) // self._cell
        return self._nearest[min(max(at, 0), len(self._nearest) - 1)]

    def _position(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return points % self._width * self.step, points // self._width * self.step

    def _choose_places(self, marked: np.ndarray) -> np.ndarray:
        """Return the points next to `marked` (n, 2) positions, then always the point farthest from all chosen, until
        none is far, `(n,) intp`."""
        places = list(dict.fromkeys(self._at(x, y) for x, y in marked.tolist()))[:MAX_PLACES]
        start = np.array(places[:1])
        reached = np.flatnonzero(self._flood(start)[0].ravel() < _FAR)
        x, y = self._position(reached)
        apart = np.full(len(reached), np.inf)
        for place in places:
            apart = np.minimum(apart, _distance(x, y, *self._position(np.array(place))))
        while apart.max() > PLACE_DISTANCE and len(places) < MAX_PLACES:
            places.append(int(reached[apart.argmax()]))
            apart = np.minimum(apart, _distance(x, y, *self._position(np.array(places[-1]))))
        return np.array(places)

    def _flood(self, goals: np.ndarray) -> np.ndarray:
        """Return the straight steps from each point to each of the points `goals`, `(goals, rows, columns) int32`.

        Where no way leads it is `_FAR`.
        """
        width, count = self._width, len(goals)
        unseen = np.broadcast_to(self._point.ravel(), (count, self._point.size)).copy()
        front = np.zeros_like(unseen)
        front[np.arange(count), goals] = True
        unseen &= ~front
        distance = np.full(unseen.shape, _FAR, np.int32)
        step = 0
        # Flat rows follow each other, but no front crosses from one's end to the next one's start: there is wall.
        while front.any():
            np.putmask(distance, front, step)
            step += 1
            grown = np.zeros_like(front)
            for by in (1, width):
                grown[:, by:] |= front[:, :-by]
                grown[:, :-by] |= front[:, by:]
            grown &= unseen
            unseen ^= grown
            front = grown
        return distance.reshape(count, *self._point.shape)

    def _ways(self, distance: np.ndarray) -> np.ndarray:
        """Return for each point the way to the neighbour nearest to the goal; diagonals, two steps in one, win."""
        rows, columns = distance.shape
        padded = np.pad(distance, 1, constant_values=_FAR)
        best = distance
        ways = np.full(distance.shape, ARRIVED, np.uint8)

        def beside(dx: int, dy: int) -> np.ndarray:
            return padded[1 + dy : 1 + dy + rows, 1 + dx : 1 + dx + columns]

        for way, (dx, dy) in enumerate(WAYS):
            there = beside(dx, dy)
            better = (there < best) & (beside(dx, 0) < _FAR) & (beside(0, dy) < _FAR)
            ways[better] = way
            best = np.where(better, there, best)
        ways[~self._point] = ARRIVED
        return ways


@lru_cache(maxsize=16)
def navigator_for(arena: ArenaMap) -> Navigator:
    """Return the ways on a map. Neither ever changes, so all bots of a process share them."""
    return Navigator(arena)


_FAR = 2**30


def _distance(x: np.ndarray, y: np.ndarray, x0: np.ndarray, y0: np.ndarray) -> np.ndarray:
    dx, dy = x - x0, y - y0
    result: np.ndarray = np.sqrt(dx * dx + dy * dy)
    return result


def _points(free: np.ndarray) -> np.ndarray:
    """Return the lattice: every second corner of the cells, True where the four cells that meet there are free."""
    point = np.zeros((free.shape[0] // 2, free.shape[1] // 2), np.bool_)
    inner = free[1:-1, 1:-1]
    point[1:, 1:] = inner[::2, ::2] & inner[1::2, ::2] & inner[::2, 1::2] & inner[1::2, 1::2]
    return point


def _nearest(free: np.ndarray, point: np.ndarray) -> list[int]:
    """Return for each cell, row by row, the number of the point nearest to its middle, within two steps; else 0."""
    rows, columns = free.shape
    row, column = np.mgrid[0:rows, 0:columns]
    padded = np.pad(point, 3)
    best = np.full(free.shape, np.inf)
    chosen = np.zeros(free.shape, np.intp)
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            at_row, at_column = (row + 1) // 2 + dy, (column + 1) // 2 + dx
            away = (2.0 * at_row - row - 0.5) ** 2 + (2.0 * at_column - column - 0.5) ** 2
            better = padded[at_row + 3, at_column + 3] & (away < best)
            best[better] = away[better]
            chosen[better] = (at_row * point.shape[1] + at_column)[better]
    nearest: list[int] = chosen.ravel().tolist()
    return nearest
