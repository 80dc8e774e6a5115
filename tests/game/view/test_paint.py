from __future__ import annotations

import numpy as np
import pygame
import pytest

from game.view import paint
from game.view.backdrop import paint_arena
from game.view.sprites import DIRECTIONS, Sprites


def test_smoothing_equals_a_plain_loop() -> None:
    values = np.random.default_rng(1).uniform(0, 1, (9, 13)).astype(np.float32)
    expected = np.zeros_like(values)
    for y in range(9):
        for x in range(13):
            window = [
                values[min(max(y + dy, 0), 8), min(max(x + dx, 0), 12)] for dy in range(-2, 3) for dx in range(-2, 3)
            ]
            expected[y, x] = sum(window) / 25
    assert paint.smooth(values, 2, passes=1) == pytest.approx(expected, abs=1e-5)
    assert paint.smooth(values, 0) is values


def test_a_flat_surface_keeps_its_colour_under_the_lamp() -> None:
    albedo = paint.flat((8, 8), (60.0, 90.0, 120.0))
    assert paint.lit(np.zeros((8, 8)), albedo) == pytest.approx(albedo, abs=0.01)


def test_what_faces_the_upper_left_is_lighter() -> None:
    x, y = paint.grid(21, 21)
    dome = paint.bevel(paint.circle(x, y, 9.0), 9.0, 6.0)
    image = paint.lit(dome, paint.flat(x.shape, (100.0, 100.0, 100.0)), gloss=0.0)
    assert image[6, 6].mean() > 110 > 90 > image[14, 14].mean()


def test_distances() -> None:
    x, y = np.array([0.0, 3.0, 0.0]), np.array([0.0, 4.0, 2.0])
    assert paint.circle(x, y, 5.0).tolist() == [-5.0, 0.0, -3.0]
    assert paint.box(x, y, (4.0, 2.0)).tolist() == [-2.0, 2.0, 0.0]
    assert paint.cover(np.array([-9.0, 0.0, 9.0])).tolist() == [1.0, 0.5, 0.0]


def test_noise_is_seeded_bounded_and_tiles() -> None:
    first, second = (paint.noise(np.random.default_rng(4), 64, 48, 16) for _ in range(2))
    assert (first == second).all()
    assert first.shape == (48, 64)
    assert np.abs(first).max() <= 1.75
    # The step over the edge is no larger than steps inside.
    assert np.abs(first[:, 0] - first[:, -1]).max() <= np.abs(np.diff(first, axis=1)).max() * 1.5


def test_a_glow_is_brightest_in_the_middle_and_nothing_at_its_edge() -> None:
    light = pygame.surfarray.array3d(paint.tinted(paint.glow(20, 2.0), (200, 100, 50), 0.5)).astype(int)
    assert light.shape == (41, 41, 3)
    assert light[20, 20] == pytest.approx([100, 50, 25], abs=2)
    assert (light[20:, 20, 0][1:] <= light[20:, 20, 0][:-1]).all()
    assert light[0].max() == 0


def test_a_row_of_glows_is_an_even_line() -> None:
    radius = 16
    kernel = pygame.surfarray.array3d(paint.glow(radius, 2.0))[:, radius, 0].astype(float)
    line = np.zeros(400)
    for at in range(0, 360, 12):
        line[at : at + len(kernel)] += kernel
    inner = line[60:300]
    assert inner.max() / inner.min() < 1.1


@pytest.mark.parametrize("tile", [16, 32, 64])
@pytest.mark.parametrize("zoom", [0.5, 1.0625])
def test_any_map_can_be_painted_and_is_the_same_again(tile: int, zoom: float) -> None:
    walls = np.random.default_rng(tile).random((14, 17)) < 0.4
    first = paint_arena(walls, float(tile), zoom)
    assert first.get_size() == (round(17 * tile * zoom), round(14 * tile * zoom))
    second = paint_arena(walls, float(tile), zoom)
    assert (pygame.surfarray.array3d(first) == pygame.surfarray.array3d(second)).all()


@pytest.mark.parametrize("fill", [True, False])
def test_a_map_of_one_kind_can_be_painted(fill: bool) -> None:
    assert pygame.surfarray.array3d(paint_arena(np.full((8, 8), fill), 32.0, 1.0)).any()


def test_sprites_are_made_once_and_turn_with_the_aim(sprites: Sprites) -> None:
    blue = (96, 190, 245)
    first = sprites.turret(blue, 0, 0.0)
    assert sprites.turret(blue, 0, 65536.0 / DIRECTIONS * 0.4) is first
    assert sprites.turret(blue, 0, 65535.0) is first
    assert sprites.turret(blue, 0, 16384.0) is not first
    assert sprites.turret(blue, 1, 0.0) is not first
    assert sprites.turret(blue, 99, 0.0) is sprites.turret(blue, 2, 0.0)
    # Pointing right, there is more of it on the right.
    alpha = pygame.surfarray.array_alpha(first).astype(int)
    middle = alpha.shape[0] // 2
    assert alpha[middle + 3 :].sum() > alpha[: middle - 2].sum()


def test_sprites_have_the_size_of_what_they_stand_for(sprites: Sprites) -> None:
    alpha = pygame.surfarray.array_alpha(sprites.hull((255, 0, 0), 0)) > 127
    # A player's radius is 16 px: 8 at zoom 0.5.
    assert alpha.any(axis=1).sum() == pytest.approx(16, abs=1)
    assert alpha.any(axis=0).sum() == pytest.approx(16, abs=1)
