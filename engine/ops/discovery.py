"""Servers of the local network tell that they are there: a probe by UDP broadcast, an answer from each.

A server listens beside its match on the first free of a few ports known to everyone; a player's list asks all of them,
on the network and on this machine. So several servers of one machine are all found, without sharing a port. Only
probes from this machine or its own network are answered, an answer is never larger than its probe, and a source gets
few of them: nobody is flooded by us, whoever forges addresses. What it does not do: cross routers, IPv6 (which has no
broadcast), or prove anything: what it tells is a hint for a list, and joining checks everything.

    probe    160 bytes    0  8  b"TICKDISC"
                          8  1  1, the format
                          9  8  nonce, which the answer repeats
                         17     zeros

    answer   <= 160       0  8  b"TICKHERE"
                          8  1  1, the format
                          9  8  nonce
                         17  8  the server's own number, u64: by it one that answers from two addresses is known
                         25  8  protocol id, u64
                         33  2  port of the match, u16
                         35  2  players, u16 (bots not counted)
                         37  2  bots, u16
                         39  2  players at most, u16
                         41  1  1 where a password or a token is asked for
                         42  1  n; 43 the title, n bytes of UTF-8
                          .  1  n; then the map's name, n bytes

Integers are little-endian.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.address import Address, is_loopback
from engine.errors import ProtocolError, UsageError
from engine.ops.limits import PrefixLimit
from engine.ops.lobby.policy import is_private
from engine.text import printable

DISCOVERY_PORTS = tuple(range(40960, 40968))
"""Eight servers on one machine can be found; more can be joined by address."""
PROBE_BYTES = 160
"""Room for the longest answer: 44 bytes, and two texts of `MAX_TEXT_BYTES`."""
MAX_TEXT_BYTES = 58
NONCE_BYTES = 8
PROBE_SECONDS = 2.0
"""Seconds between two probes of a list that is looked at."""
FORGET_SECONDS = 7.0
"""Seconds after which a server that was silent is gone: three probes."""
SERVERS_KEPT = 64
"""Servers a list holds at most; a network with more of them is not a living room's."""
_ANY, _LOCAL = "0.0.0.0", "127.0.0.1"
DRAIN_LIMIT = 32
"""Datagrams read in one go: the rest waits, or is dropped by the system."""
ANSWERS_HZ = 4.0
"""Answers a second to one network prefix, and `ANSWERS_BURST` at once: a dozen lists that are looked at."""
ANSWERS_BURST = 24

