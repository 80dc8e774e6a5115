"""Ours in `bench/peers.py`: the world as a game, a server as `server.py` runs it, and clients.

The clients are as the light ones of `bench/scale.py`: they keep up with the connection, and keep the snapshots as they
came. These are decoded, and compared with the truth, when all is over: so a server and 64 clients fit on two cores.
"""

from __future__ import annotations

import os
import time

import numpy as np

from bench.crowd import Crowd
from bench.peers_world import Ledger, Plan, Walk, walkers
from engine.config import MatchConfig, ServerConfig, protocol_id
from engine.game import GameEvent, Inputs, Rewind, Settings
from engine.identity import encode_user_data
from engine.link.acks import AckTable
from engine.link.channels import Channels
from engine.link.header import decode_header, encode_header
from engine.link.netcode import ClientState, NetcodeClient, NetcodeServer, NetcodeServerConfig, mint_connect_token
from engine.link.session_channels import CHANNELS, MATCH
from engine.server.session import ServerSession
from engine.transport.udp import UdpSocket
from engine.wire.body import MessageType, split_body
from engine.wire.inputs import InputWriter, StampedInput
from engine.wire.messages import ENGINE_MESSAGES, Ready, Welcome
from engine.wire.snapshot import NONE, decode_snapshot
from engine.world.history import Received
from engine.world.interest import Area
from engine.world.schema import Kind
from engine.world.table import World

LOCAL = "127.0.0.1"
KEY = bytes(range(32))
INPUT_LEAD_TICKS = 4
"""How far ahead of the newest snapshot inputs are made: they have not far to go here."""


class SelfWalking(Crowd):
    """The crowd as a game whose walkers all walk by themselves; the first `players` to join take a walker each."""

    def __init__(self, entities: int, hz: int, seed: int, players: int) -> None:
        super().__init__(entities, hz)
        self._own = (entities, hz, seed, players)
        self.walk = Walk(entities, hz, seed)

    @classmethod
    def from_settings(cls, settings: Settings) -> SelfWalking:
        return cls(*(int(settings[name]) for name in ("entities", "hz", "seed", "players")))

    def settings(self) -> Settings:
        return dict(zip(("entities", "hz", "seed", "players"), self._own, strict=True))

    def start(self, world: World) -> None:
        entities, _, _, players = self._own
        for _ in range(entities - players):
            world["walker"].spawn()
        world["walker"].state[:] = self.walk.rows.state

    def join(self, world: World, row: int) -> None:
        world["walker"].state[:, row] = self.walk.rows.state[:, row]

    def step(self, world: World, inputs: Inputs, rewind: Rewind) -> list[GameEvent]:
        self.walk.step()
        world["walker"].state[:] = self.walk.rows.state
        return []

    def interest(self, kind: Kind) -> Area | None:
        return super().interest(kind) if self._own[3] else None


def our_game(plan: Plan) -> SelfWalking:
    return SelfWalking(plan.entities, plan.hz, plan.seed, plan.clients if plan.contender.endswith("area") else 0)


class OurServer:
    """Drained, stepped and flushed as `server.py` does."""

    def __init__(self, plan: Plan) -> None:
        game = our_game(plan)
        now = time.perf_counter()
        self._socket = UdpSocket(LOCAL, 0)
        netcode = NetcodeServer(
            protocol_id=protocol_id(game.name, game.version),
            private_key=KEY,
            addresses=[self._socket.address],
            max_clients=plan.clients,
            now=now,
            unix_time=time.time(),
            entropy=os.urandom,
            config=NetcodeServerConfig(key_made_at_start=True, prefix_decrypts_hz=5000, prefix_decrypts_burst=20000),
        )
        match = MatchConfig(tick_hz=plan.hz, snapshot_every=1)
        config = ServerConfig(max_players=plan.clients, max_spectators=plan.clients)
        self._session = ServerSession(game, netcode, match, config)
        self.port = self._socket.address[1]

    def ticks(self) -> int:
        return self._session.world.tick

    def tick(self, now: float) -> None:
        self._session.receive(self._socket.receive(now), now)
        self._session.step(now)
        self._socket.send(self._session.datagrams_to_send(), now)

    def close(self) -> None:
        self._socket.close()


class _Connection:
    """One of our connections as far as it must keep up: netcode, channels, inputs. Its snapshots are kept as they came.

    kept: the packet bodies. measured_from: how many of them came before.
    """

    __slots__ = ("channels", "kept", "measured_from", "netcode", "own_row", "sent_tick", "tick", "tick_at", "writer")

    def __init__(self, netcode: NetcodeClient, writer: InputWriter) -> None:
        self.netcode = netcode
        self.writer = writer
        self.channels = Channels(CHANNELS)
        self.kept: list[bytes] = []
        self.measured_from = 0
        self.own_row = -1
        self.tick = self.sent_tick = -1
        self.tick_at = 0.0


