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
from engine.world.picture import Picture, View
from game.rules import Arena
from game.view.controls import Controls
from game.view.renderer import Renderer
from game.view.scene import NetFigures, Scene
from game.view.window import Window

FRAME_HZ = 60.0
"""Frames a second: a common display's, and what one core draws with room to spare."""

_WORDS = {
    Phase.CONNECTING: "connecting to {server} ...",
    Phase.JOINING: "joining the match ...",
    Phase.PLAYING: "",
    Phase.CLOSED: "{reason}",
}


class Loop(Protocol):
    """What the screen needs of a client's loop."""

    session: ClientSession
    clock: SystemClock

    @property
    def over(self) -> bool: ...

    @property
    def plays_itself(self) -> bool: ...

    def frame(self, controls: Callable[[Picture | None], Sequence[int]] | None) -> Picture | None: ...

    def wait(self, until: float) -> None: ...


class Screen:
    """A window of `size`. `server` is named while connecting. Raises UsageError when no window can be opened."""

    def __init__(self, size: tuple[int, int], server: str) -> None:
        pygame.font.init()
        self._window = Window("Arena", size)
        self._server = server
        self._controls = Controls()
        # Most servers play the usual map: it is painted before there is a connection that would wait for it.
        self._usual = Arena()
        canvas = self._window.canvas
        self._renderer: Renderer | None = Renderer(canvas.get_size(), self._usual.map)
        self._drawn_for = (self._usual.map.name, canvas.get_size())
        self._frame_times: deque[float] = deque(maxlen=60)

    def run(self, loop: Loop, seconds: float | None, stopped: Sequence[object]) -> None:
        """Play until the player leaves, the session ends, `seconds` have passed or `stopped` has an entry."""
        clock = loop.clock
        begin = next_frame = clock.now()
        while not stopped and not loop.over and not self._controls.leave:
            now = clock.now()
            if seconds is not None and now - begin >= seconds:
                break
            for event in self._window.events(now):
                self._controls.handle(event)
            picture = loop.frame(None if loop.plays_itself else self._input)
            self.draw(loop, picture)
            next_frame = max(next_frame + 1.0 / FRAME_HZ, clock.now())
            loop.wait(next_frame)

    def draw(self, loop: Loop, picture: Picture | None) -> None:
        """Draw and show one frame."""
        now = loop.clock.now()
        self._frame_times.append(now)
        session = loop.session
        scene = Scene(
            picture=picture or Picture(View(0, None, 0)),
            names=session.names,
            own_row=session.own_row,
            time=now,
            events=session.events(),
            status=_WORDS[session.phase].format(server=self._server, reason=session.reason),
            tick_hz=session.match.tick_hz if session.match else 60,
            cursor=None if loop.plays_itself else self._controls.cursor,
            show_scores=self._controls.show_scores,
        )
        figures = self._figures(session, now)
        scene.pings = {session.own_row: round(figures.rtt_ms)} if session.own_row is not None else {}
        canvas = self._window.canvas
        renderer = self._renderer_for(session, canvas)
        renderer.record(figures, now)
        renderer.draw(canvas, scene, figures if self._controls.show_net else None)
        self._window.show()

    def save(self, path: Path) -> None:
        """Write the last frame to a PNG file."""
        self._window.screenshot(path)

    def close(self) -> None:
        """Close the window."""
        self._window.close()

    def show_net_graph(self) -> None:
        """Open the net graph, as F3 does."""
        self._controls.show_net = True

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
