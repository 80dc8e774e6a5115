"""The maps, one text file each: `NAME.txt`.

A map opens with header lines `key: value`, then an empty line, then the drawing, one character a tile:

    name: Foundry       what players read
    tile: 32            side of a tile in pixels: 16, 32 or 64

    #   wall: stops players, shots and rockets
    .   floor
    @   spawn point
    H   pick-up: health
    A   pick-up: armour
    M   pick-up: ammunition, rockets and bullets

The drawing is a rectangle of 8 to 256 tiles a side with walls all round. Spawn points and pick-ups lie on floor, and so
do the eight tiles around each. There are two spawn points at least, and 64 pick-ups at most. A player is 32 px wide, so
a passage is at least two 32 px tiles wide; and every spawn point and pick-up must be reachable from every other.
`game.arena` checks all this on load.

    foundry   80 x 60   halls and galleries: something for every weapon
    canyon    116 x 46  two ridges with passes and a river bed between: long sight lines, the rail's ground
    warren    49 x 37   corridors three tiles wide and few straight runs: rockets and quick turns, for up to 16 players
"""
