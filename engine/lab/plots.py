"""The report's plots, as SVG texts. Needs matplotlib; draws on figures of its own, never on a global state.

A colour stands for a link throughout, so that a match over several lines can be read; with one link it is the one.
Text stays text, so that a page with all plots is small, and sharp on any screen.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from engine.lab.distribution import Distribution
from engine.lab.match import LabPlayer
from engine.lab.run import Result
from engine.lab.shots import Shot
from engine.lab.truth import PlayerTruth, Sample

INK, FAINT, PAPER = "#3b4351", "#d9dde3", "none"
COLOURS = ("#2f6f9f", "#c7742b", "#4b8b57", "#9a5ba5", "#a8433f", "#6b7280", "#b09a2f", "#3f9c9c")
GOOD, BAD = "#4b8b57", "#a8433f"
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["Inter", "Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 11,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
}
_SIZE = (4.2, 2.6)
"""Inches: at the width of a phone its text is still 12 px high."""
SHOT_SIZE = (3.2, 2.9)

Groups = dict[str, list[LabPlayer]]


def groups_of(result: Result) -> Groups:
    """Return the players by the name of their link, in order of appearance."""
    groups: Groups = {}
    for player in result.match.players:
        groups.setdefault(player.spec.link.name if player.spec.link else "perfect", []).append(player)
    return groups


def draw(paint: Callable[[Any], None], name: str, size: tuple[float, float] = _SIZE) -> str:
    """Return what `paint` draws on new axes, as an SVG element. `name` keeps its ids apart from others'."""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_alpha(0.0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0.0)
        paint(axes)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    text = stream.getvalue()
    # The ids of groups name nothing and would appear once per plot; those that are referred to are hashed with `name`.
    return re.sub(r'<g id="[^"]*"', "<g", text[text.index("<svg") :])


def _coloured(groups: Groups) -> list[tuple[list[LabPlayer], str]]:
    return [(players, COLOURS[at % len(COLOURS)]) for at, players in enumerate(groups.values())]


def over_time(groups: Groups, of: Callable[[Sample], float], unit: str) -> Callable[[Any], None]:
    """Draw the median over a link's players, and the band between the least and the greatest."""

    def paint(axes: Any) -> None:
        for players, colour in _coloured(groups):
            samples = [sample for player in players for sample in player.truth.samples]
            points = np.array([(sample.time, of(sample)) for sample in samples]).reshape(-1, 2)
            times, low, middle, high = _per_second(points)
            axes.fill_between(times, low, high, color=colour, alpha=0.15, linewidth=0)
            axes.plot(times, middle, color=colour, linewidth=1.5)
        axes.set_xlabel("s")
        axes.set_ylabel(unit)
        axes.set_ylim(bottom=0)

    return paint


