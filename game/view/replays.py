"""The list of replays, behind the start screen's REPLAYS: what was kept, and which of it to watch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pygame

from game.view.keeping import FILES_KEPT
from game.view.palette import BAD, FAINT, FAIR, INK, RAIL, Colour, mix
from game.view.recordings import ReplayLine
from game.view.ui import Ui

ROWS = 9
"""Lines of the list seen at once."""
ROW_HIGH = 40
_COLUMNS = (("when", 98), ("map", 400), ("length", 610), ("players", 680))
_SPANS = ((60.0, "minute"), (3600.0, "hour"), (86400.0, "day"))
_LONG_AGO = 28
"""Days after which the day is told by its date."""


class ReplaysScreen:
    """What the list remembers between frames. chosen: the file that is; None: the newest there is."""

    def __init__(self) -> None:
        self.chosen: Path | None = None
        self._top = 0

    def draw(
        self, ui: Ui, lines: Sequence[ReplayLine], folder: Path, unix_time: float, words: Sequence[str]
    ) -> Path | str | None:
        """Draw a frame; return the file that is to be watched, "back", or None. words: what there is to say, below."""
        box = ui.box(64, 164, 1168, 442)
        ui.panel(box)
        for title, x in _COLUMNS:
            head = ui.box(x, 184, 0, 0)
            ui.label(title, head.topleft, 12, FAINT, (1.0 if title == "length" else 0.0, 0.5))
        self._top = max(0, min(self._top - ui.wheel_over(box), len(lines) - ROWS))
        wish: Path | str | None = None
        good = [line for line in lines if line.watchable]
        chosen = next((line for line in lines if line.path == self.chosen), good[0] if good else None)
        for at, line in enumerate(lines[self._top : self._top + ROWS]):
            place = ui.box(72, 202 + at * ROW_HIGH, 1146, ROW_HIGH - 2)
            again = chosen is not None and line.path == chosen.path

            def paint(place: pygame.Rect, ink: Colour, line: ReplayLine = line) -> None:
                _paint_line(ui, place, ink, line, unix_time)

            if ui.row(f"replay {line.path.name}", place, again, paint):
                wish = line.path if line.watchable and again and self.chosen is not None else None
                self.chosen = line.path
        if not lines:
            for at, told in enumerate(("no replay yet", "play a match: it is kept, and found here afterwards")):
                ui.label(told, (box.centerx, ui.box(0, 330 + at * 30, 0, 0).y), 15, FAINT, (0.5, 0.5))
        if len(lines) > ROWS:
            track = ui.box(1223, 202, 3, ROWS * ROW_HIGH)
            high = round(track.h * ROWS / len(lines))
            ui.surface.fill(
                FAINT, (track.x, track.y + round((track.h - high) * self._top / (len(lines) - ROWS)), track.w, high)
            )
        where = ui.box(84, 586, 1120, 0)
        kept = f"in {folder}: the newest {FILES_KEPT} stay, and those that you give another name"
        ui.label(ui.fitting(kept, 12, where.w), where.topleft, 12, FAINT)
        if ui.button("watch replay", ui.box(826, 622, 224, 56), "WATCH", enabled=bool(good), strong=True):
            wish = chosen.path if chosen is not None and chosen.watchable else None
        if ui.button("back", ui.box(1066, 622, 166, 56), "BACK") or ui.back:
            wish = "back"
        for at, told in enumerate(words[-2:]):
            place = ui.box(64, 640 + 22 * at, 740, 20)
            ui.label(ui.fitting(told, 14, place.w), (place.x, place.centery), 14, FAIR)
        return wish


def _paint_line(ui: Ui, place: pygame.Rect, ink: Colour, line: ReplayLine, unix_time: float) -> None:
    px, middle = ui.widgets.px, place.centery

    def x(of: int) -> int:
        return place.x + px(of - 72)

    left, high, low = x(_COLUMNS[0][1]), middle - px(8), middle + px(10)
    ui.label(
        ago(unix_time - line.when, line.when), (left, high), 16, ink if line.watchable or not line.known else FAINT
    )
    ui.label(ui.fitting(line.path.name, 12, px(290)), (left, low), 12, FAINT)
    if not line.known:
        ui.label("reading ...", (x(_COLUMNS[1][1]), middle), 14, FAINT)
        return
    if not line.watchable:
        told = ui.fitting(line.words, 14, place.right - x(_COLUMNS[1][1]) - px(14))
        ui.label(told, (x(_COLUMNS[1][1]), middle), 14, mix(BAD, FAINT, 0.25))
        return
    upper = high if line.words else middle
    ui.label(ui.fitting(", ".join(line.maps), 15, px(150)), (x(_COLUMNS[1][1]), upper), 15, ink)
    minutes, rest = divmod(int(line.seconds), 60)
    ui.label(f"{minutes}:{rest:02d}", (x(_COLUMNS[2][1]), upper), 15, RAIL, (1.0, 0.5))
    bots = [f"{line.bots} bot{'' if line.bots == 1 else 's'}"] if line.bots else []
    people = " and ".join([*([", ".join(line.people)] if line.people else []), *bots]) or "nobody"
    ui.label(
        ui.fitting(people, 15, place.right - x(_COLUMNS[3][1]) - px(14)),
        (x(_COLUMNS[3][1]), upper),
        15,
        mix(INK, FAINT, 0.3),
    )
    if line.words:
        told = ui.fitting(line.words, 12, place.right - x(_COLUMNS[1][1]) - px(14))
        ui.label(told, (x(_COLUMNS[1][1]), low), 12, mix(FAIR, FAINT, 0.3))


def ago(seconds: float, unix_time: float) -> str:
    """Return in words how long ago something was, that was at `unix_time`: no zone of the player's is asked for."""
    if seconds >= _LONG_AGO * 86400.0:
        return str(np.datetime64(int(unix_time), "s").astype("datetime64[D]"))
    words = "just now"
    for span, name in _SPANS:
        count = int(seconds / span)
        if count:
            words = f"{count} {name}{'' if count == 1 else 's'} ago"
    return words
