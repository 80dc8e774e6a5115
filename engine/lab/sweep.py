"""Settings tried out over a grid: bandwidth, latency and error of each, which of them are unbeaten, which to take.

A setting is beaten when another is at least as good in all three and better in one; what is left is the Pareto front.
Recommended is the one on it with the least product of its three figures, each as a multiple of the best there is: no
weights to choose, and a setting that is twice as bad in one thing has to be twice as good in another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Any

from engine.config import ClientConfig, MatchConfig, ServerConfig, Switches
from engine.errors import UsageError
from engine.lab.compare import with_switches
from engine.lab.scenario import Scenario, with_values
from engine.lab.tables import cell, value_at
from engine.transport.impairment import load_profile

AIMS = (
    ("down kbit/s", "down_kbit_s", 1),
    ("seen ms ago", "view_age_ms.p50", 1),
    ("error p99 px", "remote_error_px.p99", 2),
)
"""Bandwidth, latency, error: heading, path into the measures, decimals. Less is better."""
ALSO = (
    ("judder p99 px", "judder_px.p99", 1, 2),
    ("starved %", "starved_ratio", 100, 2),
    ("corr/min", "corrections_per_minute", 1, 2),
    ("late %", "input_late_ratio", 100, 2),
)
FLOOR_PX = 0.05
"""Pixels below which an error is as good as none: nobody gains by halving it."""


@dataclass(frozen=True, slots=True)
class Point:
    """One run of a sweep. figures: those of AIMS."""

    name: str
    link: str
    setting: str
    figures: tuple[float, ...]
    measures: dict[str, Any]


def parse_set(text: str) -> tuple[str, list[Any]]:
    """Return the name and the values of `snapshot_hz=10,20,30`. Raises UsageError."""
    name, equals, values = text.partition("=")
    if not equals or not values:
        raise UsageError(f"--set {text!r}: write NAME=VALUE,VALUE,...")
    return name.strip(), [_value(part.strip()) for part in values.split(",")]


def _value(text: str) -> Any:
    if text in ("on", "off", "true", "false"):
        return text in ("on", "true")
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def with_setting(scenario: Scenario, name: str, value: Any) -> Scenario:
    """Return `scenario` with the setting `name` changed, wherever it belongs. Raises UsageError."""
    if name in (each.name for each in fields(Switches)):
        if not isinstance(value, bool):
            raise UsageError(f"--set {name}={value}: a switch is on or off")
        return with_switches(scenario, {name: value})
    if name in ("seconds", "seed", "bots"):
        return replace(scenario, **{name: value})
    if name == "snapshot_hz" or name in (each.name for each in fields(MatchConfig)):
        return replace(scenario, match={**scenario.match, name: value})
    if name in (each.name for each in fields(ClientConfig)):
        return replace(scenario, client=with_values(scenario.client, {name: value}, "client"))
    if name in (each.name for each in fields(ServerConfig)):
        return replace(scenario, server=with_values(scenario.server, {name: value}, "server"))
    if name.startswith("settings."):
        return replace(scenario, settings={**scenario.settings, name.removeprefix("settings."): value})
    known = sorted({each.name for kind in (MatchConfig, ClientConfig, ServerConfig, Switches) for each in fields(kind)})
    raise UsageError(f"no setting {name!r}; there are: snapshot_hz, {', '.join(known)}, and the game's settings.NAME")


def grid(scenario: Scenario, links: Sequence[str], sets: Sequence[str]) -> dict[str, tuple[str, str, Scenario]]:
    """Return every combination: by name, its link, its setting in words, and its scenario. Raises UsageError."""
    if not sets:
        raise UsageError("nothing to sweep: --set NAME=VALUE,VALUE,...")
    parsed = [parse_set(text) for text in sets]
    runs = {}
    for link in links:
        players = scenario.players
        if link:
            players = tuple(replace(each, link=load_profile(link)) for each in players)
        for values in product(*(options for _, options in parsed)):
            changed = replace(scenario, players=players)
            words = []
            for (name, _), value in zip(parsed, values, strict=True):
                changed = with_setting(changed, name, value)
                words.append(f"{name}={_told(value)}")
            setting = " ".join(words)
            where = link or scenario.links
            runs[f"{where}: {setting}"] = (where, setting, changed)
    return runs


def _told(value: Any) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def points_of(
    runs: dict[str, tuple[str, str, Scenario]], results: dict[str, dict[str, Any]]
) -> tuple[list[Point], list[Point]]:
    """Return the points of a sweep's results, and those that nobody measured anything in."""
    points: list[Point] = []
    empty: list[Point] = []
    for name, result in results.items():
        link, setting, _ = runs[name]
        values = [value_at(result["all"], path) for _, path, _ in AIMS]
        known = all(value is not None for value in values)
        point = Point(name, link, setting, tuple(values) if known else (), result["all"])
        (points if known else empty).append(point)
    return points, empty


