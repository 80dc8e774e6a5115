"""Named links: the profiles that come with the engine, and those of users' own files.

A profile file is TOML, one table per profile. Keys in the table itself hold for both directions, keys in its
`up` and `down` tables for one; up is what the impaired party sends, down what is sent to it. `like = "wifi"`
starts from another profile of the same file or of those that come with the engine. Keys carry their unit in
their name, as people write it (milliseconds, kbit/s); `_KEYS` maps them to the fields of `LinkModel`.
docs/LINKS.md is the guide.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from engine.errors import UsageError
from engine.transport.impairment.model import LinkEvent, LinkModel
from engine.transport.impairment.traces import read_delay_trace, read_rate_trace

MAX_PROFILE_FILE_BYTES = 1_000_000
"""Bytes of a profile file; a larger one is not a profile file."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A named link with its two directions."""

    name: str = "perfect"
    about: str = ""
    """One sentence for people."""
    up: LinkModel = field(default_factory=LinkModel)
    """From the impaired party (a player) to the other (the server)."""
    down: LinkModel = field(default_factory=LinkModel)
    """To the impaired party."""

    @property
    def is_perfect(self) -> bool:
        """Whether it changes nothing at all."""
        return self.up == LinkModel() and self.down == LinkModel()


PERFECT = Profile()
"""No impairment in either direction."""


def profile_names(path: Path | None = None) -> list[str]:
    """Return the names of the profiles in the file `path`, or of those that come with the engine, in their
    order."""
    return list(_read_builtin() if path is None else _read_file(path))


def load_profile(which: str) -> Profile:
    """Return the profile called `which`: `wifi`, `my_links.toml:office`, or `my_links.toml` if it holds just
    one.

    Raises UsageError if there is none, naming those there are, or if a value in it is out of range.
    """
    path_text, dot_toml, rest = which.rpartition(".toml")
    if not dot_toml or (rest and not rest.startswith(":")):
        return _build(which, _read_builtin(), None)
    path = Path(path_text + dot_toml)
    tables = _read_file(path)
    name = rest[1:]
    if not name:
        if len(tables) != 1:
            raise UsageError(f"{path} holds {len(tables)} profiles; say which: {path}:NAME, with {_listing(tables)}")
        name = next(iter(tables))
    return _build(name, tables, path)


_KEYS: dict[str, tuple[str, float]] = {
    "delay_ms": ("delay", 1e-3),
    "jitter_p50_ms": ("jitter_p50", 1e-3),
    "jitter_p99_ms": ("jitter_p99", 1e-3),
    "jitter_time_ms": ("jitter_time", 1e-3),
    "loss": ("loss", 1.0),
    "p_good_to_bad": ("p_good_to_bad", 1.0),
    "p_bad_to_good": ("p_bad_to_good", 1.0),
    "loss_good": ("loss_good", 1.0),
    "loss_bad": ("loss_bad", 1.0),
    "loss_delay_correlation": ("loss_delay_correlation", 1.0),
    "rate_kbit_s": ("rate_bit_s", 1e3),
    "load_kbit_s": ("load_bit_s", 1e3),
    "reorder": ("reorder", 1.0),
    "reorder_ms": ("reorder_extra", 1e-3),
    "duplicate": ("duplicate", 1.0),
    "duplicate_ms": ("duplicate_extra", 1e-3),
    "corrupt": ("corrupt", 1.0),
    "events_period_s": ("events_period", 1.0),
}
"""TOML key to the field of LinkModel and the factor to its unit."""

_WHOLE_KEYS = ("queue_bytes", "mtu_bytes")
_OTHER_KEYS = ("jitter_shape", "rate_trace", "delay_trace", "events")

_EVENT_KEYS: dict[str, tuple[str, float]] = {
    "at_s": ("time", 1.0),
    "blackout_s": ("blackout", 1.0),
    "delay_ms": ("delay", 1e-3),
    "rate_kbit_s": ("rate_bit_s", 1e3),
    "load_kbit_s": ("load_bit_s", 1e3),
}

_Table = Mapping[str, Any]


def _read_builtin() -> dict[str, _Table]:
    text = files("engine.transport.impairment").joinpath("profiles.toml").read_text(encoding="utf-8")
    return _parse(text, "profiles.toml")


def _read_file(path: Path) -> dict[str, _Table]:
    try:
        if path.stat().st_size > MAX_PROFILE_FILE_BYTES:
            raise UsageError(f"{path}: larger than {MAX_PROFILE_FILE_BYTES} bytes; is it a profile file?")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read the profiles: {error}") from None
    return _parse(text, str(path))


