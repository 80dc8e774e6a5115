"""Plays the moments of a frame, each from where it happened: left or right, and softer with distance.

Without a sound device, or without a mixer in this pygame, it is silent and says so once in `available`; nothing else
changes. A sound of which many begin in one frame is played a few times only: the sum would be noise, not louder.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pygame

from game.view.moments import (
    Beam,
    Began,
    Blast,
    Burst,
    Dashed,
    Death,
    Fired,
    Hurt,
    Landed,
    Launched,
    Moment,
    Spawned,
    Switched,
    Taken,
)
from game.view.synthesis import RATE, SOUNDS

CHANNELS = 24
"""Sounds at once; when all are taken, a new one from afar is not played."""

EARSHOT = 1500.0
"""Map pixels at which nothing is heard any more: a little more than a screen."""

PAN_WIDTH = 620.0
"""Map pixels to the side at which a sound is all in one ear, nearly."""

SAME_MAX = 3
"""The same sound so many times a frame."""

_SHOTS = ("rail", "rocket", "repeater")
"""The sound of each weapon."""

QUIET = 0.02
"""Volume not worth a channel."""


def gains(dx: float, dy: float) -> tuple[float, float]:
    """Return left and right volume, 0..1, of a sound at (dx, dy) map pixels from the listener.

    Power stays the same across the panorama (sine law), and falls as 1 / (1 + (distance / 350)^2), to 0 at `EARSHOT`.
    """
    distance = math.hypot(dx, dy)
    if distance >= EARSHOT:
        return 0.0, 0.0
    loud = (1.0 - distance / EARSHOT) / (1.0 + (distance / 350.0) ** 2)
    side = max(-0.9, min(0.9, dx / PAN_WIDTH))
    turn = (side + 1.0) * math.pi / 4.0
    return loud * math.cos(turn), loud * math.sin(turn)


def interleaved(samples: np.ndarray, channels: int) -> np.ndarray:
    """Return mono samples as the mixer's 16-bit frames: `(n,)` for one channel, `(n, channels)` for more."""
    whole = np.clip(np.rint(samples * 32767.0), -32768, 32767).astype(np.int16)
    return whole if channels == 1 else np.ascontiguousarray(np.repeat(whole[:, None], channels, axis=1))


class Audio:
    """The sounds of the game. volume: 0..1, of all. available: whether there is anything to play them on."""

    def __init__(self, volume: float = 0.7) -> None:
        self.volume = volume
        self.available = False
        self._sounds: dict[str, pygame.mixer.Sound] = {}
        try:
            # A short buffer: 512 samples are 12 ms from deed to ear.
            pygame.mixer.init(RATE, -16, 2, 512)
            form = pygame.mixer.get_init()
            if form is None or form[0] != RATE or form[1] != -16:
                return  # a device that takes only another form: silence rather than noise
            pygame.mixer.set_num_channels(CHANNELS)
            self._sounds = {
                name: pygame.sndarray.make_sound(interleaved(make(), form[2])) for name, make in SOUNDS.items()
            }
            self.available = True
        except (pygame.error, NotImplementedError):
            return

    def play(self, moments: Sequence[Moment], own_row: int | None, x: float, y: float) -> Counter[str]:
        """Play what happened in a frame, heard at map point (x, y); return how often each sound was begun."""
        begun: Counter[str] = Counter()
        for moment in moments:
            for name, place in heard(moment, own_row):
                if begun[name] >= SAME_MAX:
                    continue
                left, right = (0.75, 0.75) if place is None else gains(place[0] - x, place[1] - y)
                if max(left, right) * self.volume >= QUIET:
                    begun[name] += 1
                    self._begin(name, left * self.volume, right * self.volume)
        return begun

    def close(self) -> None:
        """Fall silent and give the device back."""
        if self.available:
            pygame.mixer.quit()
            self.available = False

    def _begin(self, name: str, left: float, right: float) -> None:
        if not self.available:
            return
        # One in the own ear (full volume) may take a channel that is playing; one from afar waits for a free one.
        channel = pygame.mixer.find_channel(max(left, right) > 0.4 * self.volume)
        if channel is not None:
            channel.play(self._sounds[name])
            channel.set_volume(left, right)


def heard(moment: Moment, own_row: int | None) -> list[tuple[str, tuple[float, float] | None]]:
    """Return the sounds of a moment and where each is; None: in the own ear."""
    match moment:
        case Fired(weapon):
            return [(_SHOTS[min(max(weapon, 0), len(_SHOTS) - 1)], None)]
        case Burst(row, x, y):
            return [] if row == own_row else [("repeater", (x, y))]
        case Dashed(row, x, y):
            return [("dash", None if row == own_row else (x, y))]
        case Taken(_, row, _, x, y):
            if row == own_row:
                return [("pickup", None)]
            return [] if x is None or y is None else [("pickup", (x, y))]
        case Began():
            return [("gong", None)]
        case Beam(shooter, x, y, told=told):
            # The own shot was heard when it was fired.
            return [] if told or shooter == own_row else [("rail", (x, y))]
        case Launched(owner, x, y):
            return [] if owner == own_row else [("rocket", (x, y))]
        case Blast(x, y):
            return [("explosion", (x, y))]
        case Landed():
            return [("hit", None)]
        case Death(victim, killer, _, x, y):
            if victim == own_row:
                return [("death", None)]
            sounds: list[tuple[str, tuple[float, float] | None]] = []
            if x is not None and y is not None:
                sounds.append(("explosion", (x, y)))
            if killer == own_row and own_row is not None:
                sounds.append(("kill", None))
            return sounds
        case Hurt():
            return [("hurt", None)]
        case Spawned(row, x, y):
            return [("spawn", None if row == own_row else (x, y))]
        case Switched():
            return [("switch", None)]
