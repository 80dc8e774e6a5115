from __future__ import annotations

import contextlib
import gc
import sys
import warnings
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ProtocolError, UsageError
from engine.ops.discovery import (
    ANSWERS_BURST,
    FORGET_SECONDS,
    MAX_TEXT_BYTES,
    NONCE_BYTES,
    PROBE_BYTES,
    SERVERS_KEPT,
    Beacon,
    DiscoverySocket,
    Finder,
    Notice,
    Responder,
    decode_answer,
    decode_probe,
    encode_answer,
    encode_probe,
)

NONCE = b"12345678"
NEAR = ("192.168.1.20", 50000)


def notice(number: int = 7, port: int = 40000, title: str = "Arena", map: str = "foundry") -> Notice:
    return Notice(
        number=number,
        protocol_id=2**63,
        port=port,
        players=3,
        bots=4,
        max_players=16,
        closed=False,
        title=title,
        map=map,
    )


def finder() -> Finder:
    numbers = count(1)
    return Finder(lambda size: next(numbers).to_bytes(size, "little"))


@given(st.integers(0, 2**64 - 1), st.text(max_size=90), st.text(max_size=90), st.binary(min_size=8, max_size=8))
@settings(deadline=None, max_examples=80)
def test_an_answer_comes_back_and_is_never_larger_than_its_probe(
    number: int, title: str, map: str, nonce: bytes
) -> None:
    title, map = (each.encode("utf-8", "ignore").decode() for each in (title, map))
    data = encode_answer(nonce, notice(number, title=title, map=map))
    assert len(data) <= PROBE_BYTES == len(encode_probe(nonce))
    back, told = decode_answer(data)
    assert (back, told.number, told.players, told.bots, told.port) == (nonce, number, 3, 4, 40000)
    if title.isprintable():
        assert told.title == title.encode()[:MAX_TEXT_BYTES].decode("utf-8", "ignore")


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=100)
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    for decode in (decode_probe, decode_answer):
        for given_ in (data, encode_answer(NONCE, notice())[:25] + data):
            with contextlib.suppress(ProtocolError):
                decode(given_)
    lone = finder()
    lone.receive(data, NEAR, 0.0)
    assert lone.servers(0.0) == []


def test_a_server_answers_its_own_network_alone() -> None:
    here, everywhere = Responder(local=True), Responder(local=False)
    probe = encode_probe(NONCE)
    assert everywhere.answer(probe, NEAR, notice(), 0.0) == encode_answer(NONCE, notice())
    assert everywhere.answer(probe, ("8.8.8.8", 5), notice(), 0.0) is None
    assert here.answer(probe, NEAR, notice(), 0.0) is None
    assert here.answer(probe, ("127.0.0.1", 5), notice(), 0.0) is not None
    assert everywhere.answer(probe[:-1], NEAR, notice(), 0.0) is None


def test_a_source_gets_few_answers() -> None:
    responder = Responder(local=False)
    answers = [responder.answer(encode_probe(NONCE), NEAR, notice(), 1.0) for _ in range(ANSWERS_BURST + 20)]
    assert sum(each is not None for each in answers) == ANSWERS_BURST
    assert responder.answer(encode_probe(NONCE), NEAR, notice(), 2.0) is not None


def test_a_list_probes_now_and_then_and_forgets_who_is_silent() -> None:
    lone = finder()
    probe = lone.probe(10.0)
    assert probe is not None
    assert lone.probe(11.9) is None
    lone.receive(encode_answer(decode_probe(probe), notice()), ("192.168.1.7", 40960), 10.03)
    (found,) = lone.servers(11.0)
    assert (found.address, found.ping) == (("192.168.1.7", 40000), pytest.approx(0.03))
    assert lone.servers(10.04 + FORGET_SECONDS) == []
    lone.hurry()
    assert lone.probe(12.0) is not None


def test_only_who_heard_the_probe_is_listed_and_not_without_end() -> None:
    lone = finder()
    probe = lone.probe(0.0)
    assert probe is not None
    lone.receive(encode_answer(b"x" * NONCE_BYTES, notice()), NEAR, 0.1)
    assert lone.servers(0.1) == []
    for number in range(SERVERS_KEPT + 9):
        lone.receive(encode_answer(decode_probe(probe), notice(number, 1000 + number)), NEAR, 0.1)
    assert len(lone.servers(0.1)) == SERVERS_KEPT


def test_a_server_heard_from_two_addresses_is_listed_once_by_the_nearer_one() -> None:
    lone = finder()
    probe = lone.probe(0.0)
    assert probe is not None
    answer = encode_answer(decode_probe(probe), notice())
    lone.receive(answer, NEAR, 0.1)
    lone.receive(answer, ("127.0.0.1", 40960), 0.1)
    assert [each.address for each in lone.servers(0.1)] == [("127.0.0.1", 40000)]


def test_two_servers_of_one_machine_are_found_over_the_loopback() -> None:
    free = [DiscoverySocket("127.0.0.1") for _ in range(2)]
    ports = [each.address[1] for each in free]
    for each in free:
        each.close()
    beacons = [Beacon("127.0.0.1", ports) for _ in range(2)]
    asking = DiscoverySocket("127.0.0.1")
    lone = finder()
    try:
        probe = lone.probe(0.0)
        assert probe is not None
        for port in ports:
            asking.send(probe, ("127.0.0.1", port))
        for number, beacon in enumerate(beacons):
            beacon.serve(lambda number=number: notice(number, 40000 + number), 0.0)  # type: ignore[misc]
        for data, source in asking.receive():
            lone.receive(data, source, 0.01)
        assert sorted(each.notice.port for each in lone.servers(0.01)) == [40000, 40001]
    finally:
        for each in (*beacons, asking):
            each.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the loopback has one address")
def test_a_match_of_one_address_is_found_there_whichever_way_it_was_asked() -> None:
    free = DiscoverySocket("127.0.0.1")
    port = free.address[1]
    free.close()
    beacon = Beacon("127.0.0.2", [port])
    asking = DiscoverySocket("127.0.0.1")
    lone = finder()
    try:
        probe = lone.probe(0.0)
        assert probe is not None
        asking.send(probe, ("127.0.0.1", port))
        beacon.serve(lambda: notice(1, 40000), 0.0)
        for data, source in asking.receive():
            lone.receive(data, source, 0.01)
        assert [each.address for each in lone.servers(0.01)] == [("127.0.0.2", 40000)]
    finally:
        beacon.close()
        asking.close()


def test_a_beacon_of_an_address_that_is_not_here_leaves_no_socket_behind() -> None:
    free = DiscoverySocket("127.0.0.1")
    port = free.address[1]
    free.close()
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always", ResourceWarning)
        with pytest.raises(UsageError, match=r"no port on 192\.0\.2\.1 is free"):
            Beacon("192.0.2.1", [port])
        gc.collect()
    assert not left
