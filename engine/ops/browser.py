"""The list of servers a player can choose from: those of the local network, and those known by address.

Two sources become one list. Servers of the local network are heard (`discovery`); every server, heard or known, is also
asked by HTTP how many play there, in a thread that waits in the list's stead (`lobby.asking`), a few at a time. The
ping shown is the time the TCP connection took to open, which is one round trip: a list that looks once a frame could
not measure it better than a frame.

It sends nothing while nobody calls `servers`.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.address import Address, format_address, parse_address
from engine.clock import Clock, SystemClock
from engine.errors import NetError
from engine.ops.discovery import DISCOVERY_PORTS, DiscoverySocket, Finder, Found
from engine.ops.lobby.asking import Asking
from engine.text import printable

ASK_SECONDS = 5.0
"""Seconds between two questions to one server: a count of players may be so old."""
AT_ONCE = 4
"""Questions under way at once."""
KNOWN_KEPT = 64
"""Servers asked at most."""
TIMEOUT = 2.0
"""Seconds a server has to answer: one that needs longer is no fun to play on."""
MAX_ANSWER_BYTES = 16384
MAX_TEXT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """What GET /v1/status told. ping: seconds. players, bots: None while the match has not told its lobby."""

    title: str
    protocol_id: int | None
    door: str
    players: int | None
    bots: int | None
    max_players: int
    ping: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSeen:
    """A line of the list.

    address: host:port, to join by. near: of the local network. players: people; None while unknown, as `ping`
    (seconds). locked: asks for a password or a token. same_version: None while unknown. words: what is wrong, "" if
    nothing is known to be.
    """

    address: str
    title: str = ""
    map: str = ""
    near: bool = False
    players: int | None = None
    bots: int = 0
    max_players: int = 0
    ping: float | None = None
    locked: bool = False
    same_version: bool | None = None
    words: str = ""


def fetch_status(address: Address, timeout: float = TIMEOUT, clock: Clock | None = None) -> ServerStatus:
    """Ask the lobby at `address` how it is. Blocks for up to `timeout` per step. Raises NetError in a few words."""
    clock = clock or SystemClock()
    connection = http.client.HTTPConnection(*address, timeout=timeout)
    try:
        begun = clock.now()
        connection.connect()
        ping = clock.now() - begun
        connection.request("GET", "/v1/status", headers={"accept": "application/json"})
        response = connection.getresponse()
        body = response.read(MAX_ANSWER_BYTES + 1)
    except TimeoutError as error:
        raise NetError("does not answer") from error
    except (OSError, UnicodeError) as error:
        raise NetError("not there") from error
    except http.client.HTTPException as error:
        raise NetError("answers, but not as a lobby") from error
    finally:
        connection.close()
    if response.status != 200:
        raise NetError(f"says no (HTTP {response.status})")
    return _read_status(body, ping)


def _read_status(body: bytes, ping: float) -> ServerStatus:
    """Read a stranger's answer. Raises NetError."""
    try:
        told: Any = json.loads(body) if len(body) <= MAX_ANSWER_BYTES else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise NetError("answers, but not as a lobby")
    protocol = told.get("protocol")
    try:
        protocol_id = int(protocol, 16) if isinstance(protocol, str) and len(protocol) <= 16 else None
    except ValueError:
        protocol_id = None
    return ServerStatus(
        title=_line(told.get("title")),
        protocol_id=protocol_id,
        door=_line(told.get("door")),
        players=_count(told.get("players")),
        bots=_count(told.get("bots")),
        max_players=_count(told.get("max_players")) or 0,
        ping=ping,
    )


class _Known:
    """A server that is asked, and what it answered last."""

    def __init__(self, address: Address, fetch: Callable[[Address], ServerStatus]) -> None:
        self.asking = Asking(lambda _: fetch(address))
        self.under_way = False
        self.due = float("-inf")
        self.status: ServerStatus | None = None
        self.words = ""

    def ask(self, now: float) -> None:
        self.under_way, self.due = True, now + ASK_SECONDS
        self.asking.ask("")

    def listen(self) -> None:
        if not self.under_way:
            return
        try:
            status = self.asking.answer()
        except NetError as error:
            self.under_way, self.status, self.words = False, None, str(error)
            return
        if status is not None:
            self.under_way, self.status, self.words = False, status, ""


class Browser:
    """The list. `protocol_id`: what is played here, to tell servers of other versions. `entropy(n)` gives n bytes.

    fetch: how a server is asked. socket: where the network is heard; None: nowhere.
    """

    def __init__(
        self,
        protocol_id: int,
        entropy: Callable[[int], bytes],
        socket: DiscoverySocket | None,
        fetch: Callable[[Address], ServerStatus] = fetch_status,
        ports: Sequence[int] = DISCOVERY_PORTS,
    ) -> None:
        self._protocol_id = protocol_id
        self._finder = Finder(entropy)
        self._socket = socket
        self._fetch = fetch
        self._ports = ports
        self._known: dict[str, _Known] = {}

    @property
    def under_way(self) -> int:
        """How many questions have no answer yet."""
        return sum(one.under_way for one in self._known.values())

    def servers(self, known: Sequence[str], now: float) -> list[ServerSeen]:
        """Return the servers of the local network, then those of `known` (host:port), each once. Call it every frame.

        Never waits, and never raises for what others send.
        """
        found = {format_address(each.address): each for each in self._listen(now)}
        wanted = [*found, *(each for each in dict.fromkeys(known) if each not in found)][:KNOWN_KEPT]
        for each in wanted:
            if each not in self._known:
                self._known[each] = _Known(_address(each), self._fetch)
        self._known = {each: self._known[each] for each in wanted}
        for one in self._known.values():
            one.listen()
        free = AT_ONCE - self.under_way
        due = [one for one in self._known.values() if not one.under_way and one.due <= now]
        for one in sorted(due, key=lambda one: one.due)[: max(0, free)]:
            one.ask(now)
        return [self._line(each, self._known[each], found.get(each)) for each in wanted]

    def refresh(self) -> None:
        """Ask everyone again at once."""
        self._finder.hurry()
        for one in self._known.values():
            one.due = float("-inf")

    def close(self) -> None:
        """Stop listening."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _listen(self, now: float) -> list[Found]:
        if self._socket is None:
            return []
        for data, source in self._socket.receive():
            self._finder.receive(data, source, now)
        probe = self._finder.probe(now)
        if probe is not None:
            for port in self._ports:
                self._socket.send(probe, ("127.0.0.1", port))
                self._socket.send(probe, ("255.255.255.255", port))
        return sorted(self._finder.servers(now), key=lambda each: each.address)

    def _line(self, address: str, known: _Known, found: Found | None) -> ServerSeen:
        status = known.status
        if found is not None:
            notice = found.notice
            return ServerSeen(
                address=address,
                title=notice.title,
                map=notice.map,
                near=True,
                players=notice.players,
                bots=notice.bots,
                max_players=notice.max_players,
                ping=found.ping if status is None else status.ping,
                locked=notice.closed,
                same_version=notice.protocol_id == self._protocol_id,
            )
        if status is not None:
            return ServerSeen(
                address=address,
                title=status.title,
                players=status.players,
                bots=status.bots or 0,
                max_players=status.max_players,
                ping=status.ping,
                locked=status.door not in ("open", ""),
                same_version=None if status.protocol_id is None else status.protocol_id == self._protocol_id,
            )
        return ServerSeen(address=address, words=known.words)


def _address(text: str) -> Address:
    try:
        return parse_address(text, 1)
    except NetError:
        return text, 1


def _line(value: object) -> str:
    return printable(value[:MAX_TEXT]) if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**31 else None
