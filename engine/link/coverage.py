"""Which bytes of a message are dealt with: the ranges a sender knows arrived, the ranges a receiver has.

One flag per byte: twice the message's memory, bounded by construction however the ranges are cut, and both operations
are single passes in C. A list of ranges would be smaller for honest peers and is what a hostile one makes long.
"""

from __future__ import annotations


class Coverage:
    """Flags over `size` bytes; `left` counts those not covered yet."""

    __slots__ = ("_flags", "left")

    def __init__(self, size: int) -> None:
        self._flags = bytearray(size)
        self.left = size

    def add(self, start: int, end: int) -> int:
        """Cover `[start, end)`, which lies within the size; return how many bytes of it were not covered before."""
        new = self._flags.count(0, start, end)
        if new:
            self._flags[start:end] = b"\x01" * (end - start)
            self.left -= new
        return new

    def gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the ranges within `[start, end)` that are not covered, in order."""
        found = []
        while (gap := self._flags.find(0, start, end)) >= 0:
            covered = self._flags.find(1, gap, end)
            start = covered if covered >= 0 else end
            found.append((gap, start))
        return found
