"""The settings screen: every choice of `game.settings`, and the keys.

All is taken at once, but for the window: another one takes a second of painting, so it is there when one is done.
"""

from __future__ import annotations

from dataclasses import replace

import pygame

from engine.identity import MAX_NAME_CHARACTERS, clean_name
from game.settings import COLOURS, DEFAULT_KEYS, FRAME_CAPS, INPUT_DELAYS, PALETTES, RESOLUTIONS, Settings
from game.view.palette import BAD, FAINT, INK, Palette
from game.view.start import name_problem
from game.view.ui import Ui

ROW_HIGH = 43
KEY_HIGH = 30


class OptionsScreen:
    """The settings screen. name: as typed, which may be none yet. largest: the size of the desktop, if it is known."""

    def __init__(self, settings: Settings, largest: tuple[int, int] | None = None) -> None:
        self.name = settings.name
        self._largest = largest

    def draw(self, ui: Ui, settings: Settings, palette: Palette) -> tuple[Settings, bool]:
        """Draw a frame; return the settings as they are now, and whether the player is done."""
        settings = self._draw_choices(ui, settings, palette)
        settings = _draw_keys(ui, settings)
        done = ui.button("done", ui.box(1050, 634, 166, 46), "DONE") or ui.back
        return settings, done

    def _draw_choices(self, ui: Ui, settings: Settings, palette: Palette) -> Settings:
        ui.panel(ui.box(64, 164, 560, 450))
        rows = iter(range(180, 640, ROW_HIGH))

        def line(words: str) -> pygame.Rect:
            y = next(rows)
            label = ui.box(88, y, 200, 38)
            ui.label(words, (label.x, label.centery), 15, INK)
            return ui.box(300, y, 300, 38)

        place = line("Name")
        self.name, _ = ui.field("option name", place, self.name, "player", MAX_NAME_CHARACTERS)
        if name_problem(self.name):
            ui.label("no name yet", (place.x - ui.widgets.px(12), place.centery), 13, BAD, (1.0, 0.5))
        else:
            settings = replace(settings, name=clean_name(self.name))
        place = line("Own colour")
        at = COLOURS.index(settings.colour)
        at = ui.choice("option colour", place, COLOURS, at)
        if at:
            dot = (place.x - ui.widgets.px(22), place.centery)
            pygame.draw.circle(ui.surface, palette.players[at - 1], dot, ui.widgets.px(9))
        palette_at = ui.choice("option palette", line("Colours"), PALETTES, PALETTES.index(settings.palette))
        volume = ui.slider("option volume", line(f"Volume  {settings.volume:.0%}"), settings.volume)
        sizes = sorted({*(size for size in RESOLUTIONS if self._fits(size)), settings.resolution})
        size_names = [f"{wide} x {high}" for wide, high in sizes]
        size = ui.choice("option size", line("Window"), size_names, sizes.index(settings.resolution))
        full = ui.toggle("option full screen", line("Full screen"), settings.full_screen)
        caps = sorted({*FRAME_CAPS, settings.frame_cap})
        cap = ui.choice(
            "option cap", line("Frames a second"), [str(each) for each in caps], caps.index(settings.frame_cap)
        )
        shake = ui.toggle("option shake", line("Screen shake"), settings.screen_shake)
        delay = INPUT_DELAYS.index(settings.input_delay)
        delay = ui.choice("option delay", line("Input delay"), INPUT_DELAYS, delay)
        keep = ui.toggle("option replays", line("Keep replays"), settings.keep_replays)
        return replace(
            settings,
            colour=COLOURS[at],
            palette=PALETTES[palette_at],
            volume=volume,
            resolution=sizes[size],
            full_screen=full,
            frame_cap=caps[cap],
            screen_shake=shake,
            input_delay=INPUT_DELAYS[delay],
            keep_replays=keep,
        )

    def _fits(self, size: tuple[int, int]) -> bool:
        return self._largest is None or (size[0] <= self._largest[0] and size[1] <= self._largest[1])


def _draw_keys(ui: Ui, settings: Settings) -> Settings:
    ui.panel(ui.box(640, 164, 592, 450))
    top = ui.box(664, 190, 0, 0)
    ui.label("KEYS", (top.x, top.y), 14, FAINT)
    changed = settings
    for at, action in enumerate(DEFAULT_KEYS):
        column, row = divmod(at, 7)
        x, y = 664 + column * 284, 214 + row * (KEY_HIGH + 18)
        label = ui.box(x, y, 110, KEY_HIGH)
        ui.label(action.capitalize(), (label.x, label.centery), 14, INK)
        words = ", ".join(settings.keys[action])
        taken = ui.key(f"key {action}", ui.box(x + 108, y, 156, KEY_HIGH), words)
        if taken is not None:
            changed = settings.with_key(action, taken)
    if ui.button("default keys", ui.box(664, 566, 170, 32), "default keys"):
        return replace(settings, keys=dict(DEFAULT_KEYS))
    note = ui.box(850, 582, 360, 0)
    ui.label("press one, then the key to use; Esc is the menu's", note.topleft, 12, FAINT)
    return changed
