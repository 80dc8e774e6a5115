"""From what was watched to the figures that are reported: per player, and over all players.

The keys are a contract: reports, comparisons, sweeps, tests and people's scripts read them. `ABOUT` says of each what
it is. A figure that has no value (no shot was fired) is None, never 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.lab.distribution import Distribution, rounded, summary
from engine.lab.match import LabPlayer, VirtualMatch
from engine.lab.shots import Shot
from engine.lab.truth import PlayerTruth, Totals

ABOUT = {
    "corrections_per_minute": "snapshots that contradicted the prediction, per player-minute, without knockback",
    "shoved_per_minute": "corrections caused from outside: knockback, death, respawn",
    "largest_correction_px": "the largest of the corrections without a shove",
    "input_late_ratio": "ticks the server ran without the player's input, of all",
    "starved_ratio": "remote rows drawn by dead reckoning for want of data, of all rows drawn",
    "remote_error_px": "distance between a remote row as drawn and as it was at the view tick",
    "overshoot_px": "how far past its resting place a row that stopped was drawn, greatest of each stop",
    "interp_delay_ms": "interpolation delay the client aims at",
    "interp_delay_beyond_jitter_intervals": "median of that delay beyond the true jitter's p99, in snapshot intervals",
    "view_age_ms": "how far behind the server's present the picture was, all delays together",
    "own_input_drawn_after_ms": "from an input to the frame that shows all it did",
    "own_projectile_drawn_after_ms": "from an input to the first picture that shows the row it made: a rocket",
    "projectiles_adopted": "rows that inputs made, drawn ahead of the server, which the server then had",
    "projectiles_spent": "those of them that had met something before the first snapshot",
    "projectiles_withdrawn": "those that never were",
    "judder_px": "by how much a remote row's movement changes from a frame to the next",
    "own_judder_px": "the same of the own row",
    "lead_ticks": "how far the client's inputs ran ahead of the newest snapshot",
    "shots": "shots of players that the server judged",
    "shots_clamped": "of them, those older than the rewind limit",
    "shots_moved": "of them, those whose shooter may have stood elsewhere than its client drew it: an input of its own"
    " was missing, or something pushed it",
    "shots_doubted": "of them, those judged otherwise than claimed for another reason, which the verdict gives",
    "hit_agreement": "shots judged as claimed whose verdict is what the shooter had on the line of fire, of all such",
    "hit_disagreements_mispredicted": "of those that broke it: the shooter itself was not where its client believed",
    "hit_disagreements_unexplained": "the others that broke it with no reason in the verdict; must be 0",
    "rewind_error_px": "distance between a row as drawn for the shooter and as rebuilt, shots judged as claimed",
    "verdicts": "shots by reason",
    "rtt_ms": "round trip time as the client estimates it, and as it was",
    "true_delay_ms": "one-way delays on the line: what arrived",
    "down_kbit_s": "sent to the player, with IPv4 and UDP headers",
    "up_kbit_s": "sent by the player, with IPv4 and UDP headers",
    "bytes": "bytes a second on the line, by what they are for",
    "world_mismatches": "rows of snapshots that differ from what was published; must be 0",
}

_NETCODE_BYTES = 1 + 2 + 16
"""Of each datagram in a running match: netcode's prefix, sequence (mostly two bytes) and authentication tag."""
_UDP_IP_BYTES = 28


def player_measures(player: LabPlayer, match: VirtualMatch) -> dict[str, Any]:
    """Return the figures of one player."""
    every = match.server.match.snapshot_every / match.server.match.tick_hz * 1000.0
    found = _measures([player.truth], every)
    link = player.spec.link.name if player.spec.link is not None else "perfect"
    return {
        "name": player.spec.name,
        "row": player.session.own_row,
        "link": link,
        "behaviour": player.spec.behaviour,
        "phase": player.session.phase.value,
        "reason": player.session.reason,
        **found,
    }


def all_measures(players: Sequence[LabPlayer], match: VirtualMatch) -> dict[str, Any]:
    """Return the figures over all players: distributions merged, rates by the mean player's minute."""
    every = match.server.match.snapshot_every / match.server.match.tick_hz * 1000.0
    return _measures([player.truth for player in players], every)


