"""The lab in pytest: fixtures for whoever writes a game. Installed with the engine; docs/LAB.md has the examples.

    def test_it_plays_well_on_wifi(match):
        result = match("wifi", players=8).run(60)
        assert result["corrections_per_minute"] <= 0.2
        assert result["remote_error_px"]["p99"] <= 2.0
        assert result["world_mismatches"] == 0

The game under test is `lab_game` of the pytest configuration (`lab_game = "mygame.rules:MyGame"`), or the argument
`game`. What a test ran is printed with its seed and digest, so a failure can be repeated with `python -m engine.lab`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # loaded with every pytest run: the lab itself only where a test asks for it
    from engine.lab.run import Result
    from engine.lab.scenario import Scenario


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `lab_game`."""
    parser.addini("lab_game", "the game that the fixtures `lab` and `match` play, module:Name", default="")


class Lab:
    """Runs scenarios; the fixture `lab`."""

    def __init__(self, game: str) -> None:
        self._game = game

    def scenario(self, which: str | None = None, **fields: Any) -> Scenario:
        """Return the scenario `which`, a file or one of the engine's (None: an empty one), with `fields` replaced."""
        from engine.lab.scenario import Scenario, load_scenario, uniform

        base = Scenario(players=uniform()) if which is None else load_scenario(which)
        if self._game:
            base = replace(base, game=self._game)
        return replace(base, **fields)

    def run(self, scenario: Scenario | str, **options: Any) -> Result:
        """Run a scenario, or the one so called; `options` are those of `engine.lab.run.run`."""
        from engine.lab.run import run

        if isinstance(scenario, str):
            scenario = self.scenario(scenario)
        result = run(scenario, **options)
        print(f"lab: {scenario.name} on {scenario.links}, seed {scenario.seed}, digest {result.digest}")
        return result


class PlannedMatch:
    """A match that has been described and not yet played."""

    def __init__(self, lab: Lab, scenario: Scenario) -> None:
        self._lab = lab
        self.scenario = scenario

    def run(self, seconds: float, **options: Any) -> Result:
        """Play `seconds` of virtual time and return what was measured."""
        warmup = min(self.scenario.warmup, seconds / 2.0)
        return self._lab.run(replace(self.scenario, seconds=float(seconds), warmup=warmup), **options)


@pytest.fixture
def lab(pytestconfig: pytest.Config) -> Lab:
    """Run scenarios: `lab.run("mixed-links")`."""
    try:
        game = str(pytestconfig.getini("lab_game"))
    except (KeyError, ValueError):  # the fixtures were imported, the plug-in is not installed
        game = ""
    return Lab(game)


@pytest.fixture
def match(lab: Lab) -> Callable[..., PlannedMatch]:
    """Describe a match: `match("wifi", players=8, behaviour="duel", seed=3)`; further arguments are Scenario's."""

    def describe(link: str | None = None, players: int = 8, behaviour: str = "mixed", **fields: Any) -> PlannedMatch:
        from engine.lab.scenario import uniform

        return PlannedMatch(lab, lab.scenario(players=uniform(link, players, behaviour), **fields))

    return describe
