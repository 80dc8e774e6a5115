"""What a datagram costs on the wire side: one system call each against sendmmsg and recvmmsg, on loopback.

    python bench/udp.py [--datagrams 16 64 256 1024] [--bytes 120] [--rounds 200] [--json FILE]

A round sends a burst to several sockets of the same process and drains as many datagrams from them, as one tick
of a server does; the two ways take turns round by round, so that a busy machine slows both alike. Prints the
median microseconds of CPU per datagram. The kernel's share is in both alike (on loopback the receiver's half of
the stack runs inside the send).
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from statistics import median
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.transport.udp import UdpSocket


class Candidate:
    """One way of doing it: a server socket, the sockets at the other end, and the seconds its bursts took."""

    def __init__(self, batched: bool, datagrams: int, size: int, peers: int) -> None:
        self.name = "batched" if batched else "plain"
        self.server = UdpSocket("127.0.0.1", 0, batched=batched)
        self.peers = [UdpSocket("127.0.0.1", 0) for _ in range(peers)]
        self.burst = [(bytes(size), self.peers[index % peers].address) for index in range(datagrams)]
        self.reply = [[(bytes(size), self.server.address)] * (len(self.burst) // peers) for _ in range(peers)]
        self.send_seconds: list[float] = []
        self.receive_seconds: list[float] = []
        self.lost = 0

    def round(self) -> None:
        """Send a burst, and drain one."""
        start = process_time()
        self.server.send(self.burst)
        self.send_seconds.append(process_time() - start)
        self.lost += len(self.burst) - sum(len(peer.receive()) for peer in self.peers)
        for peer, reply in zip(self.peers, self.reply, strict=True):
            peer.send(reply)
        start = process_time()
        received = self.server.receive()
        self.receive_seconds.append(process_time() - start)
        self.lost += len(self.burst) - len(received)

    def row(self) -> dict[str, float | int | str]:
        """Return the medians, microseconds per datagram."""
        count = len(self.burst)
        return {
            "burst": count,
            "path": self.name,
            "send_us": median(self.send_seconds) / count * 1e6,
            "receive_us": median(self.receive_seconds) / count * 1e6,
            "lost": self.lost,
        }

    def close(self) -> None:
        """Close all sockets."""
        for socket in (self.server, *self.peers):
            socket.close()


def main() -> None:
    """Measure both in turns, round by round, and print the table."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--datagrams", type=int, nargs="+", default=[16, 64, 256, 1024])
    parser.add_argument("--bytes", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--peers", type=int, default=16, help="sockets at the other end; divides the bursts")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    print(f"{'burst':>6} {'path':8} {'send us':>8} {'receive us':>11} {'lost':>6}")
    for datagrams in options.datagrams:
        candidates = [Candidate(batched, datagrams, options.bytes, options.peers) for batched in (False, True)]
        for _ in range(options.rounds):
            for candidate in candidates:
                candidate.round()
        for candidate in candidates:
            row = candidate.row()
            print("{burst:6} {path:8} {send_us:8.2f} {receive_us:11.2f} {lost:6}".format(**row))
            rows.append(row)
            candidate.close()
    if options.json:
        command = "python " + " ".join(sys.argv)
        options.json.write_text(json.dumps({"command": command, "bytes": options.bytes, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
