"""Remote rows: which two snapshots to draw between, and the picture of them.

The picture itself is `world.picture.sample`, the function the server judges shots with. Here is only the choice of
snapshots: the newest one received at or before the view time, and the oldest one after it. Where there is none after
it, the buffer ran dry and rows are dead-reckoned for a bounded time, as far as the game lets them go.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping

from engine.config import Switches
from engine.world.coasting import CoastingGame, coasting
from engine.world.history import History, Received
from engine.world.picture import VIEW_UNITS, Picture, Stretch, View, stretch_between


class Interpolation:
    """The snapshots received, `histories` by kind name, as material to draw from.

    game: who says where rows without news can go; None: nobody.
    """

    def __init__(
        self,
        histories: Mapping[str, History | Received],
        max_extrapolation_ticks: float,
        game: CoastingGame | None = None,
    ) -> None:
        self._histories = histories
        self._game = game
        self._max_extrapolation_ticks = max_extrapolation_ticks
        first = next(iter(histories.values()))
        self._kept_ticks = first.depth * first.every
        self._ticks: list[int] = []
        # The stretch drawn last, of every kind, and the snapshots it lies between.
        self._between: tuple[int, int | None] = (-1, None)
        self._stretches: dict[str, Stretch] = {}
        self.pictures = 0
        """Pictures drawn."""
        self.dry = 0
        """Those of them for which nothing newer had arrived."""

    def received(self, tick: int) -> None:
        """The snapshot of `tick` is in the histories."""
        insort(self._ticks, tick)
        oldest = self._ticks[-1] - self._kept_ticks
        while self._ticks[0] <= oldest:
            self._ticks.pop(0)

    def view(self, view_ticks: float, switches: Switches | None = None) -> View | None:
        """Return what to draw at `view_ticks`; None before the first snapshot."""
        if not self._ticks:
            return None
        if switches is not None and not switches.interpolation:
            return View(self._ticks[-1], None, self._ticks[-1] * VIEW_UNITS)
        time = int(view_ticks * VIEW_UNITS)
        after = bisect_right(self._ticks, time // VIEW_UNITS)
        if after == 0:
            # The view is older than all we have (just joined): stand at the first.
            return View(self._ticks[0], None, self._ticks[0] * VIEW_UNITS)
        tick_b = self._ticks[after] if after < len(self._ticks) else None
        if tick_b is None and switches is not None and not switches.dead_reckoning:
            time = self._ticks[-1] * VIEW_UNITS
        return View(self._ticks[after - 1], tick_b, time)

    def draw(self, view: View) -> Picture | None:
        """Return the picture of `view`; None when its snapshots are no longer held."""
        between = (view.tick_a, view.tick_b)
        if between != self._between:
            self._stretches.clear()
            self._between = (-1, None)
            for name, history in self._histories.items():
                coast = coasting(self._game, history.kind, self._histories, view.tick_a)
                stretch = stretch_between(history.kind, history, view.tick_a, view.tick_b, coast=coast)
                if stretch is None:
                    return None
                self._stretches[name] = stretch
            self._between = between
        picture = Picture(view)
        for name, stretch in self._stretches.items():
            picture.kinds[name] = stretch.at(view.time, self._max_extrapolation_ticks)
        self.pictures += 1
        self.dry += view.tick_b is None
        return picture
