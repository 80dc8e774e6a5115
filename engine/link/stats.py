"""What is known of every peer's path: round-trip time, jitter, loss and rates, as arrays over peer slots.

`LinkMeter` keeps it, `LinkStats` is one peer's summary: the one form that the HUD, the metrics, the lab and the tests
read. The smoothed RTT and its variance are RFC 6298's; jitter is RFC 3550's filter over the differences of successive
RTT samples (there is no sender clock on the wire to take transit times from). All other figures are differences of
running totals: the totals as they were at the start of each of the last seconds are kept, so counting a packet costs
one addition and "the last ten seconds" needs no bookkeeping per packet.

An RTT here runs until the peer's next packet told of ours, so it holds the wait for that packet (half a send interval
on average). It does not separate the two directions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW_SECONDS = 10  # of loss and of the RTT minimum: a route change or a full queue is seen within it
RATE_SECONDS = 3  # of the rates: the current second and the two before it, short enough to watch
RATE_FLOOR = 1.0  # s; a younger connection's rate is taken over this, or its first packet would read as megabits
RTT_GAIN = 1 / 8  # RFC 6298 alpha
RTT_VAR_GAIN = 1 / 4  # RFC 6298 beta
JITTER_GAIN = 1 / 16  # RFC 3550

# Rows of the running totals.
BYTES_IN, PACKETS_IN, EXPECTED_IN, BYTES_OUT, PACKETS_OUT, ACKED, LOST, LATE, DUPLICATE, STALE = range(10)
TOTALS = 10


@dataclass(frozen=True, slots=True)
class LinkStats:
    """One peer's path as seen from this end; seconds, fractions 0..1, kbit/s; None is "no sample yet"."""

    rtt: float | None  # smoothed
    rtt_min: float | None  # of the last ten seconds
    rtt_var: float | None  # smoothed mean deviation
    jitter: float | None  # smoothed difference of successive samples
    loss_in: float  # gaps in the sequences received, last ten seconds
    loss_out: float  # lost among our packets whose fate was learned, last ten seconds
    in_kbit_s: float  # packets as counted by the caller, last three seconds
    out_kbit_s: float
    packets_in: int  # fresh ones, since the reset
    packets_out: int
    packets_acked: int
    packets_lost: int  # declared lost and not acknowledged late
    packets_late: int  # acknowledged after they had been declared lost; counted as acked too
    packets_duplicate: int  # refused: seen before
    packets_stale: int  # refused: 256 or more behind the newest


