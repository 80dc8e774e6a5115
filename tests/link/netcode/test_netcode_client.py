"""The client's machine, packet by packet, against a server the test plays by hand."""

from __future__ import annotations

import random

import pytest

from engine.errors import UsageError
from engine.link.netcode import (
    ClientState,
    NetcodeClient,
    NetcodeClientConfig,
    mint_connect_token,
    read_connect_token,
)
from engine.link.netcode.packet import (
    CHALLENGE,
    DENIED,
    DISCONNECT,
    KEEP_ALIVE,
    PAYLOAD,
    RESPONSE,
    PacketKey,
    allow,
    decode_keep_alive,
    decode_request,
    encode_keep_alive,
    packet_associated_data,
)
from engine.link.netcode.replay import ReplayWindow

FIRST, SECOND, ELSEWHERE = ("203.0.113.1", 40000), ("2001:db8::2", 40001), ("203.0.113.9", 40000)
UNIX = 1_700_000_000.0
CHALLENGE_BODY = (77).to_bytes(8, "little") + bytes(300)
FROM_CLIENT = allow(RESPONSE, KEEP_ALIVE, PAYLOAD, DISCONNECT)


def mint(**changes) -> bytes:
    values = {
        "protocol_id": 7,
        "private_key": bytes(32),
        "client_id": 1,
        "addresses": [FIRST],
        "create_time": UNIX,
        "expire_seconds": 45,
        "timeout_seconds": 10,
        "entropy": random.Random(3).randbytes,
    }
    return mint_connect_token(**(values | changes))


class Bench:
    """A client under test, and a hand that seals what a server would send it."""

    def __init__(self, *, unix_time: float | None = UNIX, config: NetcodeClientConfig | None = None, **changes) -> None:
        token = mint(**changes)
        public = read_connect_token(token)
        associated = packet_associated_data(public.protocol_id)
        self.sealing = PacketKey(public.server_to_client_key, associated)
        self.opening = PacketKey(public.client_to_server_key, associated)
        self.client = NetcodeClient(token=token, now=0.0, unix_time=unix_time, config=config)
        self.sequence = 0

    def give(self, kind: int, body: bytes = b"", now: float = 0.0, source=FIRST) -> bytes | None:
        packet = self.sealing.seal(kind, self.sequence, body)
        self.sequence += 1
        return self.client.receive(packet, source, now)

    def update(self, *times: float) -> None:
        for now in times:
            self.client.update(now)

    def sent(self) -> list[tuple[str | int, bytes]]:
        """What the client sent since last asked, as (type, body)."""
        packets = []
        for datagram, _ in self.client.datagrams_to_send():
            if datagram[0] == 0:
                decode_request(datagram)
                packets.append(("request", datagram))
            else:
                kind, _, body = self.opening.open(datagram, FROM_CLIENT, ReplayWindow())
                packets.append((kind, body))
        return packets

    def reach_response(self, now: float = 0.0, source=FIRST) -> None:
        self.update(now)
        self.give(CHALLENGE, CHALLENGE_BODY, now, source)
        assert self.client.state is ClientState.SENDING_RESPONSE

    def reach_connected(self, now: float = 0.0) -> None:
        self.reach_response(now)
        self.give(KEEP_ALIVE, encode_keep_alive(3, 16), now)
        assert self.client.state is ClientState.CONNECTED
        self.sent()


def kinds(bench: Bench) -> list[str | int]:
    return [kind for kind, _ in bench.sent()]


def test_requests_go_out_at_once_and_then_ten_a_second():
    bench = Bench()
    bench.update(0.0, 0.05, 0.09, 0.11, 0.2, 0.22)
    datagrams = bench.client.datagrams_to_send()
    assert [target for _, target in datagrams] == [FIRST] * 3
    assert len(datagrams[0][0]) == 1078
    assert len({datagram for datagram, _ in datagrams}) == 1


