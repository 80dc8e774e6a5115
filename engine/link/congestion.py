"""Whether a path is full: packets wait in it, or fall out of it, more than is usual there. For all peers at once.

A bad radio delays and drops packets however little is sent, so neither counts by itself:

- `QueueWatch` takes the least RTT of some packets over the least of ten seconds. The least, so that jitter does not
  count: of a few packets one had luck, unless all of them stood in a queue. (As TCP Vegas and LEDBAT measure it.) On a
  narrow path a large packet takes longer than a small one with no queue at all, so once the path's rate is known, from
  when it was last full, the time that the packet itself takes at that rate does not count.
- `LossWatch` takes the share lost over the share that is usual here, and has a doubtful case tried: when sending less
  has not lowered the loss, the loss is the path's own and becomes the usual one.

Both are fed with fates of packets and asked when a look is due; what to do about it is `engine.link.pacing`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.link.sent import SentPackets

QUEUE_TARGET = 0.025  # s that packets may wait: a frame and a half at 60 Hz, the noise of an idle path
FRAMES_WAITED = 1.5  # of a peer that answers more rarely, packets may wait as many of its frames
FRAME_MAX = 0.05  # s; a peer that answers more rarely still is on a bad path, not at a slow screen
JITTER_SHARE = 0.75  # of the jitter, added to the target: the least of a few samples is seldom further off
FLOOR_SECONDS = 5.0  # s; the least RTT is that of the current and the former so many
BOTTLENECK_FALL = 0.9  # to which the path's rate falls at most when it is found full with less
LOOK_SAMPLES = 3  # RTT samples of which the least counts
FULL_LOOKS = 4  # in a row that must agree: a few may be a stall of the peer's own
FULL_AT_ONCE = 4  # times the target: then one look suffices, a queue that grows like this is not waited for
DRAIN = 0.25  # s per second by which a queue must shrink, not to be found full again while it empties

LOSS_WINDOW = 40  # packets over which the share lost is taken
LOSS_PACKETS_MIN = 3  # lost packets that make a burst; two are an accident
LOSS_BURST = 0.15  # share lost beyond the usual one that is a burst
LOSS_NOTABLE = 0.05  # share lost beyond the usual one with which a rate is not raised
TRIAL_PACKETS = 25  # whose fates decide whether sending less helped
TRIAL_HELPED = 0.6  # of the former loss, or less: it helped
USUAL_RISE = 20.0  # s in which a lasting loss becomes the usual one
USUAL_FALL = 2.0  # s in which it is forgotten when it ends


@dataclass(frozen=True, slots=True)
class QueueLook:
    """What a look found, `(n,) bool`: packets wait; and they do so still, in a queue that does not empty."""

    waiting: NDArray[np.bool_]
    full: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LossLook:
    """What a look found, `(n,) bool`: losses to be careful about; a burst of them; a trial that did not help. And the
    share of packets lost, `(n,)`."""

    share: NDArray[np.float64]
    notable: NDArray[np.bool_]
    burst: NDArray[np.bool_]
    trial_failed: NDArray[np.bool_]


class QueueWatch:
    """How long packets wait in the paths of `peers` slots."""

    def __init__(self, peers: int) -> None:
        self.samples = np.zeros(peers, np.int64)  # since the last look
        self._least = np.full(peers, math.inf)  # RTT of those, less the time the packet itself takes
        self._bottleneck = np.full(peers, math.inf)  # bytes/s of the path, infinite until it was found full
        # RTT and size of the packet with the least time, of the current and of the former seconds.
        self._floor_rtt = np.full((2, peers), math.inf)
        self._floor_size = np.zeros((2, peers))
        self._floor_since = -math.inf
        self._queue = np.zeros(peers)  # s that packets waited at the last look
        self._looks = np.zeros(peers, np.int64)  # in a row that found packets waiting

    def reset(self, slot: int) -> None:
        """Forget what `slot` showed."""
        self.samples[slot] = self._queue[slot] = self._looks[slot] = 0
        self._least[slot] = self._bottleneck[slot] = math.inf
        self._floor_rtt[:, slot] = math.inf

    def take(self, acked: SentPackets, counts: NDArray[np.int64], now: float) -> None:
        """Take packets delivered, `counts` of each slot."""
        self.samples += counts
        if now - self._floor_since >= FLOOR_SECONDS:
            self._floor_since = now
            self._floor_rtt[1], self._floor_size[1] = self._floor_rtt[0], self._floor_size[0]
            self._floor_rtt[0] = math.inf
        rtts = now - acked.sent_at
        waits = rtts - acked.sizes / self._bottleneck[acked.slots]
        order = np.lexsort((waits, acked.slots))
        slots = acked.slots[order]
        first = np.ones(len(order), np.bool_)
        first[1:] = slots[1:] != slots[:-1]
        order, slots = order[first], slots[first]
        least = waits[order]
        self._least[slots] = np.minimum(self._least[slots], least)
        lower = least < self._floor_rtt[0, slots] - self._floor_size[0, slots] / self._bottleneck[slots]
        self._floor_rtt[0, slots[lower]] = rtts[order[lower]]
        self._floor_size[0, slots[lower]] = acked.sizes[order[lower]]

    def was_full(self, slots: NDArray[np.int64], arrived: NDArray[np.float64]) -> None:
        """Note that `arrived` bytes/s came through while the paths of `slots` were full: that is their rate."""
        known = self._bottleneck[slots]
        self._bottleneck[slots] = np.where(np.isinf(known), arrived, np.maximum(arrived, BOTTLENECK_FALL * known))

    def look(
        self,
        slots: NDArray[np.int64],
        span: NDArray[np.float64],
        jitter: NDArray[np.float64],
        answers: NDArray[np.int64],
    ) -> QueueLook:
        """Look at `slots`, `span` seconds after the last look; with no sample since, nothing is found.

        `jitter` is the meter's, of these slots, `(n,)`. `answers`, `(n,)`, packets of theirs that came since: a peer
        reads its mail once a frame, so when its frames drift against ours the wait grows by one of them, and no queue.
        """
        heard = self.samples[slots] > 0
        before = self._queue[slots]
        floor = np.min(self._floor_rtt[:, slots] - self._floor_size[:, slots] / self._bottleneck[slots], axis=0)
        queue = np.where(heard, self._least[slots] - np.where(heard, floor, 0), before)
        frame = np.minimum(span / np.maximum(answers, 1), FRAME_MAX)
        target = np.maximum(QUEUE_TARGET, FRAMES_WAITED * frame) + JITTER_SHARE * np.nan_to_num(jitter)
        waiting = heard & (queue > target)
        looks = np.where(heard, np.where(waiting, self._looks[slots] + 1, 0), self._looks[slots])
        sure = (looks >= FULL_LOOKS) | (queue > FULL_AT_ONCE * target)
        self._queue[slots], self._looks[slots] = queue, looks
        self.samples[slots] = 0
        self._least[slots] = math.inf
        return QueueLook(waiting, waiting & sure & (queue > before - DRAIN * span))


class LossWatch:
    """What share of packets falls out of the paths of `peers` slots."""

    def __init__(self, peers: int) -> None:
        self._acked = np.zeros(peers)  # since the last look
        self._lost = np.zeros(peers)
        self._window = np.zeros(peers)  # fates in the window, and those of packets lost
        self._window_lost = np.zeros(peers)
        self._usual = np.zeros(peers)
        self._trial_loss = np.full(peers, math.nan)  # what a trial is to improve on; nan when none runs

    def reset(self, slot: int) -> None:
        """Forget what `slot` showed."""
        for column in (self._acked, self._lost, self._window, self._window_lost, self._usual):
            column[slot] = 0
        self._trial_loss[slot] = math.nan

    def take(self, acked: NDArray[np.int64], lost: NDArray[np.int64]) -> None:
        """Take the numbers of packets delivered and lost, `(peers,)` each."""
        self._acked += acked
        self._lost += lost

    def begin_trial(self, slots: NDArray[np.int64]) -> None:
        """Note that less is sent to `slots` from now on, for the loss seen at this look."""
        self._trial_loss[slots] = self._window_lost[slots] / np.maximum(self._window[slots], 1)

    def look(self, slots: NDArray[np.int64], settled: NDArray[np.bool_], span: NDArray[np.float64]) -> LossLook:
        """Look at `slots`, `span` seconds after the last look.

        `settled`, `(n,)`: the fates are of packets that left after the last step down. Others do not count.
        """
        lost = np.where(settled, self._lost[slots], 0)
        fates = np.where(settled, self._acked[slots], 0) + lost
        kept = np.where(settled, np.exp(-fates / LOSS_WINDOW), 0)
        window = self._window[slots] = self._window[slots] * kept + fates
        window_lost = self._window_lost[slots] = self._window_lost[slots] * kept + lost
        self._acked[slots] = self._lost[slots] = 0
        loss = window_lost / np.maximum(window, 1)

        trial_loss = self._trial_loss[slots]
        judged = window >= TRIAL_PACKETS
        failed = judged & (loss > TRIAL_HELPED * trial_loss)  # false while no trial runs: nan
        self._trial_loss[slots] = np.where(judged, math.nan, trial_loss)

        before = self._usual[slots]
        drift = (loss - before) * np.minimum(span / np.where(loss < before, USUAL_FALL, USUAL_RISE), 1)
        usual = self._usual[slots] = np.where(failed, loss, np.where(settled, before + drift, before))
        burst = (window_lost >= LOSS_PACKETS_MIN) & (loss > usual + LOSS_BURST) & np.isnan(trial_loss)
        return LossLook(loss, loss > usual + LOSS_NOTABLE, burst, failed)
