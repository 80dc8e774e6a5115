"""Scenarios as TOML: what they say is what is run, and what is wrong is named."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.lab.scenario import Scenario, load_scenario, parse_scenario, scenario_names

FULL = """
seconds = 30
seed = 7
bots = 2
warmup = 1.5
[settings]
teams = 2
[match]
snapshot_hz = 20
rewind_limit = 0.2
[client]
lead_margin_ticks = 2
[switches]
prediction = false
[[players]]
count = 2
link = "wifi"
behaviour = "duel"
[[players]]
name = "late"
joins_at = 5
leaves_at = 9.5
frame_hz = 144
[[events]]
at = 3
pause_server = 0.5
[[events]]
at = 4
link = "4g"
player = "late"
"""


def test_everything_a_file_says_is_in_the_scenario() -> None:
    scenario = parse_scenario(tomllib.loads(FULL))
    assert (scenario.seconds, scenario.seed, scenario.bots, scenario.warmup) == (30.0, 7, 2, 1.5)
    assert [player.name for player in scenario.players] == ["P01", "P02", "late"]
    assert scenario.players[0].link is not None
    assert scenario.players[0].link.name == "wifi"
    assert (scenario.players[2].joins_at, scenario.players[2].leaves_at) == (5.0, 9.5)
    assert scenario.client.lead_margin_ticks == 2.0
    assert not scenario.client.switches.prediction
    assert not scenario.server.switches.prediction
    assert scenario.server.switches.lag_compensation
    assert [event.at for event in scenario.events] == [3.0, 4.0]
    assert scenario.events[1].link is not None
    _, game = scenario.make_game()
    assert scenario.match_config(game).snapshot_every == 3
    assert scenario.links == "wifi, perfect"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("secnds = 3", "did you mean seconds"),
        ("seconds = -1", "seconds must be above 0"),
        ("seconds = true", "must be a number"),
        ("seed = 1.5", "must be a whole number"),
        ("[switches]\npredicton = true", "did you mean prediction"),
        ("[switches]\nprediction = 1", "must be bool"),
        ("[client]\nlead_margin_ticks = 99", "must be 0.0 to 30.0"),
        ("[match]\nsnapshot_hz = 7", "does not divide"),
        ("[match]\nrewind_limt = 7", "did you mean rewind_limit"),
        ("[[players]]\nlink = 'wify'", "did you mean wifi"),
        ("[[players]]\nbehaviour = 'shy'", "no behaviour 'shy'"),
        ("[[players]]\ncount = 0", "count must be 1"),
        ("[[players]]\nleaves_at = 1\njoins_at = 2", "not after joins_at"),
        ("[[players]]\nname = 'a'\n[[players]]\nname = 'a'", "two players are called 'a'"),
        ("[[players]]\ncount = 65", "room for 64"),
        ("players = 3", "not an array of tables"),
        ("[[events]]\nat = 1", "either pause_server or link"),
        ("[[events]]\npause_server = 1", "has no at"),
        ("[[events]]\nat = -1\npause_server = 1", "must not be negative"),
        ("[[events]]\nat = 1\nlink = 'wifi'\nplayer = 'x'", "names the player 'x'"),
        ("[settings]\nmap = 'nowhere'", "nowhere"),
        ("[settings]\ngravity = 1", "no setting 'gravity'"),
        ("game = 'os:path'", "os:path"),
        ("game = 'game.rules'", "module:Name"),
        ("game = 'nowhere:Game'", "no game"),
        ("= 3", "Invalid"),
    ],
)
def test_what_is_wrong_is_named(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_scenario(str(path)).check()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", scenario_names())
def test_the_scenarios_that_come_with_the_engine_are_sound(name: str) -> None:
    scenario = load_scenario(name)
    scenario.check()
    assert scenario.about


def test_a_name_that_is_none_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match="mixed-links"):
        load_scenario("nothing")


def test_a_scenario_needs_players() -> None:
    with pytest.raises(UsageError, match="players must be"):
        Scenario()