def front(points: Sequence[Point]) -> list[Point]:
    """Return the points of one link that no other beats, in their order."""
    return [one for one in points if not any(_beats(other, one) for other in points)]


def _beats(one: Point, other: Point) -> bool:
    pairs = list(zip(_worth(one), _worth(other), strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def _worth(point: Point) -> tuple[float, ...]:
    bandwidth, latency, error = point.figures
    return bandwidth, latency, max(error, FLOOR_PX)


def recommended(points: Sequence[Point]) -> Point:
    """Return the point of one link to take; see the module."""
    best = [max(min(column), 1e-9) for column in zip(*(_worth(point) for point in points), strict=True)]

    def cost(point: Point) -> float:
        total = 1.0
        for value, least in zip(_worth(point), best, strict=True):
            total *= value / least
        return total

    return min(front(points), key=cost)


def sweep_rows(points: Sequence[Point]) -> list[list[str]]:
    """Return the table: headings, then a row per point, the front marked *, the recommended one **."""
    rows = [["", "link", "setting", *(name for name, *_ in AIMS), *(name for name, *_ in ALSO)]]
    for link in dict.fromkeys(point.link for point in points):
        of_link = [point for point in points if point.link == link]
        best, unbeaten = recommended(of_link), front(of_link)
        for point in of_link:
            mark = "**" if point is best else "*" if point in unbeaten else ""
            figures = [cell(value, 1, places) for value, (_, _, places) in zip(point.figures, AIMS, strict=True)]
            also = [cell(value_at(point.measures, path), factor, places) for _, path, factor, places in ALSO]
            rows.append([mark, link, point.setting, *figures, *also])
    return rows


def write_pareto(path: Path, points: Sequence[Point]) -> None:
    """Write the Pareto plot as an SVG: bandwidth across, latency up, the error as the size of the dot."""
    from engine.lab.plots import COLOURS, INK, draw

    def paint(axes: Any) -> None:
        for at, link in enumerate(dict.fromkeys(point.link for point in points)):
            of_link = [point for point in points if point.link == link]
            colour = COLOURS[at % len(COLOURS)]
            ordered = sorted(front(of_link), key=lambda point: point.figures[0])
            axes.plot([p.figures[0] for p in ordered], [p.figures[1] for p in ordered], color=colour, linewidth=1.2)
            x, y, error = zip(*(point.figures for point in of_link), strict=True)
            sizes = [30.0 + 60.0 * value for value in error]
            axes.scatter(x, y, s=sizes, color=colour, alpha=0.55, linewidths=0, label=link)
            best = recommended(of_link)
            axes.scatter(*best.figures[:2], s=30.0, color=INK, marker="x")
            for point in of_link:
                axes.annotate(point.setting, point.figures[:2], xytext=(6, 5), textcoords="offset points", fontsize=8)
        axes.set_xlabel("kbit/s down, each player")
        axes.set_ylabel("ms: age of what is seen")
        axes.margins(0.18)
        axes.set_title("dot: remote error p99; line: unbeaten; cross: recommended", fontsize=9, loc="left")
        axes.legend(loc="best")

    svg = draw(paint, "pareto", (7.2, 4.6))
    path.write_text(svg, encoding="utf-8")
