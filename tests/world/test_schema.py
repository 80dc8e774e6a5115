"""Schemas: what is refused, how fields are ordered and grouped, and what the hash tells apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import UsageError
from engine.world.schema import MAX_FIELDS, Field, Kind, Scope, schema_hash

BODY = Kind(
    "body",
    (
        Field("secret", "uint16", scope=Scope.SERVER),
        Field("x", precision=1 / 64, rate="vx", threshold=2),
        Field("ammo", "uint8", scope=Scope.OWNER),
        Field("vx", "int16"),
        Field("aim", "uint16", wrap=True),
        Field("height", precision=1 / 8, rate="vx", scope=Scope.OWNER),
        Field("y", rate="vy"),
        Field("vy"),
    ),
    capacity=4,
    teleport="ammo",
)


def test_fields_are_stored_public_first_then_the_owners_then_the_servers() -> None:
    assert [field.name for field in BODY.fields] == ["x", "vx", "aim", "y", "vy", "ammo", "height", "secret"]
    assert (BODY.public_count, BODY.owner_count) == (5, 7)
    assert BODY.index["aim"] == 2


def test_columns_of_a_kind_tell_ranges_rates_and_groups() -> None:
    assert BODY.low[:, 0].tolist() == [-(2**31), -32768, 0, -(2**31), -(2**31), 0, -(2**31), 0]
    assert BODY.high[:, 0].tolist() == [2**31 - 1, 32767, 65535, 2**31 - 1, 2**31 - 1, 255, 2**31 - 1, 65535]
    bases, rates = BODY.rated
    assert (bases.tolist(), rates.tolist()) == ([0, 3, 6], [1, 4, 1])
    assert BODY.wrapped == ((2, 65536),)
    groups = [tuple(np.flatnonzero(line).tolist()) for line in BODY.coupled]
    # x and height share vx: all three go together.
    assert groups == [(0, 1, 6), (0, 1, 6), (2,), (3, 4), (3, 4), (5,), (0, 1, 6), (7,)]


def test_units_rounds_to_the_grid_and_clips_to_the_dtype() -> None:
    assert BODY.units("x", 1.5) == 96
    assert BODY.units("x", -0.01) == -1
    assert BODY.units("ammo", 300.0) == 255
    assert BODY.units("ammo", -5.0) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"name": "two words"},
        {"name": ""},
        {"dtype": "uint32"},
        {"dtype": "float32"},
        {"precision": 0.0},
        {"precision": -1.0},
        {"precision": float("nan")},
        {"threshold": -1},
        {"wrap": True},
        {"wrap": True, "dtype": "int16"},
    ],
)
def test_a_field_refuses(change: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        replace(Field("x"), **change)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_unsigned_fields_may_wrap(dtype: str) -> None:
    assert Field("a", dtype, wrap=True).wrap


@pytest.mark.parametrize(
    "change",
    [
        {"name": "no-identifier"},
        {"capacity": 0},
        {"capacity": 65536},
        {"fields": ()},
        {"fields": tuple(Field(f"f{n}") for n in range(MAX_FIELDS + 1))},
        {"fields": (Field("x"), Field("x"))},
        {"fields": (Field("x", rate="vx"),)},
        {"fields": (Field("x", rate="vx"), Field("vx", rate="ax"), Field("ax"))},
        {"fields": (Field("x", rate="vx"), Field("vx", scope=Scope.OWNER))},
        {"fields": (Field("x", rate="x"),)},
        {"teleport": "nothing"},
        {"shove": "nothing"},
    ],
)
def test_a_kind_refuses(change: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        replace(Kind("thing", (Field("x"),), capacity=3), **change)


def test_limits_themselves_are_allowed() -> None:
    assert Kind("thing", tuple(Field(f"f{n}") for n in range(MAX_FIELDS)), capacity=65535).public_count == MAX_FIELDS
    hidden_base = (Field("x", rate="vx", scope=Scope.OWNER), Field("vx"))
    assert Kind("thing", hidden_base, capacity=1).rated[0].tolist() == [1]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"capacity": 5},
        {"teleport": None},
        {"shove": "ammo"},
        {"fields": (*BODY.fields[:-1], replace(BODY.fields[-1], precision=0.5))},
        {"fields": (*BODY.fields[:-1], replace(BODY.fields[-1], dtype="uint8"))},
    ],
)
def test_the_hash_tells_schemas_apart(change: dict[str, object]) -> None:
    assert schema_hash((BODY,)) != schema_hash((replace(BODY, **change),))


def test_the_hash_is_31_bits_and_repeats() -> None:
    assert schema_hash((BODY,)) == schema_hash((replace(BODY),))
    assert 0 <= schema_hash((BODY,)) < 2**31
    other = replace(BODY, name="other")
    assert schema_hash((BODY, other)) != schema_hash((other, BODY))
