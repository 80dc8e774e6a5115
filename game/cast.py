"""The server's own bots: what they are called, and whose mind each has.

Bots of one skill share a mind (it remembers each row apart): those who look around in one tick look together. A tick of
48 bots takes 2.9 ms so, and 4.8 with a mind for each.
"""

from __future__ import annotations

from engine.errors import UsageError
from engine.game import Brain
from game.characters import SKILLS
from game.rules import Arena

NAMES = (
    *("Ada", "Bell", "Curie", "Dijkstra", "Euler", "Faraday", "Gauss", "Hopper", "Ibn", "Joule", "Kepler", "Lamarr"),
    *("Maxwell", "Noether", "Ohm", "Pascal", "Ramanujan", "Somerville", "Turing", "Volta", "Wu", "Yalow", "Zeno"),
)
"""In the order in which they come; the match numbers those it has twice."""
MIXED = "mixed"
CASTS = (*SKILLS, MIXED)
"""What a cast may be: all of one skill, or each in turn."""


class Cast:
    """Makes bots for `game`. skill: one of `CASTS`. Raises UsageError on another."""

    def __init__(self, game: Arena, skill: str, seed: int) -> None:
        if skill not in CASTS:
            raise UsageError(f"no skill {skill!r}; there are: {', '.join(CASTS)}")
        skills = tuple(SKILLS) if skill == MIXED else (skill,)
        self._minds = [game.brain(f"mixed:{each}", seed * 1000 + number) for number, each in enumerate(skills)]

    def make(self, number: int) -> tuple[str, Brain]:
        """Return the name and the mind of bot `number`, from 0."""
        return NAMES[number % len(NAMES)], self._minds[number % len(self._minds)]
