"""Entity sections: the encoder against a plain loop, and a receiver that holds the truth through any loss."""

from __future__ import annotations

from dataclasses import dataclass

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ProtocolError
from engine.wire.delta import FULL, HOLD, LEAVE, KindDelta, decode_kind
from engine.world.dead_reckoning import coarsened, publish, residual
from engine.world.history import ABSENT, EXACT, STALE, History
from engine.world.schema import Field, Kind

KIND = Kind(
    "body",
    (Field("x", rate="vx"), Field("vx", "int16"), Field("aim", "uint16", wrap=True), Field("health", "uint8")),
    capacity=10,
)
FIELDS = len(KIND.fields)
ROWS = KIND.capacity
EVERY = 2
DEPTH = 6
BITS = 2**32


def pack(ints: list[int]) -> bytes:
    return b"".join(msgpack.packb(value) for value in ints)


def plain_residuals(now: list[int], base: list[int], ticks: int) -> list[int]:
    """The oracle's arithmetic: Python integers, x by vx, aim round the circle."""
    x, vx, aim, health = base
    result = [(now[0] - x - vx * ticks + 2**31) % BITS - 2**31, now[1] - vx]
    return [*result, (now[2] - aim + 32768) % 65536 - 32768, now[3] - health]


@dataclass(slots=True)
class PlainPeer:
    """What a peer's section must be, row by row, in straightforward Python."""

    base_tick: int | None
    base_status: list[int]

    def section(
        self, history: History, tick: int, visible: list[bool], dropped: set[int]
    ) -> tuple[list[int], list[int], dict[int, int]]:
        """Return the integers, the status after it, and the bytes of each row's entry before dropping."""
        slot = history.slot(tick)
        state, generation = history.state[slot], history.generation[slot]
        entries: list[tuple[int, list[int]]] = []
        status, sizes = [], {}
        for row in range(ROWS):
            before = ABSENT if self.base_tick is None else self.base_status[row]
            now = state[:, row].tolist()
            if not visible[row]:
                if before != ABSENT:
                    entries.append((row, [LEAVE]))
                    sizes[row] = 2
                status.append(ABSENT)
                continue
            entry = [FULL, int(generation[row]), *now]
            if before == EXACT:
                base_slot = history.slot(self.base_tick)
                if history.generation[base_slot, row] == generation[row]:
                    base = history.state[base_slot][:, row].tolist()
                    residuals = plain_residuals(now, base, tick - self.base_tick)
                    mask = sum(1 << at for at, value in enumerate(residuals) if value)
                    entry = [mask, *(value for value in residuals if value)] if mask else []
            if not entry:
                status.append(EXACT)
                continue
            sizes[row] = 1 + len(pack(entry))
            if row not in dropped:
                entries.append((row, entry))
                status.append(EXACT)
            elif before == EXACT:
                entries.append((row, [HOLD]))
                status.append(STALE)
            else:
                status.append(before)
        ints, last = [len(entries)], -1
        for row, entry in entries:
            skipped = row - last - 1
            ints += [*([-2 - skipped] if skipped else []), *entry]
            last = row
        return ints, status, sizes


def move(random: np.random.Generator, state: np.ndarray) -> np.ndarray:
    """Return a state some of whose rows go straight on, some swerve, and some are anywhere."""
    after = state.copy()
    after[0] += after[1] * EVERY
    kinds = random.integers(0, 4, ROWS)
    swerving = kinds == 1
    after[1, swerving] = random.integers(-40, 40, swerving.sum())
    after[2, swerving] = (after[2, swerving] + random.integers(-400, 400, swerving.sum())) % 65536
    wild = kinds == 2
    after[0, wild] = random.integers(-(2**31), 2**31, wild.sum())
    after[1, wild] = random.integers(-(2**15), 2**15, wild.sum())
    after[2, wild] = random.integers(0, 2**16, wild.sum())
    after[3, wild] = random.integers(0, 256, wild.sum())
    return after


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), peers=st.integers(0, 6))
def test_sections_are_the_plain_loop_byte_for_byte(seed: int, peers: int) -> None:
    random = np.random.default_rng(seed)
    history = History(KIND, FIELDS, DEPTH, EVERY)
    state = np.zeros((FIELDS, ROWS), np.int32)
    generation = random.integers(0, 128, ROWS)
    for tick in range(0, 9 * EVERY, EVERY):
        state = move(random, state)
        generation = np.where(random.random(ROWS) < 0.1, (generation + 1) % 128, generation)
        history.push(tick, state, np.full(ROWS, EXACT), generation)
    held = [history.slot(tick) for tick in history.ticks()[:-1]]
    base_slots = np.array(random.choice([-1, *held], peers), np.int64)
    base_status = random.choice([ABSENT, STALE, EXACT, EXACT], (peers, ROWS)).astype(np.uint8)
    base_status[base_slots < 0] = ABSENT
    visible = random.random((peers, ROWS)) < 0.8
    delta = KindDelta(history, tick, visible, base_slots, base_status)
    sizes = [dict(zip(*(part.tolist() for part in delta.entries(peer)[:2]), strict=True)) for peer in range(peers)]
    assert delta.peer_bytes().tolist() == [sum(each.values()) for each in sizes]
    drops = []
    for peer in range(peers):
        wanted = delta.entries(peer)[0]
        drops.append(set(wanted[random.random(len(wanted)) < random.choice([0.0, 0.4])].tolist()))
        delta.drop(peer, np.array(sorted(drops[peer]), np.int64))
    sections = delta.sections()
    data = sections.data.tobytes()
    assert len(sections.starts) == peers + 1
    for peer in range(peers):
        base_tick = None if base_slots[peer] < 0 else int(history.tick[base_slots[peer]])
        plain = PlainPeer(base_tick, base_status[peer].tolist())
        ints, status, plain_sizes = plain.section(history, tick, visible[peer].tolist(), drops[peer])
        assert data[sections.starts[peer] : sections.starts[peer + 1]] == pack(ints)
        assert sections.ints[peer] == len(ints)
        assert sections.status[peer].tolist() == status
        assert sizes[peer] == plain_sizes


