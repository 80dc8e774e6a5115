"""Many runs at once, each in a process of its own: what `compare` and `sweep` stand on.

A run is decided by its scenario alone, so it does not matter in which process, beside what, or in which order it runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from engine.errors import UsageError
from engine.lab.run import run
from engine.lab.scenario import Scenario

MAX_RUNS = 1000
MAX_JOBS = 64


def default_jobs() -> int:
    """Return how many processes this machine runs at once."""
    return min(os.cpu_count() or 1, MAX_JOBS)


def run_all(scenarios: Mapping[str, Scenario], jobs: int) -> tuple[dict[str, dict[str, Any]], bool]:
    """Run every scenario; return the results as JSON values by name, and whether all of them are there.

    Stopped by Ctrl-C, it returns what is finished. Raises UsageError before anything runs.
    """
    if not 1 <= jobs <= MAX_JOBS:
        raise UsageError(f"--jobs must be 1 to {MAX_JOBS}, got {jobs}")
    if not 1 <= len(scenarios) <= MAX_RUNS:
        raise UsageError(f"{len(scenarios)} runs are too many: {MAX_RUNS} at most")
    for scenario in scenarios.values():
        scenario.check()
    found: dict[str, dict[str, Any]] = {}
    work = list(scenarios.items())
    with _bar(len(work)) as advance:
        try:
            if jobs == 1 or len(work) == 1:
                for job in work:
                    name, result = _one(job)
                    if result["partial"]:
                        raise KeyboardInterrupt
                    found[name] = result
                    advance(name)
            else:
                with get_context("spawn").Pool(min(jobs, len(work))) as pool:
                    for name, result in pool.imap_unordered(_one, work):
                        found[name] = result
                        advance(name)
        except KeyboardInterrupt:
            pass
    # In the order asked for, not in that of finishing.
    ordered = {name: found[name] for name in scenarios if name in found and not found[name]["partial"]}
    return ordered, len(ordered) == len(scenarios)


def _one(job: tuple[str, Scenario]) -> tuple[str, dict[str, Any]]:
    name, scenario = job
    return name, run(scenario).to_json()


@contextmanager
def _bar(total: int) -> Iterator[Callable[[str], None]]:
    """Give a function to call with each finished run's name: a progress bar in a terminal, else a line each."""
    if sys.stderr.isatty():
        try:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        except ImportError:
            pass
        else:
            columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
            with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
                task = progress.add_task("", total=total)
                yield lambda name: progress.update(task, advance=1, description=name)
            return
    done = 0

    def told(name: str) -> None:
        nonlocal done
        done += 1
        print(f"{done} of {total}: {name}", file=sys.stderr, flush=True)

    yield told
