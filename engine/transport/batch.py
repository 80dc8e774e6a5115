"""Many datagrams per system call on Linux: sendmmsg(2) and recvmmsg(2) through ctypes.

A datagram costs Python a call, an address to build or parse, and a system call. Here a whole tick's datagrams
go in one system call for each `BATCH`, from buffers whose addresses are laid down once; per datagram there
remain a slice and a dictionary look-up. docs/decisions/udp-io.md has the figures.

Layouts are those of 64-bit Linux, which is all `available` accepts:

    struct mmsghdr, 64 bytes                     struct iovec, 16 bytes
      0  8  address of the sockaddr                0  8  address of the payload
      8  4  bytes of it (4 of padding)             8  8  its bytes
     16  8  address of the iovec
     24  8  number of iovecs: 1                  struct sockaddr_in (16 of its bytes) and sockaddr_in6 (28)
     32 16  control data: none                     0  2  family, native order
     48  4  flags (4 of padding)                   2  2  port, big endian
     56  4  bytes sent or received (4 of padding)  4  4  IPv4 address, or flow label
                                                   8 16  IPv6 address
                                                  24  4  scope

This module owns raw memory: every address handed to the kernel points into an array that the object keeps, or
into the payloads, which are kept alive by the caller's list during the call.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import sys
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from engine.address import Address
from engine.transport.base import MAX_DATAGRAM_BYTES, Datagram, TransportStats

BATCH = 128
"""Datagrams per system call. Measured: the receive buffer of 256 KB stays in the processor's cache, and more per
call gains nothing (bench/udp.py; the kernel takes up to 1024)."""

MIN_SEND = 64
"""Datagrams from which on a batch is cheaper to send than one call each: laying out the arrays costs about 15 us,
whatever their number."""

MAX_NAMES = 16_384
"""Addresses whose two forms are remembered; above it all are forgotten and learnt anew. Bounds what a spoofed
flood can fill."""

_MESSAGE = np.dtype(
    {
        "names": ["name", "name_bytes", "vectors", "vector_count", "flags", "bytes"],
        "formats": ["u8", "u4", "u8", "u8", "u4", "u4"],
        "offsets": [0, 8, 16, 24, 48, 56],
        "itemsize": 64,
    }
)
_NAME_BYTES = 28  # the larger of the two sockaddrs
_MSG_DONTWAIT = 0x40
_MSG_TRUNC = 0x20
_FULL = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS})

_Call = Callable[..., int]


class BatchIO:
    """Batched sending and receiving on the socket with file number `fileno`, which stays the caller's.

    `ipv6` tells which kind of addresses it has.
    """

    def __init__(self, fileno: int, *, ipv6: bool) -> None:
        self._fileno = fileno
        self._ipv6 = ipv6
        library = ctypes.CDLL(None, use_errno=True)
        self._sendmmsg: _Call = library.sendmmsg
        self._recvmmsg: _Call = library.recvmmsg
        self._names: dict[Address, bytes] = {}
        self._addresses: dict[bytes, Address] = {}

        self._name_bytes = 28 if ipv6 else 16
        self._key_bytes = 28 if ipv6 else 8  # what of a sockaddr tells peers apart
        self._out, self._out_vectors, self._out_names = self._messages(_NAME_BYTES)
        self._in, self._in_vectors, self._in_names = self._messages(_NAME_BYTES)
        self._in_buffer = np.zeros((BATCH, MAX_DATAGRAM_BYTES), np.uint8)
        starts = self._in_buffer.ctypes.data + np.arange(BATCH, dtype=np.uint64) * MAX_DATAGRAM_BYTES
        self._in_vectors[:, 0] = starts
        self._in_vectors[:, 1] = MAX_DATAGRAM_BYTES
        self._in_view = self._in_buffer.data.cast("B")
        self._in_names_view = self._in_names.data.cast("B")
        self._out_pointer = ctypes.c_void_p(self._out.ctypes.data)
        self._in_pointer = ctypes.c_void_p(self._in.ctypes.data)

    @staticmethod
    def available() -> bool:
        """Tell whether this system has both calls in the layout known here."""
        return sys.platform == "linux" and sys.maxsize > 2**32 and sys.byteorder == "little"

    def send(self, datagrams: Sequence[Datagram], stats: TransportStats) -> None:
        """Send each payload to its address and count it."""
        for start in range(0, len(datagrams), BATCH):
            self._send_some(datagrams[start : start + BATCH], stats)

    def receive(self, limit: int, stats: TransportStats) -> list[Datagram]:
        """Return up to `limit` datagrams that have arrived."""
        received: list[Datagram] = []
        left = limit  # counts what is dropped as too large too, so that a flood of those ends as well
        while left > 0:
            wanted = min(BATCH, left)
            self._in["name_bytes"][:wanted] = _NAME_BYTES  # the kernel writes what it used
            count = self._recvmmsg(self._fileno, self._in_pointer, wanted, _MSG_DONTWAIT, None)
            if count <= 0:
                if count < 0 and ctypes.get_errno() in (errno.EINTR, errno.ECONNREFUSED):
                    continue
                break
            self._collect(count, received, stats)
            if count < wanted:
                break
            left -= count
        return received

    def _send_some(self, datagrams: Sequence[Datagram], stats: TransportStats) -> None:
        count = len(datagrams)
        names = self._names
        payloads = [payload for payload, _ in datagrams]
        lengths = [len(payload) for payload in payloads]
        try:
            packed = b"".join([names[to] for _, to in datagrams])
        except KeyError:
            packed = b"".join([names.get(to) or self._learn_name(to) for _, to in datagrams])
        joined = b"".join(payloads) or b"\0"  # one buffer, so that one address and the lengths give all others
        sizes = np.array(lengths, np.uint64)
        base = np.frombuffer(joined, np.uint8).ctypes.data
        vectors = self._out_vectors
        ends = np.cumsum(sizes)
        vectors[:count, 0] = ends - sizes + np.uint64(base)
        vectors[:count, 1] = sizes
        self._out_names[:count] = np.frombuffer(packed, np.uint8).reshape(count, _NAME_BYTES)
        first = 0
        while first < count:
            pointer = ctypes.c_void_p(self._out.ctypes.data + first * _MESSAGE.itemsize) if first else self._out_pointer
            sent = self._sendmmsg(self._fileno, pointer, count - first, _MSG_DONTWAIT)
            if sent > 0:
                stats.sent += sent
                stats.sent_bytes += sum(lengths[first : first + sent])
                first += sent
                continue
            error = ctypes.get_errno()
            if error == errno.EINTR:
                continue
            if error in _FULL:  # and so it will be for the rest
                stats.send_dropped += count - first
                return
            stats.send_failed += 1  # this one is refused; go on with the next
            first += 1
        del joined  # alive until here, since the kernel read from it

    def _collect(self, count: int, received: list[Datagram], stats: TransportStats) -> None:
        messages, view, names_view, addresses = self._in[:count], self._in_view, self._in_names_view, self._addresses
        lengths: list[int] = messages["bytes"].tolist()
        truncated = bool((messages["flags"] & _MSG_TRUNC).any())
        key_bytes = self._key_bytes
        at = name_at = 0
        total = 0
        for index, length in enumerate(lengths):
            key = bytes(names_view[name_at : name_at + key_bytes])
            address = addresses.get(key) or self._learn_address(key)
            if truncated and int(messages["flags"][index]) & _MSG_TRUNC:
                stats.oversized += 1
            else:
                received.append((bytes(view[at : at + length]), address))
                stats.received += 1
                total += length
            at += MAX_DATAGRAM_BYTES
            name_at += _NAME_BYTES
        stats.received_bytes += total

    def _messages(self, name_bytes: int) -> tuple[npt.NDArray[np.void], npt.NDArray[np.uint64], npt.NDArray[np.uint8]]:
        """Return `BATCH` message headers, their vectors and their names, linked to each other."""
        headers = np.zeros(BATCH, _MESSAGE)
        vectors = np.zeros((BATCH, 2), np.uint64)
        names = np.zeros((BATCH, name_bytes), np.uint8)
        row = np.arange(BATCH, dtype=np.uint64)
        headers["name"] = names.ctypes.data + row * name_bytes
        headers["name_bytes"] = self._name_bytes
        headers["vectors"] = vectors.ctypes.data + row * vectors.itemsize * 2
        headers["vector_count"] = 1
        return headers, vectors, names

    def _learn_name(self, to: Address) -> bytes:
        """Return the sockaddr of `to`, padded; an address that is none gets one the kernel refuses."""
        try:
            if self._ipv6:
                host, _, scope = to[0].partition("%")
                name = struct.pack("=H", socket.AF_INET6) + struct.pack(">HI", to[1], 0)
                name += socket.inet_pton(socket.AF_INET6, host) + struct.pack("=I", _scope(scope))
            else:
                name = (
                    struct.pack("=H", socket.AF_INET)
                    + struct.pack(">H", to[1])
                    + socket.inet_pton(socket.AF_INET, to[0])
                )
        except (OSError, struct.error):
            name = struct.pack("=H", 0xFFFF)
        if len(self._names) >= MAX_NAMES:
            self._names.clear()
        self._names[to] = padded = name.ljust(_NAME_BYTES, b"\0")
        return padded

    def _learn_address(self, key: bytes) -> Address:
        port = int.from_bytes(key[2:4], "big")
        if self._ipv6:
            host = socket.inet_ntop(socket.AF_INET6, key[8:24])
            scope = int.from_bytes(key[24:28], sys.byteorder)
            if scope:
                host += f"%{_scope_name(scope)}"
        else:
            host = socket.inet_ntop(socket.AF_INET, key[4:8])
        if len(self._addresses) >= MAX_NAMES:
            self._addresses.clear()
        self._addresses[key] = address = (host, port)
        return address


def _scope(name: str) -> int:
    if not name:
        return 0
    return int(name) if name.isdigit() else socket.if_nametoindex(name)


def _scope_name(scope: int) -> str:
    try:
        return socket.if_indextoname(scope)
    except OSError:
        return str(scope)
