"""The headless client's screen: a table in the terminal, redrawn in place; a line now and then where it is none.

Whoever calls it gives figures and rows; it knows no session and no clock.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

PLAYERS_SHOWN = 16
"""Rows of the table at most: with what is above them it fits a terminal of 24 lines."""
WIDTH = 80
"""Columns assumed where the terminal does not say."""
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

    def lines(self) -> tuple[str, str]:
        """Return the figures as two lines that fit a terminal: the path, and what travels on it."""
        return (
            f"{self.seconds:4.0f} s  {self.status}  players {self.players}  RTT {self.rtt_ms:.0f} ms"
            f" (jitter {self.jitter_ms:.1f})  loss {self.loss:.1f} %  delay {self.delay_ms:.0f} ms",
            f"snapshot {self.snapshot_bytes} B  down {self.down_kbit_s:.0f} up {self.up_kbit_s:.0f} kbit/s"
            f"  lead {self.lead_ticks:.1f} ticks  corrections {self.corrections}",
        )


class Table:
    """Writes to `stream`; `live` redraws in place, else each call to `show` writes one line."""

    def __init__(self, stream: TextIO, live: bool | None = None, width: int | None = None) -> None:
        self._stream = stream
        self._live = stream.isatty() if live is None else live
        self._width = width
        self._lines = 0

    def show(self, link: LinkLine, players: Sequence[PlayerLine]) -> None:
        """Show the figures as they are now."""
        if not self._live:
            print("  ".join(link.lines()), file=self._stream, flush=True)
            return
        lines = [*link.lines(), "", _COLUMNS.format("player", "score", "deaths", "health")]
        lines += [_COLUMNS.format(p.name, p.score, p.deaths, p.health or "dead") for p in players[:PLAYERS_SHOWN]]
        if len(players) > PLAYERS_SHOWN:
            lines.append(f"and {len(players) - PLAYERS_SHOWN} more")
        # Up over what was written before, each line cleared to its end, and what is below cleared. A line that wrapped
        # would count as two, so none does.
        up = f"\x1b[{self._lines}A" if self._lines else ""
        width = self._columns()
        body = "".join(f"{line[:width]}\x1b[K\n" for line in lines)
        print(f"{up}{body}\x1b[J", end="", file=self._stream, flush=True)
        self._lines = len(lines)

    def _columns(self) -> int:
        if self._width is not None:
            return self._width
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or WIDTH
        except (OSError, ValueError):  # no terminal, or no file at all
            return WIDTH
