"""The world of `bench/peers.py`, its truth, and the account of what clients were told of it.

The walkers of `bench/crowd.py`, whom nobody needs to steer. The same plan gives the same world in every process, so the
clients' process knows the truth of every tick without asking the server.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.crowd import Crowd, Walker
from engine.world.dead_reckoning import residual
from engine.world.history import ABSENT, EXACT
from engine.world.schema import Kind
from engine.world.table import Rows, World

PATH_BYTES = 1500
"""What a path carries in one piece: Ethernet's."""
IP_BYTES, UDP_BYTES = 20, 8


@dataclass(frozen=True, slots=True)
class Plan:
    """What is played, by whom and for how long."""

    contender: str
    clients: int = 64
    entities: int = 200
    hz: int = 30
    seconds: float = 10.0
    seed: int = 1


def walkers(plan: Plan) -> list[Walker]:
    """Return who walks, one for each entity."""
    return [Walker(number + 1000 * plan.seed, plan.hz) for number in range(plan.entities)]


class Walk:
    """The world: `rows`, the state of all walkers at `tick`."""

    def __init__(self, entities: int, hz: int, seed: int) -> None:
        crowd = Crowd(entities, hz)
        world = World(crowd.kinds)
        for row in range(entities):
            crowd.join(world, row)
        # A walker reckons with its seed alone: one with an array of seeds is as many walkers.
        all_of_them: Any = np.arange(entities) + 1000 * seed
        self._walker = Walker(all_of_them, hz)
        self._crowd = crowd
        self._input = Rows.zeros(crowd.input, entities)
        self.kind: Kind = crowd.player
        self.rows: Rows = world["walker"]
        self.tick = 0

    def step(self) -> None:
        self.tick += 1
        self._input["x"], self._input["y"], self._input["aim"] = self._walker.inputs(self.tick)
        self._crowd.predict(self.rows, self._input, self.tick)


class Truth:
    """Every tick's true state, `(fields, entities) int32`, stepped as it is asked for."""

    def __init__(self, plan: Plan) -> None:
        self._walk = Walk(plan.entities, plan.hz, plan.seed)
        self._states = [self._walk.rows.state.copy()]
        self.kind = self._walk.kind

    def at(self, tick: int) -> np.ndarray:
        while self._walk.tick < tick:
            self._walk.step()
            self._states.append(self._walk.rows.state.copy())
        return self._states[tick]


class Ledger:
    """What the clients received, and whether it was true; all counts are since `clear`.

    bytes, wire_bytes, datagrams, updates: `(clients,) int64`. An update is a newer tick than the client had.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.truth = Truth(plan)
        area = Crowd(plan.entities, plan.hz).interest(self.truth.kind)
        self._reach = np.array([[area.width // 2], [area.height // 2]])
        self.clear()

    def clear(self) -> None:
        count = self._plan.clients
        self.bytes, self.wire_bytes, self.datagrams, self.updates = (np.zeros(count, np.int64) for _ in range(4))
        self._compared = self._held = self._current = self._wrong = self._missing = 0

    def received(self, client: int, size: int) -> None:
        """Note a datagram of `size` bytes that came to a client."""
        self.received_in_all(client, size, 1, wire_bytes(size))

    def received_in_all(self, client: int, size: int, datagrams: int, wire: int | None = None) -> None:
        """Note `size` bytes in several datagrams, none larger than the path carries in one piece."""
        self.bytes[client] += size
        self.datagrams[client] += datagrams
        self.wire_bytes[client] += size + datagrams * (IP_BYTES + UDP_BYTES) if wire is None else wire

    def told_all(self, tick: int, state: np.ndarray) -> None:
        """Compare a whole state, `(fields, entities)`, bit for bit."""
        truth = self.truth.at(tick)
        count = truth.shape[1]
        self._note(count, count, count if state.shape != truth.shape else (state != truth).any(axis=0).sum(), 0)

    def told(self, tick: int, state: np.ndarray, status: np.ndarray, own: tuple[int, Any] | None) -> None:
        """Compare a snapshot of ours: the thresholds keep, and nobody in view is missing.

        own: the client's own row and its state, which must be right bit for bit; None for a client that watches.
        """
        truth = self.truth.at(tick)
        current = status == EXACT
        off = np.abs(residual(self.truth.kind, truth[:, current], state[:, current]))
        wrong = (off > self.truth.kind.threshold).any(axis=0).sum()
        in_view = np.ones(truth.shape[1], np.bool_)
        if own is not None:
            row, values = own
            in_view = (np.abs(truth[:2] - truth[:2, row, None]) <= self._reach).all(axis=0)
            in_view[row] = False
            wrong += not np.array_equal(values, truth[:, row])
        self._note((status != ABSENT).sum(), current.sum(), wrong, (in_view & (status == ABSENT)).sum())

    def _note(self, held: Any, current: Any, wrong: Any, missing: Any) -> None:
        self._compared += 1
        self._held += int(held)
        self._current += int(current)
        self._wrong += int(wrong)
        self._missing += int(missing)

    def figures(self, seconds: float) -> dict[str, Any]:
        """Return what is known after `seconds`."""
        return {
            "bytes_per_client_s": round(float(self.bytes.mean()) / seconds, 1),
            "wire_bytes_per_client_s": round(float(self.wire_bytes.mean()) / seconds, 1),
            "datagrams_per_client_s": round(float(self.datagrams.mean()) / seconds, 2),
            "updates_per_client_s": round(float(self.updates.mean()) / seconds, 2),
            "updates_per_client_s_min": round(float(self.updates.min()) / seconds, 2),
            "updates": int(self.updates.sum()),
            "rows_held": round(self._held / max(1, self._compared), 1),
            "rows_current": round(self._current / max(1, self._held), 4),
            "rows_wrong": self._wrong,
            "rows_missing": self._missing,
            "exact": bool(self.updates.min() > 0 and not self._wrong and not self._missing),
        }


def wire_bytes(payload: int) -> int:
    """Return the bytes of a UDP payload with the headers of UDP and of each IPv4 packet it is cut into."""
    # What a fragment carries is a multiple of 8, and 1,480 is one.
    return payload + UDP_BYTES + IP_BYTES * math.ceil((payload + UDP_BYTES) / (PATH_BYTES - IP_BYTES))
