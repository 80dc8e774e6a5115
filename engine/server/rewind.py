"""Lag compensation: the world as a shooter saw it, rebuilt from the published history, and a verdict for every shot.

A shot's input carries the view it was aimed in (`world.picture.View`). The server believes it only as far as it can
check: the snapshots named must be ones this peer acknowledged, the time must lie between them, and the age is clamped
to the rewind limit. Then `sample`, the function the client drew with, gives the same picture bit for bit, because both
sides hold the same published integers. A shooter without a view (a bot of the server) sees the present.

    reason        trigger
    unseen        a snapshot named was never acknowledged, or is no longer held: judged in the present
    implausible   the view time lies outside its snapshots or in the future: judged in the present
    behind, swing older than the peer can have seen, or far from its last shot's age: judged at that bound
                  (`plausibility`)
    clamped       older than the rewind limit: judged at the limit
    moved         judged as claimed, but after what the shooter had heard of when it drew, an input of its own was
                  missing or something pushed it: it may stand elsewhere than its client drew it
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.config import MatchConfig
from engine.game import Verdict
from engine.server.inputs import InputRing
from engine.server.plausibility import Plausibility
from engine.server.views import ViewTable
from engine.world.coasting import CoastingGame, coasting
from engine.world.history import History
from engine.world.picture import VIEW_UNITS, Picture, View, present, sample
from engine.world.schema import Kind
from engine.world.table import World

VERDICTS_KEPT = 1024
"""Verdicts remembered for the overlay and the log: minutes of a lively match."""


@dataclass(slots=True)
class ShotTotals:
    """Shots judged since the start."""

    shots: int = 0
    hits: int = 0
    clamped: int = 0


class Rewinder:
    """The `engine.game.Rewind` of the server. `peer_of_row` maps player rows to peer slots (absent: a bot).

    game: who says where rows without news can go; None: nobody.
    """

    def __init__(
        self,
        config: MatchConfig,
        world: World,
        histories: dict[str, History],
        views: ViewTable,
        inputs: InputRing,
        peer_of_row: dict[int, int],
        lag_compensation: bool = True,
        deviation: Callable[[int], float] | None = None,
        player: Kind | None = None,
        game: CoastingGame | None = None,
    ) -> None:
        self._config = config
        self._world = world
        self._histories = histories
        self._views = views
        self._inputs = inputs
        self._peer_of_row = peer_of_row
        self._lag_compensation = lag_compensation
        self._deviation = deviation
        self._player = player
        self._game = game
        self.plausibility = Plausibility(config)
        self._judged: list[tuple[Verdict, View | None]] = []
        self._claims: dict[int, tuple[View | None, float, float, str]] = {}
        self.totals = ShotTotals()
        self.verdicts: deque[tuple[Verdict, View | None]] = deque(maxlen=VERDICTS_KEPT)
        """The latest verdicts with the view each was judged in (None: the present), oldest first."""

    def picture(self, shooter: int) -> Picture:
        tick = self._world.tick
        peer = self._peer_of_row.get(shooter)
        claim = None if peer is None else self._inputs.view(peer, tick)
        if peer is None or claim is None or not self._lag_compensation:
            self._claims[shooter] = (None, 0.0, 0.0, "")
            return present(self._world)
        view, reason = self._check(peer, claim)
        claimed_age = tick - claim.time / VIEW_UNITS
        picture = None if view is None else self._rebuild(peer, view, check_rows=not reason)
        if view is None or picture is None:
            self._claims[shooter] = (None, claimed_age, 0.0, reason or "unseen")
            return present(self._world)
        if not reason and self._moved(peer, shooter, claim):
            reason = "moved"
        self._claims[shooter] = (view, claimed_age, tick - view.time / VIEW_UNITS, reason)
        return picture

    def judge(self, shooter: int, hit: int | None, reason: str) -> None:
        view, claimed_age, allowed_age, doubt = self._claims.pop(shooter, (None, 0.0, 0.0, ""))
        verdict = Verdict(
            tick=self._world.tick,
            shooter=shooter,
            hit=hit,
            reason=f"{reason}, {doubt}" if doubt else reason,
            claimed_age=claimed_age,
            allowed_age=allowed_age,
            clamped=doubt == "clamped",
        )
        self.totals.shots += 1
        self.totals.hits += hit is not None
        self.totals.clamped += verdict.clamped
        self.verdicts.append((verdict, view))
        self._judged.append((verdict, view))

    def drain(self) -> list[tuple[Verdict, View | None]]:
        """Return the verdicts since the last call."""
        judged, self._judged = self._judged, []
        return judged

    def _check(self, peer: int, claim: View) -> tuple[View | None, str]:
        """Return the view to judge by (None: the present), and why it is not the claim ("" if it is)."""
        tick, every = self._world.tick, self._config.snapshot_every
        for named in (claim.tick_a, claim.tick_b):
            if named is not None and not self._views.has_acked(peer, named):
                return None, "unseen"
        newest = claim.tick_b * VIEW_UNITS if claim.tick_b is not None else tick * VIEW_UNITS
        if not claim.tick_a * VIEW_UNITS <= claim.time <= newest:
            return None, "implausible"
        age = tick - claim.time / VIEW_UNITS
        deviation = self._deviation(peer) if self._deviation else 0.0
        allowed, doubt = self.plausibility.allowed(peer, tick, age, int(self._views.baseline[peer]), deviation)
        limit = self._config.rewind_limit * self._config.tick_hz
        if allowed > limit:
            allowed, doubt = limit, "clamped"
        if not doubt:
            return claim, ""
        time = round((tick - allowed) * VIEW_UNITS)
        tick_a = time // VIEW_UNITS // every * every
        published = next(iter(self._histories.values())).newest
        return View(min(tick_a, published), tick_a + every if tick_a + every <= published else None, time), doubt

    def _moved(self, peer: int, shooter: int, claim: View) -> bool:
        """Tell whether something befell the shooter after the newest snapshot that its claim shows it had."""
        heard = claim.tick_a if claim.tick_b is None else claim.tick_b
        if int(self._inputs.missed_at[peer]) > heard:
            return True
        kind = self._player
        if kind is None or kind.shove is None or kind.index[kind.shove] >= kind.public_count:
            return False
        at, history = kind.index[kind.shove], self._histories[kind.name]
        slot = history.slot(heard)
        return slot is not None and bool(history.state[slot, at, shooter] != self._world[kind.name].state[at, shooter])

    def _rebuild(self, peer: int, view: View, check_rows: bool) -> Picture | None:
        """Return the picture of `view`, without the rows the peer did not hold; None when the history is too short."""
        picture = Picture(view)
        depth, every = self._config.history_snapshots, self._config.snapshot_every
        slot_a = (view.tick_a // every) % depth
        slot_b = None if view.tick_b is None else (view.tick_b // every) % depth
        max_ticks = self._config.max_extrapolation * self._config.tick_hz

        def status_a(name: str) -> np.ndarray:
            status: np.ndarray = self._views.status[name][peer, slot_a]
            return status

        for name, history in self._histories.items():
            held = None
            if check_rows:
                held = status_a(name), None if slot_b is None else self._views.status[name][peer, slot_b]
            as_held = status_a if check_rows else None
            coast = coasting(self._game, history.kind, self._histories, view.tick_a, as_held)
            seen = sample(history.kind, history, view, max_ticks, held, coast)
            if seen is None:
                return None
            picture.kinds[name] = seen
        return picture
