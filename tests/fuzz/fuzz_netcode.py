"""Coverage-guided fuzzing of everything in netcode that reads bytes (`netcode_targets.py` says what).

    python tests/fuzz/fuzz_netcode.py [--target NAME] [-runs=1000000] [libFuzzer's other options] [CORPUS]

Without `--target` the first byte of an input picks one. Needs atheris, which is not among the project's dependencies.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    """Fuzz until `-runs` is reached or something breaks; 2 when it cannot begin."""
    try:
        import atheris
    except ImportError:
        print("fuzz_netcode: needs atheris (pip install atheris; Linux and macOS)", file=sys.stderr)
        return 2
    sys.path[:0] = [str(HERE), str(HERE.parents[1])]
    # Only the code under test counts as coverage: Python's own library would drown it.
    with atheris.instrument_imports(include=["engine.link.netcode"]):
        import netcode_targets
    target = netcode_targets.fuzz_any
    if "--target" in arguments:
        at = arguments.index("--target")
        name = arguments[at + 1] if at + 1 < len(arguments) else ""
        if name not in netcode_targets.TARGETS:
            print(f"fuzz_netcode: --target is one of {', '.join(netcode_targets.TARGETS)}", file=sys.stderr)
            return 2
        target = netcode_targets.TARGETS[name]
        arguments = arguments[:at] + arguments[at + 2 :]
    atheris.Setup(arguments, target)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
