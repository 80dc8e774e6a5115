"""The start screen: who we are, whom we can play with, and the way in.

Servers come as lines from whoever looks for them (`ServerLine`); this draws them, and says what the player chose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pygame

from engine.errors import UsageError
from engine.identity import MAX_NAME_CHARACTERS, clean_name
from game.settings import Settings
from game.view.palette import BAD, FAINT, FAIR, INK, RAIL, ROCKET, Colour, Palette, mix
from game.view.ui import Ui

ROWS = 9
"""Lines of the list seen at once."""
ROW_HIGH = 40
LINES_MAX = 128
"""Lines of the list while the mouse is over it, with those that went meanwhile; beyond, these go after all. A network
holds 64 at most (`engine.ops.discovery.SERVERS_KEPT`), a player's own are two dozen each."""
ADDRESS_LETTERS = 120
PASSWORD_LETTERS = 120


class ServerLine(Protocol):
    """A server of the list: `engine.ops.browser.ServerSeen`."""

    @property
    def address(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def map(self) -> str: ...

    @property
    def near(self) -> bool: ...

    @property
    def players(self) -> int | None: ...

    @property
    def bots(self) -> int: ...

    @property
    def max_players(self) -> int: ...

    @property
    def ping(self) -> float | None: ...

    @property
    def locked(self) -> bool: ...

    @property
    def same_version(self) -> bool | None: ...

    @property
    def words(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Join:
    """The player wants to play on the server at `address`, under `name`; or (`watch`) only to see it played."""

    address: str
    name: str
    password: str
    watch: bool = False


@dataclass(frozen=True, slots=True)
class Favour:
    """The player wants a server kept in the list, or (`on` false) no longer."""

    address: str
    on: bool


Wish = Join | Favour | str
"""What the player wants: "replays", "settings", "refresh" or "quit", or more."""


class StartScreen:
    """What the start screen remembers between frames. name: as typed, which may be none yet."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.address = ""
        self.password = ""
        self.needs_password = False
        self._picked = ""
        self._top = 0
        self._lines: dict[str, ServerLine] = {}

    def draw(
        self, ui: Ui, servers: Sequence[ServerLine], settings: Settings, palette: Palette, words: Sequence[str]
    ) -> Wish | None:
        """Draw a frame; return what the player wants. `words`: what there is to say, shown below, a line each."""
        servers = self._in_place(servers, ui.box(72, 202, 752, ROWS * ROW_HIGH).collidepoint(ui.mouse))
        wish = self._draw_list(ui, servers, settings, palette)
        chosen = next((each for each in servers if each.address == self.address.strip()), None)
        wish = self._draw_door(ui, chosen) or wish
        if ui.button("replays", ui.box(848, 560, 124, 46), "REPLAYS"):
            wish = "replays"
        if ui.button("settings", ui.box(982, 560, 132, 46), "SETTINGS"):
            wish = "settings"
        if ui.button("quit", ui.box(1124, 560, 108, 46), "QUIT", BAD):
            wish = "quit"
        for at, line in enumerate(words[-3:]):
            place = ui.box(64, 634 + 22 * at, 1152, 20)
            ui.label(ui.fitting(line, 14, place.w), (place.x, place.centery), 14, FAIR)
        return wish

    # -- the list -----------------------------------------------------------------------------------------------------

    def _in_place(self, servers: Sequence[ServerLine], pointed_at: bool) -> list[ServerLine]:
        """Return the lines to show: while the mouse is over them none goes from under it, and new ones come below."""
        now = {each.address: each for each in servers}
        both = {**self._lines, **now}
        self._lines = both if pointed_at and len(both) <= LINES_MAX else now
        return list(self._lines.values())

    def _draw_list(self, ui: Ui, servers: Sequence[ServerLine], settings: Settings, palette: Palette) -> Wish | None:
        wish: Wish | None = None
        box = ui.box(64, 164, 768, 442)
        ui.panel(box)
        ui.label("SERVERS", (ui.box(84, 0, 0, 0).x, ui.box(0, 184, 0, 0).y), 14, FAINT)
        for words, x in (("map", 440), ("players", 640), ("ping", 742)):
            ui.label(words, (ui.box(x, 0, 0, 0).x, ui.box(0, 184, 0, 0).y), 12, FAINT, (1.0 if x > 500 else 0.0, 0.5))
        self._top = max(0, min(self._top - ui.wheel_over(box), len(servers) - ROWS))
        for at, server in enumerate(servers[self._top : self._top + ROWS]):
            place = ui.box(72, 202 + at * ROW_HIGH, 752, ROW_HIGH - 2)
            favourite = server.address in settings.favourites

            def paint(
                place: pygame.Rect, ink: Colour, server: ServerLine = server, favourite: bool = favourite
            ) -> None:
                _paint_server(ui, place, ink, server, favourite, palette)

            if ui.row(f"server {server.address}", place, server.address == self.address.strip(), paint):
                # What was chosen before the last match is not yet chosen for this one: it may be to watch.
                if server.address == self._picked == self.address.strip():
                    wish = self._join()
                self.address, self.needs_password = server.address, server.locked
                self._picked = server.address if wish is None else ""
        if not servers:
            empty = ("looking for servers on this network ...", "start one here:  python server.py --bots 6")
            for at, line in enumerate(empty):
                ui.label(line, (box.centerx, ui.box(0, 330 + at * 30, 0, 0).y), 15, FAINT, (0.5, 0.5))
        if len(servers) > ROWS:
            track = ui.box(826, 202, 3, ROWS * ROW_HIGH)
            high = round(track.h * ROWS / len(servers))
            top = track.y + round((track.h - high) * self._top / (len(servers) - ROWS))
            ui.surface.fill(FAINT, (track.x, top, track.w, high))
        if ui.button("refresh", ui.box(84, 568, 140, 30), "look again"):
            wish = "refresh"
        known = self.address.strip()
        if known:
            on = known not in settings.favourites
            if ui.button("favour", ui.box(236, 568, 190, 30), "keep in the list" if on else "no longer keep"):
                wish = Favour(known, on)
        return wish

    # -- the way in ---------------------------------------------------------------------------------------------------

    def _draw_door(self, ui: Ui, chosen: ServerLine | None) -> Wish | None:
        ui.panel(ui.box(848, 164, 384, 372))
        left, wide = 868, 344

        def title(words: str, y: int) -> None:
            at = ui.box(left, y, 0, 0)
            ui.label(words, (at.x, at.y), 12, FAINT)

        title("YOUR NAME", 186)
        self.name, done = ui.field("name", ui.box(left, 198, wide, 42), self.name, "player", MAX_NAME_CHARACTERS)
        problem = name_problem(self.name)
        if problem:
            place = ui.box(left, 252, wide, 0)
            ui.label(ui.fitting(problem, 13, place.w), place.topleft, 13, BAD)
        title("SERVER", 276)
        before = self.address
        self.address, go = ui.field(
            "address", ui.box(left, 288, wide, 42), self.address, "host or host:port", ADDRESS_LETTERS
        )
        if self.address != before:
            self.needs_password = False
        entered = False
        if self.needs_password:
            title("PASSWORD", 352)
            self.password, entered = ui.field(
                "password", ui.box(left, 364, wide, 42), self.password, "", PASSWORD_LETTERS, secret=True
            )
        elif chosen is not None and chosen.same_version is False:
            place = ui.box(left, 362, wide, 0)
            ui.label("this server plays another version", place.topleft, 14, FAIR)
        ready = not problem and bool(self.address.strip())
        if not problem and not ready:
            place = ui.box(left, 420, wide, 0)
            ui.label("choose a server, or type its address", place.topleft, 14, FAINT)
        pressed = ui.button("join", ui.box(left, 440, 224, 72), "JOIN", enabled=ready, strong=True)
        watch = ui.button("watch", ui.box(left + 234, 440, wide - 234, 72), "WATCH", enabled=ready)
        return self._join(watch) if ready and (pressed or watch or go or done or entered) else None

    def _join(self, watch: bool = False) -> Join | None:
        if name_problem(self.name):
            return None
        password = self.password if self.needs_password else ""
        self._picked = ""
        return Join(self.address.strip(), clean_name(self.name), password, watch)


def name_problem(name: str) -> str:
    """Return what is wrong with a name, in words; "" for nothing."""
    try:
        clean_name(name)
    except UsageError as error:
        return str(error)
    return ""


def _paint_server(
    ui: Ui, place: pygame.Rect, ink: Colour, server: ServerLine, favourite: bool, palette: Palette
) -> None:
    px, middle = ui.widgets.px, place.centery
    left = place.x + px(14)
    if favourite:
        _star(ui, (left + px(6), middle))
    left += px(24)
    name = server.title or server.address
    title = ui.label(ui.fitting(name, 16, px(210)), (left, middle - (px(8) if server.title else 0)), 16, ink)
    if server.title:
        where = f"{server.address}{'  ·  this network' if server.near else ''}"
        ui.label(ui.fitting(where, 12, px(330)), (left, middle + px(10)), 12, FAINT)
    if server.locked:
        _lock(ui, (title.right + px(12), middle - px(8)))
    if server.words:
        ui.label(server.words, (place.right - px(24), middle), 13, mix(BAD, FAINT, 0.4), (1.0, 0.5))
        return
    at = place.x + px(368)
    if server.same_version is False:
        ui.label("another version", (at, middle), 13, FAIR)
    else:
        ui.label(ui.fitting(server.map, 14, px(140)), (at, middle), 14, mix(ink, FAINT, 0.4))
    if server.players is not None:
        words = f"{server.players} / {server.max_players}"
        colour = RAIL if server.players else FAINT
        ui.label(words, (place.x + px(568), middle - (px(8) if server.bots else 0)), 15, colour, (1.0, 0.5))
        if server.bots:
            ui.label(f"+{server.bots} bots", (place.x + px(568), middle + px(10)), 12, FAINT, (1.0, 0.5))
    if server.ping is None:
        ui.label("...", (place.x + px(670), middle), 15, FAINT, (1.0, 0.5))
    else:
        ms = server.ping * 1000
        colour = palette.good if ms < 80 else palette.fair if ms < 160 else palette.bad
        ui.label(f"{ms:.0f}" if ms >= 1 else "<1", (place.x + px(670), middle), 15, colour, (1.0, 0.5))


def _star(ui: Ui, at: tuple[int, int]) -> None:
    points = []
    for corner in range(10):
        radius = ui.widgets.px(8 if corner % 2 == 0 else 3.4)
        angle = corner * math.pi / 5 - math.pi / 2
        points.append((at[0] + radius * math.cos(angle), at[1] + radius * math.sin(angle)))
    pygame.draw.polygon(ui.surface, ROCKET, points)


def _lock(ui: Ui, at: tuple[int, int]) -> None:
    wide, high = ui.widgets.px(10), ui.widgets.px(8)
    ui.surface.fill(INK, (at[0], at[1] - high // 4, wide, high))
    bow = pygame.Rect(at[0] + wide // 5, at[1] - high, wide - 2 * (wide // 5), high * 2)
    pygame.draw.arc(ui.surface, INK, bow, 0.0, math.pi, max(1, ui.widgets.px(1.6)))
