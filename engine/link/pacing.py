"""How much each peer may be sent: a token bucket whose rate follows what the path shows, for all peers at once.

When packets wait (`engine.link.congestion`), the rate falls to `back_off` of what arrives meanwhile: that is what the
path carries, so one step empties the queue where fixed steps would take many. When they drop, it falls likewise, but on
trial: if the loss stays, the rate is given back. While the path is quiet the rate rises by a constant per second as far
as it is needed, and slowly around the rate at which the path was last found full. (Additive increase, multiplicative
decrease: Chiu and Jain, 1989. Lingering at the last limit: CUBIC.)

What gives way is the snapshot rate: `snapshot_divider` n says to send every n-th snapshot, so that what is left of the
rate beside all other traffic suffices for whole ones. Inputs and reliable messages are few bytes and go in any case:
they may overdraw the bucket, and snapshots wait until it is paid back.

What it does not do: share a bottleneck fairly with a download that keeps it full. A game stream yields to it, down to
`min_rate`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import UsageError
from engine.link.congestion import LOOK_SAMPLES, LossWatch, QueueWatch
from engine.link.sent import SentPackets
from engine.link.stats import PACKETS_IN, LinkMeter


@dataclass(frozen=True, slots=True)
class PacingConfig:
    """Rates in bytes of packets per second. The defaults suit 30 snapshots a second."""

    start_rate: float = 64_000.0  # half a megabit: home links have it, and a 16-player match needs a third of it
    min_rate: float = 4_000.0  # a path that cannot carry 32 kbit/s cannot carry the game
    max_rate: float = 250_000.0  # 2 Mbit/s: a map of 256 KiB in a second
    burst: float = 0.25  # s of the rate that an idle peer may save up
    burst_bytes: int = 2_400  # and never less than two packets
    snapshot_hz: float = 30.0
    divider_max: int = 6  # 5 snapshots a second; below that interpolation has nothing to go by
    back_off: float = 0.8  # of what arrives
    recovery: float = 2_000.0  # bytes/s gained per second: from half to all of 256 kbit/s in eight seconds

    def __post_init__(self) -> None:
        if not 0 < self.min_rate <= self.start_rate <= self.max_rate:
            raise UsageError(f"rates {self.min_rate} <= {self.start_rate} <= {self.max_rate} do not hold")
        if not 0 < self.back_off < 1 or self.divider_max < 1 or self.snapshot_hz <= 0:
            raise UsageError(f"no pacing by {self}")


LOOK_MIN = 0.1  # s between two looks at a path, which take enough RTT samples too
LOOK_MAX = 1.0  # s; a path that answers five times a second is looked at all the same
HOLD = 0.2  # s besides one RTT until the effect of a step shows, and the next one may follow
STEP_MAX = 0.5  # of the rate at most goes in one step for waiting, so that one mistaken look is no disaster
TRIAL_LEAST = 2.0  # times the least rate: who sends no more is not tried with less
USED_SHARE = 0.8  # of the rate: a rate that is not used is not raised, it has proved nothing
NEAR_LIMIT = (0.9, 1.4)  # times the last limit: within, the path is likely to be found full again
NEAR_SHARE = 0.15  # of the recovery there: half a minute between two such findings
DIVIDER_EASE = 0.9  # share of the rate that must suffice before the divider falls, so that it does not flicker
SNAPSHOT_PART = 0.5  # of a whole snapshot that must be saved up for one to go
SNAPSHOT_GAIN = 1 / 8  # of the running mean of snapshot sizes, per snapshot
OTHER_GAIN = 1 / 4  # of the running mean of other traffic, per look


class Pacer:
    """Send budgets of `peers` slots.

    Read `allowance`, `rate` and `snapshot_divider`, `(peers,)` each; only the pacer writes them. A tick is one `update`
    with the fates of packets that became known, then `spend` for what is sent.
    """

    def __init__(self, peers: int, config: PacingConfig | None = None) -> None:
        self.config = config or PacingConfig()
        self.rate = np.full(peers, self.config.start_rate)  # bytes/s
        self.allowance = self._capacity()  # bytes that may be sent now; negative when overdrawn
        self.snapshot_divider = np.ones(peers, np.int64)
        self._peers = peers
        self._queues = QueueWatch(peers)
        self._losses = LossWatch(peers)
        self._refilled_at: float | None = None
        self._looked_at = np.zeros(peers)
        self._sent = np.zeros(peers)  # bytes since the last look: all, those of snapshots, and what arrived
        self._sent_snapshots = np.zeros(peers)
        self._arrived = np.zeros(peers)
        self._heard = np.zeros(peers, np.int64)  # packets that had come by then
        self._hold_until = np.zeros(peers)  # before it, what is seen was caused before the last step
        self._limit = np.full(peers, math.inf)  # bytes/s that arrived when the path was last found full
        self._trial_rate = np.zeros(peers)  # bytes/s to be given back when the trial fails
        self._snapshot_bytes = np.zeros(peers)  # running mean of a whole snapshot
        self._other_rate = np.zeros(peers)  # running mean of bytes/s that are not snapshots

    def reset(self, slot: int, now: float) -> None:
        """Begin a new connection in `slot`."""
        for column in (self._sent, self._sent_snapshots, self._arrived, self._hold_until):
            column[slot] = 0
        for column in (self._trial_rate, self._snapshot_bytes, self._other_rate):
            column[slot] = 0
        self._limit[slot] = math.inf
        self._heard[slot] = 0
        self._looked_at[slot] = now
        self._queues.reset(slot)
        self._losses.reset(slot)
        self.rate[slot] = self.config.start_rate
        self.snapshot_divider[slot] = 1
        self.allowance[slot] = self._capacity()[slot]

    def spend(
        self, slots: NDArray[np.int64], sizes: NDArray[np.int64], snapshot_sizes: NDArray[np.int64] | int = 0
    ) -> None:
        """Pay for packets of `sizes` bytes to `slots`, all different; of these, `snapshot_sizes` are snapshots'."""
        self.allowance[slots] -= sizes
        self._sent[slots] += sizes
        self._sent_snapshots[slots] += snapshot_sizes

    def spend_one(self, slot: int, size: int) -> None:
        """Pay for a packet of `size` bytes to `slot` without a snapshot."""
        self.allowance[slot] -= size
        self._sent[slot] += size

    def spare(self, slot: int) -> float:
        """Return how many bytes `slot` may be sent now besides a whole snapshot."""
        return float(self.allowance[slot] - self._snapshot_bytes[slot])

    def want_snapshots(self, slots: NDArray[np.int64], sizes: NDArray[np.int64]) -> None:
        """Note how large whole snapshots for `slots`, all different, are or would have been: the divider goes by it."""
        mean = self._snapshot_bytes[slots]
        self._snapshot_bytes[slots] = np.where(mean == 0, sizes, mean + SNAPSHOT_GAIN * (sizes - mean))

    def snapshot_due(self, number: int) -> NDArray[np.bool_]:
        """Return who is to be sent the snapshot `number` of those published, `(peers,)`; slots take turns."""
        due: NDArray[np.bool_] = (number + np.arange(self._peers)) % self.snapshot_divider == 0
        return due

    def refill(self, now: float) -> None:
        """Refill the buckets alone: for ticks between two updates."""
        elapsed = 0.0 if self._refilled_at is None else now - self._refilled_at
        self._refilled_at = now
        np.minimum(self.allowance + self.rate * elapsed, self._capacity(), out=self.allowance)

    def affords_snapshot(self, slots: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which of `slots` have saved up for a good part of a snapshot, `(n,) bool`; others let it pass."""
        enough: NDArray[np.bool_] = self.allowance[slots] >= SNAPSHOT_PART * self._snapshot_bytes[slots]
        return enough

    def update(self, now: float, acked: SentPackets, lost: SentPackets, meter: LinkMeter) -> None:
        """Refill the buckets, take the fates of packets, and look at the paths whose turn it is."""
        self.refill(now)
        if len(acked.slots) or len(lost.slots):
            counts = np.bincount(acked.slots, minlength=self._peers)
            self._queues.take(acked, counts, now)
            self._losses.take(counts, np.bincount(lost.slots, minlength=self._peers))
            self._arrived += np.bincount(acked.slots, acked.sizes, self._peers)
        span = now - self._looked_at
        slots = np.flatnonzero((span >= LOOK_MIN) & ((self._queues.samples >= LOOK_SAMPLES) | (span >= LOOK_MAX)))
        if len(slots):
            self._look(slots, span[slots], now, meter)

    def _look(self, slots: NDArray[np.int64], span: NDArray[np.float64], now: float, meter: LinkMeter) -> None:
        """Set the rates and dividers of `slots` by what was seen in the `span` seconds since the last look at them."""
        config, rate = self.config, self.rate[slots]
        heard = self._queues.samples[slots] > 0
        settled = now >= self._hold_until[slots]
        heard_of = meter.totals[PACKETS_IN][slots]
        queue = self._queues.look(slots, span, meter.jitter[slots], heard_of - self._heard[slots])
        self._heard[slots] = heard_of
        loss = self._losses.look(slots, settled, span)

        arrived = np.where(heard, self._arrived[slots] / span, rate)
        carried = np.minimum(arrived, rate)
        # What has just begun to be sent has not arrived yet: what gets through of it is known by the loss alone.
        through = np.maximum(arrived, self._sent[slots] / span * (1.0 - loss.share))
        tried = config.back_off * np.minimum(through, rate)
        full = queue.full & settled
        # Where hardly less could be sent, it is not we who fill the path, and there is nothing to be tried.
        trial = loss.burst & settled & ~full & (tried > TRIAL_LEAST * config.min_rate)
        self._limit[slots] = np.where(full, arrived, self._limit[slots])
        self._queues.was_full(slots[full], arrived[full])
        self._trial_rate[slots] = np.where(trial, rate, self._trial_rate[slots])
        self._losses.begin_trial(slots[trial])

        limit = self._limit[slots]
        near = (rate > NEAR_LIMIT[0] * limit) & (rate < NEAR_LIMIT[1] * limit)
        needed = (self._sent[slots] >= USED_SHARE * rate * span) | (self.snapshot_divider[slots] > 1)
        quiet = heard & settled & needed & ~queue.waiting & ~loss.notable
        gain = config.recovery * span * np.where(near, NEAR_SHARE, 1.0)

        rate = np.select(
            [full, trial, loss.trial_failed, quiet],
            [
                config.back_off * np.maximum(carried, STEP_MAX * rate),
                tried,
                np.maximum(self._trial_rate[slots], rate),
                rate + gain,
            ],
            rate,
        )
        rate = self.rate[slots] = np.clip(rate, config.min_rate, config.max_rate)
        hold = now + HOLD + np.nan_to_num(meter.rtt[slots])
        self._hold_until[slots] = np.where(full | trial, hold, self._hold_until[slots])

        other = np.maximum(self._sent[slots] - self._sent_snapshots[slots], 0.0) / span
        self._other_rate[slots] += OTHER_GAIN * (other - self._other_rate[slots])
        self._sent[slots] = self._sent_snapshots[slots] = self._arrived[slots] = 0
        self._looked_at[slots] = now
        self._divide(slots, rate)

    def _divide(self, slots: NDArray[np.int64], rate: NDArray[np.float64]) -> None:
        """Choose the dividers with which whole snapshots fit beside all else."""
        left = np.maximum(rate - self._other_rate[slots], rate / 4)
        wanted = self._snapshot_bytes[slots] * self.config.snapshot_hz / left
        divider = self.snapshot_divider[slots]
        needed, eased = np.ceil(wanted), np.ceil(wanted / DIVIDER_EASE)
        chosen = np.where(needed > divider, needed, np.minimum(divider, eased))
        self.snapshot_divider[slots] = np.clip(chosen, 1, self.config.divider_max).astype(np.int64)

    def _capacity(self) -> NDArray[np.float64]:
        return np.maximum(self.rate * self.config.burst, self.config.burst_bytes)
