"""Scenarios: who plays, over which links, how long, and what happens meanwhile, as TOML or as command-line options.

    name = "Two links"                 seconds = 60      seed = 1
    game = "game.rules:Arena"          bots = 0          warmup = 3.0
    [settings]                         the game's own: map = "foundry"
    [match]                            tick_hz is the game's; snapshot_hz, rewind_limit, ... of MatchConfig
    [server]                           of ServerConfig
    [client]                           of ClientConfig
    [switches]                         of Switches: prediction = false
    [[players]]                        count = 8, link = "wifi", behaviour = "mixed", frame_hz = 60, name,
                                       joins_at, leaves_at
    [[events]]                         at = 20, then pause_server = 2 | link = "4g", and player = "name" (default: all)

All is checked before anything runs, and a wrong word is named together with those there are. docs/LAB.md is the guide.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, TypeVar

from engine.config import ClientConfig, MatchConfig, ServerConfig, Switches
from engine.errors import UsageError
from engine.game import Game, GameFactory, Settings
from engine.lab.match import WARMUP, LabEvent, PlayerSpec, VirtualMatch
from engine.lab.shots import TickRecord
from engine.transport.impairment import Profile, load_profile
from engine.world.table import World

DEFAULT_GAME = "game.rules:Arena"
MAX_PLAYERS = 1000
MAX_SECONDS = 24 * 3600.0
MAX_SCENARIO_BYTES = 1_000_000
"""Bytes of a scenario file; a larger one is not a scenario file."""

Config = TypeVar("Config", ClientConfig, MatchConfig, ServerConfig, Switches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All that decides a run: equal scenarios give equal bytes."""

    name: str = "run"
    about: str = ""
    game: str = DEFAULT_GAME
    settings: Mapping[str, Any] = field(default_factory=dict)
    players: tuple[PlayerSpec, ...] = ()
    bots: int = 0
    seconds: float = 60.0
    seed: int = 1
    warmup: float = WARMUP
    match: Mapping[str, Any] = field(default_factory=dict)
    """Of MatchConfig, and `snapshot_hz`; the tick rate is the game's."""
    server: ServerConfig = field(default_factory=ServerConfig)
    client: ClientConfig = field(default_factory=ClientConfig)
    events: tuple[LabEvent, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 < self.seconds <= MAX_SECONDS:
            raise UsageError(f"seconds must be above 0 and at most {MAX_SECONDS:g}, got {self.seconds:g}")
        if not 0.0 <= self.warmup < self.seconds:
            raise UsageError(f"warmup must be 0 to below the {self.seconds:g} s of the run, got {self.warmup:g}")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"seed must be 0 to {2**31 - 1}, got {self.seed}")
        if not 1 <= len(self.players) <= MAX_PLAYERS:
            raise UsageError(f"players must be 1 to {MAX_PLAYERS}, got {len(self.players)}")
        if not 0 <= self.bots <= MAX_PLAYERS:
            raise UsageError(f"bots must be 0 to {MAX_PLAYERS}, got {self.bots}")
        names = [player.name for player in self.players]
        if len(set(names)) != len(names):
            raise UsageError(f"two players are called {next(name for name in names if names.count(name) > 1)!r}")
        for event in self.events:
            if event.player is not None and event.player not in names:
                raise UsageError(f"an event names the player {event.player!r}; there are: {', '.join(names)}")

    @property
    def links(self) -> str:
        """The names of the links in use, for headings."""
        found = dict.fromkeys(player.link.name if player.link else "perfect" for player in self.players)
        return ", ".join(found)

    def make_game(self) -> tuple[GameFactory, Game]:
        """Return the game's factory, and the game. Raises UsageError."""
        factory = game_factory(self.game)
        return factory, factory(dict(self.settings))

    def match_config(self, game: Game) -> MatchConfig:
        """Return what the match is played with. Raises UsageError."""
        values = dict(self.match)
        hz = values.pop("snapshot_hz", None)
        if hz is not None:
            whole = isinstance(hz, int) and not isinstance(hz, bool)
            if not whole or not 1 <= hz <= game.tick_hz or game.tick_hz % hz:
                raise UsageError(f"snapshot_hz {hz} does not divide the game's {game.tick_hz} ticks a second")
            values["snapshot_every"] = game.tick_hz // hz
        return MatchConfig(tick_hz=game.tick_hz, **_checked(MatchConfig, "match", values))

    def check(self) -> None:
        """Make everything once that could be wrong. Raises UsageError."""
        self.prepare()

    def prepare(self, watch_tick: Callable[[TickRecord, World], None] | None = None) -> VirtualMatch:
        """Return the match, ready to run. Raises UsageError. watch_tick: see VirtualMatch."""
        factory, game = self.make_game()
        if len(self.players) + self.bots > game.player.capacity:
            raise UsageError(
                f"{len(self.players)} players and {self.bots} bots don't fit: {game.name} has room for "
                f"{game.player.capacity}"
            )
        return VirtualMatch(
            factory,
            list(self.players),
            seed=self.seed,
            settings=dict(self.settings),
            match=self.match_config(game),
            bots=self.bots,
            client=self.client,
            server=self.server,
            events=self.events,
            warmup=self.warmup,
            watch_tick=watch_tick,
        )


