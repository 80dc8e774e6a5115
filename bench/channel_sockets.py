"""Reliable, ordered messages over real sockets, beside ENet's: how long each takes at the same simulated loss.

    python bench/channel_sockets.py [--seconds 30] [--losses 0 0.05 0.2 0.5] [--json FILE]

Two ends on this machine send each other a message of 100 bytes twenty times a second, through the impairing proxy:
50 ms each way, and each datagram is lost with the given probability. Ours are the two ends of `bench/channels.py` with
sockets, ENet's are two hosts of pyenet with a reliable packet each time; both pairs run at the same time, each through
a proxy of its own with the same model and seed, and all are served once per tick of 60 Hz, as a game does. A message's
time runs from the call that sends it to the tick that delivers it. wire: bytes of UDP payloads over bytes of messages;
ours sends sixty packets a second whatever there is to say, because in a game they flow anyway. Without pyenet
(`pip install tickwire[bench]`) only ours runs. missing: not delivered when the run ended, or when ENet gave up.

It takes `--seconds` of real time for each loss.
"""

from __future__ import annotations

import json
import struct
import sys
import time
from argparse import ArgumentParser
from dataclasses import asdict, dataclass
from pathlib import Path as FilePath
from typing import Any, Protocol

import numpy as np

sys.path.insert(0, str(FilePath(__file__).resolve().parents[1]))

from bench.channels import TICK, End
from engine.address import Address
from engine.link.channels import Channel, ChannelTable, Kind
from engine.transport.impairment import LinkModel, Profile
from engine.transport.proxy import Proxy
from engine.transport.udp import UdpSocket

try:
    import enet
except ImportError:
    enet = None

TABLE = ChannelTable((Channel("only", Kind.RELIABLE_ORDERED),))
DELAY = 0.050  # s each way
MESSAGE_BYTES = 100
MESSAGE_TICKS = 3  # a message each so often: twenty a second
SETTLE_MAX = 15.0  # s for what is still on its way in the end; at 50 % loss it may take some
LOCAL = "127.0.0.1"


class Pair(Protocol):
    """Two ends that deliver messages to each other; end 1 is the one behind the proxy."""

    name: str
    ready: bool

    def connect(self, to: Address) -> None: ...

    def send(self, end: int, message: bytes) -> None: ...

    def tick(self, now: float) -> list[tuple[int, bytes]]:
        """Serve both ends; return what each was delivered."""
        ...

    def close(self) -> None: ...


class OurEnd(End):
    """An end of `bench/channels.py` with a socket for its path."""

    def __init__(self) -> None:
        super().__init__(TABLE)
        self.socket = UdpSocket(LOCAL, 0)
        self.to: Address | None = None

    def serve(self, now: float) -> list[bytes]:
        """Take what has arrived, then send; return the messages."""
        for datagram, source in self.socket.receive(now):
            self.to = source
            self.receive(datagram, now)
        if self.to is not None:
            to = self.to
            sink = _Sink()
            super().send(now, sink)
            self.socket.send([(datagram, to) for datagram in sink.datagrams], now)
        messages = [message for _, _, message in self.delivered]
        self.delivered.clear()
        return messages


class _Sink:
    """A path that only notes what is sent."""

    def __init__(self) -> None:
        self.datagrams: list[bytes] = []

    def send(self, datagram: bytes, now: float) -> None:
        self.datagrams.append(datagram)


class OurPair:
    """Ours, without encryption, as in `bench/channels.py`."""

    name = "tickwire"
    ready = True

    def __init__(self) -> None:
        self._ends = (OurEnd(), OurEnd())
        self.address = self._ends[0].socket.address

    def connect(self, to: Address) -> None:
        self._ends[1].to = to

    def send(self, end: int, message: bytes) -> None:
        self._ends[end].channels.send(0, message)

    def tick(self, now: float) -> list[tuple[int, bytes]]:
        return [(place, message) for place, end in enumerate(self._ends) for message in end.serve(now)]

    def close(self) -> None:
        for end in self._ends:
            end.socket.close()


