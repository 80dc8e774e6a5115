"""Playing without a window: a table in the terminal once a second, and a picture drawn now and then if one is wanted.

It needs no pygame: who wants a picture brings the screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from engine.world.picture import Picture
from game.terminal import LinkLine, PlayerLine, Table
from game.view.loop import Loop

if TYPE_CHECKING:  # it imports pygame
    from game.view.screen import Screen

FRAME_HZ = 60.0
"""Frames per second, where nothing else sets the pace."""
DRAWN_EVERY = 6
"""Frames per drawn one where nobody looks: only the last is kept, but what moves must have moved before."""


def run_headless(loop: Loop, stream: TextIO, screen: Screen | None) -> None:
    """Play until it is over, with the table on `stream`."""
    table = Table(stream)
    frame, next_frame, next_table = 0, loop.started, loop.started
    while not loop.over:
        picture = loop.frame(None)
        if screen is not None and frame % DRAWN_EVERY == 0:
            screen.draw(loop, picture)
        now = loop.clock.now()
        if now >= next_table:
            table.show(link_line(loop), player_lines(loop, picture))
            next_table += 1.0
        frame += 1
        next_frame = max(next_frame + 1.0 / FRAME_HZ, now)
        loop.wait(next_frame)


def link_line(loop: Loop) -> LinkLine:
    """Return the table's figures."""
    session = loop.session
    now = loop.clock.now()
    figures = session.figures(now)
    link = figures.link
    return LinkLine(
        seconds=now - loop.started,
        status=loop.words or loop.notice or session.phase.value,
        players=len(session.names),
        rtt_ms=(link.rtt or 0.0) * 1000,
        jitter_ms=(link.jitter or 0.0) * 1000,
        loss=link.loss_in * 100,
        snapshot_bytes=figures.last_snapshot_bytes,
        down_kbit_s=link.in_kbit_s,
        up_kbit_s=link.out_kbit_s,
        lead_ticks=figures.lead_ticks,
        delay_ms=figures.interpolation_delay * 1000,
        corrections=figures.prediction.corrections,
    )


def player_lines(loop: Loop, picture: Picture | None) -> list[PlayerLine]:
    """Return the table's players, best first."""
    if picture is None:
        return []
    seen, names = picture["player"], loop.session.labels()
    score, deaths, health = seen["score"], seen["deaths"], seen["health"]
    players = [
        PlayerLine(names.get(row, f"#{row}"), int(score[row]), int(deaths[row]), int(health[row]))
        for row in seen.rows().tolist()
    ]
    return sorted(players, key=lambda player: (-player.score, player.name))
