"""The replays in a folder, and what is in each: when, on which maps, how long, who. For a list to choose from.

A folder may hold a hundred of them, and anything else: each call of `lines` reads one more file at most, so that the
list is there at once and fills while it is looked at. A file that changed is read again. What can't be watched is in
the list too, with the reason.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import UsageError
from engine.replay.present import present_at
from engine.replay.reader import Frame, Replay
from engine.text import printable
from engine.world.schema import schema_hash
from game.messages import MESSAGES
from game.rules import Arena

SUFFIX = ".twr"
MOST_FILES = 200
"""Listed; the newest."""
MOST_BYTES = 256 * 1024 * 1024
"""Of a file that is looked into for the list: hours of 64 players. It is read whole, and can be watched all the same
with --replay."""


@dataclass(frozen=True, slots=True)
class ReplayLine:
    """A file of the folder.

    when: Unix seconds at which it began, or was written. maps, people: by name, people the own player first. bots: how
    many. own: whose eyes it is seen with; "" everyone's. words: what is wrong, "" if nothing; watchable: there is
    something to see all the same. known: the file has been looked into.
    """

    path: Path
    when: float
    seconds: float = 0.0
    maps: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    bots: int = 0
    own: str = ""
    words: str = ""
    watchable: bool = False
    known: bool = False


class Recordings:
    """The folder; see the module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lines: list[ReplayLine] = []
        self._read: dict[tuple[Path, int, int], ReplayLine] = {}
        self._unread: list[tuple[Path, int, int]] = []

    def refresh(self) -> None:
        """Look into the folder anew. One that there is not has nothing in it."""
        found = []
        with contextlib.suppress(OSError):  # there is none, or it is not ours to read: nothing to choose from
            for path in self.folder.iterdir():
                with contextlib.suppress(OSError):  # it went away meanwhile
                    if path.suffix == SUFFIX and path.is_file():
                        told = path.stat()
                        found.append((path, told.st_mtime_ns, told.st_size))
        found.sort(key=lambda each: each[1], reverse=True)
        del found[MOST_FILES:]
        self._read = {each: self._read[each] for each in found if each in self._read}
        self._unread = [each for each in reversed(found) if each not in self._read]
        self._arrange()

    def lines(self) -> Sequence[ReplayLine]:
        """Return the replays, the newest first; look into one more file."""
        if self._unread:
            each = self._unread.pop()
            self._read[each] = look_into(*each)
            self._arrange()
        return self._lines

    def _arrange(self) -> None:
        unread = [ReplayLine(path, changed / 1e9) for path, changed, _ in self._unread]
        self._lines = sorted([*self._read.values(), *unread], key=lambda line: line.when, reverse=True)


def look_into(path: Path, changed: int, size: int) -> ReplayLine:
    """Return what is in a file, changed at so many nanoseconds of Unix time. Nothing in it raises."""
    when = changed / 1e9
    try:
        if size > MOST_BYTES:
            raise UsageError(f"too large for this list: {size // 2**20} MiB")
        replay = Replay.open(path)
        game = game_of(replay)
        header, last = replay.header, len(replay) - 1
        if 0 < header.started < 2**35:
            when = float(header.started)
        here = present_at(replay, last)
        own = here.names.get(-1 if header.own_row is None else header.own_row, "")
        people = [name for row, name in here.names.items() if row not in here.bots and row != header.own_row]
        ends = [_map_in(replay.frame_at(tick), game, replay) for tick in (replay.first_tick, replay.last_tick)]
        return ReplayLine(
            path=path,
            when=when,
            seconds=replay.seconds,
            maps=tuple(dict.fromkeys(ends)),
            people=(*([own] if own else []), *people),
            bots=len(here.bots),
            own=own,
            words=printable(replay.damage),
            watchable=True,
            known=True,
        )
    except UsageError as error:
        words = printable(str(error).removeprefix(f"{path}: "))
        return ReplayLine(path, when, words=words, known=True)


def open_replay(path: Path) -> tuple[Replay, Arena]:
    """Return a replay to be watched, and its game. Raises UsageError when it can't be read, or is of another one."""
    replay = Replay.open(path, MESSAGES)
    return replay, game_of(replay)


def game_of(replay: Replay) -> Arena:
    """Return the game that was recorded. Raises UsageError when it is not this one."""
    header = replay.header
    if (header.game, header.game_version) != (Arena.name, Arena.version):
        recorded, ours = f"{header.game} {header.game_version}", f"{Arena.name} {Arena.version}"
        raise UsageError(f"that is a replay of {recorded}, and this plays {ours}")
    game = Arena.from_settings(header.settings)
    # Its kinds are what its frames are read by: a header may say one schema and have another.
    theirs = (header.schema, schema_hash(header.kinds), header.player.name)
    if theirs != (schema_hash(game.kinds), schema_hash(game.kinds), game.player.name):
        raise UsageError("that is a replay of another build of this game: its schema differs")
    return game


def _map_in(frame: Frame, game: Arena, replay: Replay) -> str:
    """Return the name of the map that is played in `frame`."""
    for kind, (state, status, _) in zip(replay.header.kinds, frame.kinds, strict=True):
        if kind.name == "match" and status[0]:
            number = int(state[kind.index["arena"], 0])
            return game.maps[number % len(game.maps)].name
    return game.map.name
