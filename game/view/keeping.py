"""Keeping a match in a file while it is played: from its beginning, or from when somebody asks for it in its menu.

A client's folder of replays holds what it kept by itself, named by the time (`next_file`). Of those the newest
`FILES_KEPT` stay; a file of another name is nobody's but its owner's. It needs no pygame: `--headless` records too.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from engine.client.recording import record
from engine.client.session import ClientSession
from engine.clock import Clock
from engine.config import MatchConfig
from engine.errors import UsageError
from engine.game import Game
from engine.replay.recording import HOLD_CLIENT, Recording, numbered
from engine.replay.writer import ReplayWriter
from game.messages import MESSAGES

FILES_KEPT = 24
"""Matches in the folder: some evenings of them, 3 MB each for ten minutes of 16 players."""
MOST_WAITING = 64
"""What is noted and not yet written: half a second of a match, which is what a crash costs besides."""
MOST_WORK = 0.004
"""Seconds that a snapshot of 32 players takes at most; with less there is no time for one."""
_NAME = "arena-"
_OWN_NAMES = f"{_NAME}[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]-[0-9][0-9][0-9][0-9][0-9][0-9]*.twr"


class Later:
    """An `engine.wire.recorder.Recorder` that notes what it is told, and tells `writer` when there is time: a snapshot
    takes it a quarter of a frame. What waits is bounded: then the oldest is told at once.

    A client's arrays are not written into again, so they can wait.
    """

    def __init__(self, writer: ReplayWriter) -> None:
        self._writer = writer
        self._due: deque[Callable[[], None]] = deque()

    def begin(self, game: Game, match: MatchConfig, own_row: int | None, tick: int) -> None:
        """See `Recorder`."""
        self._note(partial(self._writer.begin, game, match, own_row, tick))

    def snapshot(
        self, tick: int, kinds: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], own: np.ndarray | None = None
    ) -> None:
        """See `Recorder`."""
        self._note(partial(self._writer.snapshot, tick, kinds, own))

    def inputs(self, tick: int, rows: np.ndarray, state: np.ndarray, missing: np.ndarray) -> None:
        """See `Recorder`."""
        self._note(partial(self._writer.inputs, tick, rows, state, missing))

    def message(self, tick: int, message: object, to: int | None = None) -> None:
        """See `Recorder`."""
        self._note(partial(self._writer.message, tick, message, to))

    def work(self, spare: Callable[[], bool]) -> None:
        """Tell what waits, as long as there is time to `spare`."""
        while self._due and spare():
            self._due.popleft()()

    def _note(self, telling: Callable[[], None]) -> None:
        self._due.append(telling)
        while len(self._due) > MOST_WAITING:
            self._due.popleft()()


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
        self._later: Later | None = None

    @property
    def on(self) -> bool:
        """Whether the match is being kept: not when it was begun, and can't be written on (`failure`)."""
        return self._recording is not None and not self._recording.writer.error

    def start(self, session: ClientSession) -> None:
        """Keep what `session` learns from now on. Raises UsageError when there is no file to keep it in."""
        if not self.on:
            self.stop(session)
            started = round(self._clock.unix_time())
            self._recording = Recording(self._place.next(), "client", started, HOLD_CLIENT, MESSAGES)
            self._later = Later(self._recording.writer)
            record(session, self._later)

    def follow(self, session: ClientSession) -> None:
        """Go on with another session: the client lost its server and comes back."""
        session.recorder = self._later

    def work(self, until: float) -> None:
        """Write, in the time there is before `until`."""
        if self._later is not None:
            self._later.work(lambda: self._clock.now() < until - MOST_WORK)

    def failure(self) -> str:
        """Return why nothing more is kept, the first time there is a reason; "" else."""
        return "" if self._recording is None else self._recording.failure()

    def stop(self, session: ClientSession) -> str:
        """Write what is left; return what there is to say of the file, "" where there was none."""
        recording, self._recording = self._recording, None
        later, self._later = self._later, None
        if recording is None or later is None:
            return ""
        later.work(lambda: True)
        session.recorder = None
        said = recording.close()
        if recording.writer.bytes_written:
            self.kept.append(recording.path)
        return f"recorded {recording.path}: {said}"


def next_file(folder: Path, unix_time: float) -> Path:
    """Return a file for a match that begins now, in a folder that there then is, and room in it.

    Raises UsageError when there is no such folder, and none can be made, or it can't be looked into.
    """
    stamp = str(np.datetime64(max(round(unix_time), 0), "s")).translate({ord("-"): None, ord(":"): None, ord("T"): "-"})
    path, number = folder / f"{_NAME}{stamp}.twr", 1
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in sorted(folder.glob(_OWN_NAMES))[: -FILES_KEPT + 1]:
            with contextlib.suppress(OSError):
                old.unlink()
        while (free := numbered(path, number)).exists():
            number += 1
    except OSError as error:
        raise UsageError(f"can't keep replays in {folder}: {error.strerror or error}") from error
    return free