class LinkMeter:
    """RTT estimators and running totals of all peers.

    `rtt`, `rtt_var`, `jitter`: `(peers,) float64`, nan before the first sample. `totals`: `(TOTALS, peers) int64`.
    Read them freely; only `AckTable` writes.
    """

    def __init__(self, peers: int) -> None:
        self.peers = peers
        self.rtt = np.full(peers, math.nan)
        self.rtt_var = np.full(peers, math.nan)
        self.jitter = np.full(peers, math.nan)
        self.totals = np.zeros((TOTALS, peers), np.int64)
        self._last = np.full(peers, math.nan)
        self._marks = np.zeros((WINDOW_SECONDS, TOTALS, peers), np.int64)  # totals at the start of each second
        self._minima = np.full((WINDOW_SECONDS, peers), math.inf)  # of the RTT within each second
        self._since = np.zeros(peers)
        self._second: int | None = None
        # The same memory one element at a time: half the price of numpy's own indexing, and plain Python numbers.
        self.total_cells: memoryview[int] = self.totals.reshape(-1).data
        self._rtt_cells = float_cells(self.rtt)
        self._rtt_var_cells = float_cells(self.rtt_var)
        self._jitter_cells = float_cells(self.jitter)
        self._last_cells = float_cells(self._last)
        self._minimum_cells = float_cells(self._minima)

    def reset(self, slot: int, now: float) -> None:
        """Forget all about `slot`: a new peer has it."""
        self.advance(now)
        for column in (self.rtt, self.rtt_var, self.jitter, self._last):
            column[slot] = math.nan
        self.totals[:, slot] = 0
        self._marks[:, :, slot] = 0
        self._minima[:, slot] = math.inf
        self._since[slot] = now

    def advance(self, now: float) -> None:
        """Open the second that `now` lies in; to be called before anything is counted."""
        second = math.floor(now)
        if second == self._second:
            return
        first = second if self._second is None else max(self._second + 1, second - WINDOW_SECONDS + 1)
        for opened in range(first, second + 1):
            self._marks[opened % WINDOW_SECONDS] = self.totals
            self._minima[opened % WINDOW_SECONDS] = math.inf
        self._second = second

    def sample(self, slot: int, rtt: float) -> None:
        """Take one RTT sample (seconds) of one peer."""
        smoothed = self._rtt_cells[slot]
        if smoothed != smoothed:
            self._rtt_cells[slot] = rtt
            self._rtt_var_cells[slot] = rtt / 2
            self._jitter_cells[slot] = 0.0
        else:
            variance, jitter = self._rtt_var_cells[slot], self._jitter_cells[slot]
            self._rtt_var_cells[slot] = variance + RTT_VAR_GAIN * (abs(smoothed - rtt) - variance)
            self._rtt_cells[slot] = smoothed + RTT_GAIN * (rtt - smoothed)
            self._jitter_cells[slot] = jitter + JITTER_GAIN * (abs(rtt - self._last_cells[slot]) - jitter)
        self._last_cells[slot] = rtt
        place = self._open_second() * self.peers + slot
        if rtt < self._minimum_cells[place]:
            self._minimum_cells[place] = rtt

    def sample_each(self, slots: NDArray[np.int64], rtts: NDArray[np.float64]) -> None:
        """Take one RTT sample of each of `slots`, all different."""
        smoothed, variance, jitter = self.rtt[slots], self.rtt_var[slots], self.jitter[slots]
        first = np.isnan(smoothed)
        self.rtt_var[slots] = np.where(first, rtts / 2, variance + RTT_VAR_GAIN * (np.abs(smoothed - rtts) - variance))
        self.rtt[slots] = np.where(first, rtts, smoothed + RTT_GAIN * (rtts - smoothed))
        step = np.abs(rtts - self._last[slots])
        self.jitter[slots] = np.where(first, 0.0, jitter + JITTER_GAIN * (step - jitter))
        self._last[slots] = rtts
        minima = self._minima[self._open_second()]
        minima[slots] = np.minimum(minima[slots], rtts)

    def rtt_min(self) -> NDArray[np.float64]:
        """Return the least RTT of each peer in the last ten seconds, `(peers,)`, nan where there is none."""
        least: NDArray[np.float64] = self._minima.min(axis=0)
        least[np.isinf(least)] = math.nan
        return least

    def stats(self, slot: int, now: float) -> LinkStats:
        """Return the summary of one peer."""
        self.advance(now)
        totals = self.totals[:, slot]
        second = math.floor(now)
        recent = (totals - self._marks[(second + 1) % WINDOW_SECONDS, :, slot]).tolist()
        latest = (totals - self._marks[(second + 1 - RATE_SECONDS) % WINDOW_SECONDS, :, slot]).tolist()
        span = max(now - max(second + 1 - RATE_SECONDS, float(self._since[slot])), RATE_FLOOR)
        settled = recent[ACKED] + recent[LOST]
        minimum = float(self._minima[:, slot].min())
        whole: list[int] = totals.tolist()
        return LinkStats(
            rtt=_known(self.rtt[slot]),
            rtt_min=None if math.isinf(minimum) else minimum,
            rtt_var=_known(self.rtt_var[slot]),
            jitter=_known(self.jitter[slot]),
            loss_in=max(0.0, 1 - recent[PACKETS_IN] / recent[EXPECTED_IN]) if recent[EXPECTED_IN] > 0 else 0.0,
            loss_out=max(0.0, recent[LOST] / settled) if settled > 0 else 0.0,
            in_kbit_s=latest[BYTES_IN] * 0.008 / span,
            out_kbit_s=latest[BYTES_OUT] * 0.008 / span,
            packets_in=whole[PACKETS_IN],
            packets_out=whole[PACKETS_OUT],
            packets_acked=whole[ACKED],
            packets_lost=whole[LOST],
            packets_late=whole[LATE],
            packets_duplicate=whole[DUPLICATE],
            packets_stale=whole[STALE],
        )

    def _open_second(self) -> int:
        return (self._second or 0) % WINDOW_SECONDS


def float_cells(array: NDArray[np.float64]) -> memoryview[float]:
    """Return the memory of a contiguous array one element at a time."""
    return array.data.cast("B").cast("d")


def _known(value: np.float64) -> float | None:
    return None if math.isnan(value) else float(value)
