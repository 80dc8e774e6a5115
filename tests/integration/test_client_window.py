"""The windowed client against real server processes on the loopback, driven by posted events: from the start screen
into the match, its menu, another link, chat, settings, and out again; whole rounds on two maps; and watching others.

SDL's dummy drivers stand in for screen and loudspeaker; every wait is bounded.
"""

from __future__ import annotations

import contextlib
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

from client import ClientLoop, Doors, build_parser
from engine.client.session import Phase
from engine.clock import SystemClock
from engine.ops.command import Stop
from engine.replay.present import present_at
from engine.transport.impairment import load_profile
from game.messages import Pings
from game.rules import Arena
from game.schema import Phase as MatchPhase
from game.settings import SettingsFile
from game.view.app import App, Stage
from game.view.course import course_of
from game.view.keeping import Files
from game.view.recordings import Recordings, open_replay
from game.view.screen import Screen

ROOT = Path(__file__).resolve().parent.parent.parent
WAIT = 40.0
"""Seconds anything may take: a busy machine starts a server in ten."""


@contextlib.contextmanager
def serving(*options: object) -> Iterator[str]:
    """Run a server that ends by itself; give its host:port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "server.py", "--port", port, "--seconds", 150, *options]
    running = subprocess.Popen(
        [str(each) for each in command], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield f"127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(timeout=10)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server that is filled up to three players."""
    with serving("--bots", 3) as where:
        yield where


@pytest.fixture(scope="module")
def brisk() -> Iterator[str]:
    """A server of two teams whose rounds last seconds, on two maps."""
    phases = ("--warmup", 1, "--round-time", 2, "--results", 2, "--maps", "foundry,warren")
    with serving("--bots", 4, "--teams", 2, *phases) as where:
        yield where


class Hands:
    """A player's hands on the client."""

    def __init__(self, path: Path) -> None:
        options = build_parser().parse_args([])
        options.name = "Kim"
        options.settings = path
        self.closed = False
        self.file = SettingsFile(path)
        self.clock = SystemClock()
        files = Files(path.parent / "replays", None, self.clock)
        self.doors = Doors(options, load_profile("perfect"), files, self.clock, Stop())
        self.screen = Screen("", self.file.settings, size=(640, 360), visible=False, save=self.file.save)
        self.app = App(self.screen, self.doors, self.file.notices, Recordings(files.folder))

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

    def write(self, words: str) -> None:
        self.frame(pygame.event.Event(pygame.TEXTINPUT, text=words))

    def enter(self, server: str, way: str = "join") -> ClientLoop:
        """Choose a server of the list and get in; return the match once it is seen."""
        self.until(lambda: f"server {server}" in self.screen.ui.places)
        self.click(f"server {server}")
        self.click(way)
        return self.match()

    def match(self) -> ClientLoop:
        """Wait until there is a match to be seen, and return it."""
        self.until(lambda: self.app.loop is not None and self.app.loop.session.phase is Phase.PLAYING)
        loop = self.app.loop
        assert isinstance(loop, ClientLoop)
        return loop

    def close(self) -> None:
        if not self.closed:
            self.closed = True
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
    loop = hands.enter(server)
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
    hands.press(pygame.K_F11)
    assert not loop.session.switches.lag_compensation
    hands.press(pygame.K_F11)
    hands.until(lambda: (loop.session.figures(hands.clock.now()).link.rtt or 0.0) > 0.08)

    # What is said has been to the server and back; the letters of it move nobody and open nothing.
    hands.press(pygame.K_RETURN)
    hands.write("good game, d")
    hands.press(pygame.K_RETURN)
    hands.until(lambda: any((line.who, line.words) == ("player", "good game, d") for line in screen.chat.lines))

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


def test_settings_changed_in_a_match_hold_at_once_and_after_a_restart(hands: Hands, server: str) -> None:
    hands.enter(server)
    hands.press(pygame.K_ESCAPE)
    hands.until(lambda: "settings" in hands.screen.ui.places)
    hands.click("settings")
    hands.click("option shake")
    hands.click("key scores")
    hands.press(pygame.K_g)
    hands.click("done")
    hands.click("resume")
    hands.frame(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_g, mod=0))
    assert hands.screen.controls.show_scores
    hands.close()
    again = Hands(hands.file.path)
    try:
        assert again.app.words == []
        again.frame()
        settings = again.screen.settings
        assert (settings.screen_shake, settings.keys["scores"], settings.recent) == (False, ("g",), (server,))
    finally:
        again.close()


