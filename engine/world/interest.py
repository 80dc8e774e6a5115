"""Areas of interest: who is told of which rows, by distance, with hysteresis.

A peer sees a row once it comes into the rectangle around its own row, and goes on seeing it until it leaves a larger
one. Without the margin a row walking along the border would enter and leave with every step, each time whole.

    enter   |dx| <= width / 2           and |dy| <= height / 2
    stay    |dx| <= width / 2 + margin  and |dy| <= height / 2 + margin

All peers against all rows in one pass over `(peers, rows)`. `InSight` narrows the result to what no wall hides, so that
a client is never told what its player can't know. A game that knows more (teams, darkness) may return any `Interest`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.errors import UsageError
from engine.world.schema import Kind
from engine.world.table import World

_PAIRS_AT_ONCE = 131072
"""Distances reckoned in one pass: 512 KiB."""


class Interest(Protocol):
    """Says which rows of a kind each peer is told of. Never one's own: that one travels apart."""

    def sees(self, world: World, kind: Kind, player: Kind, own_rows: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Return `(n, rows) bool` for n peers.

        own_rows: `(n,) int`, their rows of the kind `player`; -1 for one that only watches. before: `(n, rows) bool`,
        what each was told of in its last snapshot. Rows that are not alive are left out by the caller.
        """
        ...


@dataclass(frozen=True, slots=True)
class Area:
    """The rectangle around a player, in grid units of the position fields `x` and `y`, which both kinds have.

    margin: how much further a row may go before it is lost. A peer that only watches sees everything.
    """

    width: int
    height: int
    margin: int
    x: str = "x"
    y: str = "y"

    def __post_init__(self) -> None:
        if self.width <= 0 or self.height <= 0 or self.margin < 0:
            raise UsageError(f"an area of {self.width} x {self.height} with a margin of {self.margin}")

    def sees(self, world: World, kind: Kind, player: Kind, own_rows: np.ndarray, before: np.ndarray) -> np.ndarray:
        rows, eyes = world[kind.name], world[player.name]
        result = np.empty(before.shape, np.bool_)
        # A few peers at a time: the distances then stay in the cache, and in memory that need not be asked for anew.
        step = max(1, _PAIRS_AT_ONCE // max(1, before.shape[1]))
        for at in range(0, len(own_rows), step):
            part = slice(at, at + step)
            stays = before[part]
            seen = result[part]
            for axis, size in ((self.x, self.width), (self.y, self.height)):
                apart = np.subtract.outer(eyes[axis][own_rows[part]], rows[axis])
                np.abs(apart, out=apart)
                if axis == self.x:
                    np.less_equal(apart, size // 2, out=seen)
                else:
                    seen &= apart <= size // 2
                stays = stays & (apart <= size // 2 + self.margin)
            seen |= stays
        result[own_rows < 0] = True
        return result


Clear = Callable[[World, np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Tells for n pairs of points x0, y0, x1, y1, in grid units, whether nothing hides one from the other, `(n,) bool`."""


@dataclass(frozen=True, slots=True)
class InSight:
    """The rows that a player sees: those of `among` (None: all) to which a line is clear.

    A row is told before it comes round the corner, so that it is there when it does: it counts as seen where a line
    would be clear if it, or the player, stood `reach` grid units further in any of four directions. One seen before is
    kept for as long as that holds with `keep`, which is no less: who walks along a corner does not enter with every
    step. Choose as reach what two players run in a round-trip time. A peer that only watches sees all of `among`.
    """

    clear: Clear
    reach: int
    keep: int
    among: Interest | None = None
    x: str = "x"
    y: str = "y"

    def __post_init__(self) -> None:
        if not 0 <= self.reach <= self.keep:
            raise UsageError(f"a reach of {self.reach}, and {self.keep} to keep: the second must be no less")

    def sees(self, world: World, kind: Kind, player: Kind, own_rows: np.ndarray, before: np.ndarray) -> np.ndarray:
        if self.among is None:
            result = np.ones(before.shape, np.bool_)
        else:
            result = self.among.sees(world, kind, player, own_rows, before)
        table, eyes = world[kind.name], world[player.name]
        pairs = np.flatnonzero(result & table.alive & (own_rows >= 0)[:, None])
        peers, rows = np.divmod(pairs, kind.capacity)
        own = own_rows[peers]
        eye = np.stack((eyes[self.x][own], eyes[self.y][own])).astype(np.float64)
        there = np.stack((table[self.x][rows], table[self.y][rows])).astype(np.float64)
        further = np.where(before[peers, rows], self.keep, self.reach)
        seen = self.clear(world, *eye, *there)
        for moves in (0, 1):  # the player, then the row
            for way in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                hidden = np.flatnonzero(~seen)
                ends = [eye[:, hidden], there[:, hidden]]
                stands = ends[moves]
                ends[moves] = aside = stands + np.array(way)[:, None] * further[hidden]
                # Nobody walks through a wall: the way there must be clear too.
                seen[hidden] = self.clear(world, *ends[0], *ends[1]) & self.clear(world, *stands, *aside)
        result[peers, rows] = seen
        return result
