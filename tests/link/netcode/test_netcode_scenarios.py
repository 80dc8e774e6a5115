"""Server and clients together in virtual time: bad networks, thieves, recordings, restarts."""

from __future__ import annotations

import pytest

from engine.link.netcode import ClientConnected, ClientDisconnected, ClientState, NetcodeServerConfig


def all_connected(net) -> bool:
    return all(client.state is ClientState.CONNECTED for client in net.clients.values())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_40_clients_connect_at_50_percent_loss_each_way(make_net, seed):
    net = make_net(seed, loss=0.5, delay=(0.02, 0.15))
    for client_id in range(1, 41):
        net.add_client(client_id, timeout_seconds=20)
    net.run(20.0, until=lambda: all_connected(net))
    assert all_connected(net)
    assert net.server.client_count == 40
    assert sorted(client.client_index for client in net.clients.values()) == list(range(40))
    # And they stay, and talk.
    for step in range(300):
        for slot in net.server.connected_slots:
            net.server.send(slot, step.to_bytes(2, "big"), net.now)
        for client in net.clients.values():
            client.send(step.to_bytes(2, "big"), net.now)
        net.step()
    assert all_connected(net)
    for payloads in (net.server_payloads, net.client_payloads):
        assert 0.45 < len(payloads) / (300 * 40) < 0.55
        assert len(set(payloads)) == len(payloads)


def test_duplicates_and_reordering_deliver_each_payload_once(make_net):
    net = make_net(5, duplicate=0.5, delay=(0.0, 0.3))
    client = net.add_client()
    net.run(2.0, until=lambda: all_connected(net) and net.server.is_confirmed(0))
    for number in range(200):
        client.send(number.to_bytes(2, "big"), net.now)
        net.step()
    net.run(0.5)
    payloads = [payload for _, payload in net.server_payloads]
    assert payloads != sorted(payloads)
    assert sorted(payloads) == [number.to_bytes(2, "big") for number in range(200)]
    assert net.server.drops["replayed"] > 50


def test_one_seed_gives_one_run_byte_for_byte(make_net):
    def run() -> list:
        net = make_net(11, loss=0.3, duplicate=0.1, delay=(0.0, 0.2))
        for client_id in (1, 2, 3):
            net.add_client(client_id)
        net.run(3.0)
        return net.log

    assert run() == run()


def test_no_reply_to_an_unproven_address_is_larger_than_its_request(make_net, server_address):
    net = make_net(2, loss=0.4, delay=(0.0, 0.2), max_clients=6)
    for client_id in range(1, 13):
        net.add_client(client_id)
    net.run(15.0)
    proven, request_bytes, reply_bytes, replies = set(), {}, {}, 0
    for _, source, target, datagram in net.log:
        if target == server_address:
            request_bytes[source] = request_bytes.get(source, 0) + len(datagram)
            if datagram[0] & 15 == 3:
                proven.add(source)  # answering the challenge proves the address
        elif target not in proven:
            replies += 1
            assert len(datagram) < 1078
            reply_bytes[target] = reply_bytes.get(target, 0) + len(datagram)
            assert reply_bytes[target] < request_bytes[target]
    assert replies > 10


def test_a_whole_session_recorded_and_replayed_from_its_address_is_refused(make_net, server_address):
    net = make_net(3)
    client = net.add_client()
    net.run(1.0, until=lambda: all_connected(net))
    for number in range(30):
        client.send(bytes([number]), net.now)
        net.step()
    client.disconnect(net.now)
    net.run(0.5)
    assert isinstance(net.server_events[-1], ClientDisconnected)
    ((address, _),) = net.clients.items()
    recorded = [datagram for _, _, target, datagram in net.log if target == server_address]
    net.clients.clear()
    net.log.clear()
    net.server_payloads.clear()
    for datagram in recorded:
        net.send(address, server_address, datagram)
        net.step(0.02)
    assert net.server.client_count == 0
    assert net.server_payloads == []
    assert all(target == server_address for _, _, target, _ in net.log)  # not a word back
    assert net.server.drops["token-consumed"] >= 1
    # Nor later, when the token has expired and its memory is gone.
    net.run(50.0)
    for datagram in recorded:
        assert net.server.receive(datagram, address, net.now) is None
    assert net.server.drops["token-expired"] >= 1
    assert net.server.client_count == 0


def test_a_recorded_session_is_refused_by_a_server_restarted_with_the_same_key(make_net, server_address):
    net = make_net(3)
    client = net.add_client()
    net.run(1.0, until=lambda: all_connected(net))
    client.disconnect(net.now)
    net.run(0.5)
    ((address, _),) = net.clients.items()
    recorded = [datagram for _, _, target, datagram in net.log if target == server_address]
    net.server = net.new_server()
    for datagram in recorded:
        assert net.server.receive(datagram, address, net.now) is None
    assert net.server.drops["token-predates-start"] >= 1
    assert net.server.client_count == 0
    assert net.server.datagrams_to_send() == []


