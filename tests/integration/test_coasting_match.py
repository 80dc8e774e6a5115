"""A match over lines full of gaps: rows go on without news, some up to walls; each shot is judged as it was drawn."""

from __future__ import annotations

import numpy as np

from engine.game import Brain, Settings
from engine.lab.match import PlayerSpec, VirtualMatch
from engine.lab.measures import all_measures
from engine.transport.impairment import LinkModel, Profile
from engine.world.coasting import Told
from engine.world.picture import Picture
from engine.world.schema import Kind
from engine.world.table import Rows
from game.rules import Arena
from game.schema import PLAYER, Button, Weapon

GAPS = Profile("gaps", up=LinkModel(delay=0.01), down=LinkModel(delay=0.01, p_good_to_bad=0.06, p_bad_to_good=0.15))
"""Near, so that no shot is older than the rewind limit; six snapshots in a row are lost again and again."""


class Gunner:
    """A bot that holds the trigger of its repeater."""

    def __init__(self, brain: Brain) -> None:
        self._brain = brain

    def think(self, picture: Picture, rows: np.ndarray, tick: int) -> Rows:
        inputs = self._brain.think(picture, rows, tick)
        inputs["weapon"] = Weapon.REPEATER
        inputs["buttons"] |= int(Button.FIRE)
        return inputs


class Counted(Arena):
    """Arena, with triggers held; counts the players that coast, and those that a wall stops."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(**settings)  # type: ignore[arg-type]  # the match's own settings
        self.coasted = self.stopped = 0

    def brain(self, behaviour: str, seed: int) -> Brain:
        return Gunner(super().brain(behaviour, seed))

    def coast(self, kind: Kind, rows: np.ndarray, told: Told) -> None:
        moving = [kind.index["vx"], kind.index["vy"]]
        before = rows[moving]
        super().coast(kind, rows, told)
        if kind.name == PLAYER.name:
            self.coasted += rows.shape[1]
            self.stopped += int(np.count_nonzero((rows[moving] != before).any(axis=0)))


def test_what_is_drawn_past_the_last_snapshot_is_what_is_rebuilt() -> None:
    match = VirtualMatch(Counted, [PlayerSpec(f"P{at}", GAPS) for at in range(4)], seed=1)
    match.run(9.0)
    match.finish()
    game, measures = match.plain_game, all_measures(match.players, match)
    assert isinstance(game, Counted)
    assert game.coasted > 100
    assert game.stopped > 0
    assert measures["starved_ratio"] > 0.1
    rebuilt = [shot for shot in match.all_shots if shot.rewind_error is not None]
    assert len(rebuilt) > 40
    assert measures["hit_agreement"] == 1.0
    assert measures["rewind_error_px"]["max"] == 0.0
    assert measures["rewind_error_px"]["row_sets_differ"] == 0
    assert measures["world_mismatches"] == 0
