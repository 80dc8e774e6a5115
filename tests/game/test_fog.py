"""Fog: a client never holds an enemy that walls have hidden for long, and holds each before it can be seen."""

from __future__ import annotations

import numpy as np

from engine.lab.match import PlayerSpec, VirtualMatch
from engine.transport.impairment import load_profile
from game.rules import Arena
from game.schema import GRID

PLAYERS = 8


def played(fog: bool, teams: int, seconds: float) -> tuple[int, int, int, int]:
    """Play, and count pairs of living players: all; held unseen; in sight and not held; team mates not held."""
    specs = [PlayerSpec(f"P{number}", load_profile("cable")) for number in range(PLAYERS)]
    settings = {"fog": int(fog), "teams": teams, "max_players": PLAYERS}
    match = VirtualMatch(lambda given: Arena(**given), specs, seed=3, settings=settings)
    match.run(4.0)
    pairs = unseen = missed = mates = 0
    for _ in range(int(seconds * 4)):
        match.run(0.25)
        world = match.server.world
        assert isinstance(match.plain_game, Arena)
        arena = match.plain_game.maps[0]
        table = world["player"]
        x, y, team = table["x"] / GRID, table["y"] / GRID, table["team"]
        health = table["health"]
        for player in match.players:
            picture = player.session.picture(match.now)
            own = player.session.own_row
            if picture is None or own is None:
                continue
            for row in np.flatnonzero(table.alive & (health > 0)).tolist():
                if row == own or health[own] <= 0:
                    continue
                pairs += 1
                held = bool(picture["player"].alive[row])
                clear = arena.sees(x[own], y[own], x[row], y[row])
                friend = team[row] == team[own] != 0
                mates += friend and not held
                missed += clear and not held
                unseen += held and not clear and not friend
    return pairs, unseen, missed, mates


def test_fog_hides_most_enemies_and_none_that_is_in_sight() -> None:
    pairs, unseen, missed, mates = played(True, teams=2, seconds=8.0)
    assert pairs > 200
    assert mates == 0
    assert missed <= 0.01 * pairs  # who has just come to life is told with the next snapshot
    _, plain, *_ = played(False, teams=2, seconds=2.0)
    assert plain > 0
    assert unseen < 0.25 * pairs
