from __future__ import annotations

import numpy as np
import pygame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from game.view.audio import EARSHOT, SAME_MAX, Audio, gains, heard, interleaved
from game.view.moments import Beam, Blast, Death, Fired, Hurt, Landed, Launched, Moment, Spawned, Switched
from game.view.synthesis import RATE, SOUNDS


@pytest.mark.parametrize("name", SOUNDS)
def test_a_sound_is_short_finite_within_bounds_and_ends_without_a_click(name: str) -> None:
    samples = SOUNDS[name]()
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert 0.05 * RATE < len(samples) <= 1.5 * RATE
    assert np.isfinite(samples).all()
    assert 0.2 < np.abs(samples).max() <= 1.0
    assert samples[0] == pytest.approx(0.0, abs=1e-3)
    assert samples[-1] == pytest.approx(0.0, abs=1e-3)
    # No large offset either: it would click at every start and stop.
    assert abs(float(samples.mean())) < 0.05


def test_sounds_are_the_same_every_time_and_differ_from_each_other() -> None:
    first, second = ({name: make().tobytes() for name, make in SOUNDS.items()} for _ in range(2))
    assert first == second
    assert len(set(first.values())) == len(SOUNDS)


def test_frames_for_one_and_two_channels() -> None:
    samples = np.array([0.0, 1.0, -1.0, 0.5], np.float32)
    assert interleaved(samples, 1).tolist() == [0, 32767, -32767, 16384]
    stereo = interleaved(samples, 2)
    assert stereo.dtype == np.int16
    assert stereo.shape == (4, 2)
    assert (stereo[:, 0] == stereo[:, 1]).all()


@given(st.floats(-3000, 3000), st.floats(-3000, 3000))
@settings(deadline=None, max_examples=60)
def test_gains_are_mirrored_bounded_and_nothing_is_heard_from_afar(dx: float, dy: float) -> None:
    left, right = gains(dx, dy)
    assert 0.0 <= left <= 1.0
    assert 0.0 <= right <= 1.0
    assert gains(-dx, dy) == pytest.approx((right, left))
    if np.hypot(dx, dy) >= EARSHOT:
        assert (left, right) == (0.0, 0.0)


def test_a_sound_from_the_left_is_louder_there_and_softer_with_distance() -> None:
    left, right = gains(-300.0, 0.0)
    assert left > right
    assert sum(gains(0.0, 800.0)) < sum(gains(0.0, 200.0)) < sum(gains(0.0, 0.0))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (Fired(0, 1, 2, 0), [("rail", None)]),
        (Fired(1, 1, 2, 0), [("rocket", None)]),
        (Beam(3, 1, 2, 9, 9, None), [("rail", (1, 2))]),
        (Beam(0, 1, 2, 9, 9, None), []),
        (Launched(3, 1, 2, 0), [("rocket", (1, 2))]),
        (Launched(0, 1, 2, 0), []),
        (Blast(1, 2, 0), [("explosion", (1, 2))]),
        (Landed(3, 80), [("hit", None)]),
        (Death(0, 3, 0, 1, 2), [("death", None)]),
        (Death(3, 0, 0, 1, 2), [("explosion", (1, 2)), ("kill", None)]),
        (Death(3, 4, 0, None, None), []),
        (Hurt(10, None), [("hurt", None)]),
        (Spawned(0, 1, 2), [("spawn", None)]),
        (Spawned(3, 1, 2), [("spawn", (1, 2))]),
        (Switched(1), [("switch", None)]),
    ],
)
def test_what_is_heard_of_a_moment(moment: Moment, expected: list[object]) -> None:
    assert heard(moment, own_row=0) == expected
    assert {name for name, _ in heard(moment, own_row=0)} <= set(SOUNDS)


def test_many_of_a_kind_are_played_a_few_times() -> None:
    audio = Audio()
    try:
        assert audio.available  # SDL's dummy driver is a device, too
        begun = audio.play([Blast(100.0 + at, 100.0, 0) for at in range(30)] + [Landed(1, 5)], 0, 100.0, 100.0)
        assert begun == {"explosion": SAME_MAX, "hit": 1}
        assert audio.play([Blast(9000.0, 9000.0, 0)], 0, 0.0, 0.0) == {}
    finally:
        audio.close()


def test_without_a_device_it_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise pygame.error("no audio device")

    monkeypatch.setattr(pygame.mixer, "init", refuse)
    audio = Audio()
    assert not audio.available
    assert audio.play([Landed(1, 5)], 0, 0.0, 0.0) == {"hit": 1}
    audio.close()
