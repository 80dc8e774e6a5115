"""Rows of state: a kind's columns, who is alive, and which generation a row is in.

    state       (fields, rows) int32    one contiguous column per field, in grid units
    alive       (rows,) bool
    generation  (rows,) int32           0..127; counts a row's reuses, so that the new tenant is never taken for the old

`Rows` is any such matrix with names on it (the server's table, one predicted row, the inputs of a tick); rules are
written over `Rows` and so run over n players or over one.
"""

from __future__ import annotations

from collections import deque
from hashlib import blake2b

import numpy as np

from engine.errors import UsageError
from engine.world.schema import Kind

GENERATIONS = 128
"""Generations before they repeat: one msgpack byte. Free rows are reused oldest first, so a repeat is minutes away."""


class Rows:
    """Named columns over a state matrix `(fields, rows) int32`. Columns are views: writing one writes the state."""

    __slots__ = ("kind", "state")

    def __init__(self, kind: Kind, state: np.ndarray) -> None:
        self.kind = kind
        self.state = state

    @classmethod
    def zeros(cls, kind: Kind, count: int) -> Rows:
        """Return `count` rows of zeros."""
        return cls(kind, np.zeros((len(kind.fields), count), np.int32))

    def __len__(self) -> int:
        return int(self.state.shape[1])

    def __getitem__(self, name: str) -> np.ndarray:
        """The column `name` in grid units, `(rows,) int32`, a view."""
        column: np.ndarray = self.state[self.kind.index[name]]
        return column

    def __setitem__(self, name: str, units: np.ndarray | int) -> None:
        self.state[self.kind.index[name]] = units

    def read(self, name: str) -> np.ndarray:
        """The column `name` in the game's unit, `(rows,) float64`, a copy."""
        at = self.kind.index[name]
        values: np.ndarray = self.state[at] * self.kind.fields[at].precision
        return values

    def write(self, name: str, values: np.ndarray | float, where: np.ndarray | None = None) -> None:
        """Round `values`, in the game's unit, onto the grid of column `name`; only the rows `where`, if given.

        Half goes to even; a value beyond the field's dtype is clipped, or wrapped where the field wraps.
        """
        at = self.kind.index[name]
        field = self.kind.fields[at]
        units = np.rint(np.asarray(values) * (1.0 / field.precision))
        if field.wrap:
            units = units.astype(np.int64) & int(self.kind.high[at, 0])
        else:
            units = np.minimum(np.maximum(units, self.kind.low[at, 0]), self.kind.high[at, 0])
        if where is None:
            self.state[at] = units
        else:
            self.state[at, where] = units

    def take(self, rows: np.ndarray) -> Rows:
        """Return a copy of the rows numbered `rows`, `(n,)` int."""
        return Rows(self.kind, self.state[:, rows])

    def put(self, rows: np.ndarray, other: Rows) -> None:
        """Write `other`'s rows over the rows numbered `rows`."""
        self.state[:, rows] = other.state


class Table(Rows):
    """All rows of a kind, with spawning and despawning."""

    __slots__ = ("_free", "alive", "generation")

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind, np.zeros((len(kind.fields), kind.capacity), np.int32))
        self.alive = np.zeros(kind.capacity, np.bool_)
        self.generation = np.zeros(kind.capacity, np.int32)
        self._free = deque(range(kind.capacity))

    @property
    def count(self) -> int:
        """Rows alive."""
        return self.kind.capacity - len(self._free)

    def rows(self) -> np.ndarray:
        """The numbers of the rows alive, ascending, `(n,) intp`."""
        return np.flatnonzero(self.alive)

    def spawn(self) -> int | None:
        """Bring a row to life, all zeros, in a new generation; None when the table is full."""
        if not self._free:
            return None
        row = self._free.popleft()
        self.state[:, row] = 0
        self.alive[row] = True
        self.generation[row] = (self.generation[row] + 1) % GENERATIONS
        return row

    def despawn(self, row: int) -> None:
        """End a row. Raises UsageError when it is not alive."""
        if not 0 <= row < self.kind.capacity or not self.alive[row]:
            raise UsageError(f"{self.kind.name} row {row} is not alive")
        self.alive[row] = False
        self._free.append(row)

    def restore(self, other: Table) -> None:
        """Become an exact copy of `other`, its free list included, so that what follows is the same."""
        self.state[...] = other.state
        self.alive[...] = other.alive
        self.generation[...] = other.generation
        self._free = deque(other._free)


class World:
    """The state of one match: a table per kind, and the tick it is the state of."""

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        if len({kind.name for kind in kinds}) != len(kinds):
            raise UsageError(f"a kind's name appears twice in {[kind.name for kind in kinds]}")
        self.kinds = kinds
        self.tables = {kind.name: Table(kind) for kind in kinds}
        self.tick = 0

    def __getitem__(self, name: str) -> Table:
        return self.tables[name]

    def digest(self) -> str:
        """Return a hash of the whole state: equal digests, equal worlds."""
        digest = blake2b(self.tick.to_bytes(8, "little"), digest_size=16)
        for table in self.tables.values():
            digest.update(np.where(table.alive, table.state, 0).tobytes())
            digest.update(table.alive.tobytes())
            digest.update(table.generation.tobytes())
        return digest.hexdigest()

    def restore(self, other: World) -> None:
        """Become an exact copy of `other`, a world of the same kinds."""
        self.tick = other.tick
        for name, table in self.tables.items():
            table.restore(other.tables[name])
