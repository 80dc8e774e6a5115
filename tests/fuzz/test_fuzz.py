"""The fuzzing itself: that it repeats, that it gets past a reader's first look, and every target without coverage."""

from __future__ import annotations

import random
from collections import Counter

import damage
import msgpack
import outcomes
import plain
import pytest
from damage import Shape
from outcomes import VALUE

FAST = 20_000
LONG = 1_000_000
TAKES_ANYTHING = {"source_prefix", "printable"}
"""Targets that have a value for any bytes."""


@pytest.mark.parametrize("name", plain.TARGETS)
def test_a_target_holds_without_coverage(name: str) -> None:
    tally = plain.run(name, plain.shares(FAST)[name], seed=1)
    # A target whose inputs all fail the first test is no test of what comes behind it.
    assert tally[VALUE] > 0
    assert len(tally) > 1 or name in TAKES_ANYTHING


@pytest.mark.slow
@pytest.mark.parametrize("name", plain.TARGETS)
def test_a_target_holds_for_long(name: str) -> None:
    plain.run(name, plain.shares(LONG)[name], seed=2)


def test_every_target_has_examples_that_are_read() -> None:
    assert plain.seeds().keys() == plain.TARGETS.keys()
    for name, examples in plain.seeds().items():
        tally: Counter[str] = Counter()
        for example in examples:
            outcomes.count(tally, plain.attempt(name, example))
        assert tally[VALUE] > 0, name


def test_shares_are_a_million_and_none_is_small() -> None:
    shares = plain.shares(LONG)
    assert list(shares) == list(plain.TARGETS)
    assert 999_000 <= sum(shares.values()) <= 1_001_000
    assert min(shares.values()) >= 3000
    assert {*plain.PARSERS, *plain.MACHINES} == set(plain.TARGETS)
    assert sum(sum(plain.shares(LONG, names).values()) for names in (plain.PARSERS, plain.MACHINES)) >= 999_000
    assert min(plain.shares(10).values()) == 1


@pytest.mark.parametrize("shape", Shape)
def test_the_same_seed_gives_the_same_inputs(shape: Shape) -> None:
    examples = plain.seeds()["client_session" if shape is Shape.PIECES else "messages"]
    one, other, another = (
        [damage.damaged(examples, chance, shape) for _ in range(50)] for chance in map(random.Random, (5, 5, 6))
    )
    assert one == other != another
    assert max(map(len, one)) <= damage.MOST_BYTES


def test_objects_stay_objects_when_damaged_as_such() -> None:
    example = msgpack.packb([1, [2, b"abc", {1: 2}], "x", [], -7, 1.5, None, list(range(40))]) + b"\x05"
    chance, whole, lost = random.Random(1), 0, 0
    for _ in range(1000):
        unpacker = msgpack.Unpacker(strict_map_key=False)
        data = damage._changed_objects(example, example, chance.random)
        unpacker.feed(data)
        try:
            list(unpacker)
        except ValueError:
            lost += 1
            continue
        whole += unpacker.tell() == len(data)
    # What is left is an array's head that gave way to another object, or the other way round.
    assert whole > 700
    assert lost < 20


def test_a_table_says_how_far_it_got() -> None:
    tally = Counter({"value": 60, "short": 39, "long": 1})
    assert outcomes.row("x", 10, 1e-3, tally) == f"{'x':<16} {10:>8} {100.0:>8}  value 60%, short 39%, long 1%"
    assert outcomes.row("x", 10, 1e-3, tally, most=1).endswith("value 60%, 2 more")
    assert outcomes.taken(5, Counter({"short": 2})) == {"short": 2, VALUE: 3}
    assert outcomes.taken(1, Counter({"short": 2})) == {"short": 2}


def test_what_fails_says_how_to_repeat_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes) -> str:
        raise ValueError("no such thing")

    monkeypatch.setitem(plain.TARGETS, "header", broken)
    with pytest.raises(
        AssertionError, match=r"ValueError: no such thing\nagain: from plain import TARGETS; TARGETS\['hea"
    ):
        plain.run("header", 1, seed=1)
