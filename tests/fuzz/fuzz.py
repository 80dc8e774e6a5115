"""Coverage-guided fuzzing of everything that reads what a stranger wrote (`*_targets.py` say what).

    python tests/fuzz/fuzz.py all -runs=1000000       every target; the runs are shared out among them
    python tests/fuzz/fuzz.py header body -runs=1000  some, with the shares that they would have of all
    python tests/fuzz/fuzz.py header [libFuzzer's options] [CORPUS]      one, until it is stopped
    python tests/fuzz/fuzz.py                         lists the targets

It begins with the examples of a target, besides those in the folder CORPUS, where it also leaves what it finds (with
several targets, in a folder there for each). Half of what it tries is libFuzzer's idea, half `damage`'s, which knows
msgpack. Each target runs in a child of this process, since a fuzzer ends its process; children share the imports and
the examples, and so start at once. An input that breaks a target, takes more than a minute or two gigabytes is kept
in out/ and ends the run. Needs atheris (the extra `fuzz`; made for Linux only): `plain.py` does without.
"""

from __future__ import annotations

import io
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import redirect_stderr
from pathlib import Path
from types import ModuleType
from typing import IO

RUNS = 1_000_000
"""Inputs of all targets together, where several run and nobody says how many."""
HERE = Path(__file__).resolve().parent
OUT = HERE.parents[1] / "out"
LIMITS = ("-timeout=60", "-rss_limit_mb=2048")
"""Unless others are given."""
LEAST_LIMIT = 1300
"""Bytes of an input: any datagram fits. Targets with longer examples get as much as these, and a little more."""


def main(arguments: list[str]) -> int:
    """Fuzz until `-runs` is reached or something breaks: 1 when it does, 2 when it cannot begin."""
    try:
        import atheris
    except ImportError:
        print("fuzz.py: needs atheris: pip install tickwire[fuzz] (Linux); or use plain.py", file=sys.stderr)
        return 2
    sys.path[:0] = [str(HERE), str(HERE.parents[1])]
    # Only the code under test counts as coverage: Python's own library would drown it.
    with redirect_stderr(io.StringIO()), atheris.instrument_imports(include=["engine"]):
        import plain
    from outcomes import HEAD, row

    names = [each for each in arguments if each in plain.TARGETS] if arguments[:1] != ["all"] else list(plain.TARGETS)
    options = [each for each in arguments if each.startswith("-")]
    folders = [Path(each) for each in arguments if each not in names and not each.startswith("-") and each != "all"]
    if not names or len(folders) > 1:
        print(f"fuzz.py: TARGETS are all, or of {', '.join(plain.TARGETS)}, then a folder", file=sys.stderr)
        return 2
    shares: dict[str, int] = {}
    if len(names) > 1:
        shares = plain.shares(_runs(options) or RUNS, names)
    OUT.mkdir(exist_ok=True)
    plain.seeds()
    print(HEAD, flush=True)
    for name in names:
        longest = max(LEAST_LIMIT, *(len(each) + 200 for each in plain.seeds()[name]))
        limits = [*LIMITS, f"-max_len={longest}", f"-artifact_prefix={OUT / name}-", *options]
        limits += [f"-runs={shares[name]}"] if shares else []
        corpus = [folder / name if shares else folder for folder in folders]
        begin = time.perf_counter()
        with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as heard:
            code = _in_a_child(atheris, plain, name, limits, corpus, said, heard if shares else None)
            said.seek(0)
            inputs, tally = json.loads((said.readlines() or ["[0, {}]"])[-1])
            print(row(name, inputs, time.perf_counter() - begin, Counter(tally)), flush=True)
            if code:
                heard.seek(0)
                print(f"{name} broke:\n{heard.read()}", file=sys.stderr)
                return 1
    return 0


def _runs(options: list[str]) -> int | None:
    """Return what the last `-runs=` asks for, or None."""
    asked = [int(each.partition("=")[2]) for each in options if each.startswith("-runs=")]
    return asked[-1] if asked else None


def _in_a_child(
    atheris: ModuleType,
    plain: ModuleType,
    name: str,
    options: list[str],
    folders: list[Path],
    said: IO[str],
    heard: IO[str] | None,
) -> int:
    """Fuzz one target in a child process; return how it ended. It writes what became of its inputs to `said`, one line
    at each power of two and at the last, and what libFuzzer tells to `heard`, or where this process does."""
    child = os.fork()
    if child:
        # Ctrl-C is the child's: it tells how far it got.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if heard is not None:
        os.dup2(heard.fileno(), 2)
    from damage import Shape, changed
    from outcomes import count

    limit = _runs(options)
    examples, shape, tally, inputs = plain.seeds()[name], plain.shape_of(name), Counter[str](), 0

    def attempt(data: bytes) -> None:
        nonlocal inputs
        count(tally, plain.attempt(name, data))
        inputs += 1
        if inputs & (inputs - 1) == 0 or inputs == limit:
            said.write(json.dumps([inputs, tally]) + "\n")
            said.flush()

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.5:
            return atheris.Mutate(data, most)
        return changed(data, examples[seed % len(examples)], chance.random, shape)[:most]

    with tempfile.TemporaryDirectory() as own:
        for number, example in enumerate(examples):
            Path(own, str(number)).write_bytes(example)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        # libFuzzer leaves what it finds in the first folder named: in the caller's, if there is one.
        mutator = {} if shape is Shape.BYTES else {"custom_mutator": mutate}
        atheris.Setup(["fuzz", *options, *map(str, folders), own], attempt, **mutator)
        atheris.Fuzz()
    os._exit(0)  # it never comes here


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
