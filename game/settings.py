"""What a player chose, kept from one evening to the next: a JSON file in the platform's folder for such things.

A settings file is edited by people, by other versions, and by power cuts. So: a key that this version does not know is
kept and told; a value that can't be is told and left as it stands until the player sets another; a file that is no JSON
is kept aside under another name; and a file is written whole, beside the old one, and then takes its place.

Keys are named as SDL names them ("w", "left shift"), mouse buttons "mouse 1" to "mouse 9": this module knows no pygame.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.errors import NetError, UsageError
from engine.identity import clean_name
from engine.text import printable

MAX_FILE_BYTES = 256 * 1024
"""Ours are 2 KiB; what is larger is no settings file."""
SERVERS_KEPT = 24
"""Favourite servers, and recent ones, at most."""
KEYS_PER_ACTION = 4

FRAME_CAPS = (60, 75, 90, 120, 144, 165, 240)
"""Frames a second offered; any from the first to the last can stand in the file."""
RESOLUTIONS = ((1280, 720), (1600, 900), (1920, 1080), (2560, 1440), (3840, 2160))
"""Window sizes offered."""
PALETTES = ("standard", "colour-blind")
COLOURS = ("by seat", "sky", "orange", "green", "yellow", "vermilion", "pink", "blue", "white")
"""How the own player is coloured on the own screen: by its seat in the match, as others see it, or always alike."""

DEFAULT_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "up": ("w", "up"),
        "down": ("s", "down"),
        "left": ("a", "left"),
        "right": ("d", "right"),
        "fire": ("mouse 1", "space"),
        "dash": ("left shift", "mouse 3"),
        "weapon 1": ("1", "[1]"),
        "weapon 2": ("2", "[2]"),
        "weapon 3": ("3", "[3]"),
        "scores": ("tab",),
        "chat": ("return",),
        "team chat": ("t",),
        "net graph": ("f3",),
        "verdicts": ("f4",),
    }
)
"""Actions and the keys that do them, unless the player says otherwise."""

INPUT_DELAYS = ("automatic", "none", "1 tick", "2 ticks", "3 ticks")
"""After how long the own player answers to an input; the choices of `engine.client.input_delay`, from -1 on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One player's choices. Raises UsageError on a value that can't be.

    volume: 0..1. resolution: of the window, pixels. frame_cap: frames a second at most. input_delay: one of
    INPUT_DELAYS. keep_replays: every match is recorded. keys: by action, as in `DEFAULT_KEYS`; all actions are there.
    favourites, recent: servers as host:port, the latest first.
    """

    name: str = "player"
    colour: str = "by seat"
    palette: str = "standard"
    volume: float = 0.7
    resolution: tuple[int, int] = (1280, 720)
    full_screen: bool = False
    frame_cap: int = 120
    screen_shake: bool = True
    input_delay: str = "automatic"
    keep_replays: bool = True
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(DEFAULT_KEYS))
    favourites: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name != clean_name(self.name):
            raise UsageError(f"name: {self.name!r} has spaces around it, or is not composed")
        _one_of("colour", self.colour, COLOURS)
        _one_of("palette", self.palette, PALETTES)
        _one_of("input_delay", self.input_delay, INPUT_DELAYS)
        _between("volume", self.volume, 0.0, 1.0)
        _between("frame_cap", self.frame_cap, FRAME_CAPS[0], FRAME_CAPS[-1])
        _between("resolution's width", self.resolution[0], 320, 7680)
        _between("resolution's height", self.resolution[1], 200, 4320)
        if self.keys.keys() != DEFAULT_KEYS.keys():
            raise UsageError(f"keys: the actions are {', '.join(DEFAULT_KEYS)}")
        for names in (self.favourites, self.recent):
            if len(names) > SERVERS_KEPT:
                raise UsageError(f"at most {SERVERS_KEPT} servers are kept, got {len(names)}")

    def with_key(self, action: str, key: str) -> Settings:
        """Return these settings with `key` doing `action` alone: what else it did, and what else did it, is given up.

        Of an action whose last key is taken, nothing is left: it is shown as such, and can be given another.
        """
        keys = {other: tuple(name for name in names if name != key) for other, names in self.keys.items()}
        return replace(self, keys=keys | {action: (key,)})

    def with_recent(self, server: str) -> Settings:
        """Return these settings with `server` the latest of the recent ones."""
        rest = tuple(other for other in self.recent if other != server)
        return replace(self, recent=(server, *rest)[:SERVERS_KEPT])

    def with_favourite(self, server: str, on: bool) -> Settings:
        """Return these settings with `server` a favourite, or no longer."""
        rest = tuple(other for other in self.favourites if other != server)
        return replace(self, favourites=((server, *rest) if on else rest)[:SERVERS_KEPT])


def settings_path(platform: str, environ: Mapping[str, str], home: Path) -> Path:
    """Return where settings are kept: `platform` as `sys.platform` says it, `environ` as the process has it."""
    if platform == "win32":
        return Path(environ.get("APPDATA") or home / "AppData" / "Roaming") / "Tickwire" / "settings.json"
    if platform == "darwin":
        return home / "Library" / "Application Support" / "Tickwire" / "settings.json"
    folder = Path(environ.get("XDG_CONFIG_HOME") or ".")
    # The standard says to pass over a relative path.
    return (folder if folder.is_absolute() else home / ".config") / "tickwire" / "settings.json"


def replays_path(platform: str, environ: Mapping[str, str], home: Path) -> Path:
    """Return the folder that replays are kept in, with arguments as of `settings_path`."""
    if platform in ("win32", "darwin"):
        return settings_path(platform, environ, home).with_name("replays")
    folder = Path(environ.get("XDG_DATA_HOME") or ".")
    return (folder if folder.is_absolute() else home / ".local" / "share") / "tickwire" / "replays"


class SettingsFile:
    """The file at `path`, read at once.

    settings: what is chosen now. notices: what was wrong with the file, a line each, for the player.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notices: list[str] = []
        self._raw: dict[str, Any] = self._read()
        self.settings = self._loaded = self._taken()

    def save(self, settings: Settings) -> None:
        """Take `settings` and write them. Raises NetError, with them taken, when they can't be written."""
        self.settings = settings
        for each in fields(Settings):
            value = getattr(settings, each.name)
            if value != getattr(self._loaded, each.name):
                self._raw[each.name] = _plain(value)
        self._loaded = settings
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("w", encoding="utf-8") as file:
                json.dump(self._raw, file, indent=2, ensure_ascii=False)
                file.write("\n")
                file.flush()
                # Or a power cut could leave the new name with nothing behind it.
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise NetError(f"can't write the settings {self.path}: {error.strerror or error}") from error

    def _read(self) -> dict[str, Any]:
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.notices.append(f"can't read the settings {self.path}: {error.strerror or error}")
            return {}
        try:
            if len(data) > MAX_FILE_BYTES:
                raise ValueError(f"over {MAX_FILE_BYTES} bytes")
            raw = json.loads(data.decode("utf-8"))
            if not isinstance(raw, dict):
                raise ValueError("no JSON object")
        except (ValueError, RecursionError) as error:
            self._keep_aside(str(error))
            return {}
        return raw

    def _keep_aside(self, why: str) -> None:
        number = 1
        while (aside := self.path.with_name(f"{self.path.stem}.broken-{number}{self.path.suffix}")).exists():
            number += 1
        try:
            self.path.rename(aside)
            kept = f"kept aside as {aside.name}"
        except OSError as error:
            kept = f"and can't be kept aside: {error.strerror or error}"
        self.notices.append(printable(f"the settings {self.path} could not be read ({why}): {kept}"))

    def _taken(self) -> Settings:
        """Return what the file says, where that can be, else the defaults."""
        settings = Settings()
        known = {each.name for each in fields(Settings)}
        for name, value in self._raw.items():
            if name not in known:
                self.notices.append(printable(f"settings: there is no {name[:40]!r} in this version; it is kept"))
                continue
            try:
                settings = replace(settings, **{name: _read_value(name, value, getattr(settings, name))})
            except UsageError as error:
                self.notices.append(printable(f"settings: {error}; the default is taken"))
        return settings