def test_a_token_used_from_two_addresses_at_once_opens_one_session(make_net):
    for seed in range(20):
        net = make_net(seed, loss=0.3, delay=(0.0, 0.1))
        token = net.mint()
        net.add_client(token=token, address=("198.51.100.1", 1))
        net.add_client(token=token, address=("198.51.100.2", 2))
        net.run(12.0)
        assert sum(isinstance(event, ClientConnected) for event in net.server_events) == 1
        states = [client.state for client in net.clients.values()]
        assert states.count(ClientState.CONNECTED) == 1
        assert states.count(ClientState.REQUEST_TIMED_OUT) == 1


def test_a_server_restart_is_survived_with_a_fresh_token(make_net):
    net = make_net(4)
    old = net.add_client(timeout_seconds=5)
    net.run(1.0)
    assert all_connected(net)
    net.server = net.new_server()
    net.run(6.0)
    assert old.state is ClientState.CONNECTION_TIMED_OUT
    new = net.add_client(timeout_seconds=5)  # the same address, the same player
    net.run(1.0)
    assert new.state is ClientState.CONNECTED
    assert net.server.slot_of(1) == 0


def test_a_client_finds_the_one_address_of_three_that_answers(make_net, server_address):
    net = make_net(4)
    client = net.add_client(
        addresses=[("203.0.113.1", 40000), ("2001:db8::1", 40000), server_address], timeout_seconds=3
    )
    net.run(6.5, until=lambda: all_connected(net))
    assert client.state is ClientState.CONNECTED
    assert client.server_address == server_address
    assert 6.0 <= net.now <= 6.5


def test_a_full_server_denies_and_lets_in_once_there_is_room(make_net):
    net = make_net(max_clients=1)
    first = net.add_client(1)
    net.run(0.5)
    second = net.add_client(2)
    net.run(0.5)
    assert second.state is ClientState.DENIED
    first.disconnect(net.now)
    third = net.add_client(3)
    net.run(0.5)
    assert third.state is ClientState.CONNECTED


def test_idle_connections_stay_and_cost_20_datagrams_a_second(make_net):
    net = make_net()
    net.add_client(timeout_seconds=2)
    net.run(1.0)
    net.log.clear()
    net.run(30.0)
    assert all_connected(net)
    assert len(net.log) <= 20 * 30 + 20


def test_both_sides_notice_a_dead_network(make_net):
    net = make_net()
    client = net.add_client(timeout_seconds=4)
    net.run(1.0)
    assert all_connected(net)
    net.loss = 1.0
    net.run(5.0)
    assert client.state is ClientState.CONNECTION_TIMED_OUT
    assert net.server_events[-1].reason == "timed-out"


def test_a_goodbye_gets_through_50_percent_loss_both_ways(make_net):
    net = make_net(7)
    for client_id in range(1, 31):
        net.add_client(client_id)
    net.run(1.0)
    net.loss = 0.5
    for number, client in enumerate(net.clients.values()):
        if number % 2:
            client.disconnect(net.now)
        else:
            net.server.disconnect(net.server.slot_of(number + 1), net.now, "test")
    net.flush()
    net.run(0.3)
    assert net.server.client_count == 0
    assert {event.reason for event in net.server_events if isinstance(event, ClientDisconnected)} == {"left", "test"}
    assert {client.state for client in net.clients.values()} == {ClientState.DISCONNECTED}


@pytest.mark.parametrize("key_made_at_start", [True, False])
def test_a_player_joining_in_the_first_second_of_a_server(make_net, key_made_at_start):
    net = make_net(config=NetcodeServerConfig(key_made_at_start=key_made_at_start))
    net.now = 0.25  # a start between two seconds
    net.server = net.new_server()
    client = net.add_client()
    net.run(1.0)
    assert (client.state is ClientState.CONNECTED) == key_made_at_start
    other = net.add_client(2)  # a second later all is well either way
    net.run(1.0)
    assert other.state is ClientState.CONNECTED


def test_a_flood_of_forged_requests_and_junk_leaves_players_be(make_net, server_address):
    net = make_net(8)
    for client_id in range(1, 17):
        net.add_client(client_id)
    net.run(1.0)
    assert all_connected(net)
    genuine = next(datagram for _, _, target, datagram in net.log if target == server_address)
    for tick in range(60):
        for number in range(100):
            source = (f"10.{number}.{tick}.1", 9)
            forged = genuine[:54] + net.random.randbytes(1024) if number % 2 else net.random.randbytes(100)
            net.server.receive(forged, source, net.now)
        for client in net.clients.values():
            client.send(bytes([tick]), net.now)
        net.step()
    net.run(0.1)
    assert len(net.server_payloads) == 16 * 60
    assert net.server.client_count == 16
