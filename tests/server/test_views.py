"""What each peer holds: acknowledgements, wrapping sequences, and baselines that grow too old."""

from __future__ import annotations

import numpy as np
import pytest

from engine.server.views import ViewTable
from engine.world.history import ABSENT, EXACT, STALE
from engine.world.schema import Field, Kind

KIND = Kind("body", (Field("x"),), capacity=3)
DEPTH, EVERY = 4, 2


def table() -> ViewTable:
    return ViewTable((KIND,), 3, DEPTH, EVERY)


def send(views: ViewTable, peers: list[int], sequence: int, tick: int, status: int = EXACT) -> None:
    rows = np.full((len(peers), KIND.capacity), status, np.uint8)
    views.sent(np.array(peers), np.full(len(peers), sequence), tick, {"body": rows})


def ack(views: ViewTable, *pairs: tuple[int, int]) -> None:
    peers, sequences = np.array(pairs, np.int64).reshape(-1, 2).T
    views.acknowledged(peers, sequences)


def test_nobody_has_a_baseline_before_an_acknowledgement() -> None:
    views = table()
    send(views, [0, 1, 2], 0, 10)
    assert views.base_slots(np.arange(3), 12).tolist() == [-1, -1, -1]
    assert not views.has_acked(0, 10)
    assert (views.base_status(KIND, np.arange(3), np.array([-1, -1, -1])) == ABSENT).all()


def test_the_newest_acknowledged_snapshot_is_the_baseline_in_any_order() -> None:
    views = table()
    for sequence, tick in enumerate((10, 12, 14)):
        send(views, [0, 1], sequence, tick)
    ack(views, (0, 2), (1, 0), (0, 0), (0, 2))
    assert views.baseline.tolist() == [14, 10, -1]
    assert views.base_slots(np.array([1, 0, 2]), 16).tolist() == [1, 3, -1]
    assert [views.has_acked(0, tick) for tick in (10, 12, 14, 16)] == [True, False, True, False]


def test_a_packet_without_a_snapshot_says_nothing() -> None:
    views = table()
    send(views, [0], 7, 10)
    ack(views, (0, 8), (0, 7 + 256), (1, 7))
    ack(views)
    assert views.baseline.tolist() == [-1, -1, -1]


def test_sequences_wrap() -> None:
    views = table()
    for at, sequence in enumerate((65534, 65535, 0, 1)):
        send(views, [0], sequence, 10 + at * EVERY)
    ack(views, (0, 65535))
    assert views.baseline[0] == 12
    ack(views, (0, 0), (0, 1))
    assert views.baseline[0] == 16


def test_a_sequence_used_anew_speaks_of_the_new_packet() -> None:
    views = table()
    send(views, [0], 3, 10)
    send(views, [0], 3 + 256, 12)
    ack(views, (0, 3))
    assert views.baseline[0] == -1
    ack(views, (0, 3 + 256))
    assert views.baseline[0] == 12


def test_a_baseline_grows_too_old() -> None:
    views = table()
    send(views, [0], 0, 10)
    ack(views, (0, 0))
    newest_that_can_use_it = 10 + (DEPTH - 1) * EVERY
    assert views.base_slots(np.array([0]), newest_that_can_use_it).tolist() == [1]
    assert views.base_slots(np.array([0]), newest_that_can_use_it + EVERY).tolist() == [-1]


def test_an_acknowledgement_that_comes_after_its_slot_was_reused_counts_for_nothing() -> None:
    views = table()
    send(views, [0], 0, 10)
    send(views, [0], 1, 10 + DEPTH * EVERY)
    ack(views, (0, 0))
    assert views.baseline[0] == -1
    assert not views.has_acked(0, 10)


def test_each_peer_has_its_own_status() -> None:
    views = table()
    send(views, [0], 0, 10, EXACT)
    send(views, [2], 5, 10, STALE)
    ack(views, (0, 0), (2, 5))
    slots = views.base_slots(np.arange(3), 12)
    status = views.base_status(KIND, np.arange(3), slots)
    assert status.tolist() == [[EXACT] * 3, [ABSENT] * 3, [STALE] * 3]
    status[:] = ABSENT  # a copy: the table keeps its own
    assert views.status["body"][0, slots[0]].tolist() == [EXACT] * 3


def test_a_reset_forgets_acknowledgements_under_way() -> None:
    views = table()
    send(views, [0, 1], 0, 10)
    send(views, [0, 1], 1, 12)
    ack(views, (0, 0), (1, 0))
    views.reset(0)
    ack(views, (0, 1), (1, 1))
    assert views.baseline.tolist() == [-1, 12, -1]
    assert not views.has_acked(0, 10)


@pytest.mark.parametrize("tick", [-2, -1])
def test_no_peer_has_acknowledged_what_never_was(tick: int) -> None:
    assert not table().has_acked(0, tick)
