"""A player's hands on the client's screens, for tests: posted events, and a clock that only a frame's wait moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pygame

from engine.clock import VirtualClock
from engine.errors import NetError
from game.view.app import App
from game.view.loop import Loop
from game.view.start import Join


class Clock(VirtualClock):
    """Moves by a frame's wait alone."""

    def sleep(self, seconds: float) -> None:
        self.advance_to(self.now() + max(seconds, 0.001))


@dataclass
class Line:
    """A server of the list."""

    address: str
    title: str = "Arena"
    map: str = "foundry"
    near: bool = True
    players: int | None = 3
    bots: int = 2
    max_players: int = 16
    ping: float | None = 0.02
    locked: bool = False
    same_version: bool | None = True
    words: str = ""


class Doors:
    """Two servers to knock at, where nobody opens."""

    def __init__(self) -> None:
        self.clock = Clock(100.0)
        self.lines: list[Line] = [Line("10.0.0.1:40000"), Line("10.0.0.2:40000", title="", ping=None, players=None)]
        self.known: Sequence[str] = ()
        self.knocked: list[Join] = []
        self.outcome: NetError | None = None
        self.given_up = 0

    def servers(self, known: Sequence[str]) -> Sequence[Line]:
        self.known = known
        return self.lines

    def refresh(self) -> None:
        self.lines = []

    def knock(self, join: Join) -> None:
        self.knocked.append(join)

    def answer(self) -> Loop | None:
        if self.outcome is not None:
            raise self.outcome
        return None

    def give_up(self) -> None:
        self.given_up += 1


@dataclass
class Player:
    """Hands on the app."""

    app: App
    doors: Doors

    def frame(self, *events: pygame.event.Event) -> None:
        for event in events:
            pygame.event.post(event)
        self.app.frame()

    def click(self, key: str) -> None:
        at = self.app.screen.ui.places[key].center
        self.frame(
            pygame.event.Event(pygame.MOUSEMOTION, pos=at, rel=(0, 0), buttons=(0, 0, 0)),
            pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=at, button=1),
            pygame.event.Event(pygame.MOUSEBUTTONUP, pos=at, button=1),
        )
        self.frame()

    def press(self, *keys: int) -> None:
        for key in keys:
            self.frame(
                pygame.event.Event(pygame.KEYDOWN, key=key, mod=0), pygame.event.Event(pygame.KEYUP, key=key, mod=0)
            )

    def write(self, key: str, words: str) -> None:
        """Replace what stands in a field."""
        self.click(key)
        self.press(*[pygame.K_BACKSPACE] * 30)
        self.frame(pygame.event.Event(pygame.TEXTINPUT, text=words))
