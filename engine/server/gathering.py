"""The inputs of one tick, by ascending row: those players gave, what bots think, and none for who is away.

A spectator makes no inputs, and those of one that does move nobody.
"""

from __future__ import annotations

import numpy as np

from engine.game import Brain, Inputs
from engine.server.inputs import InputRing
from engine.server.peers import Peers
from engine.server.roster import Roster
from engine.world.picture import present
from engine.world.schema import Kind
from engine.world.table import Rows, World


def gather(tick: int, kind: Kind, world: World, peers: Peers, ring: InputRing, roster: Roster) -> Inputs:
    """Return what everyone who has a row does in `tick`, inputs being of `kind`; bots see `world` as it is now."""
    slots = np.fromiter(peers.slot_of_row.values(), np.int64, len(peers.slot_of_row))
    played, missing = ring.take(tick, slots)
    rows, states, gaps = [peers.own_row[slots]], [played.state], [missing]
    if roster.away:
        of_away = np.array(roster.away.rows, np.int64)
        states.append(np.zeros((len(kind.fields), len(of_away)), np.int32))
        rows.append(of_away)
        gaps.append(np.ones(len(of_away), np.bool_))
    if roster.bots:
        picture = present(world)
        minds: dict[int, tuple[Brain, list[int]]] = {}
        for row, brain in roster.bots.items():
            minds.setdefault(id(brain), (brain, []))[1].append(row)
        for brain, members in minds.values():
            of_brain = np.array(members, np.int64)
            states.append(brain.think(picture, of_brain, tick).state)
            rows.append(of_brain)
            gaps.append(np.zeros(len(of_brain), np.bool_))
    merged = np.concatenate(rows)
    order = np.argsort(merged)
    state = np.concatenate(states, axis=1)[:, order]
    return Inputs(merged[order], Rows(kind, state), np.concatenate(gaps)[order])
