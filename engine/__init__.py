"""Tickwire: an authoritative UDP game networking engine.

What a game author needs, in the order to read on:

1. `Field`, `Kind`, `Scope`     the schema: state as integers on a grid (`engine.world.schema`)
2. `Rows`, `World`              columns over that state (`engine.world.table`)
3. `Game`, `Inputs`, `Rewind`   what a game implements (`engine.game`), with `GameEvent` and `Verdict`
4. `Picture`, `Seen`            what players and bots see (`engine.world.picture`)
5. `MatchConfig` and others     the choices, each with its reason (`engine.config`)

Then `examples/` for a smallest game, `engine.server.session` and `engine.client.session` for the two ends of a match,
and `engine.lab` to play it over simulated links. `docs/ARCHITECTURE.md` is the map of the house.
"""

from engine.config import ClientConfig, MatchConfig, ServerConfig
from engine.errors import NetError, ProtocolError, UsageError
from engine.game import Brain, Game, GameEvent, GameFactory, Inputs, Rewind, Settings, Verdict
from engine.world.picture import Picture, Seen, View
from engine.world.schema import Field, Kind, Scope
from engine.world.table import Rows, Table, World

__all__ = [
    "Brain",
    "ClientConfig",
    "Field",
    "Game",
    "GameEvent",
    "GameFactory",
    "Inputs",
    "Kind",
    "MatchConfig",
    "NetError",
    "Picture",
    "ProtocolError",
    "Rewind",
    "Rows",
    "Scope",
    "Seen",
    "ServerConfig",
    "Settings",
    "Table",
    "UsageError",
    "Verdict",
    "View",
    "World",
]
