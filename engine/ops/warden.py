"""The access lists held against who is in the match, and not only against who knocks.

What the lists keep out gets no further than the socket, and nobody already inside whom they now keep out stays: a ban
and a changed access file both put people out, and say so in the log. The lobby is told of every change.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Sequence

from engine.address import Address
from engine.errors import UsageError
from engine.ops import logs
from engine.ops.access import Access, Rules, rule_changes
from engine.server.session import ServerSession

NOT_ADMITTED = "your address is not admitted here any more"
RULES_LOGGED = 50
"""Changed rules that one log line names; a file may hold a hundred thousand."""
BANNED_IPV6_PREFIX = 64
"""A household's or a rented machine's share of IPv6: banning one address of it bans nobody."""


class Warden:
    """See the module. `tell` takes new rules for the lobby."""

    def __init__(self, session: ServerSession, access: Access, tell: Callable[[Rules], None] | None = None) -> None:
        self._session = session
        self._access = access
        self._tell = tell
        self._filters = _has_rules(access)

    def admitted(self, datagrams: Sequence[tuple[bytes, Address]]) -> Sequence[tuple[bytes, Address]]:
        """Return the datagrams from addresses that are let in."""
        if not self._filters:
            return datagrams
        permits = self._access.permits
        return [each for each in datagrams if permits(each[1][0])]

    def refresh(self, now: float) -> None:
        """Read the access file again if it has changed, log what did, and put out whom it keeps out now."""
        before = self._access.rules
        try:
            if not self._access.refresh():
                return
        except UsageError as error:
            logs.event("access rules kept", level=logging.WARNING, why=str(error))
            return
        added, removed = rule_changes(before, self._access.rules)
        logs.event(
            "access rules changed",
            added=list(added[:RULES_LOGGED]) or None,
            removed=list(removed[:RULES_LOGGED]) or None,
            more=max(0, len(added) - RULES_LOGGED) + max(0, len(removed) - RULES_LOGGED) or None,
        )
        self._enforce(NOT_ADMITTED, now)

    def ban(self, network: str, reason: str, now: float) -> list[str]:
        """Keep `network` out until the server ends, and return the names of whom that puts out.

        Raises UsageError when it is no network or address.
        """
        self._access.ban(network)
        return self._enforce(reason, now)

    def _enforce(self, reason: str, now: float) -> list[str]:
        self._filters = _has_rules(self._access)
        if self._tell is not None:
            self._tell(self._access.rules)
        gone = []
        for member in self._session.members(now):
            if member.address is not None and not self._access.permits(member.address[0]):
                self._session.expel(member, reason, now)
                gone.append(member.name)
        return gone


def network_of(host: str) -> str:
    """Return the network to ban for `host`, a literal IP: an IPv4 address, or the /64 of an IPv6 one."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, BANNED_IPV6_PREFIX), strict=False))
        address = address.ipv4_mapped
    return str(address)


def _has_rules(access: Access) -> bool:
    return bool(access.rules.allow or access.rules.deny)
