"""The server's machine and its door, packet by packet, against clients the test plays by hand."""

from __future__ import annotations

import random

import pytest

from engine.errors import UsageError
from engine.link.netcode import (
    ClientConnected,
    ClientDisconnected,
    NetcodeServer,
    NetcodeServerConfig,
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
    Request,
    allow,
    decode_keep_alive,
    encode_keep_alive,
    encode_request,
    packet_associated_data,
)
from engine.link.netcode.replay import ReplayWindow

SERVER = ("203.0.113.7", 40000)
HOME, AWAY = ("198.51.100.1", 5000), ("192.0.2.1", 5000)
KEY = bytes(range(32))
UNIX = 1_700_000_000.0
FROM_SERVER = allow(DENIED, CHALLENGE, KEEP_ALIVE, PAYLOAD, DISCONNECT)


def mint(client_id: int = 1, **changes) -> bytes:
    values = {
        "protocol_id": 7,
        "private_key": KEY,
        "client_id": client_id,
        "addresses": [SERVER],
        "create_time": UNIX,
        "entropy": random.Random(client_id).randbytes,
    }
    return mint_connect_token(**(values | changes))


def make_server(max_clients: int = 4, *, now: float = 0.0, unix_time: float = UNIX, **config) -> NetcodeServer:
    return NetcodeServer(
        protocol_id=7,
        private_key=KEY,
        addresses=[SERVER],
        max_clients=max_clients,
        now=now,
        unix_time=unix_time,
        entropy=random.Random(99).randbytes,
        config=NetcodeServerConfig(**config),
    )


class Hand:
    """A client played by hand against `server`."""

    def __init__(
        self, server: NetcodeServer, client_id: int = 1, *, address=HOME, token: bytes = b"", **changes
    ) -> None:
        public = read_connect_token(token or mint(client_id, **changes))
        associated = packet_associated_data(public.protocol_id)
        self.server, self.address, self.client_id = server, address, client_id
        self.opening = PacketKey(public.server_to_client_key, associated)
        self.sealing = PacketKey(public.client_to_server_key, associated)
        self.request = encode_request(
            Request(public.protocol_id, public.expire_timestamp, public.nonce, public.sealed_private)
        )
        self.sequence = 0

    def give_raw(self, datagram: bytes, now: float = 0.0):
        return self.server.receive(datagram, self.address, now)

    def give(self, kind: int, body: bytes = b"", now: float = 0.0):
        self.sequence += 1
        return self.give_raw(self.sealing.seal(kind, self.sequence - 1, body), now)

    def got(self) -> list[tuple[int, bytes]]:
        """What the server sent us since last asked, as (type, body)."""
        mine = [datagram for datagram, target in self.server.datagrams_to_send() if target == self.address]
        return [(kind, body) for kind, _, body in self.opened(mine)]

    def opened(self, datagrams):
        return [self.opening.open(datagram, FROM_SERVER, ReplayWindow()) for datagram in datagrams]

    def challenged(self, now: float = 0.0) -> bytes:
        """Send the request and return the challenge's body."""
        self.give_raw(self.request, now)
        ((kind, body),) = self.got()
        assert kind == CHALLENGE
        return body

    def connect(self, now: float = 0.0) -> int:
        """Go all the way and return the slot."""
        self.give(RESPONSE, self.challenged(now), now)
        return next(event.slot for event in self.server.events() if isinstance(event, ClientConnected))


def only_drop(server: NetcodeServer) -> str:
    ((reason, count),) = server.drops.items()
    assert count == 1
    return reason


def test_request_challenge_response_keep_alive():
    server = make_server()
    hand = Hand(server, 9, user_data=b"red team")
    hand.give_raw(hand.request)
    ((challenge, target),) = server.datagrams_to_send()
    assert target == HOME
    assert len(challenge) == 333 < len(hand.request) == 1078
    ((kind, sequence, body),) = hand.opened([challenge])
    assert (kind, sequence) == (CHALLENGE, 2**63)
    assert server.client_count == 0
    assert hand.give(RESPONSE, body, 0.05) is None
    ((keep_alive, _),) = server.datagrams_to_send()
    assert [(k, s, decode_keep_alive(b)) for k, s, b in hand.opened([keep_alive])] == [(KEEP_ALIVE, 0, (0, 4))]
    assert server.events() == [ClientConnected(0, 9, HOME, b"red team".ljust(256, b"\x00"))]
    assert server.connected_slots == [0]
    assert server.is_connected(0)
    assert server.slot_of(9) == 0
    assert (server.client_id_of(0), server.address_of(0), server.last_receive_at(0)) == (9, HOME, 0.05)
    assert not server.drops


