"""What of a drained socket is worth reading: players first and all of them, strangers by ration, junk not at all."""

from __future__ import annotations

import random

from engine.address import Address
from engine.link.netcode import ClientState, NetcodeServerConfig

PLAYER: Address = ("10.0.0.1", 5001)


def host(number: int) -> Address:
    return (f"192.0.2.{number % 250 + 1}", 7000 + number)


def request(number: int) -> bytes:
    return b"\x00" + number.to_bytes(4, "little")


def joined(make_net, **config):
    net = make_net(config=NetcodeServerConfig(**config))
    net.add_client(1, address=PLAYER)
    net.run(1.0)
    assert net.clients[PLAYER].state is ClientState.CONNECTED
    return net


def test_players_alone_are_passed_on_as_they_are(make_net):
    net = joined(make_net)
    datagrams = [(b"\x15any", PLAYER), (b"\x00even this", PLAYER)]
    assert net.server.sift(datagrams, 2.0) is datagrams
    assert net.server.sift([], 2.0) == []


def test_players_come_first_and_junk_is_counted_and_gone(make_net):
    net = joined(make_net)
    before = net.server.drops["unknown-source"]
    datagrams = [
        (b"\x15junk", host(1)), (request(1), host(2)), (b"\x15a", PLAYER), (b"", host(3)), (b"\x15b", PLAYER),
    ]  # fmt: skip
    assert net.server.sift(datagrams, 2.0) == [(b"\x15a", PLAYER), (b"\x15b", PLAYER), (request(1), host(2))]
    assert net.server.drops["unknown-source"] - before == 2


def test_whoever_has_a_pending_entry_may_respond(make_net):
    net = make_net()
    client = net.add_client(1, address=PLAYER)
    client.update(0.0)
    ((first, _),) = client.datagrams_to_send()
    assert net.server.sift([(b"\x31response", PLAYER)], 0.0) == []
    net.server.receive(first, PLAYER, 0.0)
    assert net.server.sift([(b"\x31response", PLAYER)], 0.0) == [(b"\x31response", PLAYER)]


def test_strangers_are_rationed_evenly_over_the_queue(make_net):
    net = joined(make_net, strangers_hz=100.0, strangers_burst=10)
    flood = [(request(number), host(number)) for number in range(100)]
    kept = net.server.sift([*flood, (b"\x15a", PLAYER)], 2.0)
    assert kept[0] == (b"\x15a", PLAYER)
    assert [at // 10 for at in map(flood.index, kept[1:])] == list(range(10)), "one of each ten"
    assert net.server.drops["strangers-spent"] == 90
    # Nothing is left, and a hundredth of a second buys one more.
    assert net.server.sift(flood, 2.0) == []
    assert len(net.server.sift(flood, 2.0101)) == 1
    assert len(net.server.sift(flood, 2.0601)) == 5
    assert len(net.server.sift(flood, 60.0)) == 10


def test_no_place_in_the_queue_is_left_out(make_net):
    net = joined(make_net, strangers_hz=100.0, strangers_burst=10)
    flood = [(request(number), host(number)) for number in range(37)]
    kept = {each for second in range(3, 60) for each in net.server.sift(flood, float(second))}
    assert kept == set(flood)


def test_in_the_long_run_the_ration_holds(make_net):
    net = joined(make_net, strangers_hz=200.0, strangers_burst=50)
    chance = random.Random(5)
    now, kept = 2.0, 0
    for _ in range(2000):
        now += chance.random() * 0.01
        flood = [(request(number), host(number)) for number in range(chance.randrange(8))]
        kept += len(net.server.sift(flood, now))
    assert 0.98 * (now - 2.0) * 200.0 <= kept <= (now - 2.0) * 200.0 + 50


def test_responses_go_before_requests_and_are_rationed_too(make_net):
    net = make_net(config=NetcodeServerConfig(strangers_hz=100.0, strangers_burst=10))
    client = net.add_client(1, address=PLAYER)
    client.update(0.0)
    ((first, _),) = client.datagrams_to_send()
    net.server.receive(first, PLAYER, 0.0)
    requests = [(request(number), host(number)) for number in range(100)]
    response = (b"\x31response", PLAYER)
    kept = net.server.sift([*requests, response], 0.0)
    assert (len(kept), kept[0]) == (10, response)
    assert net.server.sift([*requests, *[response] * 100], 5.0) == [response] * 10


def test_a_flood_does_not_keep_a_newcomer_out(make_net):
    """Forty times the ration in requests, all ahead of the newcomer's in the queue: it takes a few attempts more."""
    net = joined(make_net, strangers_hz=500.0, strangers_burst=50)
    receive, server = net.server.receive, net.server
    flood = [(request(number), host(number)) for number in range(333)]
    kept: list[tuple[bytes, Address]] = []

    def sifted(datagram: bytes, address: Address, now: float):
        if address == PLAYER:
            return receive(datagram, address, now)
        for each in server.sift([*flood, (datagram, address)], now):
            kept.append(each)
            if each[1] == address:
                return receive(*each, now)
        return None

    server.receive = sifted
    newcomer = net.add_client(2, address=("10.0.0.2", 5002))
    net.run(9.0)
    assert newcomer.state is ClientState.CONNECTED
    assert net.clients[PLAYER].state is ClientState.CONNECTED
