"""The replay window against an oracle that remembers everything."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.link.netcode.replay import ReplayWindow

sequences = st.one_of(
    st.lists(st.integers(0, 700), max_size=120),
    st.lists(st.integers(2**64 - 700, 2**64 - 1), max_size=120),
    st.lists(st.integers(0, 2**64 - 1), max_size=120),
)


@settings(deadline=None, max_examples=200)
@given(sequences)
def test_a_sequence_is_taken_once_and_never_when_256_behind(arrivals):
    window, taken = ReplayWindow(), set()
    for sequence in arrivals:
        newest = max(taken, default=0)
        too_old = newest >= 256 and sequence <= newest - 256
        assert window.refuses(sequence) == (too_old or sequence in taken)
        if not window.refuses(sequence):
            window.advance(sequence)
            taken.add(sequence)


def test_the_edge_of_the_window():
    window = ReplayWindow()
    window.advance(1000)
    assert window.refuses(1000)
    assert not window.refuses(745)
    assert window.refuses(744)


def test_256_behind_is_refused_even_at_the_start():
    window = ReplayWindow()
    assert not window.refuses(0)
    window.advance(255)
    assert not window.refuses(0)
    window.advance(256)
    assert window.refuses(0)


def test_asking_takes_nothing():
    window = ReplayWindow()
    assert not window.refuses(5)
    assert not window.refuses(5)
