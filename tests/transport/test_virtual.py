"""The network in memory: order, time, links, the digest, and who counts what."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.address import Address
from engine.errors import UsageError
from engine.transport.base import Transport
from engine.transport.impairment import LinkModel, Profile, load_profile
from engine.transport.virtual import VirtualNetwork

A: Address = ("10.0.0.1", 1)
B: Address = ("10.0.0.2", 2)
C: Address = ("10.0.0.3", 3)


def line(up: float, down: float) -> Profile:
    """Return a line with these fixed delays."""
    return Profile("line", "", LinkModel(delay=up), LinkModel(delay=down))


def test_without_links_a_datagram_is_there_at_once() -> None:
    network = VirtualNetwork()
    a, b = network.endpoint(A), network.endpoint(B)
    assert network.next_arrival() is None
    a.send([(b"one", B), (b"two", B)], 1.0)
    assert network.next_arrival() == 1.0
    assert b.receive(0.5) == []
    assert b.receive(1.0) == [(b"one", A), (b"two", A)]
    assert b.receive(1.0) == []
    assert a.receive(1.0) == []


def test_up_and_down_delays_apply_to_the_impaired_end() -> None:
    network = VirtualNetwork()
    a, b = network.endpoint(A), network.endpoint(B)
    network.impair(A, line(0.030, 0.010))
    a.send([(b"up", B)], 0.0)
    b.send([(b"down", A)], 0.0)
    assert network.next_arrival() == pytest.approx(0.010)
    assert a.receive(0.02) == [(b"down", B)]
    assert b.receive(0.02) == []
    assert b.receive(0.031) == [(b"up", A)]


def test_a_path_between_two_impaired_ends_has_both_delays() -> None:
    watched: list[tuple[float, float, Address, Address, int]] = []
    network = VirtualNetwork(watch=lambda *delivery: watched.append(delivery))
    a, b = network.endpoint(A), network.endpoint(B)
    network.impair(A, line(0.030, 0.010))
    network.impair(B, line(0.005, 0.040))
    a.send([(b"x", B)], 0.0)
    assert b.receive(0.069) == []
    assert network.next_arrival() == pytest.approx(0.070)
    assert b.receive(0.0701) == [(b"x", A)]
    assert watched == [(0.0, pytest.approx(0.070), A, B, 1)]


def test_the_receivers_queue_is_shared_by_all_senders() -> None:
    """60 kbit/s down: 100-byte packets of two senders with different lines leave it one after the other."""
    network = VirtualNetwork()
    a, b, c = network.endpoint(A), network.endpoint(B), network.endpoint(C)
    network.impair(A, line(0.100, 0.0))
    network.impair(B, line(0.050, 0.0))
    network.impair(C, Profile("slow", "", LinkModel(), LinkModel(rate_bit_s=80_000.0)))
    a.send([(bytes(72), C)], 0.0)
    b.send([(bytes(72), C)], 0.045)  # arrives at the queue 5 ms before
    arrivals = []
    for _ in range(4):
        at = network.next_arrival()
        if at is None:
            break
        arrivals += [(at, source) for _, source in c.receive(at)]
    assert arrivals == [(pytest.approx(0.105), B), (pytest.approx(0.115), A)]


def test_ties_go_to_the_one_sent_first_whatever_the_payload() -> None:
    network = VirtualNetwork()
    a, b, c = network.endpoint(A), network.endpoint(B), network.endpoint(C)
    c.send([(b"z", B)], 1.0)
    a.send([(b"a", B), (b"", B)], 1.0)
    assert b.receive(1.0) == [(b"z", C), (b"a", A), (b"", A)]


def test_ties_go_to_the_one_sent_first_through_links_too() -> None:
    network = VirtualNetwork()
    a, b, c = network.endpoint(A), network.endpoint(B), network.endpoint(C)
    network.impair(A, line(0.0, 0.0))
    network.impair(B, line(0.0, 0.01))
    a.send([(b"first", B)], 1.0)
    c.send([(b"second", B)], 1.0)
    assert [payload for payload, _ in b.receive(1.011)] == [b"first", b"second"]


def test_limit_and_pending() -> None:
    network = VirtualNetwork()
    a, b = network.endpoint(A), network.endpoint(B)
    a.send([(bytes([index]), B) for index in range(5)], 0.0)
    assert not b.wait(1.0)
    assert b.receive(0.0, limit=2) == [(b"\0", A), (b"\1", A)]
    assert b.pending == 3
    assert b.wait(0.0)
    assert network.advance(0.0) == [B]
    assert len(b.receive(0.0)) == 3


def test_counters_have_headers() -> None:
    network = VirtualNetwork()
    a, b = network.endpoint(A), network.endpoint(B)
    six = network.endpoint(("::1", 6))
    a.send([(bytes(100), B), (bytes(50), B)], 0.0)
    six.send([(bytes(10), B)], 0.0)
    b.receive(0.0)
    assert (a.stats.sent, a.stats.sent_bytes, a.stats.sent_wire_bytes) == (2, 150, 206)
    assert (b.stats.received, b.stats.received_bytes, b.stats.received_wire_bytes) == (3, 160, 244)
    assert six.stats.sent_wire_bytes == 58


def test_addresses_are_given_once_and_free_again_when_closed() -> None:
    network = VirtualNetwork()
    a, b = network.endpoint(A), network.endpoint(B)
    with pytest.raises(UsageError, match=r"10\.0\.0\.2:2 is in use"):
        network.endpoint(B)
    a.send([(b"x", B)], 0.0)
    b.close()
    b.close()
    with pytest.raises(UsageError, match="is closed"):
        b.send([(b"x", A)], 0.0)
    assert network.advance(1.0) == []
    assert network.unroutable == 1
    with network.endpoint(B) as again:
        a.send([(b"y", B)], 2.0)
        assert again.receive(2.0) == [(b"y", A)]


def play(seed: int, order: tuple[Address, ...] = (A, B, C)) -> tuple[str, list[tuple[bytes, Address]]]:
    """Run three ends over bad lines for 4 s, and return the digest and what C received."""
    network = VirtualNetwork(seed)
    sockets = {address: network.endpoint(address) for address in (A, B, C)}
    for address in order:
        network.impair(address, load_profile("awful" if address == A else "wifi-busy"), start=0.0)
    received: list[tuple[bytes, Address]] = []
    for step in range(400):
        now = step * 0.01
        for index, (address, socket) in enumerate(sockets.items()):
            got = socket.receive(now)
            received += got if address == C else []
            others = [other for other in sockets if other != address]
            socket.send([(step.to_bytes(2, "little") * (20 + index), other) for other in others], now)
    return network.digest(), received


def test_same_seed_same_digest_and_same_arrivals_in_any_order_of_impairing() -> None:
    digest, received = play(5)
    assert play(5) == (digest, received)
    assert play(5, (C, B, A)) == (digest, received)
    assert play(6)[1] != received
    assert len(digest) == 64


def test_the_digest_covers_time_ends_and_bytes() -> None:
    def digest(now: float = 1.0, source: Address = A, to: Address = B, payload: bytes = b"x") -> str:
        network = VirtualNetwork()
        network.endpoint(source).send([(payload, to)], now)
        return network.digest()

    digests = [digest(), digest(now=1.5), digest(source=C), digest(to=C), digest(payload=b"y"), digest(payload=b"xx")]
    assert len(set(digests)) == 6
    assert digest() == digests[0]


def test_the_digest_can_be_left_out() -> None:
    network = VirtualNetwork(digest=False)
    network.endpoint(A).send([(b"x", B)], 0.0)
    with pytest.raises(UsageError, match="digest=True"):
        network.digest()


def test_changing_the_profile_keeps_what_is_under_way() -> None:
    network = VirtualNetwork()
    a, b = network.endpoint(A), network.endpoint(B)
    network.impair(A, line(0.5, 0.0))
    a.send([(b"slow", B)], 0.0)
    network.impair(A, line(0.01, 0.0))
    a.send([(b"quick", B)], 0.1)
    assert b.receive(0.49) == []
    assert b.receive(0.51) == [(b"slow", A), (b"quick", A)]  # order is kept
    links = network.links(A)
    assert links is not None
    assert links[0].stats.delivered == 2
    assert network.links(B) is None


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 1000),
    sends=st.lists(
        st.tuples(st.floats(0.0, 0.2), st.integers(0, 2), st.integers(0, 2), st.binary(max_size=8)), max_size=60
    ),
)
def test_like_a_plain_list_of_arrivals(seed: int, sends: list[tuple[float, int, int, bytes]]) -> None:
    """The oracle: every delivery in a list, sorted by arrival and then by order of sending."""
    arrivals: list[tuple[float, int, Address, Address]] = []
    network = VirtualNetwork(
        seed, watch=lambda sent, at, source, to, size: arrivals.append((at, len(arrivals), source, to))
    )
    addresses = (A, B, C)
    sockets = [network.endpoint(address) for address in addresses]
    network.impair(A, load_profile("wifi-busy"))
    now = 0.0
    for gap, source, to, payload in sends:
        now += gap
        sockets[source].send([(payload, addresses[to])], now)
    # all sent before anything is read, and at most one link on each path but A to A, so sending order is watching order
    ordered = [entry for entry in sorted(arrivals) if entry[3] != A or entry[2] != A]
    for socket in sockets:
        got = [source for _, source in socket.receive(1e9)]
        expected = [source for _, _, source, to in ordered if to == socket.address]
        if socket.address == A:
            got = [source for source in got if source != A]
        assert got == expected
    assert network.next_arrival() is None


def test_it_is_a_transport() -> None:
    transport: Transport = VirtualNetwork().endpoint(A)
    assert transport.address == A
