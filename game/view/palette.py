"""The colours of the game: a dark cool floor, so that everything that matters is brighter than it.

The player colours are the eight of Okabe and Ito (2008), which stay apart under the common kinds of colour blindness,
made brighter where they would sink into the floor. Colour alone never carries a meaning: players past the eighth wear
the same colours with a further mark on the hull, and bars and messages say in words or length what they say in colour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

Colour = tuple[int, int, int]

PLAYERS: tuple[Colour, ...] = (
    (96, 190, 245),  # sky blue
    (245, 170, 20),  # orange
    (20, 190, 140),  # bluish green
    (245, 232, 80),  # yellow
    (232, 96, 24),  # vermilion
    (225, 130, 190),  # reddish purple
    (70, 120, 245),  # blue
    (225, 228, 235),  # white, for Okabe and Ito's black
)

TEAMS: tuple[Colour, ...] = (PLAYERS[4], PLAYERS[0], PLAYERS[3], PLAYERS[5])
"""The colours of teams 1 to 4."""

MARKS = 4
"""How many hull marks there are: none, a bar, two bars, a ring. 32 players in all before two look alike."""

WHITE: Colour = (255, 255, 255)
INK: Colour = (232, 238, 246)
FAINT: Colour = (138, 150, 168)
DARK: Colour = (10, 12, 17)
PANEL: Colour = (13, 16, 22)
PANEL_ALPHA = 205
"""How opaque panels over the game are, of 255: words stand out, and what moves below is still seen."""
EDGE: Colour = (52, 62, 78)

GOOD: Colour = (72, 214, 140)
FAIR: Colour = (246, 196, 60)
BAD: Colour = (255, 84, 70)

RAIL: Colour = (92, 220, 255)
ROCKET: Colour = (255, 150, 50)
REPEATER: Colour = (190, 240, 90)
ARMOUR: Colour = (120, 176, 255)
DASH: Colour = (255, 220, 120)
BLOOD: Colour = (255, 40, 30)

WEAPONS: tuple[tuple[str, Colour], ...] = (("RAIL", RAIL), ("ROCKET", ROCKET), ("REPEATER", REPEATER))
"""Name and colour of each weapon number."""


def mix(a: Colour, b: Colour, part: float) -> Colour:
    """Return the colour `part` (0..1) of the way from `a` to `b`."""
    return (
        round(a[0] + (b[0] - a[0]) * part),
        round(a[1] + (b[1] - a[1]) * part),
        round(a[2] + (b[2] - a[2]) * part),
    )


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours that tell players and states apart, as this player chose them.

    players: by seat, 8 of them. teams: of teams 1 to 4. good, fair, bad: of health, ping and verdicts.
    """

    players: tuple[Colour, ...] = PLAYERS
    teams: tuple[Colour, ...] = TEAMS
    good: Colour = GOOD
    fair: Colour = FAIR
    bad: Colour = BAD

    def look(self, row: int, team: int = 0) -> tuple[Colour, int]:
        """Return colour and number of the hull mark (below `MARKS`) of player row `row`; a team wears one colour."""
        if team > 0:
            return self.teams[(team - 1) % len(self.teams)], row % MARKS
        return self.players[row % len(self.players)], row // len(self.players) % MARKS

    def health(self, part: float) -> Colour:
        """Return the colour of a health bar filled to `part` (0..1)."""
        bad, fair, good = self.bad, self.fair, self.good
        return mix(bad, fair, part * 2.0) if part < 0.5 else mix(fair, good, part * 2.0 - 1.0)

    def seated(self, row: int, colour: int) -> Palette:
        """Return this palette with `row` in colour number `colour`, and whoever had that in the colour of `row`."""
        players = list(self.players)
        at = row % len(players)
        players[at], players[colour] = players[colour], players[at]
        return replace(self, players=tuple(players))


STANDARD = Palette()
COLOUR_BLIND = Palette(
    # Blue and orange stay apart under every common kind of colour blindness, and from dark to bright in between.
    teams=((245, 150, 20), (60, 140, 250), (250, 240, 110), (225, 228, 235)),
    good=(80, 170, 255),
    fair=(250, 230, 90),
    bad=(240, 110, 20),
)
PALETTES: dict[str, Palette] = {"standard": STANDARD, "colour-blind": COLOUR_BLIND}
"""By the names of `game.settings.PALETTES`."""


def look(row: int, team: int = 0) -> tuple[Colour, int]:
    """Return what `STANDARD.look` does."""
    return STANDARD.look(row, team)
