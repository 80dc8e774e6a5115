"""Who may knock at all: allow and deny lists of networks, asked before anything is spent on a stranger.

An address is let in when no denied network holds it and, where any network is allowed by name, one of them does. So a
ban is one more denied network and always wins. IPv4 inside IPv6 (::ffff:1.2.3.4, what a dual-stack socket reports)
counts as the IPv4 address.

Rules come from flags and from a file, one to a line, `#` starts a comment:

    deny 198.51.100.0/24     # a network
    deny 2001:db8::7         # one address
    allow 203.0.113.0/24

`Access.refresh` reads the file again when it has changed; a file that is wrong changes nothing. Not here: rate limits
(`limits`), and remembering bans longer than the process lives (write them into the file).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import UsageError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_CACHED = 8192
"""Hosts whose answer is kept; then the cache starts anew, which costs each of them some 8 us."""
MAX_RULES = 100_000
"""Networks in a file, so that a wrong file can't take the memory."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The networks let in by name (none: all are) and those kept out."""

    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()


def parse_network(text: str) -> Network:
    """Return the network that `text` names: "10.0.0.0/8", "2001:db8::/32", or one address. Raises UsageError."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise UsageError(f"{text.strip()!r} is not a network: write 10.0.0.0/8, 2001:db8::/32 or an address") from error
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.ip_network((mapped, network.prefixlen - 96))
    return network


def parse_rules(lines: Iterable[str]) -> Rules:
    """Return the rules in `lines`, written as the module says. Raises UsageError with the line's number."""
    found: dict[str, list[Network]] = {"allow": [], "deny": []}
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if number > MAX_RULES:
            raise UsageError(f"more than {MAX_RULES} lines of access rules")
        if len(words) != 2 or words[0] not in found:
            raise UsageError(f"line {number}: write allow NETWORK or deny NETWORK, not {line.strip()!r}")
        try:
            found[words[0]].append(parse_network(words[1]))
        except UsageError as error:
            raise UsageError(f"line {number}: {error}") from error
    return Rules(tuple(found["allow"]), tuple(found["deny"]))


def rule_changes(before: Rules, after: Rules) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what `after` has that `before` has not, and the other way round, each as lines of a file."""
    old, new = (
        {*(f"allow {net}" for net in rules.allow), *(f"deny {net}" for net in rules.deny)} for rules in (before, after)
    )
    return tuple(sorted(new - old)), tuple(sorted(old - new))


class Access:
    """The lists in force. Give it rules from flags, a file, or both; both hold together."""

    def __init__(self, rules: Rules = Rules(), path: Path | None = None) -> None:
        self._given = rules
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._from_file = Rules()
        self._banned: tuple[Network, ...] = ()
        self._cache: dict[str, bool] = {}
        self._allowed = _NetworkSet(())
        self._denied = _NetworkSet(())
        if path is not None:
            self._read(path)
        self._apply()

    @property
    def rules(self) -> Rules:
        """All rules in force, those of flags, file and bans together."""
        allow = self._given.allow + self._from_file.allow
        return Rules(allow, self._given.deny + self._from_file.deny + self._banned)

    def permits(self, host: str) -> bool:
        """Tell whether `host`, a literal IP as a socket reports it, is let in. What is no address is not."""
        answer = self._cache.get(host)
        if answer is None:
            if len(self._cache) >= MAX_CACHED:
                self._cache.clear()
            answer = self._cache[host] = self._decide(host)
        return answer

    def ban(self, network: str) -> None:
        """Keep `network`, or one address, out until the process ends. Raises UsageError when it is neither."""
        self._banned += (parse_network(network),)
        self._apply()

    def refresh(self) -> bool:
        """Read the file again if it has changed; tell whether it had. Raises UsageError and keeps the old rules.

        A wrong file is complained about once, not until it is mended.
        """
        if self._path is None:
            return False
        if self._stamp == _stamp(self._path):
            return False
        self._read(self._path)
        self._apply()
        return True

    def _read(self, path: Path) -> None:
        self._stamp = _stamp(path)
        try:
            with path.open(encoding="utf-8") as file:
                self._from_file = parse_rules(file)
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the access rules in {path} can't be read: {error}") from error
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from error

    def _apply(self) -> None:
        rules = self.rules
        self._allowed = _NetworkSet(rules.allow)
        self._denied = _NetworkSet(rules.deny)
        self._cache.clear()

    def _decide(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address):
            address = address.ipv4_mapped or address
        if address in self._denied:
            return False
        return self._allowed.empty or address in self._allowed


class _NetworkSet:
    """Networks by version and prefix length: a look-up costs one probe per length, however many there are."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._heads: dict[tuple[int, int], set[int]] = {}
        for network in networks:
            shift = network.max_prefixlen - network.prefixlen
            heads = self._heads.setdefault((network.version, shift), set())
            heads.add(int(network.network_address) >> shift)

    @property
    def empty(self) -> bool:
        return not self._heads

    def __contains__(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        number, version = int(address), address.version
        return any(version == its and number >> shift in heads for (its, shift), heads in self._heads.items())


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
