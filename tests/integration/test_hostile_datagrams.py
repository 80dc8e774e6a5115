"""What strangers send changes nothing: damaged, cut, repeated and misdirected datagrams, at every end of a match.

The same match is played twice, once with an attacker who hears everything and puts half a dozen datagrams around each,
from right and wrong addresses. The bytes everybody sends, the server's world and what every client holds must be equal
to the last bit, and each hostile datagram must have been counted.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
import pytest

from engine.address import Address
from engine.client.session import Phase
from engine.lab.match import PlayerSpec, VirtualMatch
from engine.transport.impairment import load_profile
from game.rules import Arena

PLAYERS = 3
SECONDS = 4.0
BEGIN = 1.0
"""Seconds until the attack: everybody is in. What strangers can do to those who come in, netcode's tests say."""
ELSEWHERE: Address = ("192.0.2.66", 50000)


class Attacker:
    """Hears what sessions are given and, once active, gives them more. The match's own chance is not touched."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.heard: list[tuple[bytes, Address]] = []
        self.injected: dict[str, int] = {}
        self.active = False

    def tap(self, name: str, session: Any) -> None:
        """Stand before `session.receive`."""
        genuine = session.receive
        self.injected[name] = 0

        def receive(datagrams: Any, now: float) -> None:
            given = list(datagrams)
            genuine([each for datagram in given for each in self._around(name, *datagram)], now)
            self.heard += given

        session.receive = receive

    def _around(self, name: str, payload: bytes, source: Address) -> list[tuple[bytes, Address]]:
        if not self.active:
            return [(payload, source)]
        before = [
            (self._flipped(payload), source),
            (payload[: self.random.integers(len(payload))], source),
            (payload, ELSEWHERE),
            (self.random.bytes(int(self.random.integers(0, 1300))), source),
        ]
        # Whatever was heard anywhere: old packets of this session, others', requests, the other direction's.
        old = self.heard[int(self.random.integers(len(self.heard)))][0]
        after = [(payload, source), (old, source), (old, ELSEWHERE), (self._flipped(old), ELSEWHERE)]
        self.injected[name] += len(before) + len(after)
        return [*before, (payload, source), *after]

    def _flipped(self, payload: bytes) -> bytes:
        flipped = bytearray(payload)
        for at in self.random.choice(len(payload), size=int(self.random.integers(1, 4)), replace=False):
            flipped[at] ^= int(self.random.integers(1, 256))
        return bytes(flipped)


class Outcome:
    """Everything there is to compare of a match."""

    def __init__(self, match: VirtualMatch) -> None:
        self.sent = match.network.digest()
        self.world = match.server.world.digest()
        self.clients = []
        for player in match.players:
            session = player.session
            assert session.phase is Phase.PLAYING, session.reason
            rows = [each for history in session.histories.values() for each in history.held()]
            held = [digest(each.state, each.status, each.generation) for each in rows]
            self.clients.append((held, dict(session.names), session.own_row, session.figures(match.now)))
        self.drops = {"server": sum(match.server.all_drops().values())}
        self.drops |= {player.spec.name: sum(player.session.all_drops().values()) for player in match.players}


def digest(*arrays: np.ndarray) -> str:
    summary = blake2b(digest_size=16)
    for array in arrays:
        summary.update(np.ascontiguousarray(array))
    return summary.hexdigest()


def play(link: str, attacker: Attacker, *, attacked: bool) -> Outcome:
    specs = [PlayerSpec(f"player {number}", load_profile(link)) for number in range(PLAYERS)]
    match = VirtualMatch(Arena.factory, specs, seed=11, bots=1, settings={"max_players": PLAYERS + 1})
    attacker.tap("server", match.server)
    match.run(BEGIN / 2)
    for player in match.players:
        attacker.tap(player.spec.name, player.session)
    match.run(BEGIN / 2)
    attacker.active = attacked
    match.run(SECONDS - BEGIN)
    return Outcome(match)


@pytest.mark.parametrize("link", ["rtt100", "loss5"])
def test_nothing_that_strangers_send_changes_anything(link: str) -> None:
    attacker = Attacker(seed=3)
    attacked = play(link, attacker, attacked=True)
    calm = play(link, Attacker(seed=3), attacked=False)
    assert attacked.sent == calm.sent
    assert attacked.world == calm.world
    assert attacked.clients == calm.clients
    assert min(attacker.injected.values()) > 400
    for name, injected in attacker.injected.items():
        assert attacked.drops[name] - calm.drops[name] == injected, name
