"""Every constant of the engine that is a choice: value, unit, reason. Frozen; pass one, never reach for a global.

`MatchConfig` is the server's and is told to each client; `ClientConfig` is the client's own business. Constants of the
wire formats live beside the code that writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from engine.errors import UsageError

PROTOCOL_VERSION = 3
"""Counts changes of our own messages; part of the netcode protocol id, so that versions never meet."""


def protocol_id(game: str, version: int) -> int:
    """Return the 64-bit netcode protocol id of a game's version over this engine: only equals can connect."""
    text = f"tickwire {PROTOCOL_VERSION} {game} {version}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


REPEAT_LIMIT = 0.25
"""Seconds a missing input is stood in for: long enough for a burst of losses, too short to walk off a cliff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchConfig:
    """What server and client must agree on."""

    tick_hz: int = 60
    """Simulation steps per second: 16.7 ms is finer than human reaction, and a common display's frame."""
    snapshot_every: int = 2
    """Ticks per snapshot: 30 Hz doubles no perceived smoothness (rows are interpolated) and halves the bytes of 60."""
    history_snapshots: int = 64
    """Snapshots kept for deltas and rewind: 2.1 s at 30 Hz, more than any playable round trip."""
    rewind_limit: float = 0.25
    """Seconds a shot may reach back: beyond it victims are hit too long behind their wall."""
    max_extrapolation: float = 0.25
    """Seconds a row is dead-reckoned without news before it stands still: after that it is a guess."""

    def __post_init__(self) -> None:
        _require(self, "tick_hz", 1, 1000)
        _require(self, "snapshot_every", 1, 60)
        _require(self, "history_snapshots", 4, 1024)
        _require(self, "rewind_limit", 0.0, 2.0)
        _require(self, "max_extrapolation", 0.0, 2.0)

    @property
    def tick_seconds(self) -> float:
        """Length of a tick in seconds."""
        return 1.0 / self.tick_hz

    @property
    def snapshot_hz(self) -> float:
        """Snapshots per second."""
        return self.tick_hz / self.snapshot_every


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """The mechanisms that can be switched off, each on by default: to feel what it does, and to measure its worth."""

    prediction: bool = True
    """Client: the own row answers at once. Off: it is drawn as the newest snapshot tells it."""
    interpolation: bool = True
    """Client: other rows are drawn between two snapshots. Off: as the newest one tells them."""
    dead_reckoning: bool = True
    """Both: a row without news goes on as it went. Off: it stands still, and is sent with every change."""
    lag_compensation: bool = True
    """Both: a shot is judged by what its shooter saw. Off: all shots, or a client's own, by the present."""
    smoothing: bool = True
    """Client: a correction's offset fades. Off: the own row jumps to where it belongs."""
    adaptive_delay: bool = True
    """Client: the interpolation delay follows the measured lateness. Off: two snapshot intervals, whatever comes."""
    input_redundancy: bool = True
    """Client: a packet repeats all inputs not acknowledged. Off: each input is sent once."""
    pacing: bool = True
    """Both: what is sent follows what the path carries. Off: as much as there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """The server's own choices. A client reckons with the default of `repeat_limit`; with another it corrects more."""

    max_players: int = 64
    """Peer slots; each costs arrays of a few hundred KiB."""
    max_spectators: int = 0
    """Who may watch besides, each in a peer slot of its own; a spectator costs as many bytes as a player."""
    input_ring: int = 64
    """Ticks of input held per peer, and so the furthest ahead a client's input may be: one second at 60 Hz."""
    payload_bytes: int = 1200
    """Largest payload: netcode's limit, below the common 1280-byte IPv6 minimum MTU."""
    repeat_limit: float = REPEAT_LIMIT
    """Seconds a missing input is stood in for by the one before it; then the player lets go of the controls."""
    drain_limit: int = 4096
    """Datagrams taken from the socket per tick at most, so that a flood can't starve the simulation."""
    chat_hz: float = 1.0
    """Lines of chat a second per player: nobody types faster for long."""
    chat_burst: float = 5.0
    """Lines a player may say at once after a silence."""
    chat_match_hz: float = 20.0
    """Lines of chat a second in the whole match, and twice as many at once: each goes to everyone, and nobody reads
    more."""
    resume_seconds: float = 30.0
    """Seconds a player who lost its connection is kept: a router's restart, a walk between two networks. Its row stands
    in the match meanwhile. 0: nobody is."""
    switches: Switches = Switches()

    def __post_init__(self) -> None:
        _require(self, "max_players", 1, 4096)
        _require(self, "max_spectators", 0, 4096)
        _require(self, "input_ring", 16, 1024)
        _require(self, "payload_bytes", 256, 1200)
        _require(self, "repeat_limit", 0.0, 5.0)
        _require(self, "drain_limit", 1, 1_000_000)
        _require(self, "chat_hz", 0.0, 100.0)
        _require(self, "chat_burst", 0.0, 1000.0)
        _require(self, "chat_match_hz", 0.0, 1000.0)
        _require(self, "resume_seconds", 0.0, 3600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """The client's own choices."""

    max_redundant_inputs: int = 48
    """Unacknowledged inputs repeated in each packet, 0.8 s at 60 Hz: a lead, and a snapshot's way. What the server is
    known to have stepped is not among them."""
    lead_margin_ticks: float = 2.0
    """Slack kept above the worst recent arrival: one tick because the server sees arrivals once a tick, and one so that
    the input of a single lost packet still comes in time with the next. Measured at 1: four times the corrections."""
    input_delay: int = 0
    """Ticks after which the own row answers to an input, 0 to 3; -1: as the line needs it (`client.input_delay`)."""
    max_steer: float = 0.1
    """Largest change of clock rate: 10 % is not felt."""
    jump_ticks: float = 10.0
    """Off by more than this, the clock jumps instead of steering: steering would take seconds."""
    lateness_window: float = 4.0
    """Seconds of arrivals that the interpolation delay is measured over: waves of jitter last about as long."""
    lateness_quantile: float = 0.99
    """Share of snapshots that should arrive before they are needed."""
    max_resimulated_ticks: int = 64
    """Ticks predicted again after a correction at most; more can't be pending without a second of outage."""
    switches: Switches = Switches()

    def __post_init__(self) -> None:
        _require(self, "max_redundant_inputs", 1, 60)
        _require(self, "lead_margin_ticks", 0.0, 30.0)
        _require(self, "input_delay", -1, 3)
        _require(self, "max_steer", 0.001, 0.5)
        _require(self, "jump_ticks", 1.0, 1000.0)
        _require(self, "lateness_window", 0.1, 60.0)
        _require(self, "lateness_quantile", 0.0, 1.0)
        _require(self, "max_resimulated_ticks", 1, 1024)


def _require(config: object, name: str, low: float, high: float) -> None:
    value = getattr(config, name)
    if not low <= value <= high:
        raise UsageError(f"{type(config).__name__}.{name} must be {low} to {high}, got {value}")
