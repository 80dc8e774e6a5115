"""Running a scenario in virtual time, and what comes out of it.

`run` is the lab in one call: a scenario in, a `Result` out, whose `to_json` is the contract scripts read. It can be
stopped (Ctrl-C): then the result covers what was run, and says that it is partial.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

from engine.clock import SystemClock
from engine.lab.match import VirtualMatch
from engine.lab.measures import all_measures, player_measures
from engine.lab.scenario import Scenario
from engine.lab.shots import TickRecord
from engine.lab.sync import SyncTest
from engine.lab.trace import TraceRecorder
from engine.replay.writer import ReplayWriter
from engine.world.table import World

STRETCH = 0.25
"""Virtual seconds between two looks at the progress."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is."""

    match: VirtualMatch
    seconds_wall: float
    seconds_planned: float

    @property
    def speed(self) -> float:
        """Virtual seconds per second."""
        return self.match.now / self.seconds_wall if self.seconds_wall > 0.0 else 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gave. `match` is the match at its end, for whoever wants to look further."""

    scenario: Scenario
    match: VirtualMatch
    seconds_wall: float
    partial: bool
    players: list[dict[str, Any]]
    all: dict[str, Any]
    sync: SyncTest | None = None
    trace: TraceRecorder | None = None
    replay: ReplayWriter | None = None

    @property
    def digest(self) -> str:
        """A hash of every datagram sent, with its time: equal digests, equal runs."""
        return self.match.network.digest()

    @property
    def speed(self) -> float:
        """Virtual seconds per second."""
        return self.match.now / self.seconds_wall if self.seconds_wall > 0.0 else 0.0

    def __getitem__(self, name: str) -> Any:
        """The figure `name` over all players; `result["remote_error_px"]["p99"]`."""
        return self.all[name]

    def player(self, name: str) -> dict[str, Any]:
        """Return the figures of the player called `name`. Raises KeyError."""
        return {each["name"]: each for each in self.players}[name]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values; `all` and each of `players` hold the keys of `measures.ABOUT`."""
        scenario, server = self.scenario, self.match.server
        return {
            "scenario": scenario.name,
            "game": scenario.game,
            "links": scenario.links,
            "seed": scenario.seed,
            "digest": self.digest,
            "partial": self.partial,
            "seconds_virtual": round(self.match.now, 6),
            "seconds_planned": scenario.seconds,
            "seconds_wall": round(self.seconds_wall, 3),
            "times_real_time": round(self.speed, 3),
            "warmup_seconds": scenario.warmup,
            "tick_hz": server.match.tick_hz,
            "snapshot_hz": server.match.snapshot_hz,
            "switches": {"client": asdict(scenario.client.switches), "server": asdict(scenario.server.switches)},
            "server": {
                "ticks": server.world.tick,
                "world_digest": server.world.digest(),
                "shots": server.rewinder.totals.shots,
                "hits": server.rewinder.totals.hits,
                "clamped": server.rewinder.totals.clamped,
                "dropped": dict(sorted(server.all_drops().items())),
            },
            "sync_test": None if self.sync is None else {"ticks": self.sync.ticks, "failure": self.sync.failure},
            "all": self.all,
            "players": self.players,
        }


def run(
    scenario: Scenario,
    progress: Callable[[Progress], None] | None = None,
    *,
    sync_distance: int | None = None,
    trace: bool = False,
    replay: BinaryIO | None = None,
) -> Result:
    """Run `scenario`, telling `progress` now and then. Raises UsageError before anything runs.

    sync_distance: every so many ticks, rewind as many and step them again (`sync.py`). trace: record (`trace.py`).
    replay: a file to write a replay to, as a server would.
    """
    watching: list[Callable[[TickRecord, World], None]] = []

    def watch(record: TickRecord, world: World) -> None:
        for each in watching:
            each(record, world)

    match = scenario.prepare(watch)
    sync = None if sync_distance is None else SyncTest(match.plain_game, sync_distance)
    recorder = TraceRecorder(match.plain_game) if trace else None
    watching += [each.tick for each in (sync, recorder) if each is not None]
    writer = None if replay is None else ReplayWriter(replay, "lab")
    if writer is not None:
        match.server.record(writer)
    clock = SystemClock()
    begin = clock.now()
    partial = False
    try:
        while match.now < scenario.seconds - 1e-9:
            match.run(min(STRETCH, scenario.seconds - match.now))
            if progress is not None:
                progress(Progress(match, clock.now() - begin, scenario.seconds))
    except KeyboardInterrupt:
        partial = True
    match.finish()
    if writer is not None:
        writer.close()
    wall = clock.now() - begin
    players = [player_measures(player, match) for player in match.players]
    return Result(scenario, match, wall, partial, players, all_measures(match.players, match), sync, recorder, writer)
