"""Which datagrams can't be for a netcode server, said in a language that the system's kernel understands.

Linux drops what a classic BPF program on a socket does not accept before it takes any of the socket's buffer, in well
under a microsecond; read and dropped by us, junk costs three. The program knows no keys and no addresses, so whoever
knows the protocol passes it: it holds off what is thrown at every open port, and dumb floods. Everything the server
would look at passes.

    passes      first byte    bytes in all
    request     0             1078, and "NETCODE 1.02" with its zero from byte 1 on
    response    n << 4 | 3    n + 325
    keep-alive  n << 4 | 4    n + 25
    payload     n << 4 | 5    n + 18 to n + 1217
    disconnect  n << 4 | 6    n + 17                     n: 1 to 8

Instructions are `(code, jump if true, jump if false, k)` as in struct sock_filter; offsets count from the UDP header,
which the kernel leaves in front. Source: Linux, Documentation/networking/filter.rst.
"""

from __future__ import annotations

from engine.link.netcode.packet import (
    CHALLENGE_BYTES,
    DISCONNECT,
    KEEP_ALIVE,
    KEEP_ALIVE_BYTES,
    MAX_PAYLOAD_BYTES,
    MIN_PACKET_BYTES,
    PAYLOAD,
    REQUEST_BYTES,
    RESPONSE,
)
from engine.link.netcode.token import TAG_BYTES, VERSION

Instruction = tuple[int, int, int, int]

UDP_HEADER_BYTES = 8

_LENGTH, _BYTE, _WORD = 0x80, 0x30, 0x20  # A = bytes in all, one byte, four bytes big-endian
_AND, _SHIFT, _MINUS_X, _TO_X = 0x54, 0x74, 0x1C, 0x07
_EQUAL, _ABOVE, _AT_LEAST, _RETURN = 0x15, 0x25, 0x35, 0x06
_ALL = 0xFFFFFFFF


def server_filter() -> list[Instruction]:
    """Return the program for a server's socket."""
    code: list[tuple[int, int, str, str]] = []  # code, k, label to go to if true and if false; "" goes on
    labels: dict[str, int] = {}

    def add(op: int, k: int = 0, then: str = "", otherwise: str = "") -> None:
        code.append((op, k, then, otherwise))

    add(_LENGTH)
    add(_AT_LEAST, UDP_HEADER_BYTES + MIN_PACKET_BYTES, otherwise="drop")
    add(_BYTE, UDP_HEADER_BYTES)
    add(_EQUAL, 0, otherwise="packet")
    add(_LENGTH)
    add(_EQUAL, UDP_HEADER_BYTES + REQUEST_BYTES, otherwise="drop")
    for at in range(0, len(VERSION) - 1, 4):
        add(_WORD, UDP_HEADER_BYTES + 1 + at)
        add(_EQUAL, int.from_bytes(VERSION[at : at + 4], "big"), otherwise="drop")
    add(_BYTE, UDP_HEADER_BYTES + len(VERSION))
    add(_EQUAL, VERSION[-1], "take", "drop")
    labels["packet"] = len(code)
    add(_SHIFT, 4)
    add(_EQUAL, 0, "drop")
    add(_ABOVE, 8, "drop")
    add(_TO_X)
    add(_BYTE, UDP_HEADER_BYTES)
    add(_AND, 0x0F)
    add(_EQUAL, PAYLOAD, "payload")
    sealed = UDP_HEADER_BYTES + 1 + TAG_BYTES
    bodies = ((KEEP_ALIVE, KEEP_ALIVE_BYTES), (RESPONSE, CHALLENGE_BYTES), (DISCONNECT, 0))
    for kind, _ in bodies:
        add(_EQUAL, kind, str(kind))
    add(_RETURN, 0)
    for kind, body in bodies:
        labels[str(kind)] = len(code)
        add(_LENGTH)
        add(_MINUS_X)
        add(_EQUAL, sealed + body, "take", "drop")
    labels["payload"] = len(code)
    add(_LENGTH)
    add(_MINUS_X)
    add(_AT_LEAST, sealed + 1, otherwise="drop")
    add(_ABOVE, sealed + MAX_PAYLOAD_BYTES, "drop")
    labels["take"] = len(code)
    add(_RETURN, _ALL)
    labels["drop"] = len(code)
    add(_RETURN, 0)
    return [
        (op, labels[then] - at - 1 if then else 0, labels[otherwise] - at - 1 if otherwise else 0, k)
        for at, (op, k, then, otherwise) in enumerate(code)
    ]
