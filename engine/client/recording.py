"""Recording what a client's session learns, from its beginning or from within a match."""

from __future__ import annotations

from engine.client.session import ClientSession
from engine.wire.messages import PlayerAway, PlayerJoined
from engine.wire.recorder import Recorder


def record(session: ClientSession, recorder: Recorder) -> None:
    """Tell `recorder` of what comes from now on; in a match first of that, and of who is here."""
    if session.game is not None and session.match is not None:
        tick = session.snapshot.tick if session.snapshot is not None else 0
        recorder.begin(session.game, session.match, session.own_row, tick)
        for row, name in session.names.items():
            recorder.message(tick, PlayerJoined(row, name, row in session.bots))
        for row in session.away:
            recorder.message(tick, PlayerAway(row, away=True))
    session.recorder = recorder
