"""A match goes on and on: nothing is lost, nothing grows, nothing stays behind. `bench/soak.py` has the whole of it."""

from __future__ import annotations

import pytest

from bench.soak import Soak


def test_a_short_match_leaves_nothing_behind() -> None:
    soak = Soak(players=4, seed=2)
    soak.run(6.0)  # rings of a second or four fill up meanwhile
    first, second = soak.run(6.0), soak.run(6.0)
    assert first.lines + second.lines >= 1
    assert second.held_bytes < 1.05 * first.held_bytes


@pytest.mark.slow
def test_sixteen_players_for_two_hours() -> None:
    soak = Soak(players=16, seed=3)
    rests = [soak.run(60.0) for _ in range(120)]
    assert max(rest.held_bytes for rest in rests) < 1.1 * rests[0].held_bytes
