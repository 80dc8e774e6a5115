"""Real sockets, on loopback only: both ways of doing it give the same datagrams."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from engine.address import Address
from engine.errors import UsageError
from engine.transport.base import Transport
from engine.transport.batch import BATCH, MIN_SEND, BatchIO
from engine.transport.udp import UdpSocket, wait_any

WAYS = [False, True] if BatchIO.available() else [False]


def has_ipv6() -> bool:
    try:
        with UdpSocket("::1", 0):
            return True
    except UsageError:
        return False


HOSTS = ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]


@pytest.fixture(params=WAYS, ids=lambda batched: "batched" if batched else "plain")
def batched(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(params=HOSTS)
def pair(request: pytest.FixtureRequest, batched: bool) -> Iterator[tuple[UdpSocket, UdpSocket]]:
    with UdpSocket(request.param, 0, batched=batched) as first, UdpSocket(request.param, 0, batched=batched) as second:
        yield first, second


def drain(transport: UdpSocket, count: int) -> list[tuple[bytes, Address]]:
    """Receive until `count` datagrams came or nothing came for a second."""
    received: list[tuple[bytes, Address]] = []
    while len(received) < count and transport.wait(1.0):
        received += transport.receive()
    return received


def test_what_is_sent_arrives_in_order_with_its_sender(pair: tuple[UdpSocket, UdpSocket]) -> None:
    first, second = pair
    payloads = [bytes([index % 256]) * (index * 37 % 1400) for index in range(BATCH + 50)]  # the empty one too
    for start in range(0, len(payloads), 60):
        first.send([(payload, second.address) for payload in payloads[start : start + 60]])
    received = drain(second, len(payloads))
    assert [payload for payload, _ in received] == payloads
    assert {source for _, source in received} == {first.address}
    assert first.stats.sent == second.stats.received == len(payloads)
    assert first.stats.sent_bytes == second.stats.received_bytes == sum(map(len, payloads))
    header = 48 if ":" in first.address[0] else 28
    assert first.stats.sent_wire_bytes == sum(map(len, payloads)) + header * len(payloads)


def test_one_burst_to_many(pair: tuple[UdpSocket, UdpSocket]) -> None:
    first, second = pair
    with UdpSocket(first.address[0], 0) as third:
        burst = [(index.to_bytes(2, "little"), (second, third)[index % 2].address) for index in range(2 * MIN_SEND)]
        first.send(burst)
        for parity, receiver in enumerate((second, third)):
            numbers = [int.from_bytes(payload, "little") for payload, _ in drain(receiver, MIN_SEND)]
            assert numbers == list(range(parity, 2 * MIN_SEND, 2))


def test_receive_stops_at_its_limit(pair: tuple[UdpSocket, UdpSocket]) -> None:
    first, second = pair
    first.send([(bytes([index]), second.address) for index in range(40)])
    assert second.wait(1.0)
    assert [payload for payload, _ in second.receive(limit=7)] == [bytes([index]) for index in range(7)]
    assert len(second.receive(limit=0)) == 0
    assert len(drain(second, 33)) == 33


def test_nothing_to_receive_is_an_empty_list_at_once(pair: tuple[UdpSocket, UdpSocket]) -> None:
    assert pair[0].receive() == []
    assert not pair[0].wait(0.0)
    assert not pair[0].wait(-1.0)


def test_too_large_datagrams_are_counted_and_dropped(pair: tuple[UdpSocket, UdpSocket]) -> None:
    first, second = pair
    first.send([(bytes(2048), second.address), (bytes(2049), second.address), (b"after", second.address)])
    received = drain(second, 2)
    assert [len(payload) for payload, _ in received] == [2048, 5]
    assert second.stats.oversized == 1


def test_what_the_system_refuses_is_counted_and_the_rest_goes_out(batched: bool) -> None:
    with UdpSocket("127.0.0.1", 0, batched=batched) as first, UdpSocket("127.0.0.1", 0) as second:
        good = (b"good", second.address)
        refused = [
            (bytes(70_000), second.address),
            (b"x", ("127.0.0.1", 0)),
            (b"x", ("127.0.0.1", 70_000)),
            (b"x", ("::1", 9)),
        ]
        first.send([good] * MIN_SEND + refused + [good] * 3)
        assert len(drain(second, MIN_SEND + 3)) == MIN_SEND + 3
        assert first.stats.sent == MIN_SEND + 3
        assert first.stats.send_failed == 4
        assert first.stats.send_dropped == 0


def test_a_closed_port_at_the_other_end_harms_nobody(batched: bool) -> None:
    with UdpSocket("127.0.0.1", 0, batched=batched) as first, UdpSocket("127.0.0.1", 0, batched=batched) as second:
        gone = UdpSocket("127.0.0.1", 0)
        address = gone.address
        gone.close()
        first.send([(b"x", address)] * (MIN_SEND + 1))
        first.receive()
        first.send([(b"still here", second.address)])
        assert drain(second, 1) == [(b"still here", first.address)]


def test_a_connection_reset_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows reports a peer's closed port this way; here it is acted out."""
    with UdpSocket("127.0.0.1", 0, batched=False) as ours:
        answers: list[object] = [ConnectionResetError(10054, "reset"), (b"x", ("127.0.0.1", 9)), BlockingIOError()]

        class Acted:
            def recvfrom(self, size: int) -> object:
                answer = answers.pop(0)
                if isinstance(answer, Exception):
                    raise answer
                return answer

        real = ours._socket
        monkeypatch.setattr(ours, "_socket", Acted())
        assert ours.receive() == [(b"x", ("127.0.0.1", 9))]
        monkeypatch.setattr(ours, "_socket", real)


