"""Who is connected: the tenant of each peer slot, and what every per-peer array needs to know of it.

A peer is a slot of the netcode server. One that plays has a player row, one that only watches has none (-1). One is
*ready* once it has read its `Welcome` and said so: before that it is sent no snapshots, and its inputs are not read.

    own_row  (slots,) int64    the player row of each slot; -1: a spectator, or nobody
    ready    (slots,) bool     who gets snapshots

Not here: how somebody comes to a slot and leaves it (`attendance`), and rows without a connection (`roster`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.address import Address
from engine.link.traffic import Traffic


class Peer:
    """What is not an array: one connected client.

    secret: opens its row to it later; empty: nothing does. former: what opened it this time; empty: it is new.
    """

    __slots__ = ("address", "channels", "client_id", "former", "name", "row", "secret", "slot", "traffic")

    def __init__(
        self,
        slot: int,
        name: str,
        address: Address,
        row: int,
        client_id: int,
        secret: bytes,
        former: bytes,
        traffic: Traffic,
    ) -> None:
        self.slot = slot
        self.name = name
        self.address = address
        self.row = row
        self.client_id = client_id
        self.secret = secret
        self.former = former
        self.traffic = traffic
        self.channels = traffic.channels

    @property
    def voice(self) -> int:
        """What chat knows it by: its row, and of a spectator a number below 0 of its own."""
        return self.row if self.row >= 0 else -1 - self.slot


class Peers:
    """See the module. Iterating gives who is connected, first come first."""

    def __init__(self, slots: int) -> None:
        self.by_slot: dict[int, Peer] = {}
        self.slot_of_row: dict[int, int] = {}
        """Player row -> slot of who plays it; bots and players who are away have none."""
        self.own_row = np.full(slots, -1, np.int64)
        self.ready = np.zeros(slots, np.bool_)
        self.behind: set[int] = set()
        """Slots that no longer take what they must know: they can't go on, and are put out with the next step."""

    def __iter__(self) -> Iterator[Peer]:
        return iter(self.by_slot.values())

    def __len__(self) -> int:
        return len(self.by_slot)

    @property
    def player_count(self) -> int:
        """Those who play."""
        return len(self.slot_of_row)

    @property
    def spectator_count(self) -> int:
        """Those who only watch."""
        return len(self.by_slot) - len(self.slot_of_row)

    def get(self, slot: int) -> Peer | None:
        """Return who is in `slot`; None when nobody is."""
        return self.by_slot.get(slot)

    def in_row(self, row: int) -> Peer | None:
        """Return who plays `row`; None when nobody connected does."""
        slot = self.slot_of_row.get(row)
        return None if slot is None else self.by_slot[slot]

    def enter(self, peer: Peer) -> None:
        """Take in a new peer, which is not ready yet."""
        self.by_slot[peer.slot] = peer
        self.own_row[peer.slot] = peer.row
        self.ready[peer.slot] = False
        if peer.row >= 0:
            self.slot_of_row[peer.row] = peer.slot

    def leave(self, slot: int) -> Peer | None:
        """Let go of who is in `slot`, and return it; None when nobody is."""
        peer = self.by_slot.pop(slot, None)
        if peer is not None:
            self.own_row[slot] = -1
            self.ready[slot] = False
            if peer.row >= 0:
                del self.slot_of_row[peer.row]
        return peer
