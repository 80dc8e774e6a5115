"""The client from its window's opening to its closing: the start screen, the way into a match, the match, and back.

    SETTINGS <--> START <--> REPLAYS <--> WATCHING
                  |  ^
                  v  |  no, and why
                ASKING ---> MATCH ---> ENDED, and why ---> START, or ASKING again
                              '------- left by the player ----^

One `frame` after the other; nothing here waits for anybody but the next frame.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path

from engine.client.session import Phase
from engine.errors import NetError, UsageError
from engine.identity import clean_name
from game.rules import Arena
from game.settings import Settings
from game.view.attract import Attract
from game.view.loop import Doors, Loop
from game.view.options import OptionsScreen
from game.view.palette import BAD, FAINT, INK
from game.view.recordings import Recordings, open_replay
from game.view.replay_screen import ReplayScreen
from game.view.replays import ReplaysScreen
from game.view.screen import Screen
from game.view.start import Favour, Join, StartScreen
from game.view.title import paint_title
from game.view.ui import Ui

_PASSWORDS = ("password-needed", "wrong-password")
"""The lobby's reasons after which a password is asked for."""


class Stage(Enum):
    """What is on the window; see the module."""

    START = "start"
    SETTINGS = "settings"
    REPLAYS = "replays"
    WATCHING = "watching"
    ASKING = "asking"
    MATCH = "match"
    ENDED = "ended"


