"""Paths that cannot carry all there is to say: snapshots give way, and nothing else; ordinary paths notice nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from bench.crowd import Crowd
from engine.client.session import Phase
from engine.config import ClientConfig, ServerConfig, Switches
from engine.game import GameEvent, Inputs, Rewind, Settings
from engine.lab.match import PlayerSpec, VirtualMatch
from engine.transport.impairment import LinkModel, Profile, load_profile
from engine.world.interest import Area
from engine.world.schema import Field, Kind
from engine.world.table import World
from game.rules import Arena

MOTE = Kind("mote", (Field("x", "uint16"), Field("y", "uint16"), Field("glow", "uint8")), capacity=130)
NARROW = LinkModel(delay=0.020, rate_bit_s=256_000, queue_bytes=8_000_000)  # four minutes of queue
HOME = Profile("narrow", up=LinkModel(delay=0.020), down=NARROW)


class Dust(Crowd):
    """Walkers in a cloud of motes that nobody can foresee: 1,100 bytes of snapshot, each time."""

    name = "dust"

    def __init__(self, players: int, tick_hz: int) -> None:
        super().__init__(players, tick_hz)
        self.kinds = (*self.kinds, MOTE)

    @classmethod
    def from_settings(cls, settings: Settings) -> Dust:
        return cls(int(settings.get("players", 4)), int(settings.get("tick_hz", 60)))

    def start(self, world: World) -> None:
        while world["mote"].spawn() is not None:
            pass

    def step(self, world: World, inputs: Inputs, rewind: Rewind) -> list[GameEvent]:
        super().step(world, inputs, rewind)
        random = np.random.default_rng(world.tick)
        motes = world["mote"]
        for name, most in (("x", 65536), ("y", 65536), ("glow", 256)):
            motes[name][:] = random.integers(0, most, MOTE.capacity)
        return []

    def interest(self, kind: Kind) -> Area | None:
        return None if kind.name == "mote" else super().interest(kind)


@dataclass(frozen=True, slots=True)
class Watched:
    """How old the newest snapshot was in each frame, in seconds; snapshots and missing inputs of that time."""

    age: np.ndarray
    snapshots_hz: float
    missing: int
    match: VirtualMatch


def watch(link: Profile, pacing: bool, settle: float, seconds: float) -> Watched:
    """Play a player behind `link` and one at home, with 60 snapshots a second (66 kB/s), and look after `settle` s."""
    switches = Switches(pacing=pacing)
    match = VirtualMatch(
        Dust.from_settings,
        [PlayerSpec("narrow", link), PlayerSpec("wide")],
        seed=3,
        snapshot_every=1,
        server=ServerConfig(switches=switches),
        client=ClientConfig(switches=switches),
    )
    match.run(settle)
    session = match.players[0].session
    before = session.figures(match.now)
    age = []
    for _ in range(round(seconds * 60)):
        match.run(1 / 60)
        assert session.snapshot is not None
        age.append((match.server.world.tick - session.snapshot.tick) / 60)
    after = session.figures(match.now)
    assert session.phase is Phase.PLAYING, session.reason
    return Watched(
        np.array(age),
        (after.snapshots - before.snapshots) / seconds,
        after.inputs_missing - before.inputs_missing,
        match,
    )


def test_a_deep_queue_stays_empty_and_only_snapshots_give_way(capsys: pytest.CaptureFixture[str]) -> None:
    free = watch(Profile("free", up=HOME.up, down=LinkModel(delay=0.020)), pacing=True, settle=2, seconds=1)
    unpaced = watch(HOME, pacing=False, settle=5, seconds=1)
    paced = watch(HOME, pacing=True, settle=5, seconds=10)
    with capsys.disabled():
        for name, seen in (("no bottleneck", free), ("256 kbit/s unpaced", unpaced), ("256 kbit/s paced", paced)):
            mean, p95, most = 1000 * seen.age.mean(), 1000 * np.quantile(seen.age, 0.95), 1000 * seen.age.max()
            print(f"\n{name:20} age of the newest snapshot {mean:5.0f} ms, p95 {p95:5.0f}, max {most:5.0f}; ", end="")
            print(f"{seen.snapshots_hz:4.1f} snapshots/s", end="")
    assert unpaced.age.min() > 1.0  # half of it waits: twice what the path carries
    # A snapshot takes 37 ms to cross it, and waits 17 to 67 ms for its turn.
    assert np.median(paced.age) < np.median(free.age) + 0.110
    assert np.quantile(paced.age, 0.95) < free.age.max() + 0.180
    assert paced.snapshots_hz > 15
    assert paced.missing == 0
    assert not paced.match.server.drops
    # The other player has a wide path, and is sent everything.
    other = paced.match.players[1].session.figures(paced.match.now)
    assert other.snapshots > 0.99 * 60 * 14


@pytest.mark.parametrize("link", ["wifi", "4g", "cable"])
def test_on_ordinary_paths_pacing_changes_nothing(link: str) -> None:
    def digest(pacing: bool) -> str:
        switches = Switches(pacing=pacing)
        specs = [PlayerSpec(f"player {number}", load_profile(link)) for number in range(2)]
        match = VirtualMatch(
            Arena.factory,
            specs,
            seed=11,
            server=ServerConfig(switches=switches),
            client=ClientConfig(switches=switches),
        )
        match.run(5.0)
        assert min(player.session.figures(match.now).snapshots for player in match.players) > 110
        return match.network.digest()

    assert digest(pacing=True) == digest(pacing=False)


@pytest.mark.parametrize("mtu_bytes", [1100, 700])
def test_a_path_with_a_small_mtu_is_served_with_smaller_packets(mtu_bytes: int) -> None:
    model = LinkModel(delay=0.020, mtu_bytes=mtu_bytes)
    match = VirtualMatch(Dust.from_settings, [PlayerSpec("tunnel", Profile("tunnel", down=model))], seed=4)
    match.run(5.0)
    session = match.players[0].session
    assert session.phase is Phase.PLAYING, session.reason
    before = session.figures(match.now).snapshots
    match.run(2.0)
    assert session.figures(match.now).snapshots >= before + 55
    assert session.figures(match.now).last_snapshot_bytes < mtu_bytes
