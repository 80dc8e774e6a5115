"""Chance without state: numbers that are as good as random and always the same for the same arguments.

A world that is restored and stepped again must meet the same luck, and state hidden in a generator would have to be
restored with it. So luck is a hash of what it is for: seed, tick, row. (Two rounds of splitmix64's finaliser.)
"""

from __future__ import annotations

_BITS = (1 << 64) - 1


def chance(*what: int) -> int:
    """Return 32 bits decided by the integers `what`, in their order."""
    mixed = 0
    for value in what:
        mixed = (mixed + value + 0x9E3779B97F4A7C15) & _BITS
        mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & _BITS
        mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & _BITS
        mixed ^= mixed >> 31
    return mixed >> 32


def chance_unit(*what: int) -> float:
    """Return a number in 0..1 (1 excluded) decided by the integers `what`."""
    return chance(*what) / 4294967296.0
