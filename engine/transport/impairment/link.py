"""One direction of a link, played with a seed: datagrams in, the same datagrams out, later, or not at all.

`Link` is the only thing that draws random numbers here, and it owns all its state: it reads no clock and
sends nothing. The virtual network, the proxy and the impaired transport differ only in who holds the
datagrams until `deliver_at`.

A packet meets, in this order: MTU, blackout, bottleneck queue (tail drop), loss, delay and jitter, FIFO,
reordering, duplication, corruption. Loss comes after the queue, so a packet lost on the air has used the
bottleneck.

Statistics (checked in tests/transport):

- added delay has the model's median and 99th percentile when packets are further apart than the jitter;
  closer together, FIFO delivery raises it, since a slow packet holds up those behind it.
- jitter is a normal score z following an Ornstein-Uhlenbeck process sampled at send times, correlation
  exp(-dt / jitter_time), mapped to seconds (`jitter.py`).
- loss is v > threshold, v normal with correlation `loss_delay_correlation` to z: the loss ratio stays exact.
- the burst state changes once per packet; runs in the bad state are geometric with mean 1/p_bad_to_good, and
  its share is p_good_to_bad / (p_good_to_bad + p_bad_to_good). A link starts in the good state.
- the queue is a fluid: it never holds more than `queue_bytes`, and adds at most queue_bytes * 8 / rate_bit_s
  of delay. What is already queued when the rate changes keeps the departure time it was given.

Each purpose (jitter, loss, burst state, ...) has a random stream of its own, spawned from the seed, and jitter and
loss are drawn for every packet, whatever becomes of it. So changing one parameter does not shift the draws of
another: runs that differ in loss, rate or blackouts meet the same jitter.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from statistics import NormalDist

import numpy as np

from engine.transport.base import IPV4_UDP_HEADER_BYTES
from engine.transport.impairment.jitter import jitter_map
from engine.transport.impairment.model import LOAD_FILL, LinkEvent, LinkModel
from engine.transport.impairment.traces import OPPORTUNITY_BYTES, DelayTrace, RateTrace

_BLOCK = 512
"""Random numbers drawn at once: a numpy call costs as much for 512 as a Python-level draw for three."""

_MAX_FLIPPED_BITS = 4

Delivery = tuple[float, bytes]
"""When a datagram arrives, and its bytes."""


@dataclass(slots=True)
class LinkStats:
    """What became of the packets: `sent` is the sum of `delivered` and all of the reasons for loss.

    Bytes count the IPv4 and UDP headers.
    """

    sent: int = 0
    sent_bytes: int = 0
    delivered: int = 0
    delivered_bytes: int = 0
    lost_good: int = 0
    """Lost by chance in the good state, or without bursts."""
    lost_bad: int = 0
    """Lost by chance in the bad state."""
    lost_trace: int = 0
    lost_blackout: int = 0
    lost_queue: int = 0
    """Dropped at the tail of a full queue."""
    lost_mtu: int = 0
    """Larger than the MTU."""
    reordered: int = 0
    duplicated: int = 0
    corrupted: int = 0


def derive_seed(seed: int, *names: object) -> int:
    """Return a seed that belongs to `names` (an address, a direction, an ordinal) under a common `seed`."""
    text = " ".join(str(part) for part in (seed, *names))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


class Link:
    """Plays a `LinkModel` with a seed.

    Args:
        model: what to do.
        seed: any non-negative integer; same model, same seed, same calls: same result, bit for bit.
        start: the time of events and traces at 0, in the clock of `now`; None: the first `send`.
    """

    def __init__(self, model: LinkModel, seed: int, start: float | None = None) -> None:
        self.stats = LinkStats()
        streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(6)]
        self._jitter_score = _normals(streams[0])
        self._loss_score = _normals(streams[1])
        self._state_draw = _uniforms(streams[2])
        self._reorder_draw = _uniforms(streams[3])
        self._duplicate_draw = _uniforms(streams[4])
        self._corrupt_draw = _uniforms(streams[5])
        self._front = -math.inf  # arrival of the latest packet in order
        self._score = self._jitter_score()  # z: stationary from the first packet on
        self._score_at = -math.inf
        self._bad = False
        self._backlog = 0.0  # bytes in the queue at _queue_at
        self._queue_at = -math.inf
        self._queued: deque[tuple[float, int]] = deque()  # departures still to come and their bytes (trace queue)
        self._queued_bytes = 0
        self.set_model(model, start)

    def set_model(self, model: LinkModel, start: float | None = None) -> None:
        """Change to `model` at once; packets under way stay, and order is kept.

        `start` is the time at which its events and traces are at 0; None: the next `send`.
        """
        self.model = model
        self._start = start
        self._jitter = jitter_map(model.jitter_shape, model.jitter_p50, model.jitter_p99) if model.jitter_p99 else None
        self._jitter_rate = 1.0 / model.jitter_time if model.jitter_time > 0.0 else 0.0
        self._threshold_good = _loss_threshold(model.loss, model.loss_good)
        self._threshold_bad = _loss_threshold(model.loss, model.loss_bad)
        self._draws_loss = model.mean_loss > 0.0
        if model.p_good_to_bad == 0.0:
            self._bad = False  # nothing would ever end a burst of the model before
        self._coupling = model.loss_delay_correlation if self._jitter is not None else 0.0
        self._coupling_rest = math.sqrt(1.0 - model.loss_delay_correlation**2)
        self._max_bytes = math.inf if model.mtu_bytes is None else model.mtu_bytes
        self._odd = model.reorder > 0.0 or model.duplicate > 0.0 or model.corrupt > 0.0
        self._slot = -1  # delivery opportunity in use, counted over all repetitions of the trace
        self._slot_left = 0  # bytes still free in it
        self._blackout_until = -math.inf
        self._cycle = 0
        self._next_change = -math.inf if model.events else math.inf
        self._perfect = model == LinkModel()
        self._begin_cycle()

    def send(self, datagram: bytes, now: float) -> list[Delivery]:
        """Return when `datagram`, sent at `now`, arrives: nothing if it is lost, twice if it is duplicated."""
        stats = self.stats
        size = len(datagram) + IPV4_UDP_HEADER_BYTES
        stats.sent += 1
        stats.sent_bytes += size
        arrival = now
        if not self._perfect:
            model = self.model
            if self._start is None:
                self._start = now
            if now >= self._next_change:
                self._advance(now)
            score = 0.0 if self._jitter is None else self._next_score(now)
            lost = self._draws_loss and self._is_lost(score)
            if size > self._max_bytes:
                stats.lost_mtu += 1
                return []
            if now < self._blackout_until:
                stats.lost_blackout += 1
                return []
            if self._rate > 0.0:
                self._drain(now)
                backlog = self._backlog + size
                if backlog > model.queue_bytes:
                    stats.lost_queue += 1
                    return []
                self._backlog = backlog
                arrival += backlog / self._rate
            elif model.rate_trace is not None:
                arrival = self._take_slots(model.rate_trace, size, now)
                if arrival < now:
                    stats.lost_queue += 1
                    return []
            if lost:
                if self._bad:
                    stats.lost_bad += 1
                else:
                    stats.lost_good += 1
                return []
            arrival += self._delay
            if self._jitter is not None:
                arrival += self._jitter(score)
            if model.delay_trace is not None:
                extra = self._trace_delay(model.delay_trace, now)
                if extra < 0.0:
                    stats.lost_trace += 1
                    return []
                arrival += extra
        if arrival < self._front:
            arrival = self._front
        stats.delivered += 1
        stats.delivered_bytes += size
        if self._odd:
            return self._oddities(datagram, arrival)
        self._front = arrival
        return [(arrival, datagram)]

    # The random parts.

    def _next_score(self, now: float) -> float:
        fresh = self._jitter_score()
        if self._jitter_rate > 0.0 and now - self._score_at < 1e3:
            kept = math.exp(min(self._score_at - now, 0.0) * self._jitter_rate)
            fresh = kept * self._score + math.sqrt(1.0 - kept * kept) * fresh
        self._score = fresh
        self._score_at = now
        return fresh

    def _is_lost(self, jitter_score: float) -> bool:
        model = self.model
        if model.p_good_to_bad > 0.0:
            if self._bad:
                self._bad = self._state_draw() >= model.p_bad_to_good
            else:
                self._bad = self._state_draw() < model.p_good_to_bad
        score = self._loss_score()
        if self._coupling > 0.0:
            score = self._coupling * jitter_score + self._coupling_rest * score
        return score > (self._threshold_bad if self._bad else self._threshold_good)

    def _oddities(self, datagram: bytes, arrival: float) -> list[Delivery]:
        """Deliver with the model's reordering, duplication and corruption."""
        model, stats = self.model, self.stats
        if model.corrupt > 0.0 and datagram and self._corrupt_draw() < model.corrupt:
            stats.corrupted += 1
            datagram = self._flip_bits(datagram)
        if model.reorder > 0.0 and self._reorder_draw() < model.reorder:
            stats.reordered += 1
            arrival += model.reorder_extra  # the front stays, so that later packets overtake this one
        else:
            self._front = arrival
        if model.duplicate > 0.0 and self._duplicate_draw() < model.duplicate:
            stats.duplicated += 1
            return [(arrival, datagram), (arrival + model.duplicate_extra, datagram)]
        return [(arrival, datagram)]

    def _flip_bits(self, datagram: bytes) -> bytes:
        altered = bytearray(datagram)
        bits = len(datagram) * 8
        for at in {int(self._corrupt_draw() * bits) for _ in range(1 + int(self._corrupt_draw() * _MAX_FLIPPED_BITS))}:
            altered[at >> 3] ^= 1 << (at & 7)
        return bytes(altered)

    # Events.

    def _begin_cycle(self) -> None:
        model = self.model
        self._event = 0
        self._delay = model.delay
        self._rate = 0.0 if model.rate_bit_s is None else model.rate_bit_s / 8.0  # bytes/s; 0: unlimited
        self._load = model.load_bit_s / 8.0
        self._load_limit = LOAD_FILL * model.queue_bytes

    def _advance(self, now: float) -> None:
        """Apply the events up to `now` and note when the next one is due."""
        model, origin = self.model, self._start or 0.0
        period = model.events_period
        if period is not None:
            cycle = math.floor((now - origin) / period)
            origin += cycle * period
            if cycle != self._cycle:  # events of repetitions that passed without a packet change nothing
                self._cycle = cycle
                self._drain(origin)
                self._begin_cycle()
        while self._event < len(model.events) and origin + model.events[self._event].time <= now:
            self._apply(model.events[self._event], origin)
            self._event += 1
        if self._event < len(model.events):
            self._next_change = origin + model.events[self._event].time
        else:
            self._next_change = math.inf if period is None else origin + period

    def _apply(self, event: LinkEvent, origin: float) -> None:
        self._drain(origin + event.time)
        if event.blackout is not None:
            self._blackout_until = origin + event.time + event.blackout
        if event.delay is not None:
            self._delay = event.delay
        if event.rate_bit_s is not None:
            self._rate = event.rate_bit_s / 8.0
        if event.load_bit_s is not None:
            self._load = event.load_bit_s / 8.0

    # The bottleneck.

    def _drain(self, at: float) -> None:
        """Bring the fluid queue up to time `at`."""
        elapsed = at - self._queue_at
        if elapsed <= 0.0:
            return
        self._queue_at = at
        growth = self._load - self._rate
        if elapsed == math.inf:  # nothing before the first packet: the load has been on for ever
            self._backlog = self._load_limit if growth > 0.0 else 0.0
        elif growth <= 0.0:
            self._backlog = max(0.0, self._backlog + growth * elapsed)
        elif self._backlog < self._load_limit:
            self._backlog = min(self._load_limit, self._backlog + growth * elapsed)
        else:  # our own packets stand above what the load may fill: it holds back until they are gone
            self._backlog = max(self._load_limit, self._backlog - self._rate * elapsed)

    def _take_slots(self, trace: RateTrace, size: int, now: float) -> float:
        """Return when `size` bytes have left through the trace's opportunities; -inf: the queue is full."""
        queued = self._queued
        while queued and queued[0][0] <= now:
            self._queued_bytes -= queued.popleft()[1]
        if self._queued_bytes + size > self.model.queue_bytes:
            return -math.inf
        times, period, start = trace.times, trace.period, self._start or 0.0
        since = max(0.0, now - start)
        cycle = math.floor(since / period)
        slot = cycle * len(times) + bisect_left(times, since - cycle * period)
        if slot > self._slot:  # opportunities that passed while nothing waited are gone
            self._slot, self._slot_left = slot, OPPORTUNITY_BYTES
        left = size
        while left > self._slot_left:
            left -= self._slot_left
            self._slot += 1
            self._slot_left = OPPORTUNITY_BYTES
        self._slot_left -= left
        cycle, slot = divmod(self._slot, len(times))
        departure = max(now, start + cycle * period + times[slot])
        queued.append((departure, size))
        self._queued_bytes += size
        return departure

    def _trace_delay(self, trace: DelayTrace, now: float) -> float:
        """Return the recorded delay at `now`, or -1 if the packet is lost."""
        times, delays = trace.times, trace.delays
        since = max(0.0, now - (self._start or 0.0)) % trace.period
        row = bisect_right(times, since) - 1
        if trace.lost[row]:
            return -1.0
        if row + 1 == len(times):
            return delays[row]
        share = (since - times[row]) / (times[row + 1] - times[row])
        return delays[row] + share * (delays[row + 1] - delays[row])


def _loss_threshold(loss: float, state_loss: float) -> float:
    """Return the normal score above which a packet is lost, independently lost with either probability."""
    total = 1.0 - (1.0 - loss) * (1.0 - state_loss)
    if total <= 0.0:
        return math.inf
    return -math.inf if total >= 1.0 else NormalDist().inv_cdf(1.0 - total)


def _normals(rng: np.random.Generator) -> Callable[[], float]:
    """Return a function that draws standard normal numbers, one at a time from blocks."""

    def block() -> list[float] | None:
        drawn: list[float] = rng.standard_normal(_BLOCK).tolist()
        return drawn

    return chain.from_iterable(iter(block, None)).__next__


def _uniforms(rng: np.random.Generator) -> Callable[[], float]:
    """Return a function that draws numbers of [0, 1), one at a time from blocks."""

    def block() -> list[float] | None:
        drawn: list[float] = rng.random(_BLOCK).tolist()
        return drawn

    return chain.from_iterable(iter(block, None)).__next__