_PROBE = b"TICKDISC\x01"
_ANSWER = b"TICKHERE\x01"
_FIXED = struct.Struct("<QQHHHHB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a server tells about itself. number: its own, by chance. players: people, without bots."""

    number: int
    protocol_id: int
    port: int
    players: int
    bots: int
    max_players: int
    closed: bool
    title: str
    map: str


def encode_probe(nonce: bytes) -> bytes:
    """Return a probe with `nonce`, 8 bytes."""
    return (_PROBE + nonce).ljust(PROBE_BYTES, b"\x00")


def decode_probe(data: bytes) -> bytes:
    """Return a probe's nonce. Raises ProtocolError."""
    if len(data) != PROBE_BYTES or not data.startswith(_PROBE):
        raise ProtocolError("no-probe", f"{len(data)} bytes")
    return data[len(_PROBE) : len(_PROBE) + NONCE_BYTES]


def encode_answer(nonce: bytes, notice: Notice) -> bytes:
    """Return the answer to the probe with `nonce`; texts too long for it are cut."""
    counts = (min(each, 0xFFFF) for each in (notice.players, notice.bots, notice.max_players))
    data = _ANSWER + nonce + _FIXED.pack(notice.number, notice.protocol_id, notice.port, *counts, notice.closed)
    for text in (notice.title, notice.map):
        raw = text.encode()[:MAX_TEXT_BYTES].decode("utf-8", "ignore").encode()
        data += bytes((len(raw),)) + raw
    return data


def decode_answer(data: bytes) -> tuple[bytes, Notice]:
    """Return an answer's nonce and notice; its texts fit to be shown. Raises ProtocolError."""
    start = len(_ANSWER) + NONCE_BYTES
    if len(data) > PROBE_BYTES or not data.startswith(_ANSWER) or len(data) < start + _FIXED.size + 2:
        raise ProtocolError("no-answer", f"{len(data)} bytes")
    number, protocol_id, port, players, bots, most, closed = _FIXED.unpack_from(data, start)
    at, texts = start + _FIXED.size, []
    for _ in range(2):
        length = data[at] if at < len(data) else 255
        raw = data[at + 1 : at + 1 + length]
        if length > MAX_TEXT_BYTES or len(raw) != length:
            raise ProtocolError("no-answer", "a text ends too early")
        texts.append(printable(raw.decode("utf-8", "replace")))
        at += 1 + length
    if port == 0:
        raise ProtocolError("no-answer", "port 0")
    notice = Notice(
        number=number,
        protocol_id=protocol_id,
        port=port,
        players=players,
        bots=bots,
        max_players=most,
        closed=bool(closed),
        title=texts[0],
        map=texts[1],
    )
    return data[len(_ANSWER) : start], notice


class Responder:
    """A server's side: which datagrams are answered, and with what. `local`: only this machine may ask."""

    def __init__(self, *, local: bool) -> None:
        self._local = local
        self._limit = PrefixLimit(hz=ANSWERS_HZ, burst=ANSWERS_BURST, max_prefixes=256)

    def answer(self, data: bytes, source: Address, notice: Notice, now: float) -> bytes | None:
        """Return the answer to what came from `source`, None for none. Nothing raises."""
        host = source[0]
        if not is_private(host) or (self._local and not is_loopback(host)) or self._limit.wait(host, now) > 0:
            return None
        try:
            nonce = decode_probe(data)
        except ProtocolError:
            return None
        self._limit.pay(host, now)
        answer = encode_answer(nonce, notice)
        return answer if len(answer) <= len(data) else None


@dataclass(frozen=True, slots=True)
class Found:
    """A server that answered: where its match is, what it told, and how long its answer took (seconds)."""

    address: Address
    notice: Notice
    ping: float
    heard: float


class Finder:
    """A player's side: who answered lately. `entropy` makes nonces: only who heard the probe can answer it."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy
        self._nonces: list[tuple[bytes, float]] = []
        self._found: dict[Address, Found] = {}
        self._next_probe = float("-inf")

    def probe(self, now: float) -> bytes | None:
        """Return the probe to send at `now`, None when it is not time yet."""
        if now < self._next_probe:
            return None
        self._next_probe = now + PROBE_SECONDS
        nonce = self._entropy(NONCE_BYTES)
        self._nonces = [*self._nonces, (nonce, now)][-2:]
        return encode_probe(nonce)

    def hurry(self) -> None:
        """Send the next probe at once."""
        self._next_probe = float("-inf")

    def receive(self, data: bytes, source: Address, now: float) -> None:
        """Take what came from `source`. Nothing raises."""
        try:
            nonce, notice = decode_answer(data)
        except ProtocolError:
            return
        sent = next((at for known, at in self._nonces if known == nonce), None)
        address = (source[0], notice.port)
        if sent is not None and (address in self._found or len(self._found) < SERVERS_KEPT):
            self._found[address] = Found(address, notice, now - sent, now)

    def servers(self, now: float) -> list[Found]:
        """Return who answered lately, each server once: of several addresses, this machine's own, else the first."""
        self._found = {at: each for at, each in self._found.items() if now - each.heard < FORGET_SECONDS}
        once: dict[int, Found] = {}
        for found in self._found.values():
            if found.notice.number not in once or is_loopback(found.address[0]):
                once[found.notice.number] = found
        return list(once.values())


class DiscoverySocket:
    """A UDP socket of the local network that never waits. Give it no port to ask, or several to listen on the first
    that is free. Raises UsageError when there is none."""

    def __init__(self, host: str = _ANY, ports: Iterable[int] = (0,)) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        for port in ports:
            try:
                self._socket.bind((host, port))
            except OSError:
                continue
            self.address: Address = self._socket.getsockname()
            return
        self._socket.close()
        raise UsageError(f"no port on {host} is free to be found by")

    def receive(self) -> list[tuple[bytes, Address]]:
        """Return what has arrived."""
        arrived = []
        for _ in range(DRAIN_LIMIT):
            try:
                data, source = self._socket.recvfrom(PROBE_BYTES + 1)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error of an earlier send: Windows tells it here
                continue
            arrived.append((data, (source[0], source[1])))
        return arrived

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram. A network that is not there, or forbids broadcasts, is passed over."""
        with contextlib.suppress(OSError):
            self._socket.sendto(data, to)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class Beacon:
    """A running server's voice: call `serve` now and then. It listens where the match does: `host`, a literal IP.

    Raises UsageError where none of `ports` is free, or `host` is no address of this machine.
    """

    def __init__(self, host: str, ports: Iterable[int] = DISCOVERY_PORTS) -> None:
        self._responder = Responder(local=is_loopback(host))
        # A broadcast does not reach a socket that is bound to one address of the machine.
        self._socket = DiscoverySocket(_LOCAL if is_loopback(host) else _ANY, ports)
        # Where an answer comes from is where its match is taken to be: who asked by way of the loopback is answered
        # from the one address that the match has, if it has one.
        self._own_voice = self._socket
        if host not in (_LOCAL, _ANY):
            try:
                self._own_voice = DiscoverySocket(host)
            except UsageError:
                self._socket.close()
                raise

    def serve(self, notice: Callable[[], Notice], now: float) -> None:
        """Answer the probes that have come."""
        for data, source in self._socket.receive():
            answer = self._responder.answer(data, source, notice(), now)
            if answer is not None:
                (self._own_voice if is_loopback(source[0]) else self._socket).send(answer, source)

    def close(self) -> None:
        """Fall silent."""
        self._own_voice.close()
        self._socket.close()
