"""The lab plays any game: one of dots that only walk, and what is no game is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.errors import UsageError
from engine.game import Brain, GameEvent, Inputs, Rewind, Settings
from engine.lab.match import PlayerSpec, VirtualMatch
from engine.lab.report import write_report
from engine.lab.run import run
from engine.lab.scenario import Scenario, game_factory, uniform
from engine.world.picture import Picture
from engine.world.schema import Field, Kind
from engine.world.table import Rows, World

DOT = Kind("dot", (Field("x", precision=1 / 16, rate="vx", smooth=True), Field("vx", "int16", 1 / 16)), 8)
WAY = Kind("way", (Field("x", "int8"),), 1)


class Dots:
    """Dots on a line: a whole game without shots, teleports, shoves or a second dimension."""

    name = "dots"
    version = 1
    tick_hz = 30
    kinds = (DOT,)
    player = DOT
    input = WAY

    def settings(self) -> Settings:
        return {}

    def start(self, world: World) -> None:
        return

    def join(self, world: World, row: int) -> None:
        world["dot"]["x"][row] = 100 * row

    def leave(self, world: World, row: int) -> None:
        return

    def predict(self, players: Rows, inputs: Rows, tick: int) -> None:
        players["vx"] = inputs["x"] * 20
        players["x"] += players["vx"]

    def shots(self, inputs: Rows) -> np.ndarray:
        return np.zeros(len(inputs), np.bool_)

    def step(self, world: World, inputs: Inputs, rewind: Rewind) -> list[GameEvent]:
        dots = world["dot"].take(inputs.rows)
        self.predict(dots, inputs.input, world.tick)
        world["dot"].put(inputs.rows, dots)
        return []

    def interest(self, kind: Kind) -> None:
        return None

    def brain(self, behaviour: str, seed: int) -> Brain:
        return Pacer()


class Pacer:
    """To and fro, a second each way, with a stop between."""

    def think(self, picture: Picture, rows: np.ndarray, tick: int) -> Rows:
        inputs = Rows.zeros(WAY, len(rows))
        inputs["x"] = (1, 0, -1, 0)[tick // 30 % 4]
        return inputs


def make_dots(settings: Settings) -> Dots:
    return Dots()


def test_a_game_of_its_own_is_measured_like_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.game.dots", make_dots, raising=False)
    scenario = Scenario(game="engine.game:dots", players=uniform("cable", 3), seconds=6.0, warmup=1.0)
    result = run(scenario, sync_distance=15)
    assert result.sync is not None
    assert result.sync.failure is None
    assert result["world_mismatches"] == 0
    assert result["corrections_per_minute"] == 0
    assert result["shots"] == 0
    assert result["hit_agreement"] is None
    # It starts and stops at once: only between the snapshots around a turn is the curve off the corner.
    assert 0.0 < result["remote_error_px"]["max"] < 2.0
    assert result["overshoot_px"]["max"] is not None


PIECE = Kind("piece", (Field("square", "uint8", predicted=True), Field("moves", "uint16", wrap=True)), 8)


class Board(Dots):
    """Pieces that hop from square to square: nothing of them is ever drawn in between."""

    name = "board"
    kinds = (PIECE,)
    player = PIECE

    def join(self, world: World, row: int) -> None:
        world["piece"]["square"][row] = row

    def predict(self, players: Rows, inputs: Rows, tick: int) -> None:
        hops = inputs["x"] > 0
        players["square"] = (players["square"] + hops) % 64
        players["moves"] = (players["moves"] + hops) % 65536

    def step(self, world: World, inputs: Inputs, rewind: Rewind) -> list[GameEvent]:
        pieces = world["piece"].take(inputs.rows)
        self.predict(pieces, inputs.input, world.tick)
        world["piece"].put(inputs.rows, pieces)
        return []


def test_a_game_in_which_nothing_moves_smoothly_is_played_and_the_own_row_is_drawn() -> None:
    match = VirtualMatch(lambda settings: Board(), [PlayerSpec("Ada"), PlayerSpec("Kim")], seed=1, measured=False)
    match.run(3.0)
    own, other = (each.session for each in match.players)
    for session, row in ((own, 0), (other, 1)):
        assert session.own_row == row
        picture = session.picture(match.now)
        assert picture is not None
        assert picture.own is not None
        assert picture["piece"].rows().tolist() == [0, 1]
        # In the table too the own row stands as predicted, and the snapshot it was put into is as it was.
        assert picture["piece"].values[:, row].tolist() == picture.own.values[:, 0].tolist()
        assert session.figures(match.now).prediction.corrections == 0
    assert own.snapshot is not None
    held = own.histories["piece"].slot(own.snapshot.tick)
    assert held is not None
    assert (own.histories["piece"].rows(held).values == own.snapshot.kinds[0].state).all()


def test_a_report_of_a_game_without_shots(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("engine.game.dots", make_dots, raising=False)
    scenario = Scenario(game="engine.game:dots", players=uniform("lan", 2), seconds=2.0, warmup=0.5)
    path = tmp_path / "dots.html"
    write_report(path, run(scenario))
    assert "Selected shots" not in path.read_text()


def test_what_makes_no_game_is_refused() -> None:
    with pytest.raises(UsageError, match="makes no game"):
        game_factory("engine.lab.scenario:Scenario")({})
