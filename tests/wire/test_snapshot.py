"""Whole snapshots: header, own row and sections, there and back for many peers, and nothing else out of any numbers."""

from __future__ import annotations

import warnings
from contextlib import suppress

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ProtocolError
from engine.wire.delta import KindDelta
from engine.wire.snapshot import NONE, Snapshot, decode_snapshot, encode_own, encode_snapshots
from engine.world.history import EXACT, History
from engine.world.schema import Field, Kind, Scope

BODY = Kind(
    "body",
    (Field("x", rate="vx"), Field("vx", "int16"), Field("aim", "uint16", wrap=True), Field("ammo", scope=Scope.OWNER)),
    capacity=6,
)
ROCKET = Kind("rocket", (Field("x", rate="vx"), Field("vx")), capacity=4)
KINDS = (BODY, ROCKET)
DEPTH, EVERY = 8, 2


def random_state(random: np.random.Generator, kind: Kind, fields: int, rows: int) -> np.ndarray:
    state = random.integers(-5, 6, (fields, rows)).astype(np.int32)
    wild = random.random(rows) < 0.3
    state[:, wild] = random.integers(-(2**31), 2**31, (fields, int(wild.sum())))
    for at, modulus in kind.wrapped:
        if at < fields:
            state[at] %= modulus
    return state


class Side:
    """What one side holds: a history per kind, and own rows by tick."""

    def __init__(self) -> None:
        self.histories = [History(kind, kind.public_count, DEPTH, EVERY) for kind in KINDS]
        self.own: dict[int, np.ndarray] = {}


def take(side: Side, snapshot: Snapshot) -> None:
    for history, part in zip(side.histories, snapshot.kinds, strict=True):
        history.push(snapshot.tick, part.state, part.status, part.generation)
    if snapshot.own is not None:
        side.own[snapshot.tick] = snapshot.own


def told(random: np.random.Generator, count: int) -> tuple[Side, list[Side], list[bytes], np.ndarray, list[int]]:
    """Play a few snapshots to `count` clients that may miss each; return both sides and the last messages."""
    server, clients = Side(), [Side() for _ in range(count)]
    bases = [-1] * count
    status = [{} for _ in range(count)]
    messages: list[bytes] = []
    header = np.empty((count, 5), np.int64)
    for tick in range(20, 20 + 5 * EVERY, EVERY):
        for kind, history in zip(KINDS, server.histories, strict=True):
            state = random_state(random, kind, kind.public_count, kind.capacity)
            generation = np.full(kind.capacity, int(random.integers(0, 2)))
            history.push(tick, state, np.full(kind.capacity, EXACT), generation)
        server.own[tick] = random_state(random, BODY, BODY.owner_count, count)
        slots = np.array([-1 if base < 0 else server.histories[0].slot(base) for base in bases], np.int64)
        header[:, 0] = tick
        header[:, 1] = [0 if base < 0 else (tick - base) // EVERY for base in bases]
        header[:, 2] = random.choice([NONE, -3, 0, 40], count)
        header[:, 3] = random.choice([NONE, -32767, 0, 32767], count)
        header[:, 4] = random.integers(0, 3, count)
        before = [server.own[base][:, peer] if base >= 0 else np.zeros(4, np.int32) for peer, base in enumerate(bases)]
        apart = np.array([0 if base < 0 else tick - base for base in bases], np.int32)
        base_own = np.stack(before, axis=1) if count else np.zeros((4, 0), np.int32)
        own, own_counts = encode_own(BODY, server.own[tick], base_own, apart)
        sections = []
        for kind, history in zip(KINDS, server.histories, strict=True):
            visible = random.random((count, kind.capacity)) < 0.8
            held = [
                status[peer][base][kind.name] if base >= 0 else np.zeros(kind.capacity)
                for peer, base in enumerate(bases)
            ]
            delta = KindDelta(history, tick, visible, slots, np.array(held, np.uint8).reshape(count, kind.capacity))
            sections.append(delta.sections())
        messages = encode_snapshots(header, own, own_counts, sections)
        last = tick == 20 + 4 * EVERY
        for peer in range(count):
            status[peer][tick] = {kind.name: part.status[peer] for kind, part in zip(KINDS, sections, strict=True)}
            if not last and random.random() < 0.7:
                take(clients[peer], decode(clients[peer], messages[peer]))
                bases[peer] = tick
        if last:
            for peer in range(count):
                snapshot = decode(clients[peer], messages[peer])
                for part, section, history in zip(snapshot.kinds, sections, server.histories, strict=True):
                    assert (part.status == section.status[peer]).all()
                    exact = part.status == EXACT
                    slot = history.slot(tick)
                    assert (part.state[:, exact] == history.state[slot][:, exact]).all()
    return server, clients, messages, header, bases


def decode(side: Side, message: bytes, has_own: bool = True) -> Snapshot:
    return decode_snapshot(msgpack.unpackb(message), side.histories, BODY, side.own, has_own)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 5))
