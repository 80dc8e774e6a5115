"""The engine's two kinds of error: the caller's and the peer's.

`UsageError` is raised to whoever called us wrongly. `ProtocolError` means a peer sent bytes that mean nothing;
parsers raise it, sessions catch it, count it by `reason` and drop the datagram. It never leaves a session.
"""

from __future__ import annotations


class NetError(Exception):
    """Anything this engine raises on purpose."""


class UsageError(NetError):
    """Our caller erred: an argument out of range, a wrong order of calls, a file that is not what it should be."""


class ProtocolError(NetError):
    """A peer sent data that is malformed, out of bounds or not allowed now.

    `reason` is a short fixed slug (``"truncated"``, ``"bad-header"``) to count by; `detail` carries the values.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
