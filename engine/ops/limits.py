"""How often one place may ask: a token bucket per source prefix (/24 of IPv4, /48 of IPv6), in a bounded table.

A bucket is one number, the time at which everything asked so far is repaid (the generic cell rate algorithm): a prefix
that owes nothing needs no entry, and forgetting it loses nothing. A full table refuses newcomers until somebody has
repaid; evicting would hand a fresh bucket to whoever can fill it.
"""

from __future__ import annotations

from engine.errors import UsageError
from engine.link.netcode.gate import source_prefix

FORGET_INTERVAL = 1.0
"""Seconds between looks through a full table: the look costs a millisecond, and a flood would ask for one each time."""


class PrefixLimit:
    """`burst` at once and `hz` a second for each prefix, for at most `max_prefixes` that owe something."""

    def __init__(self, *, hz: float, burst: int, max_prefixes: int) -> None:
        if not hz > 0 or burst < 1 or max_prefixes < 1:
            raise UsageError(f"a limit is positive: hz={hz}, burst={burst}, max_prefixes={max_prefixes}")
        self._cost = 1.0 / hz
        self._depth = burst * self._cost
        self._max_prefixes = max_prefixes
        self._repaid_at: dict[str, float] = {}
        self._forget_at = float("-inf")

    def __len__(self) -> int:
        return len(self._repaid_at)

    def wait(self, host: str, now: float) -> float:
        """Return in how many seconds `host` may ask next: 0 when it may now. Asking this costs nothing."""
        prefix = source_prefix(host)
        if prefix not in self._repaid_at and len(self._repaid_at) >= self._max_prefixes:
            self._forget(now)
            if len(self._repaid_at) >= self._max_prefixes:
                return FORGET_INTERVAL
        due = self._repaid_at.get(prefix, now) + self._cost - self._depth - now
        # A sum of many costs is a hair off, and the last of a burst is to be granted.
        return due if due > 1e-6 else 0.0

    def pay(self, host: str, now: float) -> None:
        """Count one request of `host`, which `wait` let pass."""
        prefix = source_prefix(host)
        self._repaid_at[prefix] = max(self._repaid_at.get(prefix, now), now) + self._cost

    def _forget(self, now: float) -> None:
        if now >= self._forget_at:
            self._forget_at = now + FORGET_INTERVAL
            self._repaid_at = {prefix: at for prefix, at in self._repaid_at.items() if at > now}
