"""The body of a packet: messages, one behind the other.

    u8 type, then one msgpack object (an array), repeated to the end

The type is itself a msgpack positive fixint, so the whole body is a plain stream of msgpack objects.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import Any

import msgpack
from msgpack import unpackb

from engine.errors import ProtocolError

MAX_MESSAGES = 16
"""Messages in one body at most: a packet carries one snapshot or input and a few channel blocks."""
MAX_ARRAY = 4096
"""Elements of an array at most: 1200 bytes hold 1200 one-byte integers; fragments hold a few times that."""


class MessageType(IntEnum):
    """What a message of a body is."""

    INPUT = 1
    SNAPSHOT = 2
    CHANNEL = 3


def split_body(body: bytes) -> list[tuple[int, list[Any]]]:
    """Return the `(type, array)` messages of `body`; arrays are decoded but not yet trusted. Raises ProtocolError."""
    if len(body) > 1 and body[0] < 0x80:
        # Nearly every packet carries one message: then its array is all that follows the type.
        try:
            array = unpackb(memoryview(body)[1:], **_limits(len(body)))
        except msgpack.exceptions.ExtraData:
            pass
        except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
            raise ProtocolError("bad-msgpack", str(error)) from None
        else:
            if type(array) is not list:
                raise ProtocolError("bad-body", "a message is not a type and an array")
            return [(body[0], array)]
    unpacker = msgpack.Unpacker(max_buffer_size=max(len(body), 1), **_limits(len(body)))
    unpacker.feed(body)
    messages: list[tuple[int, list[Any]]] = []
    try:
        objects = list(unpacker)
    except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
        raise ProtocolError("bad-msgpack", str(error)) from None
    # A truncated last object is silently withheld by the unpacker: all bytes must have been used.
    if unpacker.tell() != len(body) or len(objects) % 2 or len(objects) > 2 * MAX_MESSAGES:
        raise ProtocolError("bad-body", f"{len(objects)} objects in {unpacker.tell()} of {len(body)} bytes")
    for at in range(0, len(objects), 2):
        kind, array = objects[at], objects[at + 1]
        if type(kind) is not int or type(array) is not list:
            raise ProtocolError("bad-body", f"message {at // 2} is not a type and an array")
        messages.append((kind, array))
    return messages


@lru_cache(maxsize=2048)
def _limits(size: int) -> dict[str, int]:
    """What msgpack may make of `size` bytes. An array longer than them can't be complete: its list is not made."""
    return {
        "max_array_len": min(size, MAX_ARRAY),
        "max_str_len": size,
        "max_bin_len": size,
        "max_map_len": 0,
        "max_ext_len": 0,
    }
