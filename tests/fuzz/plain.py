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
from collections.abc import Callable
from functools import cache
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2])]

import match_targets
import netcode_targets
import ops_targets

TARGETS: dict[str, Callable[[bytes], None]] = {
    **netcode_targets.TARGETS,
    **match_targets.TARGETS,
    **ops_targets.TARGETS,
}

SLOW = {
    "private_token": 4,
    "server": 20,
    "client": 10,
    "whole_request": 10,
    "server_session": 150,
    "client_session": 100,
}
"""Targets that play a whole handshake or match on each input, and for how many of a parser's inputs one takes time."""

MOST_BYTES = 4096
"""Of an input: fragments and sessions get a few packets."""
_HEADS = (
    "00 ff 7f 80 c0 c1 c2 c4 ca cb cc cd ce d3 d9 dc dd ffff 0080 ff7f ffffff7f 00000080"
    " cfffffffffffffffff d38000000000000000 cb7ff8000000000000"
)
_INTERESTING = tuple(map(bytes.fromhex, _HEADS.split()))
"""Bytes at which readers change their mind: ends of integers, msgpack's heads, a NaN."""


@cache
def seeds() -> dict[str, list[bytes]]:
    """Return the examples of every target."""
    return {**netcode_targets.seeds(), **match_targets.seeds(), **ops_targets.seeds()}


def damaged(examples: list[bytes], chance: random.Random) -> bytes:
    """Return an example with one to four things done to it; now and then nothing but chance."""
    if chance.random() < 0.02:
        return chance.randbytes(chance.randrange(64))
    data = bytearray(chance.choice(examples))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        at = chance.randrange(len(data) + 1)
        size = min(chance.choice((1, 1, 2, 4, 8, 30)), len(data) - at)
        match chance.randrange(9):
            case 0 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(data):
                data[at] = chance.randrange(256)
            case 2 if at < len(data):
                data[at] = (data[at] + chance.choice((-1, 1))) % 256
            case 3:
                piece = chance.choice(_INTERESTING)
                data[at : at + len(piece)] = piece
            case 4:
                data[at:at] = chance.choice(_INTERESTING)
            case 5:
                del data[at : at + size]
            case 6:
                data[at:at] = data[at : at + size]
            case 7:
                del data[at:]
            case _:
                other = chance.choice(examples)
                begin = chance.randrange(len(other) + 1)
                data[at:] = other[begin:]
    return bytes(data[:MOST_BYTES])


def run(name: str, count: int, seed: int) -> None:
    """Give the target `name` `count` inputs. Raises AssertionError naming the input that broke it."""
    target, examples, chance = TARGETS[name], seeds()[name], random.Random(f"{name} {seed}")
    for example in examples:
        _try(name, target, example)
    for _ in range(count):
        _try(name, target, damaged(examples, chance))


def shares(inputs: int) -> dict[str, int]:
    """Return how many of `inputs` each target gets: parsers alike, the slow ones as many as take as long."""
    weights = {name: 1.0 / SLOW.get(name, 1) for name in TARGETS}
    whole = sum(weights.values())
    return {name: max(1, round(inputs * weight / whole)) for name, weight in weights.items()}


def _try(name: str, target: Callable[[bytes], None], data: bytes) -> None:
    try:
        target(data)
    except BaseException as error:
        again = f"from plain import TARGETS; TARGETS[{name!r}](bytes.fromhex({data.hex()!r}))"
        raise AssertionError(f"{type(error).__name__}: {error}\nagain: {again}") from error


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="Seeded random inputs for every parser.")
    parser.add_argument("--inputs", type=int, default=1_000_000, metavar="N", help="in all (default 1000000)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another seed, other inputs (default 1)")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; default: all")
    options = parser.parse_args()
    for name, count in shares(options.inputs).items():
        if name in (options.targets or TARGETS):
            begin = time.perf_counter()
            run(name, count, options.seed)
            seconds = time.perf_counter() - begin
            print(f"{name:<16} {count:>8} inputs  {seconds:6.1f} s  {seconds / count * 1e6:7.0f} us each", flush=True)


if __name__ == "__main__":
    main()
