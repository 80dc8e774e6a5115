"""Arena's rockets as their shooters see them, in whole matches: exact, at once, without a jump, and none left over.

Everybody fires rockets and nothing else, as fast as it goes, for some seconds; then all hold their fire.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest

from engine.client.session import ClientSession
from engine.game import Brain, Settings, Spawn
from engine.lab.match import LabPlayer, PlayerSpec, VirtualMatch
from engine.lab.measures import all_measures
from engine.lab.shots import TickRecord
from engine.transport.impairment import load_profile
from engine.world.picture import Picture
from engine.world.table import Rows, World
from game import weapons
from game.rules import Arena
from game.schema import ROCKET, Button, Weapon

X, OWNER, TICK = (ROCKET.index[name] for name in ("x", "owner", "input_tick"))
HOLD_FIRE = 6 * 60
"""The tick from which on nobody shoots."""
DRAIN = 6.0
"""Seconds: the longest flight, and then some of the worst line's."""


class Gunner:
    """A bot that holds the trigger of its rockets."""

    def __init__(self, brain: Brain) -> None:
        self._brain = brain

    def think(self, picture: Picture, rows: np.ndarray, tick: int) -> Rows:
        inputs = self._brain.think(picture, rows, tick)
        inputs["weapon"] = Weapon.ROCKET
        inputs["buttons"] = inputs["buttons"] & ~int(Button.FIRE) | int(Button.FIRE) * (tick < HOLD_FIRE)
        return inputs


class Rockets(Arena):
    """Arena, played with rockets alone; remembers what clients predicted."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(**settings)  # type: ignore[arg-type]  # the match's own settings
        self.predicted: dict[tuple[int, int], list[int]] = {}

    def brain(self, behaviour: str, seed: int) -> Brain:
        return Gunner(super().brain(behaviour, seed))

    def spawns(self, row: int, before: Rows, after: Rows, inputs: Rows, tick: int) -> Sequence[Spawn]:
        made = super().spawns(row, before, after, inputs, tick)
        for spawn in made:
            self.predicted[row, tick] = spawn.state.tolist()
        return made


class Launches:
    """What the server's rockets were at the end of the tick that fired them."""

    def __init__(self) -> None:
        self.states: dict[tuple[int, int], list[int]] = {}

    def watch(self, record: TickRecord, world: World) -> None:
        rockets = world["rocket"]
        for row in np.flatnonzero(rockets.alive & (rockets["input_tick"] == world.tick & 0xFFFF)).tolist():
            state = rockets.state[: ROCKET.public_count, row].tolist()
            self.states[int(state[OWNER]), world.tick] = state


class Screen:
    """Watches one player's pictures: how far its rockets go from one to the next, and where."""

    def __init__(self, player: LabPlayer, arena: Arena) -> None:
        self._session: ClientSession = player.session
        self._map = arena.map
        self._last: dict[int, tuple[float, float]] = {}
        self.steps: list[float] = []
        self.after_a_move: list[float] = []
        self.in_walls = 0
        drew = player.truth.drew
        player.truth.drew = partial(self._drew, drew)  # type: ignore[method-assign]  # looks on, and passes it on

    def _drew(self, drew: object, picture: Picture, now: float) -> None:
        assert callable(drew)
        drew(picture, now)
        rockets, places = picture["rocket"], {}
        moved = self._session.figures(now).spawns.moved
        for row in rockets.rows().tolist():
            if rockets.values[OWNER, row] != self._session.own_row:
                continue
            x, y = float(rockets["x"][row]), float(rockets["y"][row])
            name = int(rockets.values[TICK, row])
            assert name not in places, "one rocket is drawn twice"
            places[name] = x, y
            self.in_walls += bool(self._map.blocked(np.array([x]), np.array([y]))[0]) and not moved
            if name in self._last:
                was = self._last[name]
                (self.after_a_move if moved else self.steps).append(math.hypot(x - was[0], y - was[1]))
        self._last = places


