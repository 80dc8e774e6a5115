"""The proxy on loopback: clients through it, each with a line of its own. Time is given, so that nothing sleeps."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import pytest

from engine.errors import UsageError
from engine.transport.base import Datagram
from engine.transport.impairment import PERFECT, LinkModel, Profile
from engine.transport.proxy import Proxy
from engine.transport.udp import UdpSocket

ANY = ("127.0.0.1", 0)
LINE = Profile("line", "", LinkModel(delay=0.030), LinkModel(delay=0.050))


def soon(receive: Callable[[], list[Datagram]], step: Callable[[], object]) -> list[Datagram]:
    """Call `step` until `receive` gives something, for a second at most: loopback is quick, but not at once."""
    deadline = monotonic() + 1.0
    while monotonic() < deadline:
        step()
        got = receive()
        if got:
            return got
    return []


def test_there_and_back_with_the_profiles_delays() -> None:
    with UdpSocket(*ANY) as server, UdpSocket(*ANY) as client, Proxy(ANY, server.address, LINE) as proxy:
        client.send([(b"hello", proxy.address)])
        while proxy.next_due() is None:
            proxy.step(0.0)
        assert proxy.next_due() == pytest.approx(0.030)
        proxy.step(0.029)
        assert not server.wait(0.01)
        ((payload, seen_as),) = soon(server.receive, lambda: proxy.step(0.031))
        assert payload == b"hello"
        assert seen_as not in (client.address, proxy.address)
        server.send([(b"welcome", seen_as)])
        while proxy.next_due() is None:
            proxy.step(1.0)
        assert proxy.next_due() == pytest.approx(1.050)
        assert soon(client.receive, lambda: proxy.step(1.051)) == [(b"welcome", proxy.address)]
        ((address, up, down),) = list(proxy.links())
        assert address == client.address
        assert (up.stats.delivered, down.stats.delivered) == (1, 1)


def test_every_client_has_a_socket_of_its_own() -> None:
    with UdpSocket(*ANY) as server, Proxy(ANY, server.address, PERFECT) as proxy:
        clients = [UdpSocket(*ANY) for _ in range(5)]
        for index, client in enumerate(clients):
            client.send([(bytes([index]), proxy.address)])
        seen = {}
        while len(seen) < 5:
            got = soon(server.receive, lambda: proxy.step(0.0))
            assert got
            seen.update({payload[0]: source for payload, source in got})
        assert len(set(seen.values())) == 5
        server.send([(bytes([10 + index]), source) for index, source in seen.items()])
        for index, client in enumerate(clients):
            assert soon(client.receive, lambda: proxy.step(0.0)) == [(bytes([10 + index]), proxy.address)]
            client.close()
        assert proxy.clients == proxy.stats.clients == 5


def test_clients_are_bounded_and_forgotten_when_idle() -> None:
    with (
        UdpSocket(*ANY) as server,
        Proxy(ANY, server.address, PERFECT, max_clients=1, idle=10.0) as proxy,
        UdpSocket(*ANY) as first,
        UdpSocket(*ANY) as second,
    ):
        first.send([(b"1", proxy.address)])
        assert soon(server.receive, lambda: proxy.step(0.0))
        second.send([(b"2", proxy.address)])
        deadline = monotonic() + 1.0
        while proxy.stats.refused == 0 and monotonic() < deadline:
            proxy.step(1.0)
        assert (proxy.stats.refused, proxy.clients) == (1, 1)
        proxy.step(20.0)
        assert (proxy.stats.expired, proxy.clients) == (1, 0)
        second.send([(b"3", proxy.address)])
        ((payload, _),) = soon(server.receive, lambda: proxy.step(21.0))
        assert payload == b"3"


def test_only_the_server_is_let_through_to_a_client() -> None:
    with (
        UdpSocket(*ANY) as server,
        UdpSocket(*ANY) as client,
        UdpSocket(*ANY) as stranger,
        Proxy(ANY, server.address, PERFECT) as proxy,
    ):
        client.send([(b"hello", proxy.address)])
        ((_, seen_as),) = soon(server.receive, lambda: proxy.step(0.0))
        stranger.send([(b"psst", seen_as)])
        deadline = monotonic() + 1.0
        while proxy.stats.strangers == 0 and monotonic() < deadline:
            proxy.step(0.0)
        assert proxy.stats.strangers == 1
        assert client.receive() == []


def test_the_profile_can_be_changed_for_all() -> None:
    with UdpSocket(*ANY) as server, UdpSocket(*ANY) as client, Proxy(ANY, server.address, PERFECT) as proxy:
        client.send([(b"1", proxy.address)])
        assert soon(server.receive, lambda: proxy.step(0.0))
        proxy.set_profile(LINE)
        assert proxy.profile == LINE
        client.send([(b"2", proxy.address)])
        while proxy.next_due() is None:
            proxy.step(5.0)
        assert proxy.next_due() == pytest.approx(5.030)


def test_run_forwards_until_it_is_told_to_stop() -> None:
    line = Profile("line", "", LinkModel(delay=0.02), LinkModel(delay=0.02))
    with UdpSocket(*ANY) as server, UdpSocket(*ANY) as client, Proxy(ANY, server.address, line) as proxy:
        start = monotonic()
        got: list[Datagram] = []

        def stop() -> bool:  # asked between steps, so it can play server and client too
            server.send(server.receive())
            got.extend(client.receive())
            return bool(got) or monotonic() > start + 2.0

        client.send([(b"ping", proxy.address)])
        proxy.run(monotonic, stop)
        assert got == [(b"ping", proxy.address)]
        assert monotonic() - start >= 0.04


def test_arguments_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="max_clients 0"):
        Proxy(ANY, ("127.0.0.1", 9), PERFECT, max_clients=0)
    with UdpSocket(*ANY) as taken, pytest.raises(UsageError, match="in use"):
        Proxy(taken.address, ("127.0.0.1", 9), PERFECT)
