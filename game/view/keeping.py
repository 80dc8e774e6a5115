"""Keeping a match in a file while it is played: from its beginning, or from when somebody asks for it in its menu.

A client's folder of replays holds what it kept by itself, named by the time (`next_file`). Of those the newest
`FILES_KEPT` stay; a file of another name is nobody's but its owner's. It needs no pygame: `--headless` records too.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from engine.client.recording import record, told_at
from engine.client.session import ClientSession
from engine.clock import Clock
from engine.errors import UsageError
from engine.replay.recording import HOLD_CLIENT, Recording, numbered
from game.messages import MESSAGES

FILES_KEPT = 24
"""Matches in the folder: some evenings of them, 3 MB each for ten minutes of 16 players."""
_NAME = "arena-"
_OWN_NAMES = f"{_NAME}[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]-[0-9][0-9][0-9][0-9][0-9][0-9]*.twr"


class Files:
    """Where a client's matches go, a file each: `path`, path-2 and so on; without one into `folder`, by the time."""

    def __init__(self, folder: Path, path: Path | None, clock: Clock) -> None:
        self.folder = folder
        self._path = path
        self._clock = clock
        self._count = 0

    def next(self) -> Path:
        """Return the file for the next match. Raises UsageError where there can be none."""
        if self._path is None:
            return next_file(self.folder, self._clock.unix_time())
        self._count += 1
        return numbered(self._path, self._count)


class Keeper:
    """Keeps a match, while `on`, in files of `place`."""

    def __init__(self, place: Files, clock: Clock) -> None:
        self.kept: list[Path] = []
        """Files that hold something."""
        self._place = place
        self._clock = clock
        self._recording: Recording | None = None

    @property
    def on(self) -> bool:
        """Whether the match is being kept."""
        return self._recording is not None

    def start(self, session: ClientSession) -> None:
        """Keep what `session` learns from now on. Raises UsageError when there is no file to keep it in."""
        if self._recording is None:
            started = round(self._clock.unix_time())
            self._recording = Recording(self._place.next(), "client", started, HOLD_CLIENT, MESSAGES)
            record(session, self._recording.writer)

    def follow(self, session: ClientSession) -> None:
        """Go on with another session: the client lost its server and comes back."""
        session.recorder = None if self._recording is None else self._recording.writer

    def hear(self, session: ClientSession, message: object) -> None:
        """Take one of the game's own messages; what else comes, the session tells."""
        if self._recording is not None:
            self._recording.writer.message(told_at(session), message)

    def failure(self) -> str:
        """Return why nothing more is kept, the first time there is a reason; "" else."""
        return "" if self._recording is None else self._recording.failure()

    def stop(self, session: ClientSession) -> str:
        """Write what is left; return what there is to say of the file, "" where there was none."""
        recording, self._recording = self._recording, None
        if recording is None:
            return ""
        session.recorder = None
        said = recording.close()
        if recording.writer.bytes_written:
            self.kept.append(recording.path)
        return f"recorded {recording.path}: {said}"


def next_file(folder: Path, unix_time: float) -> Path:
    """Return a file for a match that begins now, in a folder that there then is, and room in it.

    Raises UsageError when there is no such folder, and none can be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"can't keep replays in {folder}: {error.strerror or error}") from error
    for old in sorted(folder.glob(_OWN_NAMES))[: -FILES_KEPT + 1]:
        with contextlib.suppress(OSError):
            old.unlink()
    stamp = str(np.datetime64(max(round(unix_time), 0), "s")).translate({ord("-"): None, ord(":"): None, ord("T"): "-"})
    path, number = folder / f"{_NAME}{stamp}.twr", 1
    while (free := numbered(path, number)).exists():
        number += 1
    return free