def play(
    link: str, players: int = 5, seconds: float = HOLD_FIRE / 60, measured: bool = False
) -> tuple[VirtualMatch, Launches]:
    launches = Launches()
    specs = [PlayerSpec(f"player {number}", load_profile(link)) for number in range(players)]
    settings = {"max_players": players, "round_time": 0}
    match = VirtualMatch(
        Rockets, specs, seed=3, settings=settings, watch_tick=launches.watch, warmup=0.0, measured=measured
    )
    match.run(seconds)
    return match, launches


def test_every_predicted_rocket_is_the_servers_bit_for_bit() -> None:
    match, launches = play("perfect")
    game = match.plain_game
    assert isinstance(game, Rockets)
    common = game.predicted.keys() & launches.states.keys()
    assert len(common) > 20
    # Blasts push shooters about, and a push is known a round trip later: all others are exact.
    pushed = [key for key in common if game.predicted[key] != launches.states[key]]
    assert len(pushed) <= len(common) // 10
    for player in match.players:
        figures = player.session.figures(match.now)
        assert figures.prediction.corrections == 0
        assert figures.spawns.moved <= figures.prediction.shoved


def test_each_rocket_has_one_fate_and_none_is_left_on_an_awful_line() -> None:
    match, _ = play("awful")
    match.run(DRAIN)
    fired = 0
    for player in match.players:
        figures = player.session.figures(match.now).spawns
        assert figures.adopted + figures.spent + figures.withdrawn == figures.predicted
        assert figures.adopted >= 0.6 * figures.predicted
        fired += figures.predicted
    assert fired > 20
    assert match.server.world["rocket"].count == 0


@pytest.mark.parametrize("link", ["lan", "wifi", "4g"])
def test_a_rocket_is_seen_at_once_and_flies_without_a_jump(link: str) -> None:
    match, _ = play(link, seconds=1.0, measured=True)
    screens = [Screen(player, match.plain_game) for player in match.players if isinstance(match.plain_game, Arena)]
    match.run(5.0)
    match.finish()
    # In a tick it flies 10 px; a view that hurries after a gap is half as fast again, its grain a 256th of a tick.
    pace = weapons.ROCKET_SPEED / 60
    steps = [step for screen in screens for step in screen.steps]
    assert len(steps) > 500
    assert max(steps) <= 1.5 * pace + 0.1
    # Where a push moved the shooter before it fired, the rocket goes over by a sixth of the way in a frame: 43 px.
    moved = [step for screen in screens for step in screen.after_a_move]
    assert max(moved, default=0.0) <= 1.5 * pace + 256 / 6
    assert sum(screen.in_walls for screen in screens) == 0
    found = all_measures(match.players, match)
    assert found["own_projectile_drawn_after_ms"]["p99"] <= 1000 / 60
    assert found["projectiles_adopted"] > 15
    assert found["world_mismatches"] == 0


def test_without_prediction_none_is_drawn_ahead() -> None:
    match, _ = play("wifi", players=2, seconds=2.0)
    for player in match.players:
        player.session.switches = type(player.session.switches)(prediction=False)
    before = [player.session.figures(match.now).spawns.predicted for player in match.players]
    match.run(2.0)
    for player, predicted in zip(match.players, before, strict=True):
        assert player.session.figures(match.now).spawns.predicted == predicted
        picture = player.session.picture(match.now)
        assert picture is not None
        assert (picture["rocket"].generation >= 0).all()


def test_with_rewinds_every_shot_is_judged_as_it_was_drawn() -> None:
    specs = [PlayerSpec(f"player {number}", load_profile("wifi")) for number in range(6)]
    match = VirtualMatch(Arena.factory, specs, seed=5, settings={"max_players": 6})
    match.run(8.0)
    match.finish()
    found = all_measures(match.players, match)
    assert found["shots"] > 10
    assert found["projectiles_adopted"] > 3
    assert found["hit_disagreements_unexplained"] == 0
    assert found["rewind_error_px"] == {"max": 0.0, "row_sets_differ": 0}
