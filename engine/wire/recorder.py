"""What a session tells of its match to whoever keeps it: `engine.replay.writer`, or a test.

A session calls these as things happen, and never learns what became of it: a recorder does not raise, and changes
nothing it is given. Both sides tell the same things: the server all that it publishes, a client what it received.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from engine.config import MatchConfig
from engine.game import Game

Published = tuple[np.ndarray, np.ndarray, np.ndarray]
"""One kind at a snapshot: state `(public fields, rows) int32`, status `(rows,) uint8`, generation `(rows,) int32`."""


class Recorder(Protocol):
    """See the module. Ticks are the server's."""

    def begin(self, game: Game, match: MatchConfig, own_row: int | None, tick: int) -> None:
        """A match is at `tick`. own_row: whose eyes it is seen with; None: it is seen whole."""
        ...

    def snapshot(self, tick: int, kinds: Sequence[Published], own: np.ndarray | None = None) -> None:
        """The rows of all kinds, in schema order, as published at `tick`; own: the own row, `(owner fields,) int32`.

        The arrays may be read during the call; a client's may be kept.
        """
        ...

    def inputs(self, tick: int, rows: np.ndarray, state: np.ndarray, missing: np.ndarray) -> None:
        """What was played in `tick`: player rows `(n,)`, inputs `(fields, n) int32`, and where one was missing `(n,)`.

        The arrays may be kept.
        """
        ...

    def message(self, tick: int, message: object, to: int | None = None) -> None:
        """What players are told besides, one of `wire.messages`. to: the player row it is for; None: all.

        Of verdicts, `to` is the shooter; of events, whom the game tells.
        """
        ...
