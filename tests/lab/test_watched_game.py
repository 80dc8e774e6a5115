"""The watched game has all that the real one has, for those too who look without asking it."""

from __future__ import annotations

from inspect import getattr_static

import pytest

from engine.game import RepeatingGame, SpawningGame, TeamGame
from engine.lab.shots import WatchedGame
from engine.world.coasting import CoastingGame
from game.rules import Arena


@pytest.mark.parametrize("name", ["repeat", "spawns", "spawn_keys", "team", "coast", "coasting_kinds"])
def test_protocols_find_what_the_game_has_besides(name: str) -> None:
    """As `isinstance` looks from Python 3.12 on."""
    watched = WatchedGame(Arena(), lambda record, world: None)
    assert getattr_static(watched, name, None) is not None


def test_it_is_what_the_game_is() -> None:
    watched = WatchedGame(Arena(), lambda record, world: None)
    for protocol in (RepeatingGame, SpawningGame, TeamGame, CoastingGame):
        assert isinstance(watched, protocol)
