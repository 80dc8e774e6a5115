"""What a game's state is made of: fields on an integer grid, and the kinds of row that carry them.

Every replicated number is an integer in fixed-point units of its field (`Field.precision` is the size of one unit), on
server and client alike. So two states are equal or they are not, a misprediction is an inequality, and deltas, history,
rewind and replays are exact. A kind's rows live in one int32 matrix `(fields, rows)`: one contiguous column per field.

What it does not do: nested or variable-length state. What does not fit in a fixed row is a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from hashlib import blake2b

import numpy as np

from engine.errors import UsageError

RANGES = {
    "bool": (0, 1),
    "int8": (-(2**7), 2**7 - 1),
    "uint8": (0, 2**8 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
}
"""The dtypes a field may have and what they hold. State is stored as int32 whatever the dtype, so uint32 is not one."""

MAX_FIELDS = 30
"""Fields of a kind: a delta's field mask is one integer, and must stay positive in an int32."""


class Scope(Enum):
    """Who a field is for. Order matters: a kind stores its public fields first, then the owner's, then the server's."""

    PUBLIC = 0  # everyone who sees the row
    OWNER = 1  # only the player whose row it is: ammunition, cooldowns, what the opponent must not know
    SERVER = 2  # nobody: never leaves the server


@dataclass(frozen=True, slots=True)
class Field:
    """One number of a row.

    name: an identifier, unique in its kind.
    dtype: one of `RANGES`; what a stored value may be, in grid units.
    precision: the size of one grid unit in the game's own unit (1/64: a 64th of a pixel).
    threshold: how far, in grid units, the published value may drift from the true one before it is sent again.
    coarse: others are told it in steps of `2**coarse` grid units: what no picture shows needs no bytes. The owner gets
        its own row unrounded.
    rate: the field that says by how many grid units this one changes per tick; it makes the field dead-reckoned.
    wrap: the value is cyclic over its dtype (an angle in a uint16): differences go the short way round.
    scope: who it is for.
    predicted: the client computes it from inputs; only such fields are compared when it reconciles.
    smooth: drawn between two snapshots (linearly, or by Hermite where `rate` is set); else it steps.
    """

    name: str
    dtype: str = "int32"
    precision: float = 1.0
    threshold: int = 0
    coarse: int = 0
    rate: str | None = None
    wrap: bool = False
    scope: Scope = Scope.PUBLIC
    predicted: bool = True
    smooth: bool = False

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise UsageError(f"field name {self.name!r} is not an identifier")
        if self.dtype not in RANGES:
            raise UsageError(f"field {self.name}: dtype {self.dtype!r} is not one of {', '.join(RANGES)}")
        if not self.precision > 0:
            raise UsageError(f"field {self.name}: precision must be positive, got {self.precision}")
        if self.threshold < 0:
            raise UsageError(f"field {self.name}: threshold must not be negative, got {self.threshold}")
        if not 0 <= self.coarse <= 15 or self.threshold < (1 << self.coarse) // 2:
            raise UsageError(
                f"field {self.name}: coarse must be 0 to 15, and the threshold at least half a step of 2**coarse,"
                f" got {self.coarse} and {self.threshold}"
            )
        if self.wrap and self.dtype not in ("uint8", "uint16"):
            raise UsageError(f"field {self.name}: only uint8 and uint16 wrap, not {self.dtype}")


FieldRows = slice | np.ndarray
"""Rows of a state matrix: a slice where they are consecutive (views cost nothing), else their numbers."""


@dataclass(frozen=True, slots=True)
class Blend:
    """A kind's public smooth fields: `bases` with `rates` by Hermite, `linear`, and `cyclic` as (row, modulus)."""

    bases: FieldRows | None
    rates: FieldRows | None
    linear: FieldRows | None
    cyclic: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Reckoning:
    """How the first n fields of a kind are dead-reckoned and wrapped, as few array operations.

    bases, rates: the fields with a rate among them, and their rates; None where there is none. cycle, half:
    `(n, 1) int32`, what a value is and-ed with to lie in its cycle (-1: all bits), and half the cycle (0 where there is
    none); None where no field wraps.
    """

    bases: FieldRows | None
    rates: FieldRows | None
    cycle: np.ndarray | None
    half: np.ndarray | None


