from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pygame
import pytest

import game.view
from engine.errors import UsageError
from engine.game import GameEvent, Verdict
from engine.world.picture import Picture, View
from game.arena import ArenaMap
from game.schema import Event
from game.view.palette import look
from game.view.renderer import Renderer
from game.view.scene import NetFigures, Scene, ShotVerdict
from game.view.sprites import Sprites

Maker = Callable[..., Picture]
MIDDLE = {"x": 1000.0, "y": 700.0}
FIGURES = NetFigures(tick=600, fps=60.0, rtt_ms=80.0, jitter_ms=9.0, snapshot_bytes=400)


def pixels(surface: pygame.Surface) -> np.ndarray:
    return pygame.surfarray.array3d(surface).astype(int)


def around(surface: pygame.Surface, at: tuple[int, int], radius: int) -> np.ndarray:
    return pixels(surface)[at[0] - radius : at[0] + radius + 1, at[1] - radius : at[1] + radius + 1]


def crowd(count: int) -> dict[int, dict[str, float]]:
    return {
        row: {
            "x": 500.0 + row % 8 * 120,
            "y": 450.0 + row // 8 * 70,
            "vx": 3.0,
            "aim": row * 1000,
            "weapon": row % 2,
            "health": row % 101,
            "team": row % 5,
            "score": row % 7,
        }
        for row in range(count)
    }


ROCKETS = {row: {"x": 600.0 + row * 25, "y": 600.0, "vx": 8.0, "vy": -6.0, "owner": row % 64} for row in range(30)}
EVENTS = [
    GameEvent(10, Event.RAIL, (1, 64 * 600, 64 * 500, 64 * 1300, 64 * 900, -1)),
    GameEvent(10, Event.RAIL, (1, 64 * 1000, 64 * 700, 64 * 1000, 64 * 700, 0)),
    GameEvent(10, Event.EXPLOSION, (64 * 1000, 64 * 650, 3)),
    GameEvent(10, Event.KILL, (0, 2, 1)),
    GameEvent(10, Event.KILL, (5, 5, 1)),
    GameEvent(10, Event.KILL, (5, 0, 7)),
    GameEvent(10, Event.HIT, (5, 95), to=0),
    GameEvent(10, Event.SPAWN, (6, 64 * 900, 64 * 600)),
    GameEvent(10, 99, ()),
    GameEvent(10, Event.RAIL, (1,)),
]


def scenes(make: Maker) -> dict[str, Scene]:
    one = {0: MIDDLE}
    verdict = Verdict(10, 0, 3, "hit", 9.0, 8.0, True)
    shots = [
        ShotVerdict(verdict, 0.0, 3, (900.0, 700.0), (910.0, 702.0)),
        ShotVerdict(verdict, 0.0, None, None, (910.0, 702.0)),
        ShotVerdict(verdict, 0.0, None, (1.0, 2.0), None),
        ShotVerdict(verdict, 0.0, None, None, None),
    ]
    return {
        "nothing at all": Scene(Picture(View(0, None, 0)), status="connecting to 127.0.0.1:40000 ..."),
        "empty tables": Scene(make()),
        "own row not there yet": Scene(make(), own_row=5),
        "own row out of range": Scene(make(crowd(3)), own_row=900),
        "alone": Scene(make(one, own_row=0), own_row=0, names={0: "me"}),
        "dead": Scene(make({0: MIDDLE | {"health": 0}}, own_row=0, own={"respawn": 70}), own_row=0),
        "spectator": Scene(make(crowd(9)), names={1: "x" * 300, 2: "\x00\n\u202e", 3: ""}),
        "spectator of one who left": Scene(make(crowd(9)), watched=60),
        "full": Scene(make(crowd(64), ROCKETS, own_row=9), own_row=9, events=EVENTS, show_scores=True),
        "everything happens": Scene(make(crowd(20), ROCKETS, own_row=2), own_row=2, events=EVENTS * 8, cursor=(5, 350)),
        "lost": Scene(make(one, own_row=0), own_row=0, status="lost connection: the server is silent"),
        "a talkative server": Scene(make(one, own_row=0), own_row=0, status="no " * 5000),
        "unknown weapon": Scene(make({0: MIDDLE | {"weapon": 200}}, own_row=0), own_row=0),
        "far corner": Scene(make({0: {"x": 17.0, "y": 17.0}}, own_row=0), own_row=0, cursor=(0, 0)),
        "off the map": Scene(make({0: {"x": -90000.0, "y": 90000.0}}, own_row=0), own_row=0),
        "verdicts": Scene(make(crowd(5), own_row=2), own_row=2, verdicts=shots),
        "scores of nobody": Scene(make(), show_scores=True),
    }


