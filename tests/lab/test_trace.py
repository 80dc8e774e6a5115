"""Traces and the sync test: equal runs are equal, and what differs is found where it begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.errors import UsageError
from engine.game import Game, GameEvent, Inputs, Rewind, Settings
from engine.lab.run import run
from engine.lab.scenario import Scenario, uniform
from engine.lab.trace import first_parting, load_trace
from engine.world.table import World
from game.rules import Arena


class Forgetful(Arena):
    """A game with state of its own: it counts its steps, and shoves row 1 at the hundredth."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def step(self, world: World, inputs: Inputs, rewind: Rewind) -> list[GameEvent]:
        events = super().step(world, inputs, rewind)
        self.steps += 1
        if self.steps == 100:
            world["player"]["x"][1] += 640
        return events


def forgetful(settings: Settings) -> Game:
    return Forgetful()


def traced(path: Path, seed: int, link: str = "cable") -> Path:
    scenario = Scenario(players=uniform(link, 2), seconds=2.0, warmup=0.5, seed=seed)
    result = run(scenario, trace=True, sync_distance=20)
    assert result.sync is not None
    assert result.sync.failure is None
    assert result.sync.ticks >= 100
    assert result.trace is not None
    result.trace.save(path, seed)
    return path


def test_a_game_that_keeps_its_rules_passes_the_sync_test_and_its_trace_can_be_read(tmp_path: Path) -> None:
    one, other = traced(tmp_path / "a.npz", 1), traced(tmp_path / "b.npz", 1)
    trace = load_trace(one)
    assert trace.meta["game"] == "arena"
    assert trace.arrays["player.state"].shape[0] == len(trace.arrays["tick"]) == 121
    assert trace.arrays["input.state"].shape == (121, 3, 2)
    assert first_parting(trace, load_trace(other)) == []


def test_the_first_difference_is_named_by_tick_row_and_field(tmp_path: Path) -> None:
    one, other = load_trace(traced(tmp_path / "a.npz", 1)), load_trace(traced(tmp_path / "b.npz", 1))
    vx = one.meta["kinds"]["player"].index("vx")
    other.arrays["player.state"][70:, vx, 1] += 5
    other.arrays["player.state"][90:, 0, 0] += 1
    (parting,) = first_parting(one, other)
    value = int(one.arrays["player.state"][70, vx, 1])
    assert str(parting) == f"tick {one.arrays['tick'][70]}, player row 1, vx: {value} and {value + 5}"


def test_other_inputs_are_named_first(tmp_path: Path) -> None:
    one, other = load_trace(traced(tmp_path / "a.npz", 1)), load_trace(traced(tmp_path / "b.npz", 2))
    partings = first_parting(one, other)
    assert partings
    assert [parting.tick for parting in partings] == sorted(parting.tick for parting in partings)


def test_what_is_no_trace_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, tick=np.zeros(3))
    for wrong in (path, tmp_path / "missing.npz", Path(__file__)):
        with pytest.raises(UsageError, match="not a trace"):
            load_trace(wrong)


def test_state_outside_the_world_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("game.rules.Forgetful", forgetful, raising=False)
    scenario = Scenario(game="game.rules:Forgetful", players=uniform("lan", 2), seconds=3.0, warmup=0.5)
    result = run(scenario, sync_distance=30)
    assert result.sync is not None
    assert result.sync.failure is not None
    assert "player row 1, x" in result.sync.failure
