"""The menu over a running match: go on, settings, leave; and the network under one's hands.

The right side is there to be played with: any link of the lab can be put under the match while it runs, and each of the
client's mechanisms switched off, so that everybody can feel what it is good for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.config import Switches
from game.view.palette import BAD, FAINT, INK
from game.view.ui import Ui

MECHANISMS: tuple[tuple[str, str, str], ...] = (
    ("prediction", "F5", "you move at once, not a round trip later"),
    ("interpolation", "F6", "others glide from snapshot to snapshot"),
    ("dead_reckoning", "F7", "who is not heard of goes on as it went"),
    ("smoothing", "F8", "a correction fades, it does not jump"),
    ("adaptive_delay", "F9", "the picture's delay follows the jitter"),
    ("input_redundancy", "F10", "a lost packet loses no input"),
    ("lag_compensation", "F11", "your shots are judged by what you saw"),
)
"""The client's switches: field of `Switches`, key, and what it is good for."""


def draw_pause(
    ui: Ui, links: Mapping[str, str], link: str, switches: Switches, swap: str = "", kept: bool | None = None
) -> tuple[str | None, str, Switches]:
    """Draw the menu; return what the player wants ("resume", "settings", "swap", "leave", "keep": begin or end a replay
    of the match), and link and switches as they are.

    links: the profiles there are, and what each is like. swap: how to call what changes between playing and watching;
    "" where that can't be. kept: whether the match is being recorded; None: it can't be.
    """
    wish = None
    buttons = [("resume", "RESUME", None), ("settings", "SETTINGS", None), ("leave", "LEAVE THE MATCH", BAD)]
    if swap:
        buttons.insert(2, ("swap", swap, None))
    for at, (key, words, colour) in enumerate(buttons):
        box = ui.box(120, 544 - (len(buttons) - at) * 68, 300, 54)
        pressed = ui.button(key, box, words) if colour is None else ui.button(key, box, words, colour)
        if pressed:
            wish = key
    if kept is not None:
        ui.panel(ui.box(120, 554, 300, 60))
        row = ui.box(136, 564, 268, 40)
        ui.label("Keep a replay", (row.x, row.centery - ui.widgets.px(8)), 15, INK)
        words = "of this match: it is being recorded" if kept else "from now on, of this match"
        ui.label(words, (row.x, row.centery + ui.widgets.px(11)), 12, FAINT)
        if ui.toggle("keep", row, kept) != kept:
            wish = "keep"
    ui.panel(ui.box(480, 164, 680, 450))
    head = ui.box(508, 190, 0, 0)
    ui.label("FEEL THE NETWORK", head.topleft, 14, FAINT)
    row = ui.box(508, 208, 200, 40)
    ui.label("Simulated link", (row.x, row.centery), 15, INK)
    names = list(links)
    at = names.index(link) if link in links else 0
    chosen = ui.choice("link", ui.box(700, 208, 432, 40), names, at)
    about = ui.box(508, 264, 624, 0)
    ui.label(ui.fitting(links.get(names[chosen], "") if names else "", 13, about.w), about.topleft, 13, FAINT)
    for at, (name, key, words) in enumerate(MECHANISMS):
        row = ui.box(508, 284 + at * 46, 624, 42)
        ui.label(name.replace("_", " ").capitalize(), (row.x, row.centery - ui.widgets.px(8)), 15, INK)
        ui.label(words, (row.x, row.centery + ui.widgets.px(11)), 12, FAINT)
        ui.label(key, (row.right - ui.widgets.px(110), row.centery), 12, FAINT, (1.0, 0.5))
        on = bool(getattr(switches, name))
        if ui.toggle(f"switch {name}", row, on) != on:
            switches = replace(switches, **{name: not on})
    if ui.back:
        wish = "resume"
    return wish, names[chosen] if names else link, switches
