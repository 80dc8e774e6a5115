from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pygame
import pytest

from engine.world.picture import Picture
from game.view.camera import Camera
from game.view.effects import SCORCH_LIFE, Effects
from game.view.moments import Beam, Blast, Death, Landed, Moment, Spawned
from game.view.particles import PUFFS, SPARKS, Particles, add_light
from game.view.sprites import Sprites
from game.view.text import Text

Maker = Callable[..., Picture]
SIZE = (640, 360)


@pytest.fixture
def camera() -> Camera:
    made = Camera(SIZE, (1920.0, 1280.0))
    made.jump(960.0, 640.0)
    return made


@pytest.fixture
def effects(sprites: Sprites) -> Effects:
    return Effects(sprites, Text(1.0))


def grey() -> pygame.Surface:
    surface = pygame.Surface(SIZE, 0, 32)
    surface.fill((40, 40, 40))
    return surface


def draw(effects: Effects, camera: Camera) -> np.ndarray:
    surface = grey()
    effects.draw_floor(surface, camera)
    effects.draw_air(surface, camera)
    effects.draw_numbers(surface, camera)
    return pygame.surfarray.array3d(surface).astype(int)


@pytest.mark.parametrize(
    "moment",
    [
        Beam(1, 700.0, 640.0, 1200.0, 640.0, None),
        Beam(1, 700.0, 640.0, 1200.0, 640.0, 2),
        Blast(960.0, 640.0, 1),
        Death(3, 1, 0, 960.0, 640.0),
        Spawned(3, 960.0, 640.0),
        Landed(3, 80),
    ],
)
def test_an_effect_is_seen_and_ends(moment: Moment, effects: Effects, camera: Camera, make_picture: Maker) -> None:
    picture = make_picture({3: {"x": 960.0, "y": 640.0}})
    effects.advance([moment], picture, None, camera, 0.02, 0.02)
    effects.advance([], picture, None, camera, 0.04, 0.02)
    assert (draw(effects, camera) != 40).any()
    later = SCORCH_LIFE + 1.0
    for step in range(1, 120):
        effects.advance([], picture, None, camera, later + step / 30, 1 / 30)
    assert (draw(effects, camera) == 40).all()


def test_light_makes_nothing_darker(effects: Effects, camera: Camera, make_picture: Maker) -> None:
    beams = [Beam(1, 700.0, 500.0 + 20 * at, 1200.0, 640.0, None) for at in range(9)]
    effects.advance(beams, make_picture(), None, camera, 0.02, 0.02)
    # The traces themselves are drawn over, in light colours; all else is added.
    assert (draw(effects, camera) >= 40).all()


def test_the_own_shot_told_again_draws_only_where_it_hit(effects: Effects, camera: Camera, make_picture: Maker) -> None:
    effects.advance([Beam(0, 700.0, 640.0, 1200.0, 640.0, 2, told=True)], make_picture(), 0, camera, 0.02, 0.02)
    seen = np.argwhere((draw(effects, camera) != 40).any(axis=2))
    assert len(seen)
    assert seen[:, 0].min() > camera.to_surface(1100.0, 640.0)[0]


def test_a_flood_of_moments_is_bounded(effects: Effects, camera: Camera, make_picture: Maker) -> None:
    flood: list[Moment] = [Blast(900.0 + at % 100, 600.0, 1) for at in range(400)]
    flood += [Beam(1, 700.0, 640.0, 1200.0, 640.0, 2) for _ in range(400)]
    for step in range(3):
        effects.advance(flood, make_picture(), None, camera, step / 60, 1 / 60)
    assert effects.particles.spark_count <= SPARKS
    assert effects.particles.puff_count <= PUFFS
    draw(effects, camera)


