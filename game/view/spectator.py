"""Whom one looks at who does not play, or has just died: a player, or the map from a camera that flies.

The buttons of the rules do it, whatever keys they are on: fire looks at the next player, dash at the one before, and
the directions fly. The dead look at who killed them, once they have seen where they fell. Nothing is looked at before
somebody has asked: then a spectator sees who leads, which is the renderer's to know.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from engine.game import GameEvent
from engine.world.picture import Picture
from game.schema import Button, Event

FLY_SPEED = 1100.0
"""Map pixels a second: across a screen in a little more than one."""
FALLEN = 0.7
"""Seconds the dead look at where they fell: what happened is still to be seen there."""


class Spectator:
    """What is looked at: `watched`, a player row, or `place`, a map point; None of both: as the renderer has it."""

    def __init__(self) -> None:
        self.watched: int | None = None
        self.place: tuple[float, float] | None = None
        self._killer: int | None = None
        self._fell: float | None = None

    def end(self) -> None:
        """Look at nobody else any more: one plays."""
        self.watched = self.place = self._killer = self._fell = None

    def hear(self, events: Iterable[GameEvent], own_row: int | None) -> None:
        """Take what happened, to know who killed `own_row`."""
        for event in events:
            if event.code == Event.KILL and event.args[0] == own_row:
                self._killer = event.args[1] if event.args[1] != own_row else None

    def fall(self, time: float) -> None:
        """Note in every frame that the own player is dead at `time`."""
        if self._fell is None:
            self._fell = time
        elif self._killer is not None and time - self._fell >= FALLEN:
            self.watched, self._killer = self._killer, None

    def steer(
        self,
        pressed: Button,
        held: Button,
        picture: Picture,
        at: tuple[float, float],
        bounds: tuple[float, float],
        seconds: float,
    ) -> None:
        """Look elsewhere. at: the map point that is looked at now. bounds: the map's width and height. seconds: since
        the last frame."""
        if pressed & (Button.FIRE | Button.DASH):
            self._look_at(picture, 1 if pressed & Button.FIRE else -1)
        across = bool(held & Button.RIGHT) - bool(held & Button.LEFT)
        down = bool(held & Button.DOWN) - bool(held & Button.UP)
        if across or down:
            reach = FLY_SPEED * seconds / math.hypot(across, down)
            x, y = self.place or at
            x = min(max(x + across * reach, 0.0), bounds[0])
            y = min(max(y + down * reach, 0.0), bounds[1])
            self.place, self.watched = (x, y), None

    def _look_at(self, picture: Picture, step: int) -> None:
        """Look at the next player there is, or (`step` -1) at the one before."""
        players = picture.kinds.get("player")
        rows = [] if players is None else [row for row in players.rows().tolist() if row != picture.own_row]
        if not rows:
            return
        self.place = None
        if self.watched is None:
            self.watched = rows[0] if step > 0 else rows[-1]
            return
        if step > 0:
            self.watched = next((row for row in rows if row > self.watched), rows[0])
        else:
            self.watched = next((row for row in reversed(rows) if row < self.watched), rows[-1])
