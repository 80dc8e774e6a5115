"""Areas of interest: who is told of which rows, by distance, with hysteresis.

A peer sees a row once it comes into the rectangle around its own row, and goes on seeing it until it leaves a larger
one. Without the margin a row walking along the border would enter and leave with every step, each time whole.

    enter   |dx| <= width / 2           and |dy| <= height / 2
    stay    |dx| <= width / 2 + margin  and |dy| <= height / 2 + margin

All peers against all rows in one pass over `(peers, rows)`. A game that knows more (walls, teams, darkness) narrows the
result: `Game.interest` may return any `Interest`.
"""

from __future__ import annotations

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
