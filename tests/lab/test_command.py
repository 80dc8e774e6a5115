"""The command: exit codes, one clear line, and files that hold what was promised."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from engine.lab import run as running
from engine.lab.__main__ import main
from engine.lab.measures import ABOUT

SHORT = ["run", "--link", "cable", "--players", "2", "--seconds", "2", "--warmup", "0.5"]


def test_a_run_prints_its_table_and_writes_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, folder = tmp_path / "a.json", tmp_path / "csv"
    assert main([*SHORT, "--seed", "3", "--json", str(path), "--csv", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "real time" in printed
    found = json.loads(path.read_text())
    assert found["digest"] in printed
    assert found["partial"] is False
    assert found["seconds_virtual"] == 2.0
    assert found["seconds_wall"] > 0
    assert len(found["players"]) == 2
    for measures in (found["all"], *found["players"]):
        assert not set(ABOUT) - set(measures)
        assert set(measures["remote_error_px"]) == {"p50", "p95", "p99", "max"}
        assert set(measures["overshoot_px"]) == {"p50", "p99", "max"}
        assert {"p50", "p99"} <= set(measures["interp_delay_ms"])
        assert {"p50", "p99", "true_p50"} <= set(measures["rtt_ms"])
        assert "max" in measures["rewind_error_px"]
    with (folder / "players.csv").open(newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["P01", "P02"]
    assert (folder / "delays.csv").stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--link", "wify"], "did you mean wifi"),
        (["--players", "0"], "players must be"),
        (["--players", "65"], "room for 64"),
        (["--seconds", "-1"], "seconds must be"),
        (["--seconds", "nan"], "seconds must be"),
        (["--behaviour", "shy"], "no behaviour"),
        (["--game", "nowhere:Game"], "no game"),
        (["--json", "/nowhere/at/all.json"], "can't write"),
        (["--csv", "/dev/null/x"], "can't write"),
        (["--report", "/nowhere/at/all.html"], "can't write"),
        (["--sync-test", "0"], "distance must be"),
        (["nothing-like-it"], "no scenario"),
        (["--set", "snapshot_hz=7"], "does not divide"),
        (["--set", "snapshot_hz=10,20"], "one value for a run"),
        (["--set", "lead_margin_ticks=-1"], "lead_margin_ticks must be"),
        (["--switch", "predicton=off"], "no switch"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: object) -> None:
        raise AssertionError("it ran")

    monkeypatch.setattr("engine.lab.match.VirtualMatch.run", never)
    assert main(["run", "--seconds", "2", "--warmup", "0", *options]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert words in told.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[line]\ndelay_ms = -5", "delay"),
        ("[line]\nloss = 1.5", "loss"),
        ("[line]\nrate_trace = 'broken.down'", "broken.down"),
        ("[line]\ndelay = 5", "delay"),
    ],
)
def test_a_bad_link_is_refused_before_anything_runs(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "links.toml").write_text(text)
    (tmp_path / "broken.down").write_text("1\n2\nthree\n")
    assert main(["run", "--link", f"{tmp_path / 'links.toml'}:line"]) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert words in told.err


def test_a_stopped_run_says_that_it_is_partial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = running.VirtualMatch.run

    def stopping(self: running.VirtualMatch, seconds: float) -> None:
        if self.now >= 1.5:
            raise KeyboardInterrupt
        real(self, seconds)

    monkeypatch.setattr("engine.lab.match.VirtualMatch.run", stopping)
    path = tmp_path / "a.json"
    assert main([*SHORT, "--json", str(path)]) == 130
    found = json.loads(path.read_text())
    assert found["partial"] is True
    assert found["seconds_virtual"] == 1.5
    assert "PARTIAL" in capsys.readouterr().out
