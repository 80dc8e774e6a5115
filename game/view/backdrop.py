"""The arena itself, painted once: floor plates, paint, soft light and shadow, and walls that seem to stand up.

The whole map is one surface at the camera's zoom, so that a frame begins with a single blit. Floor plates and walls are
small textures made by `paint.lit` and laid by a hash of the tile's place: the same map always looks the same. Walls are
chosen by their eight neighbours; the lower part of a wall with floor below it is drawn as its front, inside the tile,
so that what looks solid is exactly what is. Light and shadow are painted at a quarter of the size and scaled up.

What it does not do: change. What happens on the floor (scorch marks, glows) is the effects' business.
"""

from __future__ import annotations

import numpy as np
import pygame

from game.view import paint
from game.view.palette import DARK, RAIL, ROCKET, Colour

OUTSIDE: Colour = (7, 8, 11)
"""Beyond the map's edge."""

_FLOOR = (50.0, 55.0, 65.0)
_TOP = (92.0, 102.0, 122.0)
_FRONT = (50.0, 56.0, 70.0)

_COARSE = 4
"""Map pixels to a light map's pixel: shadows are soft, so a quarter of the size is enough."""

_FRONT_PART = 0.42
"""How much of a wall tile's height its front takes where floor is below."""

_NEIGHBOURS = ((-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1))

_PLATE = 64.0
"""Side of a floor plate, in map pixels: two players wide, so that the floor gives a measure of distance."""

_PLATES = ("plain",) * 7 + ("quarters",) * 5 + ("worn",) * 5 + ("tread",) * 2 + ("vent", "hatch")
"""Plates by how often they are laid."""


def paint_arena(walls: np.ndarray, tile: float, zoom: float) -> pygame.Surface:
    """Return the map `walls` `(rows, columns) bool`, of `tile` map pixels a tile, painted at `zoom`."""
    rows, columns = walls.shape
    surface = pygame.Surface((round(columns * tile * zoom), round(rows * tile * zoom)), 0, 32)
    _lay_plates(surface, walls, tile * zoom, _PLATE * zoom)
    _stencil(surface, walls, tile * zoom)
    trims = _trims(walls)
    floor_light, glow = _light(walls, tile, trims)
    _scaled(surface, floor_light, pygame.BLEND_RGB_MULT)
    _build_walls(surface, walls, tile * zoom, trims)
    _scaled(surface, glow, pygame.BLEND_RGB_ADD)
    return surface


def _hash(x: int, y: int, salt: int) -> int:
    """Return 16 well mixed bits of a place: the same each time, without a generator's order of calls."""
    value = (x * 0x9E3779B1 ^ y * 0x85EBCA77 ^ salt * 0xC2B2AE3D) & 0xFFFFFFFF
    value = ((value ^ value >> 15) * 0x2C1B3C6D) & 0xFFFFFFFF
    value = ((value ^ value >> 12) * 0x297A2D39) & 0xFFFFFFFF
    return value >> 16


def _trims(walls: np.ndarray) -> dict[tuple[int, int], Colour]:
    """Return the colour of the light strip on each wall front that has one, by (column, row).

    A front of up to 8 tiles has one strip or none; a longer one, now and then a piece of four.
    """
    fronts = np.zeros_like(walls)
    fronts[:-1] = walls[:-1] & ~walls[1:]
    trims: dict[tuple[int, int], Colour] = {}
    for row, line in enumerate(fronts.tolist()):
        column = 0
        while column < len(line):
            start = column
            while column < len(line) and line[column]:
                column += 1
            length = column - start
            piece = length if length <= 8 else 4
            for left in range(start, column, piece) if length else ():
                draw = _hash(left, row, 7) % 100
                colour = RAIL if draw < 34 else ROCKET if draw < 52 else None
                if colour is not None and left + piece <= column:
                    trims.update(((at, row), colour) for at in range(left, left + piece))
            column += 1
    return trims


