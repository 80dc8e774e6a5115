"""Every target on seeded random inputs: a few seconds of them in each test run, a million in the long one."""

from __future__ import annotations

import plain
import pytest

FAST = 12_000
LONG = 1_000_000


@pytest.mark.parametrize("name", plain.TARGETS)
def test_a_target_holds(name: str) -> None:
    plain.run(name, plain.shares(FAST)[name], seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", plain.TARGETS)
def test_a_target_holds_for_long(name: str) -> None:
    plain.run(name, plain.shares(LONG)[name], seed=2)


def test_every_target_has_examples_and_its_share() -> None:
    assert plain.seeds().keys() == plain.TARGETS.keys()
    assert all(plain.seeds().values())
    assert 990_000 <= sum(plain.shares(LONG).values()) <= 1_010_000
    assert min(plain.shares(FAST).values()) >= 1


def test_the_same_seed_gives_the_same_inputs() -> None:
    import random

    examples = plain.seeds()["messages"]
    one, other = ([plain.damaged(examples, random.Random(seed)) for _ in range(20)] for seed in (5, 5))
    assert one == other


def test_what_fails_says_how_to_repeat_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes) -> None:
        raise ValueError("no such thing")

    monkeypatch.setitem(plain.TARGETS, "header", broken)
    with pytest.raises(
        AssertionError, match=r"ValueError: no such thing\nagain: from plain import TARGETS; TARGETS\['hea"
    ):
        plain.run("header", 1, seed=1)
