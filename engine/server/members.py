"""Everyone who is in a match, in one list for consoles: players, spectators, who is waited for, and bots."""

from __future__ import annotations

from dataclasses import dataclass

from engine.address import Address
from engine.link.acks import AckTable
from engine.server.peers import Peers
from engine.server.roster import Roster


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who is here, for consoles: kind is "player", "away", "bot" or "spectator", which has no row (-1).

    A bot has no address. rtt: seconds. slot: the peer slot of who is connected.
    """

    row: int
    name: str
    kind: str
    address: Address | None = None
    rtt: float | None = None
    slot: int | None = None


def list_members(peers: Peers, roster: Roster, acks: AckTable, now: float) -> list[Member]:
    """Return everyone who is here, those who are connected first."""
    found = [
        Member(
            row=peer.row,
            name=peer.name,
            kind="player" if peer.row >= 0 else "spectator",
            address=peer.address,
            rtt=acks.stats(peer.slot, now).rtt,
            slot=peer.slot,
        )
        for peer in peers
    ]
    found += [Member(player.row, player.name, "away", player.address) for player in roster.away.players]
    return found + [Member(row, roster.names[row], "bot") for row in roster.bots]
