"""The doors: who gets a connect token. One is in force for a server's life.

    OpenDoor      anyone; chosen by default where only this machine or a private network can knock
    PasswordDoor  whoever knows the password
    TokenDoor     whoever the studio's own backend signed a JWT for (`engine.ops.lobby.jwt`)

A door is a frozen value, so it crosses to the lobby's process as it is. `admit` answers with a `Grant` or a `Refused`
and is pure; how often somebody may try is the lobby's business.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass, field
from typing import Protocol

from engine.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """What a player asks with. `protocol_id` None: it did not say, and finds out when its token does not fit.

    resume: what the match gave it to come back with (`engine.identity`); None: it is new. watches: it wants no place in
    the match, and only to see it.
    """

    name: str
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    protocol_id: int | None = None
    resume: str | None = field(default=None, repr=False)
    watches: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """Let in. client_id, name: who the backend says it is; None: the lobby draws a number, the player's own words."""

    client_id: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Not let in. `status` is HTTP's, `reason` a slug, `message` for the player, `retry_after` seconds or None."""

    status: int
    reason: str
    message: str
    retry_after: float | None = None


class Door(Protocol):
    """Decides who gets a token."""

    @property
    def kind(self) -> str:
        """The door's name in `/v1/status`: "open", "password" or "token"."""
        ...

    def admit(self, request: JoinRequest, unix_now: float) -> Grant | Refused:
        """Judge `request` at `unix_now`. A refusal with status 401 is a failed try, and is counted as one."""
        ...


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """Anyone."""

    @property
    def kind(self) -> str:
        return "open"

    def admit(self, request: JoinRequest, unix_now: float) -> Grant | Refused:
        return Grant()


@dataclass(frozen=True, slots=True)
class PasswordDoor:
    """Whoever knows `password`; compared in a time that does not depend on where, or in which length, it differs."""

    password: str = field(repr=False)

    @property
    def kind(self) -> str:
        return "password"

    def admit(self, request: JoinRequest, unix_now: float) -> Grant | Refused:
        if request.password is None:
            return Refused(401, "password-needed", "this server asks for a password")
        if not hmac.compare_digest(_digest(request.password), _digest(self.password)):
            return Refused(401, "wrong-password", "wrong password")
        return Grant()


def choose(*, host: str, open_to_all: bool = False, password: str | None = None, token: Door | None = None) -> Door:
    """Return the one door that was asked for, or the open one where `host` lets only private addresses in.

    `host` is the literal IP the server binds. Raises UsageError when several doors were chosen, or none where one
    must be.
    """
    chosen: list[Door] = []
    if open_to_all:
        chosen.append(OpenDoor())
    if password is not None:
        chosen.append(PasswordDoor(password))
    if token is not None:
        chosen.append(token)
    if len(chosen) > 1:
        kinds = " and ".join(door.kind for door in chosen)
        raise UsageError(
            f"a server has one door, and {kinds} were chosen: give one of --open, --password-file, --jwt-key"
        )
    if chosen:
        return chosen[0]
    if not is_private(host):
        raise UsageError(
            f"{host} can be reached from anywhere and no door was chosen: give --open to let anyone in, --password-file"
            " FILE, or --jwt-key FILE; or bind a private address with --host"
        )
    return OpenDoor()


def is_private(host: str) -> bool:
    """Tell whether `host` (a literal IP, or "localhost") can be reached from this machine or its own network only.

    0.0.0.0 and :: stand for every address of the machine, so they are not private; neither is a name.
    """
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return not address.is_unspecified and (address.is_loopback or address.is_link_local or _is_lan(address))


_LANS = tuple(ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
"""RFC 1918 and RFC 4193. (`is_private` of the library holds documentation and benchmark networks too.)"""


def _is_lan(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(address in network for network in _LANS)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