def test_a_match_is_left_and_watched_from_the_list(hands: Hands, server: str) -> None:
    app, screen = hands.app, hands.screen
    loop = hands.enter(server)
    keeper = loop.keeper
    assert keeper is not None
    assert keeper.on
    hands.until(lambda: bool(loop.pings) and loop.session.figures(0.0).snapshots > 60)
    # The first file ends here, and the next begins within the match.
    hands.press(pygame.K_ESCAPE)
    hands.until(lambda: "keep" in screen.ui.places)
    states = []
    for _ in range(2):
        hands.click("keep")
        states.append(keeper.on)
    assert states == [False, True]
    seen = loop.session.figures(0.0).snapshots
    hands.until(lambda: loop.session.figures(0.0).snapshots > seen + 90)
    hands.click("leave")
    hands.until(lambda: app.stage is Stage.START)
    assert app.words == ["the match is kept: watch it in REPLAYS"]
    first, second = keeper.kept

    def written(path: Path) -> tuple[bool, int]:
        replay, _ = open_replay(path)
        assert not replay.damage
        names = present_at(replay, len(replay) - 1).names.values()
        assert len(names) == 3
        return any(isinstance(each.message, Pings) for each in replay.messages()), replay.header.own_row or 0

    assert written(first) == written(second) == (True, loop.session.own_row)

    hands.click("replays")
    hands.until(lambda: f"replay {second.name}" in screen.ui.places)
    hands.frame()
    hands.click(f"replay {second.name}")
    hands.click("watch replay")
    hands.until(lambda: app.replay is not None and app.replay.playback.seconds > 0.3)
    hands.press(pygame.K_END)
    assert app.replay is not None
    assert app.replay.playback.at_end
    hands.press(pygame.K_ESCAPE)
    hands.until(lambda: app.stage is Stage.REPLAYS and app.replay is None)
    hands.app.frame()
    hands.press(pygame.K_ESCAPE)
    hands.until(lambda: app.stage is Stage.START)


def test_whole_rounds_on_one_map_and_the_next(hands: Hands, brisk: str) -> None:
    loop = hands.enter(brisk)
    seen: list[tuple[MatchPhase, str]] = []

    def course() -> None:
        picture = loop.session.picture(hands.clock.now())
        told = course_of(picture) if picture is not None else None
        if told is not None and isinstance(loop.session.game, Arena):
            now = MatchPhase(told.phase), loop.session.game.maps[told.arena].name
            if now != (seen[-1] if seen else None):
                seen.append(now)

    def maps() -> list[str]:
        course()
        names = [name for _, name in seen]
        return [name for at, name in enumerate(names) if at == 0 or name != names[at - 1]]

    # There and back again; a client that is painting a map may miss a short phase.
    hands.until(lambda: len(maps()) >= 3)
    assert sorted(maps()[:2]) == ["Foundry", "Warren"]
    assert maps()[0] == maps()[2]
    assert {MatchPhase.ROUND, MatchPhase.RESULTS} <= {phase for phase, _ in seen}
    assert loop.session.phase is Phase.PLAYING
    assert not loop.session.all_drops()
    # The scoreboard knows bots from people, and how far these are away.
    hands.until(lambda: loop.session.own_row in loop.pings)
    assert len(loop.session.bots) == 3


def test_watching_others_and_joining_them(hands: Hands, brisk: str) -> None:
    app, screen = hands.app, hands.screen
    loop = hands.enter(brisk, "watch")
    assert loop.session.own_row is None
    # A spectator is no player: no bot makes room. One is still to come back for the player of the test before.
    hands.until(lambda: len(loop.session.bots) == 4)
    places = set()
    for key in (pygame.K_SPACE, pygame.K_SPACE, pygame.K_d, pygame.K_LSHIFT):
        hands.frame(pygame.event.Event(pygame.KEYDOWN, key=key, mod=0))
        for _ in range(20):
            app.frame()
        hands.frame(pygame.event.Event(pygame.KEYUP, key=key, mod=0))
        camera = screen.renderer_for(loop.session, loop.session.picture(hands.clock.now())).camera
        places.add((round(camera.x), round(camera.y)))
    assert len(places) > 1  # whom each key looks at: tests/game/view/test_spectator.py
    hands.press(pygame.K_RETURN)
    hands.write("hello")
    hands.press(pygame.K_RETURN)
    # The lobby may have numbered the name: the player of the test before is still waited for.
    hands.until(lambda: any(line.who.endswith(" (watching)") and line.words == "hello" for line in screen.chat.lines))

    hands.press(pygame.K_ESCAPE)
    hands.until(lambda: "swap" in screen.ui.places)
    hands.click("swap")
    loop = hands.match()
    assert loop.session.own_row is not None
    hands.until(lambda: len(loop.session.bots) == 3)
    hands.press(pygame.K_ESCAPE)
    hands.until(lambda: "swap" in screen.ui.places)
    hands.click("swap")
    assert hands.match().session.own_row is None


def test_a_server_without_places_for_spectators_says_so(hands: Hands) -> None:
    with serving("--spectators", 0) as where:
        hands.until(lambda: f"server {where}" in hands.screen.ui.places)
        hands.click(f"server {where}")
        hands.click("watch")
        hands.until(lambda: hands.app.stage is Stage.START)
    assert hands.app.words == [f"{where}: this server has no room for spectators"]
