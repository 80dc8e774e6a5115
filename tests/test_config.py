"""Errors and configuration: what is refused, and what follows from the values."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from engine.config import ClientConfig, MatchConfig, ServerConfig, protocol_id
from engine.errors import NetError, ProtocolError, UsageError


def test_a_protocol_error_counts_by_reason_and_tells_the_detail() -> None:
    error = ProtocolError("truncated", "3 of 5 bytes")
    assert (error.reason, error.detail, str(error)) == ("truncated", "3 of 5 bytes", "truncated: 3 of 5 bytes")
    assert str(ProtocolError("bad-header")) == "bad-header"
    assert isinstance(error, NetError)
    assert not isinstance(error, UsageError)


def test_match_figures() -> None:
    match = MatchConfig(tick_hz=60, snapshot_every=3)
    assert (match.tick_seconds, match.snapshot_hz) == (1 / 60, 20.0)
    with pytest.raises(FrozenInstanceError):
        match.tick_hz = 30  # type: ignore[misc]


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (MatchConfig, "tick_hz", 0),
        (MatchConfig, "tick_hz", 1001),
        (MatchConfig, "snapshot_every", 0),
        (MatchConfig, "history_snapshots", 3),
        (MatchConfig, "rewind_limit", -0.1),
        (MatchConfig, "max_extrapolation", float("nan")),
        (ServerConfig, "max_players", 0),
        (ServerConfig, "input_ring", 8),
        (ServerConfig, "payload_bytes", 1201),
        (ServerConfig, "repeat_limit", 6.0),
        (ServerConfig, "drain_limit", 0),
        (ClientConfig, "max_redundant_inputs", 0),
        (ClientConfig, "lead_margin_ticks", -1.0),
        (ClientConfig, "max_steer", 0.0),
        (ClientConfig, "jump_ticks", 0.5),
        (ClientConfig, "lateness_window", 0.0),
        (ClientConfig, "lateness_quantile", 1.1),
        (ClientConfig, "max_resimulated_ticks", 0),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(kind: type, name: str, value: float) -> None:
    with pytest.raises(UsageError, match=name):
        kind(**{name: value})


def test_only_equal_games_share_a_protocol_id() -> None:
    ids = {protocol_id("arena", 1), protocol_id("arena", 2), protocol_id("arena2", 1), protocol_id("Arena", 1)}
    assert len(ids) == 4
    assert protocol_id("arena", 1) in ids
    assert all(0 <= each < 2**64 for each in ids)
