"""Looking for garbage seldom: what stands is left alone, and circles made later are still found."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from engine.garbage import THRESHOLDS, look_seldom


class Node:
    """Something that can refer to itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_what_stands_is_not_looked_at_again() -> None:
    standing = Node()
    look_seldom()
    assert gc.get_threshold() == THRESHOLDS
    assert gc.get_freeze_count() > 1000
    assert not any(each is standing for each in gc.get_objects())


def test_a_tick_of_a_thousand_packets_sets_nothing_off() -> None:
    look_seldom()
    looks: list[str] = []

    def watch(phase: str, info: dict[str, int]) -> None:
        looks.append(phase)

    gc.callbacks.append(watch)
    try:
        for _ in range(20):
            packets = [(number, [number]) for number in range(5000)]
            del packets
    finally:
        gc.callbacks.remove(watch)
    assert not looks


def test_circles_made_later_are_found() -> None:
    look_seldom()
    first = weakref.ref(Node())
    assert first() is not None
    for _ in range(THRESHOLDS[0] + 1000):
        Node()
    assert first() is None
