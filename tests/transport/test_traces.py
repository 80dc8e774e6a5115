"""Reading recorded links: what is read, and what is refused with which line."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.transport.impairment import DelayTrace, RateTrace, read_delay_trace, read_rate_trace


def test_a_mahimahi_trace(tmp_path: Path) -> None:
    path = tmp_path / "cell.down"
    path.write_text("# comment\n0\n3\n3\n\n10\n")
    trace = read_rate_trace(path)
    assert trace.times == (0.0, 0.003, 0.003, 0.010)
    assert trace.period == 0.010
    assert trace.mean_bit_s == pytest.approx(4 * 1500 * 8 / 0.010)


def test_the_shortest_mahimahi_trace_is_12_mbit_s(tmp_path: Path) -> None:
    path = tmp_path / "12mbps"
    path.write_text("1\n")
    assert read_rate_trace(path).mean_bit_s == pytest.approx(12e6)


def test_a_delay_trace(tmp_path: Path) -> None:
    path = tmp_path / "ping.csv"
    path.write_text("time_s,delay_ms,lost\n100.0,20,0\n100.5,,1\n101.0,30.5,0\n")
    trace = read_delay_trace(path)
    assert trace.times == (0.0, 0.5, 1.0)
    assert trace.delays == pytest.approx((0.020, 0.020, 0.0305))  # a lost row has the delay before it
    assert trace.lost == (False, True, False)
    assert trace.period == 1.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one opportunity"),
        ("0\n0\n", "later than 0"),
        ("5\n4\n", ":2: 4 ms goes back from 5 ms"),
        ("5\nsix\n", ":2: 'six' is not a whole number"),
        ("-5\n", ":1: '-5'"),
        ("1.5\n", ":1: '1.5'"),
    ],
)
def test_a_broken_rate_trace(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_rate_trace(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no row has a delay"),
        ("1,2,3\n", ":1: the header is '1,2,3'"),
        ("time_s,delay_ms,lost\n", "no row has a delay"),
        ("time_s,delay_ms,lost\n0,20\n", ":2: '0,20'"),
        ("time_s,delay_ms,lost\n0,20,2\n", "lost 0 or 1"),
        ("time_s,delay_ms,lost\n0,fast,0\n", "must be numbers"),
        ("time_s,delay_ms,lost\n0,-3,0\n", "below 0"),
        ("time_s,delay_ms,lost\n0,nan,0\n", "not finite"),
        ("time_s,delay_ms,lost\n1,20,0\n0.5,20,0\n", "does not come after"),
        ("time_s,delay_ms,lost\n0,,0\n", "must be numbers"),
    ],
)
def test_a_broken_delay_trace(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.csv"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_delay_trace(path)
    assert message in str(caught.value)


def test_files_that_are_not_there_or_not_text(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "missing", binary, tmp_path):
        with pytest.raises(UsageError, match="cannot read the trace"):
            read_rate_trace(path)
        with pytest.raises(UsageError, match="cannot read the trace"):
            read_delay_trace(path)


def test_traces_made_in_code_are_checked_too() -> None:
    with pytest.raises(UsageError):
        RateTrace(())
    with pytest.raises(UsageError):
        DelayTrace((0.0, 1.0), (0.1,), (False, False))
    with pytest.raises(UsageError):
        DelayTrace((1.0,), (0.1,), (False,))
