"""Results as files: JSON for scripts, CSV for numpy and pandas."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.errors import UsageError
from engine.lab.run import Result

_SHOT_COLUMNS = (
    "tick",
    "drawn",
    "judged",
    "agrees",
    "reason",
    "claimed_age",
    "allowed_age",
    "rewind_error",
    "origin_error",
    "mispredicted",
)


def check_writable(*paths: Path | None) -> None:
    """Find out before the run that a file can't be written. Raises UsageError."""
    for path in paths:
        if path is None:
            continue
        existed = path.exists()
        try:
            with path.open("ab"):
                pass
            if not existed:
                path.unlink()
        except OSError as error:
            raise UsageError(f"can't write {path}: {error.strerror or error}") from error


def check_folder(path: Path | None) -> None:
    """Make the folder `path`, and find out that it can be written to. Raises UsageError."""
    if path is None:
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"can't write to {path}: {error.strerror or error}") from error
    check_writable(path / "players.csv")


def write_json(path: Path, content: Any) -> None:
    """Write `content`; whoever reads it never meets a NaN."""
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_csv(folder: Path, result: Result) -> None:
    """Write players.csv, samples.csv (figures over time), shots.csv and delays.csv (every arrival on the line)."""
    players = [dict(_flat(each)) for each in result.players]
    columns = list(dict.fromkeys(key for each in players for key in each))
    _table(folder / "players.csv", columns, ([each.get(key) for key in columns] for each in players))
    samples = [(player.spec.name, sample) for player in result.match.players for sample in player.truth.samples]
    names = list(asdict(samples[0][1])) if samples else ["time"]
    _table(folder / "samples.csv", ["player", *names], ([name, *asdict(each).values()] for name, each in samples))
    shots = ((player.spec.name, shot) for player in result.match.players for shot in player.truth.shots)
    _table(
        folder / "shots.csv",
        ["player", *_SHOT_COLUMNS],
        ([name, *(_plain(getattr(shot, column)) for column in _SHOT_COLUMNS)] for name, shot in shots),
    )
    _table(folder / "delays.csv", ["player", "way", "sent_s", "delay_ms"], _delays(result))


def _delays(result: Result) -> Iterator[list[Any]]:
    for player in result.match.players:
        for way in ("up", "down"):
            for sent, delay in player.truth.delays(way).tolist():
                yield [player.spec.name, way, round(sent, 6), round(delay, 4)]


def _table(path: Path, columns: Sequence[str], rows: Any) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def _flat(measures: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in measures.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
