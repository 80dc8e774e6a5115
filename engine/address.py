"""Network addresses as every floor passes them: a plain ``(host, port)`` tuple.

Hosts are literal IPs ("127.0.0.1", "::1"), the form a socket reports. A plain tuple costs nothing per datagram and
hashes fast. Name resolution belongs to the entry points.
"""

from __future__ import annotations

import ipaddress

from engine.errors import UsageError

Address = tuple[str, int]


def parse_address(text: str, default_port: int | None = None) -> Address:
    """Return the `(host, port)` that `text` names: "1.2.3.4:5", "[::1]:5", or a bare host with `default_port`.

    The host is returned as written (it may be a name). Raises UsageError when there is no port or it is out of range.
    """
    host, port_text = text, ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise UsageError(f"{text!r} is not an address: write [IPv6]:port")
        port_text = rest[1:]
    elif text.count(":") == 1:
        host, _, port_text = text.partition(":")
    if not host:
        raise UsageError(f"{text!r} names no host")
    if not port_text:
        if default_port is None:
            raise UsageError(f"{text!r} names no port")
        return host, default_port
    if not port_text.isascii() or not port_text.isdigit() or not 0 < int(port_text) < 65536:
        raise UsageError(f"{port_text!r} in {text!r} is not a port: 1 to 65535")
    return host, int(port_text)


def format_address(address: Address) -> str:
    """Return `address` as text that `parse_address` reads back."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Tell whether the literal IP `host` (or "localhost") stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