class EnetPair:
    """ENet's reliable packets, by pyenet."""

    name = "enet"

    def __init__(self) -> None:
        self.address: Address = (LOCAL, _free_port())
        self._hosts: list[Any] = [enet.Host(enet.Address(LOCAL.encode(), self.address[1]), 4, 1, 0, 0)]
        self._hosts.append(enet.Host(None, 1, 1, 0, 0))
        self._peers: list[Any] = [None, None]
        self._given_up = False

    @property
    def ready(self) -> bool:
        return all(peer is not None for peer in self._peers)

    def connect(self, to: Address) -> None:
        self._hosts[1].connect(enet.Address(to[0].encode(), to[1]), 1)

    def send(self, end: int, message: bytes) -> None:
        if not self._given_up:
            self._peers[end].send(0, enet.Packet(message, enet.PACKET_FLAG_RELIABLE))

    def tick(self, now: float) -> list[tuple[int, bytes]]:
        found = []
        for place, host in enumerate(self._hosts):
            while (event := host.service(0)).type != enet.EVENT_TYPE_NONE:
                if event.type == enet.EVENT_TYPE_CONNECT:
                    self._peers[place] = event.peer
                elif event.type == enet.EVENT_TYPE_RECEIVE:
                    found.append((place, bytes(event.packet.data)))
                else:
                    self._given_up = True
        return found

    def close(self) -> None:
        for peer in self._peers:
            if peer is not None:
                peer.disconnect_now()


def _free_port() -> int:
    with UdpSocket(LOCAL, 0) as socket:
        return socket.address[1]


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one pair at one loss."""

    name: str
    loss: float
    messages: int
    missing: int
    wire: float
    delay_ms: dict[str, float]


def run(pairs: list[Any], loss: float, seconds: float, seed: int) -> list[Row]:
    """Let all pairs exchange messages for `seconds`, at the same time, and return their figures."""
    clear, model = LinkModel(delay=DELAY), LinkModel(delay=DELAY, loss=loss)
    proxies = [Proxy((LOCAL, 0), pair.address, Profile("clear", up=clear, down=clear), seed) for pair in pairs]
    sent: list[list[float]] = [[] for _ in pairs]
    delays: list[list[float]] = [[] for _ in pairs]
    for pair, proxy in zip(pairs, proxies, strict=True):
        pair.connect(proxy.address)
    begin = time.monotonic()
    tick, talking_from = 0, None
    while True:
        now = time.monotonic()
        for proxy in proxies:
            proxy.step(now)
        if now < begin + tick * TICK:
            time.sleep(0.0005)
            continue
        tick += 1
        for pair, log in zip(pairs, delays, strict=True):
            for _, message in pair.tick(now):
                log.append(now - struct.unpack_from("<d", message)[0])
        if talking_from is None:
            if all(pair.ready for pair in pairs):
                # The connection is made without loss, and a second of silence follows: both know the round trip.
                talking_from = tick + 60
                for proxy in proxies:
                    proxy.set_profile(Profile("bench", up=model, down=model))
            elif now - begin > 10:
                raise SystemExit("no connection")
            continue
        over = (tick - talking_from) * TICK - seconds
        if tick >= talking_from and over < 0 and (tick - talking_from) % MESSAGE_TICKS == 0:
            for pair, log in zip(pairs, sent, strict=True):
                for end in (0, 1):
                    pair.send(end, struct.pack("<d", time.monotonic()).ljust(MESSAGE_BYTES, b"m"))
                    log.append(now)
        if over > SETTLE_MAX or (over > 0 and [*map(len, sent)] == [*map(len, delays)]):
            break
    rows = []
    for pair, proxy, log, found in zip(pairs, proxies, sent, delays, strict=True):
        wire = sum(link.stats.sent_bytes for _, up, down in proxy.links() for link in (up, down))
        late = 1000 * np.array(found)
        quantiles = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
        rows.append(
            Row(
                name=pair.name,
                loss=loss,
                messages=len(log),
                missing=len(log) - len(found),
                wire=wire / (len(log) * MESSAGE_BYTES),
                delay_ms={label: round(float(np.percentile(late, at)), 1) for label, at in quantiles.items()},
            )
        )
    for each in (*proxies, *pairs):
        each.close()
    return rows


def main() -> None:
    """Run all losses, print the table, write the JSON."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="of each loss")
    parser.add_argument("--losses", type=float, nargs="+", default=[0.0, 0.05, 0.2, 0.5])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=FilePath, help="write the figures here too")
    options = parser.parse_args()
    if enet is None:
        print("pyenet is missing (pip install tickwire[bench]): ours alone")
    rows = []
    print(f"{'':10}{'loss':>6}{'messages':>10}{'missing':>9}{'wire':>7}{'p50 ms':>9}{'p90':>7}{'p99':>7}{'max':>8}")
    for loss in options.losses:
        pairs: list[Any] = [OurPair()] if enet is None else [OurPair(), EnetPair()]
        for row in run(pairs, loss, options.seconds, options.seed):
            rows.append(row)
            late = row.delay_ms
            print(f"{row.name:10}{row.loss:6.0%}{row.messages:10}{row.missing:9}{row.wire:7.2f}", end="")
            print(f"{late['p50']:9.0f}{late['p90']:7.0f}{late['p99']:7.0f}{late['max']:8.0f}", flush=True)
    if options.json:
        figures = {"command": "python " + " ".join(sys.argv), "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
