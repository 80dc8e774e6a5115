"""What each mechanism is worth: the same match with it and without it, side by side.

Every run has the same seed, so the same players want the same things over the same weather; what differs is what the
mechanism does. One column of figures alone misleads: without interpolation the remote error is small, because every
picture is a snapshot's, and it is the judder that shows what is missing. So they stand together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from engine.config import Switches
from engine.errors import UsageError
from engine.lab.scenario import Scenario
from engine.lab.tables import cell, value_at

ALL_ON = "all on"
SWITCHES = tuple(each.name for each in fields(Switches))

COLUMNS: tuple[tuple[str, str, float, int], ...] = (
    ("own input ms", "own_input_drawn_after_ms.p50", 1, 0),
    ("corr/min", "corrections_per_minute", 1, 2),
    ("own judder px", "own_judder_px.p99", 1, 1),
    ("late %", "input_late_ratio", 100, 2),
    ("starved %", "starved_ratio", 100, 2),
    ("error p99 px", "remote_error_px.p99", 1, 1),
    ("overshoot p99", "overshoot_px.p99", 1, 1),
    ("judder p99 px", "judder_px.p99", 1, 1),
    ("seen ms ago", "view_age_ms.p50", 1, 0),
    ("agree %", "hit_agreement", 100, 1),
    ("rewind px", "rewind_error_px.max", 1, 1),
    ("down kbit/s", "down_kbit_s", 1, 1),
    ("up kbit/s", "up_kbit_s", 1, 1),
)


def parse_switches(text: str) -> dict[str, bool]:
    """Return what `prediction=off,smoothing=off` says. Raises UsageError."""
    found = {}
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        if name not in SWITCHES:
            raise UsageError(f"no switch {name!r}; there are: {', '.join(SWITCHES)}")
        if not equals or value not in ("on", "off"):
            raise UsageError(f"--switch {part!r}: write {name}=off or {name}=on")
        found[name] = value == "on"
    return found


def with_switches(scenario: Scenario, changes: dict[str, bool]) -> Scenario:
    """Return `scenario` with these mechanisms on or off, on both sides."""
    client, server = scenario.client, scenario.server
    return replace(
        scenario,
        client=replace(client, switches=replace(client.switches, **changes)),
        server=replace(server, switches=replace(server.switches, **changes)),
    )


def ablations(scenario: Scenario, asked: Sequence[str]) -> dict[str, Scenario]:
    """Return the runs to compare, by name: all on, and each of `asked` (nothing asked: each switch off, alone)."""
    runs = {ALL_ON: with_switches(scenario, dict.fromkeys(SWITCHES, True))}
    for text in asked or [f"{name}=off" for name in SWITCHES]:
        runs[text] = with_switches(runs[ALL_ON], parse_switches(text))
    return runs


def comparison_rows(results: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Return the table: headings, then a row per run."""
    rows = [["", *(heading for heading, *_ in COLUMNS)]]
    for name, result in results.items():
        cells = [cell(value_at(result["all"], path), factor, decimals) for _, path, factor, decimals in COLUMNS]
        rows.append([name, *cells])
    return rows
