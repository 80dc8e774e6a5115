"""Connect tokens: values to bytes and back, the limits of each field, and that no bytes break a reader."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ProtocolError, UsageError
from engine.link.netcode import mint_connect_token, read_connect_token
from engine.link.netcode.token import (
    PrivateToken,
    canonical_address,
    encode_connect_token,
    open_private_token,
    seal_private_token,
)
from engine.link.netcode.xchacha import seal_xchacha

KEY = bytes(range(32))
GOOD = {
    "protocol_id": 7,
    "private_key": KEY,
    "client_id": 9,
    "addresses": [("192.0.2.1", 40000)],
    "create_time": 1_700_000_000.9,
    "entropy": random.Random(1).randbytes,
}

u64 = st.integers(0, 2**64 - 1)
ports = st.integers(1, 65535)
addresses = st.tuples(st.ip_addresses().map(str), ports)


def mint(**changes) -> bytes:
    return mint_connect_token(**(GOOD | changes))


@settings(deadline=None, max_examples=60)
@given(
    client_id=u64,
    protocol_id=u64,
    timeout=st.integers(-(2**31), 2**31 - 1),
    hosts=st.lists(addresses, min_size=1, max_size=32),
    user_data=st.binary(max_size=256),
    seed=st.integers(),
)
def test_server_and_client_read_what_the_backend_minted(client_id, protocol_id, timeout, hosts, user_data, seed):
    data = mint(
        client_id=client_id,
        protocol_id=protocol_id,
        addresses=hosts,
        timeout_seconds=timeout,
        user_data=user_data,
        entropy=random.Random(seed).randbytes,
    )
    public = read_connect_token(data)
    private = open_private_token(public.sealed_private, KEY, public.protocol_id, public.expire_timestamp, public.nonce)
    assert len(data) == 2048
    assert (public.create_timestamp, public.expire_timestamp) == (1_700_000_000, 1_700_000_045)
    assert (public.protocol_id, private.client_id) == (protocol_id, client_id)
    assert public.timeout_seconds == private.timeout_seconds == timeout
    assert public.addresses == private.addresses == tuple(canonical_address(host) for host in hosts)
    assert private.user_data == user_data.ljust(256, b"\x00")
    assert (private.client_to_server_key, private.server_to_client_key) == (
        public.client_to_server_key,
        public.server_to_client_key,
    )
    assert encode_connect_token(public) == data


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"private_key": bytes(31)}, "32 bytes, got 31"),
        ({"client_id": -1}, "client_id must fit 64 bits"),
        ({"client_id": 2**64}, "client_id must fit 64 bits"),
        ({"protocol_id": 2**64}, "protocol_id must fit 64 bits"),
        ({"create_time": -1.0}, "create_time must fit"),
        ({"expire_seconds": 0}, "at least 1, got 0"),
        ({"expire_seconds": 2**64}, "expiry must fit"),
        ({"timeout_seconds": 2**31}, "32 bits signed"),
        ({"addresses": []}, "1 to 32 addresses, got 0"),
        ({"addresses": [("192.0.2.1", 1)] * 33}, "1 to 32 addresses, got 33"),
        ({"addresses": [("example.org", 1)]}, "'example.org' is not a literal IP"),
        ({"addresses": [("fe80::1%eth0", 1)]}, "another network on each machine"),
        ({"addresses": [("192.0.2.1", 0)]}, "0 is not a port"),
        ({"user_data": bytes(257)}, "at most 256 bytes, got 257"),
    ],
)
def test_minting_refuses_what_does_not_fit_and_says_the_value(changes, says):
    with pytest.raises(UsageError, match=says):
        mint(**changes)


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_addresses_have_one_spelling(given, canonical):
    assert canonical_address((given, 5)) == (canonical, 5)


def test_secrets_stay_out_of_reprs():
    token = read_connect_token(mint(user_data=b"secret-note"))
    private = open_private_token(token.sealed_private, KEY, 7, token.expire_timestamp, token.nonce)
    for secret in (token.client_to_server_key, token.server_to_client_key, token.sealed_private, b"secret-note"):
        assert repr(secret)[2:-1] not in repr(token) + repr(private)


@pytest.mark.parametrize("changed", ["protocol_id", "expire_timestamp", "nonce", "sealed", "key"])
def test_the_seal_covers_all_that_names_the_token(changed):
    token = read_connect_token(mint())
    sealed, key, protocol_id, expire, nonce = token.sealed_private, KEY, 7, token.expire_timestamp, token.nonce
    if changed == "protocol_id":
        protocol_id += 1
    elif changed == "expire_timestamp":
        expire += 1
    elif changed == "nonce":
        nonce = bytes(24)
    elif changed == "sealed":
        sealed = sealed[:500] + bytes([sealed[500] ^ 4]) + sealed[501:]
    else:
        key = bytes(32)
    with pytest.raises(ProtocolError, match="bad-seal"):
        open_private_token(sealed, key, protocol_id, expire, nonce)


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (0, b"X", "bad-version"),
        (29, bytes(8), "bad-token"),  # expires before it was created
        (1089, (0).to_bytes(4, "little"), "bad-addresses"),
        (1089, (33).to_bytes(4, "little"), "bad-addresses"),
        (1093, b"\x03", "bad-addresses"),  # neither IPv4 nor IPv6
        (1098, bytes(2), "bad-addresses"),  # port 0
    ],
)
def test_a_client_refuses_a_token_that_makes_no_sense(at, value, reason):
    data = bytearray(mint())
    data[at : at + len(value)] = value
    with pytest.raises(ProtocolError) as refused:
        read_connect_token(bytes(data))
    assert refused.value.reason == reason


@pytest.mark.parametrize("size", [0, 2047, 2049])
def test_a_token_of_another_size_is_none(size):
    with pytest.raises(ProtocolError, match="bad-token"):
        read_connect_token(bytes(size))


def test_a_sealed_part_of_another_size_is_refused_though_it_opens():
    nonce, associated = bytes(24), b"NETCODE 1.02\x00" + (7).to_bytes(8, "little") + (5).to_bytes(8, "little")
    with pytest.raises(ProtocolError, match="bad-token"):
        open_private_token(seal_xchacha(KEY, nonce, bytes(10), associated), KEY, 7, 5, nonce)


def test_a_private_token_with_keys_of_another_size_is_never_sealed():
    private = PrivateToken(
        client_id=1,
        timeout_seconds=1,
        addresses=(("192.0.2.1", 1),),
        client_to_server_key=bytes(32),
        server_to_client_key=bytes(32),
        user_data=bytes(256),
    )
    for name in ("client_to_server_key", "server_to_client_key"):
        with pytest.raises(UsageError, match="32 bytes, got 31"):
            seal_private_token(dataclasses.replace(private, **{name: bytes(31)}), KEY, 1, 1, bytes(24))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=64), st.integers(0, 2047), st.sampled_from([2048, 2047]))
def test_any_bytes_are_a_token_or_a_protocol_error(patch, at, size):
    data = (mint()[:at] + patch).ljust(2048, b"\x00")[:size]
    try:
        token = read_connect_token(data)
    except ProtocolError:
        return
    assert 1 <= len(token.addresses) <= 32


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=1008))
def test_any_authentic_plaintext_is_a_private_token_or_a_protocol_error(plain):
    nonce, associated = bytes(24), b"NETCODE 1.02\x00" + (7).to_bytes(8, "little") + (5).to_bytes(8, "little")
    sealed = seal_xchacha(KEY, nonce, plain.ljust(1008, b"\x01"), associated)
    try:
        token = open_private_token(sealed, KEY, 7, 5, nonce)
    except ProtocolError:
        return
    assert 1 <= len(token.addresses) <= 32
