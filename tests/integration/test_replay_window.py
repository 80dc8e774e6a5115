"""A replay in the client's window, driven by posted events under SDL's dummy driver, and the commands around it."""

from __future__ import annotations

import os

os.environ["SDL_VIDEODRIVER"] = "dummy"
os.environ["SDL_AUDIODRIVER"] = "dummy"
os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pygame
import pytest

import client
import server
from engine.clock import SystemClock
from engine.lab.__main__ import main as lab
from engine.replay.__main__ import main as replays
from engine.replay.reader import Replay
from game.rules import Arena
from game.settings import Settings
from game.view.replay_screen import ReplayScreen
from game.view.screen import Screen

ROOT = Path(__file__).resolve().parent.parent.parent
RUN = ["run", "--link", "cable", "--players", "3", "--bots", "2", "--seconds", "12", "--warmup", "0.5"]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A replay of twelve seconds, by the lab."""
    path = tmp_path_factory.mktemp("replay") / "match.twr"
    assert lab([*RUN, "--record", str(path)]) == 0
    return path


class Hands:
    """A player's hands on a replay."""

    def __init__(self, file: Path) -> None:
        replay = Replay.open(file)
        game = Arena.from_settings(replay.header.settings)
        self.screen = Screen("", Settings(), size=(640, 360), visible=False, game=game)
        self.shown = ReplayScreen(self.screen, replay, game)
        pygame.event.clear()

    def frame(self, *events: pygame.event.Event, seconds: float = 0.0) -> None:
        for event in events:
            pygame.event.post(event)
        self.shown.frame(seconds, self.screen.events(0.0))

    def press(self, key: int, mod: int = 0) -> None:
        self.frame(
            pygame.event.Event(pygame.KEYDOWN, key=key, mod=mod), pygame.event.Event(pygame.KEYUP, key=key, mod=mod)
        )

    def mouse(self, kind: int, at: tuple[int, int], rel: tuple[int, int] = (0, 0)) -> None:
        event = (
            {"pos": at, "rel": rel, "buttons": (1, 0, 0)} if kind == pygame.MOUSEMOTION else {"pos": at, "button": 1}
        )
        self.frame(pygame.event.Event(kind, event))


@pytest.fixture
def hands(file: Path) -> Iterator[Hands]:
    made = Hands(file)
    yield made
    made.screen.close()


def test_pause_seek_and_speed_by_keys(hands: Hands) -> None:
    playback = hands.shown.playback
    hands.frame(seconds=1.5)
    assert playback.tick == pytest.approx(2 + 90)
    hands.press(pygame.K_SPACE)
    hands.frame(seconds=1.0)
    assert playback.tick == pytest.approx(92)
    hands.press(pygame.K_RIGHT)
    assert playback.tick == pytest.approx(92 + 300)
    hands.press(pygame.K_LEFT)
    hands.press(pygame.K_LEFT)
    assert playback.tick == 2
    hands.press(pygame.K_END)
    assert playback.tick == playback.replay.last_tick == 720
    hands.press(pygame.K_HOME)
    hands.press(pygame.K_SPACE)
    hands.press(pygame.K_UP)
    hands.press(pygame.K_UP)
    hands.frame(seconds=1.0)
    assert playback.tick == pytest.approx(2 + 4 * 60)
    for _ in range(4):
        hands.press(pygame.K_DOWN)
    hands.frame(seconds=1.0)
    assert playback.speed == 0.25
    assert playback.tick == pytest.approx(2 + 4 * 60 + 15)
    hands.press(pygame.K_ESCAPE)
    assert hands.shown.closed


