"""The headless client's table, filled from a match; and that neither it nor the client needs pygame."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from engine.clock import VirtualClock
from engine.lab.match import PlayerSpec, VirtualMatch
from game.rules import Arena
from game.view.headless import link_line, player_lines

ROOT = Path(__file__).resolve().parent.parent.parent.parent


def test_the_table_tells_of_the_path_and_of_everyone_best_first() -> None:
    match = VirtualMatch(
        Arena.factory, [PlayerSpec("ann", None, "runner")], seed=3, bots=2, settings={"max_players": 4}
    )
    match.run(2.0)
    (player,) = match.players
    loop: Any = SimpleNamespace(
        session=player.session, clock=VirtualClock(match.now), started=match.now - 2.0, words="", notice=""
    )
    line = link_line(loop)
    assert (line.status, line.players, round(line.seconds, 6)) == ("playing", 3, 2.0)
    assert line.snapshot_bytes > 0
    loop.notice = "the server restarts at noon"
    assert link_line(loop).status == "the server restarts at noon"
    loop.words = "looking for the server ..."
    assert link_line(loop).status == "looking for the server ..."

    players = player_lines(loop, player.session.picture(match.now))
    assert sorted(each.name for each in players) == sorted(player.session.labels().values())
    assert [each.score for each in players] == sorted((each.score for each in players), reverse=True)
    assert player_lines(loop, None) == []


def test_it_runs_without_pygame() -> None:
    script = "import sys; sys.modules['pygame'] = None; import client, game.view.headless, game.view.opening"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
