"""The game's sounds, computed: sweeps, noise and ringing partials under simple envelopes. No file, no device.

Each function returns mono samples, `(n,) float32` in -1..1 at `RATE`. Chance is a seeded generator: the same sounds
every time. They are kept apart by register, so that each is known in the din: the rail is high and falling, rockets
are breath and low, a hit of ours is a short dry tick above everything, our own wounds are a dull thud.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

RATE = 44100
"""Samples a second: what every device takes without converting."""


def _time(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * RATE), dtype=np.float32) / np.float32(RATE)


def _sweep(t: np.ndarray, start_hz: float, end_hz: float, curve: float) -> np.ndarray:
    """Return a sine whose pitch falls from start to end; `curve` is the rate of the fall per second."""
    pitch = end_hz + (start_hz - end_hz) * np.exp(-t * curve)
    return np.asarray(np.sin(2.0 * np.pi * np.cumsum(pitch) / RATE))


def _noise(rng: np.random.Generator, t: np.ndarray, low_pass: int) -> np.ndarray:
    """Return noise, dull by a moving average over `low_pass` samples, at full scale."""
    raw = rng.uniform(-1.0, 1.0, len(t) + low_pass)
    total = np.cumsum(raw)
    dull = (total[low_pass:] - total[:-low_pass])[: len(t)]
    return np.asarray(dull / max(1e-9, float(np.abs(dull).max())))


def _finish(samples: np.ndarray, peak: float) -> np.ndarray:
    """Scale to `peak`, round off hard edges, and fade both ends so that nothing clicks."""
    samples = np.tanh(samples * 1.4)
    samples = samples / max(1e-9, float(np.abs(samples).max())) * peak
    fade = min(len(samples) // 2, RATE // 400)
    ramp = np.linspace(0.0, 1.0, fade)
    samples[:fade] *= ramp
    samples[-fade:] *= ramp[::-1]
    return np.asarray(samples, np.float32)


def rail() -> np.ndarray:
    """A crack, then a falling electric whine with a metallic tail."""
    t, rng = _time(0.55), np.random.default_rng(1)
    crack = _noise(rng, t, 2) * np.exp(-t * 70.0)
    whine = _sweep(t, 2600.0, 240.0, 11.0) * np.exp(-t * 9.0)
    body = _sweep(t, 420.0, 70.0, 16.0) * np.exp(-t * 12.0)
    tail = np.sin(2 * np.pi * 1730 * t) * np.sin(2 * np.pi * 43 * t) * np.exp(-t * 8.0) * 0.22
    return _finish(0.9 * crack + 0.65 * whine + 0.8 * body + tail, 0.85)


def rocket() -> np.ndarray:
    """A thump from the tube, then rushing air."""
    t, rng = _time(0.5), np.random.default_rng(2)
    thump = _sweep(t, 190.0, 55.0, 22.0) * np.exp(-t * 15.0)
    rush = _noise(rng, t, 9) * np.minimum(t * 30.0, 1.0) * np.exp(-t * 7.5)
    return _finish(0.9 * thump + 0.6 * rush, 0.75)


def explosion() -> np.ndarray:
    """A blow, a deep fall, and rumble that dies slowly."""
    t, rng = _time(1.25), np.random.default_rng(3)
    blow = _noise(rng, t, 3) * np.exp(-t * 26.0)
    deep = _sweep(t, 130.0, 28.0, 7.0) * np.exp(-t * 4.5)
    rumble = _noise(rng, t, 90) * np.exp(-t * 3.4)
    crackle = _noise(rng, t, 5) * (rng.random(len(t)) < 0.02) * np.exp(-t * 3.0)
    return _finish(0.9 * blow + 1.1 * deep + 0.9 * rumble + 0.3 * crackle, 0.95)


def hit() -> np.ndarray:
    """Our shot landed: a dry double tick."""
    t = _time(0.11)
    first = np.sin(2 * np.pi * 1850 * t) * np.exp(-t * 70.0)
    late = np.maximum(t - 0.035, 0.0)
    second = np.sin(2 * np.pi * 2480 * late) * np.exp(-late * 75.0) * (t > 0.035)
    return _finish(first + 0.8 * second, 0.6)


def kill() -> np.ndarray:
    """Our shot killed: three bright partials, rising."""
    t = _time(0.42)
    out = np.zeros_like(t)
    for at, pitch in enumerate((880.0, 1174.7, 1760.0)):
        late = np.maximum(t - at * 0.06, 0.0)
        out += np.sin(2 * np.pi * pitch * late) * np.exp(-late * 11.0) * (t >= at * 0.06)
    return _finish(out, 0.55)


def hurt() -> np.ndarray:
    """We were hit: a dull blow on the hull."""
    t, rng = _time(0.26), np.random.default_rng(4)
    blow = _sweep(t, 260.0, 80.0, 24.0) * np.exp(-t * 17.0)
    clank = np.sin(2 * np.pi * 617 * t) * np.exp(-t * 32.0) * 0.5
    return _finish(blow + clank + 0.35 * _noise(rng, t, 12) * np.exp(-t * 30.0), 0.7)


def death() -> np.ndarray:
    """We died: everything winds down."""
    t, rng = _time(0.9), np.random.default_rng(5)
    down = _sweep(t, 520.0, 45.0, 4.0) * np.exp(-t * 3.2)
    buzz = np.sign(_sweep(t, 260.0, 24.0, 4.0)) * np.exp(-t * 4.0) * 0.22
    return _finish(down + buzz + 0.4 * _noise(rng, t, 30) * np.exp(-t * 6.0), 0.75)


def spawn() -> np.ndarray:
    """Someone came to life: a shimmer that rises."""
    t = _time(0.5)
    rise = np.sin(2 * np.pi * np.cumsum(300.0 + 900.0 * (t / 0.5) ** 2) / RATE)
    shimmer = np.sin(2 * np.pi * 1320 * t) * (0.5 + 0.5 * np.sin(2 * np.pi * 22 * t))
    return _finish((rise + 0.4 * shimmer) * np.sin(np.pi * t / 0.5) ** 2, 0.4)


def switch() -> np.ndarray:
    """Another weapon in hand: two clicks of metal."""
    t, rng = _time(0.12), np.random.default_rng(6)
    late = np.maximum(t - 0.05, 0.0)
    first = np.sin(2 * np.pi * 980 * t) * np.exp(-t * 90.0)
    second = np.sin(2 * np.pi * 1420 * late) * np.exp(-late * 80.0) * (t > 0.05)
    return _finish(first + second + 0.3 * _noise(rng, t, 3) * np.exp(-t * 120.0), 0.35)


def repeater() -> np.ndarray:
    """One round: a hard short bark, quiet, because there are ten a second."""
    t, rng = _time(0.11), np.random.default_rng(7)
    bark = _sweep(t, 900.0, 150.0, 60.0) * np.exp(-t * 48.0)
    return _finish(bark + 0.7 * _noise(rng, t, 3) * np.exp(-t * 75.0), 0.42)


def dash() -> np.ndarray:
    """A burst of air that rushes past."""
    t, rng = _time(0.32), np.random.default_rng(8)
    rush = _noise(rng, t, 14) * np.minimum(t * 40.0, 1.0) * np.exp(-t * 11.0)
    return _finish(rush + 0.5 * _sweep(t, 180.0, 420.0, 9.0) * np.exp(-t * 14.0), 0.5)


def pickup() -> np.ndarray:
    """Something good: two round tones, a fifth apart."""
    t = _time(0.3)
    late = np.maximum(t - 0.07, 0.0)
    first = np.sin(2 * np.pi * 660 * t) * np.exp(-t * 18.0)
    second = np.sin(2 * np.pi * 990 * late) * np.exp(-late * 14.0) * (t > 0.07)
    return _finish(first + second, 0.45)


def gong() -> np.ndarray:
    """A phase of the match begins: a struck plate that rings."""
    t = _time(1.4)
    out = np.zeros_like(t)
    for part, pitch in enumerate((196.0, 293.7, 415.3, 587.3, 784.6)):
        out += np.sin(2 * np.pi * pitch * t + part) * np.exp(-t * (2.2 + part * 0.9)) / (1.0 + part * 0.5)
    return _finish(out * np.minimum(t * 200.0, 1.0), 0.5)


SOUNDS: dict[str, Callable[[], np.ndarray]] = {
    "rail": rail,
    "rocket": rocket,
    "explosion": explosion,
    "hit": hit,
    "kill": kill,
    "hurt": hurt,
    "death": death,
    "spawn": spawn,
    "switch": switch,
    "repeater": repeater,
    "dash": dash,
    "pickup": pickup,
    "gong": gong,
}
"""Every sound by name."""