def test_a_click_on_the_bar_goes_there_and_dragging_follows(hands: Hands) -> None:
    hands.frame()
    bar, playback = hands.shown.bar, hands.shown.playback
    hands.mouse(pygame.MOUSEBUTTONDOWN, (bar.x + bar.w // 2, bar.centery))
    assert playback.seconds == pytest.approx(playback.replay.seconds / 2, abs=0.05)
    hands.mouse(pygame.MOUSEMOTION, (bar.x + bar.w // 4, bar.centery), (-bar.w // 4, 0))
    assert playback.seconds == pytest.approx(playback.replay.seconds / 4, abs=0.05)
    hands.mouse(pygame.MOUSEBUTTONUP, (bar.x, bar.centery))
    hands.mouse(pygame.MOUSEMOTION, (bar.x, bar.centery))
    assert playback.seconds == pytest.approx(playback.replay.seconds / 4, abs=0.05)


def test_any_players_view_and_a_camera_that_flies(hands: Hands) -> None:
    shown = hands.shown
    hands.frame(seconds=3.0)
    rows = shown.playback.picture()["player"].rows().tolist()
    assert len(rows) == 5
    seen = []
    for _ in range(6):
        hands.press(pygame.K_TAB)
        seen.append(shown.watched)
    assert seen == [*rows, rows[0]]
    hands.press(pygame.K_TAB, pygame.KMOD_LSHIFT)
    assert shown.watched == rows[-1]
    hands.press(pygame.K_3)
    assert shown.watched == rows[2]
    hands.frame(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_d, mod=0))
    hands.frame(seconds=0.05)
    assert shown.place is not None
    x, y = shown.place
    hands.frame(pygame.event.Event(pygame.KEYUP, key=pygame.K_d, mod=0))
    hands.mouse(pygame.MOUSEBUTTONDOWN, (320, 150))
    hands.mouse(pygame.MOUSEMOTION, (330, 190), (10, 40))
    assert shown.place[0] < x
    assert shown.place[1] <= y
    hands.press(pygame.K_1)
    assert (shown.watched, shown.place) == (rows[0], None)


def test_verdicts_and_scores_are_drawn_and_a_picture_sought_is_one_played(hands: Hands) -> None:
    shown, screen = hands.shown, hands.screen
    verdicts = shown.playback.replay.verdicts()
    shot = int(verdicts["tick"][verdicts["hit"] >= 0][0])
    shown.playback.seek((shot - 3) / 60)
    hands.press(pygame.K_TAB)
    for _ in range(4):
        hands.frame(seconds=1 / 60)
    plain = pygame.surfarray.array3d(screen.window.canvas)
    hands.press(pygame.K_F4)
    assert shown.show_verdicts
    assert shown.shots
    assert shown.shots[-1].drawn is not None
    hands.press(pygame.K_l)
    assert (pygame.surfarray.array3d(screen.window.canvas) != plain).any()


# Commands ------------------------------------------------------------------------------------------------------------


def test_headless_replay_writes_a_picture(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "a.png"
    options = ["--replay", str(file), "--headless", "--seconds", "2", "--size", "640x360", "--screenshot", str(picture)]
    assert client.main(options) == 0
    assert "watched up to 2.0 of 12.0 s" in capsys.readouterr().out
    pixels = pygame.surfarray.array3d(pygame.image.load(picture))
    assert pixels.shape[:2] == (640, 360)
    assert len(np.unique(pixels)) > 50


def test_the_summary_the_digest_and_csv(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replays([str(file), "--digest"]) == 0
    digest = capsys.readouterr().out.strip()
    assert replays([str(file), "--csv", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert f"{digest}, as recorded" in told
    assert "5: " in told
    rows = (tmp_path / "out" / "player.csv").read_text().splitlines()
    assert rows[0].startswith("tick,row,generation,stale,x,y,vx,vy,aim,health")
    assert len(rows) > 5 * 300
    assert (tmp_path / "out" / "verdicts.csv").read_text().count("\n") == len(Replay.open(file).verdicts()) + 1


def test_bisect_takes_replays(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = [word if word != "12" else "2" for word in RUN]
    other, trace = tmp_path / "other.twr", tmp_path / "trace.npz"
    assert lab([*short, "--seed", "2", "--record", str(other), "--trace", str(trace)]) == 0
    digest = Replay.open(other).digest()
    assert f"replay {digest}" in capsys.readouterr().out
    assert lab(["bisect", str(file), str(file)]) == 0
    assert lab(["bisect", str(file), str(other)]) == 1
    assert capsys.readouterr().out.splitlines()[1].startswith("tick ")
    assert lab(["bisect", str(file), str(trace)]) == 2
    assert "compare two of a kind" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "not a replay"), (b"PK\3\4 and so on", "not a replay"), (b"TICKREPL\1\0", "can't be read: truncated")],
)
def test_no_replay_is_one_line(content: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.twr"
    bad.write_bytes(content)
    for command in (
        lambda: replays([str(bad)]),
        lambda: client.main(["--replay", str(bad), "--headless"]),
        lambda: replays([str(tmp_path / "none.twr")]),
    ):
        assert command() == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.count("\n") == 1
    assert replays([str(bad)]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("command", [server.main, client.main])
def test_a_path_that_cannot_be_written_is_told_at_once(
    command: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        command(["--record", str(tmp_path / "no" / "such.twr")])  # type: ignore[operator]
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_server_that_was_killed_leaves_a_good_file(tmp_path: Path) -> None:
    file = tmp_path / "killed.twr"
    options = ["--port", "0", "--hidden", "--no-lobby", "--private-key-file", str(tmp_path / "key"), "--bots", "4"]
    (tmp_path / "key").write_text("5b" * 32)
    (tmp_path / "key").chmod(0o600)
    command = [sys.executable, str(ROOT / "server.py"), *options, "--record", str(file), "--seconds", "60"]
    clock = SystemClock()
    end = clock.now() + 60.0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        while not (file.exists() and file.stat().st_size > 6000):
            assert running.poll() is None
            assert clock.now() < end
            clock.sleep(0.1)
        running.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        running.wait(timeout=20)
    replay = Replay.open(file)
    assert "stopped before" in replay.damage or "ends within" in replay.damage
    assert replay.seconds >= 1.0
    assert len(replay.players()) == 4
    assert len(replay.digest()) == 32
