"""The replay window: each sequence number is taken once, and none that is far behind the newest.

Without it whoever sits on the path could send a recorded payload again and have it accepted, seal and all. A list of
256 entries remembers which sequence last used slot `sequence % 256`; anything older than 256 behind the newest is
refused unseen. 256 packets are four seconds at 60 Hz, more than networks reorder. Source: netcode 1.02, STANDARD.md.

Ask `refuses` before opening a packet, since it is the cheaper test; call `advance` only once the packet has opened,
else a forger could push the window past honest packets.
"""

from __future__ import annotations

REPLAY_WINDOW = 256


class ReplayWindow:
    """Remembers the last 256 sequence numbers of one direction of one connection."""

    __slots__ = ("_newest", "_slots")

    def __init__(self) -> None:
        self._newest = 0
        self._slots = [-1] * REPLAY_WINDOW
        """The sequence last seen in each slot; -1 before the first, which is older than any."""

    def refuses(self, sequence: int) -> bool:
        """Tell whether `sequence` was taken already or is too old to know."""
        return sequence <= self._newest - REPLAY_WINDOW or self._slots[sequence % REPLAY_WINDOW] >= sequence

    def advance(self, sequence: int) -> None:
        """Take `sequence`, which `refuses` let pass and whose packet opened."""
        if sequence > self._newest:
            self._newest = sequence
        self._slots[sequence % REPLAY_WINDOW] = sequence
