"""Playing a replay: a time that runs, stands or jumps, and at any time the picture and what has just happened.

It holds no clock: `advance` is told how much time has passed. Pictures are those of a live client (`world.picture`),
between the two snapshots around the view time; while time runs backwards or jumps, nothing happens on the way.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TypeVar

import numpy as np

from engine.errors import UsageError
from engine.game import GameEvent, Verdict
from engine.replay.present import Present, present_at, shown_name
from engine.replay.reader import Frame, Replay, Told, with_own
from engine.text import clean_line
from engine.wire.messages import MAX_CHAT, Happened, Judged, Said
from engine.world.coasting import CoastingGame, coasting
from engine.world.history import History
from engine.world.picture import VIEW_UNITS, Picture, Seen, Stretch, View, stretch_between

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)

_Message = TypeVar("_Message")


class Playback:
    """A replay as it is played. tick: where it is, in ticks. speed: match seconds a second. paused: it stands.

    game: the one that was played, if it has a say in where rows without news can go (`engine.world.coasting`).
    Raises UsageError where the replay can't be read.
    """

    def __init__(self, replay: Replay, game: CoastingGame | None = None) -> None:
        self.replay = replay
        self.paused = False
        self.speed = 1.0
        self._tick = float(replay.first_tick)
        match = replay.header.match
        self._hz = match.tick_hz
        self._game = game
        self._max_ticks = match.max_extrapolation * match.tick_hz
        self._longest = match.snapshot_every * (match.history_snapshots - 1)
        self._told = replay.messages()
        self._told_ticks = [each.tick for each in self._told]
        dated = sorted(
            (
                (each.message.tick, each)
                for each in self._told
                if isinstance(each.message, Happened | Judged) and each.message.tick >= 0
            ),
            key=lambda entry: entry[0],
        )
        self._latest: dict[type, list[Told]] = {}
        self._dated = [each for _, each in dated]
        self._dated_ticks = [tick for tick, _ in dated]
        self._passed = (self._tick, self._tick)
        self._between: tuple[int, int | None] = (-1, None)
        self._stretches: dict[str, Stretch] = {}
        self._around: tuple[Frame, Frame | None] | None = None

    # Where it is -----------------------------------------------------------------------------------------------------

    @property
    def tick(self) -> float:
        """The view time, in ticks."""
        return self._tick

    @property
    def seconds(self) -> float:
        """The view time, in seconds since the replay's beginning."""
        return (self._tick - self.replay.first_tick) / self._hz

    @property
    def at_end(self) -> bool:
        """Whether there is nothing after."""
        return self._tick >= self.replay.last_tick

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        before = self._tick
        if not self.paused:
            self._tick = min(before + seconds * self.speed * self._hz, float(self.replay.last_tick))
        self._passed = (before, self._tick)

    def seek(self, seconds: float) -> None:
        """Go to `seconds` after the beginning, or as near as there is."""
        tick = self.replay.first_tick + seconds * self._hz
        self._tick = min(max(tick, float(self.replay.first_tick)), float(self.replay.last_tick))
        self._passed = (self._tick, self._tick)

    def faster(self, steps: int) -> None:
        """Take the next of `SPEEDS`, `steps` on (negative: slower)."""
        nearest = min(range(len(SPEEDS)), key=lambda at: abs(SPEEDS[at] - self.speed))
        self.speed = SPEEDS[min(max(nearest + steps, 0), len(SPEEDS) - 1)]

    # What there is to see --------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """Return the picture now. An own row is in its place, and in `own` as at the snapshot before."""
        time = int(self._tick * VIEW_UNITS)
        first, after = self._frames(time // VIEW_UNITS)
        tick_b = after.tick if after is not None and after.tick - first.tick <= self._longest else None
        self._draw_between(first, after if tick_b is not None else None)
        picture = Picture(View(first.tick, tick_b, time))
        for name, stretch in self._stretches.items():
            picture.kinds[name] = stretch.at(time, self._max_ticks)
        return picture

    def picture_at(self, tick: float) -> Picture:
        """Return the picture at another time, as it was published; where it is stays as it is."""
        kept = self._tick, self._passed
        try:
            self._tick = min(max(tick, float(self.replay.first_tick)), float(self.replay.last_tick))
            return self.picture()
        finally:
            self._tick, self._passed = kept

    def own(self, picture: Picture) -> Seen | None:
        """Return the own row in `picture`, with what only its owner knew; None where there is none."""
        header = self.replay.header
        row, frame = header.own_row, self._around[0] if self._around else None
        if row is None or frame is None or frame.own is None:
            return None
        values = frame.own.astype(np.float64)[:, None]
        players = picture.kinds.get(header.player.name)
        if players is not None and players.alive[row]:
            values[: len(players.values), 0] = players.values[:, row]
        return Seen(header.player, values, np.ones(1, np.bool_), np.zeros(1, np.int32))

    def _frames(self, tick: int) -> tuple[Frame, Frame | None]:
        """Return the snapshots around `tick`, which is not before the first."""
        around = self._around
        if around is None or not around[0].tick <= tick or (around[1] is not None and around[1].tick <= tick):
            first = self.replay.frame_at(tick)
            around = self._around = first, self.replay.frame_after(max(tick, first.tick))
        return around

    def _draw_between(self, first: Frame, after: Frame | None) -> None:
        """Make ready the stretches from one snapshot towards another."""
        between = (first.tick, None if after is None else after.tick)
        if between == self._between:
            return
        header = self.replay.header
        self._stretches.clear()
        self._between = (-1, None)
        frames = [first] if after is None else [first, after]
        every = max(1, between[1] - between[0]) if between[1] is not None else 1
        told = [with_own(header, frame) for frame in frames]
        histories: dict[str, History] = {}
        for number, kind in enumerate(header.kinds):
            history = histories[kind.name] = History(kind, kind.public_count, len(frames), every)
            for frame, rows in zip(frames, told, strict=True):
                history.push(frame.tick, *rows[number])
        for kind in header.kinds:
            coast = coasting(self._game, kind, histories, first.tick)
            stretch = stretch_between(kind, histories[kind.name], *between, coast=coast)
            if stretch is None:
                raise UsageError(f"no picture between the ticks {between[0]} and {between[1]}")
            self._stretches[kind.name] = stretch
        self._between = between

    # What happened ---------------------------------------------------------------------------------------------------

    def events(self) -> list[GameEvent]:
        """Return the game's events since the time before the last `advance`, oldest first; none after a jump."""
        return [
            GameEvent(told.message.tick, told.message.code, told.message.args, told.to)
            for told in self._passed_by(self._dated, self._dated_ticks)
            if isinstance(told.message, Happened)
        ]

    def verdicts(self, ticks: float = 0.0) -> list[Verdict]:
        """Return the verdicts since the time before the last `advance`, or of the last `ticks`."""
        begin = self._tick - ticks if ticks else self._passed[0]
        found = self._dated[bisect_right(self._dated_ticks, begin) : bisect_right(self._dated_ticks, self._tick)]
        return [_verdict(told.message, told.to) for told in found if isinstance(told.message, Judged)]

    def said(self) -> list[Said]:
        """Return the chat since the time before the last `advance`, fit to be shown."""
        lines = [each.message for each in self._passed_by(self._told, self._told_ticks)]
        clean = [(said, clean_line(said.text, MAX_CHAT)) for said in lines if isinstance(said, Said)]
        return [Said(said.row, shown_name(said.name), text, said.team) for said, text in clean if text]

    def latest(self, kind: type[_Message]) -> _Message | None:
        """Return the last message of a type that everyone has been told by now; None when there was none yet.

        It is for what replaces what was told before, as a game's own figures of its players.
        """
        told = self._latest.get(kind)
        if told is None:
            told = [each for each in self._told if each.to is None and isinstance(each.message, kind)]
            self._latest[kind] = told
        number = bisect_right(told, self._tick, key=lambda each: each.tick)
        message = told[number - 1].message if number else None
        return message if isinstance(message, kind) else None

    def present(self) -> Present:
        """Return who is here now."""
        number = self.replay.chunk_at(int(self._tick))
        begin = bisect_left(self._told_ticks, self.replay.chunk(number).tick)
        since = self._told[begin : bisect_right(self._told_ticks, self._tick)]
        here = present_at(self.replay, number)
        for told in since:
            here.hear(told.message)
        return here

    def _passed_by(self, told: list[Told], ticks: list[int]) -> list[Told]:
        """Return what of `told`, at `ticks`, lies in the time that has just passed."""
        begin, end = self._passed
        return told[bisect_right(ticks, begin) : bisect_right(ticks, end)]


def _verdict(judged: Judged, shooter: int | None) -> Verdict:
    return Verdict(
        tick=judged.tick,
        shooter=-1 if shooter is None else shooter,
        hit=None if judged.hit < 0 else judged.hit,
        reason=clean_line(judged.reason, 60),
        claimed_age=judged.claimed_age / VIEW_UNITS,
        allowed_age=judged.allowed_age / VIEW_UNITS,
        clamped=judged.clamped,
    )
