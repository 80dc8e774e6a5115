"""The token bucket per source prefix, against a plain bucket that is refilled step by step."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.ops.limits import PrefixLimit


def ask(limit: PrefixLimit, host: str, now: float) -> bool:
    if limit.wait(host, now) > 0:
        return False
    limit.pay(host, now)
    return True


def test_a_burst_and_then_the_rate() -> None:
    limit = PrefixLimit(hz=2.0, burst=3, max_prefixes=10)
    assert [ask(limit, "10.0.0.1", 100.0) for _ in range(5)] == [True, True, True, False, False]
    assert limit.wait("10.0.0.1", 100.0) == pytest.approx(0.5)
    assert not ask(limit, "10.0.0.1", 100.4)
    assert ask(limit, "10.0.0.1", 100.5)
    assert not ask(limit, "10.0.0.1", 100.5)
    # After a long pause the burst is whole again, and no larger.
    assert [ask(limit, "10.0.0.1", 999.0) for _ in range(4)] == [True, True, True, False]


def test_neighbours_share_and_strangers_do_not() -> None:
    limit = PrefixLimit(hz=1.0, burst=1, max_prefixes=10)
    assert ask(limit, "10.0.0.1", 0.0)
    assert not ask(limit, "10.0.0.200", 0.0)
    assert not ask(limit, "::ffff:10.0.0.3", 0.0)
    assert ask(limit, "10.0.1.1", 0.0)
    assert ask(limit, "2001:db8:7::1", 0.0)
    assert not ask(limit, "2001:db8:7:ffff::2", 0.0)
    assert ask(limit, "2001:db8:8::1", 0.0)


def test_a_full_table_refuses_newcomers_until_somebody_has_repaid() -> None:
    limit = PrefixLimit(hz=1.0, burst=1, max_prefixes=2)
    assert ask(limit, "10.0.0.1", 0.0)
    assert ask(limit, "10.0.1.1", 0.5)
    assert not ask(limit, "10.0.2.1", 0.6)
    assert not ask(limit, "10.0.0.1", 0.6)  # known, and still bound by its own bucket
    assert ask(limit, "10.0.2.1", 1.7)
    assert len(limit) <= 2


@given(st.lists(st.floats(0.0, 3.0), max_size=60), st.integers(1, 5))
@settings(deadline=None, max_examples=100)
def test_agrees_with_a_plain_bucket(pauses: list[float], burst: int) -> None:
    limit = PrefixLimit(hz=1.0, burst=burst, max_prefixes=1)
    tokens, now = float(burst), 0.0
    for pause in pauses:
        now += pause
        tokens = min(burst, tokens + pause)
        if abs(tokens - 1.0) < 1e-4:  # a tie may fall either way
            return
        expected = tokens >= 1.0
        tokens -= expected
        assert ask(limit, "10.0.0.1", now) is expected


def test_a_limit_is_positive() -> None:
    with pytest.raises(UsageError):
        PrefixLimit(hz=0.0, burst=1, max_prefixes=1)