def _measures(truths: Sequence[PlayerTruth], every_ms: float) -> dict[str, Any]:
    totals = [truth.measured for truth in truths]
    counted = Totals(*(sum(getattr(each, name) for each in totals) for name in Totals.__dataclass_fields__))
    seconds = counted.time
    shots = [shot for truth in truths for shot in truth.shots]
    clear = [shot for shot in shots if not shot.doubt]
    clamped = sum(shot.doubt == "clamped" for shot in shots)
    moved = sum(shot.doubt == "moved" for shot in shots)
    errors = [shot.rewind_error for shot in shots if shot.rewind_error is not None]
    up, down = _delays(truths, "up"), _delays(truths, "down")
    rtt = summary(_merged(truths, "rtt_ms"), 50, 99)
    delay = _merged(truths, "interp_delay_ms")
    rtt["true_p50"] = rounded(float(np.median(up) + np.median(down))) if len(up) and len(down) else None
    return {
        "seconds_measured": rounded(seconds / max(len(truths), 1)),
        "corrections_per_minute": _per(counted.corrections * 60.0, seconds),
        "shoved_per_minute": _per(counted.shoved * 60.0, seconds),
        "largest_correction_px": rounded(max((truth.largest_correction for truth in truths), default=0.0)),
        "input_late_ratio": _per(counted.missing, counted.missing + counted.taken),
        "starved_ratio": _per(
            sum(truth.starved_row_frames for truth in truths), sum(truth.row_frames for truth in truths)
        ),
        "remote_error_px": summary(_merged(truths, "remote_error"), 50, 95, 99),
        "overshoot_px": summary(_merged(truths, "overshoot"), 50, 99),
        "interp_delay_ms": summary(delay, 50, 99),
        "interp_delay_beyond_jitter_intervals": _mean([_beyond_jitter(truth, every_ms) for truth in truths]),
        "view_age_ms": summary(_merged(truths, "view_age_ms"), 50, 99),
        "own_input_drawn_after_ms": summary(_merged(truths, "own_delay_ms"), 50, 99),
        "own_projectile_drawn_after_ms": summary(_merged(truths, "projectile_delay_ms"), 50, 99),
        "projectiles_adopted": counted.projectiles_adopted,
        "projectiles_spent": counted.projectiles_spent,
        "projectiles_withdrawn": counted.projectiles_withdrawn,
        "judder_px": summary(_merged(truths, "judder"), 50, 99),
        "own_judder_px": summary(_merged(truths, "own_judder"), 50, 99),
        "lead_ticks": summary(_merged(truths, "lead_ticks"), 50, 99),
        "shots": len(shots),
        "shots_clamped": clamped,
        "shots_moved": moved,
        "shots_doubted": len(shots) - len(clear) - clamped - moved,
        "hit_agreement": _per(sum(shot.agrees for shot in clear), len(clear)),
        "hit_disagreements_mispredicted": sum(not shot.agrees and shot.mispredicted for shot in clear),
        "hit_disagreements_unexplained": sum(not shot.agrees and not shot.mispredicted for shot in clear),
        "rewind_error_px": {
            "max": rounded(max(errors, default=None)) if not any(map(math.isinf, errors)) else None,
            "row_sets_differ": sum(map(math.isinf, errors)),
        },
        "verdicts": dict(sorted(Counter(shot.reason for shot in shots).items())),
        "rtt_ms": rtt,
        "true_delay_ms": {"up": _quantiles(up), "down": _quantiles(down)},
        "down_kbit_s": _per(counted.down_bytes * 0.008, seconds),
        "up_kbit_s": _per(counted.up_bytes * 0.008, seconds),
        "bytes": _sections(truths, counted),
        "snapshot_bytes": summary(_merged(truths, "snapshot_size"), 50, 99),
        "frames": sum(truth.frames for truth in truths),
        "rows_across_a_teleport": sum(truth.untold for truth in truths),
        "snapshots_compared": sum(truth.snapshots.snapshots for truth in truths),
        "rows_compared": sum(truth.snapshots.rows for truth in truths),
        "world_mismatches": sum(truth.snapshots.mismatches + truth.snapshots.own_mismatches for truth in truths),
    }


def _merged(truths: Sequence[PlayerTruth], name: str) -> Distribution:
    merged = Distribution()
    for truth in truths:
        merged.merge(getattr(truth, name))
    return merged


def _delays(truths: Sequence[PlayerTruth], way: str) -> np.ndarray:
    """The true one-way delays while measuring, in ms."""
    return np.concatenate([_measured_delays(truth, way) for truth in truths]) if truths else np.zeros(0)


def _measured_delays(truth: PlayerTruth, way: str) -> np.ndarray:
    if truth.begins_at is None:
        return np.zeros(0)
    found = truth.delays(way)
    delays: np.ndarray = found[found[:, 0] >= truth.begins_at, 1]
    return delays


def _beyond_jitter(truth: PlayerTruth, every_ms: float) -> float | None:
    """By how many snapshot intervals the interpolation delay lies beyond the jitter that the line really has."""
    delays = _measured_delays(truth, "down")
    middle = truth.interp_delay_ms.quantile(0.5)
    if not len(delays) or middle is None:
        return None
    return (middle - float(np.quantile(delays, 0.99) - delays.min())) / every_ms


def _sections(truths: Sequence[PlayerTruth], totals: Totals) -> dict[str, dict[str, float | None]]:
    """Bytes a second by what they are for. "own" is the snapshot's header and the own row, then come its kinds;
    "other" is packet headers, acknowledgements and channel messages."""
    seconds = totals.time
    kinds = Counter[str]()
    for truth in truths:
        kinds.update(truth.section_bytes)
    down_heads, down_seals = totals.down_packets * _UDP_IP_BYTES, totals.down_packets * _NETCODE_BYTES
    up_heads, up_seals = totals.up_packets * _UDP_IP_BYTES, totals.up_packets * _NETCODE_BYTES
    down = {"udp_ip": down_heads, "netcode": down_seals, **kinds}
    up = {"udp_ip": up_heads, "netcode": up_seals}
    down["other"] = max(totals.down_bytes - sum(down.values()), 0)
    up["inputs_and_other"] = max(totals.up_bytes - sum(up.values()), 0)
    return {
        way: {name: _per(count, seconds) for name, count in part.items()} for way, part in (("down", down), ("up", up))
    }


def _quantiles(values: np.ndarray) -> dict[str, float | None]:
    if not len(values):
        return {"min": None, "p50": None, "p99": None}
    p50, p99 = np.quantile(values, (0.5, 0.99)).tolist()
    return {"min": rounded(float(values.min())), "p50": rounded(p50), "p99": rounded(p99)}


def _per(value: float, of: float) -> float | None:
    return round(value / of, 6) if of > 0 else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return rounded(sum(known) / len(known)) if known else None


def shots_worth_a_picture(shots: Sequence[Shot], count: int) -> list[Shot]:
    """Return the `count` shots that tell most: disagreements first, then those that reached back furthest, hits first,
    in the order of ticks."""
    ranked = sorted(shots, key=lambda shot: (shot.agrees, shot.judged is None, -shot.allowed_age, shot.tick))
    return sorted(ranked[:count], key=lambda shot: shot.tick)
