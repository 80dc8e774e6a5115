"""Coverage-guided fuzzing of everything that reads what a stranger wrote (`*_targets.py` say what).

    python tests/fuzz/fuzz.py TARGET [-runs=1000000] [libFuzzer's other options] [CORPUS]
    python tests/fuzz/fuzz.py all -runs=1000000       all of them, each in a process of its own; runs are in all
    python tests/fuzz/fuzz.py                         lists the targets

It begins with the examples of the target, besides those in the folder CORPUS, where it also leaves what it finds. Needs
atheris (the extra `fuzz`; it is not made for every Python, nor for Windows): `plain.py` does without.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 1_000_000
"""Inputs of all targets together, where nobody says how many."""
HERE = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    """Fuzz until `-runs` is reached or something breaks; 2 when it cannot begin."""
    try:
        import atheris
    except ImportError:
        print("fuzz.py: needs atheris: pip install tickwire[fuzz] (Linux and macOS); or use plain.py", file=sys.stderr)
        return 2
    sys.path[:0] = [str(HERE), str(HERE.parents[1])]
    # Only the code under test counts as coverage: Python's own library would drown it.
    with atheris.instrument_imports(include=["engine"]):
        import plain
    name = arguments[1] if len(arguments) > 1 else ""
    if name == "all":
        runs = [int(each.partition("=")[2]) for each in arguments if each.startswith("-runs=")]
        shares = plain.shares(runs[-1] if runs else RUNS)
        return max(_in_a_process(each, [*arguments[2:], f"-runs={count}"]) for each, count in shares.items())
    if name not in plain.TARGETS:
        print(f"fuzz.py: TARGET is all, or one of {', '.join(plain.TARGETS)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        for number, example in enumerate(plain.seeds()[name]):
            Path(folder, str(number)).write_bytes(example)
        # libFuzzer leaves what it finds in the first folder named: in the caller's, if there is one.
        given = [each for each in arguments[2:] if not each.startswith("-")]
        options = [each for each in arguments[2:] if each.startswith("-")]
        # What breaks a target is kept there: the input, in a file named by its hash.
        found = HERE.parents[1] / "out"
        found.mkdir(exist_ok=True)
        limit = [f"-artifact_prefix={found}/"]
        limit += [] if any(each.startswith("-max_len") for each in options) else [f"-max_len={plain.MOST_BYTES}"]
        atheris.Setup([arguments[0], *limit, *options, *given, folder], plain.TARGETS[name])
        atheris.Fuzz()
    return 0


def _in_a_process(name: str, arguments: list[str]) -> int:
    """Fuzz one target, since a fuzzer ends its process; say how it went in its last line or, if it broke, in all."""
    done = subprocess.run(
        [sys.executable, __file__, name, *arguments], capture_output=True, text=True, errors="replace", check=False
    )
    lines = done.stderr.strip().splitlines()
    print(f"{name:<16} {lines[-1] if lines and not done.returncode else done.stderr}", flush=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv))
