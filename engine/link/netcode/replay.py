"""The replay window: each sequence number is taken once, and none that is far behind the newest.

Without it whoever sits on the path could send a recorded payload again and have it accepted, seal and all. 256 packets
are four seconds at 60 Hz, more than networks reorder. Source: netcode 1.02, STANDARD.md, which keeps an array of 256
sequences by `sequence % 256`. All that knows is which of the last 256 were taken, so here it is an integer of 256 bits:
one small object for each of a thousand connections.

Ask `refuses` before opening a packet, since it is the cheaper test; call `advance` only once the packet has opened,
else a forger could push the window past honest packets.
"""

from __future__ import annotations

REPLAY_WINDOW = 256

_MASK = (1 << REPLAY_WINDOW) - 1


class ReplayWindow:
    """Remembers the last 256 sequence numbers of one direction of one connection."""

    __slots__ = ("_taken", "newest")

    def __init__(self) -> None:
        self.newest = 0
        """The newest sequence taken, or 0. A newer one need not ask `refuses`: it is never refused."""
        self._taken = 0
        """Bit n tells whether `newest - n` was taken."""

    def refuses(self, sequence: int) -> bool:
        """Tell whether `sequence` was taken already or is too old to know."""
        behind = self.newest - sequence
        return behind >= REPLAY_WINDOW or (behind >= 0 and self._taken >> behind & 1 == 1)

    def advance(self, sequence: int) -> None:
        """Take `sequence`, which `refuses` let pass and whose packet opened."""
        ahead = sequence - self.newest
        if ahead > 0:
            self.newest = sequence
            self._taken = (self._taken << ahead | 1) & _MASK if ahead < REPLAY_WINDOW else 1
        else:
            self._taken |= 1 << -ahead
