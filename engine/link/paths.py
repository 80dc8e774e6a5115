"""The paths to all peers of a session: which packets arrived, how much may be sent, and how large a packet may be.

Three parts that feed on the same fates of packets, kept together so that each is told of all of them:

| part    | is told                          | is asked for                                              |
|---------|----------------------------------|-----------------------------------------------------------|
| `acks`  | every packet sent and received   | sequences, what was delivered, what was lost, path figures |
| `pacer` | fates, and the sizes of what goes | who is sent a snapshot now, how much of one, how much more |
| `sizes` | fates                            | the most bytes of a packet                                 |

A tick is `receive` (or `receive_one`), then `update`, then for each round of packets `snapshots_due`, `snapshot_room`
and `snapshots_sent`. Acks are every tick's business; paths are looked at more rarely (`LOOK_INTERVAL`), because what is
to be seen there takes longer to show. What a packet holds is not known here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.link.acks import AckTable, Received
from engine.link.header import PACKET_HEADER_MAX_BYTES
from engine.link.mtu import PACKET_STEPS, PacketSizes
from engine.link.pacing import Pacer, PacingConfig
from engine.link.sent import Fate, SentPackets, fates_of, joined, sent_packets
from engine.link.stats import PACKETS_IN

HEADER_BYTES = PACKET_HEADER_MAX_BYTES
"""Of a packet, at most; packets are counted as if they had that much, so that a size is known before its header."""
LOOK_INTERVAL = 0.045
"""Seconds between two looks, or little more: every third tick of 60 Hz. The pacer itself acts ten times a second."""
LOOK_INTERVAL_IDLE = 1.995
"""The same for a client while it sends little but inputs, which go whatever the path shows: every 120th tick."""
IDLE_PACKET = 400
"""Bytes; a packet of more is worth a look, and so is what follows within `BUSY_SECONDS`."""
BUSY_SECONDS = 1.0
SNAPSHOT_ROOM_MIN = 256
"""Bytes that a snapshot which goes may take however empty the bucket is: the own row and the nearest few."""
CUT_MARGIN = 16
"""Bytes; a snapshot that leaves no more of its room free was cut to it."""
HEARD_MAX = 16
"""Packets of a peer after which it is answered even with nothing to say: a header tells of 32, and may be lost."""


class Paths:
    """See the module. payload_bytes: the most a packet may have on any path. paced: whether budgets are kept at all.
    idle_interval: seconds between two looks at the paths while nothing large goes."""

    def __init__(
        self,
        peers: int,
        payload_bytes: int = PACKET_STEPS[0],
        pacing: PacingConfig | None = None,
        paced: bool = True,
        idle_interval: float = LOOK_INTERVAL,
    ) -> None:
        self.acks = AckTable(peers)
        self.pacer = Pacer(peers, pacing)
        self.sizes = PacketSizes(peers)
        self._payload_bytes = payload_bytes
        self._paced = paced
        self._idle_interval = idle_interval
        self._busy_until = -math.inf
        # What the next look is told, with `sent_at` counted from when the fate became known: what is heard of between
        # two looks has not waited for the second one.
        self._acked: list[SentPackets] = []
        self._acked_one: list[Fate] = []
        self._lost: list[Fate] = []
        self._looked_at = -math.inf
        self._now = 0.0  # of the last update
        self._heard = np.zeros(peers, np.int64)  # packets of each peer when it was last sent one

    def reset(self, slot: int, now: float) -> None:
        """Begin a new connection in `slot`."""
        self.acks.reset(slot, now)
        self.pacer.reset(slot, now)
        self.sizes.reset(slot, now)
        self._heard[slot] = 0
        self._now = now

    def receive(
        self,
        slots: NDArray[np.int64],
        sequences: NDArray[np.int64],
        acks: NDArray[np.int64],
        ack_bits: NDArray[np.uint64],
        now: float,
        sizes: NDArray[np.int64],
    ) -> Received:
        """Take the headers of packets that arrived, as `AckTable.receive` does."""
        received = self.acks.receive(slots, sequences, acks, ack_bits, now, sizes)
        acked = received.acked
        self._acked.append(SentPackets(acked.slots, acked.sequences, acked.sent_at - now, acked.sizes))
        return received

    def receive_one(
        self, slot: int, sequence: int, ack: int, ack_bits: int, now: float, size: int
    ) -> tuple[bool, list[Fate]]:
        """Take one header, as `AckTable.receive_one` does."""
        fresh, acked = self.acks.receive_one(slot, sequence, ack, ack_bits, now, size)
        for place, packet, sent_at, packet_size in acked:
            self._acked_one.append((place, packet, sent_at - now, packet_size))
        return fresh, acked

    def update(self, now: float) -> list[tuple[int, int]]:
        """Return `(slot, sequence)` of the packets lost as of `now` and not told before; look at the paths in time.

        Budgets are refilled.
        """
        self._now = now
        if self.acks.peers == 1:  # and its bucket is refilled when it is asked for: most packets just go
            lost = self.acks.lost_one(0, now)
        else:
            lost = fates_of(self.acks.lost(now))
            self.pacer.refill(now)
        self._lost += lost
        if now - self._looked_at >= (LOOK_INTERVAL if now < self._busy_until else self._idle_interval):
            self._looked_at = now
            self._look(now)
        return [(slot, sequence) for slot, sequence, _, _ in lost]

    def _look(self, now: float) -> None:
        told = joined([*self._acked, sent_packets(self._acked_one)])
        acked = SentPackets(told.slots, told.sequences, told.sent_at + now, told.sizes)
        lost = sent_packets(self._lost)
        self._acked.clear()
        self._acked_one.clear()
        self._lost.clear()
        self.pacer.update(now, acked, lost, self.acks.meter)
        self.sizes.update(now, acked, lost, self.acks.meter)

    def body_bytes(self, slot: int) -> int:
        """Return the most bytes of a packet to `slot` behind its header."""
        return min(self._payload_bytes, int(self.sizes.limit[slot])) - HEADER_BYTES

    def rtt(self, slot: int) -> float:
        """Return the smoothed round-trip time of `slot` in seconds, nan when unknown."""
        return float(self.acks.meter.rtt[slot])

    # Snapshots -------------------------------------------------------------------------------------------------------

    def snapshots_due(self, number: int, slots: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which of `slots` are sent the snapshot `number` of those published, `(n,) bool`."""
        if not self._paced:
            return np.ones(len(slots), np.bool_)
        return self.pacer.snapshot_due(number)[slots] & self.pacer.affords_snapshot(slots)

    def snapshot_divider(self, slot: int) -> int:
        """Return n where `slot` is sent every n-th snapshot."""
        return int(self.pacer.snapshot_divider[slot]) if self._paced else 1

    def snapshot_room(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many bytes of a body a snapshot to each of `slots` may fill, `(n,)`."""
        room = np.minimum(self._payload_bytes, self.sizes.limit[slots])
        if self._paced:
            room = np.minimum(room, np.maximum(self.pacer.allowance[slots], SNAPSHOT_ROOM_MIN).astype(np.int64))
        return room - HEADER_BYTES

    def snapshots_sent(
        self,
        slots: NDArray[np.int64],
        snapshots: NDArray[np.int64],
        packets: NDArray[np.int64],
        room: NDArray[np.int64],
    ) -> None:
        """Pay for packets to `slots`, all different, sizes in bytes; `room` is what the snapshots were made to fit."""
        whole = np.minimum(self._payload_bytes, self.sizes.limit[slots]) - HEADER_BYTES
        # How large the whole of a snapshot would have been that was cut is not known: as if it had filled the packet.
        cut = (self.pacer.allowance[slots] < whole) & (snapshots > room - CUT_MARGIN)
        self.pacer.want_snapshots(slots, np.where(cut, whole, snapshots))
        self.pacer.spend(slots, packets, snapshots)
        self._heard[slots] = self.acks.meter.totals[PACKETS_IN][slots]

    # Everything else -------------------------------------------------------------------------------------------------

    def answers_due(self, slots: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which of `slots` have sent so much since our last packet that they are owed a bare one, `(n,) bool`."""
        due: NDArray[np.bool_] = self.acks.meter.totals[PACKETS_IN][slots] - self._heard[slots] >= HEARD_MAX
        return due

    def sent(self, slot: int, size: int) -> None:
        """Pay for a packet of `size` bytes without a snapshot. It may overdraw the bucket."""
        self.pacer.spend_one(slot, size)
        if size > IDLE_PACKET:
            if self._now >= self._busy_until:
                self._looked_at = -math.inf  # what the path showed so far, without what goes now
            self._busy_until = self._now + BUSY_SECONDS
        self._heard[slot] = self.acks.meter.totals[PACKETS_IN][slot]

    def spare(self, slot: int) -> float:
        """Return how many bytes may go to `slot` besides its next snapshot; 0 or less: none."""
        if not self._paced:
            return math.inf
        if self.acks.peers == 1:
            self.pacer.refill(self._now)
        return self.pacer.spare(slot)
