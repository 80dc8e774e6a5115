"""Measurement against the truth: what a player's screen showed, beside what the server knows.

`PlayerTruth` watches one client session. While the match runs it only keeps references, a few microseconds a frame;
once or twice a virtual second it compares all since with the truth in a handful of array passes.

    corrections   snapshots that contradicted the prediction, without a shove from outside
    late          ticks the server ran without this player's input, of all ticks it expected one
    starved       remote rows drawn by dead reckoning for want of a snapshot, or because the budget left them out
    remote error  distance between a row as drawn and as it truly was at the view tick
    overshoot     how far past the point where it came to rest a row was drawn, greatest of each stop
    view age      how far behind the server's present the picture was, all delays together
    judder        by how much a row's movement changed from one frame to the next
    own delay     from an input to the frame that shows all it did
    projectiles   from an input to the frame that shows the row it made (`projectiles.py`), and what became of such rows

Rows that teleported between the picture and the truth are not compared: they are drawn where they were by design. What
it does not do: judge shots (`shots.py`), or know anything of a game beyond its schema.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from math import inf

import numpy as np

from engine.client.figures import ClientFigures
from engine.client.session import ClientSession, Phase
from engine.lab.distribution import Distribution
from engine.lab.projectiles import ProjectileWatch
from engine.lab.shots import Shot
from engine.lab.states import TrueStates
from engine.server.session import ServerSession
from engine.world.history import EXACT, STALE
from engine.world.picture import VIEW_UNITS, Picture, Seen

STOP_SECONDS = 0.5
"""How long after a stop a row may be drawn past it and still be counted to it: longer than any playable view age."""
FRAMES_INTERVAL = 0.95
"""Seconds of frames, or little more, that are compared at once: a second of them costs hardly more than a half."""
EXAMPLES_KEPT = 5
"""Mismatches described in words; one is a bug already."""


@dataclass(slots=True)
class Comparison:
    """What comparing a client's snapshots with the server's showed. mismatches: rows that differ from the published."""

    snapshots: int = 0
    rows: int = 0
    mismatches: int = 0
    own_mismatches: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sample:
    """A player's figures at one moment, for curves over time. Delays in ms, corrections and bytes since the start."""

    time: float
    rtt_ms: float
    interp_delay_ms: float
    lead_ticks: float
    corrections: int
    missing: int
    expected: int
    snapshot_bytes: int
    loss_in: float


@dataclass(slots=True)
class Totals:
    """Running counts at one moment; measures are differences of two."""

    time: float = 0.0
    corrections: int = 0
    shoved: int = 0
    missing: int = 0
    taken: int = 0
    down_bytes: int = 0
    up_bytes: int = 0
    snapshot_bytes: int = 0
    down_packets: int = 0
    up_packets: int = 0
    snapshots: int = 0
    projectiles_adopted: int = 0
    projectiles_spent: int = 0
    projectiles_withdrawn: int = 0


