"""The server's memory of tokens: each opens one session ever, from the first address it was seen at.

netcode's own library forgets a token when its session ends. Then a recorded session, request and response and all,
can be played again from the same address after the player left: the same keys and sequences, so the same nonces. Here a
token is bound to an address by its first valid request, consumed by the session it opens, and remembered until it
expires, after which its expiry refuses it. When the memory is full, new tokens are refused: evicting would reopen the
hole for whoever can fill it.
"""

from __future__ import annotations

import heapq

from engine.address import Address


class TokenHistory:
    """Tokens seen and not yet expired, by the tag of their seal; at most `capacity`."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._bound_to: dict[bytes, Address | None] = {}
        """The address a token is bound to, or None once it is consumed."""
        self._expiries: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        return len(self._bound_to)

    def refusal(self, tag: bytes, address: Address) -> str | None:
        """Return why the token `tag` may not be used from `address`, or None when it may."""
        if tag not in self._bound_to:
            return "history-full" if len(self._bound_to) >= self._capacity else None
        bound_to = self._bound_to[tag]
        if bound_to is None:
            return "token-consumed"
        return None if bound_to == address else "token-used-elsewhere"

    def bind(self, tag: bytes, address: Address, expire_timestamp: int) -> None:
        """Bind a proven token that `refusal` let pass. `expire_timestamp` is unix seconds."""
        if tag not in self._bound_to:
            self._bound_to[tag] = address
            heapq.heappush(self._expiries, (expire_timestamp, tag))

    def consume(self, tag: bytes) -> None:
        """Mark a bound token as having opened its session. One forgotten since has expired, which refuses it."""
        if tag in self._bound_to:
            self._bound_to[tag] = None

    def forget_expired(self, unix_now: float) -> None:
        """Drop the tokens that expired by `unix_now`."""
        while self._expiries and self._expiries[0][0] <= unix_now:
            del self._bound_to[heapq.heappop(self._expiries)[1]]
