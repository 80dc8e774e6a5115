"""The link model: delay, jitter, loss, rate, queue, events and recordings, seeded and reproducible.

Read `model.py` (what a link does, as numbers), then `link.py` (playing it), then `profiles.py` and
`profiles.toml` (named links with their sources). `jitter.py` and `traces.py` are details. `python -m
engine.transport.impairment` prints the profiles as a table.
"""

from __future__ import annotations

from engine.transport.impairment.link import Delivery, Link, LinkStats, derive_seed
from engine.transport.impairment.model import LinkEvent, LinkModel
from engine.transport.impairment.profiles import PERFECT, Profile, load_profile, profile_names
from engine.transport.impairment.traces import DelayTrace, RateTrace, read_delay_trace, read_rate_trace

__all__ = [
    "PERFECT",
    "DelayTrace",
    "Delivery",
    "Link",
    "LinkEvent",
    "LinkModel",
    "LinkStats",
    "Profile",
    "RateTrace",
    "derive_seed",
    "load_profile",
    "profile_names",
    "read_delay_trace",
    "read_rate_trace",
]
