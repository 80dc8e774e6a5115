"""The windowed client against a real server process on the loopback, driven by posted events: from the start screen
into the match, its menu, another link, chat, and out again.

SDL's dummy drivers stand in for screen and loudspeaker; every wait is bounded.
"""

from __future__ import annotations

import os

os.environ["SDL_VIDEODRIVER"] = "dummy"
os.environ["SDL_AUDIODRIVER"] = "dummy"
os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pygame
import pytest

from client import Doors, build_parser
from engine.client.session import Phase
from engine.clock import SystemClock
from engine.ops.command import Stop
from engine.transport.impairment import load_profile
from game.settings import SettingsFile
from game.view.app import App, Stage
from game.view.screen import Screen

ROOT = Path(__file__).resolve().parent.parent.parent
WAIT = 40.0
"""Seconds anything may take: a busy machine starts a server in ten."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server with two bots that ends by itself; its host:port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "server.py", "--port", str(port), "--bots", "2", "--seconds", "150"]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"127.0.0.1:{port}"
    running.terminate()
    running.wait(timeout=10)


class Hands:
    """A player's hands on the client."""

    def __init__(self, path: Path) -> None:
        options = build_parser().parse_args([])
        options.name = "Kim"
        self.file = SettingsFile(path)
        self.clock = SystemClock()
        self.doors = Doors(options, load_profile("perfect"), self.clock, Stop())
        self.screen = Screen("", self.file.settings, size=(640, 360), visible=False, save=self.file.save)
        self.app = App(self.screen, self.doors, self.file.notices)

    def until(self, done: Callable[[], bool]) -> None:
        end = self.clock.now() + WAIT
        while not done():
            assert self.clock.now() < end, (self.app.stage, self.app.words)
            self.app.frame()

    def frame(self, *events: pygame.event.Event) -> None:
        for event in events:
            pygame.event.post(event)
        self.app.frame()

    def press(self, key: int) -> None:
        self.frame(pygame.event.Event(pygame.KEYDOWN, key=key, mod=0), pygame.event.Event(pygame.KEYUP, key=key, mod=0))

    def click(self, key: str) -> None:
        at = self.screen.ui.places[key].center
        self.frame(
            pygame.event.Event(pygame.MOUSEMOTION, pos=at, rel=(0, 0), buttons=(0, 0, 0)),
            pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=at, button=1),
            pygame.event.Event(pygame.MOUSEBUTTONUP, pos=at, button=1),
        )
        self.app.frame()

    def close(self) -> None:
        self.app.close()
        self.doors.close()
        self.screen.close()


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[Hands]:
    made = Hands(tmp_path / "settings.json")
    pygame.event.clear()
    yield made
    made.close()


def test_from_the_start_screen_into_a_match_and_out_again(hands: Hands, server: str) -> None:
    app, screen = hands.app, hands.screen
    # The server is in the list without having been named: it was found by looking.
    hands.until(lambda: f"server {server}" in screen.ui.places)
    hands.click(f"server {server}")
    hands.click("join")
    hands.until(lambda: app.loop is not None and app.loop.session.phase is Phase.PLAYING)
    loop = app.loop
    assert loop is not None
    assert app.stage is Stage.MATCH

    hands.until(lambda: loop.session.own_row is not None and loop.session.figures(0.0).inputs_made > 10)
    before = loop.session.predicted_own()
    assert before is not None
    start = before[:2].copy()
    hands.frame(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_d, mod=0))
    hands.frame(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_s, mod=0))

    def moved() -> bool:
        own = loop.session.predicted_own()
        return own is not None and bool((own[:2] != start).any())

    hands.until(moved)

    hands.press(pygame.K_ESCAPE)
    hands.until(lambda: "link" in screen.ui.places)
    name = loop.link
    hands.click("link")
    assert loop.link != name
    loop.set_link("rtt100")
    hands.click("switch prediction")
    assert not loop.session.switches.prediction
    hands.click("resume")
    assert "link" not in screen.ui.places
    hands.press(pygame.K_F5)
    assert loop.session.switches.prediction
    hands.until(lambda: (loop.session.figures(hands.clock.now()).link.rtt or 0.0) > 0.08)

    sent: list[tuple[str, bool]] = []
    screen.chat.send = loop.send_chat = lambda words, team: sent.append((words, team))
    hands.press(pygame.K_RETURN)
    hands.frame(pygame.event.Event(pygame.TEXTINPUT, text="good game"))
    hands.press(pygame.K_RETURN)
    assert sent == [("good game", False)]

    hands.press(pygame.K_ESCAPE)
    hands.until(lambda: "leave" in screen.ui.places)
    hands.click("leave")
    hands.until(lambda: app.stage is Stage.START)
    assert app.loop is None
    assert SettingsFile(hands.file.path).settings.recent == (server,)


def test_a_server_that_is_not_there_is_told_in_words(hands: Hands) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    hands.app.frame()
    hands.click("address")
    hands.frame(pygame.event.Event(pygame.TEXTINPUT, text=address))
    hands.press(pygame.K_RETURN)
    hands.until(lambda: bool(hands.app.words))
    assert hands.app.stage is Stage.START
    assert hands.app.words[0].startswith(f"no server at {address}")