def test_payloads_both_ways_from_1_to_1200_bytes():
    server = make_server()
    hand = Hand(server)
    slot = hand.connect()
    for size in (1, 1200):
        assert hand.give(PAYLOAD, b"c" * size) == (slot, b"c" * size)
    hand.got()
    for size in (1, 1200):
        server.send(slot, b"s" * size, 0.0)
        assert hand.got() == [(PAYLOAD, b"s" * size)]


@pytest.mark.parametrize("size", [0, 1201])
def test_a_payload_of_another_size_is_the_callers_error(size):
    server = make_server()
    slot = Hand(server).connect()
    with pytest.raises(UsageError, match=f"got {size}"):
        server.send(slot, bytes(size), 0.0)


@pytest.mark.parametrize("slot", [0, -1, 4])
def test_a_slot_without_a_player_is_the_callers_error(slot):
    server = make_server()
    for call in (
        lambda: server.send(slot, b"x", 0.0),
        lambda: server.disconnect(slot, 0.0),
        lambda: server.client_id_of(slot),
        lambda: server.address_of(slot),
        lambda: server.last_receive_at(slot),
        lambda: server.is_confirmed(slot),
    ):
        with pytest.raises(UsageError, match=f"slot {slot} is not connected"):
            call()
    assert not server.is_connected(slot)
    assert server.slot_of(1) is None


@pytest.mark.parametrize("first", [PAYLOAD, KEEP_ALIVE])
def test_each_payload_follows_a_keep_alive_until_the_client_was_heard(first):
    server = make_server()
    hand = Hand(server)
    slot = hand.connect()
    hand.got()
    server.send(slot, b"1", 0.0)
    server.send(slot, b"2", 0.0)
    assert [kind for kind, _ in hand.got()] == [KEEP_ALIVE, PAYLOAD, KEEP_ALIVE, PAYLOAD]
    assert not server.is_confirmed(slot)
    hand.give(first, b"x" if first == PAYLOAD else encode_keep_alive(0, 0))
    assert server.is_confirmed(slot)
    server.send(slot, b"3", 0.0)
    assert hand.got() == [(PAYLOAD, b"3")]


def test_an_idle_connection_is_kept_alive_and_a_busy_one_is_not():
    server = make_server()
    hand = Hand(server)
    slot = hand.connect()
    hand.give(PAYLOAD, b"x")
    hand.got()
    server.update(0.09)
    assert hand.got() == []
    server.update(0.11)
    assert hand.got() == [(KEEP_ALIVE, encode_keep_alive(0, 4))]
    server.send(slot, b"busy", 0.2)
    server.update(0.25)
    assert hand.got() == [(PAYLOAD, b"busy")]


def test_sequences_never_repeat_under_a_key():
    server = make_server()
    hand = Hand(server)
    sequences = []
    hand.give_raw(hand.request)
    packets = [datagram for datagram, _ in server.datagrams_to_send()]
    body = hand.opened(packets)[0][2]
    hand.give(RESPONSE, body)
    for tick in range(100):
        server.send(0, b"x", tick / 60)
        server.update(tick / 60)
    server.disconnect(0, 2.0)
    packets += [datagram for datagram, _ in server.datagrams_to_send()]
    sequences = [sequence for _, sequence, _ in hand.opened(packets)]
    assert sequences == [2**63, *range(len(packets) - 1)]


# How a connection ends.


def test_silence_times_out_without_a_word():
    server = make_server()
    hand = Hand(server, timeout_seconds=5)
    hand.connect()
    hand.give(PAYLOAD, b"x", 3.0)
    hand.give_raw(b"\x15" + bytes(40), 7.0)  # junk is no sign of life
    server.update(7.75)
    assert server.client_count == 1
    hand.got()
    server.update(8.0)
    assert server.events() == [ClientDisconnected(0, 1, HOME, "timed-out")]
    assert server.client_count == 0
    assert hand.got() == []


