"""Memory while time counts: garbage is looked for seldom, and what was freed is kept for the next tick.

Garbage. What a session makes is gone as soon as nobody refers to it; only what refers to itself in a circle has to be
looked for. Python looks whenever some 700 more objects are alive than before, and a tick that holds a thousand packets
at once sets that off several times. Now and then it walks over everything there is: 120,000 objects with a thousand
players in the match, which is a frame dropped, or a tick late. So what stands once a program is set up is never looked
at again, and the rest much more rarely: circles are few here (exceptions that hold their own traceback), and a hundred
thousand objects of them would be some 20 MB.

Pages. The arrays of a tick are megabytes that are freed with it. The C library gives them back to the system each time,
and the next tick gets them page by page, zeroed: that is more work than what is done in them. So glibc is told to keep
what it has. Other systems go on as they do.

What it brings a server of a thousand: `docs/decisions/memory.md`.
"""

from __future__ import annotations

import ctypes
import gc
import sys

THRESHOLDS = (50_000, 10, 10)
"""More objects alive than at the last look at the youngest; looks at those before one at the next older ones, twice."""
KEPT_BYTES = 256 * 1024 * 1024
"""Freed memory at the end of the heap beyond which it is given back after all."""
HEAP_BYTES = 32 * 1024 * 1024
"""Blocks up to this size come from the heap instead of the system: the most that glibc allows."""
AHEAD_BYTES = 16 * 1024 * 1024
"""Taken from the system beyond what is asked for; it costs nothing until it is written to."""

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3


def settle() -> None:
    """Take all objects there are for permanent, look for garbage among later ones seldom, and keep freed memory.

    For the program, not for a library's caller: call it once, when what stays has been made.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    keep_freed_memory()


def keep_freed_memory() -> bool:
    """Tell the C library to keep what is freed; return whether it has understood."""
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    choices = ((_TRIM_THRESHOLD, KEPT_BYTES), (_TOP_PAD, AHEAD_BYTES), (_MMAP_THRESHOLD, HEAP_BYTES))
    understood = [mallopt(which, value) == 1 for which, value in choices]
    return all(understood)
