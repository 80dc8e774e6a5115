"""Two ends of a link in virtual time: acks, channels and fragments over a path that loses, delays, swaps and doubles.

The bench and the tests of the channels share it. No connection and no encryption here: a datagram is a packet header
and channel data, or a fragment. An end sends a packet every tick or every few, with or without channel data, and takes
what has arrived once a tick, as a session does.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgpack
import numpy as np

from engine.link.acks import AckTable
from engine.link.channels import Channels, ChannelTable
from engine.link.fragments import Reassembler, fragment_bytes_within, split
from engine.link.header import PACKET_HEADER_MAX_BYTES, decode_header, encode_header, is_fragment

TICK = 1 / 60  # s
DATAGRAM_BYTES = 1200
BODY_BYTES = DATAGRAM_BYTES - PACKET_HEADER_MAX_BYTES
PACKETS_PER_TICK = 4  # 288 kB/s; more and the 32 ack bits of 60 packets a second would not tell of all of them


@dataclass(frozen=True, slots=True)
class PathModel:
    """One direction: seconds of delay, the part of it that varies (uniformly), and chances per datagram."""

    delay: float = 0.050
    jitter: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0


class Path:
    """One direction of a link; datagrams arrive in order of their own delay."""

    def __init__(self, model: PathModel, rng: np.random.Generator) -> None:
        self.model = model
        self._rng = rng
        self._coming: list[tuple[float, int, bytes]] = []
        self._count = 0
        self.datagrams = 0
        self.bytes = 0

    def send(self, datagram: bytes, now: float) -> None:
        self.datagrams += 1
        self.bytes += len(datagram)
        copies = 2 if self._rng.random() < self.model.duplicate else 1
        for _ in range(copies):
            if self._rng.random() >= self.model.loss:
                self._count += 1
                at = now + self.model.delay + self.model.jitter * self._rng.random()
                heapq.heappush(self._coming, (at, self._count, datagram))

    def arrivals(self, until: float) -> Iterator[bytes]:
        """Yield what arrives up to `until`."""
        while self._coming and self._coming[0][0] <= until:
            yield heapq.heappop(self._coming)[2]


class End:
    """One end: fills packets from its channels, and keeps `(time, place, message)` of what it was delivered."""

    def __init__(self, table: ChannelTable) -> None:
        self.acks = AckTable(1)
        self.acks.reset(0, 0.0)
        self.channels = Channels(table)
        self.reassembler = Reassembler()
        self.delivered: list[tuple[float, int, bytes]] = []

    def send(self, now: float, path: Path) -> None:
        """Send what the channels hold, at most `PACKETS_PER_TICK` packets, and at least one."""
        for _, sequence, _, _ in self.acks.lost_one(0, now):
            self.channels.on_lost(sequence)
        while self.channels.pending and (data := self.channels.pack_oversize(BODY_BYTES)) is not None:
            for fragment in split(self._packet(data, now), fragment_bytes_within(DATAGRAM_BYTES)):
                path.send(fragment, now)
        rtt = float(self.acks.meter.rtt[0])
        for packet in range(PACKETS_PER_TICK):
            data = None
            if self.channels.pending:
                data = self.channels.pack(BODY_BYTES, self.acks.next_sequence(0), now, rtt)
            if data is None and packet:
                break
            path.send(self._packet(data or b"", now), now)

    def receive(self, datagram: bytes, now: float) -> None:
        """Take a datagram that has arrived."""
        packet: bytes | None = datagram
        if is_fragment(datagram):
            packet = self.reassembler.receive(datagram, now)
        if packet is None:
            return
        sequence, ack, bits, offset = decode_header(packet)
        fresh, acked = self.acks.receive_one(0, sequence, ack, bits, now, len(packet))
        for _, delivered, _, _ in acked:
            self.channels.on_acked(delivered)
        if fresh and offset < len(packet):
            for place, message in self.channels.unpack(msgpack.unpackb(packet[offset:]), now):
                self.delivered.append((now, place, message))

    def _packet(self, body: bytes, now: float) -> bytes:
        sequence, ack, bits = self.acks.send_one(0, now, len(body) + PACKET_HEADER_MAX_BYTES)
        return encode_header(sequence, ack, bits) + body


class Link:
    """Two ends and the two paths between them; end `n` sends a packet every `ticks_per_packet[n]` ticks."""

    def __init__(
        self, table: ChannelTable, model: PathModel, seed: int, ticks_per_packet: tuple[int, int] = (1, 1)
    ) -> None:
        rngs = np.random.default_rng(seed).spawn(2)
        self.ends = (End(table), End(table))
        self.paths = (Path(model, rngs[0]), Path(model, rngs[1]))
        self.tick = 0
        self._ticks_per_packet = ticks_per_packet

    @property
    def now(self) -> float:
        return self.tick * TICK

    @property
    def pending(self) -> bool:
        """Whether an end has messages that wait to be sent or to be known delivered."""
        return any(end.channels.pending for end in self.ends)

    def step(self) -> None:
        """Run one tick: what has arrived is taken, then the ends send."""
        for place, end in enumerate(self.ends):
            for datagram in self.paths[1 - place].arrivals(self.now):
                end.receive(datagram, self.now)
        for end, path, every in zip(self.ends, self.paths, self._ticks_per_packet, strict=True):
            if self.tick % every == 0:
                end.send(self.now, path)
        self.tick += 1

    def settle(self, ticks_max: int = 60_000) -> None:
        """Run until nothing is pending, and a second longer so that nothing is on its way."""
        while self.pending and self.tick < ticks_max:
            self.step()
        for _ in range(60):
            self.step()


Messages = list[tuple[float, bytes]]  # when, what


@dataclass(frozen=True, slots=True)
class Exchange:
    """What two ends sent and were delivered: `sent[n]` is what end n sent, `delivered[n]` what came of it."""

    sent: tuple[Messages, Messages]
    delivered: tuple[Messages, Messages]
    wire_bytes: int  # headers and everything, both ways
    resent_bytes: int  # of reliable messages, both ways
    seconds: float

    def delays(self) -> list[float]:
        """Return the time from `send` to delivery of every message that was delivered; equal ones count in order."""
        found = []
        for sent, delivered in zip(self.sent, self.delivered, strict=True):
            left: defaultdict[bytes, deque[float]] = defaultdict(deque)
            for at, message in sent:
                left[message].append(at)
            found += [at - left[message].popleft() for at, message in delivered]
        return found


def exchange(link: Link, sizes: Sequence[int], every: int, seed: int) -> Exchange:
    """Send messages of `sizes` bytes on channel 0 both ways, one each `every` ticks, and run until all is settled."""
    rng = np.random.default_rng(seed)
    sent: tuple[Messages, Messages] = ([], [])
    for size in sizes:
        for end, log in zip(link.ends, sent, strict=True):
            message = rng.bytes(size)
            end.channels.send(0, message)
            log.append((link.now, message))
        for _ in range(every):
            link.step()
    link.settle()
    ways = [[(at, message) for at, _, message in end.delivered] for end in reversed(link.ends)]
    return Exchange(
        sent=sent,
        delivered=(ways[0], ways[1]),
        wire_bytes=sum(path.bytes for path in link.paths),
        resent_bytes=sum(end.channels.resent_bytes for end in link.ends),
        seconds=link.now,
    )


def sizes_between(least: int, most: int, count: int, seed: int) -> list[int]:
    """Return `count` sizes, evenly spread over the orders of magnitude from `least` to `most`, both included."""
    spread = np.exp(np.random.default_rng(seed).uniform(np.log(least), np.log(most + 1), count)).astype(int)
    spread[:2] = least, most
    return [int(size) for size in spread]