@pytest.mark.parametrize("timeout", [0, -1])
def test_a_token_without_a_timeout_waits_for_ever(timeout):
    server = make_server()
    Hand(server, timeout_seconds=timeout).connect()
    server.update(1e6)
    assert server.client_count == 1


def test_a_client_that_leaves_frees_its_slot_at_once():
    server = make_server()
    hand = Hand(server)
    hand.connect()
    hand.give(DISCONNECT)
    assert server.events() == [ClientDisconnected(0, 1, HOME, "left")]
    hand.give(DISCONNECT)  # the other nine come from a stranger
    assert only_drop(server) == "unknown-source"


def test_a_kick_is_said_ten_times():
    server = make_server()
    hand = Hand(server)
    slot = hand.connect()
    hand.got()
    server.disconnect(slot, 1.0)
    assert hand.got() == [(DISCONNECT, b"")] * 10
    assert server.events() == [ClientDisconnected(0, 1, HOME, "kicked")]
    assert server.slot_of(1) is None


def test_stopping_disconnects_everybody_and_lets_nobody_in():
    server = make_server()
    hands = [Hand(server, client_id, address=(f"198.51.100.{client_id}", 5000)) for client_id in (1, 2)]
    for hand in hands:
        hand.connect()
    server.datagrams_to_send()
    server.stop(1.0)
    assert [event.reason for event in server.events()] == ["server-stopped"] * 2
    assert len(server.datagrams_to_send()) == 20
    late = Hand(server, 3)
    late.give_raw(late.request, 1.0)
    assert only_drop(server) == "stopped"
    assert late.got() == []


def test_the_lowest_free_slot_is_taken_first():
    server = make_server()
    for client_id in (1, 2, 3):
        Hand(server, client_id, address=(HOME[0], client_id)).connect()
    server.disconnect(2, 0.0)
    server.disconnect(0, 0.0)
    server.datagrams_to_send()
    server.events()
    assert Hand(server, 4).connect() == 0
    assert Hand(server, 5, address=AWAY).connect() == 2
    assert server.connected_slots == [0, 1, 2]


# What a request must be.


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"protocol_id": 8}, "wrong-protocol"),
        ({"private_key": bytes(32)}, "bad-seal"),
        ({"addresses": [("203.0.113.8", 40000)]}, "wrong-address"),
        ({"addresses": [("203.0.113.7", 40001)]}, "wrong-address"),
        ({"create_time": UNIX - 46}, "token-expired"),
        ({"create_time": UNIX - 1}, "token-predates-start"),
        ({"expire_seconds": 44}, "token-predates-start"),
        ({"create_time": UNIX + 6}, "token-outlives-lifetime"),
        ({"expire_seconds": 2**40}, "token-outlives-lifetime"),
    ],
)
def test_a_token_not_for_us_here_and_now_opens_nothing_and_is_not_answered(changes, reason):
    server = make_server()
    hand = Hand(server, **changes)
    hand.give_raw(hand.request)
    assert only_drop(server) == reason
    assert hand.got() == []


def test_one_of_several_addresses_is_enough_on_either_side():
    server = NetcodeServer(
        protocol_id=7,
        private_key=KEY,
        addresses=[("2001:DB8::7", 40000), SERVER],
        max_clients=1,
        now=0.0,
        unix_time=UNIX,
        entropy=random.Random(1).randbytes,
    )
    Hand(server, addresses=[("192.0.2.99", 1), ("2001:db8::7", 40000)]).connect()


def test_every_truncation_and_every_flipped_bit_of_the_first_kind_is_refused():
    server = make_server(prefix_decrypts_burst=10**6, global_decrypts_burst=10**6)
    hand = Hand(server)
    for size in range(0, 1078, 7):
        hand.give_raw(hand.request[:size])
    hand.give_raw(hand.request + b"\x00")
    for at in range(0, 1078, 5):
        flipped = bytearray(hand.request)
        flipped[at] ^= 1 << at % 8
        hand.give_raw(bytes(flipped))
    assert hand.got() == []
    assert server.client_count == 0
    assert set(server.drops) == {
        "unknown-source",
        "bad-request",
        "bad-version",
        "wrong-protocol",
        "token-predates-start",
        "token-outlives-lifetime",
        "token-expired",
        "bad-seal",
    } & set(server.drops)
    assert server.drops["bad-seal"] > 200


