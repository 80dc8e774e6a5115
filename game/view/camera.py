"""Where we look: a point of the map in the middle of the surface, at so many surface pixels to a map pixel.

The camera leans towards where the player aims and moves, because that is where things will come from, and follows
with a short exponential lag, which hides what little unevenness the drawn motion has. It shows past the map's edge only
where the HUD lies over it, so that nobody plays underneath that; a map smaller than the view is centred. No view shows
more of the map than `VIEW` map pixels: a wide or a large window shows the same map larger, so nobody sees further than
another.
"""

from __future__ import annotations

import math

VIEW = (1280.0, 720.0)
"""The most of the map anyone sees, in map pixels."""

HEAD, FOOT = 60.0, 84.0
"""How far past the map's upper and lower edge it goes, in map pixels: as high as the HUD is there."""

LEAN = 0.22
"""How far the camera goes towards the crosshair, as a part of the crosshair's distance."""

LEAN_MAX = 130.0
"""The most it leans, in map pixels: the own player must stay well inside the view."""

DRIFT = 14.0
"""How far it leads the own player's motion, in ticks of its velocity."""

LAG = 0.09
"""Time constant of following, seconds: about five frames at 60 Hz, felt as weight and not as delay."""

SHAKE_DECAY = 7.0
"""Shaking falls to 1/e in 1 / SHAKE_DECAY seconds."""

SHAKE_MAX = 14.0
"""The most it shakes, in map pixels, so that many explosions at once leave aiming possible."""


class Camera:
    """Turns map positions into surface positions. `x`, `y` is the point in the middle, in map pixels.

    zoom: surface pixels to a map pixel. shake_scale: 0 turns shaking off.
    """

    def __init__(self, size: tuple[int, int], map_size: tuple[float, float]) -> None:
        self.size = size
        self.map_size = map_size
        self.zoom = max(size[0] / VIEW[0], size[1] / VIEW[1])
        self.shake_scale = 1.0
        self.x, self.y = map_size[0] / 2.0, map_size[1] / 2.0
        self._set = False
        self._shake = 0.0
        self._offset = (0, 0)
        self._refresh()

    def jump(self, x: float, y: float) -> None:
        """Look at a map point at once."""
        self.x, self.y = self._clamp(x, y)
        self._set = True
        self._refresh()

    def follow(
        self,
        x: float,
        y: float,
        velocity: tuple[float, float] = (0.0, 0.0),
        towards: tuple[float, float] = (0.0, 0.0),
        seconds: float = 0.0,
    ) -> None:
        """Move towards a map point for a frame of `seconds`, leading its `velocity` (map px per tick).

        `towards`: the crosshair from the middle of the surface, in map pixels. A point further away than half a view is
        a teleport: the camera goes there at once.
        """
        lean_x, lean_y = towards[0] * LEAN, towards[1] * LEAN
        length = math.hypot(lean_x, lean_y)
        if length > LEAN_MAX:
            lean_x, lean_y = lean_x * LEAN_MAX / length, lean_y * LEAN_MAX / length
        goal_x, goal_y = self._clamp(x + lean_x + velocity[0] * DRIFT, y + lean_y + velocity[1] * DRIFT)
        far = math.hypot(goal_x - self.x, goal_y - self.y) > VIEW[1]
        if far or not self._set:
            self.jump(goal_x, goal_y)
            return
        part = 1.0 - math.exp(-seconds / LAG)
        self.x += (goal_x - self.x) * part
        self.y += (goal_y - self.y) * part
        self._refresh()

    def kick(self, pixels: float) -> None:
        """Begin to shake by `pixels` map pixels."""
        self._shake = min(SHAKE_MAX, self._shake + pixels)

    def shake(self, time: float, seconds: float) -> None:
        """Let the shake decay for a frame of `seconds` and take its offset at `time`."""
        self._shake *= math.exp(-seconds * SHAKE_DECAY)
        if self._shake < 0.25:
            self._shake = 0.0
        # Two frequencies that share no small multiple: never the same path twice within a shake.
        reach = self._shake * self.zoom * self.shake_scale
        self._offset = (
            round(reach * math.sin(time * 71.0)),
            round(reach * math.sin(time * 97.0 + 1.3)),
        )
        self._refresh()

    def to_surface(self, x: float, y: float) -> tuple[int, int]:
        """Return where a map point is drawn, in surface pixels."""
        return round(x * self.zoom) - self.left, round(y * self.zoom) - self.top

    def to_map(self, x: float, y: float) -> tuple[float, float]:
        """Return the map point under a surface point."""
        return (x + self.left) / self.zoom, (y + self.top) / self.zoom

    def sees(self, x: float, y: float, margin: float = 0.0) -> bool:
        """Tell whether a map point is in view, or at most `margin` map pixels outside it."""
        left, top = self.left / self.zoom, self.top / self.zoom
        return (
            left - margin <= x <= left + self.size[0] / self.zoom + margin
            and top - margin <= y <= top + self.size[1] / self.zoom + margin
        )

    def _clamp(self, x: float, y: float) -> tuple[float, float]:
        half_w, half_h = self.size[0] / self.zoom / 2.0, self.size[1] / self.zoom / 2.0
        width, height = self.map_size
        in_x = width / 2.0 if width <= 2.0 * half_w else min(max(x, half_w), width - half_w)
        in_y = height / 2.0 if height <= 2.0 * half_h else min(max(y, half_h - HEAD), height - half_h + FOOT)
        return in_x, in_y

    def _refresh(self) -> None:
        """Fix the surface's corner on the map: one rounding for the whole frame, so that nothing jitters apart."""
        self.left = round(self.x * self.zoom - self.size[0] / 2.0) + self._offset[0]
        self.top = round(self.y * self.zoom - self.size[1] / 2.0) + self._offset[1]