class PlayerTruth:
    """One player's measures; they begin `warmup` seconds after its first picture."""

    def __init__(self, session: ClientSession, server: ServerSession, states: TrueStates, warmup: float) -> None:
        self._session = session
        self._server = server
        self._states = states
        self._warmup = warmup
        self._frames: list[tuple[int, int, int, int, Seen, np.ndarray]] = []
        self._frames_at = -inf
        # Where rows have coasted to is asked of the histories, so it must be asked while they hold it.
        match = server.match
        self._frames_interval = min(FRAMES_INTERVAL, match.history_snapshots * match.snapshot_every / match.tick_hz / 4)
        self._taken: list[int] = []
        self._stale_rows: dict[int, int] = {}
        self._stops: dict[int, float] = {}
        self._stop_keep = round(2 * STOP_SECONDS * server.match.tick_hz)
        self.begins_at: float | None = None
        """When measuring begins; None before the first picture."""
        self.snapshots = Comparison()
        self.remote_error = Distribution()
        self.overshoot = Distribution()
        self.view_age_ms = Distribution()
        self.own_delay_ms = Distribution()
        self.judder = Distribution()
        self.own_judder = Distribution()
        self.interp_delay_ms = Distribution()
        self.rtt_ms = Distribution()
        self.lead_ticks = Distribution()
        self.snapshot_size = Distribution()
        self._projectiles = ProjectileWatch()
        self._delays = {"up": array("d"), "down": array("d")}
        self.frames = 0
        self.dry_frames = 0
        self.row_frames = 0
        self.starved_row_frames = 0
        self.untold = 0
        """Rows drawn across a teleport, which have no truth to be compared with."""
        self.shots: list[Shot] = []
        self.samples: list[Sample] = []
        self.largest_correction = 0.0
        self._sections = dict.fromkeys(server.snapshots.section_bytes, 0)
        self._sections_base = dict(self._sections)
        self._base: Totals | None = None
        self.totals = Totals()

    def arrives(self, way: str, sent_at: float, delay_ms: float) -> None:
        """A datagram sent "up" or "down" this player's line arrives: the truth about the line."""
        self._delays[way].extend((sent_at, delay_ms))

    def delays(self, way: str) -> np.ndarray:
        """Return when each datagram was sent and how many ms it took, `(n, 2)`; of what arrived, way "up" or "down"."""
        return np.array(self._delays[way]).reshape(-1, 2)

    # While it runs ---------------------------------------------------------------------------------------------------

    def drew(self, picture: Picture, now: float) -> None:
        """The client drew `picture` at `now`."""
        if self.begins_at is None:
            self.begins_at = now + self._warmup
        if self._session.game is None:
            return
        begun = now >= self.begins_at
        self._projectiles.drew(picture, now, self._session.game, self._session.own_row, begun)
        if not begun:
            return
        view = picture.view
        seen = picture.kinds[self._session.game.player.name]
        # Without interpolation every picture is the newest snapshot's: none of its rows is starved.
        bare = view.tick_b is None and self._session.switches.interpolation
        towards = -1 if bare else view.tick_b or 0
        # The predicted row is drawn on its way from the tick before to the newest: it has arrived a tick later.
        newest, own = self._session.own_ticks()
        own -= self._session.switches.prediction
        self._frames.append((view.time, towards, self._server.world.tick, newest - own, seen, seen.generation))

    def made(self, tick: int, now: float) -> None:
        """The client made its input of `tick` at `now`."""
        self._projectiles.made(tick, now)

    def took(self, tick: int) -> None:
        """The client read the snapshot of `tick`."""
        self._taken.append(tick)

    def _mismatch(self, tick: int, name: str, rows: np.ndarray) -> None:
        truth = self.snapshots
        truth.mismatches += len(rows)
        if len(rows) and len(truth.examples) < EXAMPLES_KEPT:
            truth.examples.append(f"tick {tick} {name} rows {rows.tolist()}")

    def shot(self, shot: Shot) -> None:
        """A shot of this player was judged."""
        if self.begins_at is not None and shot.tick >= self.begins_at * self._server.match.tick_hz:
            self.shots.append(shot)

    # Now and then ---------------------------------------------------------------------------------------------------

    def flush(self, now: float, down: tuple[int, int], up: tuple[int, int]) -> None:
        """Measure what happened since the last flush. down, up: packets and bytes (with headers) on the line so far."""
        session = self._session
        self._compare_snapshots()
        if now - self._frames_at >= self._frames_interval:
            self._frames_at = now
            self._measure_frames()
        if session.phase is not Phase.PLAYING or self.begins_at is None:
            return
        figures = session.figures(now)
        totals = self._count(now, figures, down, up)
        if totals is None:
            return
        if now < self.begins_at:
            self._base = self.totals = totals
            self._sections_base = dict(self._sections)
            return
        if self._base is None:
            self._base = self.totals = Totals(time=self.begins_at)
        snapshots = figures.snapshots - self.totals.snapshots
        if snapshots > 0:
            mean = (figures.snapshot_bytes - self.totals.snapshot_bytes) / snapshots
            self.snapshot_size.add(np.full(snapshots, mean))
        self.totals = totals
        self.largest_correction = figures.prediction.largest_error
        rtt = (figures.link.rtt or 0.0) * 1000.0
        delay = figures.interpolation_delay * 1000.0
        self.rtt_ms.add_one(rtt)
        self.interp_delay_ms.add_one(delay)
        self.lead_ticks.add_one(figures.lead_ticks)
        self.samples.append(
            Sample(
                time=now,
                rtt_ms=rtt,
                interp_delay_ms=delay,
                lead_ticks=figures.lead_ticks,
                corrections=totals.corrections,
                missing=totals.missing,
                expected=totals.missing + totals.taken,
                snapshot_bytes=figures.last_snapshot_bytes,
                loss_in=figures.link.loss_in,
            )
        )

    def _count(self, now: float, figures: ClientFigures, down: tuple[int, int], up: tuple[int, int]) -> Totals | None:
        row = self._session.own_row
        slot = None if row is None else self._server.peer_slot(row)
        if slot is None:
            return None
        self._sections = {name: int(told[slot]) for name, told in self._server.snapshots.section_bytes.items()}
        inputs = self._server.inputs
        return Totals(
            time=now,
            corrections=figures.prediction.corrections,
            shoved=figures.prediction.shoved,
            missing=int(inputs.missing_total[slot]),
            taken=int(inputs.taken_total[slot]),
            down_packets=down[0],
            down_bytes=down[1],
            up_packets=up[0],
            up_bytes=up[1],
            snapshot_bytes=figures.snapshot_bytes,
            snapshots=figures.snapshots,
            projectiles_adopted=figures.spawns.adopted,
            projectiles_spent=figures.spawns.spent,
            projectiles_withdrawn=figures.spawns.withdrawn,
        )

    def _compare_snapshots(self) -> None:
        """Compare the snapshots read since the last time, row by row, with what the server believes it told."""
        taken, self._taken = self._taken, []
        session, server = self._session, self._server
        own_row = session.own_row
        peer = None if own_row is None else server.peer_slot(own_row)
        if not taken or peer is None or own_row is None or session.game is None:
            return
        views = server.snapshots.views
        for name, published in server.snapshots.histories.items():
            seen = session.histories[name]
            # A ring of the same depth on both sides: a snapshot has the same slot in each.
            slots = np.array([slot for slot in map(seen.slot, taken) if slot is not None], np.intp)
            ticks = np.array(seen.tick)[slots]
            same = (published.tick[slots] == ticks) & (views.tick[peer, slots] == ticks)
            slots, ticks = slots[same], ticks[same]
            if not len(slots):
                continue
            rows = [seen.rows(slot) for slot in slots.tolist()]
            held, told = _stacked([each.status for each in rows]), views.status[name][peer, slots]
            exact = told == EXACT
            differ = (_stacked([each.state for each in rows]) != published.state[slots]).any(axis=1)
            differ |= _stacked([each.generation for each in rows]) != published.generation[slots]
            wrong = (held != told) | (exact & differ)
            self.snapshots.rows += int(np.count_nonzero(exact))
            if name == session.game.player.name:
                self.snapshots.snapshots += len(slots)
                for tick, count in zip(ticks.tolist(), (held == STALE).sum(axis=1).tolist(), strict=True):
                    self._note_stale(tick, count)
            for at in np.flatnonzero(wrong.any(axis=1)).tolist():
                self._mismatch(int(ticks[at]), name, np.flatnonzero(wrong[at]))
        for tick in taken:
            own, true_own = session.own_snapshot(tick), server.snapshots.own_state(tick, own_row)
            if own is not None and true_own is not None and not np.array_equal(own, true_own):
                self.snapshots.own_mismatches += 1

    def _note_stale(self, tick: int, count: int) -> None:
        if count:
            self._stale_rows[tick] = count
            while len(self._stale_rows) > 256:
                del self._stale_rows[next(iter(self._stale_rows))]

    def _measure_frames(self) -> None:
        """Compare the frames drawn since the last time with the truth, all at once."""
        if not self._frames:
            return
        frames, self._frames = self._frames, []
        times, towards, server_ticks, own_behind, seens, generations = zip(*frames, strict=True)
        states, own_row = self._states, self._session.own_row
        values = np.stack([seen.values for seen in seens], axis=1)  # (fields, frames, rows)
        alive = np.stack([seen.alive for seen in seens])
        shown = alive.copy()
        if own_row is not None:
            alive[:, own_row] = False
        dried = np.array(towards) < 0
        stale = np.array([self._stale_rows.get(tick, 0) for tick in towards])
        rows = alive.sum(axis=1)
        self.frames += len(frames)
        self.dry_frames += int(dried.sum())
        self.row_frames += int(rows.sum())
        self.starved_row_frames += int(np.where(dried, rows, np.minimum(stale, rows)).sum())
        time = np.array(times) / VIEW_UNITS
        hz = self._server.match.tick_hz
        self.view_age_ms.add((np.array(server_ticks) - time) * (1000.0 / hz))
        self.own_delay_ms.add(np.array(own_behind) * (1000.0 / hz))
        tick = np.floor(time).astype(np.int64)
        part = (time - tick)[:, None]
        slot, held = states.slots(tick)
        after, held_after = states.slots(tick + 1)
        teleport = None if states.teleport is None else values[states.teleport].astype(np.int64)
        tenant = states.tenants(np.stack(generations), teleport)
        known = alive & (held & held_after)[:, None] & states.alive[slot] & states.alive[after]
        same = known & (tenant == states.tenant[slot]) & (tenant == states.tenant[after])
        self.untold += int(np.count_nonzero(known & ~same))
        drawn = states.positions.of(values).transpose(1, 0, 2)  # (frames, dimensions, rows)
        place, place_after = states.place[slot], states.place[after]
        off = drawn - (place + (place_after - place) * part[:, None])
        self.remote_error.add(np.sqrt((off * off).sum(axis=1))[same])
        stopped = states.stopped_at[slot]
        rests = same & (stopped >= 0) & (tick[:, None] - stopped < STOP_SECONDS * hz)
        if rests.any():
            past = ((drawn - place) * states.heading[slot]).sum(axis=1)
            self._overshoots(rests, stopped, past)
        self._close_stops(int(tick.max()) - self._stop_keep)
        self._measure_judder(drawn, shown, tenant)

    def _measure_judder(self, drawn: np.ndarray, shown: np.ndarray, tenant: np.ndarray) -> None:
        """Take the second differences of what was drawn, `(frames, dimensions, rows)`, of rows without a break."""
        if len(drawn) < 3:
            return
        unbroken = shown[2:] & shown[1:-1] & shown[:-2] & (tenant[2:] == tenant[1:-1]) & (tenant[1:-1] == tenant[:-2])
        change = np.diff(drawn, n=2, axis=0)
        size = np.sqrt((change * change).sum(axis=1))
        own_row = self._session.own_row
        if own_row is not None:
            self.own_judder.add(size[unbroken[:, own_row], own_row])
            unbroken[:, own_row] = False
        self.judder.add(size[unbroken])

    def _overshoots(self, rests: np.ndarray, stopped: np.ndarray, past: np.ndarray) -> None:
        """Keep the greatest `past` of each stop: a row and the tick it stopped at."""
        rows = rests.shape[1]
        where = np.nonzero(rests)
        keys, place = np.unique(stopped[where] * rows + where[1], return_inverse=True)
        most = np.zeros(len(keys))
        np.maximum.at(most, place, past[where])
        for key, value in zip(keys.tolist(), most.tolist(), strict=True):
            self._stops[key] = max(self._stops.get(key, 0.0), value)

    def _close_stops(self, before_tick: int | None) -> None:
        """Count the stops older than `before_tick` (None: all)."""
        rows = self._states.alive.shape[1]
        done = [key for key in self._stops if before_tick is None or key // rows < before_tick]
        if done:
            self.overshoot.add(np.array([self._stops.pop(key) for key in done]))

    def close(self) -> None:
        """Measure what is left."""
        self._compare_snapshots()
        self._measure_frames()
        self._close_stops(None)

    # Afterwards ------------------------------------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """Virtual seconds measured."""
        return self.measured.time

    @property
    def mismatches(self) -> int:
        """Rows, the own one among them, that this player held and the server had not told so. Must be 0."""
        self._compare_snapshots()
        return self.snapshots.mismatches + self.snapshots.own_mismatches

    @property
    def projectile_delay_ms(self) -> Distribution:
        """From making an input to the first picture that shows the row it made."""
        return self._projectiles.drawn_after_ms

    @property
    def section_bytes(self) -> dict[str, int]:
        """Snapshot bytes sent to this player while measuring, by section."""
        return {name: count - self._sections_base[name] for name, count in self._sections.items()}

    @property
    def measured(self) -> Totals:
        """What was counted while measuring: the difference between its end and its beginning."""
        base = self._base or self.totals
        names = Totals.__dataclass_fields__
        return Totals(**{name: getattr(self.totals, name) - getattr(base, name) for name in names})


def _stacked(arrays: list[np.ndarray]) -> np.ndarray:
    """Return small arrays of one shape, at least one, along a new first axis: `np.stack` looks at each for too long."""
    joined: np.ndarray = np.concatenate(arrays)
    return joined.reshape(len(arrays), *arrays[0].shape)
