"""Arena's state, inputs and events: the names that the rules, the renderer, the bots and the lab share.

Positions are in 1/64 pixel (`GRID`), velocities in the same units per tick, so that a row's position after a tick is
its position before plus its velocity, exactly, and integer dead reckoning is exact on every straight run. Angles are
65536 to a full turn, 0 along +x and 16384 along +y, which is down on the screen.

What it does not do: say what the numbers mean in play (speeds, damage, cooldowns: the modules of the rules).
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

from engine.world.schema import Field, Kind, Scope

GRID = 64
"""Grid units in a pixel: a 64th of a pixel is below what a screen shows, and int32 then spans 33 million pixels."""

TURN = 65536
"""Aim units in a full turn: a uint16."""

MAX_PLAYERS = 64
"""The most players one match can have, and how many it has room for unless told otherwise."""

MAX_ROCKETS = 256
"""Rockets in flight: 64 players x a shot each 0.8 s x 3.2 s mean flight. When full, no more appear."""


MAX_TEAMS = 4
"""As many as there are colours that are told apart at a glance."""

MAX_PICKUPS = 64
"""Pick-ups on a map."""


class Button(IntFlag):
    """Bits of the input's `buttons`."""

    UP = 1
    DOWN = 2
    LEFT = 4
    RIGHT = 8
    FIRE = 16
    ALT = 32
    """Reserved: a weapon's second function."""
    DASH = 64
    """A burst of speed where the direction buttons point, or along the aim."""


MOVE_BUTTONS = int(Button.UP | Button.DOWN | Button.LEFT | Button.RIGHT)
"""The four direction bits: `buttons & MOVE_BUTTONS` is one of 16 ways to walk."""


class Weapon(IntEnum):
    """Values of a player's and an input's `weapon`. An input's unknown number counts as the last one here."""

    RAIL = 0
    ROCKET = 1
    REPEATER = 2


class Item(IntEnum):
    """What a pick-up gives: values of its `item`."""

    HEALTH = 0
    ARMOUR = 1
    AMMUNITION = 2


class Phase(IntEnum):
    """Values of the match's `phase`."""

    WARMUP = 0
    """Before a round: nothing counts. Its clock stands while fewer than two players are there."""
    ROUND = 1
    RESULTS = 2
    """After a round: scores stand, nobody is hurt."""


class Event(IntEnum):
    """`GameEvent.code`, and what `args` are. Positions in grid units, players by row; `to` is None unless said."""

    RAIL = 1
    """A rail shot's trace: shooter, x0, y0, x1, y1, the row hit or -1."""
    EXPLOSION = 2
    """A rocket went off: x, y, owner."""
    KILL = 3
    """A player died: victim, killer (the victim itself: suicide), weapon."""
    HIT = 4
    """To the shooter alone: victim, damage done, what armour took included."""
    SPAWN = 5
    """A player came back to life: row, x, y. Joining has no event: the row appears."""
    JUMP = 6
    """Reserved."""
    PICKUP = 7
    """Something was picked up: pick-up row, Item, player row, how much of it the player took."""
    ROUND = 8
    """A phase began: Phase, round (from 1), index of the map in the rotation, and at RESULTS the winner: a player row,
    or a team where there are teams; -1 when nobody won, and in other phases."""

    # A dash and a shot of the repeater have no event: they are told by the rows' counters `dashes` and `shots`, which
    # the player's own client predicts.


_UNIT = 1 / GRID

# How far a published row may be from the true one. Three quarters of a pixel keeps what others see within a pixel; a
# velocity 8 off (7.5 px/s at 60 Hz) reaches that limit in six ticks and is renewed then; half a degree of aim is
# not seen.
_POSITION_THRESHOLD = 48
_VELOCITY_THRESHOLD = 8
_AIM_THRESHOLD = 384

# Others are told positions in eighths of a pixel and aim in 256 steps of a turn: most changes are then one byte, and a
# barrel drawn a degree off is not seen. A player's own row, which its shots start from, is exact.
_COARSE = 3
_AIM_COARSE = 8

