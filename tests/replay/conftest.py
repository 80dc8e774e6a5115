"""A short match of Arena in virtual time, recorded by its server and by one of its clients."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from engine.lab.match import PlayerSpec, VirtualMatch
from engine.replay.reader import Replay
from engine.replay.recording import HOLD_CLIENT
from engine.replay.writer import ReplayWriter
from engine.transport.impairment import load_profile
from engine.wire.recorder import Published
from game.rules import Arena

SECONDS = 4.0


class Watching(ReplayWriter):
    """A writer that keeps copies of what it was told, to compare with what is read back."""

    def __init__(self, file: io.BytesIO, source: str, hold: float) -> None:
        super().__init__(file, source, 1_700_000_000, hold)
        self.told: dict[int, tuple[list[Published], np.ndarray | None]] = {}
        self.played: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        self.messages: list[tuple[int, object, int | None]] = []

    def snapshot(self, tick: int, kinds: Sequence[Published], own: np.ndarray | None = None) -> None:
        copies = [(state.copy(), status.copy(), generation.copy()) for state, status, generation in kinds]
        self.told[tick] = copies, None if own is None else own.copy()
        super().snapshot(tick, kinds, own)

    def inputs(self, tick: int, rows: np.ndarray, state: np.ndarray, missing: np.ndarray) -> None:
        self.played[tick] = rows.copy(), state.copy(), missing.copy()
        super().inputs(tick, rows, state, missing)

    def message(self, tick: int, message: object, to: int | None = None) -> None:
        self.messages.append((tick, message, to))
        super().message(tick, message, to)


@dataclass
class Recorded:
    """A recorded match: the files, what the writers were told, and the digest of all datagrams."""

    server: Watching
    client: Watching
    server_file: bytes
    client_file: bytes
    datagrams: str
    unrecorded: str

    def replay(self, source: str = "server") -> Replay:
        return Replay(self.server_file if source == "server" else self.client_file, f"{source}.twr")


def play(record: bool) -> tuple[VirtualMatch, list[tuple[Watching, io.BytesIO]]]:
    """Play a match over bad lines, and record it if wanted: by the server, and by the first client."""
    link = load_profile("awful")
    specs = [PlayerSpec(f"P{number}", link) for number in range(3)]
    specs.append(PlayerSpec("guest", link, joins_at=1.5, leaves_at=2.5))
    match = VirtualMatch(Arena.factory, specs, settings={"max_players": 8}, seed=7, bots=1)
    match.run(0.01)
    writers: list[tuple[Watching, io.BytesIO]] = []
    if record:
        for source, hold in (("server", 0.0), ("client", HOLD_CLIENT)):
            file = io.BytesIO()
            writers.append((Watching(file, source, hold), file))
        match.server.record(writers[0][0])
        match.players[0].session.recorder = writers[1][0]
    match.run(1.0)
    match.players[1].session.say("hello there")
    match.run(SECONDS - 1.01)
    for writer, _ in writers:
        writer.close()
    return match, writers


@pytest.fixture(scope="session")
def recorded() -> Recorded:
    """The match, and the same one that nobody recorded."""
    match, ((server, server_file), (client, client_file)) = play(record=True)
    plain, _ = play(record=False)
    return Recorded(
        server,
        client,
        server_file.getvalue(),
        client_file.getvalue(),
        match.network.digest(),
        plain.network.digest(),
    )
