"""What our commands do alike: errors in one line, how they are stopped, and the files they write.

    0   ended in good order: by itself, or because it was asked to
    2   could not do it, and one line on stderr says why

A command is asked to stop by Ctrl-C, SIGTERM, or its terminal being closed. While it starts, and may be waiting for
somebody else, that breaks off whatever it does. Its loop sets `Stop.patient` and looks at `Stop.asked`, so that it can
say good-bye; whoever asks a second time does not get a good-bye.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from engine.errors import NetError
from engine.text import printable

FAILED = 2
"""Exit code of a command that could not; argparse uses the same."""

_STOPPING = ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP")
"""Not every system has all: SIGBREAK is Windows' Ctrl-Break, SIGHUP a terminal of POSIX being closed."""


class Parser(argparse.ArgumentParser):
    """argparse's own, with errors of one line; the usage is what --help is for."""

    def error(self, message: str) -> NoReturn:
        self.exit(FAILED, f"{self.prog}: {message}; --help lists the options\n")


def count(text: str) -> int:
    """Read a whole number of 0 or more, for argparse."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def seconds(text: str) -> float:
    """Read a time in seconds above 0, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def writable(text: str) -> Path:
    """Read the path of a file to write, for argparse: what can't be written is told now, and not after the match."""
    path = Path(text)
    if path.is_dir():
        why = "it is a folder"
    elif not path.parent.is_dir():
        why = f"there is no folder {path.parent}"
    elif not os.access(path if path.exists() else path.parent, os.W_OK):
        why = "not permitted"
    else:
        return path
    raise argparse.ArgumentTypeError(f"can't write {path}: {why}")


def write_json(path: Path, figures: Mapping[str, Any]) -> None:
    """Write `figures` to `path`. Raises NetError when it can't."""
    try:
        path.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    except OSError as error:
        raise NetError(f"can't write {path}: {error.strerror or error}") from error


class Stop:
    """Whether this process was asked to stop. patient: it is looked at, so nothing needs to be broken off."""

    def __init__(self) -> None:
        self.asked = False
        self.patient = False

    def ask(self) -> None:
        """Ask to stop. Raises KeyboardInterrupt when nobody looks, or nobody looked since the last time."""
        again, self.asked = self.asked, True
        if again or not self.patient:
            raise KeyboardInterrupt


def run(name: str, body: Callable[[Stop], int]) -> int:
    """Run the command `name` and return its exit code; a NetError becomes its one line, whoever's words are in it."""
    stop = Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        stop.ask()

    before = {}
    for number in (getattr(signal, each) for each in _STOPPING if hasattr(signal, each)):
        # nohup ignores SIGHUP on our behalf: that is not ours to undo.
        if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, handle)
    try:
        return body(stop)
    except NetError as error:
        print(f"{name}: {printable(str(error))}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        # Whoever read our output has seen enough. What is left of it must not fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