class OurClients:
    """As the light clients of `bench/scale.py`, and everything is decoded afterwards."""

    def __init__(self, plan: Plan, port: int) -> None:
        self.ledger = Ledger(plan)
        self._plan = plan
        self._game = our_game(plan)
        watches = self._game.interest(self._game.player) is None
        now = time.perf_counter()
        self._sockets = [UdpSocket(LOCAL, 0) for _ in range(plan.clients)]
        self._walkers = walkers(plan)
        self._acks = AckTable(plan.clients)
        self._connections = []
        for number in range(plan.clients):
            token = mint_connect_token(
                protocol_id=protocol_id(self._game.name, self._game.version),
                private_key=KEY,
                client_id=number + 1,
                addresses=[(LOCAL, port)],
                create_time=int(time.time()),
                entropy=os.urandom,
                user_data=encode_user_data(f"walker {number}", watches=watches),
            )
            netcode = NetcodeClient(token=token, now=now, unix_time=time.time())
            self._acks.reset(number, now)
            self._connections.append(_Connection(netcode, InputWriter(self._game.input, 3)))

    def frame(self, now: float) -> None:
        for number, (connection, socket) in enumerate(zip(self._connections, self._sockets, strict=True)):
            for datagram, address in socket.receive(now):
                self.ledger.received(number, len(datagram))
                payload = connection.netcode.receive(datagram, address, now)
                if payload is not None:
                    self._read(number, connection, payload, now)
            connection.netcode.update(now)
            if connection.netcode.state is ClientState.CONNECTED:
                self._send(number, connection, now)
            socket.send(connection.netcode.datagrams_to_send(), now)

    def _read(self, number: int, connection: _Connection, payload: bytes, now: float) -> None:
        sequence, ack, bits, body_at = decode_header(payload)
        _, acked = self._acks.receive_one(number, sequence, ack, bits, now, len(payload))
        for _, delivered, _, _ in acked:
            connection.channels.on_acked(delivered)
        for kind, array in split_body(payload[body_at:]):
            if kind == MessageType.SNAPSHOT:
                connection.kept.append(payload[body_at:])
                if array[0] > connection.tick:
                    connection.tick, connection.tick_at = array[0], now
                    self.ledger.updates[number] += 1
                if array[2] != NONE:
                    connection.writer.acknowledge(array[0] + array[2])
            elif kind == MessageType.CHANNEL:
                for _, data in connection.channels.unpack(array, now):
                    message = ENGINE_MESSAGES.decode(data)
                    if isinstance(message, Welcome):
                        connection.own_row = message.own_row
                        connection.channels.send(MATCH, ENGINE_MESSAGES.encode(Ready(message.schema)))

    def _send(self, number: int, connection: _Connection, now: float) -> None:
        """Send the input of a tick that has come, and what the channels hold."""
        body = b""
        due = int(connection.tick + (now - connection.tick_at) * self._plan.hz + INPUT_LEAD_TICKS)
        if connection.tick >= 0 and due > connection.sent_tick:
            connection.sent_tick = due
            walker = self._walkers[max(0, connection.own_row)]
            connection.writer.add(StampedInput(due, walker.inputs(due), None))
            body = bytes([MessageType.INPUT]) + connection.writer.message()
        elif connection.tick >= 0 and not connection.channels.pending:
            return
        sequence = self._acks.next_sequence(number)
        if connection.channels.pending:
            block = connection.channels.pack(1000 - len(body), sequence, now, 0.05)
            body += b"" if block is None else bytes([MessageType.CHANNEL]) + block
        _, ack, bits = self._acks.send_one(number, now, len(body))
        connection.netcode.send(encode_header(sequence, ack, bits) + body, now)

    def measure(self) -> None:
        self.ledger.clear()
        for connection in self._connections:
            connection.measured_from = len(connection.kept)

    def finish(self) -> None:
        for connection in self._connections:
            self._decode(connection)

    def _decode(self, connection: _Connection) -> None:
        """Make out all snapshots of a connection as its client would have, and compare what was measured."""
        player, row = self._game.player, connection.own_row
        history = Received(player, player.public_count, MatchConfig().history_snapshots, every=1)
        own_rows: dict[int, np.ndarray] = {}
        for number, body in enumerate(connection.kept):
            for kind, array in split_body(body):
                if kind == MessageType.SNAPSHOT:
                    snapshot = decode_snapshot(array, [history], player, own_rows, row >= 0)
                    part = snapshot.kinds[0]
                    history.push(snapshot.tick, part)
                    if snapshot.own is not None:
                        own_rows[snapshot.tick] = snapshot.own
                    if number >= connection.measured_from:
                        own = (row, snapshot.own) if row >= 0 else None
                        self.ledger.told(snapshot.tick, part.state, part.status, own)

    def close(self) -> None:
        for socket in self._sockets:
            socket.close()
