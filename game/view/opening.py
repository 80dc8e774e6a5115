"""Opening the window, or an unseen screen to draw pictures on; and saying in words why there is none.

It imports pygame only when it is called: a headless client runs without.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from engine.errors import NetError
from game.rules import Arena
from game.settings import SettingsFile

if TYPE_CHECKING:  # it imports pygame
    from game.view.screen import Screen

UNSEEN_SIZE = (1280, 720)
"""Of a screen that nobody looks at, where no size is asked for."""


def open_screen(
    server: str,
    file: SettingsFile | None,
    size: tuple[int, int] | None = None,
    *,
    visible: bool = True,
    game: Arena | None = None,
) -> Screen:
    """Return the screen for playing on `server`, or of `game`. Raises NetError without pygame, or without a display.

    file: the player's settings, which keep what is changed. size: None: as in the settings.
    """
    if not visible:
        os.environ["SDL_VIDEODRIVER"] = "dummy"
        os.environ["SDL_AUDIODRIVER"] = "dummy"
        size = size or UNSEEN_SIZE
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    try:
        from game.view.screen import Screen
    except ImportError as error:
        if error.name != "pygame":
            raise
        raise NetError("the window needs pygame: pip install pygame-ce (or play with --headless)") from error
    settings, save = (file.settings, file.save) if file is not None else (None, None)
    return Screen(server, settings, size=size, visible=visible, save=save, game=game)
