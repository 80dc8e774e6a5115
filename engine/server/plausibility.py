"""How far a peer's word about what it saw is believed, beyond what it acknowledged.

An honest client draws a little behind the newest snapshot it holds, and both its clocks are steered, never set: so the
age of what it sees is bounded by what it acknowledged, and changes slowly. A client that lies picks the moment that
suits it. Two bounds take the choice away:

    behind   the view lies at most so far behind the newest snapshot the peer acknowledged: two snapshot intervals, the
             lateness a client's delay ever covers, and four deviations of the measured round trip time
    swing    from one shot to the next the age changes at most by what two steered clocks can do in that time

A view beyond them is moved to the bound, not thrown away: an honest player in a storm loses a few milliseconds, a liar
gets what it would have had by telling the truth.
"""

from __future__ import annotations

from engine.config import MatchConfig

LATENESS_TICKS = 9.0
"""Lateness beyond the usual that a client's interpolation delay covers at most (`engine.client.timeline`)."""
DEVIATIONS = 4.0
"""Round trip time deviations that the usual lateness itself may have: RFC 6298's factor."""
SWING_RATE = 0.25
"""Ticks of age per tick: two clocks steered by a tenth each, against each other, and a quarter of that to spare."""
SWING_TICKS = 2.0
"""Ticks of age that may always change: the lead is whole ticks, and a frame may show a view a tick late."""


class Plausibility:
    """Remembers the age of each peer's last shot. Ages and ticks are in ticks, fractions included."""

    def __init__(self, config: MatchConfig) -> None:
        self._hz = config.tick_hz
        self._every = config.snapshot_every
        self._last: dict[int, tuple[int, float]] = {}

    def reset(self, peer: int) -> None:
        """Forget a peer slot's shots: it has a new tenant."""
        self._last.pop(peer, None)

    def allowed(self, peer: int, tick: int, age: float, newest_acked: int, deviation: float) -> tuple[float, str]:
        """Return the age to judge a shot of `tick` by, and what was wrong with the claimed `age` ("" for nothing).

        newest_acked: the newest snapshot the peer acknowledged. deviation: of its round trip time, seconds.
        """
        doubt = ""
        behind = 2 * self._every + LATENESS_TICKS + DEVIATIONS * deviation * self._hz
        oldest = tick - newest_acked + behind
        if age > oldest:
            age, doubt = oldest, "behind"
        last = self._last.get(peer)
        if last is not None:
            slack = SWING_TICKS + SWING_RATE * (tick - last[0])
            if abs(age - last[1]) > slack:
                age, doubt = (last[1] + slack if age > last[1] else last[1] - slack), "swing"
        self._last[peer] = (tick, age)
        return age, doubt
