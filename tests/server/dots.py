"""Rows that only stand about: the least game a snapshot stage can tell of. What moves them is a test."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.game import GameEvent, Inputs, Rewind, Settings
from engine.world.interest import Interest
from engine.world.schema import Field, Kind
from engine.world.table import Rows, World

INPUT = Kind("input", (Field("way", "int8"),), capacity=1)


def dots_of(capacity: int) -> Kind:
    """Return a kind of so many rows, at a place and in a colour."""
    return Kind("dot", (Field("x"), Field("y"), Field("colour", "uint8")), capacity)


class Dots:
    """A game of one kind, with an area of interest if told so."""

    name, version, tick_hz = "dots", 1, 60
    input = INPUT

    def __init__(self, kind: Kind, interest: Interest | None = None) -> None:
        self.kinds = (kind,)
        self.player = kind
        self._interest = interest

    def settings(self) -> Settings:
        return {}

    def start(self, world: World) -> None: ...

    def join(self, world: World, row: int) -> None: ...

    def leave(self, world: World, row: int) -> None: ...

    def predict(self, players: Rows, inputs: Rows, tick: int) -> None: ...

    def shots(self, inputs: Rows) -> np.ndarray:
        return np.zeros(len(inputs), np.bool_)

    def step(self, world: World, inputs: Inputs, rewind: Rewind) -> list[GameEvent]:
        return []

    def interest(self, kind: Kind) -> Interest | None:
        return self._interest

    def brain(self, behaviour: str, seed: int) -> Any: ...
