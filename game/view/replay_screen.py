"""A replay on the player's screen: the live renderer, fed from `engine.replay.Playback` instead of a session.

    Space              stand, and go on          Tab, Shift+Tab     the next player, and the one before
    Left, Right        5 seconds                 1 to 9             the first to ninth player
    Home, End          the beginning, the end    WASD, dragging     fly over the map
    Up, Down (+, -)    faster, slower            L                  the scores
    a click on the bar go there                  F4                 the verdicts
    Esc                leave

A replay of a client shows its own player as it played; a server's shows everyone as others saw them.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence

import pygame

from engine.clock import SystemClock
from engine.game import Verdict
from engine.replay.playback import Playback
from engine.replay.reader import Replay
from engine.world.picture import Picture
from game.messages import Pings
from game.rules import Arena
from game.schema import TURN, Event
from game.view.chat import Chat
from game.view.palette import BAD, DARK, EDGE, FAINT, FAIR, INK
from game.view.renderer import Renderer
from game.view.scene import Scene, ShotVerdict
from game.view.screen import Screen
from game.view.shots import SHOTS_KEPT, aimed_at
from game.view.ui import Ui
from game.view.verdicts import LIFE

STEP = 5.0
"""Seconds that an arrow goes: far enough to get somewhere, near enough to see again what was just missed."""
FLY_SPEED = 1100.0
"""Map pixels a second, as a spectator flies."""
COARSE_FRAME, FINE_FRAME = 0.1, 1.0 / 60.0
"""Seconds of a frame where nobody looks, and of the last ones before a picture is kept: what moves must have moved."""
FINE_SECONDS = 0.5
LOUD_SPEED = 2.0
"""Played faster than this it makes no sound."""

_FASTER = (pygame.K_UP, pygame.K_PLUS, pygame.K_EQUALS, pygame.K_KP_PLUS)
_SLOWER = (pygame.K_DOWN, pygame.K_MINUS, pygame.K_KP_MINUS)
_FLY = {pygame.K_w: (0, -1), pygame.K_a: (-1, 0), pygame.K_s: (0, 1), pygame.K_d: (1, 0)}
_HINT = "space pause   arrows 5 s, speed   home end   tab 1-9 player   wasd fly   L scores   F4 verdicts   esc leave"


class ReplayScreen:
    """Plays `replay`, a match of `game`, on `screen`.

    watched: the player row that is looked at; place: the map point, if the camera flies; None of both: who leads.
    show_scores, show_verdicts: the view's switches. shots: the latest judged ones. bar: where the time bar is, in
    surface pixels.
    """

    def __init__(self, screen: Screen, replay: Replay, game: Arena) -> None:
        self.playback = Playback(replay, game)
        self.watched = replay.header.own_row
        self.place: tuple[float, float] | None = None
        self.show_scores = False
        self.show_verdicts = False
        self.left = False
        self.bar = pygame.Rect(0, 0, 1, 1)
        self._screen = screen
        self._game = game
        self.shots: deque[ShotVerdict] = deque(maxlen=SHOTS_KEPT)
        self._chat = Chat()
        self._held: set[int] = set()
        self._drag: str = ""
        self._rows: list[int] = []
        self._renderer: Renderer | None = None
        kills = [event.tick for event in replay.events() if event.code == Event.KILL]
        self._kills = [
            (tick - replay.first_tick) / max(self._length * replay.header.match.tick_hz, 1) for tick in kills
        ]
        screen.forget()
        screen.window.show_mouse(True)

    @property
    def closed(self) -> bool:
        """Whether there is nobody to play it for any more."""
        return self.left or self._screen.closed

    @property
    def _length(self) -> float:
        return self.playback.replay.seconds

    def run(self, clock: SystemClock, over: Callable[[], bool]) -> None:
        """Play until the player leaves, or it is `over`."""
        pacer, before = self._screen.pacer, clock.now()
        while not self.closed and not over():
            now = clock.now()
            self.frame(now - before, self._screen.events(now))
            before = now
            clock.sleep(pacer.next_time(clock.now()) - clock.now())

    def run_unseen(self, seconds: float, over: Callable[[], bool]) -> None:
        """Play `seconds`, or to the end, as fast as it goes: for whoever wants the last picture."""
        left = min(seconds, self._length - self.playback.seconds)
        while left > 1e-6 and not over():
            step = min(left, COARSE_FRAME if left > FINE_SECONDS else FINE_FRAME)
            self.frame(step, ())
            left -= step
        self.frame(0.0, ())

    def frame(self, seconds: float, events: Sequence[pygame.event.Event]) -> None:
        """Take events, let `seconds` pass, and draw."""
        for event in events:
            self._take(event)
        self._fly(seconds)
        playback = self.playback
        playback.advance(seconds)
        picture = playback.picture()
        self._rows = picture["player"].rows().tolist()
        self._draw(picture)

    # -- hands --------------------------------------------------------------------------------------------------------

    def _take(self, event: pygame.event.Event) -> None:
        if event.type == pygame.KEYDOWN:
            self._held.add(event.key)
            self._press(event.key, bool(event.mod & pygame.KMOD_SHIFT))
        elif event.type == pygame.KEYUP:
            self._held.discard(event.key)
        elif event.type == pygame.WINDOWFOCUSLOST:
            self._held.clear()
            self._drag = ""
        elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            near = self.bar.inflate(0, 5 * self.bar.h)
            self._drag = "time" if near.collidepoint(event.pos) else "map"
            self._pull(event.pos, (0, 0))
        elif event.type == pygame.MOUSEBUTTONUP and event.button == 1:
            self._drag = ""
        elif event.type == pygame.MOUSEMOTION and self._drag:
            self._pull(event.pos, event.rel)

    def _press(self, key: int, shift: bool) -> None:
        playback = self.playback
        if key == pygame.K_ESCAPE:
            self.left = True
        elif key == pygame.K_SPACE:
            if playback.at_end and not playback.paused:
                self._seek(0.0)
            else:
                playback.paused = not playback.paused
        elif key in (pygame.K_LEFT, pygame.K_RIGHT):
            self._seek(playback.seconds + (STEP if key == pygame.K_RIGHT else -STEP))
        elif key in (pygame.K_HOME, pygame.K_END):
            self._seek(0.0 if key == pygame.K_HOME else self._length)
        elif key in _FASTER or key in _SLOWER:
            playback.faster(1 if key in _FASTER else -1)
        elif key == pygame.K_TAB:
            self._look_at_next(-1 if shift else 1)
        elif pygame.K_1 <= key <= pygame.K_9:
            if key - pygame.K_1 < len(self._rows):
                self.watched, self.place = self._rows[key - pygame.K_1], None
        elif key == pygame.K_l:
            self.show_scores = not self.show_scores
        elif key == pygame.K_F4:
            self.show_verdicts = not self.show_verdicts
            self._recall()

    def _look_at_next(self, step: int) -> None:
        """Look at the next player there is, or at the one before."""
        rows = self._rows[::step]
        self.place = None
        if rows:
            after = (row for row in rows if self.watched is None or (row - self.watched) * step > 0)
            self.watched = next(after, rows[0])

    def _pull(self, at: tuple[int, int], moved: tuple[int, int]) -> None:
        """Follow the mouse while its button is down."""
        if self._drag == "time":
            self._seek((at[0] - self.bar.x) / max(self.bar.w, 1) * self._length)
        elif self._renderer is not None and moved != (0, 0):
            zoom = self._renderer.camera.zoom
            self._move_place(-moved[0] / zoom, -moved[1] / zoom)

    def _fly(self, seconds: float) -> None:
        ways = [way for key, way in _FLY.items() if key in self._held]
        across, down = sum(way[0] for way in ways), sum(way[1] for way in ways)
        if across or down:
            reach = FLY_SPEED * seconds / math.hypot(across, down)
            self._move_place(across * reach, down * reach)

    def _move_place(self, across: float, down: float) -> None:
        if self._renderer is None:
            return
        camera = self._renderer.camera
        x, y = self.place or (camera.x, camera.y)
        width, height = camera.map_size
        self.place = min(max(x + across, 0.0), width), min(max(y + down, 0.0), height)

    def _seek(self, seconds: float) -> None:
        self.playback.seek(seconds)
        self._recall()
        self._chat = Chat()
        if self._renderer is not None:
            self._renderer.forget()

    # -- drawing ------------------------------------------------------------------------------------------------------

    def _draw(self, picture: Picture) -> None:
        screen, playback = self._screen, self.playback
        header = playback.replay.header
        here = playback.present()
        row = None
        if self.place is None and self.watched is not None and self.watched == header.own_row:
            picture.own = playback.own(picture)
            row = picture.own_row = self.watched if picture.own is not None else None
        # Its own time: what is on its way stands when the replay does, and goes as fast as it.
        time = playback.seconds
        scene = Scene(
            picture=picture,
            names=here.names,
            bots=here.bots,
            away=here.away,
            own_row=row,
            time=time,
            events=[event for event in playback.events() if event.to in (None, row)],
            tick_hz=header.match.tick_hz,
            show_scores=self.show_scores,
            watched=None if row is not None else self.watched,
            place=self.place,
            palette=screen.palette,
        )
        pings = playback.latest(Pings)
        if pings is not None:
            scene.pings = dict(zip(pings.rows, pings.ms, strict=True))
        if self.show_verdicts:
            self.shots.extend(self._shot(verdict) for verdict in playback.verdicts())
            scene.verdicts = [shot for shot in self.shots if row is None or shot.verdict.shooter == row]
        renderer = self._renderer = screen.renderer_for(None, picture, self._game)
        canvas = screen.window.canvas
        renderer.draw(canvas, scene)
        if screen.audio is not None and not playback.paused and playback.speed <= LOUD_SPEED:
            screen.audio.play(renderer.moments, row, *renderer.camera.to_map(*renderer.focus))
        for said in playback.said():
            self._chat.said(time, said.name, said.text, screen.palette.look(max(said.row, 0))[0], said.team)
        ui = screen.ui
        ui.begin(canvas, (), time)
        self._chat.draw(ui)
        # Whoever plays has health and weapons at the foot of the screen.
        self._draw_bar(ui, 664 if row is None else 592)
        ui.end()
        screen.window.show()

    def _draw_bar(self, ui: Ui, y: float) -> None:
        """Draw where it is in the whole, and what keys do."""
        playback, px = self.playback, ui.widgets.px
        plate = ui.box(20, y, 1050, 46)
        ui.panel(plate, EDGE, 250)
        line = plate.y + px(17)
        mark = pygame.Rect(plate.x + px(14), line - px(7), px(12), px(14))
        if playback.paused or playback.at_end:
            pygame.draw.polygon(ui.surface, INK, [mark.topleft, mark.bottomleft, (mark.right, mark.centery)])
        else:
            ui.surface.fill(INK, (mark.x, mark.y, px(4), mark.h))
            ui.surface.fill(INK, (mark.right - px(4), mark.y, px(4), mark.h))
        ui.label(f"{_clock(playback.seconds)} / {_clock(self._length)}", (plate.x + px(38), line), 15)
        ui.label(f"{playback.speed:g}x", (plate.x + px(190), line), 15, INK if playback.speed == 1.0 else FAIR)
        self.bar = bar = pygame.Rect(plate.x + px(240), line - px(4), plate.w - px(258), px(8))
        ui.surface.fill(DARK, bar)
        part = playback.seconds / self._length if self._length > 0.0 else 0.0
        ui.surface.fill(FAINT, (bar.x, bar.y, round(bar.w * part), bar.h))
        for x in {bar.x + round(bar.w * kill) for kill in self._kills}:
            ui.surface.fill(BAD, (x, bar.y - px(3), 1, px(3)))
        ui.surface.fill(INK, (bar.x + round(bar.w * part) - px(2), bar.y - px(4), px(4), bar.h + px(8)))
        ui.label(_HINT, (plate.centerx, plate.bottom - px(11)), 12, FAINT, (0.5, 0.5))

    # -- verdicts -----------------------------------------------------------------------------------------------------

    def _recall(self) -> None:
        """Take the verdicts that are still to be seen: of the last seconds, if any are wanted."""
        self.shots.clear()
        if self.show_verdicts:
            recent = self.playback.verdicts(LIFE * self._game.tick_hz)[-SHOTS_KEPT:]
            self.shots.extend(self._shot(verdict) for verdict in recent)

    def _shot(self, verdict: Verdict) -> ShotVerdict:
        """Return a verdict for the overlay: the target in the picture that was claimed, and in the one judged by.

        Both are the published world at those times: what a shooter who had all snapshots saw, bit for bit.
        """
        replay = self.playback.replay
        time = (verdict.tick - replay.first_tick) / replay.header.match.tick_hz
        claimed = self.playback.picture_at(verdict.tick - verdict.claimed_age)["player"]
        judged = self.playback.picture_at(verdict.tick - verdict.allowed_age)["player"]
        shooter, target = verdict.shooter, verdict.hit
        rows = len(claimed.alive)
        if target is None and 0 <= shooter < rows:
            living = claimed.alive & (claimed["health"] > 0)
            living[shooter] = False
            now = self.playback.picture_at(verdict.tick)["player"]
            aim = float(now["aim"][shooter]) * 2.0 * math.pi / TURN
            at = (float(now["x"][shooter]), float(now["y"][shooter]), aim)
            target = aimed_at(claimed["x"], claimed["y"], living, at)
        if target is None or not 0 <= target < rows:
            return ShotVerdict(verdict, time, None, None, None)
        places = [
            (float(seen["x"][target]), float(seen["y"][target])) if seen.alive[target] else None
            for seen in (claimed, judged)
        ]
        return ShotVerdict(verdict, time, target, *places)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(seconds, 0.0), 60.0)
    return f"{int(minutes)}:{rest:04.1f}"
