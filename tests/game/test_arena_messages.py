"""Arena's own messages, byte for byte as docs/PROTOCOL.md has them, and what they refuse."""

from __future__ import annotations

import msgpack
import pytest

from engine.errors import ProtocolError, UsageError
from engine.wire.messages import ENGINE_MESSAGES
from game.messages import MESSAGES, Pings

REGISTRY = ENGINE_MESSAGES.with_types(MESSAGES)


def test_pings_are_milliseconds_by_row() -> None:
    pings = Pings.of({3: 0.0241, 5: 0.15, 9: 1e9})
    assert pings == Pings((3, 5, 9), (24, 150, 9999))
    assert REGISTRY.encode(Pings((3, 5), (24, 150))) == bytes.fromhex("93209203059218cc96")
    assert REGISTRY.decode(REGISTRY.encode(pings)) == pings
    assert Pings.of({}) == Pings((), ())


@pytest.mark.parametrize("fields", [[[1, 2], [3]], [[-1], [3]], [[1], [-3]], [[1], [10000]], [[1], ["3"]], [1, 2]])
def test_pings_that_can_t_be_are_refused(fields: list[object]) -> None:
    with pytest.raises(ProtocolError, match="bad-message"):
        REGISTRY.decode(msgpack.packb([32, *fields]))


def test_our_own_mistake_is_told_with_its_values() -> None:
    with pytest.raises(UsageError, match="2 rows and 1 times"):
        Pings((1, 2), (3,))
