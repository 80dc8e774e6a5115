"""How large a packet may be on each path: it starts at 1200 bytes and steps down where such packets vanish.

Some paths (tunnels, mobile networks with broken ICMP) silently drop large datagrams. That is found out from the packets
that flow anyway, without probes of its own and without ICMP, for all peers at once. A path steps down

- when `LARGE_LOST` packets in a row that only the present size allows were lost, while `SMALLER_ARRIVED` smaller ones
  arrived: that is not chance, a path that loses half of everything does so once in thousands;
- when nothing arrived for `SILENCE` while the peer itself was heard: everything sent may have been too large.

After a while the larger size is tried again, as paths change: then `TRIAL_LOST` lost ones suffice to step back, and the
next trial waits twice as long. (The idea of RFC 8899, packetization layer path MTU discovery, with game traffic as the
probe.) The sizes are those of packets as given to `AckTable.send`; encryption and UDP add some 60 bytes.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.link.sent import SentPackets
from engine.link.stats import PACKETS_IN, LinkMeter

PACKET_STEPS = (1200, 1000, 508)  # bytes: netcode's most; what most tunnels leave; what IPv4 promises (576) and more
LARGE_LOST = 12
SMALLER_ARRIVED = 4
SILENCE = 1.0  # s
HEARD_PACKETS = 10  # from the peer within that silence, so that it is not the path that is down
TRIAL_LOST = 3
TRIAL_AFTER = 30.0  # s after a step down; a trial that fails costs a few packets
TRIAL_AFTER_MAX = 600.0  # s; doubled up to here

_BOUNDS = np.array([*PACKET_STEPS, PACKET_STEPS[-1]])  # at the last step no packet is large


class PacketSizes:
    """The most bytes a packet to each of `peers` slots should have: `limit`, `(peers,) int64`. Only to be read."""

    def __init__(self, peers: int) -> None:
        self.limit = np.full(peers, PACKET_STEPS[0], np.int64)
        self._peers = peers
        self._step = np.zeros(peers, np.int64)
        self._large_lost = np.zeros(peers, np.int64)  # in a row
        self._smaller_arrived = np.zeros(peers, np.int64)  # meanwhile
        self._on_trial = np.zeros(peers, np.bool_)
        self._trial_after = np.full(peers, TRIAL_AFTER)
        self._trial_at = np.full(peers, math.inf)
        self._arrived_at = np.zeros(peers)  # when a packet was last known delivered
        self._heard = np.zeros(peers, np.int64)  # packets received from the peer by then

    def reset(self, slot: int, now: float) -> None:
        """Begin a new connection in `slot`."""
        self._set_step(np.array([slot]), np.array([0]))
        self._on_trial[slot] = False
        self._trial_after[slot] = TRIAL_AFTER
        self._trial_at[slot] = math.inf
        self._arrived_at[slot] = now
        self._heard[slot] = 0

    def update(self, now: float, acked: SentPackets, lost: SentPackets, meter: LinkMeter) -> None:
        """Take the fates of packets, and step where it is time."""
        heard = meter.totals[PACKETS_IN]
        self._arrived_at[acked.slots] = now
        self._heard[acked.slots] = heard[acked.slots]
        self._large_lost += np.bincount(lost.slots[self._large(lost)], minlength=self._peers)
        large = self._large(acked)
        self._smaller_arrived += np.bincount(acked.slots[~large], minlength=self._peers)
        proved = acked.slots[large]
        self._large_lost[proved] = self._smaller_arrived[proved] = 0
        self._trial_after[proved[self._on_trial[proved]]] = TRIAL_AFTER
        self._on_trial[proved] = False

        silent = (now - self._arrived_at >= SILENCE) & (heard - self._heard >= HEARD_PACKETS)
        vanish = (self._large_lost >= LARGE_LOST) & (self._smaller_arrived >= SMALLER_ARRIVED)
        failed = self._on_trial & ((self._large_lost >= TRIAL_LOST) | silent)
        down = np.flatnonzero((vanish | failed | silent) & (self._step < len(PACKET_STEPS) - 1))
        if len(down):
            again = down[self._on_trial[down]]
            self._trial_after[again] = np.minimum(2 * self._trial_after[again], TRIAL_AFTER_MAX)
            self._trial_at[down] = now + self._trial_after[down]
            self._on_trial[down] = False
            self._arrived_at[down] = now
            self._heard[down] = heard[down]
            self._set_step(down, self._step[down] + 1)
        up = np.flatnonzero(now >= self._trial_at)
        if len(up):
            step = self._step[up] - 1
            self._trial_at[up] = np.where(step > 0, now + self._trial_after[up], math.inf)
            self._on_trial[up] = True
            self._set_step(up, step)

    def _large(self, packets: SentPackets) -> NDArray[np.bool_]:
        """Tell which packets only the present step of their path allows; larger ones are older or went as fragments."""
        step = self._step[packets.slots]
        found: NDArray[np.bool_] = (packets.sizes <= _BOUNDS[step]) & (packets.sizes > _BOUNDS[step + 1])
        return found

    def _set_step(self, slots: NDArray[np.int64], step: NDArray[np.int64]) -> None:
        self._step[slots] = step
        self.limit[slots] = _BOUNDS[step]
        self._large_lost[slots] = self._smaller_arrived[slots] = 0