def test_the_life_of_a_token_ends_on_the_second():
    server = make_server()
    hand = Hand(server)
    hand.give_raw(hand.request, 45.0)
    assert only_drop(server) == "token-expired"
    server = make_server()
    Hand(server).connect(44.9)


def test_a_backend_whose_clock_runs_a_little_ahead_is_fine():
    Hand(make_server(), create_time=UNIX + 5).connect()


def test_tokens_of_the_second_of_the_start_may_predate_it():
    server = make_server(unix_time=UNIX + 0.5)
    hand = Hand(server)  # minted at UNIX, or up to a second later: the stamp does not say
    hand.give_raw(hand.request)
    assert only_drop(server) == "token-predates-start"


def test_with_a_key_drawn_at_the_start_no_token_predates_it():
    server = make_server(unix_time=UNIX + 0.5, key_made_at_start=True)
    Hand(server, expire_seconds=20).connect()


def test_the_unix_time_moves_with_now():
    server = make_server(now=1000.0)
    hand = Hand(server)
    hand.give_raw(hand.request, 1045.0)
    assert only_drop(server) == "token-expired"


# One token, one session.


def test_a_consumed_token_opens_nothing_again_from_anywhere():
    server = make_server()
    hand = Hand(server)
    hand.connect()
    server.disconnect(0, 1.0)
    server.datagrams_to_send()
    for address in (HOME, AWAY):
        server.receive(hand.request, address, 2.0)
    assert server.drops == {"token-consumed": 2}
    assert server.datagrams_to_send() == []


def test_a_token_belongs_to_the_address_that_first_proved_it():
    server = make_server()
    hand = Hand(server)
    body = hand.challenged()
    thief = Hand(server, address=AWAY)
    thief.give_raw(thief.request, 0.2)
    assert only_drop(server) == "token-used-elsewhere"
    thief.give(RESPONSE, body, 0.2)
    assert server.drops["unknown-source"] == 1
    assert thief.got() == []
    hand.give(RESPONSE, body, 0.3)
    assert server.client_count == 1


def test_a_pending_entry_outlives_nothing_and_the_address_may_try_again():
    server = make_server()
    hand = Hand(server, timeout_seconds=2)
    first = hand.challenged(0.0)
    server.update(1.9)
    assert hand.challenged(1.9) == first  # extends it to 3.9
    server.update(3.8)
    server.update(3.95)
    hand.give(RESPONSE, first, 4.0)
    assert server.drops == {"unknown-source": 1}
    second = hand.challenged(4.1)
    assert second != first
    hand.give(RESPONSE, first, 4.2)
    assert server.drops["wrong-challenge"] == 1
    hand.give(RESPONSE, second, 4.2)
    assert server.client_count == 1


def test_a_pending_entry_ends_with_its_token():
    server = make_server()
    hand = Hand(server, timeout_seconds=30)
    body = hand.challenged(40.0)
    server.update(45.0)
    hand.give(RESPONSE, body, 45.0)
    assert only_drop(server) == "unknown-source"


def test_a_pending_entry_of_a_token_without_a_timeout_ends_too():
    server = make_server(default_pending_timeout=3.0)
    hand = Hand(server, timeout_seconds=-1)
    hand.challenged()
    server.update(3.0)
    hand.give(RESPONSE, bytes(308), 3.0)
    assert only_drop(server) == "unknown-source"


def test_history_and_gate_are_swept_ten_times_a_second():
    server = make_server(max_tokens=1, max_prefixes=1, prefix_decrypts_burst=1000)
    hand = Hand(server)
    hand.connect()
    late = Hand(server, 2, address=AWAY, create_time=UNIX + 45)
    late.give_raw(late.request, 44.0)
    assert server.drops.pop("history-full") == 1
    server.update(44.0)
    server.update(44.05)
    server.update(45.0)
    late.connect(45.0)
    assert not server.drops


# Challenges.


