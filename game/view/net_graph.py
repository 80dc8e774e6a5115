"""The net graph: how the connection is now, in numbers, and how it was in the last seconds, in curves.

Figures come once a frame; a sample is kept every `SAMPLE` seconds, so the time axis does not depend on the frame rate.
A curve's scale grows with its largest sample in view, in steps of 1, 2, 5, so that it does not breathe.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import pygame

from game.view.palette import BAD, FAINT, FAIR, GOOD, INK, RAIL, ROCKET, Colour
from game.view.scene import NetFigures
from game.view.widgets import Widgets

SAMPLE = 0.05
"""Seconds between two samples: one and a half snapshots."""

SAMPLES = 160
"""Samples kept: eight seconds."""

WARN_LOSS = 2.0
"""Percent of packets lost from which on a player sees it."""

WARN_JITTER_MS = 25.0
WARN_RTT_MS = 200.0


@dataclass(frozen=True, slots=True)
class _Sample:
    rtt_ms: float
    jitter_ms: float
    snapshot_bytes: float
    loss_percent: float
    corrections: int
    starved: int


class NetGraph:
    """Keeps samples and draws them. Give it every frame's figures, shown or not, or the curves have gaps."""

    def __init__(self, widgets: Widgets) -> None:
        self._widgets = widgets
        self._samples: deque[_Sample] = deque(maxlen=SAMPLES)
        self._last: NetFigures | None = None
        self._due = 0.0
        self._now = NetFigures()
        self._drawn: pygame.Surface | None = None

    @property
    def sample_count(self) -> int:
        """Samples kept."""
        return len(self._samples)

    def record(self, figures: NetFigures, time: float) -> None:
        """Take the figures of the frame at `time`."""
        if time < self._due:
            return
        self._due = time + SAMPLE
        self._now = replace(figures)
        self._drawn = None
        before = self._last or figures
        self._samples.append(
            _Sample(
                figures.rtt_ms,
                figures.jitter_ms,
                float(figures.snapshot_bytes),
                max(figures.loss_in_percent, figures.loss_out_percent),
                max(0, figures.corrections - before.corrections),
                max(0, figures.starved - before.starved),
            )
        )
        # A copy of what is compared, as the caller may reuse its object.
        self._last = NetFigures(corrections=figures.corrections, starved=figures.starved)

    def draw(self, surface: pygame.Surface, figures: NetFigures) -> pygame.Rect:
        """Draw numbers and curves at the left edge; return the place they take.

        They are painted anew with each sample, not with each frame: nobody reads numbers that change faster.
        """
        widgets = self._widgets
        box = pygame.Rect(widgets.px(20), widgets.px(18), widgets.px(286), widgets.px(312))
        if self._drawn is None:
            self._drawn = pygame.Surface(box.size, pygame.SRCALPHA, 32)
            self._paint(self._drawn, figures)
        surface.blit(self._drawn, box)
        return box

    def _paint(self, surface: pygame.Surface, figures: NetFigures) -> None:
        widgets = self._widgets
        box = surface.get_rect()
        widgets.panel(surface, box)
        left, top = box.x + widgets.px(12), box.y + widgets.px(8)
        widgets.text.draw(surface, "NET", (left, top), 13, FAINT, edge=False)
        words = f"tick {figures.tick}    {figures.fps:.0f} fps"
        widgets.text.draw(surface, words, (box.right - widgets.px(12), top), 13, FAINT, (1.0, 0.0), edge=False)
        top += widgets.px(20)
        loss = max(figures.loss_in_percent, figures.loss_out_percent)
        samples = self._samples
        curves: tuple[tuple[str, str, list[float], Colour, float], ...] = (
            (
                "rtt",
                f"{figures.rtt_ms:.0f} ±{figures.jitter_ms:.0f} ms",
                [sample.rtt_ms for sample in samples],
                _grade(figures.rtt_ms, WARN_RTT_MS / 2, WARN_RTT_MS),
                100.0,
            ),
            ("snapshot", f"{figures.snapshot_bytes} B", [sample.snapshot_bytes for sample in samples], RAIL, 200.0),
            (
                "loss",
                f"{figures.loss_in_percent:.1f} / {figures.loss_out_percent:.1f} %",
                [sample.loss_percent for sample in samples],
                _grade(loss, WARN_LOSS / 2, WARN_LOSS),
                5.0,
            ),
            (
                "corrections",
                f"{figures.corrections}",
                [float(sample.corrections) for sample in samples],
                ROCKET,
                2.0,
            ),
        )
        for title, value, values, colour, least in curves:
            self._draw_curve(surface, pygame.Rect(left, top, box.w - widgets.px(24), widgets.px(42)), title, value)
            self._plot(
                surface,
                pygame.Rect(left, top + widgets.px(15), box.w - widgets.px(24), widgets.px(25)),
                values,
                colour,
                least,
            )
            top += widgets.px(46)
        held_back = round(figures.input_delay_ticks)
        lead = f"{figures.lead_ticks:.1f} ticks" + (f" ({held_back} held back)" if held_back else "")
        lines = (
            ("lead", lead, "delay", f"{figures.interpolation_delay_ms:.0f} ms"),
            ("down", f"{figures.down_kbit_s:.0f} kbit/s", "up", f"{figures.up_kbit_s:.0f} kbit/s"),
            ("resimulated", f"{figures.resimulated}", "starved", f"{figures.starved}"),
        )
        half = left + (box.w - widgets.px(24)) // 2
        for first, first_value, second, second_value in lines:
            self._pair(surface, left, half - widgets.px(10), top, first, first_value)
            self._pair(surface, half + widgets.px(4), box.right - widgets.px(12), top, second, second_value)
            top += widgets.px(21)
        if figures.off:
            rest = f" and {len(figures.off) - 2} more" if len(figures.off) > 2 else ""
            widgets.text.draw(surface, f"off: {', '.join(figures.off[:2])}{rest}", (left, top), 13, ROCKET, edge=False)

    def draw_warning(self, surface: pygame.Surface, time: float) -> None:
        """Say in a word what is wrong with the connection, when something is; as of the last figures recorded."""
        figures = self._now
        loss = max(figures.loss_in_percent, figures.loss_out_percent)
        words = ""
        if loss >= WARN_LOSS:
            words = f"packet loss {loss:.0f} %"
        elif figures.jitter_ms >= WARN_JITTER_MS:
            words = f"jitter {figures.jitter_ms:.0f} ms"
        elif figures.rtt_ms >= WARN_RTT_MS:
            words = f"ping {figures.rtt_ms:.0f} ms"
        if not words:
            return
        widgets = self._widgets
        x, y, size = widgets.size[0] // 2 - widgets.px(150), widgets.px(34), widgets.px(9)
        if time % 1.0 < 0.7:
            peak, base = (x, y - size), y + size - widgets.px(3)
            pygame.draw.polygon(surface, FAIR, (peak, (x + size, base), (x - size, base)))
            surface.fill((20, 20, 20), (x - 1, y - widgets.px(3), max(2, widgets.px(2)), widgets.px(5)))
        widgets.text.draw(surface, words, (x - size - widgets.px(6), y), 13, FAIR, (1.0, 0.5))

    def _draw_curve(self, surface: pygame.Surface, box: pygame.Rect, title: str, value: str) -> None:
        self._widgets.text.draw(surface, title, (box.x, box.y), 12, FAINT, edge=False)
        self._widgets.text.draw(surface, value, (box.right, box.y), 13, INK, (1.0, 0.0), edge=False)

    def _plot(
        self, surface: pygame.Surface, box: pygame.Rect, values: list[float], colour: Colour, least: float
    ) -> None:
        """Fill the area under the values, newest at the right."""
        surface.fill((18, 22, 29), box)
        top = _scale(max(values, default=0.0), least)
        surface.fill((34, 40, 50), (box.x, box.centery, box.w, 1))
        if len(values) < 2:
            return
        step = box.w / (SAMPLES - 1)
        first = box.right - step * (len(values) - 1)
        line = [
            (first + at * step, box.bottom - 1 - min(1.0, value / top) * (box.h - 3)) for at, value in enumerate(values)
        ]
        dim = (colour[0] // 4 + 10, colour[1] // 4 + 10, colour[2] // 4 + 12)
        pygame.draw.polygon(surface, dim, [(line[0][0], box.bottom - 1), *line, (line[-1][0], box.bottom - 1)])
        pygame.draw.lines(surface, colour, False, line, max(1, self._widgets.px(1.4)))

    def _pair(self, surface: pygame.Surface, left: int, right: int, top: int, title: str, value: str) -> None:
        self._widgets.text.draw(surface, title, (left, top), 12, FAINT, edge=False)
        self._widgets.text.draw(surface, value, (right, top), 13, INK, (1.0, 0.0), edge=False)


def _grade(value: float, fair: float, bad: float) -> Colour:
    return GOOD if value < fair else FAIR if value < bad else BAD


def _scale(largest: float, least: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten times `least` that holds `largest`."""
    top = least
    for _ in range(30):
        for factor in (1.0, 2.0, 5.0):
            if largest <= top * factor:
                return top * factor
        top *= 10.0
    return top
