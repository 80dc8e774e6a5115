"""What a client session measures, in one place: the net graph, the client's --json, the lab and the tests read this."""

from __future__ import annotations

from dataclasses import dataclass

from engine.client.prediction import PredictionFigures
from engine.client.spawns import SpawnFigures
from engine.link.stats import LinkStats


@dataclass(frozen=True, slots=True)
class ClientFigures:
    """Counts are since the start. lead_ticks: how far the inputs' clock is ahead of the newest snapshot.

    interpolation_delay: seconds the view is behind the fastest snapshots, as aimed at. inputs_missing: ticks for which
    the server had no input of ours. pictures_dry: pictures for which nothing newer than the view had arrived.
    """

    link: LinkStats
    prediction: PredictionFigures
    spawns: SpawnFigures
    snapshots: int
    snapshot_bytes: int
    last_snapshot_bytes: int
    lead_ticks: float
    interpolation_delay: float
    input_delay_ticks: float
    inputs_missing: int
    inputs_made: int
    pictures: int
    pictures_dry: int
    lead_jumps: int
    view_jumps: int
