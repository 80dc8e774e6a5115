"""What the channels promise, over paths that lose, swap and double; how late messages are; nothing left in the end.

The full form (1,000 messages each way, per kind and loss) is `bench/channels.py`; here are fewer of the same.
"""

from __future__ import annotations

from collections import Counter
from statistics import median, quantiles

import numpy as np
import pytest

from bench.channels import Link, PathModel, broken_promise, exchange, sizes_between
from bench.soak import reachable_bytes
from engine.link.channels import Channel, ChannelTable, Kind

ONE_WAY = 0.050  # s
HOUR_TICKS = 3600 * 60


def table(kind: Kind) -> ChannelTable:
    return ChannelTable((Channel("only", kind, max_message_bytes=65536, queue_bytes=8 * 1024 * 1024),))


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.2, 0.5])
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_keeps_its_promise(kind: Kind, loss: float) -> None:
    """60 messages of 1 byte to 64 KiB each way at 100 ms RTT; a tenth of the datagrams twice, swaps within 20 ms."""
    link = Link(table(kind), PathModel(ONE_WAY, jitter=0.020, loss=loss, duplicate=0.1), seed=7)
    result = exchange(link, sizes_between(1, 65536, 60, seed=1), every=4, seed=2)
    for sent, delivered in zip(result.sent, result.delivered, strict=True):
        offered, arrived = [message for _, message in sent], [message for _, message in delivered]
        assert broken_promise(kind, offered, arrived) is None
        if not kind.reliable:
            assert len(arrived) >= 60 * (1 - loss) ** 8 - 1  # in the middle of the sizes a message is one datagram
    if loss == 0:
        assert sum(map(len, result.delivered)) == 120  # nothing swapped so far that a sequenced one came too late
    assert all(end.channels.held_bytes == end.reassembler.held_bytes == 0 or not kind.reliable for end in link.ends)
    assert not link.pending


@pytest.mark.parametrize("kind", [Kind.RELIABLE_UNORDERED, Kind.RELIABLE_ORDERED])
@pytest.mark.parametrize("ticks_per_packet", [(1, 1), (1, 2)], ids=["60 Hz", "60 and 30 Hz"])
def test_how_late_a_reliable_message_is(kind: Kind, ticks_per_packet: tuple[int, int]) -> None:
    """At 100 ms RTT and 5 % loss: median within one RTT of the one-way time, 99 of 100 within two and a half."""
    channels = ChannelTable((Channel("only", kind),))
    link = Link(channels, PathModel(ONE_WAY, loss=0.05), seed=3, ticks_per_packet=ticks_per_packet)
    delays = exchange(link, [100] * 800, every=6, seed=4).delays()
    assert len(delays) == 1600
    extra = [delay - ONE_WAY for delay in delays]
    assert median(extra) < 0.100
    assert quantiles(extra, n=100)[98] < 0.250


def test_a_large_message_costs_little_more_than_its_size() -> None:
    """256 KiB at 5 % loss: what is lost is sent again, and not much else."""
    channels = ChannelTable((Channel("map", Kind.RELIABLE_ORDERED, max_message_bytes=262144),))
    link = Link(channels, PathModel(ONE_WAY, loss=0.05), seed=5)
    result = exchange(link, [262144], every=1, seed=6)
    assert [message for _, message in result.delivered[0]] == [message for _, message in result.sent[0]]
    assert result.resent_bytes < 0.09 * 2 * 262144
    assert max(result.delays()) < 2.0  # 0.91 s at four packets a tick


MATCH = ChannelTable(
    (
        Channel("effects", Kind.UNRELIABLE, max_message_bytes=4000),
        Channel("voice", Kind.UNRELIABLE_SEQUENCED, priority=2),
        Channel("events", Kind.RELIABLE_UNORDERED),
        Channel("chat", Kind.RELIABLE_ORDERED, priority=1),
        Channel("map", Kind.RELIABLE_ORDERED, priority=-1, max_message_bytes=262144),
    )
)


def soak(ticks: int, checks: int) -> list[int]:
    """Exchange every kind of message at 5 % loss for `ticks`; return what the link holds at each of `checks` rests."""
    link = Link(MATCH, PathModel(ONE_WAY, jitter=0.01, loss=0.05, duplicate=0.01), seed=8)
    rng = np.random.default_rng(9)
    sent = [Counter[tuple[int, bytes]]() for _ in link.ends]
    memory = []
    for tick in range(ticks):
        for end, log in zip(link.ends, sent, strict=True):
            for place, every, most in ((0, 120, 4000), (1, 30, 200), (2, 20, 300), (3, 200, 200), (4, 3600, 30000)):
                if rng.random() * every < 1:
                    message = rng.bytes(int(rng.integers(1, most)))
                    end.channels.send(place, message)
                    if MATCH.channels[place].kind.reliable:
                        log[place, message] += 1
        link.step()
        if tick % (ticks // checks) == ticks // checks - 1:
            link.settle(link.tick + 3600)
            assert not link.pending
            for end, log in zip(link.ends, reversed(sent), strict=True):
                arrived = Counter(
                    (place, message) for _, place, message in end.delivered if MATCH.channels[place].kind.reliable
                )
                assert arrived == log
                end.delivered.clear()
                log.clear()
                assert end.channels.held_bytes == 0
                end.reassembler.expire(link.now + 10)
                assert end.reassembler.held_bytes == 0
            memory.append(reachable_bytes(link))
    return memory


def test_a_short_soak_leaves_nothing_behind() -> None:
    memory = soak(ticks=2400, checks=4)
    assert max(memory) < 1.1 * min(memory)


@pytest.mark.slow
def test_a_day_leaves_nothing_behind() -> None:
    memory = soak(ticks=24 * HOUR_TICKS, checks=48)
    assert max(memory) < 1.1 * min(memory)
