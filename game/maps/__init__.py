"""The maps, one text file each: `NAME.txt`.

A map opens with header lines `key: value`, then an empty line, then the drawing, one character a tile:

    name: Foundry       what players read
    tile: 32            side of a tile in pixels: 16, 32 or 64

    #   wall: stops players, shots and rockets
    .   floor
    @   spawn point, on floor; the eight tiles around it must be floor too

The drawing is a rectangle of 8 to 256 tiles a side with walls all round. A player is 32 px wide, so a passage is at
least two 32 px tiles wide; and every spawn point must be reachable from every other. `game.arena` checks all this on
load.
"""
