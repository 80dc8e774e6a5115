"""What the player sees, hears and touches: the only package that imports pygame.

Read `scene.py` first (the plain data of a frame), then `renderer.py` (the order of drawing). `moments.py` tells what
just happened; `effects.py`, `hud.py`, `minimap.py` and `audio.py` react to it. `paint.py`, `sprites.py`, `backdrop.py`
and `synthesis.py` make every picture and sound when the game starts: there are no asset files. `controls.py` and
`window.py` are the devices; `screen.py` wires all of it to a session, and `opening.py` opens it. `headless.py` plays in
a terminal, without pygame.
"""
