"""Typed messages: dataclasses as msgpack arrays, `[id, field, field, ...]`, one registry for both sides.

A field's type is one of int, float, str, bytes, bool, `tuple[int, ...]` or `dict[str, ...]` of plain values; a value
of another type or out of bounds, or a missing field, is a ProtocolError; an id not in the registry gives None, and
whoever reads counts it and goes on.

A message grows at its end: fields beyond those known are ignored, and a field with a default may be missing. So a field
that is appended with a default is read by the old, and by the new from the old. What else changes is another message.

The engine's own messages are here; a game adds its own from `FIRST_GAME_ID` on, by `ENGINE_MESSAGES.with_types`, gives
both sessions that registry, and sends and takes them there.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any, get_args, get_origin, get_type_hints

import msgpack

from engine.errors import ProtocolError, UsageError

FIRST_GAME_ID = 32
"""Ids below it are the engine's."""
MAX_MESSAGE_BYTES = 256 * 1024
"""As much as a channel takes; it bounds what a peer can make us unpack."""
MAX_CHAT = 200
"""Characters of a line of chat."""
MAX_TEXT = 512
"""Characters of any string in a message."""
MAX_ITEMS = 1024
"""Elements of any tuple or dict in a message."""
MAX_NUMBER = 2**53
"""Magnitude of any number in a message: up to here a float holds every integer exactly."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """First message to a client: what the match is, and which row is its own (-1: it watches)."""

    game: str
    game_version: int
    schema: int
    settings: dict[str, Any]
    tick_hz: int
    snapshot_every: int
    history_snapshots: int
    rewind_limit: float
    max_extrapolation: float
    own_row: int
    tick: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The client knows the match and holds no snapshot: the next one must be whole. Sent once, and again if it is lost
    in what it holds. Until the first, the server sends none: an acknowledged snapshot is one the client could read."""

    schema: int


@dataclass(frozen=True, slots=True)
class PlayerJoined:
    """A row has a player. Told for everyone present, to each newcomer, and of each newcomer to everyone."""

    row: int
    name: str
    bot: bool


@dataclass(frozen=True, slots=True)
class PlayerLeft:
    """A row has no player any more."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class Happened:
    """A game event; see `engine.game.GameEvent`."""

    tick: int
    code: int
    args: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one of the receiver's shots; see `engine.game.Verdict`. hit: -1 for none; ages in 1/256 tick."""

    tick: int
    hit: int
    reason: str
    claimed_age: int
    allowed_age: int
    clamped: bool


@dataclass(frozen=True, slots=True)
class Farewell:
    """The server is about to close this connection, and why, in words for the player. again: it may come back."""

    reason: str
    again: bool


@dataclass(frozen=True, slots=True)
class Resume:
    """What the receiver comes back with, if it loses us, to find its player as it was. See docs/decisions/resume.md.

    ticket: 48 hex digits, a secret. seconds: how long its player is kept. A later one replaces it.
    """

    ticket: str = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True)
class PlayerAway:
    """A row's player lost its connection, and is waited for; or (`away` false) has come back."""

    row: int
    away: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """Words from whoever runs the server, for everyone."""

    text: str


@dataclass(frozen=True, slots=True)
class Say:
    """A player has something to say, to all or to its team: at most `MAX_CHAT` characters."""

    text: str
    team: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A player said something, to all or to its team. row, name: whose words they are; it may have left meanwhile."""

    row: int
    name: str
    text: str
    team: bool


class Registry:
    """Which id stands for which dataclass."""

    def __init__(self, types: dict[int, type]) -> None:
        self._types = dict(types)
        self._ids = {kind: number for number, kind in self._types.items()}
        if len(self._ids) != len(self._types):
            raise UsageError("a message type is registered under two ids")
        self._shapes = {
            kind: [(each.name, get_type_hints(kind)[each.name]) for each in fields(kind)] for kind in self._ids
        }
        self._needed = {
            kind: sum(each.default is MISSING and each.default_factory is MISSING for each in fields(kind))
            for kind in self._ids
        }

    def with_types(self, types: dict[int, type]) -> Registry:
        """Return a registry that knows the game's `types` too. Raises UsageError for an id that is not a game's."""
        for number in types:
            if number < FIRST_GAME_ID or number in self._types:
                raise UsageError(f"message id {number} is taken or below {FIRST_GAME_ID}")
        return Registry({**self._types, **types})

    def is_of_game(self, message: object) -> bool:
        """Tell whether `message` is of one of the game's types."""
        return self._ids.get(type(message), 0) >= FIRST_GAME_ID

    def encode(self, message: object) -> bytes:
        """Return `message` as bytes. Raises UsageError when its type is not registered."""
        number = self._ids.get(type(message))
        if number is None:
            raise UsageError(f"{type(message).__name__} is not a registered message")
        packed: bytes = msgpack.packb([number, *(getattr(message, name) for name, _ in self._shapes[type(message)])])
        return packed

    def decode(self, data: bytes) -> object | None:
        """Return the message in `data`, or None when its id is not known. Raises ProtocolError."""
        if len(data) > MAX_MESSAGE_BYTES:
            raise ProtocolError("message-too-long", f"{len(data)} bytes")
        try:
            array = msgpack.unpackb(data, max_array_len=MAX_ITEMS, max_map_len=MAX_ITEMS, max_ext_len=0)
        except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
            raise ProtocolError("bad-message", str(error)) from None
        if type(array) is not list or not array or type(array[0]) is not int:
            raise ProtocolError("bad-message", "not an array that starts with an id")
        kind = self._types.get(array[0])
        if kind is None:
            return None
        shape = self._shapes[kind]
        if len(array) <= self._needed[kind]:
            raise ProtocolError("bad-message", f"{kind.__name__} with {len(array) - 1} of {len(shape)} fields")
        values = [_check(kind, name, hint, value) for (name, hint), value in zip(shape, array[1:], strict=False)]
        try:
            result: object = kind(*values)
        except UsageError as error:
            raise ProtocolError("bad-message", str(error)) from None
        return result


def _check(kind: type, name: str, hint: Any, value: Any) -> Any:
    """Return `value` as the field's type, or raise."""
    origin = get_origin(hint)
    good = False
    if origin is tuple:
        item = get_args(hint)[0]
        good = type(value) is list and all(type(each) is item and _in_bounds(each) for each in value)
        value = tuple(value) if good else value
    elif origin is dict:
        good = type(value) is dict and all(
            type(key) is str and type(each) in (int, float, str, bool) and _in_bounds(key) and _in_bounds(each)
            for key, each in value.items()
        )
    elif hint is float:
        good = type(value) in (float, int) and _in_bounds(value)
        value = float(value) if good else value
    else:
        good = type(value) is hint and _in_bounds(value)
    if not good:
        raise ProtocolError("bad-message", f"{kind.__name__}.{name} is not {hint}, or out of bounds")
    return value


def _in_bounds(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT
    # Written so that NaN is out of bounds.
    return not isinstance(value, int | float) or -MAX_NUMBER <= value <= MAX_NUMBER


ENGINE_MESSAGES = Registry(
    {
        1: Welcome,
        2: PlayerJoined,
        3: PlayerLeft,
        4: Happened,
        5: Judged,
        6: Farewell,
        7: Ready,
        8: Resume,
        9: PlayerAway,
        10: Notice,
        11: Say,
        12: Said,
    }
)
"""What every session speaks."""
