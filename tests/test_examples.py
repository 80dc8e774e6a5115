"""The examples run, and show what they say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from engine.lab.__main__ import main as lab

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def test_the_smallest_game_is_played_and_seen_alike(capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("smallest_game", EXAMPLES / "smallest_game.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["ann", "bob"]
    for line in lines:
        told = re.search(r"sees dots at (.*); (\d+) snapshots of .* (\d+) corrections, (\d+) rows unlike", line)
        assert told is not None, line
        assert told[1].count("(") == 2
        assert int(told[2]) > 250
        assert (told[3], told[4]) == ("0", "0")


def test_a_replay_is_read_into_numpy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "match.twr"
    assert (
        lab(["run", "--link", "cable", "--players", "2", "--seconds", "2", "--warmup", "0", "--record", str(path)]) == 0
    )
    capsys.readouterr()
    spec = importlib.util.spec_from_file_location("read_replay", EXAMPLES / "read_replay.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(str(path))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("arena, 2.0 s, ")
    assert [line.split()[0] for line in lines[1:]] == ["P01", "P02"]