def test_a_repeated_request_gets_the_same_bytes_at_most_ten_times_in_any_second():
    server = make_server()
    hand = Hand(server)
    answered_at, answers = [], set()
    for step in range(200):  # 64 requests a second, in steps that are exact in binary
        hand.give_raw(hand.request, step / 64)
        for datagram, _ in server.datagrams_to_send():
            answered_at.append(step / 64)
            answers.add(datagram)
    assert len(answers) == 1
    assert len(answered_at) == 38  # ten in each of three seconds, eight in the eighth of one
    assert all(later - earlier >= 1.0 for earlier, later in zip(answered_at, answered_at[10:], strict=False))
    assert server.drops == {"answer-rate": 162}


def test_a_network_that_bunches_costs_an_honest_client_next_to_no_answers():
    server = make_server()
    hand = Hand(server)
    for sent_at in range(20):
        hand.give_raw(hand.request, sent_at / 10 + (0.03 if sent_at % 2 else 0.0))
    assert len(hand.got()) >= 19


def test_a_repeated_request_costs_no_decryption():
    server = make_server(prefix_decrypts_burst=1, prefix_decrypts_hz=0.001)
    hand = Hand(server)
    first = hand.challenged(0.0)
    assert hand.challenged(0.2) == first
    hand.give(RESPONSE, first, 0.3)
    assert only_drop(server) == "prefix-decrypts-spent"


def test_a_newer_token_takes_over_its_address_without_more_answers():
    server = make_server()
    old, new = Hand(server, 1), Hand(server, 2)
    old_body = old.challenged(0.0)
    for step in range(20):
        new.give_raw(new.request, step / 40)
    new_answers = [datagram for datagram, _ in server.datagrams_to_send()]
    assert len(new_answers) == 9
    old.give(RESPONSE, old_body, 0.6)
    assert server.drops == {"answer-rate": 11, "bad-seal": 1}
    new.give(RESPONSE, new.opened(new_answers)[0][2], 0.6)
    assert server.slot_of(2) == 0


def test_the_challenge_of_another_pending_entry_is_refused():
    server = make_server()
    one, two = Hand(server, 1, address=HOME), Hand(server, 2, address=AWAY)
    body_of_one = one.challenged()
    two.challenged()
    two.give(RESPONSE, body_of_one)
    assert only_drop(server) == "wrong-challenge"
    assert server.client_count == 0


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        (RESPONSE, bytes(308), "wrong-challenge"),
        (RESPONSE, bytes(309), "bad-body"),
        (RESPONSE, bytes(300), "short"),
        (KEEP_ALIVE, bytes(308), "type-not-allowed"),
        (PAYLOAD, bytes(308), "type-not-allowed"),
        (DISCONNECT, b"", "short"),
    ],
)
def test_only_a_whole_response_counts_from_a_pending_address(kind, body, reason):
    server = make_server()
    hand = Hand(server)
    hand.challenged()
    hand.give(kind, body)
    assert only_drop(server) == reason
    assert server.client_count == 0


def test_a_response_counts_once():
    server = make_server()
    hand = Hand(server)
    body = hand.challenged()
    hand.give(RESPONSE, body)
    hand.give(RESPONSE, body)
    assert server.client_count == 1
    assert only_drop(server) == "type-not-allowed"


# Who is in already, and no room.


def test_a_client_id_is_connected_once():
    server = make_server()
    Hand(server, 1).connect()
    again = Hand(server, 1, address=AWAY, entropy=random.Random(50).randbytes)
    again.give_raw(again.request, 0.1)
    assert only_drop(server) == "client-id-connected"
    server.disconnect(0, 0.2)
    server.datagrams_to_send()
    again.challenged(0.3)


def test_of_two_pending_with_one_client_id_the_first_to_answer_is_in():
    server = make_server()
    one = Hand(server, 1)
    two = Hand(server, 1, address=AWAY, entropy=random.Random(50).randbytes)
    one_body, two_body = one.challenged(), two.challenged()
    one.give(RESPONSE, one_body)
    two.give(RESPONSE, two_body)
    two.give_raw(two.request, 0.5)
    assert server.drops == {"client-id-connected": 2}
    assert server.client_count == 1


def test_a_request_from_a_connected_address_is_dropped_unread():
    server = make_server()
    hand = Hand(server)
    hand.connect()
    hand.give_raw(Hand(server, 2).request)
    assert only_drop(server) == "type-not-allowed"


