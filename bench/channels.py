"""The channels over lossy paths in virtual time: what arrives, how late, and what it costs on the wire.

    python bench/channels.py [--messages 1000] [--seed 1] [--json FILE]

For every kind of channel and 0, 5, 20 and 50 % loss, two ends send each other `--messages` messages, ten a second:
small ones (100 bytes: chat and events) and mixed ones (1 byte to 64 KiB, evenly over the orders of magnitude). The path
takes 40 to 60 ms each way, so that packets swap, and doubles one datagram in fifty. An end sends a packet every tick of
60 Hz, with or without channel data, up to four when there is much to send, and takes what has arrived once a tick, as a
session does. There is no pacing here and no encryption: a datagram is a packet header and channel data, or a fragment.
The promise of each kind is checked, and a broken one ends the run.

kbit/s: delivered bytes of messages per second, one way. wire: bytes of all packets, empty ones too, over bytes of
messages sent. again: bytes of reliable messages sent again, over the same. Delays run from `send` to delivery.

The second table has reliable messages of 100 bytes at 50 ms one way, 5 % loss and no jitter, by how often the ends send
packets: how much later than those 50 ms they are, in milliseconds and in RTTs of 100 ms. Beside ENet's, over real
sockets: `bench/channel_sockets.py`.
"""

from __future__ import annotations

import heapq
import json
import sys
from argparse import ArgumentParser
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path as FilePath

import msgpack
import numpy as np

sys.path.insert(0, str(FilePath(__file__).resolve().parents[1]))

from engine.link.acks import AckTable
from engine.link.channels import Channel, Channels, ChannelTable, Kind
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
        """Return the time from `send` to delivery of every message that was delivered.

        Messages of a few bytes are left out: there are equal ones among them, and which one was lost is not known.
        """
        found = []
        for sent, delivered in zip(self.sent, self.delivered, strict=True):
            left: defaultdict[bytes, deque[float]] = defaultdict(deque)
            for at, message in sent:
                left[message].append(at)
            found += [at - left[message].popleft() for at, message in delivered if len(message) >= 8]
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


def broken_promise(kind: Kind, sent: list[bytes], delivered: list[bytes]) -> str | None:
    """Return what of the promise of `kind` was not kept, None when all was."""
    if kind is Kind.RELIABLE_ORDERED:
        return None if delivered == sent else "not all, once, in order"
    if kind is Kind.RELIABLE_UNORDERED:
        return None if Counter(delivered) == Counter(sent) else "not all, once"
    if Counter(delivered) - Counter(sent):
        return "more than was sent"
    rest = iter(sent)
    if kind is Kind.UNRELIABLE_SEQUENCED and not all(message in rest for message in delivered):
        return "not in order"
    return None


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one run."""

    kind: str
    sizes: str
    loss: float
    delivered: float  # share of the messages
    goodput_kbit_s: float  # each way
    wire: float  # bytes of packets over bytes of messages
    again: float  # bytes sent again over bytes of messages
    delay_ms: dict[str, float]  # quantiles


def run(kind: Kind, name: str, sizes: list[int], loss: float, seed: int) -> Row:
    """Exchange messages of `sizes` both ways and return the figures. Raises SystemExit on a broken promise."""
    channel = Channel("only", kind, max_message_bytes=65536, queue_messages=len(sizes), queue_bytes=1 << 28)
    link = Link(ChannelTable((channel,)), PathModel(delay=0.040, jitter=0.020, loss=loss, duplicate=0.02), seed)
    result = exchange(link, sizes, every=6, seed=seed)
    for sent, delivered in zip(result.sent, result.delivered, strict=True):
        broken = broken_promise(kind, [message for _, message in sent], [message for _, message in delivered])
        if broken:
            raise SystemExit(f"{kind.value} at {loss:.0%} loss, seed {seed}: {broken}")
    delays = 1000 * np.array(result.delays())
    messages = [message for way in result.delivered for _, message in way]
    wanted = 2 * sum(sizes)
    quantiles = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    return Row(
        kind=kind.value,
        sizes=name,
        loss=loss,
        delivered=len(messages) / (2 * len(sizes)),
        goodput_kbit_s=sum(map(len, messages)) / 2 / result.seconds * 0.008,
        wire=result.wire_bytes / wanted,
        again=result.resent_bytes / wanted,
        delay_ms={label: round(float(np.percentile(delays, at)), 1) for label, at in quantiles.items()},
    )


@dataclass(frozen=True, slots=True)
class Lateness:
    """How much later than the one-way time reliable messages are, in seconds."""

    kind: str
    packets_hz: tuple[int, int]
    median: float
    p99: float


def lateness(kind: Kind, ticks_per_packet: tuple[int, int], messages: int, seed: int) -> Lateness:
    """Exchange small messages at 100 ms RTT and 5 % loss and return how late they are."""
    table = ChannelTable((Channel("only", kind, queue_messages=messages),))
    link = Link(table, PathModel(delay=0.050, loss=0.05), seed, ticks_per_packet)
    extra = np.array(exchange(link, [100] * messages, every=6, seed=seed).delays()) - 0.050
    first, second = (round(1 / TICK / ticks) for ticks in ticks_per_packet)
    return Lateness(kind.value, (first, second), float(np.median(extra)), float(np.quantile(extra, 0.99)))


def main() -> None:
    """Run all, print the tables, write the JSON."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=1000, help="messages each way, of each run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=FilePath, help="write the figures here too")
    options = parser.parse_args()
    mixed = sizes_between(1, 65536, options.messages, options.seed)
    rows = []
    print(f"{'kind':21}{'sizes':7}{'loss':>5}{'arrived':>9}{'kbit/s':>8}{'wire':>7}{'again':>7}", end="")
    print(f"{'p50 ms':>8}{'p90':>7}{'p99':>7}{'max':>8}")
    for kind in Kind:
        for name, sizes in (("100 B", [100] * options.messages), ("mixed", mixed)):
            for loss in (0.0, 0.05, 0.2, 0.5):
                row = run(kind, name, sizes, loss, options.seed)
                rows.append(row)
                print(f"{row.kind:21}{row.sizes:7}{row.loss:5.0%}{row.delivered:9.1%}{row.goodput_kbit_s:8.0f}", end="")
                print(f"{row.wire:7.2f}{row.again:7.2f}", end="")
                delays = row.delay_ms
                print(f"{delays['p50']:8.0f}{delays['p90']:7.0f}{delays['p99']:7.0f}{delays['max']:8.0f}", flush=True)
    late = []
    print(f"\n{'how late, 5 % loss':21}{'packets/s':>12}{'median ms':>11}{'p99 ms':>8}{'p99 RTTs':>10}")
    for kind in (Kind.RELIABLE_UNORDERED, Kind.RELIABLE_ORDERED):
        for ticks in ((1, 1), (1, 2), (2, 2)):
            found = lateness(kind, ticks, options.messages, options.seed)
            late.append(found)
            print(f"{found.kind:21}{'{}, {}'.format(*found.packets_hz):>12}{abs(1000 * found.median):11.0f}", end="")
            print(f"{1000 * found.p99:8.0f}{found.p99 / 0.1:10.2f}", flush=True)
    if options.json:
        command = "python " + " ".join(sys.argv)
        figures = {"command": command, "rows": [asdict(row) for row in rows], "late": [asdict(row) for row in late]}
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