def _read_value(name: str, value: Any, default: Any) -> Any:
    """Return a JSON value as the setting `name` has it. Raises UsageError."""
    if name == "keys":
        return _read_keys(value)
    if name == "resolution":
        if not (isinstance(value, list) and len(value) == 2 and all(type(each) is int for each in value)):
            raise UsageError(f"resolution is [width, height], got {_short(value)}")
        return tuple(value)
    if isinstance(default, tuple):
        if not (isinstance(value, list) and all(isinstance(each, str) and len(each) < 300 for each in value)):
            raise UsageError(f"{name} is a list of servers, got {_short(value)}")
        return tuple(value)[:SERVERS_KEPT]
    right = type(value) in (int, float) if isinstance(default, float) else type(value) is type(default)
    if not right:
        raise UsageError(f"{name} is like {json.dumps(default)}, got {_short(value)}")
    return value


def _read_keys(value: Any) -> dict[str, tuple[str, ...]]:
    """Return bindings, with the defaults for actions that the file does not name."""
    if not isinstance(value, dict):
        raise UsageError(f"keys is an object of actions, got {_short(value)}")
    keys = dict(DEFAULT_KEYS)
    for action, names in value.items():
        if not (isinstance(names, list) and all(isinstance(each, str) and len(each) < 40 for each in names)):
            raise UsageError(f"keys: {action[:40]!r} is a list of keys, got {_short(names)}")
        if action in keys:  # one of a later version stays in the file
            keys[action] = tuple(names)[:KEYS_PER_ACTION]
    return keys


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: list(each) for key, each in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{name} is one of {', '.join(known)}, got {value[:40]!r}")


def _between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # so written, NaN is out of it, too
        raise UsageError(f"{name} is {low} to {high}, got {value}")
