"""Compare and sweep: what is run, what is unbeaten, what is recommended; and one small run of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import UsageError
from engine.lab.__main__ import main
from engine.lab.compare import SWITCHES, ablations, parse_switches
from engine.lab.scenario import Scenario, uniform
from engine.lab.sweep import Point, front, grid, parse_set, recommended

BASE = Scenario(players=uniform("lan", 2), seconds=1.0, warmup=0.2)


def point(setting: str, *figures: float) -> Point:
    return Point(setting, "wifi", setting, figures, {})


def test_every_mechanism_is_compared_alone_unless_told_otherwise() -> None:
    runs = ablations(BASE, [])
    assert list(runs) == ["all on", *(f"{name}=off" for name in SWITCHES)]
    for name in SWITCHES:
        switches = runs[f"{name}=off"].client.switches
        assert [each for each in SWITCHES if not getattr(switches, each)] == [name]
        assert runs[f"{name}=off"].server.switches == switches


def test_several_switches_can_be_one_row() -> None:
    runs = ablations(BASE, ["prediction=off,smoothing=off"])
    switches = runs["prediction=off,smoothing=off"].client.switches
    assert not switches.prediction
    assert not switches.smoothing
    assert switches.interpolation


@pytest.mark.parametrize("text", ["predictoin=off", "prediction", "prediction=no", ""])
def test_a_wrong_switch_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_switches(text)


def test_a_grid_has_every_combination_on_every_link() -> None:
    runs = grid(BASE, ["wifi", "4g"], ["snapshot_hz=10,20,30", "input_redundancy=on,off"])
    assert len(runs) == 2 * 3 * 2
    link, setting, scenario = runs["4g: snapshot_hz=20 input_redundancy=off"]
    assert (link, setting) == ("4g", "snapshot_hz=20 input_redundancy=off")
    assert scenario.match == {"snapshot_hz": 20}
    assert not scenario.client.switches.input_redundancy
    assert scenario.players[0].link is not None
    assert scenario.players[0].link.name == "4g"


@pytest.mark.parametrize(
    "text", ["snapshot_hz", "snapshot_hz=", "nothing=1", "lead_margin_ticks=99", "prediction=3", "payload_bytes=1.5"]
)
def test_a_wrong_setting_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        grid(BASE, [""], [text])


def test_values_are_numbers_switches_or_words() -> None:
    assert parse_set("a=1,2.5,on,off,foundry") == ("a", [1, 2.5, True, False, "foundry"])


def test_what_another_beats_is_not_on_the_front() -> None:
    cheap, quick, worse = point("cheap", 10, 100, 1), point("quick", 40, 30, 1), point("worse", 41, 30, 1.2)
    assert front([cheap, quick, worse]) == [cheap, quick]
    assert front([cheap, cheap]) == [cheap, cheap]


def test_recommended_is_the_best_compromise() -> None:
    # As multiples of the best: 1 x 4 x 1, 1.5 x 1.5 x 1, 4 x 1 x 1.
    points = [point("cheap", 10, 120, 1), point("middle", 15, 45, 1), point("quick", 40, 30, 1)]
    assert recommended(points).setting == "middle"


def test_errors_too_small_to_see_do_not_decide() -> None:
    points = [point("exact", 20, 30, 0.0), point("cheap", 10, 30, 0.04)]
    assert recommended(points).setting == "cheap"


def test_a_comparison_and_a_sweep_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = ["--players", "2", "--seconds", "1.5", "--jobs", "1"]
    path = tmp_path / "compare.json"
    switch = ["--switch", "prediction=off"]
    assert main(["compare", "--link", "cable", *short, *switch, "--json", str(path), "--markdown"]) == 0
    found: dict[str, Any] = json.loads(path.read_text())
    assert list(found["runs"]) == ["all on", "prediction=off"]
    assert capsys.readouterr().out.startswith("|  | own input ms |")
    plot = tmp_path / "pareto.svg"
    assert main(["sweep", "--link", "lan", *short, "--set", "snapshot_hz=20,60", "--plot", str(plot)]) == 0
    assert "lan: take snapshot_hz=" in capsys.readouterr().out
    assert plot.read_text().startswith("<svg")


@pytest.mark.parametrize(
    "arguments",
    [
        ["compare", "--switch", "nothing=off"],
        ["sweep"],
        ["sweep", "--set", "snapshot_hz=7"],
        ["sweep", "--set", "snapshot_hz=30", "--link", "wifi,nowhere"],
        ["compare", "--jobs", "0"],
        ["bisect", "nowhere.npz", "nowhere.npz"],
        ["proxy", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9", "--link", "nowhere"],
        ["proxy", "--listen", "no address", "--to", "127.0.0.1:9", "--link", "wifi"],
    ],
)
def test_bad_input_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
