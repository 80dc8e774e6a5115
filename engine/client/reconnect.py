"""Coming back: what a client does when it loses its server, without a socket, a clock or a thread.

    in the match --lost--> WAITING --backoff over--> ASKING --token--> JOINING --welcome--> in the match
                              ^                         |                 |
                              `--- "not now", silence --'-----------------'
                           a "no", a server that says stay away, or give_up seconds of trying: OVER, with a message

Waits double from a second to a quarter of a minute, each shortened by chance by up to half: the players of a server
that restarts would otherwise all come back in the same instant, again and again (exponential backoff with equal
jitter). A lobby's Retry-After lengthens a wait. Whoever was in for a while begins anew with a second.

`Reconnect` decides; `Returning` carries it out with a session after a session, and somebody who asks the lobby. Each
attempt is a whole new session with a new connect token: a token opens one session, ever. What makes it the same player
again is the resume ticket of the session before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from engine.client.session import ClientSession, Phase
from engine.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectConfig:
    """How patient a client is. Times in seconds."""

    first_wait: float = 1.0
    """Before the first attempt: a server that restarts needs about as long."""
    longest_wait: float = 15.0
    """Half of the time for which a player is kept, so that at least one attempt falls into the second half of it."""
    jitter: float = 0.5
    """Share of a wait that chance may take away."""
    give_up: float = 120.0
    """Without success for so long, it is over: a server's machine restarts in less."""
    settled: float = 10.0
    """A connection that lasted so long was a good one: the next loss is a new one, with short waits again."""

    def __post_init__(self) -> None:
        if not 0 < self.first_wait <= self.longest_wait or not 0 <= self.jitter < 1 or not self.give_up > 0:
            raise UsageError(f"no way to wait: {self}")


@dataclass(frozen=True, slots=True)
class Refusal:
    """No connect token, and why, in words for the player. retry: asking again may help, after `retry_after` seconds."""

    message: str
    retry: bool
    retry_after: float | None = None


class State(Enum):
    """Where a client is; see the module."""

    IN = "in"
    WAITING = "waiting"
    ASKING = "asking"
    JOINING = "joining"
    OVER = "over"


class Reconnect:
    """The decisions. `entropy(n)` returns n unpredictable bytes."""

    def __init__(self, entropy: Callable[[int], bytes], config: ReconnectConfig | None = None) -> None:
        self.state = State.IN
        self.returns = 0
        """Times it came back."""
        self.message = ""
        """What was last heard of the server; in OVER, why it is over."""
        self._entropy = entropy
        self._config = config or ReconnectConfig()
        self._attempts = 0
        self._lost_at = 0.0
        self._joined_at: float | None = None
        self._until = 0.0

    def lost(self, reason: str, may_return: bool, now: float) -> None:
        """Note that the session has ended, or that a new one came to nothing, and why."""
        settled = self._joined_at is not None and now - self._joined_at >= self._config.settled
        if self.state is State.IN and (settled or not self._attempts):
            self._attempts = 0
            self._lost_at = now
        self._next(reason, may_return, None, now)

    def due(self, now: float) -> bool:
        """Tell, once, that it is time to ask the lobby for a connect token."""
        if self.state is not State.WAITING or now < self._until:
            return False
        self.state = State.ASKING
        return True

    def refused(self, refusal: Refusal, now: float) -> None:
        """Note that the lobby gave no token."""
        self._next(refusal.message, refusal.retry, refusal.retry_after, now)

    def granted(self) -> None:
        """Note that there is a token, and a session that tries it."""
        self.state = State.JOINING

    def joined(self, now: float) -> None:
        """Note that the server has welcomed the new session."""
        self.state = State.IN
        self.returns += 1
        self._joined_at = now

    def words(self, now: float) -> str:
        """Return what is going on, in words for the player; "" while there is nothing to say."""
        if self.state is State.IN:
            return ""
        if self.state is State.OVER:
            return self.message
        if self.state is State.WAITING:
            left = max(1, round(self._until - now))
            return f"{self.message}: trying again in {left} s"
        return f"{self.message}: coming back ..."

    def _next(self, message: str, may_return: bool, wait: float | None, now: float) -> None:
        config = self._config
        self.message = message
        if not may_return:
            self.state = State.OVER
            return
        doubled = config.first_wait * 2.0 ** min(self._attempts, 30)
        chance = int.from_bytes(self._entropy(2), "little") / 65536
        until = now + min(doubled, config.longest_wait) * (1.0 - config.jitter * chance)
        if wait is not None:
            until = max(until, now + wait)
        if until - self._lost_at > config.give_up:
            self.state = State.OVER
            self.message = f"{message} (gave up after {now - self._lost_at:.0f} s)"
            return
        self._attempts += 1
        self._until = until
        self.state = State.WAITING


class Asker(Protocol):
    """Asks for connect tokens, one at a time, without making anybody wait."""

    def ask(self, resume_ticket: str) -> None:
        """Begin to ask; with a former session's ticket, "" for none."""
        ...

    def answer(self) -> bytes | Refusal | None:
        """Return the answer, once; None while there is none."""
        ...


class Returning:
    """A client's session, and the next one when it is lost. `sessions(token, now)` makes one.

    The first session is the caller's: until a server has welcomed it there is nothing to come back to, and its end is
    the end. Call `update` every frame, after the session's own, and use `session` afresh each time.
    """

    def __init__(
        self,
        session: ClientSession,
        sessions: Callable[[bytes, float], ClientSession],
        asker: Asker,
        reconnect: Reconnect,
    ) -> None:
        self.session = session
        self.reconnect = reconnect
        self._sessions = sessions
        self._asker = asker
        self._ticket = ""

    @property
    def over(self) -> bool:
        """Tell whether nothing more will come of it."""
        return self.reconnect.state is State.OVER

    @property
    def reason(self) -> str:
        """Why it is over, in words for the player."""
        return self.reconnect.message if self.over else ""

    def words(self, now: float) -> str:
        """Return what is going on, in words for the player; "" while the session is all there is to say."""
        return self.reconnect.words(now)

    def update(self, now: float) -> None:
        """Notice what became of the session, and do what is due."""
        reconnect, session = self.reconnect, self.session
        if reconnect.state in (State.IN, State.JOINING):
            # The ticket of the session before opens the row until the new one has its own.
            self._ticket = session.resume_ticket or self._ticket
            if session.phase is Phase.CLOSED:
                been_in = session.match is not None or reconnect.state is State.JOINING
                reconnect.lost(session.reason, session.may_return and been_in, now)
            elif reconnect.state is State.JOINING and session.match is not None:
                reconnect.joined(now)
        if reconnect.due(now):
            self._asker.ask(self._ticket)
        if reconnect.state is State.ASKING:
            answer = self._asker.answer()
            if isinstance(answer, Refusal):
                reconnect.refused(answer, now)
            elif answer is not None:
                self.session = self._sessions(answer, now)
                reconnect.granted()
