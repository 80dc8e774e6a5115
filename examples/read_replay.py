"""A replay as numpy arrays: how fast everyone ran, where they looked, and what became of their shots.

    python -m engine.lab run --players 4 --seconds 20 --record match.twr
    python examples/read_replay.py match.twr

Works on any game's replay that has players with vx, vy and score: the file tells its own schema.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.replay import Replay


def main(path: str) -> None:
    replay = Replay.open(path)
    players, verdicts = replay.columns("player"), replay.verdicts()
    hz = replay.header.match.tick_hz
    # One line of numpy over all snapshots and players: (snapshots, rows), NaN where there is nobody.
    speed = np.hypot(players["vx"], players["vy"]) * hz
    print(f"{replay.header.game}, {replay.seconds:.1f} s, {len(players.tick)} snapshots")
    for row, names in replay.players().items():
        mine = verdicts[verdicts["shooter"] == row]
        there = players.alive[:, row]
        told = f"ran {np.nanmean(speed[there, row]):.0f} px/s, most {np.nanmax(speed[there, row]):.0f}"
        shots = f"{len(mine)} shots, {int((mine['hit'] >= 0).sum())} hits, {int(mine['clamped'].sum())} clamped"
        print(f"{' then '.join(names):<20} {told}; {shots}; score {players['score'][there, row][-1]:.0f}")


if __name__ == "__main__":
    main(sys.argv[1])
