"""Bytes made by the C reference implementation of netcode 1.02, both ways: we write the same, and read the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.address import parse_address
from engine.link.netcode import mint_connect_token, read_connect_token
from engine.link.netcode.packet import (
    KEEP_ALIVE,
    PAYLOAD,
    PacketKey,
    allow,
    decode_keep_alive,
    encode_challenge_plain,
    encode_keep_alive,
    packet_associated_data,
)
from engine.link.netcode.replay import ReplayWindow
from engine.link.netcode.token import encode_connect_token, open_private_token, seal_private_token

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "netcode_1_02.json").read_text())
TOKEN = VECTORS["connect_token"]
PACKETS = VECTORS["packets"]
ALL_TYPES = allow(1, 2, 3, 4, 5, 6)


def number(text: str) -> int:
    return int(text, 0)


def packet_key(vectors: dict) -> PacketKey:
    return PacketKey(bytes.fromhex(vectors["key"]), packet_associated_data(number(vectors["protocol_id"])))


def challenge_body(vector: dict) -> bytes:
    return vector["challenge_sequence"].to_bytes(8, "little") + bytes.fromhex(vector["challenge_data"])


SEALED = (
    [(VECTORS, KEEP_ALIVE, v, encode_keep_alive(v["client_index"], v["max_clients"])) for v in VECTORS["keep_alive"]]
    + [(PACKETS, PAYLOAD, v, bytes.fromhex(v["payload"])) for v in PACKETS["payload"]]
    + [(PACKETS, v["type"], v, b"") for v in PACKETS["empty"]]
    + [(PACKETS, v["type"], v, challenge_body(v)) for v in PACKETS["challenge"]]
)


@pytest.mark.parametrize(("vectors", "kind", "vector", "body"), SEALED)
def test_packets_seal_to_the_reference_bytes_and_open_to_its_fields(vectors, kind, vector, body):
    key, packet = packet_key(vectors), bytes.fromhex(vector["packet"])
    assert key.seal(kind, vector["sequence"], body) == packet
    assert key.open(packet, ALL_TYPES, ReplayWindow()) == (kind, vector["sequence"], body)


@pytest.mark.parametrize("vector", VECTORS["keep_alive"])
def test_a_keep_alive_says_index_and_number_of_clients(vector):
    _, _, body = packet_key(VECTORS).open(bytes.fromhex(vector["packet"]), allow(KEEP_ALIVE), ReplayWindow())
    assert decode_keep_alive(body) == (vector["client_index"], vector["max_clients"])


def test_the_public_token_is_read_and_written_back():
    data = bytes.fromhex(TOKEN["token"])
    token = read_connect_token(data)
    assert token.protocol_id == number(TOKEN["protocol_id"])
    assert token.expire_timestamp - token.create_timestamp == TOKEN["expire_seconds"]
    assert token.timeout_seconds == TOKEN["timeout_seconds"]
    assert token.addresses == tuple(parse_address(text) for text in TOKEN["addresses"])
    assert encode_connect_token(token) == data


def test_the_private_token_opens_and_seals_back():
    token, key = read_connect_token(bytes.fromhex(TOKEN["token"])), bytes.fromhex(TOKEN["private_key"])
    sealing = (key, token.protocol_id, token.expire_timestamp, token.nonce)
    private = open_private_token(token.sealed_private, *sealing)
    assert private.client_id == number(TOKEN["client_id"])
    assert private.timeout_seconds == TOKEN["timeout_seconds"]
    assert private.addresses == token.addresses
    assert private.client_to_server_key == token.client_to_server_key
    assert private.server_to_client_key == token.server_to_client_key
    assert private.user_data == bytes.fromhex(TOKEN["user_data"])
    assert seal_private_token(private, *sealing) == token.sealed_private


def test_minting_with_the_reference_randomness_gives_the_reference_token():
    data = bytes.fromhex(TOKEN["token"])
    token = read_connect_token(data)
    drawn = iter([token.nonce, token.client_to_server_key, token.server_to_client_key])
    assert data == mint_connect_token(
        protocol_id=number(TOKEN["protocol_id"]),
        private_key=bytes.fromhex(TOKEN["private_key"]),
        client_id=number(TOKEN["client_id"]),
        addresses=[parse_address(text) for text in TOKEN["addresses"]],
        create_time=token.create_timestamp,
        expire_seconds=TOKEN["expire_seconds"],
        timeout_seconds=TOKEN["timeout_seconds"],
        user_data=bytes.fromhex(TOKEN["user_data"]),
        entropy=lambda size: next(drawn),
    )


def test_the_challenge_token_has_the_reference_plaintext():
    vector = VECTORS["challenge_plaintext"]
    plain = encode_challenge_plain(number(vector["client_id"]), bytes.fromhex(vector["user_data"]))
    assert len(plain) == 284
    assert plain + bytes(16) == bytes.fromhex(vector["bytes"])  # the reference leaves room for the tag
