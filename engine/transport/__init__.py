"""Datagrams and how they travel: real sockets, a network in memory, and the link model for both.

Read `base.py` first (what a transport is), then `udp.py` (the real one), `virtual.py` (the one in memory and
virtual time) and `impairment/` (what links do to datagrams). `impaired.py` puts that model under a live socket,
`proxy.py` between two; `batch.py` is how many datagrams go in one system call on Linux. Nothing here knows a
protocol.
"""

from __future__ import annotations

from engine.transport.base import (
    IPV4_UDP_HEADER_BYTES,
    IPV6_UDP_HEADER_BYTES,
    MAX_DATAGRAM_BYTES,
    RECEIVE_LIMIT,
    Datagram,
    Transport,
    TransportStats,
)
from engine.transport.impaired import ImpairedTransport
from engine.transport.impairment import PERFECT, Link, LinkModel, Profile, load_profile, profile_names
from engine.transport.proxy import Proxy
from engine.transport.udp import UdpSocket
from engine.transport.virtual import VirtualNetwork, VirtualSocket

__all__ = [
    "IPV4_UDP_HEADER_BYTES",
    "IPV6_UDP_HEADER_BYTES",
    "MAX_DATAGRAM_BYTES",
    "PERFECT",
    "RECEIVE_LIMIT",
    "Datagram",
    "ImpairedTransport",
    "Link",
    "LinkModel",
    "Profile",
    "Proxy",
    "Transport",
    "TransportStats",
    "UdpSocket",
    "VirtualNetwork",
    "VirtualSocket",
    "load_profile",
    "profile_names",
]
