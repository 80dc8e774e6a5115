"""The fuzzer's targets on Hypothesis's inputs, so that they hold and stay runnable where there is no fuzzer."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

PATH = Path(__file__).parents[2] / "fuzz" / "netcode_targets.py"
_spec = importlib.util.spec_from_file_location("netcode_targets", PATH)
targets = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(targets)

# Pieces that the machines know: types, sequences, lengths of bodies that fit.
piece = st.builds(
    lambda kind, sequence, body: bytes([kind, sequence, len(body)]) + body,
    st.integers(0, 15),
    st.integers(0, 255),
    st.one_of(st.binary(max_size=9), st.just(bytes(8))),
)
inputs = st.one_of(
    st.binary(max_size=400),
    st.lists(piece, max_size=12).map(b"".join),
    st.tuples(st.integers(0, 1100), st.binary(max_size=30)).map(lambda each: each[0].to_bytes(2, "little") + each[1]),
    st.tuples(st.integers(0, 1300), st.binary(max_size=30)).map(lambda each: targets.TOKEN[: each[0]] + each[1]),
)


@pytest.mark.parametrize("name", sorted(targets.TARGETS))
@settings(deadline=None, max_examples=100)
@given(data=inputs)
def test_a_target_holds(name, data):
    targets.TARGETS[name](data)
