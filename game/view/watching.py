"""Playing one replay and no more, as `client.py --replay` does: in a window, or unseen for the picture it ends with.

It needs no pygame until it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.clock import SystemClock
from engine.replay.reader import Replay
from game.rules import Arena

if TYPE_CHECKING:  # it imports pygame
    from game.view.screen import Screen


def watch(
    screen: Screen,
    replay: Replay,
    game: Arena,
    clock: SystemClock,
    seconds: float | None,
    stopped: Callable[[], bool],
    *,
    unseen: bool = False,
    picture: Path | None = None,
) -> str:
    """Play `replay` on `screen` until it is left, or `stopped`; return what there is to say of it.

    seconds: how long at most; unseen: how much of it, as fast as it goes. picture: where the last one is kept.
    Raises NetError where the replay can't be read, or the picture not written.
    """
    from game.view.replay_screen import ReplayScreen

    shown = ReplayScreen(screen, replay, game)
    if unseen:
        shown.run_unseen(replay.seconds if seconds is None else seconds, stopped)
    else:
        end = None if seconds is None else clock.now() + seconds
        shown.run(clock, lambda: stopped() or (end is not None and clock.now() >= end))
    if picture is not None:
        screen.save(picture)
    return f"{replay.name}: watched up to {shown.playback.seconds:.1f} of {replay.seconds:.1f} s"
