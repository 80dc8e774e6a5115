"""No bytes make `receive` raise, in any state, from anywhere: noise, damage, a key holder's nonsense."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.link.netcode import ClientState, NetcodeClient, NetcodeServer, mint_connect_token, read_connect_token
from engine.link.netcode.packet import PacketKey, packet_associated_data

SERVER, HOME = ("203.0.113.7", 40000), ("198.51.100.1", 5000)
KEY = bytes(32)
UNIX = 1_700_000_000.0
TOKEN = mint_connect_token(
    protocol_id=7,
    private_key=KEY,
    client_id=1,
    addresses=[SERVER],
    create_time=UNIX,
    entropy=random.Random(1).randbytes,
)
PUBLIC = read_connect_token(TOKEN)

hosts = st.sampled_from([SERVER[0], HOME[0], "::1", "fe80::1%eth0", "::ffff:192.0.2.1", "", "not an address"])
addresses = st.one_of(st.sampled_from([SERVER, HOME]), st.tuples(hosts, st.integers(0, 65535)))
noise = st.binary(max_size=1400)
typed_noise = st.builds(
    lambda kind, length, rest: bytes([length << 4 | kind]) + rest, st.integers(0, 15), st.integers(0, 15), noise
)


@st.composite
def nonsense_of_a_key_holder(draw) -> bytes:
    """Authentic bytes of any type and size: what a modified client or server could send."""
    secret = draw(st.sampled_from([PUBLIC.client_to_server_key, PUBLIC.server_to_client_key]))
    key = PacketKey(secret, packet_associated_data(7))
    body = draw(st.one_of(st.binary(max_size=20), st.binary(min_size=308, max_size=308)))
    return key.seal(draw(st.integers(0, 15)), draw(st.integers(0, 2**64 - 1)), body)


datagrams = st.one_of(noise, typed_noise, nonsense_of_a_key_holder())


def make_pair(steps: int) -> tuple[NetcodeServer, NetcodeClient]:
    """A server and a client, `steps` deliveries in: 0 none, 1 pending, 2 challenged, 3 connected, 4 both know it."""
    server = NetcodeServer(
        protocol_id=7,
        private_key=KEY,
        addresses=[SERVER],
        max_clients=2,
        now=0.0,
        unix_time=UNIX,
        entropy=random.Random(2).randbytes,
    )
    client = NetcodeClient(token=TOKEN, now=0.0, unix_time=UNIX)
    client.update(0.0)
    for step in range(steps):
        sender = server if step % 2 else client
        for datagram, _ in sender.datagrams_to_send():
            if step % 2:
                client.receive(datagram, SERVER, 0.0)
            else:
                server.receive(datagram, HOME, 0.0)
    return server, client


@pytest.mark.parametrize("steps", range(5))
@settings(deadline=None, max_examples=60)
@given(batch=st.lists(st.tuples(datagrams, addresses), max_size=12))
def test_in_every_state_of_the_handshake(steps, batch):
    server, client = make_pair(steps)
    for number, (datagram, address) in enumerate(batch):
        now = number / 10
        for machine in (server, client):
            machine.receive(datagram, address, now)
            machine.update(now)
            machine.datagrams_to_send()
        server.events()


@pytest.mark.parametrize("end", [state for state in ClientState if state.is_end])
@settings(deadline=None, max_examples=10)
@given(datagram=datagrams, address=addresses)
def test_in_every_end_state(end, datagram, address):
    token = bytes(2048) if end is ClientState.TOKEN_INVALID else TOKEN
    client = NetcodeClient(token=token, now=0.0, unix_time=UNIX)
    client.state = end
    assert client.receive(datagram, address, 0.0) is None
    assert client.drops == {"ended": 1}
    assert client.datagrams_to_send() == []


@settings(deadline=None, max_examples=60)
@given(datagram=datagrams, address=addresses)
def test_at_a_stopped_server(datagram, address):
    server, _ = make_pair(4)
    server.stop(0.0)
    assert server.receive(datagram, address, 0.0) is None


@settings(deadline=None, max_examples=200)
@given(
    token=st.one_of(
        st.binary(max_size=2100),
        st.builds(
            lambda at, patch: (TOKEN[:at] + patch + TOKEN[at:])[:2048], st.integers(0, 2047), st.binary(max_size=40)
        ),
    )
)
def test_any_bytes_for_a_token(token):
    client = NetcodeClient(token=token, now=0.0)
    client.update(0.0)
    client.receive(b"x", SERVER, 0.0)
    assert (client.state is ClientState.TOKEN_INVALID) == bool(client.token_error)
