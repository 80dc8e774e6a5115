"""Packet sizes: a path that swallows large packets is found out, one that loses anything is not mistaken for it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.link.acks import AckTable
from engine.link.mtu import PACKET_STEPS, TRIAL_AFTER, TRIAL_AFTER_MAX, PacketSizes
from engine.link.sent import Fate, sent_packets


class Path:
    """A server that sends packets of its limit and of 200 bytes by turns; the path drops what is above `most`."""

    def __init__(self, most: int, loss: float = 0.0, small_too: bool = True) -> None:
        self.most = most
        self.small_too = small_too
        self.acks, self.peer, self.sizes = AckTable(2), AckTable(1), PacketSizes(2)
        self.sizes.reset(1, 0.0)
        self.now = 0.0
        self._loss = loss
        self._rng = np.random.default_rng(11)
        self._headers: list[tuple[int, int, int]] = []  # of the peer's packets on their way, 50 ms
        self.changes: list[tuple[float, int]] = []

    def run(self, seconds: float) -> int:
        """Run for `seconds` at 30 packets a second each way; return the limit then."""
        for step in range(round(seconds * 30)):
            self.now += 1 / 30
            limit = int(self.sizes.limit[1])
            size = 200 if self.small_too and step % 2 else limit
            header = self.acks.send_one(1, self.now, size)
            if size <= self.most and self._rng.random() >= self._loss:
                self.peer.receive_one(0, *header, self.now, size)
            self._headers.append(self.peer.send_one(0, self.now, 50))
            if len(self._headers) > 3:
                acked: list[Fate] = self.acks.receive_one(1, *self._headers.pop(0), self.now, 50)[1]
                lost = self.acks.lost_one(1, self.now)
                self.sizes.update(self.now, sent_packets(acked), sent_packets(lost), self.acks.meter)
            if self.sizes.limit[1] != limit:
                self.changes.append((self.now, int(self.sizes.limit[1])))
        return int(self.sizes.limit[1])


@pytest.mark.parametrize(("most", "settles"), [(1500, 1200), (1199, 1000), (1000, 1000), (999, 508), (508, 508)])
def test_a_path_settles_at_the_largest_size_that_it_carries(most: int, settles: int) -> None:
    path = Path(most)
    assert path.run(5.0) == settles
    assert path.sizes.limit[0] == PACKET_STEPS[0]


@pytest.mark.parametrize("loss", [0.05, 0.2, 0.5])
def test_loss_of_everything_is_not_taken_for_it(loss: float) -> None:
    path = Path(1500, loss=loss)
    path.run(30.0)
    assert path.changes == []


def test_loss_on_top_of_it_does_not_hide_it() -> None:
    assert Path(1000, loss=0.2).run(8.0) == 1000


@pytest.mark.parametrize(("most", "settles"), [(1000, 1000), (600, 508)])
def test_a_path_that_carries_nothing_of_what_is_sent(most: int, settles: int) -> None:
    """Every packet is large, so that no ack ever tells of a loss: but the peer is heard."""
    assert Path(most, small_too=False).run(5.0) == settles


def test_larger_packets_are_tried_again_ever_less_often() -> None:
    """Half an hour of a path of 1000 bytes, told in fates: each half second five large and five small packets."""
    sizes, meter = PacketSizes(1), AckTable(1).meter
    changes = []
    for tick in range(2 * 1900):
        limit = int(sizes.limit[0])
        large = [(0, 0, 0.0, limit)] * 5
        small = [(0, 0, 0.0, 200)] * 5
        acked, lost = (small, large) if limit > 1000 else (small + large, [])
        sizes.update(tick / 2, sent_packets(acked), sent_packets(lost), meter)
        if sizes.limit[0] != limit:
            changes.append((tick / 2, int(sizes.limit[0])))
    downs = [at for at, size in changes if size == 1000]
    ups = [at for at, size in changes if size == 1200]
    waits = [up - down for up, down in zip(ups, downs, strict=False)]
    assert waits == [TRIAL_AFTER * factor for factor in (1, 2, 4, 8, 16)] + [TRIAL_AFTER_MAX]
    assert [down - up for up, down in zip(ups, downs[1:], strict=False)] == [0.5] * 6


def test_a_path_that_has_become_wider_is_used_again() -> None:
    path = Path(600)
    assert path.run(5.0) == 508
    path.most = 1500
    assert path.run(2 * TRIAL_AFTER + 5.0) == 1200
    assert path.run(10.0) == 1200


def test_a_silent_peer_is_no_sign() -> None:
    """The peer's own packets stop as well: the path is down, not narrow."""
    path = Path(1500)
    path.run(2.0)
    for tick in range(600):
        path.acks.send_one(1, path.now + tick / 30, 1200)
        path.sizes.update(path.now + tick / 30, sent_packets([]), path.acks.lost(path.now), path.acks.meter)
    assert path.sizes.limit[1] == 1200


def test_a_slot_begins_anew() -> None:
    path = Path(600)
    path.run(5.0)
    path.sizes.reset(1, path.now)
    assert path.sizes.limit.tolist() == [1200, 1200]