def test_a_port_in_use_is_one_clear_line(batched: bool) -> None:
    with UdpSocket("127.0.0.1", 0) as first:
        with pytest.raises(UsageError) as caught:
            UdpSocket("127.0.0.1", first.address[1], batched=batched)
        assert str(caught.value) == (
            f"UDP port 127.0.0.1:{first.address[1]} is in use by another program; choose another port"
        )


@pytest.mark.parametrize("where", [("192.0.2.1", 0), ("127.0.0.1", 70_000), ("not an address", 1)])
def test_addresses_that_cannot_be_bound(where: Address) -> None:
    with pytest.raises(UsageError, match="cannot bind"):
        UdpSocket(*where)


def test_closing_twice_and_using_it_afterwards(batched: bool) -> None:
    ours = UdpSocket("127.0.0.1", 0, batched=batched)
    ours.close()
    ours.close()
    assert ours.fileno() == -1
    assert ours.receive() == []
    assert not ours.wait(0.0)
    ours.send([(b"x", ("127.0.0.1", 9))])
    assert ours.stats.send_failed == 1


def test_waiting_for_several() -> None:
    with UdpSocket("127.0.0.1", 0) as first, UdpSocket("127.0.0.1", 0) as second:
        assert not wait_any([first, second], 0.0)
        first.send([(b"x", second.address)])
        assert wait_any([first, second], 1.0)
    assert not wait_any([first, second], 0.0)


def test_many_senders_are_told_apart(batched: bool) -> None:
    with UdpSocket("127.0.0.1", 0, batched=batched) as server:
        senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
        try:
            for round_number in range(2):  # the second time the addresses are known
                for index, sender in enumerate(senders):
                    sender.sendto(bytes([index]), server.address)
                received = drain(server, 20)
                assert len(received) == 20, round_number
                for payload, source in received:
                    assert source == ("127.0.0.1", senders[payload[0]].getsockname()[1])
        finally:
            for sender in senders:
                sender.close()


def test_it_is_a_transport() -> None:
    with UdpSocket("127.0.0.1", 0) as ours:
        transport: Transport = ours
        assert transport.address[1] > 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems take no such program")
def test_the_system_drops_what_a_program_does_not_accept() -> None:
    """Accept what begins with 7: load the byte after the UDP header, compare, take all or nothing."""
    program = [(0x30, 0, 0, 8), (0x15, 0, 1, 7), (0x06, 0, 0, 0xFFFFFFFF), (0x06, 0, 0, 0)]
    with UdpSocket("127.0.0.1", 0) as server, UdpSocket("127.0.0.1", 0) as player:
        assert server.drop_early(program)
        player.send([(b"\x08no", server.address), (b"\x07yes", server.address), (b"", server.address)])
        assert server.wait(5.0)
        assert [payload for payload, _ in server.receive()] == [b"\x07yes"]
        assert not server.wait(0.05)


def test_a_program_that_is_none_is_refused() -> None:
    with UdpSocket("127.0.0.1", 0) as server:
        assert not server.drop_early([(0xFFFF, 0, 0, 0)])
        assert not server.drop_early([])