def test_a_challenge_is_answered_at_once_and_then_ten_times_a_second():
    bench = Bench()
    bench.update(0.0)
    assert kinds(bench) == ["request"]
    bench.give(CHALLENGE, CHALLENGE_BODY, 0.05)
    assert bench.sent() == [(RESPONSE, CHALLENGE_BODY)]
    bench.update(0.1)
    assert bench.sent() == []
    bench.update(0.16, 0.27)
    assert bench.sent() == [(RESPONSE, CHALLENGE_BODY)] * 2


def test_the_first_keep_alive_connects_and_is_confirmed_at_once():
    bench = Bench()
    bench.reach_response()
    bench.sent()
    assert bench.give(KEEP_ALIVE, encode_keep_alive(3, 16), 0.1) is None
    assert bench.client.state is ClientState.CONNECTED
    assert (bench.client.client_index, bench.client.max_clients) == (3, 16)
    ((kind, body),) = bench.sent()
    assert kind == KEEP_ALIVE
    assert decode_keep_alive(body) == (0, 0)


def test_payloads_both_ways_from_1_to_1200_bytes():
    bench = Bench()
    bench.reach_connected()
    for size in (1, 1200):
        assert bench.give(PAYLOAD, b"s" * size) == b"s" * size
        bench.client.send(b"c" * size, 0.0)
        assert bench.sent() == [(PAYLOAD, b"c" * size)]


@pytest.mark.parametrize("size", [0, 1201])
def test_a_payload_of_another_size_is_the_callers_error(size):
    bench = Bench()
    bench.reach_connected()
    with pytest.raises(UsageError, match=f"got {size}"):
        bench.client.send(bytes(size), 0.0)


def test_payloads_before_connected_are_dropped_both_ways():
    bench = Bench()
    bench.reach_response()
    bench.sent()
    bench.client.send(b"early", 0.0)
    assert bench.sent() == []
    assert bench.give(PAYLOAD, b"early") is None
    assert bench.client.drops == {"sent-unconnected": 1, "unexpected": 1}


def test_an_idle_connection_is_kept_alive_and_a_busy_one_is_not():
    bench = Bench()
    bench.reach_connected()
    bench.update(0.11)
    assert kinds(bench) == [KEEP_ALIVE]
    bench.client.send(b"busy", 0.2)
    bench.update(0.25)
    assert kinds(bench) == [PAYLOAD]
    bench.update(0.31)
    assert kinds(bench) == [KEEP_ALIVE]


def test_the_send_interval_can_be_set():
    bench = Bench(config=NetcodeClientConfig(send_interval=0.5))
    bench.update(0.0, 0.1, 0.4, 0.5)
    assert kinds(bench) == ["request"] * 2
    with pytest.raises(UsageError, match="got 0"):
        NetcodeClientConfig(send_interval=0)


@pytest.mark.parametrize("token", [b"", bytes(2048), b"x" * 3000])
def test_end_state_token_invalid(token):
    client = NetcodeClient(token=token, now=0.0, unix_time=UNIX)
    assert client.state is ClientState.TOKEN_INVALID
    assert client.token_error
    client.update(0.0)
    client.send(b"x", 0.0)
    client.disconnect(0.0)
    assert client.receive(b"x", ("", 0), 0.0) is None
    assert client.datagrams_to_send() == []
    assert client.state is ClientState.TOKEN_INVALID
    assert client.drops == {"sent-unconnected": 1, "ended": 1}


@pytest.mark.parametrize("reach", ["request", "response"])
def test_end_state_token_expired(reach):
    bench = Bench(timeout_seconds=100)
    bench.update(0.0)
    if reach == "response":
        bench.reach_response()
    bench.update(44.9)
    assert bench.client.state.is_connecting
    bench.update(45.0)
    assert bench.client.state is ClientState.TOKEN_EXPIRED


def test_an_old_token_expires_before_a_word_is_said():
    bench = Bench(unix_time=UNIX + 50)
    bench.update(0.0)
    assert bench.client.state is ClientState.TOKEN_EXPIRED
    assert bench.sent() == []