def test_a_full_server_denies_requests_at_most_ten_times_a_second():
    server = make_server(max_clients=1)
    Hand(server, 1).connect()
    hand = Hand(server, 2, address=AWAY)
    for step in range(15):
        hand.give_raw(hand.request, step / 20)
    denials = [datagram for datagram, target in server.datagrams_to_send() if target == AWAY]
    assert [kind for kind, _, _ in hand.opened(denials)] == [DENIED] * 10
    assert len(set(denials)) == 10  # a sequence each
    assert len(denials[0]) == 25
    assert server.drops == {"server-full": 10, "answer-rate": 5}


def test_a_server_that_filled_up_meanwhile_denies_the_response():
    server = make_server(max_clients=1)
    one, two = Hand(server, 1), Hand(server, 2, address=AWAY)
    one_body, two_body = one.challenged(), two.challenged()
    one.give(RESPONSE, one_body)
    two.give(RESPONSE, two_body, 0.5)
    assert [kind for kind, _ in two.got()] == [DENIED]
    server.disconnect(0, 1.0)
    two.give(RESPONSE, two_body, 1.5)  # still pending: room came in time
    assert server.slot_of(2) == 0


# Bounds.


def test_a_full_pending_table_refuses_and_evicts_nobody():
    server = make_server(max_pending=1)
    one, two = Hand(server, 1), Hand(server, 2, address=AWAY)
    body = one.challenged()
    two.give_raw(two.request)
    assert only_drop(server) == "pending-full"
    one.give(RESPONSE, body, 0.1)
    two.challenged(0.2)


def test_a_full_history_refuses_before_any_crypto():
    server = make_server(max_tokens=1)
    Hand(server, 1).connect()
    two = Hand(server, 2, address=AWAY)
    two.give_raw(two.request)
    assert only_drop(server) == "history-full"


def test_forged_requests_are_paid_by_their_prefix_and_spare_the_others():
    server = make_server(prefix_decrypts_burst=5)
    forger = Hand(server, private_key=bytes(32))
    for _ in range(1000):
        forger.give_raw(forger.request)
    assert server.drops == {"bad-seal": 5, "prefix-decrypts-spent": 995}
    Hand(server, 2, address=AWAY).connect()


def test_forged_sources_spend_the_global_bucket_and_no_player_notices():
    server = make_server(global_decrypts_burst=50)
    player = Hand(server)
    slot = player.connect()
    forger = Hand(server, 2, private_key=bytes(32))
    for number in range(1000):
        server.receive(forger.request, (f"10.{number % 200}.{number // 200}.1", 9), 0.0)
    assert server.drops == {"bad-seal": 48, "decrypts-spent": 952}
    assert player.give(PAYLOAD, b"still here") == (slot, b"still here")


def test_junk_from_a_players_address_does_not_silence_the_player():
    server = make_server()
    player = Hand(server)
    slot = player.connect()
    for number in range(5000):
        player.give_raw(b"\x85" + number.to_bytes(8, "little") + bytes(40))
    assert server.drops == {"bad-seal": 5000}
    assert player.give(PAYLOAD, b"still here") == (slot, b"still here")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"protocol_id": 2**64}, "protocol_id must fit"),
        ({"private_key": bytes(5)}, "32 bytes, got 5"),
        ({"addresses": []}, "at least one public address"),
        ({"addresses": [("localhost", 5)]}, "'localhost' is not a literal IP"),
        ({"max_clients": 0}, "at least 1"),
    ],
)
def test_a_server_says_what_is_wrong_with_its_arguments(changes, says):
    good = {
        "protocol_id": 7,
        "private_key": KEY,
        "addresses": [SERVER],
        "max_clients": 1,
        "now": 0.0,
        "unix_time": UNIX,
        "entropy": bytes,
    }
    with pytest.raises(UsageError, match=says):
        NetcodeServer(**(good | changes))


@pytest.mark.parametrize("field", ["token_lifetime", "max_pending", "max_tokens", "prefix_decrypts_hz", "max_prefixes"])
def test_limits_are_positive(field):
    with pytest.raises(UsageError, match=f"{field} must be positive, got 0"):
        NetcodeServerConfig(**{field: 0})


def test_clock_skew_is_not_negative():
    with pytest.raises(UsageError, match="clock_skew"):
        NetcodeServerConfig(clock_skew=-1.0)


def test_reprs_keep_user_data_to_themselves():
    assert "secret" not in repr(ClientConnected(0, 1, HOME, b"secret"))
