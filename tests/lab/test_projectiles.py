"""When a player first sees what it fired, on pictures made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.game import SpawnKey
from engine.lab.projectiles import ProjectileWatch
from engine.world.picture import Picture, Seen, View
from engine.world.schema import Field, Kind

DART = Kind("dart", (Field("x"), Field("owner", "uint8"), Field("tick", "uint8", wrap=True)), 4)
ME = 2


class Darts:
    spawn_keys = {"dart": SpawnKey("owner", "tick")}  # noqa: RUF012  # a protocol's property, never written

    def spawns(self) -> None: ...

    def free_ticks(self) -> None: ...


GAME: Any = Darts()


def picture(*darts: tuple[int, int, int]) -> Picture:
    """Darts by row, owner and tick."""
    values, alive = np.zeros((3, 4)), np.zeros(4, np.bool_)
    for row, owner, tick in darts:
        values[1:, row], alive[row] = (owner, tick & 255), True
    return Picture(View(0, None, 0), {"dart": Seen(DART, values, alive, np.zeros(4, np.int32))})


def test_it_is_counted_once_from_the_input_that_made_it() -> None:
    watch = ProjectileWatch()
    for tick in range(500, 512):
        watch.made(tick, tick / 60)
    for time, drawn in (
        (8.5, picture()),
        (9.0, picture((3, ME, 510), (0, ME + 1, 505))),
        (9.1, picture((1, ME, 510), (2, ME, 511))),  # adopted; and another one
        (9.2, picture()),
        (9.3, picture((1, ME, 510))),  # it was out of sight
    ):
        watch.drew(drawn, time, GAME, ME, counts=True)
    assert watch.drawn_after_ms.count == 2
    assert watch.drawn_after_ms.max == pytest.approx((9.1 - 511 / 60) * 1000.0)
    assert watch.drawn_after_ms.total == pytest.approx((9.0 - 510 / 60 + 9.1 - 511 / 60) * 1000.0)


def test_what_comes_while_nothing_is_measured_does_not_count_later() -> None:
    watch = ProjectileWatch()
    watch.made(7, 0.1)
    watch.drew(picture((0, ME, 7)), 0.2, GAME, ME, counts=False)
    watch.drew(picture((1, ME, 7)), 0.3, GAME, ME, counts=True)
    assert watch.drawn_after_ms.count == 0