def uniform(
    link: str | Profile | None = None,
    players: int = 16,
    behaviour: str = "mixed",
    frame_hz: float = 60.0,
) -> tuple[PlayerSpec, ...]:
    """Return `players` equal players, P01 and on. Raises UsageError."""
    if not 1 <= players <= MAX_PLAYERS:
        raise UsageError(f"players must be 1 to {MAX_PLAYERS}, got {players}")
    profile = load_profile(link) if isinstance(link, str) else link
    return tuple(PlayerSpec(f"P{at + 1:02d}", profile, behaviour, frame_hz) for at in range(players))


def game_factory(name: str) -> GameFactory:
    """Return the factory of the game `module:Name`: its `factory`, or itself. Raises UsageError."""
    module, colon, _ = name.partition(":")
    if not colon:
        raise UsageError(f"--game {name!r} is not of the form module:Name, as in {DEFAULT_GAME}")
    try:
        found = resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"no game {name!r}: {error}") from None
    factory = getattr(found, "factory", found)
    if not callable(factory):
        raise UsageError(f"{name!r} makes no game: {type(factory).__name__} can't be called (module {module})")

    def make(settings: Settings) -> Game:
        try:
            game: Game = factory(settings)
        except TypeError as error:
            raise UsageError(f"{name!r} makes no game from settings: {error}") from error
        return game

    return make


def with_values(config: Config, values: Mapping[str, Any], where: str) -> Config:
    """Return `config` with `values` in place of its own. Raises UsageError naming the fields there are."""
    return replace(config, **_checked(type(config), where, values))


