"""One page with everything a run found: self-contained, for a browser on a desk or a phone, and for the archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from html import escape
from itertools import cycle
from pathlib import Path
from typing import Any

from engine.errors import NetError
from engine.lab.measures import ABOUT, shots_worth_a_picture
from engine.lab.run import Result
from engine.lab.tables import COLUMNS, cell, heading, value_at

SHOTS_DRAWN = 6

_CSS = """
:root { color-scheme: light; --ink: #2b313c; --soft: #6b7482; --line: #e3e6ea; --paper: #faf9f6; --card: #ffffff; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 Inter, system-ui, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; font-weight: 650; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 19px; font-weight: 650; margin: 36px 0 10px; }
h3 { font-size: 15px; font-weight: 600; margin: 0; }
p, dl { margin: 0 0 10px; }
dl { columns: 2 400px; column-gap: 40px; }
dl div { break-inside: avoid; }
.soft, figcaption { color: var(--soft); font-size: 14px; }
.partial { background: #fbe9d7; border-radius: 8px; padding: 10px 14px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(148px, 1fr)); gap: 10px; margin-top: 18px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; }
.tile b { display: block; font-size: 22px; font-weight: 620; letter-spacing: -0.01em; }
.tile b small { font-size: 14px; font-weight: 500; color: var(--soft); }
.tile span { color: var(--soft); font-size: 13px; line-height: 1.3; display: block; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 360px), 1fr)); gap: 14px; }
.shots { grid-template-columns: repeat(auto-fit, minmax(min(100%, 290px), 1fr)); }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; }
figure svg { width: 100%; height: auto; display: block; margin-top: 6px; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; width: 100%; }
.keys { font-size: 14px; color: var(--soft); display: flex; flex-wrap: wrap; gap: 4px 16px; }
.keys i { display: inline-block; width: 18px; height: 4px; border-radius: 2px; }
.keys i { margin-right: 6px; vertical-align: middle; }
.keys i.dot { width: 13px; height: 13px; border-radius: 50%; }
th, td { padding: 6px 8px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 550; }
th:nth-child(2), td:nth-child(2) { text-align: left; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--card); }
tr:last-child td { border-bottom: 0; }
tr.all td { font-weight: 650; border-top: 2px solid var(--line); }
dt { font-weight: 600; font-size: 14px; } dd { margin: 0 0 6px; color: var(--soft); font-size: 14px; }
code { font-size: 13px; overflow-wrap: anywhere; }
"""


def require_matplotlib() -> None:
    """Raise NetError when the report can't be drawn."""
    try:
        import matplotlib  # noqa: F401  # asked for before the run, used after it
    except ImportError as error:
        raise NetError("the report needs matplotlib: pip install 'tickwire[lab]'") from error


def write_report(path: Path, result: Result) -> None:
    """Write the page of `result`."""
    path.write_text("".join(_page(result)), encoding="utf-8")


def _page(result: Result) -> Iterator[str]:
    scenario = result.scenario
    title = f"{scenario.name} on {scenario.links}"
    yield "<!doctype html><html lang=en><meta charset=utf-8>"
    yield "<meta name=viewport content='width=device-width, initial-scale=1'>"
    yield f"<title>{escape(title)}</title><style>{_CSS}</style><main>"
    yield f"<h1>{escape(title)}</h1><p class=soft>{escape(scenario.about)}</p>"
    if result.partial:
        yield f"<p class=partial><b>Partial.</b> Stopped after {result.match.now:.1f} of {scenario.seconds:g} s.</p>"
    yield f"<p class=soft>{escape(heading(result))}. Seed {scenario.seed}, {scenario.warmup:g} s of each player's "
    yield f"beginning not measured. Digest <code>{result.digest}</code></p>"
    off = _switched_off(result)
    if off:
        yield f"<p class=partial><b>Switched off:</b> {escape(', '.join(off))}</p>"
    yield from _tiles(result.all)
    yield from _plots(result)
    yield from _shots(result)
    yield from _players(result)
    yield "<h2>What the figures are</h2><dl>"
    for name, words in ABOUT.items():
        yield f"<div><dt>{escape(name)}</dt><dd>{escape(words)}</dd></div>"
    yield "</dl></main></html>\n"


def _switched_off(result: Result) -> list[str]:
    client, server = result.scenario.client.switches, result.scenario.server.switches
    return [each.name for each in fields(client) if not (getattr(client, each.name) and getattr(server, each.name))]


def _tiles(found: dict[str, Any]) -> Iterator[str]:
    tiles = (
        ("own_input_drawn_after_ms.p50", 1, 1, "ms", "from an input to the frame that shows all of it"),
        ("own_projectile_drawn_after_ms.p50", 1, 1, "ms", "from an input to the first picture of the rocket it fired"),
        ("corrections_per_minute", 1, 2, "", "corrections per player-minute"),
        ("input_late_ratio", 100, 2, "%", "inputs late at the server"),
        ("starved_ratio", 100, 2, "%", "of remote rows drawn without data"),
        ("remote_error_px.p99", 1, 2, "px", "remote error, 99th percentile"),
        ("overshoot_px.p99", 1, 2, "px", "drawn past a stop, 99th percentile"),
        ("hit_agreement", 100, 1, "%", "of shots, unless clamped, judged as drawn"),
        ("rewind_error_px.max", 1, 3, "px", "greatest rewind error"),
        ("interp_delay_ms.p50", 1, 0, "ms", "interpolation delay"),
        ("view_age_ms.p50", 1, 0, "ms", "age of what is seen"),
        ("rtt_ms.p50", 1, 0, "ms", "round trip as estimated"),
        ("down_kbit_s", 1, 1, "kbit/s", "down to each player"),
        ("up_kbit_s", 1, 1, "kbit/s", "up from each player"),
        ("world_mismatches", 1, 0, "", "rows that differ from what was published"),
    )
    yield "<div class=tiles>"
    for path, factor, decimals, unit, words in tiles:
        value = cell(value_at(found, path), factor, decimals)
        yield f"<div class=tile><b>{value} <small>{unit}</small></b><span>{words}</span></div>"
    yield "</div>"


