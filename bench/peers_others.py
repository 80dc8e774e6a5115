"""pyenet and pygase in `bench/peers.py`: for each a server and clients over the same world.

Their packages are imported when a server or clients are made, and not before. pyenet's clients keep what came, and
decode and compare it when all is over, as ours do; pygase's own connections decode at once.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import msgpack
import numpy as np

from bench.peers_world import Ledger, Plan, Walk, walkers
from engine.transport.udp import UdpSocket
from engine.world.schema import Kind

LOCAL = "127.0.0.1"
PYGASE_MAX_BYTES = 65_000
"""Of a pygase package, instead of 2,048: about what a UDP datagram can hold."""


# pyenet ---------------------------------------------------------------------------------------------------------------


def pack_state(kind: Kind, tick: int, state: np.ndarray, named: bool) -> bytes:
    """Return the whole state in msgpack: one flat list of integers, or a map of names and numbers per entity."""
    if not named:
        return msgpack.packb([tick, *state.T.ravel().tolist()])
    names = [field.name for field in kind.fields]
    columns = [
        row.tolist() if field.precision == 1 else (row * field.precision).tolist()
        for field, row in zip(kind.fields, state, strict=True)
    ]
    walkers = [
        {"id": row, **dict(zip(names, values, strict=True))} for row, values in enumerate(zip(*columns, strict=True))
    ]
    return msgpack.packb({"tick": tick, "walkers": walkers})


def unpack_state(kind: Kind, data: bytes, named: bool) -> tuple[int, np.ndarray]:
    """Return the tick and the state, `(fields, entities) int32`, of what `pack_state` made."""
    message = msgpack.unpackb(data)
    if not named:
        return message[0], np.array(message[1:], np.int32).reshape(-1, len(kind.fields)).T
    # The grid's units are powers of two, so that nothing is lost in the fractions.
    columns = [[walker[field.name] / field.precision for walker in message["walkers"]] for field in kind.fields]
    return message["tick"], np.array(columns).astype(np.int32)


class EnetServer:
    """Broadcasts the whole state in unreliable fragments; reads an input per client and tick."""

    def __init__(self, plan: Plan) -> None:
        import enet

        self._enet = enet
        self._named = plan.contender.endswith("records")
        self._walk = Walk(plan.entities, plan.hz, plan.seed)
        with UdpSocket(LOCAL, 0) as socket:
            self.port = socket.address[1]
        self._host = enet.Host(enet.Address(LOCAL.encode(), self.port), plan.clients, 1, 0, 0)

    def ticks(self) -> int:
        return self._walk.tick

    def tick(self, now: float) -> None:
        while (event := self._host.service(0)).type != self._enet.EVENT_TYPE_NONE:
            if event.type == self._enet.EVENT_TYPE_RECEIVE:
                msgpack.unpackb(event.packet.data)
        self._walk.step()
        data = pack_state(self._walk.kind, self._walk.tick, self._walk.rows.state, self._named)
        self._host.broadcast(0, self._enet.Packet(data, self._enet.PACKET_FLAG_UNRELIABLE_FRAGMENT))
        self._host.flush()


class EnetClients:
    """A host with one peer for each client."""

    def __init__(self, plan: Plan, port: int) -> None:
        import enet

        self._enet = enet
        self.ledger = Ledger(plan)
        self._named = plan.contender.endswith("records")
        self._hosts = [enet.Host(None, 1, 1, 0, 0) for _ in range(plan.clients)]
        self._servers = [host.connect(enet.Address(LOCAL.encode(), port), 1) for host in self._hosts]
        self._walkers = walkers(plan)
        self._tick = [0] * plan.clients
        self._kept: list[bytes] = []
        self._before = [(0, 0)] * plan.clients

    def frame(self, now: float) -> None:
        for number, host in enumerate(self._hosts):
            told = False
            while (event := host.service(0)).type != self._enet.EVENT_TYPE_NONE:
                if event.type == self._enet.EVENT_TYPE_RECEIVE:
                    self._kept.append(event.packet.data)
                    self.ledger.updates[number] += 1
                    self._tick[number] += 1
                    told = True
            # Its counters are of what came out of the socket.
            counts = host.totalReceivedData, host.totalReceivedPackets
            self.ledger.received_in_all(number, *(a - b for a, b in zip(counts, self._before[number], strict=True)))
            self._before[number] = counts
            if told:
                tick = self._tick[number]
                message = msgpack.packb([tick, *self._walkers[number].inputs(tick)])
                self._servers[number].send(0, self._enet.Packet(message, 0))
                host.flush()

    def measure(self) -> None:
        self.ledger.clear()
        self._kept.clear()

    def finish(self) -> None:
        for data in self._kept:
            self.ledger.told_all(*unpack_state(self.ledger.truth.kind, data, self._named))


# pygase ---------------------------------------------------------------------------------------------------------------


def set_pygase(hz: int) -> None:
    """Let pygase's packages be as large as they must, and go as often as the others'."""
    from pygase.connection import Connection, Package

    logging.getLogger("PyGaSe").setLevel(logging.ERROR)
    Package._max_size = PYGASE_MAX_BYTES
    Connection._package_intervals = {**Connection._package_intervals, "good": 1 / hz}


def changes(kind: Kind, before: np.ndarray | None, state: np.ndarray) -> dict[str, dict[int, int]]:
    """Return by field what has changed of which row: the least that pygase can be given."""
    found = {}
    for at, field in enumerate(kind.fields):
        rows = np.arange(state.shape[1]) if before is None else np.flatnonzero(state[at] != before[at])
        if len(rows):
            found[field.name] = dict(zip(rows.tolist(), state[at, rows].tolist(), strict=True))
    return found


class PygaseServer:
    """Its backend: the game loop in one thread, the server in another."""

    def __init__(self, plan: Plan) -> None:
        from pygase import Backend, GameState

        set_pygase(plan.hz)
        self._walk = Walk(plan.entities, plan.hz, plan.seed)
        self._period = 1 / plan.hz
        self._next = time.perf_counter()
        kind = self._walk.kind
        backend = Backend(GameState(tick=0, **changes(kind, None, self._walk.rows.state)), self._time_step)
        backend.game_state_machine.run_game_loop_in_thread(self._period)
        backend.server.run_in_thread(0, LOCAL, backend.game_state_machine)
        while backend.server.port is None:
            time.sleep(0.01)
        self.port = backend.server.port

    def ticks(self) -> int:
        return self._walk.tick

    def tick(self, now: float) -> None:
        """Everything happens in its threads."""

    def _time_step(self, state: Any, elapsed: float) -> dict[str, Any]:
        # Its loop subtracts the interval from itself and would not wait at all.
        self._next += self._period
        time.sleep(max(0.0, self._next - time.perf_counter()))
        before = self._walk.rows.state.copy()
        self._walk.step()
        return {"tick": self._walk.tick, **changes(self._walk.kind, before, self._walk.rows.state)}


class PygaseClients:
    """Its client connections, all in one event loop in a thread."""

    def __init__(self, plan: Plan, port: int) -> None:
        import curio
        from pygase.connection import ClientConnection
        from pygase.event import UniversalEventHandler

        set_pygase(plan.hz)
        self.ledger = ledger = Ledger(plan)
        names = [field.name for field in ledger.truth.kind.fields]
        ticks = [-1] * plan.clients

        class Counted(ClientConnection):
            """A connection that counts, and compares what it holds."""

            number = 0

            async def _recv(self, package: Any) -> None:
                ledger.received(self.number, package.get_bytesize())
                await super()._recv(package)
                state = self.game_state_context.ressource
                if state.tick > ticks[self.number]:
                    ticks[self.number] = state.tick
                    columns = [getattr(state, name) for name in names]
                    rows = [[column[row] for row in range(plan.entities)] for column in columns]
                    ledger.updates[self.number] += 1
                    ledger.told_all(state.tick, np.array(rows, np.int32))

        async def connect() -> None:
            tasks = []
            for number in range(plan.clients):
                connection = Counted((LOCAL, port), UniversalEventHandler())
                connection.number = number
                tasks.append(await curio.spawn(connection.loop))
            for task in tasks:
                await task.join()

        threading.Thread(target=curio.run, args=(connect,), daemon=True).start()

    def frame(self, now: float) -> None:
        """Everything happens in its thread."""

    def measure(self) -> None:
        self.ledger.clear()

    def finish(self) -> None:
        """Everything is compared as it comes."""
