"""Whole matches in virtual time, with every client held against the truth: its world is the published one, bit for bit,
and it corrects nothing it predicted from inputs that arrived in time.

The short form plays seven people and two bots for twelve seconds on each link; the slow one sixteen for two minutes.
"""

from __future__ import annotations

from dataclasses import replace
from time import process_time

import numpy as np
import pytest

from engine.client.session import Phase
from engine.lab.match import LabEvent, PlayerSpec, VirtualMatch
from engine.transport.impairment import load_profile
from engine.world.history import EXACT
from game.rules import Arena

LINKS = ("perfect", "rtt100", "loss5")
IN_TIME = ("perfect", "rtt100")
"""Links that lose nothing: there every input arrives in time."""


class Played:
    """A match and what was noted on its way."""

    def __init__(self, link: str, players: int, bots: int, seconds: float, seed: int) -> None:
        self.link = link
        specs = [PlayerSpec(f"player {number}", load_profile(link)) for number in range(players)]
        settings = {"max_players": players + bots}
        self.match = VirtualMatch(Arena.factory, specs, seed=seed, bots=bots, settings=settings, pictures=False)
        self.rockets_seen = np.zeros(players, np.int64)
        begin = process_time()  # one core's, whoever else is at work on this machine
        for _ in range(round(seconds)):
            self.match.run(1.0)
            self.rockets_seen += [self._holds_rockets(number) for number in range(len(self.match.players))]
        self.times_real_time = seconds / (process_time() - begin)

    def _holds_rockets(self, number: int) -> bool:
        session = self.match.players[number].session
        if session.game is None:
            return False
        return any(bool((rows.status == EXACT).any()) for rows in session.histories["rocket"].held())


def check(played: Played, snapshots_at_least: int) -> None:
    """Hold a match against the truth."""
    match = played.match
    for player in match.players:
        name, session, truth = player.spec.name, player.session, player.truth.snapshots
        figures = session.figures(match.now)
        assert session.phase is Phase.PLAYING, (name, session.reason)
        assert truth.snapshots >= snapshots_at_least, (name, truth.snapshots)
        assert truth.rows >= 4 * truth.snapshots, (name, truth.rows)
        assert truth.mismatches == 0, (name, truth.examples)
        assert truth.own_mismatches == 0, name
        if played.link in IN_TIME:
            assert figures.inputs_missing == 0, name
        if figures.inputs_missing == 0:
            assert figures.prediction.corrections == 0, name
        assert not session.drops, (name, session.drops)
    assert not match.server.drops, match.server.drops
    assert match.server.rewinder.totals.hits >= len(match.players) / 4
    assert played.rockets_seen.all(), played.rockets_seen


@pytest.fixture(scope="module", params=LINKS)
def played(request: pytest.FixtureRequest) -> Played:
    return Played(request.param, players=7, bots=2, seconds=12, seed=5)


def test_every_client_holds_the_published_world_and_corrects_nothing(played: Played) -> None:
    # The last of seven arrives after 0.4 s; then it is 30 snapshots a second, less 5 % of them on the lossy link.
    check(played, snapshots_at_least=310)


def test_the_match_is_reckoned_from_the_seed_alone() -> None:
    def digest(seed: int) -> str:
        specs = [PlayerSpec(f"player {number}", load_profile("loss5")) for number in range(3)]
        match = VirtualMatch(Arena.factory, specs, seed=seed, bots=1)
        match.run(3.0)
        return match.network.digest()

    first = digest(7)
    assert digest(7) == first
    assert digest(8) != first


@pytest.mark.parametrize("pause", [0.4, 1.0, 2.0, 5.0])
def test_a_server_that_stood_still_is_followed_within_a_moment(pause: float) -> None:
    """It gives up the ticks it missed; clients that went on run far ahead then, and must come back at once."""
    specs = [PlayerSpec(f"player {number}", load_profile("rtt100")) for number in range(2)]
    match = VirtualMatch(Arena.factory, specs, seed=3, events=(LabEvent(at=2.0, pause=pause),))
    match.run(2.0 + pause + 0.5)
    before = [player.session.figures(match.now) for player in match.players]
    match.run(1.5)
    for player, then in zip(match.players, before, strict=True):
        now = player.session.figures(match.now)
        assert player.session.phase is Phase.PLAYING
        assert now.inputs_missing == then.inputs_missing
        assert now.lead_ticks < 40
        assert now.lead_jumps <= 1
        # What the server has it plays, as predicted; after five seconds it is too long ago to be remembered.
        assert now.prediction.corrections == 0 or pause > 2.0
        assert player.truth.snapshots.mismatches == 0


@pytest.mark.parametrize("longer_ms", [100.0, 300.0])
def test_a_way_that_becomes_longer_at_once_is_followed_with_few_corrections(longer_ms: float) -> None:
    """Some 30 to 45 ticks are without input then: to insist would be contradicted by every snapshot, 15 to 22 times."""
    before = load_profile("rtt100")
    after = replace(before, up=replace(before.up, delay=before.up.delay + longer_ms / 1000.0))
    specs = [PlayerSpec(f"player {number}", before) for number in range(3)]
    match = VirtualMatch(Arena.factory, specs, seed=1, events=(LabEvent(at=4.0, link=after),), pictures=False)
    match.run(9.0)
    then = [player.session.figures(match.now) for player in match.players]
    for figures in then:
        assert 25 <= figures.inputs_missing <= 50
        assert 0 < figures.prediction.corrections <= 12
    match.run(3.0)
    for player, figures in zip(match.players, then, strict=True):
        now = player.session.figures(match.now)
        assert now.inputs_missing == figures.inputs_missing
        assert now.prediction.corrections == figures.prediction.corrections


@pytest.mark.slow
@pytest.mark.parametrize("link", LINKS)
def test_sixteen_players_for_two_minutes(link: str, capsys: pytest.CaptureFixture[str]) -> None:
    played = Played(link, players=16, bots=0, seconds=120, seed=16)
    with capsys.disabled():
        rows = sum(player.truth.snapshots.rows for player in played.match.players)
        speed = f"{played.times_real_time:.2f} times real time on one core"
        print(f"\n{link}: 16 players, 120 s, {rows} rows compared: {speed}")
    check(played, snapshots_at_least=3300)
