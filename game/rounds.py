"""The course of a match: warm-up, round, results, and on to the next map.

    WARMUP   nothing counts; its clock stands while fewer than two are there, then runs down
    ROUND    scores count, until the clock or a score ends it
    RESULTS  scores stand, nobody is hurt; then the next map of the rotation

All of it is the one row of `MATCH`, so every client sees it and a restored world goes on as it went. The clock is a
field with a rate: while it runs it is dead-reckoned, and costs no bytes.

What it does not do: move anyone. When a phase begins that starts afresh, the rules put all players on spawn points.
"""

from __future__ import annotations

import numpy as np

from engine.world.table import Table, World
from game.movement import ticks
from game.schema import MATCH, Phase

PLAYERS_TO_START = 2
"""A round against nobody is none."""

_SCORE = MATCH.index["score1"]


class Rounds:
    """Leads the match row through the phases. Lengths are in seconds.

    maps: how many there are in the rotation. warmup: 0 for none. round_time: 0 for a round without end. frag_limit: the
    score of a player, or of a team, that ends a round; 0 for none. teams: how many, 0 for each for itself.
    """

    def __init__(
        self, tick_hz: int, maps: int, *, warmup: int, round_time: int, results: int, frag_limit: int, teams: int
    ) -> None:
        self._maps = maps
        self._teams = teams
        self._frag_limit = frag_limit
        self._lengths = {
            phase: ticks(seconds, tick_hz) if seconds else 0
            for phase, seconds in ((Phase.WARMUP, warmup), (Phase.ROUND, round_time), (Phase.RESULTS, results))
        }

    def start(self, world: World) -> None:
        """Bring the match row to life, before the first round on the first map."""
        match = world["match"]
        row = match.spawn()
        assert row == 0
        match["round"][0] = 1
        self._begin(match, world["player"], self._opening)

    @property
    def _opening(self) -> Phase:
        return Phase.WARMUP if self._lengths[Phase.WARMUP] else Phase.ROUND

    def advance(self, world: World) -> Phase | None:
        """Let a tick pass, after everything else in it; return the phase that begins with it, if one does."""
        match, players = world["match"], world["player"]
        phase = Phase(int(match["phase"][0]))
        match["clock"] += match["pace"]
        over = bool(match["pace"][0]) and match["clock"][0] <= 0
        if phase is Phase.WARMUP:
            match["pace"][0] = self._pace(players, phase)
        elif phase is Phase.ROUND and self._frag_limit:
            over |= self._best(match, players) >= self._frag_limit
        if not over:
            return None
        if phase is Phase.WARMUP:
            self._clear(match, players)
            return self._begin(match, players, Phase.ROUND)
        if phase is Phase.ROUND:
            return self._begin(match, players, Phase.RESULTS)
        match["arena"][0] = (match["arena"][0] + 1) % self._maps
        match["round"][0] = match["round"][0] % MATCH.high[MATCH.index["round"], 0] + 1
        self._clear(match, players)
        return self._begin(match, players, self._opening)

    def winner(self, world: World) -> int:
        """Return the row of the player, or the number of the team, that leads alone; -1 when nobody does."""
        match, players = world["match"], world["player"]
        if self._teams:
            numbers, scores = np.arange(1, self._teams + 1), match.state[_SCORE : _SCORE + self._teams, 0]
        else:
            numbers = players.rows()
            scores = players["score"][numbers]
        leaders = numbers[scores == scores.max(initial=np.iinfo(np.int32).min)]
        return int(leaders[0]) if len(leaders) == 1 else -1

    def _begin(self, match: Table, players: Table, phase: Phase) -> Phase:
        match["phase"][0] = phase
        match["clock"][0] = self._lengths[phase]
        match["pace"][0] = self._pace(players, phase)
        return phase

    def _pace(self, players: Table, phase: Phase) -> int:
        stands = phase is Phase.WARMUP and players.count < PLAYERS_TO_START
        return 0 if stands or not self._lengths[phase] else -1

    def _clear(self, match: Table, players: Table) -> None:
        match.state[_SCORE:, 0] = 0
        players["score"] = 0
        players["deaths"] = 0

    def _best(self, match: Table, players: Table) -> int:
        if self._teams:
            return int(match.state[_SCORE : _SCORE + self._teams, 0].max())
        return int(players["score"][players.alive].max(initial=0))


def counts(world: World) -> bool:
    """Tell whether kills count now."""
    return int(world["match"]["phase"][0]) == Phase.ROUND


def harmless(world: World) -> bool:
    """Tell whether nobody can be hurt now."""
    return int(world["match"]["phase"][0]) == Phase.RESULTS


def score_for_team(world: World, team: int, points: int) -> None:
    """Add `points` to the score of `team`, from 1."""
    world["match"].state[_SCORE + team - 1, 0] += points
