"""The player's screen: a window, its canvas and the controls, wired to a session. The only place that knows both.

`Screen.run` is the windowed client's loop; `Screen.draw` draws one frame of any loop, windowed or not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import pygame

from engine.client.session import ClientSession, Phase
from engine.clock import SystemClock
from engine.errors import UsageError
from engine.world.picture import Picture, Seen, View, sample
from game.rules import Arena
from game.view.audio import Audio
from game.view.controls import Controls
from game.view.renderer import Renderer
from game.view.scene import NetFigures, Scene
from game.view.shots import ShotBook
from game.view.window import Window

FRAME_HZ = 60.0
"""Frames a second: a common display's, and what one core draws with room to spare."""
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


class Loop(Protocol):
    """What the screen needs of a client's loop."""

    clock: SystemClock
    notice: str

    @property
    def session(self) -> ClientSession: ...

    @property
    def words(self) -> str: ...

    @property
    def over(self) -> bool: ...

    @property
    def plays_itself(self) -> bool: ...

    def frame(self, controls: Callable[[Picture | None], Sequence[int]] | None) -> Picture | None: ...

    def wait(self, until: float) -> None: ...


class Screen:
    """A window of `size`; `server` is named while connecting. Not `visible`: it draws into memory only.

    Raises UsageError when no window can be opened.
    """

    def __init__(self, size: tuple[int, int], server: str, *, visible: bool = True) -> None:
        pygame.font.init()
        self._window = Window("Arena", size)
        if visible and pygame.display.get_driver() in _NOWHERE:
            self._window.close()
            raise UsageError("there is no display here to open a window on: play with --headless")
        self._announce("painting the arena ...")
        self._server = server
        self._controls = Controls()
        self._audio = Audio() if visible else None
        self._shots = ShotBook()
        # Most servers play the usual map: it is painted before there is a connection that would wait for it.
        self._usual = Arena()
        canvas = self._window.canvas
        self._renderer: Renderer | None = Renderer(canvas.get_size(), self._usual.map)
        self._drawn_for = (self._usual.map.name, canvas.get_size())
        self._frame_times: deque[float] = deque(maxlen=60)

    def run(self, loop: Loop) -> None:
        """Play until the loop is over or the player leaves; where the server ended it, show why for a moment."""
        while not loop.over and not self._controls.leave:
            self._frame(loop)
        last = loop.clock.now() + LAST_WORDS
        while loop.session.phase is Phase.CLOSED and not self._controls.leave and loop.clock.now() < last:
            self._frame(loop)

    def _frame(self, loop: Loop) -> None:
        """Run and show one frame, and wait for the next."""
        begin = loop.clock.now()
        for event in self._window.events(begin):
            self._controls.handle(event)
        self.draw(loop, loop.frame(None if loop.plays_itself else self._input))
        loop.wait(begin + 1.0 / FRAME_HZ)

    def draw(self, loop: Loop, picture: Picture | None) -> None:
        """Draw and show one frame."""
        now = loop.clock.now()
        self._frame_times.append(now)
        session = loop.session
        scene = Scene(
            picture=picture or Picture(View(0, None, 0)),
            names=session.labels(),
            own_row=session.own_row,
            time=now,
            events=session.events(),
            status=loop.words or _WORDS[session.phase].format(server=self._server, reason=session.reason),
            notice=loop.notice,
            tick_hz=session.match.tick_hz if session.match else 60,
            cursor=None if loop.plays_itself else self._controls.cursor,
            show_scores=self._controls.show_scores,
        )
        figures = self._figures(session, now)
        self._shots.drew(picture, session.own_ticks()[0])
        if session.match is not None and session.own_row is not None:
            every = session.match.snapshot_every
            self._shots.judged(session.verdicts(), session.own_row, now, every, lambda view: _players(session, view))
        if self._controls.show_verdicts:
            scene.verdicts = self._shots.shots
        scene.pings = {session.own_row: round(figures.rtt_ms)} if session.own_row is not None else {}
        canvas = self._window.canvas
        renderer = self._renderer_for(session, canvas)
        renderer.record(figures, now)
        renderer.draw(canvas, scene, figures if self._controls.show_net else None)
        if self._audio is not None:
            self._audio.play(renderer.moments, session.own_row, *renderer.camera.to_map(*renderer.focus))
        self._window.show()

    def save(self, path: Path) -> None:
        """Write the last frame to a PNG file."""
        self._window.screenshot(path)

    def close(self) -> None:
        """Close the window."""
        if self._audio is not None:
            self._audio.close()
        self._window.close()

    def show_net_graph(self) -> None:
        """Open the net graph, as F3 does."""
        self._controls.show_net = True

    def _announce(self, words: str) -> None:
        """Show `words` alone, before there is a renderer: making one takes a second."""
        canvas = self._window.canvas
        canvas.fill((14, 17, 23))
        face = pygame.font.Font(None, 30).render(words, True, (200, 206, 218))
        canvas.blit(face, face.get_rect(center=canvas.get_rect().center))
        self._window.show()

    def _input(self, picture: Picture | None) -> Sequence[int]:
        focus = self._renderer.focus if self._renderer else (0, 0)
        sampled = self._controls.sample(focus)
        return sampled.buttons, sampled.aim, sampled.weapon

    def _renderer_for(self, session: ClientSession, canvas: pygame.Surface) -> Renderer:
        """Return the renderer for the match's map and the canvas's size; making one takes about a second."""
        arena = session.game if isinstance(session.game, Arena) else self._usual
        wanted = (arena.map.name, canvas.get_size())
        if self._renderer is None or self._drawn_for != wanted:
            self._renderer = Renderer(canvas.get_size(), arena.map)
            self._drawn_for = wanted
        return self._renderer

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
            interpolation_delay_ms=figures.interpolation_delay * 1000,
            corrections=figures.prediction.corrections,
            resimulated=figures.prediction.resimulated_ticks,
            starved=figures.pictures_dry,
        )


def _players(session: ClientSession, view: View) -> Seen | None:
    """Return the players in `view` as the snapshots held here have them; past the newest one, dead-reckoned."""
    assert session.game is not None
    assert session.match is not None
    name = session.game.player.name
    history = session.histories[name]
    if view.tick_a > history.newest >= 0:
        view = View(history.newest, None, view.time)
    return sample(history.kind, history, view, session.match.max_extrapolation * session.match.tick_hz)