@dataclass(slots=True)
class Receiver:
    """A client: its own history, and what the server believes of it by tick."""

    history: History
    believed: dict[int, np.ndarray]
    baseline: int | None = None


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), loss=st.sampled_from([0.0, 0.1, 0.5, 0.9]), squeeze=st.sampled_from([0.0, 0.3]))
def test_a_receiver_holds_what_was_published_through_any_loss(seed: int, loss: float, squeeze: float) -> None:
    random = np.random.default_rng(seed)
    published = History(KIND, FIELDS, DEPTH, EVERY)
    receivers = [Receiver(History(KIND, FIELDS, DEPTH, EVERY), {}) for _ in range(3)]
    state = np.zeros((FIELDS, ROWS), np.int32)
    alive, generation = random.random(ROWS) < 0.5, np.zeros(ROWS, np.int64)
    exact_rows = 0
    for tick in range(0, 50 * EVERY, EVERY):
        state = move(random, state)
        turned = random.random(ROWS) < 0.1
        generation = np.where(turned & ~alive, (generation + 1) % 128, generation)
        alive = alive ^ turned
        published.push(tick, state, np.where(alive, EXACT, ABSENT), generation)
        slots, base_status = [], []
        for receiver in receivers:
            slot = None if receiver.baseline is None else published.slot(receiver.baseline)
            slots.append(-1 if slot is None else slot)
            base_status.append(np.zeros(ROWS) if slot is None else receiver.believed[receiver.baseline])
        visible = np.repeat(alive[None], len(receivers), axis=0) & (random.random((len(receivers), ROWS)) < 0.9)
        delta = KindDelta(published, tick, visible, np.array(slots), np.array(base_status, np.uint8))
        for peer in range(len(receivers)):
            wanted = delta.entries(peer)[0]
            delta.drop(peer, wanted[random.random(len(wanted)) < squeeze])
        sections = delta.sections()
        for peer, receiver in enumerate(receivers):
            receiver.believed[tick] = sections.status[peer]
            if random.random() < loss:
                continue
            data = sections.data[sections.starts[peer] : sections.starts[peer + 1]].tobytes()
            unpacker = msgpack.Unpacker()
            unpacker.feed(data)
            ints = list(unpacker)
            base_slot = None if slots[peer] < 0 else receiver.history.slot(receiver.baseline)
            assert slots[peer] < 0 or base_slot is not None
            held, end = decode_kind(receiver.history, tick, base_slot, ints, 0)
            assert end == len(ints)
            assert held.status.tolist() == sections.status[peer].tolist()
            exact = held.status == EXACT
            assert (held.state[:, exact] == state[:, exact]).all()
            assert (held.generation[exact] == generation[exact]).all()
            exact_rows += int(exact.sum())
            receiver.history.push(tick, held.state, held.status, held.generation)
            if random.random() >= loss:  # the acknowledgement may be lost too
                receiver.baseline = tick
    assert exact_rows > 0 or loss == 0.9


def test_a_row_on_hold_comes_back_whole() -> None:
    published, mine = History(KIND, FIELDS, DEPTH, EVERY), History(KIND, FIELDS, DEPTH, EVERY)
    alive, ones = np.full(ROWS, EXACT), np.ones(ROWS, np.int64)
    only = np.zeros((1, ROWS), np.bool_)
    only[0, 3] = True
    status = np.zeros((1, ROWS), np.uint8)
    seen = []
    for tick, x, drop in ((0, 5, False), (2, 9, True), (4, 9, False)):
        state = np.zeros((FIELDS, ROWS), np.int32)
        state[0] = x
        published.push(tick, state, alive, ones)
        base = published.slot(tick - 2)
        delta = KindDelta(published, tick, only, np.array([-1 if base is None else base]), status)
        if drop:
            delta.drop(0, np.array([3]))
        sections = delta.sections()
        status = sections.status
        unpacker = msgpack.Unpacker()
        unpacker.feed(sections.data.tobytes())
        ints = list(unpacker)
        seen.append(ints)
        held, _ = decode_kind(mine, tick, base, ints, 0)
        mine.push(tick, held.state, held.status, held.generation)
    assert seen == [[1, -5, FULL, 1, 5, 0, 0, 0], [1, -5, HOLD], [1, -5, FULL, 1, 9, 0, 0, 0]]


