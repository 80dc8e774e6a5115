"""`python -m engine.replay FILE`: what is in a replay, on one screen; its digest; or all of it as CSV.

Exit codes: 0 done, 2 bad input (one line says which). Of a file that was cut off or damaged, what is there is told, and
one line says what is not.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import NetError, UsageError
from engine.replay.reader import Replay, with_own
from engine.text import printable
from engine.wire.messages import Notice, PlayerJoined, PlayerLeft, Said
from engine.world.history import ABSENT, STALE

_NAMES_SHOWN = 24


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.replay",
        description="Say what is in a replay. To see it: python client.py --replay FILE",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the replay")
    parser.add_argument("--digest", action="store_true", help="print the hash of the published stream, and no more")
    parser.add_argument("--csv", type=Path, metavar="DIR", help="write rows, inputs, events, verdicts and words to DIR")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    options = build_parser().parse_args(argv)
    try:
        replay = Replay.open(options.file)
        if options.digest:
            print(replay.digest())
        else:
            print("\n".join(summary(replay)))
        if replay.damage:
            print(f"replay: {printable(f'{replay.name}: {replay.damage}')}", file=sys.stderr)
        if options.csv is not None:
            write_csv(replay, options.csv)
    except NetError as error:
        print(f"replay: {printable(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
    return 0


def summary(replay: Replay) -> list[str]:
    """Return what is in a replay, as lines."""
    header, match = replay.header, replay.header.match
    eyes = "" if header.own_row is None else f", by the eyes of row {header.own_row}"
    when = f", {np.datetime64(header.started, 's')} UTC" if 0 < header.started < 2**35 else ""
    digest = replay.digest()
    said = "not said by the recorder"
    if replay.end is not None:
        said = "as recorded" if replay.end.digest == digest else f"RECORDED AS {replay.end.digest}"
    names = [" then ".join(names) for names in replay.players().values()]
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    verdicts = replay.verdicts()
    hits = int((verdicts["hit"] >= 0).sum())
    words = sum(isinstance(told.message, Said) for told in replay.messages())
    seconds = max(replay.seconds, 1.0 / match.tick_hz)
    snapshots = sum(1 for _ in replay.frames())
    lines = {
        "game": f"{header.game} {header.game_version}, kept by a {header.source}{eyes}{when}",
        "settings": ", ".join(f"{name} {value}" for name, value in header.settings.items()) or "none",
        "length": f"{_clock(replay.seconds)}, {snapshots} snapshots in {len(replay)} chunks",
        "ticks": f"{replay.first_tick} to {replay.last_tick}, at {match.tick_hz} Hz",
        "players": f"{len(names)}: {', '.join(names[:_NAMES_SHOWN])}{more}",
        "inputs": f"{int(replay.inputs().played.sum())}",
        "events": f"{len(replay.events())}, {len(verdicts)} shots judged ({hits} hits), {words} lines of chat",
        "size": f"{replay.size / 1000:.0f} kB, {replay.size / seconds:.0f} bytes/s",
        "digest": f"{digest}, {said}",
    }
    return [f"{name:<9} {printable(value)}" for name, value in lines.items()]


def write_csv(replay: Replay, folder: Path) -> None:
    """Write a file per kind, and inputs, events, verdicts and words, into `folder`. Raises UsageError."""
    header = replay.header
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, kind in enumerate(header.kinds):
            fields = [field.name for field in kind.fields[: kind.public_count]]
            _write(folder / f"{kind.name}.csv", ["tick", "row", "generation", "stale", *fields], _rows(replay, number))
        inputs = replay.inputs()
        played = (
            [int(inputs.tick[at]), row, int(inputs.missing[at, row]), *inputs.state[at, :, row].tolist()]
            for at, row in zip(*(each.tolist() for each in np.nonzero(inputs.played)), strict=True)
        )
        _write(folder / "inputs.csv", ["tick", "row", "missing", *(each.name for each in header.input.fields)], played)
        events = ([event.tick, event.code, event.to, *event.args] for event in replay.events())
        _write(folder / "events.csv", ["tick", "code", "to", "args"], events)
        verdicts = replay.verdicts()
        _write(folder / "verdicts.csv", verdicts.dtype.names or (), verdicts.tolist())
        _write(folder / "words.csv", ["tick", "what", "row", "words"], _words(replay))
    except OSError as error:
        raise UsageError(f"can't write to {folder}: {error.strerror or error}") from error


def _rows(replay: Replay, number: int) -> Iterable[list[Any]]:
    """Yield one kind's rows at each snapshot, in the game's unit."""
    kind = replay.header.kinds[number]
    precision = [field.precision for field in kind.fields[: kind.public_count]]
    for frame in replay.frames():
        state, status, generation = with_own(replay.header, frame)[number]
        for row in np.flatnonzero(status != ABSENT).tolist():
            values = [unit * size for unit, size in zip(state[:, row].tolist(), precision, strict=True)]
            yield [frame.tick, row, int(generation[row]), int(status[row] == STALE), *values]


def _words(replay: Replay) -> Iterable[list[Any]]:
    """Yield who came and went, and what was said."""
    for told in replay.messages():
        match told.message:
            case PlayerJoined(row, name):
                yield [told.tick, "joined", row, name]
            case PlayerLeft(row, reason):
                yield [told.tick, "left", row, reason]
            case Said(row, _, text):
                yield [told.tick, "said", row, text]
            case Notice(text):
                yield [told.tick, "notice", -1, text]


def _write(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60.0)
    return f"{int(minutes)}:{rest:04.1f}"


if __name__ == "__main__":
    raise SystemExit(main())
