"""A small map, pictures made by hand, and SDL drivers that need neither screen nor loudspeaker."""

from __future__ import annotations

import os

os.environ["SDL_VIDEODRIVER"] = "dummy"
os.environ["SDL_AUDIODRIVER"] = "dummy"
os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pygame
import pytest

from engine.world.picture import Picture, Seen, View
from game.arena import ArenaMap, parse_map
from game.schema import GRID, PLAYER, ROCKET
from game.settings import Settings
from game.view.renderer import Renderer
from game.view.screen import Screen
from game.view.sprites import Sprites
from game.view.text import Text

SIZE = (640, 360)
"""Half of 1280 x 720: the same view of the map at zoom 0.5, at a quarter of the cost."""

COLUMNS, ROWS, TILE = 60, 40, 32


def _map_text() -> str:
    tiles = [["#" if y in (0, ROWS - 1) or x in (0, COLUMNS - 1) else "." for x in range(COLUMNS)] for y in range(ROWS)]
    for x in range(20, 28):
        tiles[10][x] = tiles[11][x] = "#"
    tiles[20][30] = tiles[30][45] = "@"
    return "name: Test\ntile: 32\n\n" + "\n".join("".join(line) for line in tiles) + "\n"


@pytest.fixture(scope="session")
def arena_map() -> ArenaMap:
    """60 x 40 tiles, walls all round, and one wall of 8 x 2 tiles from (640, 320) to (896, 384)."""
    return parse_map(_map_text(), "test map")


@pytest.fixture(scope="session")
def sprites() -> Sprites:
    return Sprites(0.5)


@pytest.fixture
def renderer(arena_map: ArenaMap, sprites: Sprites) -> Renderer:
    """A renderer of half size that has drawn nothing yet, and does not shake."""
    made = Renderer(SIZE, arena_map, sprites=sprites)
    made.camera.shake_scale = 0.0
    return made


@pytest.fixture
def surface() -> pygame.Surface:
    return pygame.Surface(SIZE, 0, 32)


@pytest.fixture(scope="module")
def screen() -> Iterator[Screen]:
    """One window for all: painting the arena takes a second."""
    made = Screen("", Settings(), size=SIZE, visible=False)
    yield made
    made.close()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every word that is drawn."""
    words: list[str] = []
    draw = Text.draw

    def spy(self: Text, target: pygame.Surface, what: str, *rest: Any, **more: Any) -> pygame.Rect:
        words.append(what)
        return draw(self, target, what, *rest, **more)

    monkeypatch.setattr(Text, "draw", spy)
    return words


PictureMaker = Callable[..., Picture]


@pytest.fixture
def make_picture() -> PictureMaker:
    """`make_picture(players, rockets, own_row, own)`: rows as dicts of fields, places and speeds in pixels."""

    def fill(seen: Seen, row: int, fields: dict[str, float]) -> None:
        seen.alive[row] = True
        for name, value in fields.items():
            scale = GRID if name in ("x", "y", "vx", "vy") else 1
            seen.values[seen.kind.index[name], row] = round(value * scale)

    def make(
        players: dict[int, dict[str, float]] | None = None,
        rockets: dict[int, dict[str, float]] | None = None,
        own_row: int | None = None,
        own: dict[str, float] | None = None,
    ) -> Picture:
        picture = Picture(View(10, None, 2560))
        for kind, rows in ((PLAYER, players), (ROCKET, rockets)):
            # The client knows the public fields of others, as here.
            seen = Seen(
                kind,
                np.zeros((kind.public_count, kind.capacity)),
                np.zeros(kind.capacity, np.bool_),
                np.zeros(kind.capacity, np.int32),
            )
            for row, fields in (rows or {}).items():
                fill(seen, row, {"health": 100, **fields} if kind is PLAYER else fields)
            picture.kinds[kind.name] = seen
        if own_row is not None:
            everyone = picture["player"]
            values = np.zeros((PLAYER.owner_count, 1))
            values[: PLAYER.public_count, 0] = everyone.values[:, own_row]
            picture.own_row = own_row
            picture.own = Seen(PLAYER, values, np.ones(1, np.bool_), np.zeros(1, np.int32))
            fill(picture.own, 0, {"ammo": 20, **(own or {})})
        return picture

    return make
