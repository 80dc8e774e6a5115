"""Chat: the last lines over the game, and a line to type in. Who carries them is somebody else's business.

Lines fade after a while, and are all there while one is typed. Words come from strangers: they are cut to what fits,
and what can't be shown is left out by the text floor below.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import pygame

from game.view.palette import DARK, FAINT, FAIR, INK, RAIL, Colour, mix
from game.view.ui import Ui

LINES_KEPT = 60
LINES_SHOWN = 8
LIFE = 9.0
"""Seconds a line is seen while nobody types: time to read two of them."""
FADE = 1.5
LETTERS = 120
"""Letters of a line: what fits the width of the screen's middle."""
PLATE_ALPHA, PLATE_STEP = 160, 20
"""How dark it is behind a line, of 255: words alone are lost over a wall's bright edge. In steps: plates are kept."""

SendChat = Callable[[str, bool], None]
"""Sends a line: its text, and whether only the own team is to see it."""


@dataclass(frozen=True, slots=True)
class ChatLine:
    """A line. who: its author's name, "" for the game itself. team: only the own team saw it."""

    time: float
    who: str
    words: str
    colour: Colour = INK
    team: bool = False


class Chat:
    """The chat of a match. send: None while there is no way to send; then Enter opens nothing.

    typing: the line is open, and what is typed goes there.
    """

    def __init__(self, send: SendChat | None = None) -> None:
        self.send = send
        self.typing = False
        self.team = False
        self.lines: deque[ChatLine] = deque(maxlen=LINES_KEPT)
        self._text = ""

    def open(self, team: bool) -> None:
        """Open the line, for everyone or for the own team."""
        if self.send is not None:
            self.typing, self.team, self._text = True, team, ""

    def close(self) -> None:
        """Give up what was being typed."""
        self.typing = False

    def said(self, time: float, who: str, words: str, colour: Colour = INK, team: bool = False) -> None:
        """Take a line that was said."""
        self.lines.append(ChatLine(time, who, words[:LETTERS], colour, team))

    def told(self, time: float, words: str) -> None:
        """Take a line of the game's own."""
        self.lines.append(ChatLine(time, "", words[:LETTERS], FAIR))

    def draw(self, ui: Ui) -> None:
        """Draw the lines, and the one being typed; Enter sends it, Esc gives it up."""
        y = 560
        shown = [line for line in self.lines if self.typing or 0.0 <= ui.time - line.time < LIFE][-LINES_SHOWN:]
        if self.typing:
            box = ui.box(20, 576, 560, 38)
            label = ui.label("team:" if self.team else "all:", (box.x + ui.widgets.px(4), box.centery), 15, RAIL)
            box.x, box.w = label.right + ui.widgets.px(8), box.right - label.right - ui.widgets.px(8)
            ui.focus = "chat"
            self._text, sent = ui.field("chat", box, self._text, "", LETTERS)
            if sent and self._text.strip() and self.send is not None:
                self.send(self._text.strip(), self.team)
            if sent or ui.back:
                self.typing = False
                ui.back = False
        for line in reversed(shown):
            left = 1.0 if self.typing else min(1.0, (LIFE - (ui.time - line.time)) / FADE)
            self._draw_line(ui, line, y, left)
            y -= 23

    def _draw_line(self, ui: Ui, line: ChatLine, y: float, left: float) -> None:
        px, text = ui.widgets.px, ui.widgets.text
        at = ui.box(24, y, 0, 0)
        there = max(0.0, left)
        gone = 0.85 * (1.0 - there)
        parts = [("(team)", 14, mix(FAINT, DARK, gone))] if line.team else []
        if line.who:
            parts.append((line.who, 15, mix(line.colour, DARK, gone)))
        words = ui.fitting(line.words, 15, ui.box(0, 0, 760, 0).w)
        parts.append((words, 15, mix(INK if line.who else line.colour, DARK, gone)))
        wide = sum(text.surface(*part).get_width() for part in parts) + px(7) * (len(parts) - 1)
        plate = pygame.Rect(at.x - px(6), at.y - px(11), wide + px(12), px(22))
        ui.panel(plate, DARK, PLATE_STEP * round(there * PLATE_ALPHA / PLATE_STEP))
        x: float = at.x
        for part in parts:
            x = ui.label(part[0], (x, at.y), part[1], part[2]).right + px(7)
