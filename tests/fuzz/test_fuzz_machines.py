"""The machines' share of a million inputs: see `million`. They are few, but each is a whole handshake or match."""

from __future__ import annotations

import million
import plain
import pytest


def test_machines_take_anything(capsys: pytest.CaptureFixture[str]) -> None:
    million.run(plain.MACHINES, capsys)