def test_without_a_trusted_clock_the_life_of_the_token_counts_from_now():
    bench = Bench(unix_time=None, timeout_seconds=-1)
    bench.update(44.9)
    assert bench.client.state is ClientState.SENDING_REQUEST
    bench.update(45.0)
    assert bench.client.state is ClientState.TOKEN_EXPIRED


def test_expiry_does_not_end_a_connection():
    bench = Bench(timeout_seconds=100)
    bench.reach_connected()
    bench.update(60.0)
    assert bench.client.state is ClientState.CONNECTED


def test_end_state_request_timed_out():
    bench = Bench()
    bench.update(0.0, 9.9)
    assert bench.client.state is ClientState.SENDING_REQUEST
    bench.update(10.0)
    assert bench.client.state is ClientState.REQUEST_TIMED_OUT


def test_end_state_response_timed_out_counts_from_the_challenge():
    bench = Bench()
    bench.reach_response(5.0)
    bench.update(14.9)
    assert bench.client.state is ClientState.SENDING_RESPONSE
    bench.update(15.0)
    assert bench.client.state is ClientState.RESPONSE_TIMED_OUT


def test_end_state_connection_timed_out_counts_from_the_last_authentic_packet():
    bench = Bench()
    bench.reach_connected()
    bench.give(PAYLOAD, b"x", 4.0)
    bench.client.receive(b"\x15" + bytes(40), FIRST, 6.0)  # junk is no sign of life
    bench.update(13.75)
    assert bench.client.state is ClientState.CONNECTED
    bench.give(KEEP_ALIVE, encode_keep_alive(3, 16), 13.75)
    bench.update(23.5)
    assert bench.client.state is ClientState.CONNECTED
    assert bench.client.last_receive_at == 13.75
    bench.update(23.75)
    assert bench.client.state is ClientState.CONNECTION_TIMED_OUT


@pytest.mark.parametrize("timeout", [0, -1])
def test_a_token_without_a_timeout_waits_for_ever(timeout):
    bench = Bench(timeout_seconds=timeout)
    bench.reach_connected()
    bench.update(1e6)
    assert bench.client.state is ClientState.CONNECTED


@pytest.mark.parametrize("reach", ["request", "response"])
def test_end_state_denied(reach):
    bench = Bench()
    bench.update(0.0)
    if reach == "response":
        bench.reach_response()
    bench.give(DENIED)
    assert bench.client.state is ClientState.DENIED
    assert bench.client.state.is_end


@pytest.mark.parametrize("reach", ["response", "connected"])
def test_end_state_disconnected_by_the_server(reach):
    bench = Bench()
    bench.reach_response()
    if reach == "connected":
        bench.give(KEEP_ALIVE, encode_keep_alive(0, 1))
    bench.give(DISCONNECT)
    assert bench.client.state is ClientState.DISCONNECTED
    bench.sent()
    bench.client.disconnect(1.0)
    assert bench.sent() == []


def test_leaving_a_connection_says_so_ten_times():
    bench = Bench()
    bench.reach_connected()
    bench.client.disconnect(1.0)
    assert bench.client.state is ClientState.DISCONNECTED
    assert bench.sent() == [(DISCONNECT, b"")] * 10
    bench.update(2.0)
    assert bench.sent() == []


def test_giving_up_while_answering_says_so_too_as_the_server_may_have_let_us_in():
    bench = Bench()
    bench.reach_response()
    bench.sent()
    bench.client.disconnect(1.0)
    assert kinds(bench) == [DISCONNECT] * 10


def test_giving_up_while_requesting_needs_no_goodbye():
    bench = Bench()
    bench.update(0.0)
    bench.sent()
    bench.client.disconnect(1.0)
    assert bench.client.state is ClientState.DISCONNECTED
    assert bench.sent() == []


