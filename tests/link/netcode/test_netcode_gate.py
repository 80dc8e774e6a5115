"""The buckets strangers pay from, against a plain one that counts tokens."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.link.netcode.gate import DecryptGate, source_prefix


def make_gate(*, prefix_hz=2.0, prefix_burst=4, global_hz=1000.0, global_burst=1000, max_prefixes=100) -> DecryptGate:
    return DecryptGate(
        prefix_hz=prefix_hz,
        prefix_burst=prefix_burst,
        global_hz=global_hz,
        global_burst=global_burst,
        max_prefixes=max_prefixes,
    )


def attempts(gate: DecryptGate, host: str, now: float, count: int) -> int:
    return sum(gate.refusal(host, now) is None for _ in range(count))


def test_a_prefix_has_its_burst_and_then_its_rate():
    gate = make_gate()
    assert attempts(gate, "192.0.2.1", 0.0, 10) == 4
    assert gate.refusal("192.0.2.99", 0.0) == "prefix-decrypts-spent"  # the same /24
    assert attempts(gate, "192.0.3.1", 0.0, 10) == 4  # another
    assert attempts(gate, "192.0.2.1", 1.0, 10) == 2
    assert attempts(gate, "192.0.2.1", 100.0, 10) == 4


def test_all_prefixes_share_the_global_bucket():
    gate = make_gate(global_hz=5.0, global_burst=6)
    assert sum(attempts(gate, f"10.0.{i}.1", 0.0, 1) for i in range(50)) == 6
    assert gate.refusal("10.9.9.9", 0.0) == "decrypts-spent"
    assert sum(attempts(gate, f"10.1.{i}.1", 1.0, 1) for i in range(50)) == 5


def test_a_refused_attempt_costs_nothing():
    gate = make_gate(global_burst=10)
    assert attempts(gate, "192.0.2.1", 0.0, 1000) == 4
    assert attempts(gate, "192.0.3.1", 0.0, 1000) == 4
    assert attempts(gate, "192.0.4.1", 0.0, 1000) == 2


def test_a_full_table_refuses_strangers_and_keeps_those_it_knows():
    gate = make_gate(max_prefixes=2)
    assert attempts(gate, "10.0.0.1", 0.0, 3) == 3
    assert attempts(gate, "10.0.1.1", 0.0, 1) == 1
    assert gate.refusal("10.0.2.1", 0.0) == "prefixes-full"
    assert gate.refusal("10.0.0.1", 0.0) is None
    gate.forget_repaid(0.6)  # one attempt is repaid in half a second, four are not
    assert attempts(gate, "10.0.2.1", 0.6, 10) == 4
    assert attempts(gate, "10.0.0.1", 0.6, 10) == 1


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=80))
def test_it_grants_what_counted_buckets_grant(arrivals):
    # Times are multiples of 1/8 s, at which both rates are exact in binary.
    gate = make_gate(prefix_hz=2.0, prefix_burst=3, global_hz=4.0, global_burst=5)
    now, everyone, prefixes = 0.0, 5.0, {}
    for prefix, pause in arrivals:
        now += pause / 8
        everyone = min(5.0, everyone + 4.0 * pause / 8)
        prefixes = {key: min(3.0, tokens + 2.0 * pause / 8) for key, tokens in prefixes.items()}
        granted = everyone >= 0.5 and prefixes.get(prefix, 3.0) >= 0.5
        assert (gate.refusal(f"10.0.{prefix}.1", now) is None) == granted
        if granted:
            everyone -= 1
            prefixes[prefix] = prefixes.get(prefix, 3.0) - 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.200", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("::ffff:192.0.2.1", "192.0.2.7", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.3.1", False),
        ("2001:db8:7::1", "2001:db8:7:8000::1", True),
        ("2001:db8:7::1", "2001:db8:8::1", False),
        ("2001:db8::1", "2001:db8:0:5::1", True),
        ("::1", "2001:db8::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_prefixes_by_example(one, other, same):
    assert (source_prefix(one) == source_prefix(other)) == same


@settings(deadline=None, max_examples=300)
@given(st.ip_addresses(v=6), st.ip_addresses(v=6))
def test_an_ipv6_prefix_is_its_first_48_bits(one, other):
    def mine(ip: ipaddress.IPv6Address) -> str:
        return source_prefix(ip.compressed)

    flipped = ipaddress.IPv6Address(int(one) ^ (int(other) & (2**80 - 1)))
    if one.ipv4_mapped is None and flipped.ipv4_mapped is None:
        assert mine(one) == mine(flipped)
    assert mine(one) == mine(other) or one.packed[:6] != other.packed[:6]


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=40))
def test_any_text_has_a_prefix(host):
    assert isinstance(source_prefix(host), str)
