"""Memory while time counts: what stands is left alone, circles made later are still found, pages are kept."""

from __future__ import annotations

import gc
import platform
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from engine.memory import THRESHOLDS, keep_freed_memory, settle


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
    settle()
    assert gc.get_threshold() == THRESHOLDS
    assert gc.get_freeze_count() > 1000
    assert not any(each is standing for each in gc.get_objects())


def test_a_tick_of_a_thousand_packets_sets_nothing_off() -> None:
    settle()
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
    settle()
    first = weakref.ref(Node())
    assert first() is not None
    for _ in range(THRESHOLDS[0] + 1000):
        Node()
    assert first() is None


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_what_was_freed_is_not_asked_for_again() -> None:
    resource = pytest.importorskip("resource")
    assert keep_freed_memory()

    def faults() -> int:
        before = int(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
        for _ in range(50):
            np.ones(1_000_000, np.int64)
        return int(resource.getrusage(resource.RUSAGE_SELF).ru_minflt) - before

    faults()  # the first of them come from the system
    assert faults() < 2000  # of 100,000 pages that are written to
