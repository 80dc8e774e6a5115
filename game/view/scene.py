"""What one frame shows, as plain data: the renderer takes this and knows no session, clock or device.

The client fills a `Scene` each frame from its session; tests, the bench and replays fill it from anything else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from engine.game import GameEvent, Verdict
from engine.world.picture import Picture
from game.view.palette import STANDARD, Palette


@dataclass(frozen=True, slots=True)
class ShotVerdict:
    """A judged shot for the overlay: what the shooter aimed at, where it was drawn and where the server put it.

    shown: `Scene.time` at which it came; it fades from then. target: the row aimed at, None when there was none.
    drawn, judged: the target's centre in the client's picture and in the server's rewound one, px; None if unknown.
    """

    verdict: Verdict
    shown: float
    target: int | None
    drawn: tuple[float, float] | None
    judged: tuple[float, float] | None


@dataclass(slots=True)
class Scene:
    """One frame. Positions are the game's own unit, pixels of the map; `time` is seconds from any start.

    picture: what is seen; it may be empty while there is nothing to see.
    names, pings: by player row; a row without a name is shown by its number, one without a ping by a dash.
    bots, away: player rows that a bot plays, and those whose player is waited for.
    own_row: the row played here; None for a spectator. watched: whom one looks at who does not play, or is dead; None:
    a spectator at who leads, the dead where they fell. place: where one's camera flies instead, px; None: nowhere.
    time: every animation follows it. When it runs backwards (a replay), what was on its way is forgotten.
    events: those newly due this frame, each shown once.
    verdicts: judged shots to overlay, newest last.
    status: "" when in the match, else what is happening, in words, shown over everything.
    notice: what whoever runs the server has said lately; "" most of the time.
    cursor: the mouse on the surface in px; None when there is none (bots, replays): the crosshair follows the aim.
    show_scores: the scoreboard is held open.
    palette: the colours of players and states.
    """

    picture: Picture
    names: Mapping[int, str] = field(default_factory=dict)
    own_row: int | None = None
    time: float = 0.0
    events: Sequence[GameEvent] = ()
    verdicts: Sequence[ShotVerdict] = ()
    status: str = ""
    notice: str = ""
    pings: Mapping[int, int] = field(default_factory=dict)
    bots: Collection[int] = ()
    away: Collection[int] = ()
    tick_hz: int = 60
    cursor: tuple[int, int] | None = None
    show_scores: bool = False
    watched: int | None = None
    place: tuple[float, float] | None = None
    palette: Palette = STANDARD


@dataclass(slots=True)
class NetFigures:
    """What the net graph shows, as of this frame. Rates are per second, losses 0..100; `_ms` because people read it.

    corrections, resimulated, starved: totals since the session began; the graph shows their growth. off: the mechanisms
    that the player has switched off.
    """

    tick: int = 0
    fps: float = 0.0
    rtt_ms: float = 0.0
    jitter_ms: float = 0.0
    loss_in_percent: float = 0.0
    loss_out_percent: float = 0.0
    snapshot_bytes: int = 0
    down_kbit_s: float = 0.0
    up_kbit_s: float = 0.0
    lead_ticks: float = 0.0
    input_delay_ticks: float = 0.0
    interpolation_delay_ms: float = 0.0
    corrections: int = 0
    resimulated: int = 0
    starved: int = 0
    off: tuple[str, ...] = ()
