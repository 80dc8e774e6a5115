"""`python -m engine.transport.impairment [FILE.toml] [--markdown]`: the profiles as a table.

Numbers are computed from the models, so this is what the links do, not what a comment says. docs/LINKS.md
holds the output of `--markdown`, and a test compares the two.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from engine.errors import UsageError
from engine.transport.impairment.model import LinkModel
from engine.transport.impairment.profiles import Profile, load_profile, profile_names

HEADINGS = ("profile", "way", "delay ms", "jitter p50 / p99 ms", "loss", "burst", "rate Mbit/s", "queue ms", "also")


def profile_rows(profiles: Sequence[Profile]) -> list[tuple[str, ...]]:
    """Return a row of text per profile, or one per direction where the two differ, in the order of
    `HEADINGS`."""
    rows: list[tuple[str, ...]] = []
    for profile in profiles:
        if profile.up == profile.down:
            rows.append((profile.name, "both", *_cells(profile.up)))
        else:
            rows.append((profile.name, "up", *_cells(profile.up)))
            rows.append(("", "down", *_cells(profile.down)))
    return rows


def markdown(rows: Sequence[tuple[str, ...]]) -> str:
    """Return the rows as a markdown table, without a line end at the end."""
    lines = [" | ".join(HEADINGS), " | ".join(["---"] * len(HEADINGS)), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)


def aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """Return the rows as columns of text."""
    table = [HEADINGS, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEADINGS))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    return "\n".join(line.rstrip() for line in lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return the exit code: 2 for a file that is not what it should be."""
    parser = ArgumentParser(prog="python -m engine.transport.impairment", description="List the link profiles.")
    parser.add_argument("file", nargs="?", type=Path, help="a profile file; without it, the profiles of the engine")
    parser.add_argument("--markdown", action="store_true", help="print a markdown table")
    options = parser.parse_args(arguments)
    try:
        prefix = f"{options.file}:" if options.file else ""
        profiles = [load_profile(prefix + name) for name in profile_names(options.file)]
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    rows = profile_rows(profiles)
    print(markdown(rows) if options.markdown else aligned(rows))
    return 0


def _cells(model: LinkModel) -> tuple[str, ...]:
    jitter = f"{model.jitter_p50 * 1e3:g} / {model.jitter_p99 * 1e3:g}" if model.jitter_p99 else "-"
    loss = f"{model.mean_loss * 100:.2g} %" if model.mean_loss else "-"
    burst = f"{model.mean_bad_packets:.2g}" if model.mean_bad_packets else "-"
    rate = queue = "-"
    if model.rate_bit_s is not None:
        rate = f"{model.rate_bit_s / 1e6:g}"
        queue = f"{model.queue_bytes * 8e3 / model.rate_bit_s:.3g}"
    elif model.rate_trace is not None:
        rate = f"trace, {model.rate_trace.mean_bit_s / 1e6:.3g}"
    extras = [
        f"{name} {value * 100:g} %"
        for name, value in (("reorder", model.reorder), ("duplicate", model.duplicate), ("corrupt", model.corrupt))
        if value
    ]
    if model.delay_trace is not None:
        extras.append("delay trace")
    if model.events:
        extras.append(f"{len(model.events)} event{'s' if len(model.events) > 1 else ''}")
        if model.events_period is not None:
            extras[-1] += f" per {model.events_period:g} s"
    return (f"{model.delay * 1e3:g}", jitter, loss, burst, rate, queue, ", ".join(extras) or "-")


if __name__ == "__main__":
    sys.exit(main())