CASES = list(scenes(lambda *_, **__: Picture(View(0, None, 0))))


@pytest.mark.parametrize("case", CASES)
def test_every_state_can_be_drawn_and_goes_on(
    case: str, renderer: Renderer, surface: pygame.Surface, make_picture: Maker
) -> None:
    scene = scenes(make_picture)[case]
    for step in range(12):
        scene.time = step * 0.09
        renderer.draw(surface, scene, FIGURES if step % 2 else None)
        scene.events = ()
    assert pixels(surface).any()


def test_the_own_player_is_drawn_where_the_camera_says(
    renderer: Renderer, surface: pygame.Surface, make_picture: Maker
) -> None:
    renderer.draw(surface, Scene(make_picture({0: MIDDLE}, own_row=0), own_row=0, cursor=(320, 180)))
    at = renderer.camera.to_surface(MIDDLE["x"], MIDDLE["y"])
    assert renderer.focus == at == (320, 180)
    # The hull is 16 map pixels in radius, 8 here; its colour is the brightest thing near.
    seen = around(surface, at, 8).reshape(-1, 3)
    red, green, blue = look(0)[0]
    near = np.abs(seen - (red, green, blue)).sum(axis=1).min()
    assert near < 60
    empty = Scene(make_picture({0: MIDDLE | {"health": 0}}, own_row=0), own_row=0, cursor=(320, 180))
    renderer.draw(surface, empty)
    without = around(surface, at, 8).reshape(-1, 3)
    assert np.abs(without - (red, green, blue)).sum(axis=1).min() > 120


def test_players_wear_different_colours_and_marks() -> None:
    assert len({look(row) for row in range(32)}) == 32
    assert {look(row, team=2)[0] for row in range(64)} == {look(0, team=2)[0]}
    assert look(0, team=1)[0] != look(0, team=2)[0]


def test_aim_turns_what_is_drawn(renderer: Renderer, surface: pygame.Surface, make_picture: Maker) -> None:
    views = []
    for aim in (0, 32768):
        renderer.draw(
            surface, Scene(make_picture({0: MIDDLE, 1: {"x": 1100, "y": 700, "aim": aim}}, own_row=0), own_row=0)
        )
        at = renderer.camera.to_surface(1100, 700)
        # Just beyond the hull (8 px) to the right and to the left: where the barrel is, or the floor.
        views.append((pixels(surface)[at[0] + 11, at[1]].sum(), pixels(surface)[at[0] - 11, at[1]].sum()))
        renderer.camera.jump(1000.0, 700.0)
    (right_on, left_off), (right_off, left_on) = views
    assert right_on > right_off + 100
    assert left_on > left_off + 100


def test_walls_are_not_the_floor_and_what_is_outside_neither(
    renderer: Renderer, surface: pygame.Surface, make_picture: Maker
) -> None:
    # The inner wall is x 640..896, y 320..384; its upper part is its top.
    renderer.draw(surface, Scene(make_picture({0: {"x": 768.0, "y": 420.0}}, own_row=0), own_row=0, cursor=(320, 180)))
    left, top = renderer.camera.to_surface(660, 325)
    right, bottom = renderer.camera.to_surface(870, 350)
    wall = pixels(surface)[left:right, top:bottom].mean()
    left, top = renderer.camera.to_surface(660, 240)
    right, bottom = renderer.camera.to_surface(870, 290)
    floor = pixels(surface)[left:right, top:bottom].mean()
    assert wall > floor * 1.25


def test_a_map_smaller_than_the_view_has_dark_margins(sprites: Sprites, make_picture: Maker) -> None:
    small = ArenaMap(
        "small", 16, np.pad(np.zeros((10, 10), np.bool_), 1, constant_values=True), np.zeros((0, 2), np.int32)
    )
    renderer = Renderer((640, 360), small, sprites=sprites)
    surface = pygame.Surface((640, 360), 0, 32)
    renderer.draw(surface, Scene(make_picture({3: {"x": 96.0, "y": 96.0}})))
    assert pixels(surface)[100, 100].tolist() == [7, 8, 11]
    assert renderer.camera.to_surface(96.0, 96.0) == (320, 180)


def test_the_net_graph_is_there_only_with_figures(
    renderer: Renderer, surface: pygame.Surface, make_picture: Maker
) -> None:
    scene = Scene(make_picture({0: MIDDLE}, own_row=0), own_row=0)
    renderer.draw(surface, scene)
    without = pixels(surface)
    renderer.draw(surface, scene, FIGURES)
    changed = np.argwhere((pixels(surface) != without).any(axis=2))
    assert len(changed) > 10_000
    assert changed[:, 0].max() < 320  # the left half
    renderer.draw(surface, scene)
    assert (pixels(surface) == without).all()


