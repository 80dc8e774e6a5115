"""What a running match is measured by: its ticks, its traffic, and what became of shots; once a second, and at the end.

The loop says how long each tick took; all else is read where it is counted, by the session and by its socket. Not here:
what figures there are (`figures`), and the clock.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

import numpy as np

from engine.ops.figures import ServerFigures
from engine.server.session import ServerSession

TICKS_TIMED = 60 * 60 * 20
"""Tick times kept for the figures at the end: twenty minutes at 60 Hz."""


class Traffic(Protocol):
    """What a transport counts, of which a match is told: datagrams, their bytes, and those with what UDP/IP adds."""

    @property
    def received(self) -> int: ...

    @property
    def sent(self) -> int: ...

    @property
    def received_bytes(self) -> int: ...

    @property
    def sent_bytes(self) -> int: ...

    @property
    def received_wire_bytes(self) -> int: ...

    @property
    def sent_wire_bytes(self) -> int: ...


class Measures:
    """See the module. `started` is when the match began, in the time of the `now` that is given later."""

    def __init__(self, session: ServerSession, traffic: Traffic, started: float) -> None:
        self.tick_seconds: deque[float] = deque(maxlen=TICKS_TIMED)
        """What each tick took, from draining to sending."""
        self._session = session
        self._traffic = traffic
        self._started = started
        self._bytes_before = (0, 0)

    def figures(self, now: float, ticks_skipped: int) -> ServerFigures:
        """Return the match's figures; tick times are those of the last second."""
        session, traffic = self._session, self._traffic
        recent = list(self.tick_seconds)[-session.match.tick_hz :]
        p50, p99 = np.percentile(recent, (50, 99)).tolist() if recent else (0.0, 0.0)
        totals = session.rewinder.totals
        return ServerFigures(
            players=session.player_count,
            max_players=session.config.max_players,
            away=session.away_count,
            bots=session.bot_count,
            spectators=session.spectator_count,
            uptime=now - self._started,
            tick=session.world.tick,
            ticks_skipped=ticks_skipped,
            tick_p50=p50,
            tick_p99=p99,
            received_datagrams=traffic.received,
            sent_datagrams=traffic.sent,
            received_bytes=traffic.received_bytes,
            sent_bytes=traffic.sent_bytes,
            dropped=session.all_drops(),
            shots=totals.shots,
            hits=totals.hits,
            clamped=totals.clamped,
        )

    def second(self, figures: ServerFigures) -> dict[str, Any]:
        """Return what a log says of the second since the last call."""
        received, sent = self._traffic.received_wire_bytes, self._traffic.sent_wire_bytes
        received_before, sent_before = self._bytes_before
        self._bytes_before = (received, sent)
        return {
            "tick": figures.tick,
            "players": figures.players,
            "tick_ms_p50": round(figures.tick_p50 * 1000, 2),
            "tick_ms_p99": round(figures.tick_p99 * 1000, 2),
            "in_kbit_s": round((received - received_before) * 8 / 1000),
            "out_kbit_s": round((sent - sent_before) * 8 / 1000),
        }

    def report(self, figures: ServerFigures) -> dict[str, Any]:
        """Return the whole match's figures, for --json."""
        ticks = np.array(self.tick_seconds) * 1000
        p50, p99, most = (*np.percentile(ticks, (50, 99)).tolist(), float(ticks.max())) if len(ticks) else (0.0,) * 3
        session = self._session
        return {
            "seconds": figures.uptime,
            "ticks": figures.tick,
            "ticks_skipped": figures.ticks_skipped,
            "tick_ms": {"p50": p50, "p99": p99, "max": most},
            "snapshots": session.snapshots_total,
            "snapshot_bytes_mean": session.snapshot_bytes_total / max(session.snapshots_total, 1),
            "sent_bytes": self._traffic.sent_wire_bytes,
            "received_bytes": self._traffic.received_wire_bytes,
            "shots": figures.shots,
            "hits": figures.hits,
            "shots_clamped": figures.clamped,
            "dropped": dict(figures.dropped),
        }
