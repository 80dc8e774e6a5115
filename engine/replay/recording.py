"""A replay's file while it is written: opened before the match, so that what can't be written is told then.

Writes go to the system's buffers, a few kilobytes a second, and are not waited for on the disk: a process that is
killed loses what it had not flushed, a machine that loses its power some seconds more.
"""

from __future__ import annotations

from pathlib import Path

from engine.errors import UsageError
from engine.replay.writer import ReplayWriter

HOLD_CLIENT = 0.25
"""Seconds a client's snapshots wait for those that they have overtaken: as long as a picture waits at most."""


class Recording:
    """The file `path`, and in `writer` what a session is to tell. Raises UsageError when it can't be written."""

    def __init__(
        self, path: Path, source: str, started: int = 0, hold: float = 0.0, messages: dict[int, type] | None = None
    ) -> None:
        self.path = path
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise UsageError(f"can't write {path}: {error.strerror or error}") from error
        self.writer = ReplayWriter(self._file, source, started, hold, messages)
        self._told = False

    def failure(self) -> str:
        """Return why nothing more is written, the first time there is a reason; "" else."""
        if self._told or not self.writer.error:
            return ""
        self._told = True
        return self.writer.error

    def close(self) -> str:
        """Write what is left and close the file; return what there is to say of it."""
        self.writer.close()
        try:
            self._file.close()
        except OSError as error:
            self.writer.error = self.writer.error or error.strerror or str(error)
        writer = self.writer
        if not writer.bytes_written:
            self.path.unlink(missing_ok=True)
            return "nothing: there was no match"
        said = f"{writer.snapshots} snapshots, {writer.bytes_written / 1000:.0f} kB, digest {writer.digest}"
        return f"{said}; ended early: {writer.error}" if writer.error else said


def numbered(path: Path, number: int) -> Path:
    """Return where the `number`th match of a client goes: `path` itself for the first, then path-2 and so on."""
    return path if number < 2 else path.with_name(f"{path.stem}-{number}{path.suffix}")
