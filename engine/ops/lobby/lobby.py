"""The lobby's decisions, without its HTTP: a request for a connect token in, a token or a refusal out.

Sans-IO: the caller passes where the request came from, the time (`now`, monotone seconds, for rates; `unix_now` for
tokens), and what the match last told about itself. The cheapest test that can refuse comes first:

    may this address knock (access)     403 not-allowed
    how often it has lately             429 too-many
    same version                        409 wrong-version
    a name                              400 bad-name
    how often it failed at the door     429 too-many-failures
    the door                            401, by the door
    room in the match                   503 server-full; for who comes to watch, too, or 403 no-spectators

A name that somebody in the match has, or has just been given, gets a number ("ann 2") rather than a refusal: two
players of one household tend to have one idea.

Who brings a resume ticket wants a former place back. The lobby can't tell whether there is one: it passes the secret on
in the token's user data, under the client id that the ticket names (or that the door says, which goes first), and lets
it by where the match is full, since its place is kept. The match decides; a ticket that opens nothing is a plain join.

Not here: sessions. The token is all that the match ever learns from here.
"""

from __future__ import annotations

import ipaddress
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engine.address import Address, format_address
from engine.errors import UsageError
from engine.identity import clean_name, decode_resume_ticket, encode_user_data, free_name, name_key
from engine.ops.access import Access, Rules
from engine.ops.figures import ServerFigures
from engine.ops.limits import PrefixLimit
from engine.ops.lobby.policy import Door, JoinRequest, Refused

JOIN_HZ = 4.0
"""Join attempts a second and prefix, once the burst is spent: nobody rejoins faster by hand."""
JOIN_BURST = 128
"""Attempts a prefix may make at once: a full match of 64 behind one router, each trying twice."""
FAILURE_HZ = 0.1
"""Wrong passwords or tokens a second and prefix: 8,640 a day, which guesses no password worth the name."""
FAILURE_BURST = 8
"""Wrong ones a prefix may send at once: people mistype."""
MAX_PREFIXES = 16384
"""Prefixes that owe something, in each table; about 100 bytes each."""
RESERVE_SECONDS = 10.0
"""A name is kept this long for the token's holder: by then it is among the names in the match, or did not come."""
MAX_RESERVED = 4096
"""Names kept at once; more joins than that in ten seconds are refused until some have come in."""
STALE_AFTER = 5.0
"""Seconds without news after which the match counts as not well: it tells once a second."""


