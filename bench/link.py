"""What a secure connection costs the server: sealing, opening, an encrypted echo, and strangers kept out.

    python bench/link.py [--peers 64] [--bytes 100] [--ticks 300] [--json FILE]

An echo is a client's payload opened and one of the same size sealed for it. The echo rows run `--peers` connected
clients that each send one payload a tick (at 60 Hz: 64 peers make 3,840 echoes a second) and time the server's side of
a tick alone: once with datagrams handed over in the process, once over real loopback sockets, drained once a tick.
Strangers' rows are what one datagram of a flood costs. Figures are microseconds of CPU: the median, and the best of the
batches, which is what a machine with nothing else to do would show. A tick is run as soon as the last is done, so the
time of the bench is bounded by its work.
"""

from __future__ import annotations

import json
import random
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.address import Address
from engine.link.netcode import (
    ClientState,
    NetcodeClient,
    NetcodeServer,
    NetcodeServerConfig,
    mint_connect_token,
    read_connect_token,
)
from engine.link.netcode.packet import PAYLOAD, PacketKey, Request, allow, encode_request, packet_associated_data
from engine.link.netcode.replay import ReplayWindow
from engine.transport.udp import UdpSocket

PUBLIC: Address = ("203.0.113.7", 40000)
KEY = bytes(range(32))
UNIX = 1_700_000_000.0
TICK_HZ = 60
BATCHES = 50
"""Medians are over this many batches, so that a busy machine spoils few of them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what it is of, and microseconds."""

    name: str
    median_us: float
    best_us: float


def row_of(name: str, seconds: list[float], calls: int) -> Row:
    """Return the row of batches that took `seconds` for `calls` calls each."""
    return Row(name, median(seconds) / calls * 1e6, min(seconds) / calls * 1e6)


def measure(name: str, work: Callable[[], object], calls: int) -> Row:
    """Return the row of `work`, which does `calls` calls of what is measured."""
    seconds = []
    for _ in range(BATCHES):
        start = process_time()
        work()
        seconds.append(process_time() - start)
    return row_of(name, seconds, calls)


class Match:
    """A server with `peers` clients connected through memory, at addresses of `addresses`."""

    def __init__(self, addresses: list[Address], server_address: Address) -> None:
        entropy = random.Random(1).randbytes
        self.now = 0.0
        self.server_address = server_address
        self.server = NetcodeServer(
            protocol_id=7,
            private_key=KEY,
            addresses=[server_address],
            max_clients=len(addresses),
            now=0.0,
            unix_time=UNIX,
            entropy=entropy,
            config=NetcodeServerConfig(prefix_decrypts_burst=10**6, global_decrypts_burst=10**6),
        )
        self.clients: dict[Address, NetcodeClient] = {}
        for client_id, address in enumerate(addresses):
            token = mint_connect_token(
                protocol_id=7,
                private_key=KEY,
                client_id=client_id,
                addresses=[server_address],
                create_time=UNIX,
                timeout_seconds=-1,
                entropy=entropy,
            )
            self.clients[address] = NetcodeClient(token=token, now=0.0)
        while not all(client.state is ClientState.CONNECTED for client in self.clients.values()):
            self.pass_tick()
        self.pass_tick()
        assert self.server.client_count == len(addresses)

    def pass_tick(self) -> None:
        """Carry what everybody has to say."""
        self.now += 1 / TICK_HZ
        for address, client in self.clients.items():
            client.update(self.now)
            for datagram, _ in client.datagrams_to_send():
                self.server.receive(datagram, address, self.now)
        self.server.update(self.now)
        for datagram, address in self.server.datagrams_to_send():
            self.clients[address].receive(datagram, self.server_address, self.now)

    def serve(self, received: list[tuple[bytes, Address]]) -> list[tuple[bytes, Address]]:
        """The server's side of a tick: open all, echo all, return what to send."""
        server, now = self.server, self.now
        for slot, payload in server.receive_all(received, now):
            server.send(slot, payload, now)
        server.update(now)
        return server.datagrams_to_send()


def bench_packets(size: int) -> list[Row]:
    """One packet sealed, and one opened, without a machine around it."""
    key = PacketKey(KEY, packet_associated_data(7))
    body = bytes(size)
    sealed = [key.seal(PAYLOAD, sequence, body) for sequence in range(1000)]
    allowed = allow(PAYLOAD)

    def seal() -> None:
        for sequence in range(1000):
            key.seal(PAYLOAD, sequence, body)

    def open_all() -> None:
        window = ReplayWindow()
        for packet in sealed:
            key.open(packet, allowed, window)

    return [measure("packet sealed", seal, 1000), measure("packet opened", open_all, 1000)]


