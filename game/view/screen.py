"""The player's screen: a window, its canvas and the controls, wired to a session. The only place that knows both.

`Screen.run` is the windowed client's loop; `Screen.draw` draws one frame of any loop, windowed or not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygame

from engine.client.session import ClientSession, Phase
from engine.errors import NetError, UsageError
from engine.world.coasting import CoastingGame, coasting
from engine.world.picture import Picture, Seen, View, sample
from game.arena import ArenaMap
from game.rules import Arena
from game.schema import Button
from game.schema import Phase as MatchPhase
from game.settings import COLOURS, INPUT_DELAYS, Settings
from game.view.audio import Audio
from game.view.chat import Chat
from game.view.controls import Controls, bindings_of
from game.view.course import course_of
from game.view.loop import Loop
from game.view.options import OptionsScreen
from game.view.pace import Pacer
from game.view.pads import Pads
from game.view.palette import FAINT, PALETTES, Palette
from game.view.pause import MECHANISMS, draw_pause
from game.view.renderer import LONGEST_FRAME, Renderer
from game.view.scene import NetFigures, Scene
from game.view.shots import ShotBook
from game.view.spectator import Spectator
from game.view.ui import Ui
from game.view.widgets import Widgets
from game.view.window import Window

DIM = (84, 88, 100)
"""What a match is multiplied by under the menu, of 255."""
LAST_WORDS = 4.0
"""Seconds the window stays when the server has ended the session: time to read why. Esc closes it at once."""
_NOWHERE = ("dummy", "offscreen")
"""SDL's drivers without a display, which it takes by itself where there is none."""

_WORDS = {
    Phase.CONNECTING: "connecting to {server} ...",
    Phase.JOINING: "joining the match ...",
    Phase.PLAYING: "",
    Phase.CLOSED: "{reason}",
}


