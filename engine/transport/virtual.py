"""A network in memory and in virtual time: whole matches without sockets, clocks or sleep.

`VirtualNetwork` hands out sockets and carries datagrams between them, through link models where asked to. Time
is what the caller says it is, so a match runs as fast as it can be computed, and the same seed gives the same
bytes at the same times. `digest()` proves it: it covers everything sent, with time, sender and receiver.

    network = VirtualNetwork(seed=1)
    server, player = network.endpoint(("10.0.0.1", 40000)), network.endpoint(("10.0.1.1", 40000))
    network.impair(player.address, load_profile("wifi"))
    player.send([(b"hello", server.address)], now=0.0)
    network.next_arrival()          # 0.0101...
    server.receive(now=0.02)        # [(b"hello", ("10.0.1.1", 40000))]

Order: by arrival, and of two that arrive at the same time the one sent first. Nothing is ever lost for want of
a buffer, except what the link models drop; `MAX_IN_FLIGHT` bounds a run that never reads.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from hashlib import blake2b
from heapq import heappop, heappush
from struct import Struct
from types import TracebackType
from typing import Self

from engine.address import Address, format_address
from engine.errors import UsageError
from engine.transport.base import (
    IPV4_UDP_HEADER_BYTES,
    IPV6_UDP_HEADER_BYTES,
    RECEIVE_LIMIT,
    Datagram,
    TransportStats,
)
from engine.transport.impairment.link import Link, derive_seed
from engine.transport.impairment.profiles import Profile

MAX_IN_FLIGHT = 4_000_000
"""Datagrams under way and unread in one network: about 1 GB. More means that somebody does not read."""

_DIGEST_HEADER = Struct("<dI")  # time, payload bytes

Watch = Callable[[float, float, Address, Address, int], None]
"""Called for every delivery with: sent at, arrives at, from, to, payload bytes."""


class VirtualNetwork:
    """Carries datagrams between virtual sockets.

    Args:
        seed: of all links whose seed is not given.
        digest: whether to keep a digest of everything sent (about 0.7 us per datagram).
        watch: called when a datagram's arrival is decided; the lab's source of true delays.
    """

    def __init__(self, seed: int = 0, *, digest: bool = True, watch: Watch | None = None) -> None:
        self._seed = seed
        self._watch = watch
        self._sockets: dict[Address, VirtualSocket] = {}
        self._links: dict[Address, tuple[Link, Link]] = {}
        # (time, order, to, from, payload, sent at, whether it has yet to pass the receiver's own link)
        self._flight: list[tuple[float, int, Address, Address, bytes, float, bool]] = []
        self._order = 0
        self._unread = 0
        self._readable: set[Address] = set()  # sockets with something unread
        self._now = -math.inf
        self._digest = blake2b(digest_size=32) if digest else None
        self._pairs: dict[tuple[Address, Address], bytes] = {}
        self.unroutable = 0
        """Datagrams that arrived where no socket was."""

    def endpoint(self, address: Address) -> VirtualSocket:
        """Return a new socket bound to `address`. Raises UsageError if it is taken."""
        if address in self._sockets:
            raise UsageError(f"virtual address {format_address(address)} is in use")
        socket = VirtualSocket(self, address)
        self._sockets[address] = socket
        return socket

    def impair(self, address: Address, profile: Profile, seed: int | None = None, start: float | None = None) -> None:
        """Put `profile` between `address` and the rest: up on what is sent from there, down on what goes there.

        May be called before the socket exists, and again to change the profile; what is under way stays under
        way. `seed` defaults to one derived from the network's and the address, so it does not depend on who was
        impaired first. `start` is when the profile's events begin; None: with the first datagram each way.
        """
        links = self._links.get(address)
        if links is not None and seed is None:
            links[0].set_model(profile.up, start)
            links[1].set_model(profile.down, start)
            return
        if seed is None:
            seed = derive_seed(self._seed, format_address(address))
        up, down = derive_seed(seed, "up"), derive_seed(seed, "down")
        self._links[address] = (Link(profile.up, up, start), Link(profile.down, down, start))

    def links(self, address: Address) -> tuple[Link, Link] | None:
        """Return the up and down links of `address`, for their statistics; None if it is not impaired."""
        return self._links.get(address)

    def next_arrival(self) -> float | None:
        """Return the time of the next thing that happens, None if nothing is under way.

        Usually an arrival; when both ends are impaired it may be the handing over from one link to the other, at which
        `receive` finds nothing yet. Datagrams that have arrived and wait to be read do not count.
        """
        return self._flight[0][0] if self._flight else None

    def advance(self, now: float) -> list[Address]:
        """Deliver what arrives up to `now` and return the addresses that have something to read, sorted.

        `send` and `receive` do so too; call it to learn which sockets to read.
        """
        self._deliver(now)
        return sorted(self._readable)

    def digest(self) -> str:
        """Return the hex digest of everything sent so far: time, sender, receiver and bytes, in order.

        Raises UsageError if the network was made without one.
        """
        if self._digest is None:
            raise UsageError("this network keeps no digest: make it with digest=True")
        return self._digest.hexdigest()

    # For the sockets.

    def _send(self, datagrams: Sequence[Datagram], source: Address, now: float) -> None:
        if now > self._now:
            self._deliver(now)
        digest, own = self._digest, self._links.get(source)
        for payload, to in datagrams:
            if digest is not None:
                pair = self._pairs.get((source, to)) or self._name_pair(source, to)
                digest.update(_DIGEST_HEADER.pack(now, len(payload)) + pair + payload)
            theirs = to in self._links
            if own is None:
                if theirs:
                    self._through_receivers_link(now, to, source, payload, now)
                else:
                    self._launch(now, to, source, payload, now, False)
            else:
                for at, altered in own[0].send(payload, now):
                    if theirs and at <= now:  # at the receiver's link already, before whatever is sent there next
                        self._through_receivers_link(at, to, source, altered, now)
                    else:
                        self._launch(at, to, source, altered, now, theirs)

    def _launch(self, at: float, to: Address, source: Address, payload: bytes, sent_at: float, hop: bool) -> None:
        if len(self._flight) + self._unread >= MAX_IN_FLIGHT:
            raise UsageError(
                f"{MAX_IN_FLIGHT} datagrams are under way or unread in the virtual network: who does not read?"
            )
        if self._watch is not None and not hop:
            self._watch(sent_at, at, source, to, len(payload))
        heappush(self._flight, (at, self._order, to, source, payload, sent_at, hop))
        self._order += 1

    def _through_receivers_link(self, at: float, to: Address, source: Address, payload: bytes, sent_at: float) -> None:
        for arrival, altered in self._links[to][1].send(payload, at):
            self._launch(arrival, to, source, altered, sent_at, False)

    def _deliver(self, now: float) -> None:
        """Move what arrives up to `now` to its socket, in order of arrival."""
        if now > self._now:
            self._now = now
        flight, sockets = self._flight, self._sockets
        while flight and flight[0][0] <= now:
            at, _, to, source, payload, sent_at, hop = heappop(flight)
            if hop and to in self._links:
                self._through_receivers_link(at, to, source, payload, sent_at)
                continue
            socket = sockets.get(to)
            if socket is None:
                self.unroutable += 1
            else:
                socket.inbox.append((payload, source))
                self._unread += 1
                self._readable.add(to)

    def _read(self, socket: VirtualSocket, count: int) -> None:
        self._unread -= count
        if not socket.inbox:
            self._readable.discard(socket.address)

    def _name_pair(self, source: Address, to: Address) -> bytes:
        name = f"{format_address(source)}>{format_address(to)}".encode()
        pair = self._pairs[(source, to)] = len(name).to_bytes(2, "little") + name
        return pair

    def _remove(self, socket: VirtualSocket) -> None:
        if self._sockets.get(socket.address) is socket:
            del self._sockets[socket.address]
            self._readable.discard(socket.address)
            self._unread -= len(socket.inbox)


class VirtualSocket:
    """One end of a `VirtualNetwork`; satisfies `Transport`. Made by `VirtualNetwork.endpoint`."""

    def __init__(self, network: VirtualNetwork, address: Address) -> None:
        self._network = network
        self._address = address
        self._closed = False
        self.inbox: deque[Datagram] = deque()
        """Arrived and not yet read; the network's."""
        header = IPV6_UDP_HEADER_BYTES if ":" in address[0] else IPV4_UDP_HEADER_BYTES
        self._stats = TransportStats(header_bytes=header)

    @property
    def address(self) -> Address:
        """Where it is bound."""
        return self._address

    @property
    def stats(self) -> TransportStats:
        """Counters since it was made."""
        return self._stats

    @property
    def pending(self) -> int:
        """Datagrams that have arrived and wait to be read."""
        return len(self.inbox)

    def send(self, datagrams: Sequence[Datagram], now: float) -> None:
        """Send each payload to its address at virtual time `now`."""
        if self._closed:
            raise UsageError(f"virtual socket {format_address(self._address)} is closed")
        stats = self._stats
        stats.sent += len(datagrams)
        stats.sent_bytes += sum([len(payload) for payload, _ in datagrams])
        self._network._send(datagrams, self._address, now)

    def receive(self, now: float, limit: int = RECEIVE_LIMIT) -> list[Datagram]:
        """Return up to `limit` datagrams that have arrived by `now`, each with its sender."""
        network, inbox, stats = self._network, self.inbox, self._stats
        if now >= network._now:
            network._deliver(now)
        if not inbox:
            return []
        if len(inbox) <= limit:
            taken = list(inbox)
            inbox.clear()
        else:
            taken = [inbox.popleft() for _ in range(limit)]
        network._read(self, len(taken))
        stats.received += len(taken)
        stats.received_bytes += sum([len(payload) for payload, _ in taken])
        return taken

    def wait(self, timeout: float) -> bool:
        """Tell whether something has arrived; virtual time passes only when the caller says so."""
        return bool(self.inbox)

    def close(self) -> None:
        """Leave the network; what arrives from now on counts as unroutable."""
        self._closed = True
        self._network._remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
