"""One netcode server and any number of clients in virtual time, over a network that loses what it is told to lose."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence

import pytest

from engine.address import Address
from engine.link.netcode import NetcodeClient, NetcodeServer, NetcodeServerConfig, mint_connect_token

SERVER: Address = ("203.0.113.7", 40000)
PROTOCOL_ID = 0x1234567890ABCDEF
PRIVATE_KEY = bytes(range(32))
UNIX_START = 1_700_000_000.0
"""Unix time at virtual time 0; a whole second, so that a token minted at the start is as young as the server."""


class Net:
    """The network and its parties. `run` passes time; everything carried is in `log` as (sent at, from, to, bytes)."""

    def __init__(
        self,
        seed: int = 1,
        *,
        loss: float = 0.0,
        duplicate: float = 0.0,
        delay: tuple[float, float] = (0.01, 0.01),
        max_clients: int = 64,
        addresses: Sequence[Address] = (SERVER,),
        config: NetcodeServerConfig | None = None,
    ) -> None:
        self.random = random.Random(seed)
        self.entropy: Callable[[int], bytes] = self.random.randbytes
        self.loss, self.duplicate, self.delay = loss, duplicate, delay
        self.now = 0.0
        self.max_clients, self.addresses, self.config = max_clients, addresses, config
        self.server = self.new_server()
        self.clients: dict[Address, NetcodeClient] = {}
        self.log: list[tuple[float, Address, Address, bytes]] = []
        self.server_events: list = []
        self.server_payloads: list[tuple[int, bytes]] = []
        self.client_payloads: list[tuple[Address, bytes]] = []
        self._in_flight: list[tuple[float, int, Address, Address, bytes]] = []
        self._order = 0

    def new_server(self) -> NetcodeServer:
        return NetcodeServer(
            protocol_id=PROTOCOL_ID,
            private_key=PRIVATE_KEY,
            addresses=self.addresses,
            max_clients=self.max_clients,
            now=self.now,
            unix_time=UNIX_START + self.now,
            entropy=self.entropy,
            config=self.config,
        )

    def mint(self, client_id: int = 1, **changes) -> bytes:
        values = {
            "protocol_id": PROTOCOL_ID,
            "private_key": PRIVATE_KEY,
            "client_id": client_id,
            "addresses": [SERVER],
            "create_time": UNIX_START + self.now,
            "entropy": self.entropy,
        }
        return mint_connect_token(**(values | changes))

    def add_client(
        self, client_id: int = 1, *, address: Address | None = None, token: bytes | None = None, **changes
    ) -> NetcodeClient:
        client = NetcodeClient(
            token=self.mint(client_id, **changes) if token is None else token,
            now=self.now,
            unix_time=UNIX_START + self.now,
            entropy=self.entropy,
        )
        self.clients[address or (f"198.51.100.{client_id}", 5000)] = client
        return client

    def send(self, source: Address, target: Address, datagram: bytes) -> None:
        """Put a datagram on the network, which may lose, delay and double it."""
        self.log.append((self.now, source, target, datagram))
        for _ in range(1 + (self.random.random() < self.duplicate)):
            if self.random.random() >= self.loss:
                self._order += 1
                arrival = self.now + self.random.uniform(*self.delay)
                heapq.heappush(self._in_flight, (arrival, self._order, source, target, datagram))

    def step(self, seconds: float = 1 / 60) -> None:
        """Pass one tick: deliver what arrived, update everybody, send what they have to say."""
        self.now += seconds
        while self._in_flight and self._in_flight[0][0] <= self.now:
            _, _, source, target, datagram = heapq.heappop(self._in_flight)
            if target == SERVER:
                received = self.server.receive(datagram, source, self.now)
                if received is not None:
                    self.server_payloads.append(received)
            elif target in self.clients:
                payload = self.clients[target].receive(datagram, source, self.now)
                if payload is not None:
                    self.client_payloads.append((target, payload))
        self.server.update(self.now)
        for client in self.clients.values():
            client.update(self.now)
        self.flush()
        self.server_events += self.server.events()

    def flush(self) -> None:
        """Send what everybody has to say."""
        for address, client in self.clients.items():
            for datagram, target in client.datagrams_to_send():
                self.send(address, target, datagram)
        for datagram, target in self.server.datagrams_to_send():
            self.send(SERVER, target, datagram)

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> None:
        """Pass `seconds`, or less when `until` holds."""
        end = self.now + seconds
        while self.now < end and not (until and until()):
            self.step()


@pytest.fixture
def make_net() -> type[Net]:
    return Net


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def server_address() -> Address:
    return SERVER
