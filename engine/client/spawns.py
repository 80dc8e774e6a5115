"""Rows that one's own inputs make, a rocket for one: seen at once, then adopted by the server's row, or withdrawn.

How one is drawn is `flight.py`; this is what becomes of it:

    predicted --- a snapshot has a row of the same key -----------> adopted --- a snapshot has it no more ---> ended
        |-------- one of its tick or later has none, but all the player did is as predicted: it is spent ----> ended
        |-------- the same, and not as predicted; or a correction undid it ---> orphan ---> fades
                                     orphan: another shot within `SLIP` that is new takes over from where it was drawn
    unforeseen: a snapshot has a row that was not predicted, and no picture yet ------> adopted

An ended row is drawn up to the snapshot that lacks it, and goes when the view is there, as the others' do. The key is
the game's (`engine.game.SpawnKey`), and so is the row: the same code makes it on both sides, so where the shooter was
predicted well it is the server's bit for bit, and nothing moves when it is adopted.

What it does not do: predict whom such a row hits. That is the server's to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

import numpy as np

from engine.client.flight import FADE, Flight, FlightKind, put
from engine.game import SpawningGame
from engine.world.dead_reckoning import expected
from engine.world.history import History, Received
from engine.world.picture import VIEW_UNITS, Picture
from engine.world.schema import Kind
from engine.world.table import Rows

SLIP = 16
"""Ticks within which a shot that was not, and one that was, are the same shot: its input was missing, and the trigger
still held when the next one came."""
PATIENCE = 2.0
"""Seconds to wait for a snapshot of the input's tick or later; longer than any playable round trip."""
MOST = 64
"""Rows of one's own in the air; beyond, the oldest are drawn like anybody's."""


@dataclass(slots=True)
class SpawnFigures:
    """Counts since the start. predicted: rows made here; what became of those whose fate is known:

    adopted: the server had them. spent: they had met something before the first snapshot. withdrawn: they never were.
    unforeseen: rows not among them that the server made of an input: the first shot after a respawn that was news.
    moved: how often one was elsewhere than it was drawn.
    """

    predicted: int = 0
    adopted: int = 0
    spent: int = 0
    withdrawn: int = 0
    unforeseen: int = 0
    moved: int = 0


