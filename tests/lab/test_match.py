"""Whole matches, short: they repeat, whatever runs beside them, and both ends agree."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.client.session import Phase
from engine.config import ClientConfig, ServerConfig, Switches
from engine.lab.match import LabEvent, PlayerSpec, VirtualMatch
from engine.lab.pytest_plugin import PlannedMatch
from engine.lab.scenario import Scenario, game_factory, uniform
from engine.transport.impairment import load_profile

ARENA = "game.rules:Arena"
Describe = Callable[..., PlannedMatch]

SCRIPT = """
from engine.lab.run import run
from engine.lab.scenario import Scenario, uniform
def digest(link, seed):
    return run(Scenario(players=uniform(link, 2), seconds=1.5, warmup=0.5, seed=seed)).digest
order = [("wifi", 1), ("awful", 2)]
{order}
found = {{each: digest(*each) for each in order}}
print(found["wifi", 1], found["awful", 2])
"""


def digests(order: str, hash_seed: str) -> str:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(order=order)],
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout.strip()


def test_the_same_seed_gives_the_same_digest_in_any_process_and_any_order() -> None:
    first = digests("", "1")
    assert first == digests("order.reverse()", "4242")
    one, other = first.split()
    assert one != other


def test_how_a_run_is_divided_changes_nothing() -> None:
    def played(stretches: list[float]) -> str:
        match = VirtualMatch(game_factory(ARENA), list(uniform("wifi", 2)), seed=3)
        for seconds in stretches:
            match.run(seconds)
        return match.network.digest()

    assert played([1.5]) == played([0.01, 0.7, 0.3, 0.49])


def test_both_ends_agree_on_a_good_line(match: Describe) -> None:
    result = match("cable", players=3, behaviour="duel").run(4)
    assert result["world_mismatches"] == 0
    assert result.all["rows_compared"] > 150
    assert result["input_late_ratio"] == 0
    # What Arena's publishing thresholds allow (three quarters of a pixel along each axis), and a little in a turn.
    assert result["remote_error_px"]["p99"] <= 1.5
    assert result["own_input_drawn_after_ms"]["max"] == pytest.approx(1000 / 60, abs=0.01)
    # Cable: 6 ms and a median jitter of 3 and 1 ms, up and down.
    assert 14.0 <= result["rtt_ms"]["true_p50"] <= 20.0


def test_what_was_drawn_is_what_is_judged_and_rebuilt_bit_for_bit(match: Describe) -> None:
    result = match("wifi", players=5, behaviour="duel", warmup=0.5).run(5)
    assert result["shots"] > 0
    assert result["hit_disagreements_unexplained"] == 0
    assert result["rewind_error_px"] == {"max": 0.0, "row_sets_differ": 0}


@pytest.mark.parametrize("side", ["server", "client"])
def test_without_lag_compensation_the_verdict_is_not_what_was_drawn(match: Describe, side: str) -> None:
    off = Switches(lag_compensation=False)
    configs = {"server": ServerConfig(switches=off)} if side == "server" else {"client": ClientConfig(switches=off)}
    result = match("transatlantic", players=5, behaviour="duel", warmup=0.5, **configs).run(5)
    assert result["shots"] > 0
    assert result["rewind_error_px"]["max"] > 5.0


def test_without_prediction_the_own_row_waits_for_the_round_trip(match: Describe) -> None:
    client = ClientConfig(switches=Switches(prediction=False))
    result = match("rtt100", players=1, client=client).run(3)
    assert result["own_input_drawn_after_ms"]["p50"] > 100.0
    assert result["corrections_per_minute"] == 0


def test_without_interpolation_the_picture_is_younger_and_rougher(match: Describe) -> None:
    with_it = match("cable", players=2, behaviour="runner").run(3)
    client = ClientConfig(switches=Switches(interpolation=False))
    without = match("cable", players=2, behaviour="runner", client=client).run(3)
    assert without["view_age_ms"]["p50"] < with_it["view_age_ms"]["p50"]
    assert without["judder_px"]["p99"] > 4 * with_it["judder_px"]["p99"]


def test_without_redundancy_lost_packets_lose_inputs(match: Describe) -> None:
    client = ClientConfig(switches=Switches(input_redundancy=False))
    result = match("loss5", players=2, client=client).run(4)
    assert result["input_late_ratio"] > 0.01
    assert match("loss5", players=2).run(4)["input_late_ratio"] < 0.01


def test_without_dead_reckoning_more_is_sent(match: Describe) -> None:
    server = ServerConfig(switches=Switches(dead_reckoning=False))
    client = ClientConfig(switches=Switches(dead_reckoning=False))
    without = match("lan", players=4, server=server, client=client).run(3)
    assert without["world_mismatches"] == 0
    assert without["down_kbit_s"] > match("lan", players=4).run(3)["down_kbit_s"]


def test_players_come_and_go_the_server_stumbles_and_lines_change() -> None:
    cable = load_profile("cable")
    players = [
        PlayerSpec("stays", cable),
        PlayerSpec("leaves", cable, leaves_at=2.0),
        PlayerSpec("comes", cable, joins_at=1.5),
    ]
    events = (LabEvent(2.5, pause=0.4), LabEvent(1.0, link=load_profile("satellite"), player="stays"))
    match = VirtualMatch(game_factory(ARENA), players, events=events, warmup=0.5)
    match.run(1.4)
    assert [player.spec.name for player in match.players] == ["stays", "leaves"]
    match.run(1.2)
    ticks = match.server.world.tick
    match.run(0.2)
    assert match.server.world.tick == ticks  # it stands still
    match.run(2.2)
    match.finish()
    phases = {player.spec.name: player.session.phase for player in match.players}
    assert phases == {"stays": Phase.PLAYING, "leaves": Phase.CLOSED, "comes": Phase.PLAYING}
    assert set(match.server.names.values()) == {"stays", "comes"}
    # Five seconds at 60 Hz, without the 24 ticks of the pause, of which up to five are made up for.
    assert 276 <= match.server.world.tick <= 283
    sent, delays = match.players[0].truth.delays("up").T
    assert delays[sent > 1.2].min() > 280.0


def test_a_scenario_runs_as_it_says(match: Describe) -> None:
    scenario = Scenario(players=uniform("lan", 2), seconds=1.0, warmup=0.2)
    with pytest.raises(Exception, match="warmup"):
        replace(scenario, warmup=2.0)
    assert match("lan", players=2).scenario.players == scenario.players
