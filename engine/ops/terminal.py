"""Lines typed at a program that has no time to wait for them.

On POSIX the input is asked, without waiting, whether it has something, and read if so: no thread, two system calls. It
is never made non-blocking, since that flag belongs to the terminal and would strike everyone who writes to it. A
terminal is left alone while we run in its background: reading there would stop the whole process (SIGTTIN).

Windows can't be asked whether a pipe or console has a line, so there a thread waits in the read, where it holds no lock
and costs no tick anything, and leaves its lines to be picked up. It does not keep the process from ending.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections import deque
from typing import TextIO

MAX_LINE_BYTES = 4096
"""What is typed without an end of line beyond that is thrown away."""
MAX_LINES = 64
"""Lines that wait to be picked up, where a thread reads them."""


class LineReader:
    """Reads lines from `stream` (stdin if None; a program may have none). `lines` never waits."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._fileno = _fileno(stream or sys.stdin)
        self._rest = b""
        self._picked: deque[str] = deque(maxlen=MAX_LINES)
        if self._fileno is not None and sys.platform == "win32":
            threading.Thread(target=self._wait_for_lines, name="console", daemon=True).start()

    @property
    def is_terminal(self) -> bool:
        """Tell whether somebody may be typing there."""
        return self._fileno is not None and os.isatty(self._fileno)

    def lines(self) -> list[str]:
        """Return the lines that have come since the last call, without their ends."""
        if sys.platform != "win32":
            self._read_what_is_there()
        picked = list(self._picked)
        self._picked.clear()
        return picked

    def _read_what_is_there(self) -> None:
        if self._fileno is None:
            return
        try:
            if not select.select([self._fileno], [], [], 0)[0] or not _in_foreground(self._fileno):
                return
            data = os.read(self._fileno, MAX_LINE_BYTES)
        except (OSError, ValueError):  # it was closed, or its terminal is gone
            self._fileno = None
            return
        if not data:
            self._fileno = None
        self._take(data)

    def _wait_for_lines(self) -> None:
        """The thread where there must be one."""
        while self._fileno is not None:
            try:
                data = os.read(self._fileno, MAX_LINE_BYTES)
            except OSError:
                data = b""
            if not data:
                self._fileno = None
            self._take(data)

    def _take(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest if len(rest) <= MAX_LINE_BYTES else b""
        for line in lines:
            self._picked.append(line.decode("utf-8", "replace").rstrip("\r"))


def _fileno(stream: TextIO | None) -> int | None:
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError):  # not a file, or closed
        return None


def _in_foreground(fileno: int) -> bool:
    return not os.isatty(fileno) or os.tcgetpgrp(fileno) == os.getpgrp()