@pytest.mark.parametrize("fps", [30, 144])
def test_a_rockets_trail_is_as_dense_at_any_frame_rate(
    fps: int, effects: Effects, camera: Camera, make_picture: Maker
) -> None:
    # 600 px/s for half a second: 300 px, a puff every 11.
    for frame in range(fps // 2 + 1):
        rocket = {"x": 700.0 + 600.0 * frame / fps, "y": 640.0, "vx": 10.0}
        effects.advance([], make_picture({}, {0: rocket}), None, camera, frame / fps, 1e-4)
    assert effects.particles.puff_count == pytest.approx(300 / 11, abs=1.5)


def test_a_rocket_row_that_jumps_leaves_no_trail(effects: Effects, camera: Camera, make_picture: Maker) -> None:
    for x in (700.0, 1200.0):
        effects.advance([], make_picture({}, {0: {"x": x, "y": 640.0, "vx": 10.0}}), None, camera, 0.0, 0.0)
    assert effects.particles.puff_count == 0


def test_an_own_rocket_keeps_its_trail_when_it_is_adopted_and_leaves_none_when_it_fades(
    effects: Effects, camera: Camera, make_picture: Maker
) -> None:
    def fly(x: float, row: int, left: float | None = None) -> Picture:
        picture = make_picture({}, {row: {"x": x, "y": 640.0, "vx": 10.0, "owner": 1, "input_tick": 77}})
        if left is not None:
            picture.fading["rocket", row] = left
        effects.advance([], picture, 1, camera, x / 600.0, 1e-4)
        return picture

    for x, row in ((700.0, 255), (710.0, 255), (720.0, 3), (730.0, 3)):
        fly(x, row)
    assert effects.particles.puff_count == 2  # after 11 and 22 px, though it changed rows between
    lights = []
    for left in (None, 0.6, 0.1):
        surface = pygame.Surface(SIZE, 0, 32)
        effects.draw_rockets(surface, camera, fly(960.0, 3, left))
        lights.append(int(pygame.surfarray.array3d(surface).sum()))
    assert lights[0] > lights[1] > lights[2] > 0
    assert effects.particles.puff_count <= 2 + 21


def test_particles_fly_slow_down_and_end() -> None:
    particles = Particles()
    particles.spark(100.0, 50.0, np.array([60.0, -60.0]), np.array([0.0, 0.0]), 1.0, (255, 0, 0), drag=1.0)
    assert particles.spark_count == 2
    for _ in range(59):
        particles.advance(1 / 60)
    assert particles.spark_count == 2
    particles.advance(2 / 60)
    assert particles.spark_count == 0


def test_when_full_the_oldest_give_way() -> None:
    particles = Particles()
    many = np.zeros(SPARKS + 500)
    particles.spark(0.0, 0.0, many, many, 9.0, (1, 2, 3))
    particles.puff(np.zeros(PUFFS + 9), np.zeros(PUFFS + 9), 1.0, 9.0, 0.5)
    assert particles.spark_count == SPARKS
    assert particles.puff_count <= PUFFS


def test_adding_light_equals_a_plain_loop() -> None:
    rng = np.random.default_rng(3)
    surface = pygame.Surface((40, 30), 0, 32)
    pygame.surfarray.blit_array(surface, rng.integers(0, 256, (40, 30, 3)).astype(np.uint8))
    expected = pygame.surfarray.array3d(surface).astype(int)
    places = rng.permutation(40 * 30)[:500]
    x, y = places % 40, places // 40
    light = rng.uniform(0, 300, (3, 500)).astype(np.float32)
    for at in range(500):
        for channel in range(3):
            total = expected[x[at], y[at], channel] + int(light[channel, at])
            expected[x[at], y[at], channel] = min(total, 255)
    add_light(surface, x, y, list(light))
    assert (pygame.surfarray.array3d(surface) == expected).all()
    assert not surface.get_locked()


def test_adding_light_stays_on_the_surface_and_in_a_part_of_one() -> None:
    whole = pygame.Surface((40, 30), 0, 32)
    part = whole.subsurface((10, 10, 20, 10))
    x, y = np.array([-5, 0, 19, 500]), np.array([-5, 0, 9, 500])
    add_light(part, x, y, [np.full(4, 200.0)] * 3)
    lit = {(int(x), int(y)) for x, y in np.argwhere(pygame.surfarray.array3d(whole).any(axis=2))}
    assert lit == {(10, 10), (29, 19)}


def test_sparks_off_the_surface_are_not_drawn(camera: Camera) -> None:
    particles = Particles()
    particles.spark(5.0, 5.0, np.zeros(50), np.zeros(50), 9.0, (255, 255, 255))
    surface = grey()
    particles.draw_sparks(surface, camera)
    assert (pygame.surfarray.array3d(surface) == 40).all()
