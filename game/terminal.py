"""The headless client's screen: a table in the terminal, redrawn in place; a line now and then where it is none.

Whoever calls it gives figures and rows; it knows no session and no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

PLAYERS_SHOWN = 16
"""Rows of the table at most: it should fit a small terminal."""
_COLUMNS = "{:<24} {:>6} {:>7} {:>7}"


@dataclass(frozen=True, slots=True)
class PlayerLine:
    """One player of the table."""

    name: str
    score: int
    deaths: int
    health: int


@dataclass(frozen=True, slots=True)
class LinkLine:
    """What the session measures. loss: percent."""

    seconds: float
    status: str
    players: int
    rtt_ms: float
    jitter_ms: float
    loss: float
    snapshot_bytes: int
    down_kbit_s: float
    up_kbit_s: float
    lead_ticks: float
    delay_ms: float
    corrections: int

    def __str__(self) -> str:
        return (
            f"{self.seconds:5.0f} s  {self.status}  players {self.players}  RTT {self.rtt_ms:.0f} ms"
            f" (jitter {self.jitter_ms:.1f})  loss {self.loss:.1f} %  snapshot {self.snapshot_bytes} B"
            f"  down {self.down_kbit_s:.0f} up {self.up_kbit_s:.0f} kbit/s  lead {self.lead_ticks:.1f} ticks"
            f"  delay {self.delay_ms:.0f} ms  corrections {self.corrections}"
        )


class Table:
    """Writes to `stream`; `live` redraws in place, else each call to `show` writes one line."""

    def __init__(self, stream: TextIO, live: bool | None = None) -> None:
        self._stream = stream
        self._live = stream.isatty() if live is None else live
        self._lines = 0

    def show(self, link: LinkLine, players: Sequence[PlayerLine]) -> None:
        """Show the figures as they are now."""
        if not self._live:
            print(link, file=self._stream, flush=True)
            return
        lines = [str(link), "", _COLUMNS.format("player", "score", "deaths", "health")]
        lines += [_COLUMNS.format(p.name, p.score, p.deaths, p.health or "dead") for p in players[:PLAYERS_SHOWN]]
        # Up over what was written before, each line cleared to its end, and what is below cleared.
        up = f"\x1b[{self._lines}A" if self._lines else ""
        body = "".join(f"{line}\x1b[K\n" for line in lines)
        print(f"{up}{body}\x1b[J", end="", file=self._stream, flush=True)
        self._lines = len(lines)