def test_an_unpublished_tick_is_refused() -> None:
    history = History(KIND, FIELDS, DEPTH, EVERY)
    with pytest.raises(ProtocolError, match="unpublished"):
        KindDelta(history, 2, np.zeros((1, ROWS), bool), np.array([-1]), np.zeros((1, ROWS), np.uint8))


BASE_STATUS = [EXACT, STALE, ABSENT, EXACT, EXACT, EXACT, EXACT, EXACT, EXACT, EXACT]


@pytest.mark.parametrize(
    ("ints", "reason"),
    [
        ([], "truncated"),
        ([-1], "bad-count"),
        ([ROWS + 1], "bad-count"),
        ([1], "truncated"),
        ([1, -3], "truncated"),
        ([1, 1], "truncated"),
        ([1, -2 - ROWS, LEAVE], "bad-row"),
        ([1, -(2**31), LEAVE], "bad-row"),
        ([2, -6, LEAVE, -7, LEAVE], "bad-row"),
        ([1, 1 << FIELDS, 0], "bad-residual"),
        ([1, -3, 1, 5], "bad-residual"),  # a residual upon a stale row
        ([1, -4, 1, 5], "bad-residual"),  # upon an absent one
        ([1, FULL, 128, 0, 0, 0, 0], "bad-full"),
        ([1, FULL, -1, 0, 0, 0, 0], "bad-full"),
        ([1, FULL, 1, 0, 0, 0], "bad-full"),
        ([1, FULL], "truncated"),
        ([1, -3, -3], "bad-code"),  # a skip upon a skip
        ([1, -4, HOLD], "bad-code"),
        ([1, FULL, 1, 2**31, 0, 0, 0], "bad-integer"),
        ([1, 1, 2**31], "bad-integer"),
    ],
)
def test_a_bad_section_is_refused(ints: list[int], reason: str) -> None:
    history = History(KIND, FIELDS, DEPTH, EVERY)
    history.push(0, np.zeros((FIELDS, ROWS)), np.array(BASE_STATUS), np.zeros(ROWS))
    with pytest.raises(ProtocolError) as refused:
        decode_kind(history, 2, 0, ints, 0)
    assert refused.value.reason == reason


def test_coarse_fields_are_told_in_steps_and_held_exactly() -> None:
    """A field told in steps of 16 costs one byte where its grid units would cost three, and arrives as published."""
    kind = Kind(
        "dot",
        (
            Field("x", rate="vx", coarse=4, threshold=8),
            Field("vx", "int16", coarse=4, threshold=8),
            Field("aim", "uint16", coarse=8, threshold=128, wrap=True),
            Field("level", "uint8", coarse=1, threshold=1),
        ),
        3,
    )
    here, there = History(kind, 4, DEPTH, EVERY), History(kind, 4, DEPTH, EVERY)
    random = np.random.default_rng(1)
    alive, everyone = np.full(3, EXACT, np.uint8), np.ones((1, 3), np.bool_)
    true = np.array([[0, 500, -500], [900, -900, 0], [0, 65535, 40000], [255, 0, 7]])
    status = np.zeros((1, 3), np.uint8)
    for tick in range(0, 40, EVERY):
        before = here.slot(tick - EVERY)
        if before is None:
            state = coarsened(kind, true.astype(np.int32))
        else:
            state = publish(kind, here.state[before], np.ones(3, np.bool_), EVERY, true.astype(np.int32))
        off = np.abs(residual(kind, true, state))
        assert (off <= kind.threshold).all()
        assert (state & ((1 << kind.coarse) - 1) == 0).all()
        here.push(tick, state, alive, np.zeros(3, np.int32))
        delta = KindDelta(here, tick, everyone, np.array([-1 if before is None else before]), status)
        sections = delta.sections()
        status = sections.status
        ints = list(feed(sections.data.tobytes()))
        if before is not None:
            assert max(map(abs, ints)) <= 128  # 1000 grid units a tick at most, in steps of 16, in two ticks
        got, _ = decode_kind(there, tick, None if before is None else there.slot(tick - EVERY), ints, 0)
        assert (got.state == state).all()
        there.push(tick, got.state, got.status, got.generation)
        true[0] += EVERY * true[1]
        true[1] = np.clip(true[1] + random.integers(-400, 400, 3), -1000, 1000)
        true[2] = (true[2] + random.integers(-9000, 9000, 3)) % 65536
        true[3] = random.integers(0, 256, 3)


def feed(data: bytes) -> msgpack.Unpacker:
    unpacker = msgpack.Unpacker()
    unpacker.feed(data)
    return unpacker
