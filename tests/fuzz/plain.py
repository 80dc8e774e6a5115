"""Fuzzing without a fuzzer: true examples, damaged by a seeded chance. The same seed gives the same inputs.

    python tests/fuzz/plain.py [--inputs 1000000] [--seed 1] [TARGET ...]

It sees no coverage, so it goes less deep than `fuzz.py`; it needs nothing installed, and runs in every test run. What
fails is printed as the line that repeats it.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2])]

import match_targets
import netcode_targets
import ops_targets
import replay_targets
import session_targets
from damage import Shape, damaged
from outcomes import HEAD, Outcome, Target, count, row

TARGETS: dict[str, Target] = {
    **netcode_targets.TARGETS,
    **match_targets.TARGETS,
    **ops_targets.TARGETS,
    **replay_targets.TARGETS,
    **session_targets.TARGETS,
}

COST = {
    "public_token": 2,
    "private_token": 5,
    "server": 30,
    "client": 8,
    "whole_request": 8,
    "fragments": 3,
    "channels": 4,
    "body": 3,
    "inputs": 3,
    "snapshot": 3,
    "messages": 2,
    "name": 2,
    "lobby_request": 5,
    "replay_header": 8,
    "replay_chunk": 25,
    "server_session": 200,
    "client_session": 120,
}
"""What an input costs a target, where it costs more than a parser's 1: guidance makes inputs grow that do much."""
LEAST_SHARE = 1 / 333
"""Of all inputs, to every target however slow: 3,000 of a million. An input of a machine holds up to 12 datagrams."""
MACHINES = ("server", "client", "whole_request", "server_session", "client_session")
"""Targets that hold state over the datagrams of an input; the others are parsers."""
PARSERS = tuple(name for name in TARGETS if name not in MACHINES)


@cache
def seeds() -> dict[str, list[bytes]]:
    """Return the examples of every target."""
    modules = (netcode_targets, match_targets, ops_targets, replay_targets, session_targets)
    return {name: examples for module in modules for name, examples in module.seeds().items()}


def shape_of(name: str) -> Shape:
    """Return what the inputs of a target are made of."""
    return {**match_targets.SHAPES, **replay_targets.SHAPES, **session_targets.SHAPES}.get(name, Shape.BYTES)


def shares(inputs: int, among: Collection[str] = TARGETS) -> dict[str, int]:
    """Return how many of `inputs` for all targets those `among` them get: slow ones fewer, but never a handful."""
    weights = {name: 1.0 / COST.get(name, 1) for name in TARGETS}
    whole = sum(weights.values())
    least = max(1, round(inputs * LEAST_SHARE))
    slow = {name for name, weight in weights.items() if inputs * weight / whole < least}
    left = (inputs - least * len(slow)) / (sum(weights.values()) - sum(weights[name] for name in slow) or 1.0)
    return {name: least if name in slow else max(1, round(left * weights[name])) for name in TARGETS if name in among}


def attempt(name: str, data: bytes) -> Outcome:
    """Give a target an input. Raises AssertionError that says how to repeat what broke it."""
    try:
        return TARGETS[name](data)
    except BaseException as error:
        again = f"from plain import TARGETS; TARGETS[{name!r}](bytes.fromhex({data.hex()!r}))"
        raise AssertionError(f"{type(error).__name__}: {error}\nagain: {again}") from error


def run(name: str, inputs: int, seed: int) -> Counter[str]:
    """Give the target `name` its examples and then `inputs`; return what became of them. Raises as `attempt` does."""
    examples, shape, chance = seeds()[name], shape_of(name), random.Random(f"{name} {seed}")
    tally: Counter[str] = Counter()
    for example in examples:
        count(tally, attempt(name, example))
    for _ in range(inputs):
        count(tally, attempt(name, damaged(examples, chance, shape)))
    return tally


def run_all(names: Iterable[str], inputs: int, seed: int) -> dict[str, Counter[str]]:
    """Run the targets `names` with their shares of `inputs`, printing a table; return their outcomes."""
    print(HEAD)
    found = {}
    for name, share in shares(inputs, tuple(names)).items():
        begin = time.perf_counter()
        found[name] = run(name, share, seed)
        print(row(name, share, time.perf_counter() - begin, found[name]), flush=True)
    return found


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="Seeded random inputs for every parser.")
    parser.add_argument("--inputs", type=int, default=1_000_000, metavar="N", help="for all targets (default 1000000)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another seed, other inputs (default 1)")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; default: all")
    options = parser.parse_args()
    unknown = [name for name in options.targets if name not in TARGETS]
    if unknown:
        parser.error(f"no target {', '.join(unknown)}: there are {', '.join(TARGETS)}")
    run_all(options.targets or TARGETS, options.inputs, options.seed)


if __name__ == "__main__":
    main()
