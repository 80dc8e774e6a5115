"""The server's own bots: names in order, minds shared by skill; and which of them goes first."""

from __future__ import annotations

import pytest

from engine.errors import UsageError
from engine.world.table import World
from game.cast import NAMES, Cast
from game.rules import Arena


def test_bots_have_names_in_order_and_share_the_mind_of_their_skill() -> None:
    cast = Cast(Arena(), "mixed", seed=1)
    made = [cast.make(number) for number in range(30)]
    assert [name for name, _ in made[:3]] == ["Ada", "Bell", "Curie"]
    assert made[len(NAMES)][0] == "Ada"
    assert len({id(mind) for _, mind in made}) == 3
    assert made[0][1] is made[3][1]


def test_a_skill_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no skill 'divine'; there are: easy, normal, hard, mixed"):
        Cast(Arena(), "divine", seed=1)


def world_of(game: Arena, players: int) -> World:
    world = World(game.kinds)
    game.start(world)
    for _ in range(players):
        row = world["player"].spawn()
        assert row is not None
        game.join(world, row)
    return world


def test_of_the_largest_team_the_one_who_has_scored_least_is_spared() -> None:
    game = Arena(teams=2, max_players=8)
    world = world_of(game, 5)
    players = world["player"]
    assert players["team"][:5].tolist() == [1, 2, 1, 2, 1]
    players["score"][:5] = [3, 0, 2, 0, 9]
    assert game.spare(world, [0, 1, 2, 3, 4]) == 2
    assert game.spare(world, [0, 1, 3, 4]) == 0
    assert game.spare(world, [1, 3]) == 3  # of equals who came last


def test_without_teams_the_score_alone_counts() -> None:
    game = Arena(max_players=8)
    world = world_of(game, 3)
    world["player"]["score"][:3] = [4, -1, 2]
    assert game.spare(world, [0, 1, 2]) == 1
