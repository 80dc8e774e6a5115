"""Pacing against a bottleneck in virtual time: how long packets wait, how much gets through, how many snapshots.

    python bench/pacing.py [--seconds 60] [--json FILE]

A server has a snapshot for one peer every other tick of 60 Hz, of one or two packets of 1200 bytes; the peer answers
every tick. Between them is a path of some rate with a queue that never drops (unless it says so). wait: what packets
stood in the queue, from the fifth second on. kB/s: packets sent. snapshots: sent per second. lost: share of packets.
"""

from __future__ import annotations

import heapq
import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.link.acks import AckTable
from engine.link.pacing import Pacer
from engine.link.sent import Fate, sent_packets

KBIT = 125.0  # bytes/s
HEADERS_BYTES = 53  # netcode, UDP and IP around a packet: the bottleneck carries them too


@dataclass
class Bottleneck:
    """One direction: `rate` bytes/s behind a queue without end, then `delay` (s), exponential `jitter` (s), `loss`."""

    rate: float
    delay: float = 0.020
    jitter: float = 0.0
    loss: float = 0.0
    queue_bytes: float = float("inf")
    free_at: float = 0.0

    def send(self, size: int, now: float, rng: np.random.Generator) -> float | None:
        """Return when a packet arrives, None when it is lost."""
        if (self.free_at - now) * self.rate + size > self.queue_bytes:
            return None
        self.free_at = max(self.free_at, now) + (size + HEADERS_BYTES) / self.rate
        if rng.random() < self.loss:
            return None
        return self.free_at + self.delay + self.jitter * float(rng.exponential())


class Match:
    """A server that has a snapshot of `packets` x `size` bytes every other tick of 60 Hz for one peer behind a path."""

    def __init__(self, path: Bottleneck, size: int, packets: int = 1, paced: bool = True, seed: int = 1) -> None:
        self.path, self.back = path, Bottleneck(1e6, path.delay, path.jitter, path.loss)
        self.size, self.packets, self.paced = size, packets, paced
        self.acks, self.peer, self.pacer = AckTable(1), AckTable(1), Pacer(1)
        self.pacer.reset(0, 0.0)
        self.tick = 0
        self.log: list[tuple[float, float, int, int]] = []  # when, s of queue before it, divider, bytes
        self._rng = np.random.default_rng(seed)
        self._down: list[tuple[float, int, tuple[int, int, int]]] = []
        self._up: list[tuple[float, int, tuple[int, int, int]]] = []

    def run(self, seconds: float) -> np.ndarray:
        """Run on for `seconds`; return the log of that time as columns."""
        begin = len(self.log)
        for _ in range(round(seconds * 60)):
            self._step(self.tick / 60)
            self.tick += 1
        return np.array(self.log[begin:]).T

    def _step(self, now: float) -> None:
        while self._down and self._down[0][0] <= now:
            self.peer.receive_one(0, *heapq.heappop(self._down)[2], now, self.size)
        acked: list[Fate] = []
        while self._up and self._up[0][0] <= now:
            acked += self.acks.receive_one(0, *heapq.heappop(self._up)[2], now, 60)[1]
        lost = self.acks.lost_one(0, now)
        self.pacer.update(now, sent_packets(acked), sent_packets(lost), self.acks.meter)
        one = np.array([0])
        if self.tick % 2 == 0:
            whole = self.size * self.packets
            self.pacer.want_snapshots(one, np.array([whole]))
            due = self.pacer.snapshot_due(self.tick // 2)[0] and self.pacer.allowance[0] >= whole / 2
            for _ in range(self.packets if due or not self.paced else 0):
                self.log.append((now, max(0.0, self.path.free_at - now), self.pacer.snapshot_divider[0], self.size))
                header = self.acks.send_one(0, now, self.size)
                self.pacer.spend(one, np.array([self.size]), np.array([self.size]))
                at = self.path.send(self.size, now, self._rng)
                if at is not None:
                    heapq.heappush(self._down, (at, self.tick * 10 + len(self._down), header))
        header = self.peer.send_one(0, now, 60)
        at = self.back.send(60, now, self._rng)
        if at is not None:
            heapq.heappush(self._up, (at, self.tick, header))


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one run."""

    name: str
    paced: bool
    wait_ms_mean: float
    wait_ms_p95: float
    wait_ms_max: float
    kbytes_per_second: float
    snapshots_per_second: float
    lost: float


SCENARIOS = (
    # name, path, packets of a snapshot
    ("256 kbit/s, 36 kB/s wanted", Bottleneck(256 * KBIT), 1),
    ("256 kbit/s, 72 kB/s wanted", Bottleneck(256 * KBIT), 2),
    ("256 kbit/s, RTT 200 ms, 72 kB/s", Bottleneck(256 * KBIT, delay=0.1), 2),
    ("256 kbit/s, 5 % loss, jitter 5 ms", Bottleneck(256 * KBIT, jitter=0.005, loss=0.05), 2),
    ("256 kbit/s, queue of 4 packets", Bottleneck(256 * KBIT, queue_bytes=4800), 2),
    ("128 kbit/s, 36 kB/s wanted", Bottleneck(128 * KBIT), 1),
    ("8 Mbit/s, jitter 30 ms", Bottleneck(8000 * KBIT, jitter=0.030), 1),
    ("8 Mbit/s, 20 % loss", Bottleneck(8000 * KBIT, loss=0.2), 1),
)


def run(name: str, path: Bottleneck, packets: int, paced: bool, seconds: float) -> Row:
    """Run one scenario and return its figures."""
    match = Match(replace(path), 1200, packets, paced)
    match.run(5.0)
    _, queue, _, sizes = match.run(seconds)
    return Row(
        name=name,
        paced=paced,
        wait_ms_mean=round(1000 * float(queue.mean()), 1),
        wait_ms_p95=round(1000 * float(np.quantile(queue, 0.95)), 1),
        wait_ms_max=round(1000 * float(queue.max()), 1),
        kbytes_per_second=round(float(sizes.sum()) / seconds / 1000, 1),
        snapshots_per_second=round(len(sizes) / packets / seconds, 1),
        lost=round(match.acks.stats(0, match.tick / 60).loss_out, 3),
    )


def main() -> None:
    """Run all, print the table, write the JSON."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="virtual seconds of each run")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    rows = []
    print(f"{'':36}{'wait ms: mean':>14}{'p95':>7}{'max':>7}{'kB/s':>7}{'snapshots':>11}{'lost':>7}")
    for name, path, packets in SCENARIOS:
        for paced in (False, True):
            row = run(name, path, packets, paced, options.seconds)
            rows.append(row)
            print(f"{name if paced else name + ', unpaced':44}"[:44], end="")
            print(f"{row.wait_ms_mean:6.0f}{row.wait_ms_p95:7.0f}{row.wait_ms_max:7.0f}", end="")
            print(f"{row.kbytes_per_second:7.1f}{row.snapshots_per_second:11.1f}{row.lost:7.1%}", flush=True)
    if options.json:
        figures = {"command": "python " + " ".join(sys.argv), "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