def bench_echo_in_memory(peers: int, size: int, ticks: int) -> list[Row]:
    """The server's tick with datagrams handed over in the process."""
    match = Match([(f"10.0.{number >> 8}.{number & 255}", 5000) for number in range(peers)], PUBLIC)
    payload, seconds = bytes(size), []
    for _ in range(ticks):
        match.now += 1 / TICK_HZ
        received = []
        for address, client in match.clients.items():
            client.send(payload, match.now)
            received += [(datagram, address) for datagram, _ in client.datagrams_to_send()]
        start = process_time()
        sent = match.serve(received)
        seconds.append(process_time() - start)
        assert len(sent) == peers
    return [row_of(f"echo in memory, {peers} peers", seconds, peers)]


def bench_echo_on_loopback(peers: int, size: int, ticks: int) -> list[Row]:
    """The server's tick on a real socket, drained once; the clients' sockets are in this process, untimed."""
    sockets = [UdpSocket("127.0.0.1", 0) for _ in range(peers)]
    server_socket = UdpSocket("127.0.0.1", 0)
    match = Match([socket.address for socket in sockets], server_socket.address)
    payload, seconds, echoes = bytes(size), [], 0
    for _ in range(ticks):
        match.now += 1 / TICK_HZ
        for socket, client in zip(sockets, match.clients.values(), strict=True):
            client.send(payload, match.now)
            socket.send(client.datagrams_to_send())
        start = process_time()
        sent = match.serve(server_socket.receive())
        server_socket.send(sent)
        seconds.append((process_time() - start) / max(1, len(sent)))  # all echoed, unless the socket's queue was full
        for socket, client in zip(sockets, match.clients.values(), strict=True):
            echoes += sum(client.receive(*each, match.now) is not None for each in socket.receive())
    for socket in (server_socket, *sockets):
        socket.close()
    print(f"loopback: {echoes} of {peers * ticks} echoes came back", file=sys.stderr)
    return [row_of(f"echo on loopback, {peers} peers", seconds, 1)]


def bench_idle(peers: int, ticks: int) -> list[Row]:
    """`update` with nothing to do, per peer."""
    match = Match([(f"10.0.{number >> 8}.{number & 255}", 5000) for number in range(peers)], PUBLIC)

    def work() -> None:
        for _ in range(ticks):
            match.server.update(match.now)

    return [measure(f"update of an idle peer, {peers} peers", work, ticks * peers)]


def bench_strangers() -> list[Row]:
    """What a flood's datagrams cost, by kind."""

    def request_of(private_key: bytes) -> bytes:
        token = mint_connect_token(
            protocol_id=7,
            private_key=private_key,
            client_id=10**6,
            addresses=[PUBLIC],
            create_time=UNIX,
            entropy=random.Random(2).randbytes,
        )
        public = read_connect_token(token)
        return encode_request(Request(7, public.expire_timestamp, public.nonce, public.sealed_private))

    forged, genuine = request_of(bytes(32)), request_of(KEY)
    rows = []
    for name, datagram, burst in (
        ("stranger: junk", b"\x15" + bytes(80), 1),
        ("stranger: forged request, paid", forged, 10**9),
        ("stranger: forged request, bucket empty", forged, 1),
        ("stranger: genuine request repeated", genuine, 10**9),
    ):
        server = NetcodeServer(
            protocol_id=7,
            private_key=KEY,
            addresses=[PUBLIC],
            max_clients=1,
            now=0.0,
            unix_time=UNIX,
            entropy=random.Random(3).randbytes,
            config=NetcodeServerConfig(prefix_decrypts_burst=burst, global_decrypts_burst=10**9),
        )

        def work(server: NetcodeServer = server, datagram: bytes = datagram) -> None:
            for _ in range(200):
                server.receive(datagram, ("198.51.100.1", 5000), 0.0)

        rows.append(measure(name, work, 200))
    return rows


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", type=int, default=64, help="clients connected, each sending once a tick")
    parser.add_argument("--bytes", type=int, default=100, help="size of a payload, 1 to 1200")
    parser.add_argument("--ticks", type=int, default=300, help="ticks of each echo row")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    rows = [
        *bench_packets(options.bytes),
        *bench_echo_in_memory(options.peers, options.bytes, options.ticks),
        *bench_echo_on_loopback(options.peers, options.bytes, options.ticks),
        *bench_idle(options.peers, options.ticks),
        *bench_strangers(),
    ]
    print(f"{'microseconds of CPU':42} {'median':>8} {'best':>8}")
    for row in rows:
        print(f"{row.name:42} {row.median_us:8.2f} {row.best_us:8.2f}")
    if options.json:
        command = "python " + " ".join(sys.argv)
        figures = {"command": command, "payload_bytes": options.bytes, "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
