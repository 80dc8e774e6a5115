"""Channels piece by piece: the bytes, the budget, the bounds, what is sent again and when."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import NetError, ProtocolError, UsageError
from engine.link.channel_table import WINDOW_MESSAGES
from engine.link.channels import Channel, ChannelFull, Channels, ChannelTable, Kind
from engine.link.coverage import Coverage
from engine.link.inbox import STALL
from engine.link.outbox import UNSENT_MAX_AGE

RTT = 0.1
TABLE = ChannelTable(
    (
        Channel("effects", Kind.UNRELIABLE, max_message_bytes=65536),
        Channel("voice", Kind.UNRELIABLE_SEQUENCED, priority=2),
        Channel("events", Kind.RELIABLE_UNORDERED, max_message_bytes=65536),
        Channel("chat", Kind.RELIABLE_ORDERED, priority=1, max_message_bytes=262144),
    )
)


def unpacked(data: bytes | None) -> list[object]:
    assert data is not None
    array = msgpack.unpackb(data)
    assert isinstance(array, list)
    return array


def packets(channels: Channels, budget: int, first: int = 0, now: float = 0.0) -> list[list[object]]:
    """Return what the channels pack into packets of `budget` until nothing more is to be sent."""
    found = []
    while (data := channels.pack(budget, first + len(found), now, RTT)) is not None:
        assert len(data) <= budget
        found.append(unpacked(data))
    return found


def test_the_bytes_of_every_entry() -> None:
    channels = Channels(TABLE)
    for name in ("effects", "voice", "events", "chat"):
        channels.send(name, name.encode())
    channels.send("chat", b"x" * 300)
    data = channels.pack(250, 7, 0.0, RTT)
    # By priority: voice (place 1, number 0), chat (place 3, number 0, then 221 bytes from 0 of the 300 of number 1).
    head = bytes.fromhex("9b 02 00 c405766f696365 06 00 c40463686174 07 01 cd012c 00 c4dd")
    assert data == head + b"x" * 221
    (rest,) = packets(channels, 250, first=8)
    assert rest == [7, 1, 300, 221, b"x" * 79, 0, b"effects", 4, 0, b"events"]


def test_nothing_to_say() -> None:
    channels = Channels(TABLE)
    assert not channels.pending
    assert channels.pack(1000, 0, 0.0, RTT) is None
    assert channels.pack_oversize(1000) is None
    assert channels.needs == 0
    assert channels.unpack([], 0.0) == []


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 2, 3]), st.integers(1, 1024)), min_size=1, max_size=12),
    st.lists(st.integers(0, 1500), min_size=1, max_size=30),
)
@settings(deadline=None, max_examples=120)
def test_no_packet_is_above_its_budget_and_all_arrives(messages: list[tuple[int, int]], budgets: list[int]) -> None:
    sender, receiver = Channels(TABLE), Channels(TABLE)
    for place, size in messages:
        sender.send(place, bytes([size % 256]) * size)
    delivered = []
    for sequence, budget in enumerate([*budgets, *[1100] * 20]):
        data = sender.pack(budget, sequence, 0.0, RTT)
        if data is not None:
            assert len(data) <= budget
            delivered += receiver.unpack(msgpack.unpackb(data), 0.0)
            sender.on_acked(sequence)
    assert not sender.pending
    for place in range(4):
        assert [data for at, data in delivered if at == place] == [
            bytes([size % 256]) * size for at, size in messages if at == place
        ]


def test_only_the_missing_bytes_are_sent_again() -> None:
    sender, receiver = Channels(TABLE), Channels(TABLE)
    message = bytes(range(256)) * 16
    sender.send("events", message)
    sent = packets(sender, 1000)
    assert len(sent) == 5
    for sequence in (0, 2, 4):
        assert receiver.unpack(sent[sequence], 0.1) == [] or sequence == 4
        sender.on_acked(sequence)
    assert packets(sender, 1000, first=5, now=0.1) == []
    sender.on_lost(1)
    sender.on_lost(3)
    again = packets(sender, 700, first=5, now=0.1)
    assert all(len(entries) % 5 == 0 for entries in again)
    resent = sum(len(part) for entries in again for part in entries[4::5] if isinstance(part, bytes))
    assert resent == sender.resent_bytes == sum(len(sent[n][4]) for n in (1, 3))
    delivered = [got for entries in again for got in receiver.unpack(entries, 0.2)]
    assert delivered == [(2, message)]
    for sequence in range(5, 5 + len(again)):
        sender.on_acked(sequence)
    assert not sender.pending
    assert receiver.held_bytes == 0


def test_an_ack_that_comes_after_the_loss_spares_what_was_not_sent_again_yet() -> None:
    channels = Channels(TABLE)
    channels.send("events", bytes(1000))
    channels.send("events", bytes(1000))
    sent = packets(channels, 600)
    assert len(sent) == 4
    # All four are past their time-out of 250 ms, but the acks of three come before there is room to send again.
    assert channels.pack(0, 99, 0.25, RTT) is None
    for sequence in (0, 1, 3):
        channels.on_acked(sequence)
    (again,) = packets(channels, 1100, first=100, now=0.26)
    assert again == sent[2]


def test_a_silent_path_is_asked_again_less_and_less_often() -> None:
    """1.5 RTT and 100 ms are 250 ms; then twice that, and so on up to two seconds, until an ack comes."""
    channels = Channels(TABLE)
    channels.send("chat", b"anyone?")
    sent_at = [tick / 60 for tick in range(600) if channels.pack(1000, tick, tick / 60, RTT) is not None]
    gaps = [later - earlier for earlier, later in pairwise(sent_at)]
    assert gaps[:4] == pytest.approx([0.25, 0.5, 1.0, 2.0], abs=0.018)
    assert max(gaps) <= 2.02
    channels.on_acked(round(sent_at[-1] * 60))
    assert not channels.pending
    channels.send("chat", b"good")
    assert channels.pack(1000, 600, 10.0, RTT) is not None
    assert channels.pack(1000, 601, 10.24, RTT) is None
    assert channels.pack(1000, 602, 10.26, RTT) is not None


def test_an_unknown_rtt_has_a_time_out_too() -> None:
    channels = Channels(TABLE)
    channels.send("chat", b"hello")
    assert channels.pack(1000, 0, 0.0, math.nan) is not None
    assert channels.pack(1000, 1, 0.39, math.nan) is None
    assert channels.pack(1000, 2, 0.41, math.nan) is not None


def test_waiting_stays_inside_a_channel() -> None:
    sender, receiver = Channels(TABLE), Channels(TABLE)
    sender.send("chat", b"first")
    lost = packets(sender, 1000)
    sender.send("chat", b"second")
    sender.send("events", b"bang")
    (entries,) = packets(sender, 1000, first=1)
    assert receiver.unpack(entries, 0.0) == [(2, b"bang")]
    assert receiver.unpack(lost[0], 0.0) == [(3, b"first"), (3, b"second")]


def test_the_newest_wins() -> None:
    sender, receiver = Channels(TABLE), Channels(TABLE)
    sent = []
    for number in range(5):
        sender.send("voice", bytes([number]))
        sent += packets(sender, 100)
    heard = [receiver.unpack(sent[n], 0.0) for n in (1, 0, 1, 4, 3, 2)]
    assert heard == [[(1, b"\1")], [], [], [(1, b"\4")], [], []]


def test_duplicates_are_delivered_once() -> None:
    sender, receiver = Channels(TABLE), Channels(TABLE)
    sender.send("chat", b"a")
    sender.send("events", b"b" * 3000)
    sent = packets(sender, 1000)
    delivered = [got for entries in [*sent, *sent] for got in receiver.unpack(entries, 0.0)]
    assert sorted(delivered) == [(2, b"b" * 3000), (3, b"a")]
    assert receiver.held_bytes == 0


def test_a_full_reliable_channel_says_its_name() -> None:
    table = ChannelTable((Channel("chat", Kind.RELIABLE_ORDERED, queue_messages=3, queue_bytes=2000),))
    channels = Channels(table)
    for _ in range(3):
        channels.send("chat", b"x")
    with pytest.raises(ChannelFull, match=r"'chat' is full: 3 messages, 3 bytes") as caught:
        channels.send("chat", b"x")
    assert caught.value.channel == "chat"
    assert isinstance(caught.value, UsageError)
    channels.pack(1000, 0, 0.0, RTT)  # sent is not delivered: still full
    with pytest.raises(ChannelFull):
        channels.send("chat", b"x")
    channels.on_acked(0)
    channels.send("chat", b"x" * 1000)
    channels.send("chat", b"x" * 1000)
    with pytest.raises(ChannelFull, match="2 messages, 2000 bytes"):
        channels.send("chat", b"x")


def test_a_full_unreliable_channel_drops_its_oldest() -> None:
    channels = Channels(ChannelTable((Channel("voice", Kind.UNRELIABLE_SEQUENCED, queue_messages=2),)))
    for number in range(5):
        channels.send("voice", bytes([number]))
    assert channels.dropped == 3
    assert packets(channels, 100) == [[0, 3, b"\3", 0, 4, b"\4"]]
    assert not channels.pending


def test_an_unreliable_message_that_finds_no_room_is_dropped_in_time() -> None:
    channels = Channels(TABLE)
    channels.send("effects", bytes(500))
    channels.send("effects", bytes(3))
    assert channels.needs == 3 + 1 + 3 + 500
    assert channels.pack(200, 0, 5.0, RTT) is None
    assert channels.pack(200, 1, 5.0 + UNSENT_MAX_AGE - 0.01, RTT) is None
    assert channels.pack(200, 2, 5.0 + UNSENT_MAX_AGE, RTT) is None
    assert channels.dropped == 1
    assert packets(channels, 200) == [[0, bytes(3)]]
    # With the room it asks for it goes.
    channels.send("effects", bytes(500))
    assert packets(channels, channels.needs) == [[0, bytes(500)]]


def test_an_oversize_message_goes_alone() -> None:
    channels = Channels(TABLE)
    channels.send("effects", bytes(1000))
    channels.send("effects", bytes(60000))
    channels.send("chat", b"hello")
    assert channels.pack_oversize(1191) is None  # not its turn
    assert packets(channels, 1191) == [[6, 0, b"hello", 0, bytes(1000)]]
    data = channels.pack_oversize(1191)
    assert unpacked(data) == [0, bytes(60000)]
    assert channels.pack_oversize(1191) is None


def test_the_window_holds_the_sender_back() -> None:
    table = ChannelTable((Channel("x", Kind.RELIABLE_ORDERED, queue_messages=2000, max_message_bytes=65536),))
    channels = Channels(table)
    for _ in range(WINDOW_MESSAGES + 10):
        channels.send("x", b"?")
    assert sum(len(entries) for entries in packets(channels, 500)) == 3 * WINDOW_MESSAGES
    channels.on_acked(0)
    assert packets(channels, 500, first=900) != []
    channels = Channels(table)
    for _ in range(5):
        channels.send("x", bytes(40000))
    sent = packets(channels, 60000)  # a window of 128 KiB, with slices and a whole message in them
    assert sum(len(part) for entries in sent for part in entries if isinstance(part, bytes)) == 3 * 40000


@pytest.mark.parametrize("kind", [Kind.RELIABLE_ORDERED, Kind.RELIABLE_UNORDERED, Kind.UNRELIABLE_SEQUENCED])
def test_message_numbers_wrap(kind: Kind) -> None:
    table = ChannelTable((Channel("x", kind),))
    sender, receiver = Channels(table), Channels(table)
    delivered = 0
    for sequence in range(700):
        for _ in range(100):
            sender.send("x", b"?")
        data = sender.pack(1100, sequence, 0.0, RTT)
        delivered += len(receiver.unpack(unpacked(data), 0.0))
        sender.on_acked(sequence)
    assert delivered == 70_000
    assert not sender.pending


@pytest.mark.parametrize(
    "table",
    [
        lambda: ChannelTable(()),
        lambda: ChannelTable([Channel(str(n), Kind.UNRELIABLE) for n in range(65)]),
        lambda: ChannelTable([Channel("a", Kind.UNRELIABLE), Channel("a", Kind.RELIABLE_ORDERED)]),
        lambda: Channel("", Kind.UNRELIABLE),
        lambda: Channel("a", Kind.RELIABLE_ORDERED, max_message_bytes=256 * 1024 + 1),
        lambda: Channel("a", Kind.UNRELIABLE, max_message_bytes=64 * 1024 + 1),
        lambda: Channel("a", Kind.UNRELIABLE, max_message_bytes=0),
        lambda: Channel("a", Kind.UNRELIABLE, queue_messages=0),
        lambda: Channel("a", Kind.UNRELIABLE, queue_bytes=1000),
    ],
)
def test_a_table_that_cannot_be(table: object) -> None:
    with pytest.raises(UsageError):
        table()  # type: ignore[operator]


@pytest.mark.parametrize(("channel", "message"), [("nobody", b"x"), (4, b"x"), (-1, b"x"), (1, b""), (1, bytes(1025))])
def test_a_message_that_cannot_be_sent(channel: str | int, message: bytes) -> None:
    with pytest.raises(UsageError):
        Channels(TABLE).send(channel, message)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        (None, "channel-data"),
        (7, "channel-data"),
        (b"bytes", "channel-data"),
        ({0: b"x"}, "channel-data"),
        ([b"x"], "channel-data"),
        ([True, b"x"], "channel-data"),
        ([8, 0, b"x"], "channel-data"),
        ([-1, b"x"], "channel-data"),
        ([0], "channel-data"),
        ([0, "text"], "channel-data"),
        ([0, 0, b"x"], "channel-data"),
        ([1, b"x"], "channel-data"),  # a slice of an unreliable message
        ([3, 0, 5, 0, b"x"], "channel-data"),
        ([2, 0], "channel-data"),
        ([2, 65536, b"x"], "channel-data"),
        ([2, -1, b"x"], "channel-data"),
        ([4, 0.0, b"x"], "channel-data"),
        ([5, 0, 5, 0], "channel-data"),
        ([5, 0, None, 0, b"x"], "channel-data"),
        ([0, b""], "channel-message"),
        ([2, 0, bytes(1025)], "channel-message"),
        ([4, 0, b""], "channel-message"),
        ([4, 0, bytes(65537)], "channel-message"),
        ([5, 0, 65537, 0, b"x"], "channel-message"),
        ([5, 0, 10**30, 0, b"x"], "channel-message"),
        ([5, 0, 0, 0, b"x"], "channel-message"),
        ([5, 0, 5, -1, b"x"], "channel-message"),
        ([5, 0, 5, 5, b"x"], "channel-message"),
        ([5, 0, 5, 2, b"xxxx"], "channel-message"),
        ([5, 0, 5, 2, b""], "channel-message"),
        ([5, 0, 5, 0, b"x", 5, 0, 6, 1, b"x"], "channel-message"),  # another size
        ([5, 0, 5, 0, b"x", 4, 0, b"xxxxxx"], "channel-message"),
        ([4, WINDOW_MESSAGES, b"x"], "channel-window"),
        ([6, 32767, b"x"], "channel-window"),
        ([5, 1, 65536, 0, b"x", 5, 2, 65536, 0, b"x", 5, 3, 1025, 0, b"x"], "channel-memory"),
        ([6, 0, b"x", *(part for n in range(2, 14) for part in (6, n, bytes(30000)))], "channel-memory"),
    ],
)
def test_what_no_honest_peer_sends_is_refused(entries: object, reason: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        Channels(TABLE).unpack(entries, 0.0)
    assert caught.value.reason == reason


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.binary(max_size=5) | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=5,
)
plausible = st.lists(st.integers(0, 8) | st.integers(0, 600) | st.binary(max_size=9), max_size=25)


@given(st.lists(anything | plausible, max_size=8))
@settings(deadline=None, max_examples=100)
def test_any_data_raises_nothing_but_protocol_errors_and_holds_no_more_than_its_windows(arrays: list[object]) -> None:
    channels = Channels(TABLE)
    bound = sum(channel.window_bytes for channel in TABLE.channels)
    for entries in arrays:
        try:
            for place, message in channels.unpack(entries, 0.0):
                assert 0 < len(message) <= TABLE.channels[place].max_message_bytes
        except NetError as error:
            assert isinstance(error, ProtocolError)  # noqa: PT017 - one of several outcomes, not the expected one
        assert channels.held_bytes <= bound


def test_parts_that_are_never_completed_expire() -> None:
    channels = Channels(TABLE)
    channels.unpack([7, 0, 200000, 0, b"x"], 10.0)
    assert channels.held_bytes == 200000
    channels.unpack([7, 0, 200000, 1, b"x"], 30.0)
    channels.unpack([7, 0, 200000, 1, b"x"], 50.0)  # nothing new
    assert not channels.expire(30.0 + STALL - 0.1)
    assert channels.expire(30.0 + STALL)
    assert channels.broken
    assert channels.held_bytes == 0
    with pytest.raises(ProtocolError) as caught:
        channels.unpack([6, 0, b"x"], 91.0)
    assert caught.value.reason == "channel-stalled"


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", [Kind.RELIABLE_ORDERED, Kind.RELIABLE_UNORDERED])
def test_any_budgets_and_fates_keep_the_promise(kind: Kind, seed: int) -> None:
    """Packets of 0 to 1300 bytes that are lost, swapped, or told lost though they arrive."""
    table = ChannelTable((Channel("a", kind, priority=1, max_message_bytes=20000), Channel("b", Kind.RELIABLE_ORDERED)))
    rng = random.Random(seed)
    sender, receiver = Channels(table), Channels(table)
    sent: list[tuple[int, bytes]] = []
    delivered: list[tuple[int, bytes]] = []
    on_the_way: list[tuple[int, bytes]] = []
    for tick in range(4000):
        if tick < 200 and rng.random() < 0.3:
            place = rng.randrange(2)
            message = rng.randbytes(rng.randint(1, 20000 if place == 0 and rng.random() < 0.2 else 900))
            sender.send(place, message)
            sent.append((place, message))
        data = sender.pack(rng.randint(0, 1300), tick, tick / 60, RTT) if sender.pending else None
        if data is not None:
            on_the_way.append((tick, data))
        if rng.random() < 0.3:
            rng.shuffle(on_the_way)
        while on_the_way and rng.random() < 0.7:
            sequence, data = on_the_way.pop(0)
            fate = rng.random()
            if fate < 0.7:
                delivered += receiver.unpack(msgpack.unpackb(data), tick / 60)
            if fate < 0.6:
                sender.on_acked(sequence)
            else:
                sender.on_lost(sequence)
        if tick > 200 and not sender.pending and not on_the_way:
            break
    assert not sender.pending
    assert receiver.held_bytes == 0
    assert [message for place, message in delivered if place] == [message for place, message in sent if place]
    first, arrived = ([message for place, message in way if not place] for way in (sent, delivered))
    assert arrived == first if kind is Kind.RELIABLE_ORDERED else sorted(arrived) == sorted(first)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted), max_size=20))
@settings(deadline=None, max_examples=80)
def test_coverage_agrees_with_a_set_of_bytes(ranges: list[list[int]]) -> None:
    coverage, plain = Coverage(40), set[int]()
    for start, end in ranges:
        assert coverage.add(start, end) == len(set(range(start, end)) - plain)
        plain |= set(range(start, end))
        assert coverage.left == 40 - len(plain)
        gaps = coverage.gaps(start, 40)
        assert {byte for gap in gaps for byte in range(*gap)} == set(range(start, 40)) - plain
        assert all(a[1] < b[0] for a, b in pairwise(gaps))