@pytest.mark.parametrize(
    ("fail", "end"),
    [
        ("denied", ClientState.DENIED),
        ("request silence", ClientState.REQUEST_TIMED_OUT),
        ("response silence", ClientState.RESPONSE_TIMED_OUT),
    ],
)
def test_each_failure_tries_the_next_address_and_the_last_names_the_end(fail, end):
    bench = Bench(addresses=[FIRST, SECOND])
    for address, now in ((FIRST, 0.0), (SECOND, 10.0)):
        bench.update(now)
        assert bench.client.state is ClientState.SENDING_REQUEST
        assert bench.client.server_address == address
        ((request, target),) = bench.client.datagrams_to_send()
        assert (len(request), target) == (1078, address)
        if fail == "denied":
            bench.give(DENIED, b"", now + 9.5, address)
        elif fail == "response silence":
            bench.give(CHALLENGE, CHALLENGE_BODY, now, address)
            bench.sent()
    bench.update(20.0)
    assert bench.client.state is end


def test_the_next_address_may_reuse_sequences_but_the_client_does_not():
    bench = Bench(addresses=[FIRST, SECOND])
    bench.reach_response()
    bench.give(KEEP_ALIVE, encode_keep_alive(9, 3))  # nonsense, so that a sequence is used up
    assert bench.client.drops == {"bad-index": 1}
    bench.give(DENIED)
    bench.sequence = 0
    bench.reach_response(source=SECOND)
    bench.sequence = 1  # as the first server's keep-alive had
    bench.give(KEEP_ALIVE, encode_keep_alive(0, 3), 0.0, SECOND)
    assert bench.client.state is ClientState.CONNECTED
    sealed = [datagram for datagram, _ in bench.client.datagrams_to_send() if datagram[0] != 0]
    assert len({datagram[1] for datagram in sealed}) == len(sealed) == 3


def test_only_the_address_in_use_is_listened_to():
    bench = Bench(addresses=[FIRST, SECOND])
    bench.update(0.0)
    for source in (SECOND, ELSEWHERE, (FIRST[0], 1)):
        bench.give(CHALLENGE, CHALLENGE_BODY, 0.0, source)
    assert bench.client.state is ClientState.SENDING_REQUEST
    assert bench.client.drops == {"wrong-source": 3}


@pytest.mark.parametrize(
    ("reach", "kind", "body"),
    [
        ("request", KEEP_ALIVE, encode_keep_alive(0, 1)),
        ("request", PAYLOAD, b"x"),
        ("request", DISCONNECT, b""),
        ("response", CHALLENGE, CHALLENGE_BODY),
        ("response", PAYLOAD, b"x"),
        ("connected", CHALLENGE, CHALLENGE_BODY),
        ("connected", DENIED, b""),
    ],
)
def test_an_authentic_packet_out_of_place_changes_nothing(reach, kind, body):
    bench = Bench()
    bench.update(0.0)
    if reach != "request":
        bench.reach_response()
    if reach == "connected":
        bench.give(KEEP_ALIVE, encode_keep_alive(0, 1))
    state = bench.client.state
    assert bench.give(kind, body) is None
    assert bench.client.state is state
    assert bench.client.drops == {"unexpected": 1}


def test_a_payload_is_taken_once():
    bench = Bench()
    bench.reach_connected()
    packet = bench.sealing.seal(PAYLOAD, 50, b"x")
    assert bench.client.receive(packet, FIRST, 0.0) == b"x"
    assert bench.client.receive(packet, FIRST, 0.0) is None
    assert bench.client.drops == {"replayed": 1}


def test_what_only_clients_send_is_refused_before_it_is_opened():
    bench = Bench()
    bench.reach_response()
    bench.give(RESPONSE, CHALLENGE_BODY)
    bench.client.receive(bytes(1078), FIRST, 0.0)
    assert bench.client.drops == {"type-not-allowed": 2}


def test_states_say_what_they_are():
    assert [state for state in ClientState if state.is_connecting] == [
        ClientState.SENDING_REQUEST,
        ClientState.SENDING_RESPONSE,
    ]
    assert {state.name for state in ClientState if state.is_end} == {
        "DISCONNECTED",
        "DENIED",
        "REQUEST_TIMED_OUT",
        "RESPONSE_TIMED_OUT",
        "CONNECTION_TIMED_OUT",
        "TOKEN_INVALID",
        "TOKEN_EXPIRED",
    }