def _per_second(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return seconds, and the least, the median and the greatest value of each; points: `(n, 2)` of time and value."""
    if not len(points):
        nothing = np.zeros(0)
        return nothing, nothing, nothing, nothing
    second = np.floor(points[:, 0]).astype(np.int64)
    order = np.lexsort((points[:, 1], second))
    seconds, starts, counts = np.unique(second[order], return_index=True, return_counts=True)
    values = points[order, 1]
    return seconds.astype(np.float64), values[starts], values[starts + counts // 2], values[starts + counts - 1]


def delay(groups: Groups) -> Callable[[Any], None]:
    """Draw the true one-way delay down, per second: median, and up to the greatest."""

    def paint(axes: Any) -> None:
        for players, colour in _coloured(groups):
            times, _, middle, high = _per_second(np.concatenate([player.truth.delays("down") for player in players]))
            axes.fill_between(times, middle, high, color=colour, alpha=0.15, linewidth=0)
            axes.plot(times, middle, color=colour, linewidth=1.5)
        axes.set_xlabel("s")
        axes.set_ylabel("ms down")
        axes.set_ylim(bottom=0)

    return paint


def jitter(groups: Groups) -> Callable[[Any], None]:
    """Draw how many packets come later than the fastest by more than so many milliseconds, up and down."""

    def paint(axes: Any) -> None:
        for players, colour in _coloured(groups):
            for way, dashes in (("down", "-"), ("up", ":")):
                late = np.concatenate([_lateness(player.truth, way) for player in players])
                if len(late):
                    _survival(axes, np.sort(late), colour, dashes)
        _log_share(axes, "ms later than the fastest", "share of packets", ("down", "up"))

    return paint


def _lateness(truth: PlayerTruth, way: str) -> np.ndarray:
    delays: np.ndarray = truth.delays(way)[:, 1]
    return delays - delays.min() if len(delays) else delays


def _survival(axes: Any, ordered: np.ndarray, colour: str, dashes: str) -> None:
    keep = np.unique(np.geomspace(1, len(ordered), 400).astype(int)) - 1
    at = len(ordered) - 1 - keep[::-1]
    axes.plot(ordered[at], 1.0 - at / len(ordered), color=colour, linestyle=dashes, linewidth=1.5)


def _log_share(axes: Any, x: str, y: str, lines: tuple[str, str]) -> None:
    """Finish axes of shares above a value; lines: what full and dotted lines are."""
    axes.set_yscale("log")
    axes.set_ylim(1e-4, 1.1)
    axes.set_xlim(left=0)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    for name, dashes in zip(lines, ("-", ":"), strict=True):
        axes.plot([], [], color=INK, linestyle=dashes, linewidth=1.5, label=name)
    axes.legend(loc="upper right")


def tail(groups: Groups, attributes: tuple[str, str], lines: tuple[str, str]) -> Callable[[Any], None]:
    """Draw which share of two distributions, attributes of PlayerTruth in px, lies above a value."""

    def paint(axes: Any) -> None:
        for players, colour in _coloured(groups):
            for attribute, dashes in zip(attributes, ("-", ":"), strict=True):
                merged = Distribution()
                for player in players:
                    merged.merge(getattr(player.truth, attribute))
                values, shares = merged.curve()
                if len(values):
                    above = np.append(1.0, 1.0 - shares[:-1])
                    axes.plot(values, above, color=colour, linestyle=dashes, linewidth=1.5)
        _log_share(axes, "px", "share above", lines)

    return paint


def corrections(groups: Groups) -> Callable[[Any], None]:
    """Draw each player's corrections so far."""

    def paint(axes: Any) -> None:
        for players, colour in _coloured(groups):
            for player in players:
                samples = player.truth.samples
                if samples:
                    counts = [sample.corrections - samples[0].corrections for sample in samples]
                    times = [sample.time for sample in samples]
                    axes.step(times, counts, color=colour, linewidth=1.2, alpha=0.8, where="post")
        axes.set_xlabel("s")
        axes.set_ylabel("corrections, each player")
        axes.set_ylim(bottom=0)
        axes.yaxis.get_major_locator().set_params(integer=True)

    return paint


def verdicts(shots: Sequence[Shot]) -> Callable[[Any], None]:
    """Draw how many shots got each verdict, and in how many what was drawn was not what was judged."""

    def paint(axes: Any) -> None:
        reasons = sorted({shot.reason for shot in shots}, key=lambda reason: sum(s.reason == reason for s in shots))
        agreed = [sum(shot.reason == reason and shot.agrees for shot in shots) for reason in reasons]
        parted = [sum(shot.reason == reason and not shot.agrees for shot in shots) for reason in reasons]
        axes.barh(reasons, agreed, color=GOOD, label="judged as drawn", height=0.6)
        if any(parted):
            axes.barh(reasons, parted, left=agreed, color=BAD, label="judged otherwise", height=0.6)
        for at, total in enumerate(np.add(agreed, parted).tolist()):
            axes.text(total, at, f" {total}", va="center")
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("shots")
        axes.margins(x=0.12)
        if reasons:
            axes.legend(loc="lower right")

    return paint


def bytes_by_section(measures: dict[str, Any]) -> Callable[[Any], None]:
    """Draw what a player's bytes are for, in kbit/s."""

    def paint(axes: Any) -> None:
        for way, sections in measures["bytes"].items():
            left = 0.0
            for at, (name, value) in enumerate(sections.items()):
                kbit = (value or 0.0) * 0.008
                axes.barh([way], [kbit], left=left, color=COLOURS[at], height=0.55)
                if kbit > 2.0:
                    words = f"{name.replace('_and_other', '').replace('_', '/')}\n{kbit:.1f}"
                    axes.text(left + kbit / 2, way, words, ha="center", va="center", color="white", fontsize=9)
                left += kbit
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("kbit/s of one player")

    return paint


def shot_picture(shot: Shot) -> Callable[[Any], None]:
    """Draw who was where: as the shooter saw it, as the server rebuilt it, and in truth when it was judged."""
    picture = shot.picture
    target = _target(shot)

    def paint(axes: Any) -> None:
        rows = picture.drawn_alive.copy()
        rows[shot.shooter] = False
        x, y = picture.origin
        axes.scatter(*picture.present[:2, rows], s=120, facecolors="none", edgecolors="#a9b0bb")
        axes.scatter(*picture.drawn[:2, rows], s=120, color=COLOURS[0], alpha=0.45, linewidths=0)
        rebuilt = picture.rebuilt_alive.copy()
        rebuilt[shot.shooter] = False
        axes.scatter(*picture.rebuilt[:2, rebuilt], s=150, facecolors="none", edgecolors=COLOURS[1], linewidths=1.6)
        axes.scatter([x], [y], s=70, color=INK, marker="D")
        centre, reach = np.array((x, y)), 160.0
        if target is not None:
            middle = (picture.drawn[:2, target] + picture.present[:2, target]) / 2.0
            span = np.abs(middle - centre).max()
            centre, reach = (centre + middle) / 2.0, max(span / 2.0 + 60.0, 100.0)
        if picture.direction is not None:
            far = picture.origin[:2] + picture.direction * reach * 4.0
            axes.plot([x, far[0]], [y, far[1]], color=INK, linewidth=0.9, linestyle="--", zorder=0)
        axes.set_xlim(centre[0] - reach, centre[0] + reach)
        axes.set_ylim(centre[1] + reach, centre[1] - reach)  # down the screen
        axes.set_aspect("equal")
        axes.tick_params(labelleft=False, labelbottom=False, length=0)

    return paint


def _target(shot: Shot) -> int | None:
    """The row a shot is about: the one hit, drawn or judged, else the living row nearest to its line."""
    if shot.judged is not None or shot.drawn is not None:
        return shot.judged if shot.judged is not None else shot.drawn
    picture = shot.picture
    rows = picture.drawn_alive.copy()
    rows[shot.shooter] = False
    if picture.direction is None or not rows.any():
        return None
    offset = picture.drawn[:2] - picture.origin[:2, None]
    along = picture.direction @ offset
    beside = np.abs(picture.direction[0] * offset[1] - picture.direction[1] * offset[0])
    return int(np.where(rows & (along > 0.0), beside, np.inf).argmin())
