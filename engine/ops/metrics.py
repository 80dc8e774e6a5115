"""Figures as Prometheus reads them: the text of `/metrics`, built with prometheus_client (extra `ops`).

The figures carry their names, units and help (`figures`); this writes them out, each time from the values of the
moment.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.ops.figures import Figure, ServerFigures

PREFIX = "tickwire_"
CONTENT_TYPE = CONTENT_TYPE_LATEST


def metrics_text(figures: ServerFigures | None, joins: Mapping[str, int]) -> bytes:
    """Return the text of `figures` (None: the match has not reported yet) and of the lobby's `joins` by outcome."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(figures, joins))
    return generate_latest(registry)


class _Snapshot(Collector):
    """The values of one moment, in the form prometheus_client collects."""

    def __init__(self, figures: ServerFigures | None, joins: Mapping[str, int]) -> None:
        self._figures = figures
        self._joins = joins

    def collect(self) -> Iterator[Metric]:
        if self._figures is not None:
            yield from _families(self._figures)
        outcome = Figure("lobby_joins_total", "counter", "Requests for a connect token, by outcome.", (), "outcome")
        family = _family(outcome)
        _add(family, outcome, self._joins)
        yield family


def _families(figures: ServerFigures) -> Iterator[Metric]:
    families: dict[str, Metric] = {}
    for field in dataclasses.fields(figures):
        figure: Figure = field.metadata["figure"]
        family = families.get(figure.metric)
        if family is None:
            family = families[figure.metric] = _family(figure)
        _add(family, figure, getattr(figures, field.name))
    yield from families.values()


def _family(figure: Figure) -> Metric:
    make = GaugeMetricFamily if figure.kind == "gauge" else CounterMetricFamily
    return make(PREFIX + figure.metric, figure.help)


def _add(family: Metric, figure: Figure, value: float | Mapping[str, int]) -> None:
    name = PREFIX + figure.metric
    labels = dict(figure.labels)
    if isinstance(value, Mapping):
        label = figure.split_by or "key"
        for key, part in value.items():
            family.add_sample(name, {**labels, label: key}, part)
    else:
        family.add_sample(name, labels, value)
