"""Figures: every one has a metric, they survive the pipe, and Prometheus reads them back."""

from __future__ import annotations

import dataclasses
import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.errors import UsageError
from engine.ops.figures import MAX_REASONS, Figure, ServerFigures, figures_from_dict, figures_to_dict
from engine.ops.metrics import PREFIX, metrics_text

FIGURES = ServerFigures(
    players=3, max_players=16, tick=3600, tick_p50=0.002, tick_p99=0.009, received_bytes=10, sent_bytes=20,
    dropped={"bad-seal": 7, 'odd"\nreason': 1},
)  # fmt: skip


def samples(text: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(text.decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def test_every_figure_has_a_metric_by_the_naming_rules() -> None:
    for field in dataclasses.fields(ServerFigures):
        figure = field.metadata["figure"]
        assert isinstance(figure, Figure)
        assert figure.help.endswith(".")
        assert figure.metric.endswith("_total") == (figure.kind == "counter")


def test_prometheus_reads_it_back() -> None:
    found = samples(metrics_text(FIGURES, {"issued": 5, "server-full": 2}))
    assert found[PREFIX + "players", frozenset()] == 3
    assert found[PREFIX + "ticks_total", frozenset()] == 3600
    assert found[PREFIX + "tick_seconds", frozenset({("quantile", "0.99")})] == 0.009
    assert found[PREFIX + "bytes_total", frozenset({("direction", "in")})] == 10
    assert found[PREFIX + "bytes_total", frozenset({("direction", "out")})] == 20
    assert found[PREFIX + "dropped_total", frozenset({("reason", "bad-seal")})] == 7
    assert found[PREFIX + "dropped_total", frozenset({("reason", 'odd"\nreason')})] == 1
    assert found[PREFIX + "lobby_joins_total", frozenset({("outcome", "issued")})] == 5


def test_before_the_first_news_there_are_the_lobbys_own_figures() -> None:
    assert samples(metrics_text(None, {"issued": 1})) == {
        (PREFIX + "lobby_joins_total", frozenset({("outcome", "issued")})): 1.0
    }


def test_figures_survive_json() -> None:
    assert figures_from_dict(json.loads(json.dumps(figures_to_dict(FIGURES)))) == FIGURES


def test_drop_reasons_are_bounded_to_the_most_frequent() -> None:
    many = ServerFigures(dropped={f"reason-{n}": n for n in range(100)})
    kept = figures_to_dict(many)["dropped"]
    assert len(kept) == MAX_REASONS
    assert min(kept.values()) == 100 - MAX_REASONS


def test_an_unknown_figure_is_refused() -> None:
    with pytest.raises(UsageError, match="speed"):
        figures_from_dict({"speed": 1})