class Screen:
    """A window that shows matches, and the menu over them, as `settings` say.

    size: of the window, if not as in the settings. server: named while connecting. Not `visible`: it draws into memory
    only. save, later `saver`: called with settings that the player has changed. game: what is shown where there is no
    session that has one.
    left: the player wants to leave the match. closed: and to close the window. swaps: there is a way to play instead of
    watching, and to watch instead; swap: it is wanted.
    Raises UsageError when no window can be opened.
    """

    def __init__(
        self,
        server: str = "",
        settings: Settings | None = None,
        *,
        size: tuple[int, int] | None = None,
        visible: bool = True,
        save: Callable[[Settings], None] | None = None,
        game: Arena | None = None,
    ) -> None:
        pygame.font.init()
        self.settings = settings or Settings()
        self.server = server
        self.left = False
        self.swaps = self.swap = False
        self.chat = Chat()
        full = visible and size is None and self.settings.full_screen
        self.window = Window("Arena", size or self.settings.resolution, full)
        if visible and pygame.display.get_driver() in _NOWHERE:
            self.window.close()
            raise UsageError("there is no display here to open a window on: play with --headless")
        # What the settings said: a window may have been opened, or dragged, otherwise.
        self._window_as = self.settings.resolution, self.settings.full_screen
        self._announce("painting the arena ...")
        self.controls = Controls(bindings_of(self.settings.keys))
        self.pads = Pads()
        self.audio = Audio(self.settings.volume) if visible else None
        self.pacer = Pacer(self.settings.frame_cap)
        self.saver = save
        self._shots = ShotBook()
        self._spectator = Spectator()
        self._drawn_at = 0.0
        self._menu: OptionsScreen | str = ""
        self._people: dict[int, str] = {}
        self._ui_events: list[pygame.event.Event] = []
        self._uis: dict[tuple[int, int], Ui] = {}
        # Most servers play the usual map: it is painted before there is a connection that would wait for it.
        self._usual = game or Arena()
        self._renderers: list[tuple[ArenaMap, Renderer]] = []
        self._shown = self.renderer_for(None)
        self._frame_times: deque[float] = deque(maxlen=60)

    @property
    def closed(self) -> bool:
        """Whether the player has closed the window."""
        return self.controls.leave

    @property
    def ui(self) -> Ui:
        """What menus are drawn with, of the canvas's size."""
        size = self.window.canvas.get_size()
        if size not in self._uis:
            self._uis = {size: Ui(Widgets(size))}
        return self._uis[size]

    @property
    def palette(self) -> Palette:
        """The colours chosen, without the own one."""
        return PALETTES[self.settings.palette]

    def change(self, settings: Settings, window: bool = True) -> None:
        """Take `settings`, at once; but another window only where `window` says so."""
        before, self.settings = self.settings, settings
        if settings.keys != before.keys:
            self.controls.bindings = bindings_of(settings.keys)
        if window and (settings.resolution, settings.full_screen) != self._window_as:
            self._window_as = settings.resolution, settings.full_screen
            self.window.reopen(*self._window_as)
        if self.audio is not None:
            self.audio.volume = settings.volume
        self.pacer.set_hz(settings.frame_cap)

    def keep(self) -> None:
        """Have the settings written, if somebody does that."""
        if self.saver is not None:
            self.saver(self.settings)

    def begin_match(self, server: str) -> None:
        """Forget the match before."""
        self.server = server
        self.left = self.swap = False
        self.forget()
        self._spectator = Spectator()
        self.chat = Chat()
        self._menu = ""
        self._shots = ShotBook()
        self._people = {}

    def forget(self) -> None:
        """Forget what was under way in the pictures so far: something else is shown from now on."""
        for _, renderer in self._renderers:
            renderer.forget()
        self.controls.release()
        self.controls.asked.clear()

    def keep_match(self, loop: Loop) -> None:
        """Have a match recorded, if the settings say so; where that can't be, say so and play."""
        if self.settings.keep_replays and loop.keeper is not None and not loop.keeper.on:
            self._keep_or_stop(loop)

    def _keep_or_stop(self, loop: Loop) -> None:
        if loop.keeper is None:
            return
        try:
            if loop.keeper.on:
                loop.keeper.stop(loop.session)
            else:
                loop.keeper.start(loop.session)
        except UsageError as error:
            self.chat.told(loop.clock.now(), str(error))

    def run(self, loop: Loop) -> None:
        """Play until the loop is over or the player leaves; where the server ended it, show why for a moment."""
        while not loop.over and not self.left and not self.closed:
            self.frame(loop)
        last = loop.clock.now() + LAST_WORDS
        while loop.session.phase is Phase.CLOSED and not self.left and not self.closed and loop.clock.now() < last:
            self.frame(loop)

    def frame(self, loop: Loop) -> None:
        """Run and show one frame of a match, and wait for the next."""
        self._handle(loop, self.events(loop.clock.now()))
        self.draw(loop, loop.frame(None if loop.plays_itself else self._input))
        loop.wait(self.pacer.next_time(loop.clock.now()))

    def events(self, now: float) -> list[pygame.event.Event]:
        """Return what has come in; a closed window is noted, and a game pad that was plugged in taken."""
        events = self.window.events(now)
        for event in events:
            self.pads.handle(event)
            if event.type == pygame.QUIT:
                self.controls.leave = True
        return events

    def _handle(self, loop: Loop, events: list[pygame.event.Event]) -> None:
        """Give each event to whoever has the hands: the match, or the menu or chat over it."""
        self._ui_events = []
        for event in events:
            if self._menu or self.chat.typing:
                self._ui_events.append(event)
                continue
            if event.type == pygame.KEYDOWN:
                self._switch(loop, event.key)
            self.controls.handle(event)
            for asked in self.controls.asked:
                if loop.session.phase is Phase.CLOSED:
                    self.left |= asked == "menu"
                elif asked == "menu":
                    self._open_menu("pause")
                else:
                    self.chat.send = loop.send_chat
                    self.chat.open(team=asked == "team chat")
                if self._menu or self.chat.typing:
                    self.controls.release()
            self.controls.asked.clear()

    def _open_menu(self, menu: OptionsScreen | str) -> None:
        self._menu = menu
        self.window.show_mouse(bool(menu))

    def _switch(self, loop: Loop, key: int) -> None:
        """Turn one of the client's mechanisms on or off: F5 to F11."""
        number = key - pygame.K_F5
        if 0 <= number < len(MECHANISMS):
            name = MECHANISMS[number][0]
            on = not getattr(loop.session.switches, name)
            loop.session.switches = replace(loop.session.switches, **{name: on})
            self.chat.told(loop.clock.now(), f"{name.replace('_', ' ')} is {'on' if on else 'off'}")

    def draw(self, loop: Loop, picture: Picture | None) -> None:
        """Draw and show one frame."""
        now = loop.clock.now()
        self._frame_times.append(now)
        session = loop.session
        session.input_delay.choice = INPUT_DELAYS.index(self.settings.input_delay) - 1
        scene = Scene(
            picture=picture or Picture(View(0, None, 0)),
            names=session.names,
            bots=session.bots,
            away=session.away,
            own_row=session.own_row,
            time=now,
            events=session.events(),
            status=self._status(loop),
            notice=loop.notice,
            tick_hz=session.match.tick_hz if session.match else 60,
            cursor=None if loop.plays_itself else self.controls.cursor,
            show_scores=self.controls.show_scores,
            palette=self._palette_of(session),
        )
        figures = self._figures(session, now)
        self._shots.drew(picture, session.own_ticks()[0])
        if session.match is not None and session.own_row is not None:
            every = session.match.snapshot_every
            self._shots.judged(session.verdicts(), session.own_row, now, every, lambda view: _players(session, view))
        if self.controls.show_verdicts:
            scene.verdicts = self._shots.shots
        # The own one is measured here, and newer than what the server has told.
        own = {session.own_row: round(figures.rtt_ms)} if session.own_row is not None else {}
        scene.pings = {**loop.pings, **own}
        canvas = self.window.canvas
        renderer = self.renderer_for(session, scene.picture)
        self._look_around(scene, renderer, now)
        self._shown = renderer
        renderer.record(figures, now)
        renderer.draw(canvas, scene, figures if self.controls.show_net else None)
        if self.audio is not None:
            self.audio.play(renderer.moments, session.own_row, *renderer.camera.to_map(*renderer.focus))
        self._listen(loop, now)
        self._draw_over(loop, canvas, now)
        self.window.show()

    def _look_around(self, scene: Scene, renderer: Renderer, now: float) -> None:
        """Let who does not play, or is dead, look at others."""
        spectator, controls = self._spectator, self.controls
        passed, self._drawn_at = min(max(now - self._drawn_at, 0.0), LONGEST_FRAME), now
        pressed, controls.pressed = controls.pressed, Button(0)
        spectator.hear(scene.events, scene.own_row)
        own = scene.picture.own
        plays = scene.own_row is not None and (own is None or own["health"][0] > 0)
        if plays:
            spectator.end()
            return
        if scene.own_row is not None:
            spectator.fall(now)
        camera = renderer.camera
        spectator.steer(pressed, controls.held, scene.picture, (camera.x, camera.y), camera.map_size, passed)
        scene.watched, scene.place = spectator.watched, spectator.place
        if scene.own_row is None:
            scene.cursor = None

    def _status(self, loop: Loop) -> str:
        """Say what is happening when it is not the match, and how to get out of it."""
        session = loop.session
        words = loop.words or _WORDS[session.phase].format(server=self.server, reason=session.reason)
        return f"{words}   (Esc leaves)" if words and session.phase is Phase.CLOSED else words

    def _listen(self, loop: Loop, now: float) -> None:
        """Take what others say, and who comes and goes."""
        session = loop.session
        palette = self._palette_of(session)
        if loop.keeper is not None and (why := loop.keeper.failure()):
            self.chat.told(now, f"the replay ends here: {why}")
        for line in loop.said():
            if line.row < 0:
                self.chat.said(now, f"{line.name} (watching)", line.text, FAINT)
            else:
                self.chat.said(now, line.name, line.text, palette.look(line.row)[0], line.team)
        people = {row: name for row, name in session.names.items() if row not in session.bots}
        if people != self._people and session.phase is Phase.PLAYING:
            if self._people:
                for row, name in people.items():
                    if self._people.get(row) != name:
                        self.chat.told(now, f"{name} has joined")
                for row, name in self._people.items():
                    if people.get(row) != name:
                        self.chat.told(now, f"{name} has left")
            self._people = people

    def _draw_over(self, loop: Loop, canvas: pygame.Surface, now: float) -> None:
        """Draw chat and menu over the match."""
        ui = self.ui
        ui.begin(canvas, self._ui_events, now)
        if not self._menu:
            self.chat.draw(ui)
        elif isinstance(self._menu, OptionsScreen):
            canvas.fill(DIM, special_flags=pygame.BLEND_RGB_MULT)
            settings, done = self._menu.draw(ui, self.settings, self.palette)
            self.change(settings, window=done)
            if done:
                try:
                    self.keep()
                except NetError as error:
                    self.chat.told(now, str(error))
                self._open_menu("pause")
        else:
            canvas.fill(DIM, special_flags=pygame.BLEND_RGB_MULT)
            session = loop.session
            swap = "" if not self.swaps else "WATCH ONLY" if session.own_row is not None else "PLAY"
            keeper = loop.keeper
            kept = None if keeper is None else keeper.on
            wish, link, session.switches = draw_pause(ui, loop.links, loop.link, session.switches, swap, kept)
            if link != loop.link:
                loop.set_link(link)
            if wish == "settings":
                self._open_menu(OptionsScreen(self.settings, self.window.largest))
            elif wish == "keep":
                self._keep_or_stop(loop)
            elif wish is not None:
                self.swap = wish == "swap"
                self.left |= wish in ("leave", "swap")
                self._open_menu("")
        ui.end()
        self._ui_events = []

    def save(self, path: Path) -> None:
        """Write the last frame to a PNG file."""
        self.window.screenshot(path)

    def close(self) -> None:
        """Close the window."""
        if self.audio is not None:
            self.audio.close()
        self.window.close()

    def _announce(self, words: str) -> None:
        """Show `words` alone, before there is a renderer: making one takes a second."""
        canvas = self.window.canvas
        canvas.fill((14, 17, 23))
        face = pygame.font.Font(None, 30).render(words, True, (200, 206, 218))
        canvas.blit(face, face.get_rect(center=canvas.get_rect().center))
        self.window.show()

    def _input(self, picture: Picture | None) -> Sequence[int]:
        focus = self._shown.focus
        sampled = self.controls.sample(focus)
        return sampled.buttons, sampled.aim, sampled.weapon

    def renderer_for(
        self, session: ClientSession | None, picture: Picture | None = None, game: Arena | None = None
    ) -> Renderer:
        """Return the renderer for the map in `picture` and the canvas's size; making one takes about half a second.

        The map is one of the session's game, or of `game`.
        """
        if session is not None and isinstance(session.game, Arena):
            game = session.game
        game = game or self._usual
        course = course_of(picture) if picture is not None else None
        arena = game.maps[course.arena % len(game.maps)] if course is not None else game.map
        renderer = self._made_for(arena)
        renderer.camera.shake_scale = 1.0 if self.settings.screen_shake else 0.0
        if course is not None and course.phase == MatchPhase.RESULTS:
            # Nobody plays now: the stall of painting the next map is felt by nobody.
            self._made_for(game.maps[(course.arena + 1) % len(game.maps)])
        return renderer

    def _made_for(self, arena: ArenaMap) -> Renderer:
        """Return the renderer for a map, kept or made; two maps of one size of canvas are kept."""
        size = self.window.canvas.get_size()
        kept = [(drawn, each) for drawn, each in self._renderers if each.size == size]
        found = next((each for drawn, each in kept if drawn is arena or _alike(drawn, arena)), None)
        if found is None:
            sprites = self._renderers[-1][1].sprites if self._renderers else None
            found = Renderer(size, arena, sprites=sprites)
        others = [(drawn, each) for drawn, each in kept if each is not found]
        self._renderers = [*others[-1:], (arena, found)]
        return found

    def _palette_of(self, session: ClientSession) -> Palette:
        """Return the colours chosen; the own one in the own seat, whose colour goes to whom it would have been."""
        colour = COLOURS.index(self.settings.colour)
        if not colour or session.own_row is None:
            return self.palette
        return self.palette.seated(session.own_row, colour - 1)

    def _figures(self, session: ClientSession, now: float) -> NetFigures:
        figures = session.figures(now)
        link = figures.link
        times = self._frame_times
        spent = times[-1] - times[0]
        return NetFigures(
            tick=session.snapshot.tick if session.snapshot else 0,
            fps=(len(times) - 1) / spent if spent > 0 else 0.0,
            rtt_ms=(link.rtt or 0.0) * 1000,
            jitter_ms=(link.jitter or 0.0) * 1000,
            loss_in_percent=link.loss_in * 100,
            loss_out_percent=link.loss_out * 100,
            snapshot_bytes=figures.last_snapshot_bytes,
            down_kbit_s=link.in_kbit_s,
            up_kbit_s=link.out_kbit_s,
            lead_ticks=figures.lead_ticks,
            input_delay_ticks=figures.input_delay_ticks,
            interpolation_delay_ms=figures.interpolation_delay * 1000,
            corrections=figures.prediction.corrections,
            resimulated=figures.prediction.resimulated_ticks,
            starved=figures.pictures_dry,
            off=tuple(name.replace("_", " ") for name, _, _ in MECHANISMS if not getattr(session.switches, name)),
        )


def _players(session: ClientSession, view: View) -> Seen | None:
    """Return the players in `view` as the snapshots held here have them; past the newest one, dead-reckoned."""
    game, match = session.game, session.match
    assert game is not None
    assert match is not None
    history = session.histories[game.player.name]
    if view.tick_a > history.newest >= 0:
        view = View(history.newest, None, view.time)
    walled = game if isinstance(game, CoastingGame) else None
    coast = coasting(walled, history.kind, session.histories, view.tick_a)
    return sample(history.kind, history, view, match.max_extrapolation * match.tick_hz, coast=coast)


def _alike(one: ArenaMap, other: ArenaMap) -> bool:
    """Tell whether two maps look the same."""
    return one.name == other.name and one.tile == other.tile and np.array_equal(one.walls, other.walls)