@dataclass(frozen=True)
class Kind:
    """A kind of row: its fields, how many rows there can be, and which fields tell of outside forces.

    capacity: rows of the table; ids run from 0 to capacity - 1.
    teleport: a field that changes whenever the row jumps (spawn, portal): it is not interpolated across the change.
    shove: a field that changes whenever something the owner could not predict moved the row (knockback, respawn): a
        correction in the same snapshot is explained by it and is not a misprediction.

    Fields are stored public first, then the owner's, then the server's, in declaration order within each.
    """

    name: str
    fields: tuple[Field, ...]
    capacity: int
    teleport: str | None = None
    shove: str | None = None

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise UsageError(f"kind name {self.name!r} is not an identifier")
        if not 1 <= self.capacity <= 65535:
            raise UsageError(f"kind {self.name}: capacity must be 1 to 65535, got {self.capacity}")
        if not 1 <= len(self.fields) <= MAX_FIELDS:
            raise UsageError(f"kind {self.name}: 1 to {MAX_FIELDS} fields, got {len(self.fields)}")
        ordered = tuple(sorted(self.fields, key=lambda field: field.scope.value))
        object.__setattr__(self, "fields", ordered)
        names = [field.name for field in ordered]
        if len(set(names)) != len(names):
            raise UsageError(f"kind {self.name}: a field name appears twice in {names}")
        for field in ordered:
            if field.rate is None:
                continue
            if field.rate not in names:
                raise UsageError(f"kind {self.name}: {field.name} has rate {field.rate!r}, which is no field of it")
            rate = ordered[names.index(field.rate)]
            if rate.rate is not None or rate.scope.value > field.scope.value:
                raise UsageError(
                    f"kind {self.name}: {rate.name} has a rate or a narrower scope, so can't be {field.name}'s rate"
                )
            if rate.coarse < field.coarse:
                raise UsageError(
                    f"kind {self.name}: {rate.name} is told in finer steps than {field.name}, which it moves"
                )
        for role in (self.teleport, self.shove):
            if role is not None and role not in names:
                raise UsageError(f"kind {self.name}: {role!r} is no field of it")

    @cached_property
    def index(self) -> dict[str, int]:
        """Field name -> its row in the state matrix."""
        return {field.name: at for at, field in enumerate(self.fields)}

    @cached_property
    def public_count(self) -> int:
        """How many fields everyone gets: rows 0..public_count of the state matrix."""
        return sum(field.scope is Scope.PUBLIC for field in self.fields)

    @cached_property
    def owner_count(self) -> int:
        """How many fields the owner gets: rows 0..owner_count of the state matrix."""
        return sum(field.scope is not Scope.SERVER for field in self.fields)

    @cached_property
    def low(self) -> np.ndarray:
        """The smallest storable value of each field, `(fields, 1) int64`."""
        return np.array([[RANGES[field.dtype][0]] for field in self.fields], np.int64)

    @cached_property
    def high(self) -> np.ndarray:
        """The largest storable value of each field, `(fields, 1) int64`."""
        return np.array([[RANGES[field.dtype][1]] for field in self.fields], np.int64)

    @cached_property
    def precision(self) -> np.ndarray:
        """Grid unit of each field, `(fields, 1) float64`."""
        return np.array([[field.precision] for field in self.fields], np.float64)

    @cached_property
    def threshold(self) -> np.ndarray:
        """Publishing threshold of each field in grid units, `(fields, 1) int32`."""
        return np.array([[field.threshold] for field in self.fields], np.int32)

    @cached_property
    def coarse(self) -> np.ndarray | None:
        """By how many bits each public field is coarser for others, `(public, 1) int32`; None when none is."""
        bits = np.array([[field.coarse] for field in self.fields[: self.public_count]], np.int32)
        return bits if bits.any() else None

    @cached_property
    def predicted(self) -> np.ndarray:
        """Which fields the owner's client computes, `(fields,) bool`."""
        return np.array([field.predicted for field in self.fields], np.bool_)

    @cached_property
    def rated(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the dead-reckoned fields, and of their rates: two `(n,) intp` arrays."""
        pairs = [(at, self.index[field.rate]) for at, field in enumerate(self.fields) if field.rate is not None]
        return np.array([base for base, _ in pairs], np.intp), np.array([rate for _, rate in pairs], np.intp)

    @cached_property
    def reckonings(self) -> tuple[Reckoning, ...]:
        """How to dead-reckon the first n fields, by n from 0 on."""
        return tuple(self._reckoning(count) for count in range(len(self.fields) + 1))

    def _reckoning(self, count: int) -> Reckoning:
        pairs = [pair for pair in zip(*(rows.tolist() for rows in self.rated), strict=True) if pair[0] < count]
        cycle, half = np.full((count, 1), -1, np.int32), np.zeros((count, 1), np.int32)
        for at, modulus in self.wrapped:
            if at < count:
                cycle[at], half[at] = modulus - 1, modulus // 2
        wraps = bool(half.any())
        return Reckoning(
            _compact([base for base, _ in pairs]),
            _compact([rate for _, rate in pairs]),
            cycle if wraps else None,
            half if wraps else None,
        )

    @cached_property
    def blended(self) -> Blend:
        """Which fields are drawn between two snapshots, and how."""
        hermite, linear, cyclic = [], [], []
        for at, field in enumerate(self.fields[: self.public_count]):
            if not field.smooth:
                continue
            if field.rate is not None:
                hermite.append((at, self.index[field.rate]))
            elif field.wrap:
                cyclic.append((at, RANGES[field.dtype][1] + 1))
            else:
                linear.append(at)
        bases, rates = _compact([base for base, _ in hermite]), _compact([rate for _, rate in hermite])
        return Blend(bases, rates, _compact(linear), tuple(cyclic))

    @cached_property
    def still(self) -> bool:
        """Whether nothing of a row is ever drawn anywhere but where a snapshot says."""
        blend = self.blended
        return not len(self.rated[0]) and blend.linear is None and not blend.cyclic

    @cached_property
    def wrapped(self) -> tuple[tuple[int, int], ...]:
        """(row, modulus) of each cyclic field."""
        return tuple((at, RANGES[field.dtype][1] + 1) for at, field in enumerate(self.fields) if field.wrap)

    @cached_property
    def cyclic(self) -> np.ndarray:
        """Which fields are cyclic, `(fields, 1) bool`."""
        return np.array([[field.wrap] for field in self.fields])

    @cached_property
    def bounds(self) -> tuple[tuple[int, int, int], ...]:
        """(modulus, low, high) of each field, as plain ints; modulus 0 where it is not cyclic."""
        moduli = dict(self.wrapped)
        return tuple((moduli.get(at, 0), *RANGES[field.dtype]) for at, field in enumerate(self.fields))

    @cached_property
    def coupled(self) -> np.ndarray:
        """Which fields are published together, `(fields, fields) int32`: a field with its rate, each other alone."""
        group = list(range(len(self.fields)))
        for base, rate in zip(*self.rated, strict=True):
            old, new = group[rate], group[base]
            group = [new if member == old else member for member in group]
        return np.array([[int(a == b) for b in group] for a in group], np.int32)

    def units(self, name: str, value: float) -> int:
        """Return `value`, in the game's unit, as the nearest grid units of field `name`, clipped to what it holds."""
        at = self.index[name]
        return int(np.clip(np.rint(value / self.fields[at].precision), self.low[at, 0], self.high[at, 0]))


def _compact(rows: list[int]) -> FieldRows | None:
    if not rows:
        return None
    if rows == list(range(rows[0], rows[0] + len(rows))):
        return slice(rows[0], rows[0] + len(rows))
    return np.array(rows, np.intp)


def schema_hash(kinds: tuple[Kind, ...]) -> int:
    """Return 31 bits that differ when two sides' schemas do: they are compared when a client joins."""
    text = repr([(kind.name, kind.fields, kind.capacity, kind.teleport, kind.shove) for kind in kinds])
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "little") >> 1
