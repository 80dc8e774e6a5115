"""Paths: who is told what and when, who is sent a snapshot and how much of it, who is owed an answer."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from engine.link.header import PACKET_HEADER_MAX_BYTES
from engine.link.paths import HEARD_MAX, SNAPSHOT_ROOM_MIN, Paths

TICK = 1 / 60
NOTHING = 0xFFFF  # the ack of a peer that has received nothing


def column(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def paths(peers: int, paced: bool = True) -> Paths:
    made = Paths(peers, paced=paced)
    for slot in range(peers):
        made.reset(slot, 0.0)
    return made


def test_a_lost_packet_is_told_once_for_one_peer_and_for_many() -> None:
    for peers in (1, 3):
        made, peer = paths(peers), paths(1)
        told = []
        for number in range(40):
            now = number * TICK
            header = made.acks.send_one(peers - 1, now, 100)
            if number != 10:
                peer.acks.receive_one(0, *header, now, 100)
            made.receive_one(peers - 1, *peer.acks.send_one(0, now, 100), now + 0.001, 100)
            told += made.update(now + 0.001)
        assert told == [(peers - 1, 10)]


def test_what_is_heard_between_two_looks_has_not_waited_for_the_second() -> None:
    """RTTs of 20 ms are heard of at once and looked at up to 45 ms later: they stay 20 ms, nothing seems to wait."""
    made, peer = paths(1), paths(1)
    for number in range(300):
        now = number * TICK
        header = made.acks.send_one(0, now, 1000)
        made.sent(0, 1000)
        peer.acks.receive_one(0, *header, now + 0.01, 1000)
        made.receive_one(0, *peer.acks.send_one(0, now + 0.01, 50), now + 0.02, 50)
        made.update(now + 0.02)
    assert made.pacer.rate[0] >= made.pacer.config.start_rate
    assert made.acks.stats(0, 5.0).rtt == pytest.approx(0.02, abs=0.001)


def test_who_sends_little_is_looked_at_rarely_and_at_once_when_it_sends_more(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Paths(1, idle_interval=2.0)
    looks: list[float] = []
    monkeypatch.setattr(made.pacer, "update", lambda now, *_: looks.append(round(now, 3)))
    made.reset(0, 0.0)
    for tick in range(600):
        made.update(tick / 100)
        made.sent(0, 1200 if 300 <= tick < 320 else 60)
    before, busy, after = (
        [at for at in looks if begin <= at < end] for begin, end in ((0.0, 3.0), (3.0, 4.19), (4.19, 6.0))
    )
    assert before == [0.0, 2.0]
    # A look without the large packets; then as often as a server looks, until a second after the last of them.
    assert busy[0] == 3.01
    assert max(b - a for a, b in pairwise(busy)) < 0.06
    assert after == []


def test_nobody_is_held_back_at_first() -> None:
    made = paths(3)
    slots = column(0, 2)
    for number in range(8):
        made.update(number * TICK)
        assert made.snapshots_due(number, slots).all()
        assert made.snapshot_room(slots).tolist() == [1200 - PACKET_HEADER_MAX_BYTES] * 2


def test_an_overdrawn_peer_lets_snapshots_pass_and_gets_smaller_ones() -> None:
    made = paths(2)
    slots = column(0, 1)
    made.update(0.0)
    made.snapshots_sent(slots, column(1000, 1000), column(1010, 1010), made.snapshot_room(slots))
    made.sent(0, int(made.pacer.allowance[0]) + 5000)
    assert made.snapshots_due(1, slots).tolist() == [False, True]
    assert made.spare(0) < 0 < made.spare(1)
    made.update(0.086)  # 64 kB/s: half a snapshot is saved up again, 504 bytes
    assert made.snapshots_due(2, slots).tolist() == [True, True]
    room = made.snapshot_room(slots)
    assert SNAPSHOT_ROOM_MIN < room[0] < 520
    assert room[1] == 1191
    # What was cut counts as a whole packet: the divider is to make room for all of it.
    before = made.pacer.snapshot_divider[0]
    made.snapshots_sent(slots, room - 3, room + 9, room)
    assert made.spare(0) < -1000
    assert made.pacer.snapshot_divider[0] == before


def test_without_pacing_everything_goes() -> None:
    made = paths(1, paced=False)
    made.update(0.0)
    made.sent(0, 10**6)
    made.snapshots_sent(column(0), column(1000), column(1010), column(1191))
    assert made.snapshots_due(3, column(0)).all()
    assert made.snapshot_room(column(0)).tolist() == [1191]
    assert made.spare(0) == float("inf")


def test_who_has_said_much_is_owed_an_answer() -> None:
    made, peer = paths(2), paths(1)
    for number in range(HEARD_MAX):
        assert not made.answers_due(column(0, 1)).any()
        made.receive_one(1, *peer.acks.send_one(0, number * TICK, 50), number * TICK, 50)
    assert made.answers_due(column(0, 1)).tolist() == [False, True]
    made.sent(1, 20)
    assert not made.answers_due(column(0, 1)).any()


def test_a_new_connection_begins_anew() -> None:
    made = paths(1)
    made.update(0.0)
    made.sent(0, 10**6)
    made.acks.send_one(0, 0.0, 100)
    made.reset(0, 1.0)
    assert made.spare(0) > 0
    assert made.acks.next_sequence(0) == 0
    assert made.body_bytes(0) == 1191
