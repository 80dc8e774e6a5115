"""Matches kept in files: written by servers, clients and the lab (`writer`), read into numpy (`reader`), and played
(`playback`). The bytes are drawn in `format`; docs/REPLAYS.md is the guide."""

from engine.replay.playback import Playback
from engine.replay.reader import Replay
from engine.replay.writer import ReplayWriter

__all__ = ["Playback", "Replay", "ReplayWriter"]