class Spawns:
    """One player's rows in the air; see the module. row: the player's. histories: the snapshots received, by kind."""

    def __init__(
        self, game: SpawningGame, kinds: tuple[Kind, ...], row: int, histories: Mapping[str, History | Received]
    ) -> None:
        self._game = game
        self._row = row
        named = {kind.name: kind for kind in kinds}
        self._kinds = {
            name: FlightKind(named[name], histories[name], key.owner, key.tick, key.ordinal)
            for name, key in game.spawn_keys.items()
        }
        self._player: Rows | None = None
        self._view = inf  # the time of the picture before: nothing is new to none
        self._shots: list[Flight] = []
        self._made = 0
        self.figures = SpawnFigures()

    def __len__(self) -> int:
        """Rows that are followed."""
        return len(self._shots)

    def clear(self) -> None:
        """Forget all: from now on they are drawn like anybody's."""
        self._shots.clear()
        self._player = None

    # What the prediction says ----------------------------------------------------------------------------------------

    def predicted(self, tick: int, before: Rows, after: Rows, inputs: Rows) -> None:
        """The own row was predicted, or predicted again, from `before` to `after` through `tick` by `inputs`."""
        self._player = after
        made = self._game.spawns(self._row, before, after, inputs, tick)
        if not made and not self._shots:
            return
        undone = {(shot.how.kind.name, shot.key): shot for shot in self._shots if shot.tick == tick}
        for spawn in made:
            how = self._kinds[spawn.kind]
            key = tuple(spawn.state[how.key].tolist())
            shot = undone.pop((spawn.kind, key), None)
            if shot is None:
                free_until = self._free_until(how, spawn.state, tick)
                self._shots.append(Flight(how, self._made, tick, key, spawn.state, tick, free_until))
                self._made += 1
                self.figures.predicted += 1
            elif shot.row is None and shot.ended_at is None:  # else the server has spoken
                self.figures.withdrawn -= shot.fading is not None
                shot.orphan, shot.fading = False, None
                if (shot.state != spawn.state).any():
                    self.figures.moved += shot.become(spawn.state, tick, self._free_until(how, spawn.state, tick))
        for shot in undone.values():
            shot.orphan |= shot.pending
        del self._shots[:-MOST]

    def _free_until(self, how: FlightKind, state: np.ndarray, at: int) -> float:
        """Return when a row that has `state` at the end of tick `at` meets what stands still."""
        assert self._player is not None
        begin = expected(how.kind, state, -1)  # it may have met it in that very tick
        return at - 1 + self._game.free_ticks(how.kind.name, begin, self._player)

    # What the server says --------------------------------------------------------------------------------------------

    def told(self, tick: int, newest: bool, agreed: bool) -> None:
        """The snapshot of `tick` is in the histories, and reconciled.

        newest: none of a later tick had come before. agreed: all that the player did up to it was predicted well.
        """
        for how in self._kinds.values():
            shots = [shot for shot in self._shots if shot.how is how and shot.tick <= tick]
            slot = how.history.slot(tick)
            if slot is None or not (shots or newest):
                continue
            rows = how.history.rows(slot)
            mine = (rows.alive & (rows.state[how.owner] == self._row)).nonzero()[0].tolist()
            found = {tuple(rows.state[how.key, row].tolist()): row for row in mine}
            for shot in shots:
                row = found.pop(shot.key, None)
                if row is not None:
                    self._is_there(shot, tick, row, rows.state[:, row], int(rows.generation[row]))
                elif newest or shot.ended_at is not None:
                    self._is_gone(shot, tick, agreed)
            for shot in shots:
                key = self._slipped(shot, found) if found and shot.orphan else None
                if key is not None:
                    shot.tick += self._apart(shot, key)
                    shot.key = key
                    row = found.pop(key)
                    self._is_there(shot, tick, row, rows.state[:, row], int(rows.generation[row]))
            for key, row in found.items() if newest else ():
                self._is_new(how, tick, key, row, rows.state[:, row].copy(), int(rows.generation[row]))

    def _is_new(
        self, how: FlightKind, tick: int, key: tuple[int, ...], row: int, state: np.ndarray, generation: int
    ) -> None:
        """Follow a row that was not predicted, unless a picture may have shown it already."""
        made = tick - (tick - key[1]) % how.cycle
        followed = any(shot.key == key for shot in self._shots if shot.how is how)
        if self._player is None or followed or made <= self._view:
            return
        shot = Flight(how, self._made, made, key, state, tick, self._free_until(how, state, tick))
        shot.row, shot.generation, shot.alive_at = row, generation, tick
        self._shots.append(shot)
        self._made += 1
        self.figures.unforeseen += 1

    def _is_there(self, shot: Flight, tick: int, row: int, state: np.ndarray, generation: int) -> None:
        figures = self.figures
        if shot.row is None:
            figures.adopted += 1
            figures.withdrawn -= shot.fading is not None
            figures.spent -= shot.ended_at is not None
            shot.row, shot.generation = row, generation
        shot.orphan, shot.fading = False, None
        if tick <= shot.alive_at:
            return
        shot.alive_at = tick
        if shot.ended_at is not None and shot.ended_at <= tick:
            shot.ended_at = None  # it was only out of sight
        if (state != expected(shot.how.kind, shot.state, tick - shot.at)).any():
            figures.moved += shot.become(state.copy(), tick, self._free_until(shot.how, state, tick))

    def _is_gone(self, shot: Flight, tick: int, agreed: bool) -> None:
        if shot.ended_at is not None:
            if shot.alive_at < tick < shot.ended_at:
                shot.ended_at = tick
        elif shot.row is not None:
            if tick > shot.alive_at:
                shot.ended_at = tick
        elif agreed and shot.pending and not shot.orphan:
            shot.ended_at = tick
            self.figures.spent += 1
        else:
            shot.orphan = True

    def _slipped(self, shot: Flight, found: dict[tuple[int, ...], int]) -> tuple[int, ...] | None:
        """Return the key of the row that an orphan has become, of rows `found` that are no other shot's."""
        others = {other.key for other in self._shots if other.how is shot.how}
        near = [key for key in found if key not in others and abs(self._apart(shot, key)) <= SLIP]
        return min(near, key=lambda key: abs(self._apart(shot, key)), default=None)

    @staticmethod
    def _apart(shot: Flight, key: tuple[int, ...]) -> int:
        """Return by how many ticks a row of `key` was made later than a shot."""
        cycle = shot.how.cycle
        return (key[1] - shot.tick + cycle // 2) % cycle - cycle // 2

    # To the screen ---------------------------------------------------------------------------------------------------

    def draw(self, picture: Picture, predicted_tick: int, own_time: float, elapsed: float, tick_hz: float) -> None:
        """Put them into `picture`, `elapsed` seconds after the one before.

        predicted_tick: the newest tick predicted. own_time: the tick, with its fraction, that the own row is drawn at.
        """
        view = self._view = picture.view.time / VIEW_UNITS
        if not self._shots:
            return
        self._settle(predicted_tick, own_time - PATIENCE * tick_hz)
        self._shots = [shot for shot in self._shots if shot.moves_on(own_time, view, elapsed)]
        for how in self._kinds.values():
            shots = [shot for shot in self._shots if shot.how is how and shot.time is not None]
            if shots:
                put(picture, how.kind.name, shots)

    def _settle(self, predicted_tick: int, patience_from: float) -> None:
        """Decide what becomes of orphans: one that is drawn lives on in a shot that is new, or fades."""
        for shot in self._shots:
            if shot.pending and (shot.tick > predicted_tick or shot.tick < patience_from):
                shot.orphan = True
        for orphan in [shot for shot in self._shots if shot.orphan and shot.fading is None]:
            heirs = [
                shot
                for shot in self._shots
                if shot.how is orphan.how
                and shot.time is None
                and not shot.orphan
                and abs(shot.tick - orphan.tick) <= SLIP
            ]
            shown = orphan.shown()
            if shown is None or heirs:
                self._shots.remove(orphan)
                self.figures.predicted -= 1
            if shown is None:
                continue
            if heirs:
                heir = min(heirs, key=lambda shot: abs(shot.tick - orphan.tick))
                heir.number, heir.place = orphan.number, orphan.place
                heir.time, heir.begin, heir.pace = orphan.time, orphan.begin, orphan.pace
                self.figures.moved += heir.comes_from(shown)
            else:
                orphan.fading = FADE
                self.figures.withdrawn += 1
