"""A million inputs in the fast tests: guided by coverage where atheris is installed, else plain. Two test files share
the targets, so that two cores do."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import plain
import pytest

INPUTS = 1_000_000
"""Of all targets together."""
HERE = Path(__file__).resolve().parent
OUT = HERE.parents[1] / "out"


def run(names: Collection[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Give the targets `names` their shares; print the table, and leave it in out/ for whoever reads a test run."""
    guided = importlib.util.find_spec("atheris") is not None
    if guided:
        command = [sys.executable, str(HERE / "fuzz.py"), *names, f"-runs={INPUTS}"]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=500, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        table = done.stdout
    else:
        plain.run_all(names, INPUTS, seed=1)
        table = capsys.readouterr().out
    title = "guided by coverage" if guided else "plain: atheris is not installed"
    OUT.mkdir(exist_ok=True)
    (OUT / f"fuzz-{next(iter(names))}.txt").write_text(f"{title}\n{table}")
    print(table)
    rows = [line.split()[:2] for line in table.splitlines()[1:]]
    shares = plain.shares(INPUTS, names)
    assert [name for name, _ in rows] == list(shares)
    assert all(int(inputs) >= shares[name] for name, inputs in rows)
