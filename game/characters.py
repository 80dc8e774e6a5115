"""Who bots are: what they are after (behaviour), and how well they do it (skill)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from engine.errors import UsageError


class Travel(Enum):
    """Where a bot goes while it fights nobody."""

    NOWHERE = "nowhere"
    CIRCLE = "circle"
    ROAM = "roam"  # from place to place
    HUNT = "hunt"  # to where the nearest enemy is
    MIXED = "mixed"  # hunts most of the time, else roams


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A way to play. fights: aims and shoots at who it sees. strafes: moves round its target meanwhile. pauses: stands
    still at odd moments, which is the hardest movement to extrapolate."""

    travel: Travel
    fights: bool
    strafes: bool = False
    pauses: bool = False


BEHAVIOURS = {
    "mixed": Behaviour(Travel.MIXED, fights=True, strafes=True),
    "runner": Behaviour(Travel.ROAM, fights=False),
    "circle": Behaviour(Travel.CIRCLE, fights=False),
    "duel": Behaviour(Travel.HUNT, fights=True, strafes=True),
    "stop-and-go": Behaviour(Travel.ROAM, fights=True, pauses=True),
    "afk": Behaviour(Travel.NOWHERE, fights=False),
}


@dataclass(frozen=True, slots=True)
class Skill:
    """How well a bot plays.

    reaction: seconds between two looks around. turn_rate: full turns per second an aim can swing. turn_ease: per
    second, the part of what is left to turn that is turned; an aim slows down as it settles. aim_error: radians off, at
    most, each way. leads: the part of a target's way that is aimed ahead. dodges: how often a rocket that comes is
    stepped aside from, 0..1. dashes: uses the dash for it.
    """

    reaction: float
    turn_rate: float
    turn_ease: float
    aim_error: float
    leads: float
    dodges: float
    dashes: bool


SKILLS = {
    "easy": Skill(0.35, 0.8, 7.0, 0.11, 0.5, 0.15, dashes=False),
    # 0.045 radians are 29 px at 640 px: about half of the far shots at a player miss.
    "normal": Skill(0.15, 1.6, 12.0, 0.045, 1.0, 0.6, dashes=True),
    "hard": Skill(0.08, 2.6, 18.0, 0.018, 1.0, 1.0, dashes=True),
}

USUAL_SKILL = "normal"


def parse_behaviour(text: str) -> tuple[Behaviour, Skill]:
    """Return what "NAME" or "NAME:SKILL" names. Raises UsageError naming those there are."""
    name, colon, skill = text.partition(":")
    if name not in BEHAVIOURS:
        raise UsageError(f"no behaviour {name!r}; there are: {', '.join(BEHAVIOURS)}")
    if colon and skill not in SKILLS:
        raise UsageError(f"no skill {skill!r} in {text!r}; there are: {', '.join(SKILLS)}")
    return BEHAVIOURS[name], SKILLS[skill or USUAL_SKILL]
