"""What a client's frame does in which order, and what that means for the eye: the own row moves evenly at any rate.

A runner is played in virtual time over a lossless link; where its path is straight and its speed constant, each frame
must move it as far as the one before, but for the lead clock, which steers its rate by up to a tenth. A quarter of a
pixel is below what is seen; with the picture taken before the inputs the same measurement gave 4.2 pixels at 144 frames
a second, and 1.6 in the median.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from client import ClientLoop
from engine.client.session import ClientSession
from engine.clock import VirtualClock
from engine.game import Brain
from engine.lab.match import PlayerSpec, VirtualMatch
from engine.ops.command import Stop
from engine.transport import Datagram
from engine.world.picture import Picture
from game.rules import Arena

UNSEEN = 0.25
"""Pixels."""
STEER = 0.11
"""Part by which the lead clock may run fast or slow, and a little."""


class Socket:
    """Lets `ClientLoop` play over the match's network."""

    def __init__(self, inner: object) -> None:
        self._inner = inner

    def receive(self, now: float) -> Sequence[Datagram]:
        return ()  # the match hands datagrams to the session as they arrive

    def send(self, datagrams: Sequence[Datagram], now: float) -> None:
        self._inner.send(datagrams, now)  # type: ignore[attr-defined]


class Returning:
    """A session that is never lost."""

    over, reason = False, ""

    def __init__(self, session: ClientSession) -> None:
        self.session = session

    def update(self, now: float) -> None: ...

    def words(self, now: float) -> str:
        return ""


def path_of(frame_hz: float, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Return x, y, vx, vy of the own row as drawn in each frame, in pixels and pixels per tick."""
    spec = PlayerSpec("runner", None, "runner", frame_hz)
    match = VirtualMatch(Arena.factory, [spec], seed=3, bots=0, settings={"max_players": 2})
    match.run(1.0)
    (player,) = match.players
    clock = VirtualClock(match.now)
    brain: Brain = Arena().brain("runner", 3)
    loop = ClientLoop(
        Returning(player.session),  # type: ignore[arg-type]
        Socket(player.socket),  # type: ignore[arg-type]
        clock,  # type: ignore[arg-type]
        lambda game: brain,
        Stop(),
        None,
    )
    drawn: list[list[float]] = []

    def frame(now: float, shots: object) -> None:
        clock.advance_to(now)
        picture: Picture | None = loop.frame(None)
        if picture is not None and picture.own is not None:
            drawn.append([float(picture.own[name][0]) for name in ("x", "y", "vx", "vy")])

    monkeypatch.setattr(player, "frame", frame)
    match.run(9.0)
    return np.array(drawn[round(2 * frame_hz) :])


@pytest.mark.parametrize("frame_hz", [60.0, 100.0, 144.0, 240.0])
def test_the_own_row_moves_evenly_at_any_frame_rate(frame_hz: float, monkeypatch: pytest.MonkeyPatch) -> None:
    path = path_of(frame_hz, monkeypatch)
    steps, speeds = np.diff(path[:, :2], axis=0), path[1:, 2:]
    # Straight on at a constant velocity, for this frame and those beside it.
    same = (speeds[1:] == speeds[:-1]).all(axis=1) & (np.hypot(*speeds[1:].T) > 4.0)
    steady = same[2:] & same[1:-1] & same[:-2]
    change = np.hypot(*np.diff(steps, axis=0)[1:-1].T)[steady]
    assert len(change) > 200
    expected = np.hypot(*speeds[1:].T)[1:-1][steady] * 60.0 / frame_hz
    assert np.hypot(*steps[1:].T)[1:-1][steady] == pytest.approx(expected, rel=STEER)
    assert change.max() < UNSEEN
    assert np.median(change) < 1 / 64
