"""What every transport is: something that sends and receives datagrams, and can wait.

`UdpSocket`, `VirtualSocket` and `ImpairedTransport` all satisfy `Transport`, so a server or client is wired
to any of them with the same loop:

    transport.send(session.update(now), now)
    ... wait until the next tick ...
    for datagram, address in transport.receive(now):
        session.receive(datagram, address, now)

`now` is the caller's clock in seconds; a real socket ignores it. Nothing here raises for what the network
does: a datagram that cannot be sent or comes too large is counted in `stats` and is gone, as if the network
had lost it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from engine.address import Address

IPV4_UDP_HEADER_BYTES = 28
"""Bytes of IPv4 (20) and UDP (8) header in front of each datagram."""

IPV6_UDP_HEADER_BYTES = 48
"""Bytes of IPv6 (40) and UDP (8) header in front of each datagram."""

MAX_DATAGRAM_BYTES = 2048
"""Largest payload received. No usual path carries more than 1472 bytes unfragmented; a larger datagram is
counted and dropped."""

RECEIVE_LIMIT = 8192
"""Most datagrams one `receive` returns unless told otherwise: four ticks' worth of a thousand peers. What is
left stays queued, so a flood delays a tick by a bounded time."""

Datagram = tuple[bytes, Address]
"""A payload and the address it came from or goes to."""


@dataclass(slots=True)
class TransportStats:
    """Datagrams and payload bytes through one transport; `header_bytes` turns them into bytes on the wire."""

    sent: int = 0
    sent_bytes: int = 0
    received: int = 0
    received_bytes: int = 0
    send_dropped: int = 0
    """Not sent, since the kernel's buffer was full."""
    send_failed: int = 0
    """Not sent, since the system refused: no route, too large, forbidden."""
    oversized: int = 0
    """Received, but larger than MAX_DATAGRAM_BYTES."""
    header_bytes: int = IPV4_UDP_HEADER_BYTES
    """IP and UDP header of each datagram."""

    @property
    def sent_wire_bytes(self) -> int:
        """Bytes sent with IP and UDP headers."""
        return self.sent_bytes + self.sent * self.header_bytes

    @property
    def received_wire_bytes(self) -> int:
        """Bytes received with IP and UDP headers."""
        return self.received_bytes + self.received * self.header_bytes


class Transport(Protocol):
    """A socket for datagrams, real or not."""

    @property
    def address(self) -> Address:
        """The address it is bound to, with the port it was given."""

    @property
    def stats(self) -> TransportStats:
        """Counters since it was opened."""

    def send(self, datagrams: Sequence[Datagram], now: float) -> None:
        """Send each payload to its address. Never blocks; what cannot be sent is counted and dropped."""

    def receive(self, now: float, limit: int = RECEIVE_LIMIT) -> list[Datagram]:
        """Return up to `limit` datagrams that have arrived, each with its sender, in order of arrival. Never
        blocks."""

    def wait(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds until there is something to receive; tell whether there is."""

    def close(self) -> None:
        """Close it; closing twice is allowed."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