class App:
    """See the module. notices: what there is to say at first. recordings: the player's replays; None: there is no place
    for any. seed: of the match behind the menus.
    """

    def __init__(
        self,
        screen: Screen,
        doors: Doors,
        notices: Sequence[str] = (),
        recordings: Recordings | None = None,
        seed: int = 1,
    ) -> None:
        self.screen = screen
        self.stage = Stage.START
        self.quit = False
        self.words: list[str] = list(notices)
        self.loop: Loop | None = None
        self._doors = doors
        self._start = StartScreen(screen.settings.name)
        self._options = OptionsScreen(screen.settings)
        self.replay: ReplayScreen | None = None
        self._recordings = recordings
        self._replays = ReplaysScreen()
        self._opening: Path | None = None
        self._frame_at = 0.0
        self._attract = Attract(Arena(), seed)
        self._asked: Join | None = None
        self._asked_at = 0.0
        self._title = paint_title("ARENA", screen.ui.widgets.px(84))
        self._title_for = screen.ui.widgets.scale
        screen.window.show_mouse(True)

    def run(self) -> None:
        """Run until the player quits."""
        try:
            while not self.quit:
                self.frame()
        finally:
            self.close()

    def close(self) -> None:
        """Leave the match, if there is one, and whom we asked to let us in."""
        self._doors.give_up()
        if self.loop is not None:
            self.loop.close()
            self.loop = None

    def frame(self) -> None:
        """Run and show one frame."""
        if self.stage is Stage.MATCH and self.loop is not None:
            self.screen.frame(self.loop)
            self._follow_match(self.loop)
        elif self.stage is Stage.WATCHING and self.replay is not None:
            self._watch(self.replay)
        else:
            self._menu_frame()
        self.quit |= self.screen.closed

    def _follow_match(self, loop: Loop) -> None:
        """Notice that the match is over, for us or altogether."""
        if not (loop.over or self.screen.left):
            return
        lost = loop.session.phase is Phase.CLOSED and not self.screen.left
        self.words = [loop.words or loop.session.reason] if lost else []
        loop.close()
        if not lost and loop.keeper is not None and loop.keeper.kept:
            self.words = ["the match is kept: watch it in REPLAYS"]
        self.loop = None
        self.stage = Stage.ENDED if lost else Stage.START
        self.screen.window.show_mouse(True)
        if self.screen.swap and self._asked is not None:
            self._knock(replace(self._asked, watch=not self._asked.watch))

    # -- menus --------------------------------------------------------------------------------------------------------

    def _menu_frame(self) -> None:
        screen, clock = self.screen, self._doors.clock
        now = clock.now()
        events = screen.events(now)
        canvas, ui = screen.window.canvas, screen.ui
        opening = self._opening
        self._attract.draw(canvas, screen.renderer_for(None), now, screen.palette)
        ui.begin(canvas, events, now)
        self._draw_title(ui)
        if self.stage is Stage.START:
            self._draw_start(ui)
        elif self.stage is Stage.SETTINGS:
            self._draw_settings(ui)
        elif self.stage is Stage.REPLAYS and self._recordings is not None:
            self._draw_replays(ui, self._recordings)
        elif self.stage is Stage.ASKING:
            self._draw_asking(ui, now)
        else:
            self._draw_ended(ui)
        ui.end()
        screen.window.show()
        if opening is not None:
            self._open(opening)
        clock.sleep(screen.pacer.next_time(clock.now()) - clock.now())

    def _draw_title(self, ui: Ui) -> None:
        if ui.widgets.scale != self._title_for:
            self._title_for = ui.widgets.scale
            self._title = paint_title("ARENA", ui.widgets.px(84))
        place = ui.box(46, 22, 0, 0)
        ui.surface.blit(self._title, place)

    def _draw_start(self, ui: Ui) -> None:
        settings = self.screen.settings
        known = list(dict.fromkeys((*settings.favourites, *settings.recent)))
        servers = self._doors.servers(known)
        wish = self._start.draw(ui, servers, settings, self.screen.palette, self.words)
        match wish:
            case Join():
                self._knock(wish)
            case Favour(address, on):
                self._keep(settings.with_favourite(address, on))
            case "settings":
                self._options = OptionsScreen(settings, self.screen.window.largest)
                self.stage = Stage.SETTINGS
            case "replays" if self._recordings is not None:
                self._recordings.refresh()
                self.words = []
                self.stage = Stage.REPLAYS
            case "refresh":
                self._doors.refresh()
            case "quit":
                self.quit = True

    def _draw_settings(self, ui: Ui) -> None:
        settings, done = self._options.draw(ui, self.screen.settings, self.screen.palette)
        self.screen.change(settings, window=done)
        if done:
            self._keep(settings)
            self._start.name = settings.name
            self.stage = Stage.START

    def _draw_replays(self, ui: Ui, recordings: Recordings) -> None:
        if self._opening is not None:
            # Its frames are read when it opens: a long one takes a moment, and this is what is seen meanwhile.
            box = ui.box(390, 300, 500, 110)
            ui.panel(box)
            ui.label("opening the replay ...", box.center, 18, INK, (0.5, 0.5))
            return
        clock = self._doors.clock
        wish = self._replays.draw(ui, recordings.lines(), recordings.folder, clock.unix_time(), self.words)
        if isinstance(wish, Path):
            self._opening = wish
        elif wish == "back":
            self.words = []
            self.stage = Stage.START

    def _draw_asking(self, ui: Ui, now: float) -> None:
        assert self._asked is not None
        box = ui.box(390, 280, 500, 190)
        ui.panel(box)
        words = ui.fitting(f"asking {self._asked.address} to let us in", 18, box.w - ui.widgets.px(40))
        ui.label(words, (box.centerx, box.y + ui.widgets.px(52)), 18, INK, (0.5, 0.5))
        ui.label(f"{now - self._asked_at:.0f} s", (box.centerx, box.y + ui.widgets.px(86)), 14, FAINT, (0.5, 0.5))
        if ui.button("cancel", ui.box(560, 404, 160, 44), "CANCEL", BAD) or ui.back:
            self._doors.give_up()
            self.stage = Stage.START
            return
        try:
            loop = self._doors.answer()
        except NetError as error:
            self._refused(error)
            return
        if loop is not None:
            self.loop = loop
            self.stage = Stage.MATCH
            self._keep(self.screen.settings.with_recent(self._asked.address))
            self.screen.begin_match(self._asked.address)
            self.screen.swaps = True
            self.screen.keep_match(loop)
            self.screen.window.show_mouse(False)

    def _draw_ended(self, ui: Ui) -> None:
        box = ui.box(340, 270, 600, 200)
        ui.panel(box, BAD)
        ui.label("THE MATCH IS OVER FOR YOU", (box.centerx, box.y + ui.widgets.px(44)), 14, FAINT, (0.5, 0.5))
        words = ui.fitting(self.words[0] if self.words else "", 18, box.w - ui.widgets.px(40))
        ui.label(words, (box.centerx, box.y + ui.widgets.px(84)), 18, INK, (0.5, 0.5))
        again = ui.button("again", ui.box(430, 402, 200, 48), "JOIN AGAIN")
        if again and self._asked is not None:
            self._knock(self._asked)
        elif ui.button("back", ui.box(650, 402, 200, 48), "BACK") or ui.back:
            self.words = []
            self.stage = Stage.START

    # -- replays ------------------------------------------------------------------------------------------------------

    def _open(self, path: Path) -> None:
        """Begin to watch a replay, once it has been said that it opens."""
        self._opening = None
        try:
            self.replay = ReplayScreen(self.screen, *open_replay(path))
        except NetError as error:
            self.words = [str(error)]
            return
        self.words = []
        self._frame_at = self._doors.clock.now()
        self.stage = Stage.WATCHING

    def _watch(self, replay: ReplayScreen) -> None:
        """Run and show a frame of a replay, and notice that the player has seen enough."""
        screen, clock = self.screen, self._doors.clock
        now = clock.now()
        passed, self._frame_at = now - self._frame_at, now
        try:
            replay.frame(passed, screen.events(now))
        except NetError as error:
            self.words = [str(error)]
            replay.left = True
        if replay.left:
            self.replay = None
            self.stage = Stage.REPLAYS
            screen.forget()
            return
        clock.sleep(screen.pacer.next_time(clock.now()) - clock.now())

    # -- what follows -------------------------------------------------------------------------------------------------

    def _knock(self, join: Join) -> None:
        self._asked, self._asked_at = join, self._doors.clock.now()
        self.words = []
        with contextlib.suppress(UsageError):
            self._keep(replace(self.screen.settings, name=clean_name(join.name)))
        try:
            self._doors.knock(join)
        except NetError as error:
            self._refused(error)
            return
        self.stage = Stage.ASKING

    def _refused(self, error: NetError) -> None:
        self.stage = Stage.START
        self.words = [str(error)]
        if getattr(error, "reason", "") in _PASSWORDS:
            self._start.needs_password = True
            self._start.password = ""

    def _keep(self, settings: Settings) -> None:
        """Take settings and have them written; when they can't be, say so and play on."""
        if settings != self.screen.settings:
            self.screen.change(settings)
        try:
            self.screen.keep()
        except NetError as error:
            self.words = [str(error)]
