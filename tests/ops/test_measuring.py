"""A match's figures: tick times of the last second and of the whole match, and traffic since the last second."""

from __future__ import annotations

import pytest

from engine.lab.match import VirtualMatch
from engine.ops.measuring import Measures
from engine.transport import TransportStats
from game.rules import Arena


def test_figures_are_of_the_last_second_and_the_report_of_the_whole_match() -> None:
    match = VirtualMatch(Arena.factory, [], seed=3, bots=2, settings={"max_players": 4})
    match.run(0.5)
    traffic = TransportStats(sent=10, sent_bytes=1000, received=4, received_bytes=200)
    measures = Measures(match.server, traffic, started=100.0)
    assert measures.figures(101.0, 0).tick_p50 == 0.0
    # A slow second, and then a quick one at 60 Hz.
    measures.tick_seconds.extend([0.010] * 60 + [0.002] * 60)
    figures = measures.figures(102.0, ticks_skipped=3)
    assert (figures.players, figures.bots, figures.uptime, figures.ticks_skipped) == (0, 2, 2.0, 3)
    assert (figures.tick_p50, figures.tick_p99) == pytest.approx((0.002, 0.002))
    assert (figures.sent_datagrams, figures.received_bytes, figures.tick) == (10, 200, match.server.world.tick)
    report = measures.report(figures)
    assert report["tick_ms"] == pytest.approx({"p50": 6.0, "p99": 10.0, "max": 10.0})
    assert (report["sent_bytes"], report["snapshot_bytes_mean"]) == (traffic.sent_wire_bytes, 0.0)


def test_a_second_tells_of_the_traffic_since_the_one_before() -> None:
    match = VirtualMatch(Arena.factory, [], seed=3, bots=0, settings={"max_players": 4})
    traffic = TransportStats(sent=10, sent_bytes=10_000, header_bytes=28)
    measures = Measures(match.server, traffic, started=0.0)
    assert measures.second(measures.figures(1.0, 0))["out_kbit_s"] == 82  # (10,000 + 280) bytes
    traffic.received += 1
    traffic.received_bytes += 97
    second = measures.second(measures.figures(2.0, 0))
    assert (second["in_kbit_s"], second["out_kbit_s"], second["players"]) == (1, 0, 0)
