"""Game pads: opens those that are plugged in, so that their events come; the controls know what they mean."""

from __future__ import annotations

from typing import Any

import pygame

PADS_KEPT = 4


class Pads:
    """The game pads that are there. Without any, or without a driver for them, nothing happens."""

    def __init__(self) -> None:
        self._open: dict[int, Any] = {}
        try:
            from pygame._sdl2 import controller
        except ImportError:
            self._controller: Any = None
            return
        self._controller = controller
        try:
            controller.init()
        except pygame.error:
            self._controller = None

    def handle(self, event: pygame.event.Event) -> None:
        """Take a pad that was plugged in, or let go of one that was pulled out."""
        if self._controller is None:
            return
        if event.type == pygame.CONTROLLERDEVICEADDED and len(self._open) < PADS_KEPT:
            try:
                pad = self._controller.Controller(event.device_index)
                self._open[pad.as_joystick().get_instance_id()] = pad
            except pygame.error:
                return
        elif event.type == pygame.CONTROLLERDEVICEREMOVED:
            self._open.pop(event.instance_id, None)