def test_verdicts_fade(renderer: Renderer, surface: pygame.Surface, make_picture: Maker) -> None:
    plain = Scene(make_picture({0: MIDDLE}, own_row=0), own_row=0)
    renderer.draw(surface, plain)
    without = pixels(surface)
    shot = ShotVerdict(Verdict(10, 0, None, "miss", 9.0, 9.0, False), 0.0, 3, (1100.0, 700.0), (1120.0, 700.0))
    plain.verdicts = [shot]
    renderer.draw(surface, plain)
    at = renderer.camera.to_surface(1120.0, 700.0)
    ring = pixels(surface)[at[0] + 8 - 1, at[1]]
    assert (ring != without[at[0] + 8 - 1, at[1]]).any()
    assert ring[0] > ring[1] + 50  # red: a miss
    plain.verdicts = [ShotVerdict(shot.verdict, -9.0, 3, shot.drawn, shot.judged)]
    renderer.draw(surface, plain)
    assert (pixels(surface) == without).all()


def test_the_same_scenes_give_the_same_pictures(arena_map: ArenaMap, sprites: Sprites, make_picture: Maker) -> None:
    def play() -> list[bytes]:
        renderer = Renderer((640, 360), arena_map, seed=7, sprites=sprites)
        surface = pygame.Surface((640, 360), 0, 32)
        frames = []
        for step in range(6):
            picture = make_picture(crowd(16), {0: {"x": 700.0 + 30 * step, "y": 600.0, "vx": 8.0}}, own_row=3)
            scene = Scene(picture, own_row=3, time=step / 30, events=EVENTS if step == 1 else ())
            renderer.draw(surface, scene, FIGURES)
            frames.append(pixels(surface).tobytes())
        return frames

    assert play() == play()


def test_time_may_stand_still_or_jump(renderer: Renderer, surface: pygame.Surface, make_picture: Maker) -> None:
    for time in (5.0, 5.0, 4.0, 1e6, 1e6 + 0.01):
        renderer.draw(surface, Scene(make_picture(crowd(8), ROCKETS), time=time, events=EVENTS))


def test_moments_are_kept_for_the_sounds(renderer: Renderer, surface: pygame.Surface, make_picture: Maker) -> None:
    renderer.draw(surface, Scene(make_picture(crowd(8)), events=EVENTS[2:3]))
    assert len(renderer.moments) == 1
    renderer.draw(surface, Scene(make_picture(crowd(8))))
    assert renderer.moments == []


def test_a_screenshot_is_the_last_frame(
    renderer: Renderer, surface: pygame.Surface, make_picture: Maker, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="nothing was drawn"):
        renderer.screenshot(tmp_path / "no.png")
    renderer.draw(surface, Scene(make_picture(crowd(8))))
    renderer.screenshot(tmp_path / "frame.png")
    assert (pixels(pygame.image.load(tmp_path / "frame.png")) == pixels(surface)).all()
    with pytest.raises(UsageError, match="can't write"):
        renderer.screenshot(tmp_path / "missing" / "frame.png")


def test_a_surface_of_another_size_or_depth_is_refused(
    renderer: Renderer, make_picture: Maker, arena_map: ArenaMap
) -> None:
    for wrong in (pygame.Surface((641, 360), 0, 32), pygame.Surface((640, 360), 0, 16)):
        with pytest.raises(UsageError, match="made for"):
            renderer.draw(wrong, Scene(make_picture()))
    with pytest.raises(UsageError, match="at least 64"):
        Renderer((640, 10), arena_map)


WIRING = ("app.py", "keeping.py", "loop.py", "screen.py")
"""Whose business is to wire the view to a session and a clock."""
VIEW_FILES = sorted(path for path in Path(game.view.__file__).parent.glob("*.py") if path.name not in WIRING)


@pytest.mark.parametrize("path", VIEW_FILES, ids=lambda path: path.name)
def test_the_view_reads_no_clock_and_no_global_chance(path: Path) -> None:
    forbidden = {"time", "datetime", "random", "secrets", "asyncio", "threading", "socket"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not {alias.name.split(".")[0] for alias in node.names} & forbidden
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in forbidden
            assert not (node.module or "").startswith(("engine.client", "engine.server", "engine.link"))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "pygame":
            assert node.attr != "time"


def test_the_rules_do_not_need_pygame() -> None:
    code = "import sys, game.rules, game.bots, game.arena; sys.exit('pygame' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
