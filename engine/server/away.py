"""Players who lost their connection: kept for a while, and given back to whoever proves to be them.

While a player is connected it holds a resume ticket: its client id, and a secret drawn for this one connection. When
the connection is lost, its row stays in the world and its entry comes here. A new connection that brings the secret,
under the same client id, takes the row over, and gets a new ticket. So a ticket opens one row once, a ticket without
the account is worth nothing, and neither is an account without the ticket.

An entry ends when it is claimed, when its time is over, or when the same client id is lost a second time: one account
has one player waiting. There are never more entries than rows. Not here: the rows themselves (`session`), and how a
client comes back (`engine.client.reconnect`). Why so: docs/decisions/resume.md.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from engine.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class AwayPlayer:
    """A player who is waited for: its row and name, where it was last seen, and until when (monotone seconds)."""

    row: int
    name: str
    client_id: int
    address: Address
    until: float
    secret: bytes = field(repr=False)


class AwayTable:
    """Who is waited for, by row."""

    def __init__(self) -> None:
        self._by_row: dict[int, AwayPlayer] = {}
        self._row_of_client: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._by_row)

    def __contains__(self, row: int) -> bool:
        return row in self._by_row

    @property
    def players(self) -> list[AwayPlayer]:
        """All who are waited for, longest gone first."""
        return list(self._by_row.values())

    @property
    def rows(self) -> list[int]:
        """Their rows."""
        return list(self._by_row)

    def keep(self, player: AwayPlayer) -> AwayPlayer | None:
        """Wait for `player`; return the entry of the same client id that gives way, if there is one."""
        former = self.remove(self._row_of_client.get(player.client_id, -1))
        self._by_row[player.row] = player
        self._row_of_client[player.client_id] = player.row
        return former

    def claim(self, client_id: int, secret: bytes, now: float) -> AwayPlayer | None:
        """Return, once, the entry that `client_id` may take back with `secret`; None when there is none such.

        The comparison takes the same time wherever the two differ, so that nobody learns a secret byte by byte.
        """
        row = self._row_of_client.get(client_id)
        if row is None:
            return None
        player = self._by_row[row]
        if now >= player.until or not hmac.compare_digest(player.secret, secret):
            return None
        return self.remove(row)

    def remove(self, row: int) -> AwayPlayer | None:
        """Wait no longer for the player of `row`; return its entry, None when there was none."""
        player = self._by_row.pop(row, None)
        if player is not None:
            del self._row_of_client[player.client_id]
        return player

    def expired(self, now: float) -> list[AwayPlayer]:
        """Remove and return those whose time is over."""
        over = [player for player in self._by_row.values() if now >= player.until]
        for player in over:
            self.remove(player.row)
        return over
