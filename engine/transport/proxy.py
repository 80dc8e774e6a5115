"""The link model between real sockets: a UDP proxy that any client and server can be run through.

    client  <-- impaired line -->  proxy  <-- loopback or LAN -->  server

Each client gets a socket of its own towards the server, so the server sees as many peers as there are, and two
links of its own, seeded by the order in which the clients came. The proxy reads no payload. It is driven by
`step(now)`; `run` is the loop around it, with the clock and the wish to stop given by the caller.

It is an instrument for a trusted network: it answers nobody who has not sent something, forwards to one fixed
server, and holds a bounded number of clients and datagrams, but a stranger can take up a client's place until
it is idle.

A connect token (netcode) names the servers it is good for, so clients that come through a proxy need one that
lists the proxy's address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from types import TracebackType
from typing import Self

from engine.address import Address, is_loopback
from engine.errors import UsageError
from engine.transport.base import Datagram
from engine.transport.impairment.link import Delivery, Link, derive_seed
from engine.transport.impairment.profiles import Profile
from engine.transport.udp import UdpSocket, wait_any

MAX_CLIENTS = 256
"""Clients at once: a socket, two links and two cached random blocks each, about 100 kB."""

IDLE_SECONDS = 60.0
"""Seconds without a datagram from a client after which its socket is closed: longer than any connection timeout."""

MAX_HELD = 262_144
"""Datagrams held back at once; beyond it the newest are dropped and counted."""

STOP_POLL_SECONDS = 0.1
"""How often `run` asks whether to stop when nothing happens."""


@dataclass(slots=True)
class ProxyStats:
    """What the proxy did that no link counts."""

    clients: int = 0
    """Clients taken on since the start."""
    refused: int = 0
    """Datagrams of clients that were one too many."""
    expired: int = 0
    """Clients given up as idle."""
    strangers: int = 0
    """Datagrams that came to a client's socket from elsewhere than the server."""
    overflow: int = 0
    """Datagrams dropped since too many were held back."""


@dataclass(slots=True, eq=False)
class _Client:
    address: Address
    socket: UdpSocket
    up: Link
    down: Link
    last_heard: float


class Proxy:
    """Forwards datagrams between clients and one server, through a profile per client.

    Args:
        listen: where clients send to; port 0 for any.
        to: the server.
        profile: up for what clients send, down for what the server sends.
        seed: of all links.
        max_clients: clients at once; datagrams of further ones are dropped.
        idle: seconds without a datagram from a client after which it is forgotten.

    Raises UsageError if `listen` cannot be bound.
    """

    def __init__(
        self,
        listen: Address,
        to: Address,
        profile: Profile,
        seed: int = 0,
        *,
        max_clients: int = MAX_CLIENTS,
        idle: float = IDLE_SECONDS,
    ) -> None:
        if max_clients < 1 or idle <= 0.0:
            raise UsageError(f"proxy: max_clients {max_clients} must be 1 or more and idle {idle} above 0")
        self.stats = ProxyStats()
        self._server = to
        self._profile = profile
        self._seed = seed
        self._max_clients = max_clients
        self._idle = idle
        self._clients: dict[Address, _Client] = {}
        self._held: list[
            tuple[float, int, _Client, bytes, bool]
        ] = []  # (due, order, client, payload, towards the server)
        self._order = 0
        self._next_sweep = 0.0
        self._socket = UdpSocket(*listen)

    @property
    def address(self) -> Address:
        """Where clients send to."""
        return self._socket.address

    @property
    def profile(self) -> Profile:
        """The profile in force."""
        return self._profile

    @property
    def clients(self) -> int:
        """How many clients there are now."""
        return len(self._clients)

    def links(self) -> Iterator[tuple[Address, Link, Link]]:
        """Yield each client's address with its links up and down, for their statistics."""
        for client in self._clients.values():
            yield client.address, client.up, client.down

    def set_profile(self, profile: Profile) -> None:
        """Change to `profile` from the next datagram on, for all clients."""
        self._profile = profile
        for client in self._clients.values():
            client.up.set_model(profile.up)
            client.down.set_model(profile.down)

    def step(self, now: float) -> None:
        """Take in what has arrived, send what is due, and forget idle clients."""
        for payload, source in self._socket.receive(now):
            client = self._clients.get(source) or self._take_on(source, now)
            if client is not None:
                client.last_heard = now
                self._hold(client, client.up.send(payload, now), True)
        for client in self._clients.values():
            for payload, source in client.socket.receive(now):
                if source == self._server:
                    self._hold(client, client.down.send(payload, now), False)
                else:
                    self.stats.strangers += 1
        self._send_due(now)
        if now >= self._next_sweep:
            self._next_sweep = now + self._idle / 4.0
            self._forget_idle(now)

    def next_due(self) -> float | None:
        """Return when the next datagram held back is due, None if there is none."""
        return self._held[0][0] if self._held else None

    def run(self, clock: Callable[[], float], stop: Callable[[], bool]) -> None:
        """Forward until `stop()` is true, asked at least every STOP_POLL_SECONDS; `clock` gives seconds, monotone."""
        while not stop():
            self.step(clock())
            due = self.next_due()
            timeout = STOP_POLL_SECONDS if due is None else min(STOP_POLL_SECONDS, due - clock())
            if timeout > 0.0:
                wait_any([self._socket, *(client.socket for client in self._clients.values())], timeout)

    def close(self) -> None:
        """Close all sockets; what is held back is lost."""
        self._held.clear()
        for client in self._clients.values():
            client.socket.close()
        self._clients.clear()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_on(self, address: Address, now: float) -> _Client | None:
        if len(self._clients) >= self._max_clients:
            self.stats.refused += 1
            return None
        host = self._server[0]
        any_host = "::" if ":" in host else "0.0.0.0"
        try:
            socket = UdpSocket(host if is_loopback(host) else any_host, 0, batched=False)  # few datagrams each
        except UsageError:  # out of file numbers: as good as full
            self.stats.refused += 1
            return None
        ordinal = self.stats.clients
        self.stats.clients += 1
        up = Link(self._profile.up, derive_seed(self._seed, ordinal, "up"))
        down = Link(self._profile.down, derive_seed(self._seed, ordinal, "down"))
        client = self._clients[address] = _Client(address, socket, up, down, now)
        return client

    def _hold(self, client: _Client, deliveries: list[Delivery], to_server: bool) -> None:
        for at, payload in deliveries:
            if len(self._held) >= MAX_HELD:
                self.stats.overflow += 1
                continue
            heappush(self._held, (at, self._order, client, payload, to_server))
            self._order += 1

    def _send_due(self, now: float) -> None:
        held = self._held
        to_clients: list[Datagram] = []
        while held and held[0][0] <= now:
            _, _, client, payload, to_server = heappop(held)
            if to_server:
                client.socket.send([(payload, self._server)], now)
            else:
                to_clients.append((payload, client.address))
        if to_clients:
            self._socket.send(to_clients, now)

    def _forget_idle(self, now: float) -> None:
        for client in [each for each in self._clients.values() if now - each.last_heard > self._idle]:
            client.socket.close()
            del self._clients[client.address]
            self.stats.expired += 1
