"""The link model under a live transport; mostly over the virtual network, where time is ours."""

from __future__ import annotations

from time import monotonic

import pytest

from engine.address import Address
from engine.transport.base import Transport
from engine.transport.impaired import ImpairedTransport
from engine.transport.impairment import PERFECT, LinkModel, Profile
from engine.transport.udp import UdpSocket
from engine.transport.virtual import VirtualNetwork

A: Address = ("10.0.0.1", 1)
B: Address = ("10.0.0.2", 2)

LINE = Profile("line", "", LinkModel(delay=0.030), LinkModel(delay=0.050))


def test_both_ways_are_delayed_and_go_out_when_due() -> None:
    network = VirtualNetwork()
    ours, server = ImpairedTransport(network.endpoint(A), LINE, seed=1), network.endpoint(B)
    ours.send([(b"up", B)], 0.0)
    ours.send([], 0.029)
    assert server.receive(0.029) == []
    assert ours.receive(0.031) == []  # receiving sends what is due, too
    assert server.receive(0.031) == [(b"up", A)]
    server.send([(b"down", A)], 0.04)
    assert ours.receive(0.04) == []
    assert ours.receive(0.089) == []
    assert ours.receive(0.091) == [(b"down", B)]
    assert ours.address == A
    assert ours.stats.sent == 1
    up, down = ours.links
    assert (up.stats.delivered, down.stats.delivered) == (1, 1)


def test_receive_keeps_its_limit_and_the_order() -> None:
    network = VirtualNetwork()
    ours, server = ImpairedTransport(network.endpoint(A), LINE, seed=1), network.endpoint(B)
    server.send([(bytes([index]), A) for index in range(5)], 0.0)
    assert ours.receive(0.0) == []
    assert [payload[0] for payload, _ in ours.receive(1.0, limit=3)] == [0, 1, 2]
    assert [payload[0] for payload, _ in ours.receive(1.0)] == [3, 4]


def test_the_profile_can_be_changed_live() -> None:
    network = VirtualNetwork()
    ours, server = ImpairedTransport(network.endpoint(A), LINE, seed=1), network.endpoint(B)
    ours.set_profile(PERFECT)
    assert ours.profile == PERFECT
    ours.send([(b"now", B)], 0.0)
    assert server.receive(0.0) == [(b"now", A)]
    ours.set_profile(Profile("dark", "", LinkModel(loss=1.0), LinkModel()))
    ours.send([(b"never", B)], 1.0)
    assert server.receive(9.0) == []


def test_wait_ends_when_something_held_back_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    network = VirtualNetwork()
    inner, server = network.endpoint(A), network.endpoint(B)
    waits: list[float] = []
    monkeypatch.setattr(type(inner), "wait", lambda self, timeout: waits.append(timeout) or False)
    now = 0.0
    ours = ImpairedTransport(inner, LINE, seed=1, clock=lambda: now)
    assert not ours.wait(0.1)  # nothing held: the inner transport's wait
    ours.send([(b"up", B)], 0.0)
    server.send([(b"down", A)], 0.0)
    ours.receive(0.0)
    assert ours.wait(0.1)
    now = 0.020
    assert ours.wait(0.1)  # with a clock, the rest of the 30 ms
    now = 0.040
    assert ours.wait(0.1)  # overdue
    assert waits == [0.1, pytest.approx(0.030), pytest.approx(0.010), 0.0]

    without = ImpairedTransport(network.endpoint(("10.0.0.3", 3)), LINE, seed=1)
    without.send([(b"up", B)], 5.0)
    assert without.wait(0.1)
    assert waits[-1] == pytest.approx(0.030)  # from the last `now` it was given
    assert not without.wait(0.01)


def test_closing_sends_what_is_held_back_and_closes_the_inner_one() -> None:
    network = VirtualNetwork()
    server = network.endpoint(B)
    with ImpairedTransport(network.endpoint(A), LINE, seed=1) as ours:
        ours.send([(b"bye", B), (b"bye", B)], 0.0)
        assert server.receive(0.0) == []
    assert server.receive(0.0) == [(b"bye", A)] * 2
    network.endpoint(A)  # free again


def test_over_real_sockets_the_delay_is_real() -> None:
    line = Profile("line", "", LinkModel(delay=0.03), LinkModel(delay=0.04))
    with UdpSocket("127.0.0.1", 0) as server, ImpairedTransport(UdpSocket("127.0.0.1", 0), line, 1, monotonic) as ours:
        start = monotonic()
        ours.send([(b"ping", server.address)], start)
        got: list[bytes] = []
        while not got and monotonic() < start + 2.0:
            if ours.wait(0.5):
                got = [payload for payload, _ in ours.receive(monotonic())]
            server.send(server.receive())  # echo
        assert got == [b"ping"]
        assert 0.070 <= monotonic() - start < 0.5


def test_it_is_a_transport() -> None:
    transport: Transport = ImpairedTransport(VirtualNetwork().endpoint(A), LINE, seed=1)
    assert transport.address == A
