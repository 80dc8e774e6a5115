"""The parts of bench/peers.py: the world and its truth, the account, what is packed, and a short match of ours."""

from __future__ import annotations

import time

import numpy as np
import pytest

from bench import peers
from bench.crowd import Crowd, Walker
from bench.peers_others import changes, pack_state, unpack_state
from bench.peers_ours import OurClients, OurServer
from bench.peers_world import Ledger, Plan, Truth, Walk, wire_bytes
from engine.world.history import ABSENT, EXACT, STALE
from engine.world.table import Rows, World

PLAN = Plan("tickwire", clients=2, entities=12, hz=30, seed=3)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [(0, 28), (100, 128), (1472, 1500), (1473, 1473 + 8 + 2 * 20), (4000, 4000 + 8 + 3 * 20)],
)
def test_headers_are_counted_per_packet_of_the_path(payload: int, expected: int) -> None:
    assert wire_bytes(payload) == expected


def test_the_world_is_the_crowd_walked_one_by_one() -> None:
    walk, crowd = Walk(PLAN.entities, PLAN.hz, PLAN.seed), Crowd(PLAN.entities, PLAN.hz)
    world = World(crowd.kinds)
    rows = [world["walker"].spawn() for _ in range(PLAN.entities)]
    for row in rows:
        assert row is not None
        crowd.join(world, row)
    inputs = Rows.zeros(crowd.input, PLAN.entities)
    for tick in range(1, 61):
        walk.step()
        for row in range(PLAN.entities):
            inputs.state[:, row] = Walker(row + 1000 * PLAN.seed, PLAN.hz).inputs(tick)
        crowd.predict(world["walker"], inputs, tick)
        assert np.array_equal(walk.rows.state, world["walker"].state)
    assert np.array_equal(Truth(PLAN).at(60), walk.rows.state)


@pytest.mark.parametrize("named", [False, True])
def test_a_packed_state_comes_back_bit_for_bit(named: bool) -> None:
    truth = Truth(PLAN)
    tick, state = unpack_state(truth.kind, pack_state(truth.kind, 40, truth.at(40), named), named)
    assert tick == 40
    assert np.array_equal(state, truth.at(40))


def test_changes_make_the_next_state_of_the_one_before() -> None:
    truth = Truth(PLAN)
    state = np.zeros_like(truth.at(0))
    for tick in range(30):
        found = changes(truth.kind, truth.at(tick - 1) if tick else None, truth.at(tick))
        for at, field in enumerate(truth.kind.fields):
            for row, value in found.get(field.name, {}).items():
                state[at, row] = value
        assert np.array_equal(state, truth.at(tick))
    assert "health" not in found  # nobody is hurt


def test_the_account_knows_wrong_missing_and_stale_rows() -> None:
    ledger = Ledger(PLAN)
    truth = ledger.truth.at(9)
    status = np.full(PLAN.entities, EXACT, np.uint8)
    state = truth.copy()
    state[0, 0] += 48  # x, within its threshold
    state[0, 1] += 49  # beyond it
    state[0, 2] += 9999  # as far off as it likes: the client knows that this row is stale
    status[2], status[3] = STALE, ABSENT
    ledger.updates += 1
    ledger.told(9, state, status, None)
    figures = ledger.figures(1.0)
    assert (figures["rows_wrong"], figures["rows_missing"], figures["exact"]) == (1, 1, False)
    assert (figures["rows_held"], figures["rows_current"]) == (11, round(10 / 11, 4))


def test_whole_states_are_compared_bit_for_bit() -> None:
    ledger = Ledger(PLAN)
    ledger.updates += 1
    ledger.told_all(9, ledger.truth.at(9))
    assert ledger.figures(1.0)["exact"]
    ledger.told_all(9, ledger.truth.at(10))
    assert not ledger.figures(1.0)["exact"]


def test_an_own_row_must_be_right_to_the_bit() -> None:
    ledger = Ledger(PLAN)
    truth = ledger.truth.at(9)
    status = np.full(PLAN.entities, EXACT, np.uint8)
    ledger.told(9, truth, status, (4, truth[:, 4]))
    assert ledger.figures(1.0)["rows_wrong"] == 0
    ledger.told(9, truth, status, (4, truth[:, 5]))
    assert ledger.figures(1.0)["rows_wrong"] == 1


@pytest.mark.parametrize(("contender", "rows"), [("tickwire", 12), ("tickwire-area", None)])
def test_our_clients_hold_the_true_world(contender: str, rows: int | None) -> None:
    """Two seconds of match over loopback sockets, as fast as they go."""
    plan = Plan(contender, clients=3, entities=12, hz=30, seed=3)
    server = OurServer(plan)
    clients = OurClients(plan, server.port)
    begin = time.perf_counter()
    try:
        for tick in range(90):
            if tick == 30:
                clients.measure()
            server.tick(begin + tick / plan.hz)
            clients.frame(begin + tick / plan.hz)
        clients.finish()
    finally:
        server.close()
        clients.close()
    figures = clients.ledger.figures(2.0)
    assert figures["exact"], figures
    assert figures["updates_per_client_s_min"] >= 29
    assert figures["rows_current"] == 1.0
    assert rows is None or figures["rows_held"] == rows
    assert figures["datagrams_per_client_s"] >= 29
    assert figures["wire_bytes_per_client_s"] > figures["bytes_per_client_s"] > 0


def test_what_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peers.CONTENDERS, "pyenet", (None, None, "no_such_module", "pip install it"))
    row = peers.run(Plan("pyenet"))
    assert row["note"] == "not installed: pip install it"
    assert peers.line(row).split() == ["pyenet", "not", "installed:", "pip", "install", "it"]
    assert peers.remarks([row]) == []