_PLAYER_FIELDS = (
    Field("x", "int32", _UNIT, threshold=_POSITION_THRESHOLD, coarse=_COARSE, rate="vx", smooth=True),
    Field("y", "int32", _UNIT, threshold=_POSITION_THRESHOLD, coarse=_COARSE, rate="vy", smooth=True),
    Field("vx", "int16", _UNIT, threshold=_VELOCITY_THRESHOLD, coarse=_COARSE),
    Field("vy", "int16", _UNIT, threshold=_VELOCITY_THRESHOLD, coarse=_COARSE),
    Field("aim", "uint16", threshold=_AIM_THRESHOLD, coarse=_AIM_COARSE, wrap=True, smooth=True),
    Field("health", "uint8", predicted=False),  # 0: dead
    Field("weapon", "uint8"),
    Field("score", "int16", predicted=False),
    Field("deaths", "int16", predicted=False),
    Field("spawns", "uint8", wrap=True, predicted=False),  # the row jumped: it was put on a spawn point
    Field("shoves", "uint8", wrap=True, predicted=False),  # the row was moved from outside: knockback, death, respawn
    Field("team", "uint8", predicted=False),  # 0: none, each for itself
    Field("shots", "uint8", wrap=True),  # counts shots of whatever weapon is in hand
    Field("dashes", "uint8", wrap=True),  # counts dashes
    Field("armour", "uint8", predicted=False),
    Field("guarded", "bool", predicted=False),  # just came to life: can't be hurt until it shoots
    Field("rail_ready", "int16", scope=Scope.OWNER),  # ticks until it can fire
    Field("rocket_ready", "int16", scope=Scope.OWNER),
    Field("repeater_ready", "int16", scope=Scope.OWNER),
    Field("dash_ready", "int16", scope=Scope.OWNER),  # ticks until the next dash; the first of them are the dash itself
    Field("ammo", "uint8", scope=Scope.OWNER),  # rockets left
    Field("bullets", "uint8", scope=Scope.OWNER),  # the repeater's
    Field("respawn", "int16", scope=Scope.OWNER, predicted=False),  # ticks until a dead player lives again
    Field("arena", "uint8", scope=Scope.OWNER, predicted=False),  # index of the map it stands on: `predict` needs it
    Field("guard", "int16", scope=Scope.SERVER),  # ticks until `guarded` ends
)


def player_kind(max_players: int = MAX_PLAYERS) -> Kind:
    """Return the kind of the players' rows, with room for `max_players`."""
    return Kind("player", _PLAYER_FIELDS, max_players, teleport="spawns", shove="shoves")


PLAYER = player_kind()
"""The players' kind at full size. Its field order is that of every match, whatever its `max_players`."""

ROCKET = Kind(
    "rocket",
    (
        Field("x", "int32", _UNIT, rate="vx", smooth=True),
        Field("y", "int32", _UNIT, rate="vy", smooth=True),
        Field("vx", "int16", _UNIT),
        Field("vy", "int16", _UNIT),
        Field("owner", "uint8"),  # the player row that fired it
        Field("input_tick", "uint16", wrap=True),  # tick of the input that fired it, low 16 bits
        Field("fuse", "int16", scope=Scope.SERVER),  # ticks until it meets a wall or its life ends
    ),
    MAX_ROCKETS,
)
"""Rockets fly straight at constant speed: dead reckoning tells where they are, and in flight they cost no bytes."""

PICKUP = Kind(
    "pickup",
    (
        Field("x", "int32", _UNIT),
        Field("y", "int32", _UNIT),
        Field("item", "uint8"),  # an Item
        Field("ready", "bool"),  # it lies there
        Field("wait", "int16", scope=Scope.SERVER),  # ticks until it lies there again; players keep such times in mind
    ),
    MAX_PICKUPS,
)
"""What lies about on the map that is being played. Rows stand still: only `ready` is ever sent again."""

MATCH = Kind(
    "match",
    (
        Field("clock", "int32", rate="pace"),  # ticks until the phase ends; 0 where it has no end
        Field("pace", "int8"),  # what a tick adds to the clock: -1, or 0 while it stands
        Field("phase", "uint8"),  # a Phase
        Field("round", "uint16"),  # from 1
        Field("arena", "uint8"),  # index of the map in the rotation
        *(Field(f"score{team}", "int16") for team in range(1, MAX_TEAMS + 1)),
    ),
    1,
)
"""The match as a whole, always alive in row 0. Its clock is dead-reckoned, and so costs no bytes while it runs."""

INPUT = Kind(
    "input",
    (
        Field("buttons", "uint8"),  # bits of Button
        Field("aim", "uint16", wrap=True),
        Field("weapon", "uint8"),  # a Weapon
    ),
    1,
)
"""One tick's input of one player."""
