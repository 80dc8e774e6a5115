"""A UDP socket that never blocks and never raises for what the network does.

Sending and draining go through `batch.BatchIO` where the system has sendmmsg and recvmmsg (Linux), and through
one system call per datagram everywhere else; docs/decisions/udp-io.md has the figures. Both give the same
datagrams in the same order.

What systems do differently, and what happens here:

- a closed port at the other end (ICMP port unreachable) makes the next receive fail with ConnectionResetError
  on Windows: it is skipped, since it concerns one peer of many.
- a full send buffer (EWOULDBLOCK, ENOBUFS) drops the datagram, as a full queue in a router would.
- any other refusal (no route, too large, forbidden by a firewall) is counted as `send_failed`.

An IPv6 socket carries IPv6 only: a mapped address (::ffff:1.2.3.4) would give one peer two names. Addresses are
literal IPs; a name would be looked up on each send, and block.
"""

from __future__ import annotations

import ctypes
import errno
import select
import socket
import struct
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from engine.address import Address, format_address
from engine.errors import UsageError
from engine.transport.base import (
    IPV4_UDP_HEADER_BYTES,
    IPV6_UDP_HEADER_BYTES,
    MAX_DATAGRAM_BYTES,
    RECEIVE_LIMIT,
    Datagram,
    TransportStats,
)
from engine.transport.batch import MIN_SEND, BatchIO

KERNEL_BUFFER_BYTES = 4 * 1024 * 1024
"""Asked of the kernel for each direction (it may give less: net.core.rmem_max). A datagram of 100 bytes takes
about 768 there, so this is some 5,000 of them: five per peer of a thousand, a burst between two ticks."""

MAX_SELECT_FILENO = 1024
"""select() takes only smaller file numbers on POSIX (FD_SETSIZE); above it poll() does, which rounds up to
milliseconds."""

_SO_ATTACH_FILTER = 26  # Linux; the module has no name for it

_FULL = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS})


class UdpSocket:
    """A bound, non-blocking UDP socket; satisfies `Transport`.

    Args:
        host: literal IP to bind: "0.0.0.0" or "::" for all interfaces.
        port: 0 for any free one; `address` tells which.
        batched: whether to use sendmmsg and recvmmsg; None: where the system has them.

    Raises UsageError if the port is in use or the address is not this machine's.
    """

    def __init__(self, host: str, port: int, *, batched: bool | None = None) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        where = format_address((host, port))
        try:
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise UsageError(f"cannot open a UDP socket for {where}: {error.strerror or error}") from None
        try:
            if family == socket.AF_INET6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self._enlarge_buffers()
            self._socket.bind((host, port))
            self._socket.setblocking(False)
        except OSError as error:
            self._socket.close()
            if error.errno == errno.EADDRINUSE:
                raise UsageError(f"UDP port {where} is in use by another program; choose another port") from None
            raise UsageError(f"cannot bind {where}: {error.strerror or error}") from None
        except OverflowError:
            self._socket.close()
            raise UsageError(f"cannot bind {where}: ports are 0 to 65535") from None
        bound = self._socket.getsockname()
        self._address: Address = (bound[0], bound[1])
        header = IPV6_UDP_HEADER_BYTES if family == socket.AF_INET6 else IPV4_UDP_HEADER_BYTES
        self._stats = TransportStats(header_bytes=header)
        self._batch = None
        if batched or (batched is None and BatchIO.available()):
            self._batch = BatchIO(self._socket.fileno(), ipv6=family == socket.AF_INET6)

    @property
    def address(self) -> Address:
        """The address it is bound to, with the port the system chose for 0."""
        return self._address

    @property
    def stats(self) -> TransportStats:
        """Counters since it was opened."""
        return self._stats

    def fileno(self) -> int:
        """The file number, for select(); -1 when closed."""
        return self._socket.fileno()

    def drop_early(self, program: Sequence[tuple[int, int, int, int]]) -> bool:
        """Let the system drop what `program` does not accept, classic BPF as in struct sock_filter; tell if it will.

        Only Linux does. What it drops takes no room in the socket's buffer, and is not counted here.
        """
        if not sys.platform.startswith("linux"):
            return False
        code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
        buffer = ctypes.create_string_buffer(code, len(code))
        try:
            # struct sock_fprog: the number of instructions, padding, and where they are.
            described = struct.pack("@HP", len(program), ctypes.addressof(buffer))
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
        except OSError:
            return False
        return True

    def send(self, datagrams: Sequence[Datagram], now: float = 0.0) -> None:
        """Send each payload to its address; `now` is not used."""
        if self._batch is not None and len(datagrams) >= MIN_SEND:
            self._batch.send(datagrams, self._stats)
            return
        sendto, stats = self._socket.sendto, self._stats
        for payload, to in datagrams:
            try:
                sendto(payload, to)
            except OSError as error:
                if error.errno in _FULL:
                    stats.send_dropped += 1
                else:
                    stats.send_failed += 1
            except OverflowError:  # a port above 65535
                stats.send_failed += 1
            else:
                stats.sent += 1
                stats.sent_bytes += len(payload)

    def receive(self, now: float = 0.0, limit: int = RECEIVE_LIMIT) -> list[Datagram]:
        """Return up to `limit` datagrams that have arrived, each with its sender; `now` is not used."""
        if self._batch is not None:
            return self._batch.receive(limit, self._stats)
        recvfrom, stats = self._socket.recvfrom, self._stats
        received: list[Datagram] = []
        for _ in range(limit):
            try:
                payload, source = recvfrom(MAX_DATAGRAM_BYTES + 1)  # one more, to tell a longer one
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                if error.errno == errno.EMSGSIZE:  # Windows tells a longer one this way
                    stats.oversized += 1
                    continue
                if error.errno in (errno.EBADF, errno.ENOTSOCK):  # closed
                    break
                continue  # ConnectionResetError and its like: about a peer, not about this socket
            if len(payload) > MAX_DATAGRAM_BYTES:
                stats.oversized += 1
                continue
            stats.received_bytes += len(payload)
            received.append((payload, (source[0], source[1])))
        stats.received += len(received)
        return received

    def wait(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds until a datagram has arrived; tell whether one has."""
        return wait_any([self], timeout)

    def close(self) -> None:
        """Close it; closing twice is allowed."""
        self._batch = None
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _enlarge_buffers(self) -> None:
        """Ask for large kernel buffers, halving until the system agrees (Linux caps silently, macOS refuses)."""
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            size = KERNEL_BUFFER_BYTES
            while size >= 65_536:
                try:
                    self._socket.setsockopt(socket.SOL_SOCKET, option, size)
                    break
                except OSError:
                    size //= 2


def wait_any(sockets: Sequence[UdpSocket], timeout: float) -> bool:
    """Wait up to `timeout` seconds until a datagram has arrived at one of `sockets`; tell whether one has."""
    filenos = [number for number in (each.fileno() for each in sockets) if number >= 0]
    timeout = max(0.0, timeout)
    if not filenos:
        return False
    if max(filenos) < MAX_SELECT_FILENO or not hasattr(select, "poll"):
        return bool(select.select(filenos, [], [], timeout)[0])
    poll = select.poll()
    for fileno in filenos:
        poll.register(fileno, select.POLLIN)
    return bool(poll.poll(timeout * 1000.0))
