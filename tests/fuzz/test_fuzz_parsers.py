"""The parsers' share of a million inputs: see `million`."""

from __future__ import annotations

import million
import plain
import pytest


def test_parsers_give_a_value_or_protocol_error(capsys: pytest.CaptureFixture[str]) -> None:
    million.run(plain.PARSERS, capsys)
