"""The choices of the netcode machines: every limit with unit, default and reason. What the wire fixes is not here."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import UsageError
from engine.link.netcode.token import DEFAULT_TIMEOUT, DEFAULT_TOKEN_LIFETIME

SEND_INTERVAL = 0.1
"""Seconds between repeated requests and responses, and between keep-alives on an idle connection: netcode's 10 Hz."""
REDUNDANT_DISCONNECTS = 10
"""Disconnects sent when leaving: nothing answers them, and at 50 % loss ten miss once in a thousand times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetcodeServerConfig:
    """Bounds of a server's tables and what it spends on strangers. A full table refuses; it never evicts."""

    token_lifetime: float = DEFAULT_TOKEN_LIFETIME
    """Seconds from a token's creation to its expiry, as the backend mints them: exactly, not at most.

    A token that expires before `start + token_lifetime` may predate the server's start, and the server that knew
    whether it was used is gone, so it is refused. The price: for the first second after a start (timestamps are whole
    seconds) fresh tokens are refused too, and tokens minted with a shorter life for longer."""
    key_made_at_start: bool = False
    """The private key was drawn at this very start, so no token predates it and none is refused for that."""
    clock_skew: float = 5.0
    """Seconds the backend's clock may run ahead of ours: machines that keep time by NTP are within one."""
    max_pending: int = 1024
    """Players between request and response at once; about 3 KiB each."""
    default_pending_timeout: float = DEFAULT_TIMEOUT
    """Seconds a pending entry lives when its token names no timeout."""
    max_pending_timeout: float = 60.0
    """Seconds a pending entry lives at most, whatever its token says: entries are few."""
    max_tokens: int = 16384
    """Tokens remembered until they expire; about 0.3 KiB each. At 45 s a token this is 364 joins a second."""
    prefix_decrypts_hz: float = 256.0
    """Decrypt attempts a second for strangers of one source prefix (/24, /48): 64 players behind one address join at
    once, and a flood from one costs under 1 % of a core (about 30 us an attempt)."""
    prefix_decrypts_burst: int = 512
    """Attempts a prefix may make at once after a pause of two seconds."""
    global_decrypts_hz: float = 2048.0
    """Attempts a second for all strangers together: a flood from forged sources costs at most 6 % of a core."""
    global_decrypts_burst: int = 4096
    """Attempts all strangers may make at once."""
    strangers_hz: float = 4096.0
    """Strangers' requests and responses looked at a second, some 6 us each even where nothing is decrypted: 3 % of a
    core. A thousand players who come at once take less than a second; what a flood sends beyond is dropped unread."""
    strangers_burst: int = 1024
    """Of these at once: everybody's, after a restart."""
    max_prefixes: int = 8192
    """Prefixes with attempts to repay; more than the global bucket lets come up before they are forgotten."""

    def __post_init__(self) -> None:
        for name in (
            "token_lifetime",
            "max_pending",
            "default_pending_timeout",
            "max_pending_timeout",
            "max_tokens",
            "prefix_decrypts_hz",
            "prefix_decrypts_burst",
            "global_decrypts_hz",
            "global_decrypts_burst",
            "strangers_hz",
            "strangers_burst",
            "max_prefixes",
        ):
            if not getattr(self, name) > 0:
                raise UsageError(f"NetcodeServerConfig.{name} must be positive, got {getattr(self, name)}")
        if not self.clock_skew >= 0:
            raise UsageError(f"NetcodeServerConfig.clock_skew must not be negative, got {self.clock_skew}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetcodeClientConfig:
    """The client's own choices."""

    send_interval: float = SEND_INTERVAL
    """Seconds between repeated requests and responses, and between keep-alives when there is nothing to say."""

    def __post_init__(self) -> None:
        if not self.send_interval > 0:
            raise UsageError(f"NetcodeClientConfig.send_interval must be positive, got {self.send_interval}")