def test_a_snapshot_comes_back_as_it_was_sent(seed: int, count: int) -> None:
    server, clients, messages, header, bases = told(np.random.default_rng(seed), count)
    assert len(messages) == count
    for peer, message in enumerate(messages):
        snapshot = decode(clients[peer], message)
        tick, _, offset, slack, repeated = header[peer].tolist()
        assert snapshot.tick == tick
        assert snapshot.base_tick == (None if bases[peer] < 0 else bases[peer])
        assert snapshot.input_tick == (None if offset == NONE else tick + offset)
        assert snapshot.slack == (None if slack == NONE else slack)
        assert snapshot.repeated == repeated
        assert snapshot.own is not None
        assert snapshot.own.tolist() == server.own[tick][:, peer].tolist()


NUMBER = st.one_of(st.integers(-3, 12), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**64 - 1))


def value_or_refusal(side: Side, array: list[object]) -> None:
    with warnings.catch_warnings(), suppress(ProtocolError):
        warnings.simplefilter("error")
        decode_snapshot(array, side.histories, BODY, side.own, True)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 5000), data=st.data())
def test_a_snapshot_cut_short_or_changed_gives_a_value_or_a_protocol_error(seed: int, data: st.DataObject) -> None:
    _, clients, messages, _, _ = told(np.random.default_rng(seed), 1)
    array = msgpack.unpackb(messages[0])
    for cut in range(len(array)):
        with pytest.raises(ProtocolError):
            decode_snapshot(array[:cut], clients[0].histories, BODY, clients[0].own, True)
    with pytest.raises(ProtocolError, match="trailing"):
        decode_snapshot([*array, 0], clients[0].histories, BODY, clients[0].own, True)
    for _ in range(3):
        array[data.draw(st.integers(0, len(array) - 1))] = data.draw(NUMBER)
        value_or_refusal(clients[0], array)


@settings(deadline=None)
@given(st.lists(NUMBER, max_size=40))
def test_any_integers_give_a_value_or_a_protocol_error(array: list[int]) -> None:
    side = Side()
    value_or_refusal(side, array)
    # With a plausible beginning, so that the sections are reached.
    value_or_refusal(side, [20, 0, NONE, NONE, 0, *array])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**40) | st.floats() | st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@settings(deadline=None, max_examples=30)
@given(st.lists(ANYTHING, max_size=12))
def test_any_objects_give_a_protocol_error(array: list[object]) -> None:
    value_or_refusal(Side(), array)
    with pytest.raises(ProtocolError):
        decode_snapshot([*array, None], Side().histories, BODY, {}, True)


GOOD = [20, 0, NONE, NONE, 0, -1, 1, 2, 3, 4, 0, 0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({0: -2}, "bad-snapshot"),
        ({0: 21}, "bad-snapshot"),
        ({0: 2**31}, "bad-integer"),
        ({1: -1}, "bad-snapshot"),
        ({1: DEPTH}, "bad-snapshot"),
        ({1: 1}, "no-baseline"),
        ({0: 0, 1: 1}, "no-baseline"),
        ({3: 32769}, "bad-snapshot"),
        ({3: -32769}, "bad-snapshot"),
        ({4: -1}, "bad-snapshot"),
        ({5: 1}, "bad-own"),
        ({5: -2}, "bad-own"),
        ({5: 16}, "bad-own"),
        ({10: -1}, "bad-count"),
        ({10: 7}, "bad-count"),
        ({11: 1}, "truncated"),
        ({2: True}, "bad-snapshot"),
        ({2: 1.0}, "bad-snapshot"),
    ],
)
def test_a_bad_snapshot_is_refused(changes: dict[int, object], reason: str) -> None:
    array = [changes.get(at, value) for at, value in enumerate(GOOD)]
    with pytest.raises(ProtocolError) as refused:
        decode_snapshot(array, Side().histories, BODY, {}, True)
    assert refused.value.reason == reason


def test_a_whole_snapshot_needs_nothing_and_a_watcher_has_no_row() -> None:
    side = Side()
    snapshot = decode_snapshot(list(GOOD), side.histories, BODY, {}, True)
    assert snapshot.own is not None
    assert snapshot.own.tolist() == [1, 2, 3, 4]
    assert (snapshot.base_tick, snapshot.input_tick, snapshot.slack) == (None, None, None)
    watching = decode_snapshot([20, 0, NONE, NONE, 0, 0, 0, 0], side.histories, BODY, {}, False)
    assert watching.own is None
    take(side, watching)
    later = decode_snapshot([22, 1, NONE, NONE, 0, 0, 0, 0], side.histories, BODY, {}, False)
    assert (later.base_tick, later.own) == (20, None)
    # A player whose own row at the baseline is gone can't read the same message.
    with pytest.raises(ProtocolError, match="no-baseline"):
        decode_snapshot([22, 1, NONE, NONE, 0, 0, 0, 0], side.histories, BODY, {}, True)


def test_an_own_row_that_keeps_its_course_costs_one_integer() -> None:
    base = np.array([[100], [7], [65530], [3]], np.int32)
    now = np.array([[114], [7], [65530], [3]], np.int32)
    own, counts = encode_own(BODY, now, base, np.array([2], np.int32))
    assert (own.tolist(), counts.tolist()) == ([0], [1])
    now[2, 0] = 4
    own, counts = encode_own(BODY, now, base, np.array([2], np.int32))
    assert (own.tolist(), counts.tolist()) == ([0b100, 10], [2])