def _parse(text: str, where: str) -> dict[str, _Table]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: {error}") from None
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise UsageError(f"{where}: {name!r} stands outside of any profile; write [NAME] above it")
    if not tables:
        raise UsageError(f"{where}: no profile in it")
    return tables


def _listing(tables: Mapping[str, _Table]) -> str:
    return ", ".join(tables)


def _build(name: str, tables: Mapping[str, _Table], path: Path | None) -> Profile:
    up, down, about = _settings(name, tables, path, ())
    return Profile(name, about, _model(f"{name}.up", up, path), _model(f"{name}.down", down, path))


def _settings(
    name: str, tables: Mapping[str, _Table], path: Path | None, chain: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return the raw settings of both directions, those of the profile it is `like` first, and the
    description."""
    table = tables.get(name)
    if table is None:
        near = get_close_matches(name.lower(), tables, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        place = "" if path is None else f" in {path}"
        raise UsageError(f"no link profile {name!r}{place}; {hint}there are: {_listing(tables)}")
    up: dict[str, Any] = {}
    down: dict[str, Any] = {}
    like = table.get("like")
    if like is not None:
        if not isinstance(like, str):
            raise UsageError(f"profile {name}: like = {like!r} is not the name of a profile")
        if like in chain:
            raise UsageError(f"profile {name}: like = {like!r} leads back to itself")
        if like in tables and like != name:
            up, down, _ = _settings(like, tables, path, (*chain, name))
        else:  # a user's `wifi` may be like the engine's `wifi`
            if path is None:
                raise UsageError(f"profile {name}: like = {like!r} leads back to itself or nowhere")
            up, down, _ = _settings(like, _read_builtin(), None, ())
    both = {key: value for key, value in table.items() if key not in ("up", "down", "like", "about")}
    for direction, settings in (("up", up), ("down", down)):
        own = table.get(direction, {})
        if not isinstance(own, dict):
            raise UsageError(f"profile {name}: {direction} is {own!r}, not a table")
        _override(settings, both)
        _override(settings, own)
    return up, down, str(table.get("about", ""))


def _override(settings: dict[str, Any], own: _Table) -> None:
    """Put `own` over `settings`; of a fixed rate and a rate trace the one that comes later stays."""
    if "rate_trace" in own:
        for key in ("rate_kbit_s", "load_kbit_s"):
            settings.pop(key, None)
    elif "rate_kbit_s" in own:
        settings.pop("rate_trace", None)
    settings.update(own)


def _model(where: str, settings: Mapping[str, Any], path: Path | None) -> LinkModel:
    values: dict[str, Any] = {}
    for key, value in settings.items():
        if key in _KEYS:
            name, factor = _KEYS[key]
            values[name] = _number(where, key, value) * factor
        elif key in _WHOLE_KEYS:
            if type(value) is not int:
                raise UsageError(f"profile {where}: {key} = {value!r} is not a whole number")
            values[key] = value
        elif key == "jitter_shape":
            values[key] = value
        elif key in ("rate_trace", "delay_trace"):
            if not isinstance(value, str):
                raise UsageError(f"profile {where}: {key} = {value!r} is not the name of a file")
            file = (path.parent if path else Path()) / value  # relative to the profile file
            values[key] = read_rate_trace(file) if key == "rate_trace" else read_delay_trace(file)
        elif key == "events":
            values[key] = _events(where, value)
        else:
            known = (*_KEYS, *_WHOLE_KEYS, *_OTHER_KEYS)
            near = get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UsageError(f"profile {where}: unknown key {key!r}{hint}")
    try:
        return LinkModel(**values)
    except UsageError as error:
        raise UsageError(f"profile {where}: {error}") from None


def _events(where: str, value: object) -> tuple[LinkEvent, ...]:
    if not isinstance(value, list):
        raise UsageError(f"profile {where}: events is not an array of tables")
    events: list[LinkEvent] = []
    for entry in value:
        if not isinstance(entry, dict) or "at_s" not in entry:
            raise UsageError(f"profile {where}: the event {entry!r} has no at_s")
        numbers: dict[str, float] = {}
        for key, number in entry.items():
            if key not in _EVENT_KEYS:
                raise UsageError(
                    f"profile {where}: unknown key {key!r} in an event; there are {', '.join(_EVENT_KEYS)}"
                )
            name, factor = _EVENT_KEYS[key]
            numbers[name] = _number(where, key, number) * factor
        events.append(LinkEvent(**numbers))
    return tuple(events)


def _number(where: str, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError(f"profile {where}: {key} = {value!r} is not a number")
    return float(value)
