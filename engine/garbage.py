"""How often Python looks for garbage: seldom, because a tick or a frame has no time for it.

What a session makes is gone as soon as nobody refers to it; only what refers to itself in a circle has to be looked for.
Python looks whenever some 700 more objects are alive than before, and a tick that holds a thousand packets at once sets
that off several times. Now and then it walks over everything there is: 120,000 objects with a thousand players in the
match, which is a frame dropped, or a tick late.

So whatever stands once a program is set up is never looked at again, and the rest much more rarely: circles are few here
(exceptions that hold their own traceback), and a hundred thousand objects of them would be some 20 MB.
"""

from __future__ import annotations

import gc

THRESHOLDS = (50_000, 10, 10)
"""More objects alive than at the last look at the youngest; looks at those before one at the next older ones, twice."""


def look_seldom() -> None:
    """Take all objects there are for permanent, and look for garbage among later ones seldom.

    For the program, not for a library's caller: call it once, when what stays has been made.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