def _scaled(surface: pygame.Surface, image: np.ndarray, blend: int) -> None:
    """Blend a coarse image over the whole surface, in bands so that no second full-size surface is needed."""
    width, height = surface.get_size()
    small = paint.opaque(image)
    bands = max(1, height // 512)
    for band in range(bands):
        # A row of overlap on each side, so that scaling sees across the band's edge.
        low, high = band * image.shape[0] // bands, (band + 1) * image.shape[0] // bands
        first, last = max(0, low - 1), min(image.shape[0], high + 1)
        part = small.subsurface((0, first, image.shape[1], last - first))
        ratio = height / image.shape[0]
        top, bottom = round(first * ratio), round(last * ratio)
        scaled = pygame.transform.smoothscale(part, (width, bottom - top))
        start, end = round(low * ratio), round(high * ratio)
        surface.blit(scaled, (0, start), (0, start - top, width, end - start), blend)


# -- floor ------------------------------------------------------------------------------------------------------------


def _lay_plates(surface: pygame.Surface, walls: np.ndarray, tile: float, plate: float) -> None:
    """Cover the floor with plates of `plate` surface pixels; where all is wall, none is needed."""
    rng = np.random.default_rng(11)
    size = int(np.ceil(plate))
    made = {
        (name, tone): paint.opaque(_plate(rng, name, size, 0.90 + 0.07 * tone))
        for name in dict.fromkeys(_PLATES)
        for tone in range(4)
    }
    for row in range(int(np.ceil(surface.get_height() / plate))):
        for column in range(int(np.ceil(surface.get_width() / plate))):
            under = walls[
                int(row * plate / tile) : int(np.ceil((row + 1) * plate / tile)),
                int(column * plate / tile) : int(np.ceil((column + 1) * plate / tile)),
            ]
            if under.all():
                continue
            draw = _hash(column, row, 1)
            name = _PLATES[draw % len(_PLATES)]
            surface.blit(made[name, draw // 32 % 4], (round(column * plate), round(row * plate)))


def _plate(rng: np.random.Generator, name: str, size: int, tone: float) -> np.ndarray:
    """Return one floor plate, lit."""
    unit = size / 64.0
    x, y = paint.grid(size, size)
    grain = paint.noise(rng, size, size, max(2, size // 2), 4)
    height = paint.bevel(paint.box(x, y, (size / 2 - 0.6 * unit,) * 2, 2.0 * unit), 1.6 * unit, 0.9 * unit)
    height += rng.normal(0.0, 0.035, height.shape)
    albedo = paint.flat(height.shape, _FLOOR) * (tone + 0.055 * grain)[..., None]
    if name == "quarters":
        seam = np.minimum(np.abs(x), np.abs(y))
        height -= 0.8 * unit * paint.cover(seam - 0.7 * unit)
        albedo *= (1.0 - 0.25 * paint.cover(seam - 0.7 * unit))[..., None]
    elif name == "worn":
        for _ in range(7):
            angle, off = rng.uniform(0.0, np.pi), rng.uniform(-0.45, 0.45) * size
            along = x * np.cos(angle) + y * np.sin(angle) - rng.uniform(-0.3, 0.3) * size
            across = -x * np.sin(angle) + y * np.cos(angle) - off
            line = paint.cover(np.maximum(np.abs(across) - 0.3, np.abs(along) - rng.uniform(0.06, 0.22) * size))
            albedo *= (1.0 + 0.30 * line)[..., None]
        albedo *= (0.97 - 0.14 * np.clip(grain, 0.0, 1.0))[..., None]
    elif name == "tread":
        # Short raised ribs, turned a quarter from one to the next.
        cell = 8.0 * unit
        in_x, in_y = (x + size) % cell - cell / 2, (y + size) % cell - cell / 2
        odd = (np.floor((x + size) / cell) + np.floor((y + size) / cell)) % 2 > 0
        turn = np.where(odd, 1.0, -1.0)
        across, along = (in_x * turn + in_y) * 0.7071, (in_x - in_y * turn) * 0.7071 * turn
        inside = paint.box(x, y, (size / 2 - 4.0 * unit,) * 2) < 0
        rib = np.maximum(np.abs(across) - 0.9 * unit, np.abs(along) - 3.0 * unit)
        height += np.where(inside, paint.cover(rib, 1.4 * unit) * 0.8 * unit, 0.0)
    elif name == "vent":
        for slot in range(5):
            gap = paint.cover(paint.box(x, y - (slot - 2) * 7.5 * unit, (19.0 * unit, 1.7 * unit), 1.7 * unit))
            height -= gap * 1.6 * unit
            albedo *= (1.0 - 0.72 * gap)[..., None]
    elif name == "hatch":
        lid = paint.box(x, y, (21.0 * unit,) * 2, 4.0 * unit)
        height += paint.bevel(lid, 2.0 * unit, 1.2 * unit) - 1.2 * unit * paint.cover(np.abs(lid) - 0.8 * unit)
        stripe = paint.cover(np.abs(lid + 3.5 * unit) - 1.5 * unit) * ((x + y + 4 * size) % (10.0 * unit) < 5.0 * unit)
        paint.over(albedo, (122.0, 104.0, 48.0), stripe * 0.45)
    for corner_x in (-1, 1):
        for corner_y in (-1, 1):
            at = size / 2 - 5.5 * unit
            rivet = paint.circle(x - corner_x * at, y - corner_y * at, 1.7 * unit)
            height += paint.bevel(rivet, 1.7 * unit, 1.0 * unit)
            albedo *= (1.0 - 0.3 * paint.cover(np.abs(rivet - 0.6) - 0.4))[..., None]
    return paint.lit(height, albedo, gloss=0.10)


def _stencil(surface: pygame.Surface, walls: np.ndarray, tile: float) -> None:
    """Paint sector names on open floor (A1, B3, ...: something to call out), and worn lines between sectors."""
    pygame.font.init()
    rows, columns = walls.shape
    wide, high = 16, 12
    font = pygame.font.Font(None, round(tile * 3.6))
    paint_colour = (92, 98, 108)
    for sector_y in range((rows + high - 1) // high):
        for sector_x in range((columns + wide - 1) // wide):
            spot = _open_spot(walls, sector_x * wide, sector_y * high, wide, high)
            if spot is None:
                continue
            words = f"{chr(ord('A') + sector_x % 26)}{sector_y + 1}"
            made = font.render(words, True, paint_colour)
            made.set_alpha(96)
            box = made.get_rect(center=(round(spot[0] * tile), round(spot[1] * tile)))
            surface.blit(made, box)
            _brackets(surface, box.inflate(round(tile * 0.7), round(tile * 0.3)), round(tile * 0.5), paint_colour)


def _brackets(surface: pygame.Surface, box: pygame.Rect, arm: int, colour: Colour) -> None:
    """Draw the four corners of a painted frame."""
    thick = max(1, arm // 6)
    tint = tuple(round(part * 0.62) for part in colour)
    for x, step_x in ((box.left, 1), (box.right, -1)):
        for y, step_y in ((box.top, 1), (box.bottom, -1)):
            surface.fill(tint, pygame.Rect(min(x, x + step_x * arm), y, arm, thick))
            surface.fill(tint, pygame.Rect(x, min(y, y + step_y * arm), thick, arm))


def _open_spot(walls: np.ndarray, left: int, top: int, wide: int, high: int) -> tuple[float, float] | None:
    """Return the middle, in tiles, of a free 6 x 4 spot nearest to a sector's middle; None if there is none."""
    best: tuple[float, float, float] | None = None
    for row in range(top, min(top + high, len(walls)) - 3):
        for column in range(left, min(left + wide, walls.shape[1]) - 5):
            if walls[row : row + 4, column : column + 6].any():
                continue
            at_x, at_y = column + 3.0, row + 2.0
            away = (at_x - left - wide / 2) ** 2 + (at_y - top - high / 2) ** 2
            if best is None or away < best[0]:
                best = (away, at_x, at_y)
    return None if best is None else (best[1], best[2])


# -- light ------------------------------------------------------------------------------------------------------------


def _light(walls: np.ndarray, tile: float, trims: dict[tuple[int, int], Colour]) -> tuple[np.ndarray, np.ndarray]:
    """Return what the floor is multiplied by, and what is added to everything: two coarse images 0..255."""
    rows, columns = walls.shape
    high, wide = round(rows * tile / _COARSE), round(columns * tile / _COARSE)
    at_row = np.minimum((np.arange(high) * (rows / high)).astype(np.intp), rows - 1)
    at_column = np.minimum((np.arange(wide) * (columns / wide)).astype(np.intp), columns - 1)
    solid = walls[at_row][:, at_column].astype(np.float32)
    unit = tile / 32.0 / _COARSE  # one map pixel of a 32-pixel tile, in coarse pixels

    rng = np.random.default_rng(5)
    patches = paint.noise(rng, wide, high, max(8, round(300 * unit)), 3)
    shade = 0.80 + 0.07 * patches
    near = paint.smooth(solid, max(1, round(14 * unit)), 3)
    shade *= 1.0 - 0.55 * near
    shadow = np.zeros_like(solid)
    for reach in (4, 8, 12, 16):  # stepped, so that the shadow hangs on to the wall's foot
        step = round(reach * unit)
        moved = np.zeros_like(solid)
        moved[step:, step // 2 :] = solid[: high - step, : wide - step // 2]
        shadow = np.maximum(shadow, moved)
    shade *= 1.0 - 0.58 * paint.smooth(shadow, max(1, round(4 * unit)), 2)

    light = paint.flat(solid.shape, (0.93, 0.98, 1.10)) * shade[..., None]
    glow = np.zeros_like(light)
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    for row in range(4, rows, 9):
        for column in range(5, columns, 11):
            draw = _hash(column, row, 3)
            if draw % 3 == 0:
                continue
            at_x = (column + draw // 4 % 5 - 2) * tile / _COARSE
            at_y = (row + draw // 32 % 5 - 2) * tile / _COARSE
            radius = (150 + draw // 256 % 90) * unit
            box = (
                slice(max(0, int(at_y - radius)), max(0, int(at_y + radius) + 1)),
                slice(max(0, int(at_x - radius)), max(0, int(at_x + radius) + 1)),
            )
            pool = np.clip(1.0 - np.hypot(x[box] - at_x, y[box] - at_y) / radius, 0.0, 1.0) ** 1.5
            tint = (0.46, 0.55, 0.64) if draw // 1024 % 3 else (0.72, 0.56, 0.36)
            light[box] += np.asarray(tint, np.float32) * (pool * (0.35 + shade[box]))[..., None]
    _spill(glow, trims, tile)
    dither = rng.uniform(-0.5, 0.5, (high, wide, 1)).astype(np.float32)
    return np.clip(light * 222.0 + dither, 0.0, 255.0), np.clip(glow, 0.0, 90.0)


def _spill(glow: np.ndarray, trims: dict[tuple[int, int], Colour], tile: float) -> None:
    """Add what the light strips throw on the floor in front of them."""
    strips = {colour: np.zeros(glow.shape[:2], np.float32) for colour in (RAIL, ROCKET)}
    for (column, row), colour in trims.items():
        top = round((row + 0.75) * tile / _COARSE)
        left, right = round(column * tile / _COARSE), round((column + 1) * tile / _COARSE)
        strips[colour][top : top + max(1, round(0.25 * tile / _COARSE)), left:right] = 1.0
    for colour, strip in strips.items():
        near = paint.smooth(strip, max(1, round(tile * 0.22 / _COARSE)), 3)
        far = paint.smooth(strip, max(1, round(tile * 0.75 / _COARSE)), 3)
        glow += np.asarray(colour, np.float32) * (0.16 * near + 0.55 * far)[..., None]


# -- walls ------------------------------------------------------------------------------------------------------------


def _build_walls(surface: pygame.Surface, walls: np.ndarray, tile: float, trims: dict[tuple[int, int], Colour]) -> None:
    """Lay the wall tiles; what is beyond the map counts as wall."""
    size = int(np.ceil(tile))
    around = np.pad(walls, 1, constant_values=True)
    made: dict[tuple[int, int, Colour | None], pygame.Surface] = {}
    for row, column in np.argwhere(walls).tolist():
        code = 0
        for bit, (step_x, step_y) in enumerate(_NEIGHBOURS):
            code |= int(around[row + 1 + step_y, column + 1 + step_x]) << bit
        trim = trims.get((column, row))
        form = min(_hash(column, row, 9) % 16, 4) % 4 if code == 255 else 4
        texture = made.get((code, form, trim))
        if texture is None:
            texture = made[code, form, trim] = paint.opaque(_wall(size, code, form, trim))
        left, top = round(column * tile), round(row * tile)
        area = (0, 0, round((column + 1) * tile) - left, round((row + 1) * tile) - top)
        surface.blit(texture, (left, top), area)


def _wall(size: int, code: int, form: int, trim: Colour | None) -> np.ndarray:
    """Return one wall tile, lit. code: its neighbours' bits. form: 0..3, a kind of inner tile; 4: not inner."""
    mask = np.zeros((3 * size, 3 * size), np.float32)
    mask[size : 2 * size, size : 2 * size] = 1.0
    for bit, (step_x, step_y) in enumerate(_NEIGHBOURS):
        if code >> bit & 1:
            mask[(1 + step_y) * size : (2 + step_y) * size, (1 + step_x) * size : (2 + step_x) * size] = 1.0
    deep = round(size * _FRONT_PART)
    top = mask.copy()
    top[:-deep] *= mask[deep:]
    unit = size / 32.0
    x, y = np.meshgrid(np.arange(3 * size), np.arange(3 * size))
    in_x, in_y = x % size - (size - 1) / 2, y % size - (size - 1) / 2

    rim = np.clip((paint.smooth(top, max(1, round(2.4 * unit)), 2) - 0.5) * 2.0, 0.0, 1.0)
    deep_in = np.clip((paint.smooth(top, max(2, round(5.0 * unit)), 2) - 0.5) * 2.0, 0.0, 1.0)
    height = rim * 2.6 * unit - np.clip((deep_in - 0.80) * 5.0, 0.0, 1.0) * 1.2 * unit
    albedo = paint.flat(mask.shape, _TOP)
    paint.over(albedo, tuple(part * 0.60 for part in _TOP), np.clip((deep_in - 0.80) * 5.0, 0.0, 1.0))
    rng = np.random.default_rng(code * 8 + form)
    albedo *= (1.0 + 0.05 * paint.noise(rng, 3 * size, 3 * size, size, 4))[..., None]
    if form < 4:
        inner = paint.box(in_x, in_y, (size * 0.5 - 1.0 * unit,) * 2, 1.5 * unit)
        height += paint.bevel(inner, 1.5 * unit, 0.7 * unit)
        if form == 1:
            for slot in (-1, 0, 1):
                gap = paint.cover(paint.box(in_x, in_y - slot * 6.0 * unit, (9.0 * unit, 1.4 * unit), 1.4 * unit))
                height -= gap * 1.4 * unit
                albedo *= (1.0 - 0.6 * gap)[..., None]
        elif form == 2:
            fan = paint.circle(in_x, in_y, 9.0 * unit)
            height += paint.bevel(fan, 2.0 * unit, 1.4 * unit) - 1.4 * unit * paint.cover(fan + 4.0 * unit)
            albedo *= (1.0 - 0.45 * paint.cover(fan + 4.0 * unit))[..., None]
    image = paint.lit(height, albedo, gloss=0.30)

    # The front: its own shading, as the lamp above hardly reaches it.
    front = (mask > 0) & (top == 0)
    down = np.clip((in_y + size / 2 - (size - deep)) / deep, 0.0, 1.0)
    ribs = np.abs((x % (size / 2.0)) - size / 4.0) < 0.8 * unit
    face = paint.flat(mask.shape, _FRONT) * (1.10 - 0.62 * down - 0.16 * ribs)[..., None]
    paint.over(face, (150.0, 162.0, 184.0), paint.cover(np.abs(down * deep - 0.6 * unit) - 0.6 * unit) * 0.5)
    paint.over(face, DARK, np.clip((down - 0.82) * 5.0, 0.0, 0.7))
    if trim is not None:
        strip = np.abs(down * deep - 0.48 * deep)
        paint.over(face, trim, np.clip(1.0 - strip / (3.6 * unit), 0.0, 1.0) ** 2 * 0.6)
        paint.over(face, tuple(min(255.0, part * 0.6 + 110.0) for part in trim), paint.cover(strip - 0.9 * unit))
    image = np.where(front[..., None], face, image)
    return np.asarray(image[size : 2 * size, size : 2 * size])