def _checked(kind: type[Any], where: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values`, each known to `kind` and of its field's type."""
    known = {each.name: each for each in fields(kind) if each.name != "switches" and each.name != "tick_hz"}
    checked: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise UsageError(f"[{where}] {_unknown(key, known)}")
        wanted = str(known[key].type)
        good = {
            "int": isinstance(value, int) and not isinstance(value, bool),
            "float": isinstance(value, int | float) and not isinstance(value, bool),
            "bool": isinstance(value, bool),
        }.get(wanted, True)
        if not good:
            raise UsageError(f"[{where}] {key} must be {wanted}, got {value!r}")
        checked[key] = float(value) if wanted == "float" else value
    return checked


def _unknown(key: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    near = get_close_matches(key, list(known), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{key!r} is unknown; {hint}There are: {', '.join(known)}"


# Files ---------------------------------------------------------------------------------------------------------------

_SIMPLE = {"name": str, "about": str, "game": str, "bots": int, "seconds": float, "seed": int, "warmup": float}
_TABLES = ("settings", "match", "server", "client", "switches")
_TOP = (*_SIMPLE, *_TABLES, "players", "events")
_PLAYER = {
    "count": int,
    "name": str,
    "link": str,
    "behaviour": str,
    "frame_hz": float,
    "joins_at": float,
    "leaves_at": float,
}
_EVENT = {"at": float, "pause_server": float, "link": str, "player": str}


def scenario_names() -> list[str]:
    """Return the names of the scenarios that come with the engine."""
    folder = files("engine.lab").joinpath("scenarios")
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_scenario(which: str) -> Scenario:
    """Return the scenario in the file `which`, or the engine's of that name. Raises UsageError."""
    try:
        if which.endswith(".toml"):
            path = Path(which)
            if path.stat().st_size > MAX_SCENARIO_BYTES:
                raise UsageError(f"{which}: larger than {MAX_SCENARIO_BYTES} bytes; is it a scenario file?")
            text = path.read_text(encoding="utf-8")
        elif which in scenario_names():
            text = files("engine.lab").joinpath("scenarios", f"{which}.toml").read_text(encoding="utf-8")
        else:
            raise UsageError(f"no scenario {which!r}; there are: {', '.join(scenario_names())}, or a FILE.toml")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{which}: can't read the scenario: {error}") from None
    try:
        return parse_scenario(tomllib.loads(text), Path(which).stem)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{which}: {error}") from None
    except UsageError as error:
        raise UsageError(f"{which}: {error}") from None


def parse_scenario(table: Mapping[str, Any], name: str = "scenario") -> Scenario:
    """Return the scenario that `table`, as read from TOML, describes. Raises UsageError."""
    for key in table:
        if key not in _TOP:
            raise UsageError(_unknown(key, _TOP))
    values: dict[str, Any] = {"name": name}
    for key, kind in _SIMPLE.items():
        if key in table:
            values[key] = _typed(key, table[key], kind)
    for key in _TABLES:
        if not isinstance(table.get(key, {}), dict):
            raise UsageError(f"{key} is not a table: write [{key}]")
    switches = with_values(Switches(), table.get("switches", {}), "switches")
    values["settings"] = table.get("settings", {})
    values["match"] = table.get("match", {})
    values["server"] = replace(with_values(ServerConfig(), table.get("server", {}), "server"), switches=switches)
    values["client"] = replace(with_values(ClientConfig(), table.get("client", {}), "client"), switches=switches)
    players: list[PlayerSpec] = []
    for entry in _tables(table, "players", _PLAYER):
        players += _players(entry, len(players))
    values["players"] = tuple(players) if players else uniform()
    values["events"] = tuple(_event(entry) for entry in _tables(table, "events", _EVENT))
    return Scenario(**values)


def _players(entry: dict[str, Any], before: int) -> list[PlayerSpec]:
    count = entry.pop("count", 1)
    if not 1 <= count <= MAX_PLAYERS:
        raise UsageError(f"players: count must be 1 to {MAX_PLAYERS}, got {count}")
    link = load_profile(entry.pop("link")) if "link" in entry else None
    name = entry.pop("name", None)
    if not 1.0 <= entry.get("frame_hz", 60.0) <= 1000.0:
        raise UsageError(f"players: frame_hz must be 1 to 1000, got {entry['frame_hz']:g}")
    for key in ("joins_at", "leaves_at"):
        if entry.get(key, 0.0) < 0.0:
            raise UsageError(f"players: {key} must not be negative, got {entry[key]:g}")
    if entry.get("leaves_at", float("inf")) <= entry.get("joins_at", 0.0):
        raise UsageError(f"players: leaves_at {entry['leaves_at']:g} is not after joins_at")
    made = []
    for at in range(count):
        own = f"P{before + at + 1:02d}" if name is None else name if count == 1 else f"{name} {at + 1}"
        made.append(PlayerSpec(own, link, **entry))
    return made


def _event(entry: dict[str, Any]) -> LabEvent:
    if "at" not in entry:
        raise UsageError(f"the event {entry!r} has no at")
    for key in ("at", "pause_server"):
        if entry.get(key, 0.0) < 0.0:
            raise UsageError(f"events: {key} must not be negative, got {entry[key]:g}")
    if ("pause_server" in entry) == ("link" in entry):
        raise UsageError(f"the event at {entry['at']:g} must have either pause_server or link")
    link = load_profile(entry["link"]) if "link" in entry else None
    return LabEvent(entry["at"], entry.get("pause_server", 0.0), link, entry.get("player"))


def _tables(table: Mapping[str, Any], key: str, known: Mapping[str, type]) -> list[dict[str, Any]]:
    entries = table.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{key} is not an array of tables: write [[{key}]]")
    found = []
    for entry in entries:
        for name in entry:
            if name not in known:
                raise UsageError(f"[[{key}]] {_unknown(name, known)}")
        found.append({name: _typed(f"{key}: {name}", value, known[name]) for name, value in entry.items()})
    return found


def _typed(key: str, value: Any, kind: type) -> Any:
    good = isinstance(value, int | float) if kind is float else isinstance(value, kind)
    if not good or (isinstance(value, bool) and kind is not bool):
        words = {int: "a whole number", float: "a number", str: "a text"}[kind]
        raise UsageError(f"{key} must be {words}, got {value!r}")
    return float(value) if kind is float else value
