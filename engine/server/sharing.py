"""Who is to be told the very same: one snapshot is made for all of them, and sealed for each.

Players differ: each is told its own row, and of all others but itself. Who only watches often differs in nothing from
the next one, and then a hundred who watch cost little more to encode for than one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def alike(own_rows: np.ndarray, columns: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return who stands for whom among n peers: `(m,) int` those that do, ascending, and `(n,) int`, which of the m.

    own_rows: `(n,) int`; who has one stands for itself. columns: all that a snapshot depends on besides, `(n,)` or
    `(n, k)` each, and compared bit for bit.
    """
    count = len(own_rows)
    watchers = np.flatnonzero(own_rows < 0)
    standing = np.arange(count)
    if len(watchers) > 1:
        parts = [np.ascontiguousarray(column[watchers]).view(np.uint8) for column in columns]
        table = np.concatenate([part.reshape(len(watchers), -1) for part in parts], axis=1)
        data, width = table.tobytes(), table.shape[1]
        first: dict[bytes, int] = {}
        for at, watcher in enumerate(watchers.tolist()):
            standing[watcher] = first.setdefault(data[at * width : (at + 1) * width], watcher)
    told, of = np.unique(standing, return_inverse=True)
    return told, of