def _figure(title: str, words: str, svg: str) -> str:
    return f"<figure><h3>{escape(title)}</h3><figcaption>{escape(words)}</figcaption>{svg}</figure>"


def _plots(result: Result) -> Iterator[str]:
    from engine.lab import plots

    groups = plots.groups_of(result)
    shots = [shot for player in result.match.players for shot in player.truth.shots]
    drawn = (
        ("The line", "One-way delay, true: median of each second, up to the worst", plots.delay(groups)),
        ("Jitter", "How often a packet comes so much later than the fastest", plots.jitter(groups)),
        (
            "Loss",
            "Snapshot packets missing, as clients count them over ten seconds",
            plots.over_time(groups, lambda sample: sample.loss_in * 100.0, "%"),
        ),
        (
            "Round trip",
            "As the clients estimate it; it includes the wait for the next packet",
            plots.over_time(groups, lambda sample: sample.rtt_ms, "ms"),
        ),
        (
            "Lead",
            "How far inputs run ahead of the newest snapshot: median, least and most",
            plots.over_time(groups, lambda sample: sample.lead_ticks, "ticks"),
        ),
        (
            "Interpolation delay",
            "What the clients aim at: median, least and most",
            plots.over_time(groups, lambda sample: sample.interp_delay_ms, "ms"),
        ),
        (
            "Snapshot size",
            "Payload of the latest snapshot: median, least and most",
            plots.over_time(groups, lambda sample: float(sample.snapshot_bytes), "bytes"),
        ),
        ("Bytes by use", "Of one player, all headers included", plots.bytes_by_section(result.all)),
        ("Corrections", "Mispredictions so far, without knockback", plots.corrections(groups)),
        (
            "Remote error and overshoot",
            "Drawn against the truth, and past a stop",
            plots.tail(groups, ("remote_error", "overshoot"), ("error", "overshoot")),
        ),
        (
            "Judder",
            "Change of movement from frame to frame: others, and the own row",
            plots.tail(groups, ("judder", "own_judder"), ("others", "own row")),
        ),
        ("Verdicts", "Every shot by what the server said of it", plots.verdicts(shots)),
    )
    yield "<h2>Over time, and how often</h2>"
    if len(groups) > 1:
        keys = (
            f"<span><i style='background:{colour}'></i>{escape(name)}</span>"
            for name, colour in zip(groups, cycle(plots.COLOURS), strict=False)
        )
        yield f"<p class=keys>{''.join(keys)}</p>"
    yield "<div class=plots>"
    for title, words, paint in drawn:
        yield _figure(title, words, plots.draw(paint, title))
    yield "</div>"


def _shots(result: Result) -> Iterator[str]:
    from engine.lab import plots

    shots = [shot for player in result.match.players for shot in player.truth.shots]
    if not shots:
        return
    names = {player.session.own_row: player.spec.name for player in result.match.players}
    hz = result.match.server.match.tick_hz
    yield "<h2>Selected shots</h2><p class=soft>Disagreements first, then the furthest rewinds. The diamond is the "
    yield "shooter, the dashed line where it aims; circles are not to scale.</p>"
    yield f"<p class=keys><span><i class=dot style='background:{plots.COLOURS[0]};opacity:.5'></i>as drawn</span>"
    yield f"<span><i class=dot style='border:2px solid {plots.COLOURS[1]}'></i>as judged</span>"
    yield "<span><i class=dot style='border:1px solid #8b93a0'></i>in truth, when it was judged</span></p>"
    yield "<div class='plots shots'>"
    for shot in shots_worth_a_picture(shots, SHOTS_DRAWN):
        age = shot.allowed_age * 1000.0 / hz
        words = f"{shot.reason}; rewound by {age:.0f} ms of {shot.claimed_age * 1000.0 / hz:.0f} claimed"
        if not shot.agrees:
            words += f"; drawn: {_row(shot.drawn, names)}, judged: {_row(shot.judged, names)}"
        title = f"{names.get(shot.shooter, '?')} at {shot.tick / hz:.2f} s"
        yield _figure(title, words, plots.draw(plots.shot_picture(shot), f"{title} {shot.tick}", plots.SHOT_SIZE))
    yield "</div>"


def _row(row: int | None, names: dict[int | None, str]) -> str:
    return "nobody" if row is None else names.get(row, f"row {row}")


def _players(result: Result) -> Iterator[str]:
    heads = "".join(f"<th>{escape(name)}</th>" for name, *_ in COLUMNS)
    yield f"<h2>Players</h2><div class=scroll><table><tr><th>player</th><th>link</th>{heads}</tr>"
    for measures in (*result.players, {"name": "all", "link": "", **result.all}):
        cells = "".join(
            f"<td>{cell(value_at(measures, path), factor, decimals)}</td>" for _, path, factor, decimals in COLUMNS
        )
        kind = " class=all" if measures["name"] == "all" else ""
        yield f"<tr{kind}><td>{escape(str(measures['name']))}</td><td>{escape(str(measures['link']))}</td>{cells}</tr>"
    yield "</table></div>"
