"""What a server tells about itself once a second: one dataclass, with each figure's metric name, unit and meaning.

The match fills it; it travels to the lobby as a dict; `/v1/status` reads a few figures and `/metrics` all of them.
Metric names follow Prometheus: base units (seconds, bytes), `_total` for what only grows. Not here: the text format
(`metrics`), and figures of single players, whose number would grow without bound.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.errors import UsageError

MAX_REASONS = 64
"""Drop reasons told apart: they are fixed slugs, and there are fewer."""


@dataclass(frozen=True, slots=True)
class Figure:
    """How a figure is published.

    metric: its name without the prefix; figures of one metric differ by `labels`. split_by: the figure is a mapping,
    and its keys are the values of this label.
    """

    metric: str
    kind: Literal["gauge", "counter"]
    help: str
    labels: tuple[tuple[str, str], ...] = ()
    split_by: str | None = None


def _gauge(metric: str, meaning: str, **labels: str) -> Any:
    return field(default=0, metadata={"figure": Figure(metric, "gauge", meaning, tuple(labels.items()))})


def _counter(metric: str, meaning: str, **labels: str) -> Any:
    return field(default=0, metadata={"figure": Figure(metric, "counter", meaning, tuple(labels.items()))})


def _counters(metric: str, meaning: str, split_by: str) -> Any:
    figure = Figure(metric, "counter", meaning, split_by=split_by)
    return field(default_factory=dict, metadata={"figure": figure})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFigures:
    """A server's figures at one moment; totals since its start."""

    players: int = _gauge("players", "Players connected.")
    max_players: int = _gauge("players_max", "Players the match has room for.")
    away: int = _gauge("players_away", "Players who lost their connection and are waited for.")
    bots: int = _gauge("bots", "Bots the server plays.")
    spectators: int = _gauge("spectators", "Connections that only watch.")
    uptime: float = _gauge("uptime_seconds", "Seconds since the server started.")
    tick: int = _counter("ticks_total", "Simulation steps run.")
    ticks_skipped: int = _counter("ticks_skipped_total", "Steps given up because the server fell behind.")
    tick_p50: float = _gauge("tick_seconds", "Time a tick took in the last second.", quantile="0.5")
    tick_p99: float = _gauge("tick_seconds", "Time a tick took in the last second.", quantile="0.99")
    received_datagrams: int = _counter("datagrams_total", "Datagrams through the game's socket.", direction="in")
    sent_datagrams: int = _counter("datagrams_total", "Datagrams through the game's socket.", direction="out")
    received_bytes: int = _counter("bytes_total", "UDP payload bytes through the game's socket.", direction="in")
    sent_bytes: int = _counter("bytes_total", "UDP payload bytes through the game's socket.", direction="out")
    dropped: Mapping[str, int] = _counters("dropped_total", "Datagrams dropped, by reason.", "reason")
    shots: int = _counter("shots_total", "Shots judged.")
    hits: int = _counter("hits_total", "Shots judged a hit.")
    clamped: int = _counter("shots_clamped_total", "Shots whose view was older than the rewind limit.")


def figures_to_dict(figures: ServerFigures) -> dict[str, Any]:
    """Return `figures` as plain data that JSON holds; at most MAX_REASONS drop reasons, the most frequent."""
    plain = {f.name: getattr(figures, f.name) for f in dataclasses.fields(figures)}
    reasons = sorted(figures.dropped.items(), key=lambda item: -item[1])
    plain["dropped"] = dict(reasons[:MAX_REASONS])
    return plain


def figures_from_dict(plain: Mapping[str, Any]) -> ServerFigures:
    """Return the figures in `plain`. Raises UsageError when a name is none of theirs."""
    unknown = plain.keys() - {f.name for f in dataclasses.fields(ServerFigures)}
    if unknown:
        raise UsageError(f"no such figures: {sorted(unknown)}")
    return ServerFigures(**plain)
