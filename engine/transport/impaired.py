"""A link model under a live socket: `client.py --link wifi`.

`ImpairedTransport` wraps any transport and holds its datagrams back, both ways, as the profile says. It is
driven by the caller's `now`: what is due goes out, and comes in, whenever `send` or `receive` is called. `wait`
returns in time for the next due datagram, so the loop

    transport.wait(until_next_frame); transport.receive(now); ...; transport.send(datagrams, now)

plays the model to within the time one turn of that loop takes. A loop that only wakes once per frame adds up to
a frame each way.

Down is what this end receives, up what it sends: it stands for the player's own line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from types import TracebackType
from typing import Self

from engine.address import Address
from engine.transport.base import RECEIVE_LIMIT, Datagram, Transport, TransportStats
from engine.transport.impairment.link import Link, derive_seed
from engine.transport.impairment.profiles import Profile

MAX_HELD = 65_536
"""Datagrams held back each way: 10 s of a thousand packets a second, six times over. Beyond it the newest are
dropped and counted in `overflow`."""


class ImpairedTransport:
    """Puts `profile` between `inner` and its user.

    Args:
        inner: the transport that really sends; closed with this one.
        profile: up for what is sent, down for what is received.
        seed: of the two links.
        clock: the clock `now` is read from. With it `wait` knows how long the next datagram has still to go;
            without, it reckons from the last `now` it was given, and may return late by the time passed since.
    """

    def __init__(self, inner: Transport, profile: Profile, seed: int, clock: Callable[[], float] | None = None) -> None:
        self._inner = inner
        self._clock = clock
        self._profile = profile
        self._up = Link(profile.up, derive_seed(seed, "up"))
        self._down = Link(profile.down, derive_seed(seed, "down"))
        self._outgoing: list[tuple[float, int, Datagram]] = []
        self._incoming: list[tuple[float, int, Datagram]] = []
        self._order = 0
        self._now = 0.0
        self.overflow = 0
        """Datagrams dropped since MAX_HELD were held back already."""

    @property
    def address(self) -> Address:
        """The inner transport's."""
        return self._inner.address

    @property
    def stats(self) -> TransportStats:
        """The inner transport's: what really went over the wire."""
        return self._inner.stats

    @property
    def profile(self) -> Profile:
        """The profile in force."""
        return self._profile

    @property
    def links(self) -> tuple[Link, Link]:
        """The links up and down, for their statistics."""
        return self._up, self._down

    def set_profile(self, profile: Profile) -> None:
        """Change to `profile` from the next datagram on; what is held back keeps its time."""
        self._profile = profile
        self._up.set_model(profile.up)
        self._down.set_model(profile.down)

    def send(self, datagrams: Sequence[Datagram], now: float) -> None:
        """Take `datagrams` in and send what is due."""
        for payload, to in datagrams:
            for at, altered in self._up.send(payload, now):
                self._hold(self._outgoing, at, (altered, to))
        self._flush(now)

    def receive(self, now: float, limit: int = RECEIVE_LIMIT) -> list[Datagram]:
        """Take in what has arrived, send what is due, and return up to `limit` datagrams that are due."""
        for payload, source in self._inner.receive(now):
            for at, altered in self._down.send(payload, now):
                self._hold(self._incoming, at, (altered, source))
        self._flush(now)
        incoming = self._incoming
        taken: list[Datagram] = []
        while incoming and incoming[0][0] <= now and len(taken) < limit:
            taken.append(heappop(incoming)[2])
        return taken

    def wait(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds until something arrives or a held datagram is due; tell whether so."""
        now = self._now if self._clock is None else self._clock()
        due = min((held[0][0] for held in (self._incoming, self._outgoing) if held), default=now + timeout)
        until_due = max(0.0, due - now)
        if until_due >= timeout:
            return self._inner.wait(timeout)
        self._inner.wait(until_due)
        return True

    def close(self) -> None:
        """Send what is held back, and close the inner transport: a good-bye would arrive after its sender is gone."""
        while self._outgoing:
            self._inner.send([heappop(self._outgoing)[2]], self._now)
        self._incoming.clear()
        self._inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _hold(self, held: list[tuple[float, int, Datagram]], at: float, datagram: Datagram) -> None:
        if len(held) >= MAX_HELD:
            self.overflow += 1
            return
        heappush(held, (at, self._order, datagram))
        self._order += 1

    def _flush(self, now: float) -> None:
        self._now = now
        outgoing = self._outgoing
        due: list[Datagram] = []
        while outgoing and outgoing[0][0] <= now:
            due.append(heappop(outgoing)[2])
        if due:
            self._inner.send(due, now)
