"""Figures as text: the table at the end of a run, and the one that lives while it runs (with rich, in a terminal)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from engine.lab.run import Progress, Result

COLUMNS: tuple[tuple[str, str, float, int], ...] = (
    # heading, path into the measures, factor, decimals
    ("rtt ms", "rtt_ms.p50", 1, 0),
    ("true", "rtt_ms.true_p50", 1, 0),
    ("delay ms", "interp_delay_ms.p50", 1, 0),
    ("lead", "lead_ticks.p50", 1, 1),
    ("corr/min", "corrections_per_minute", 1, 2),
    ("late %", "input_late_ratio", 100, 2),
    ("starved %", "starved_ratio", 100, 2),
    ("err p99 px", "remote_error_px.p99", 1, 2),
    ("over p99", "overshoot_px.p99", 1, 2),
    ("shots", "shots", 1, 0),
    ("clamped", "shots_clamped", 1, 0),
    ("agree %", "hit_agreement", 100, 1),
    ("rewind px", "rewind_error_px.max", 1, 3),
    ("down kbit/s", "down_kbit_s", 1, 1),
    ("up", "up_kbit_s", 1, 1),
    ("mismatch", "world_mismatches", 1, 0),
)
REFRESH = 0.25
"""Seconds between two drawings of the live table."""


def value_at(measures: dict[str, Any], path: str) -> Any:
    """Return what lies at `path`, as in "rtt_ms.p50"."""
    found: Any = measures
    for key in path.split("."):
        found = found[key]
    return found


def cell(value: float | None, factor: float = 1.0, decimals: int = 2) -> str:
    """Return a figure as text; a dash where there is none."""
    return "-" if value is None else f"{value * factor:.{decimals}f}"


def result_rows(result: Result) -> list[list[str]]:
    """Return the end table: headings, a row per player, a row for all."""
    rows = [["player", "link", *(heading for heading, *_ in COLUMNS)]]
    for measures in (*result.players, {"name": "all", "link": "", **result.all}):
        cells = [cell(value_at(measures, path), factor, decimals) for _, path, factor, decimals in COLUMNS]
        rows.append([str(measures["name"]), str(measures["link"]), *cells])
    return rows


def aligned(rows: Sequence[Sequence[str]], left: int = 2) -> str:
    """Return `rows` as columns of text, the first `left` to the left and the others to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            text.ljust(width) if at < left else text.rjust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return `rows` as a markdown table whose first row is the headings."""
    rule = ["---" if at < left else "---:" for at in range(len(rows[0]))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (rows[0], rule, *rows[1:]))


_FIRST_TO_GO = ("up", "true", "lead", "clamped", "rewind px", "over p99", "shots", "rtt ms", "down kbit/s", "starved %")
"""Columns a narrow terminal goes without, the first one first; they are in the JSON and the report."""


def fitting(rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """Return `rows` without the columns that don't fit into `width` characters."""
    kept = [list(row) for row in rows]
    for name in _FIRST_TO_GO:
        if max(map(len, aligned(kept).split("\n"))) <= width:
            break
        at = kept[0].index(name)
        for row in kept:
            del row[at]
    return kept


def heading(result: Result) -> str:
    """Return the line above the table."""
    scenario = result.scenario
    partial = f"PARTIAL, stopped at {result.match.now:.1f} of {scenario.seconds:g} s. " if result.partial else ""
    pace = f"{result.speed:.1f} times faster than real time"
    if result.speed < 1.0:
        pace = f"{result.speed:.2f} times real time"
    who = f"{scenario.name}: {len(scenario.players)} players on {scenario.links}"
    return f"{partial}{who}, {result.match.now:.1f} s virtual in {result.seconds_wall:.1f} s: {pace}"


@contextmanager
def live(title: str) -> Iterator[Callable[[Progress], None] | None]:
    """Give a function that shows the progress in a table that lives in the terminal; None without rich or terminal."""
    if not sys.stdout.isatty():
        yield None
        return
    try:
        from rich.box import SIMPLE
        from rich.live import Live
        from rich.table import Table
    except ImportError:
        yield None
        return
    shown_at = -1.0
    with Live(auto_refresh=False, transient=True) as screen:

        def show(progress: Progress) -> None:
            nonlocal shown_at
            if progress.seconds_wall - shown_at < REFRESH and progress.match.now < progress.seconds_planned:
                return
            shown_at = progress.seconds_wall
            left = (progress.seconds_planned - progress.match.now) / max(progress.speed, 1e-6)
            table = Table(
                box=SIMPLE,
                padding=(0, 1),
                title=f"{title}   {progress.match.now:.1f} of {progress.seconds_planned:g} s   "
                f"{progress.speed:.1f} x real time   {left:.0f} s to go",
                title_justify="left",
            )
            for name in ("player", "link", "phase"):
                table.add_column(name, no_wrap=True)
            for name in ("rtt ms", "delay", "lead", "corr", "late", "err p99", "shots"):
                table.add_column(name, justify="right", no_wrap=True)
            for player in progress.match.players[:24]:
                truth, last = player.truth, player.truth.samples[-1] if player.truth.samples else None
                measured = truth.measured
                table.add_row(
                    player.spec.name,
                    player.spec.link.name if player.spec.link else "perfect",
                    player.session.phase.value,
                    cell(last.rtt_ms if last else None, decimals=0),
                    cell(last.interp_delay_ms if last else None, decimals=0),
                    cell(last.lead_ticks if last else None, decimals=1),
                    str(measured.corrections),
                    str(measured.missing),
                    cell(truth.remote_error.quantile(0.99)),
                    str(len(truth.shots)),
                )
            screen.update(table, refresh=True)

        yield show