class Mint(Protocol):
    """`engine.link.netcode.mint_connect_token`, as far as the lobby calls it."""

    def __call__(
        self,
        *,
        protocol_id: int,
        private_key: bytes,
        client_id: int,
        addresses: Sequence[Address],
        create_time: float,
        expire_seconds: int,
        timeout_seconds: int,
        entropy: Callable[[int], bytes],
        user_data: bytes = b"",
    ) -> bytes:
        """Return a connect token of 2048 bytes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LobbyConfig:
    """What the lobby is told once.

    title, version: for people. protocol_id, private_key: as the match has them. bind: the game's own address, port
    given. public: the addresses players reach it by, where they differ (NAT, a reverse proxy). token_lifetime:
    seconds, exactly the match's. timeout: seconds of silence that end a connection. max_players: room, until the
    match tells otherwise. max_spectators: room for those who only watch.
    """

    title: str
    version: str
    protocol_id: int
    private_key: bytes = field(repr=False)
    bind: Address
    public: tuple[Address, ...] = ()
    door: Door
    rules: Rules = field(default_factory=Rules)
    token_lifetime: int
    timeout: int
    max_players: int
    max_spectators: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchStatus:
    """What the match tells once a second."""

    figures: ServerFigures
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """Let in. `expires` is unix seconds."""

    connect_token: bytes = field(repr=False)
    client_id: int
    name: str
    server: str
    expires: int


def server_addresses(bind: Address, public: Sequence[Address] = ()) -> tuple[Address, ...]:
    """Return the addresses that every token names and the match must know as its own.

    The public ones where given, else what it is bound to. A server bound to 0.0.0.0 or :: can't know what players call
    it, so its tokens also name, first, the address at which the player reached the lobby, and what the two sides agree
    on is the loopback address. Servers that share a private key need public addresses, to tell their tokens apart.
    """
    if public:
        return tuple(public)
    host, port = bind
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise UsageError(f"{host!r} is not a literal IP address") from None
    if address.is_unspecified:
        return ((("127.0.0.1" if address.version == 4 else "::1"), port),)
    return (bind,)


class Lobby:
    """Hands out connect tokens. `mint` makes them, `entropy(n)` returns n unpredictable bytes."""

    def __init__(self, config: LobbyConfig, mint: Mint, entropy: Callable[[int], bytes]) -> None:
        self.config = config
        self.status: MatchStatus | None = None
        self.outcomes: Counter[str] = Counter()
        """Requests for a token by outcome: "issued" or the reason of the refusal."""
        self._mint = mint
        self._entropy = entropy
        self._access = Access(config.rules)
        self._addresses = server_addresses(config.bind, config.public)
        self._name_reached = not config.public and ipaddress.ip_address(config.bind[0]).is_unspecified
        self._attempts = PrefixLimit(hz=JOIN_HZ, burst=JOIN_BURST, max_prefixes=MAX_PREFIXES)
        self._failures = PrefixLimit(hz=FAILURE_HZ, burst=FAILURE_BURST, max_prefixes=MAX_PREFIXES)
        self._told_at = float("-inf")
        self._taken: frozenset[str] = frozenset()
        self._reserved: dict[str, float] = {}

    def tell(self, status: MatchStatus, now: float) -> None:
        """Take the match's news."""
        self.status = status
        self._told_at = now
        self._taken = frozenset(name_key(name) for name in status.names)

    def set_rules(self, rules: Rules) -> None:
        """Replace the access rules."""
        self._access = Access(rules)

    def permits(self, host: str) -> bool:
        """Tell whether `host` may speak to the lobby at all."""
        return self._access.permits(host)

    def is_well(self, now: float) -> bool:
        """Tell whether the match has told about itself lately."""
        return now - self._told_at <= STALE_AFTER

    def join(
        self, request: JoinRequest, host: str, reached: str | None, now: float, unix_now: float
    ) -> Issued | Refused:
        """Answer `request` from `host`, which spoke to our own address `reached` (None where unknown)."""
        answer = self._answer(request, host, reached, now, unix_now)
        self.outcomes["issued" if isinstance(answer, Issued) else answer.reason] += 1
        return answer

    def _answer(
        self, request: JoinRequest, host: str, reached: str | None, now: float, unix_now: float
    ) -> Issued | Refused:
        config = self.config
        if not self._access.permits(host):
            return Refused(403, "not-allowed", "this server does not admit your address")
        wait = self._attempts.wait(host, now)
        if wait > 0:
            return Refused(429, "too-many", "too many attempts from your network: wait a little", wait)
        self._attempts.pay(host, now)
        if request.protocol_id not in (None, config.protocol_id):
            return Refused(409, "wrong-version", f"this server plays {config.version}: get the same version")
        try:
            name = clean_name(request.name)
        except UsageError as error:
            return Refused(400, "bad-name", str(error))
        wait = self._failures.wait(host, now)
        if wait > 0:
            return Refused(429, "too-many-failures", "too many failed attempts from your network: wait a little", wait)
        grant = config.door.admit(request, unix_now)
        if isinstance(grant, Refused):
            if grant.status == 401:
                self._failures.pay(host, now)
            return grant
        if request.watches:
            if not config.max_spectators:
                return Refused(403, "no-spectators", "this server has no room for spectators")
            if self.status is not None and self.status.figures.spectators >= config.max_spectators:
                return Refused(503, "server-full", "there is no room for another spectator", 5.0)
        elif request.resume is None and self._is_full():
            return Refused(503, "server-full", "the server is full", 5.0)
        if grant.name is not None:
            try:
                name = clean_name(grant.name)
            except UsageError as error:
                return Refused(401, "bad-claim", f"the token's name will not do: {error}")
        reserved = self._reserve(name, now)
        if reserved is None:
            return Refused(503, "busy", "too many players are coming in at once: try again", 1.0)
        client_id, secret = grant.client_id, b""
        if request.resume is not None:
            former_id, secret = decode_resume_ticket(request.resume)
            client_id = former_id if client_id is None else client_id
        return self._issue(encode_user_data(reserved, secret, request.watches), reserved, client_id, reached, unix_now)

    def _is_full(self) -> bool:
        if self.status is None:
            return False
        figures = self.status.figures
        return figures.players + figures.away >= (figures.max_players or self.config.max_players)

    def _reserve(self, name: str, now: float) -> str | None:
        """Return `name` or a numbered one that nobody has, kept for a while; None when too many are kept."""
        self._reserved = {key: until for key, until in self._reserved.items() if until > now and key not in self._taken}
        if len(self._reserved) >= MAX_RESERVED:
            return None
        free = free_name(name, self._taken | self._reserved.keys())
        self._reserved[name_key(free)] = now + RESERVE_SECONDS
        return free

    def _issue(
        self, user_data: bytes, name: str, client_id: int | None, reached: str | None, unix_now: float
    ) -> Issued | Refused:
        config = self.config
        if client_id is None:
            client_id = int.from_bytes(self._entropy(8), "little")
        # Rounded up: a token must not look older than a match that started within this very second.
        created = math.ceil(unix_now)
        addresses = self._addresses_for(reached)
        token = self._mint(
            protocol_id=config.protocol_id,
            private_key=config.private_key,
            client_id=client_id,
            addresses=addresses,
            create_time=created,
            expire_seconds=config.token_lifetime,
            timeout_seconds=config.timeout,
            entropy=self._entropy,
            user_data=user_data,
        )
        return Issued(
            connect_token=token,
            client_id=client_id,
            name=name,
            server=format_address(addresses[0]),
            expires=created + config.token_lifetime,
        )

    def _addresses_for(self, reached: str | None) -> tuple[Address, ...]:
        if not self._name_reached or reached is None:
            return self._addresses
        try:
            ip = ipaddress.ip_address(reached)
        except ValueError:
            return self._addresses
        if isinstance(ip, ipaddress.IPv6Address):
            # A scope (fe80::1%eth0) is the player's word for the link, which we can't know: it will have to do without.
            ip = ip.ipv4_mapped or ipaddress.IPv6Address(int(ip))
        first = (str(ip), self.config.bind[1])
        return (first, *(address for address in self._addresses if address != first))
