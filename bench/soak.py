"""A long match in virtual time: is anything lost, does anything grow, does anything stay behind?

    python bench/soak.py [--minutes 5] [--players 16] [--seed 1] [--frame-hz 60] [--snapshot-every 2]

Bots play Arena through whole client sessions over four kinds of link by turns, and chat: each says a numbered line
every few seconds. Every minute the match falls silent for a moment; then nothing may wait in any channel, everybody has
heard every line once and in each speaker's order, and what the server and the clients hold in memory is added up. Ends
with an error when something of that is not so, and says how the memory went.
"""

from __future__ import annotations

import gc
import sys
from argparse import ArgumentParser
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, cast

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.client.session import Phase
from engine.game import Brain, Game, Settings
from engine.lab.match import PlayerSpec, VirtualMatch
from engine.transport.impairment import load_profile
from engine.world.picture import Picture
from engine.world.table import Rows
from game.rules import Arena

LINKS = ("wifi", "4g", "loss5", "cable")
SAYS_EVERY = 6.0  # s between two lines of one player, on average
FIRST_LINES = 3.0  # s after the start: everybody is in by then
QUIET = 4.0  # s in which nothing new is said, for what waits to arrive


@dataclass(frozen=True, slots=True)
class Rest:
    """What was found at one of the moments of silence: bytes held by the server and by all clients; lines heard."""

    at: float
    server_bytes: int
    client_bytes: int
    lines: int

    @property
    def held_bytes(self) -> int:
        """Both sides together."""
        return self.server_bytes + self.client_bytes


def reachable_bytes(root: object, beyond: object = None) -> int:
    """Return the memory of `root` and all that hangs on it, code aside, and without `beyond` and what hangs on that."""
    seen: dict[int, object] = {id(beyond): beyond}
    waiting = [root]
    total = 0
    while waiting:
        thing = waiting.pop()
        if id(thing) not in seen and not isinstance(thing, type | ModuleType | FunctionType | BuiltinFunctionType):
            seen[id(thing)] = thing
            waiting += gc.get_referents(thing)
            total += sys.getsizeof(thing)
    return total


@dataclass(slots=True)
class _Mood:
    """Whether the bots hold still for now."""

    quiet: bool = False


class _Moody:
    """Arena, with bots that can be told to hold still."""

    def __init__(self, game: Arena, mood: _Mood) -> None:
        self._game, self._mood = game, mood

    def __getattr__(self, name: str) -> Any:
        return getattr(self._game, name)

    def brain(self, behaviour: str, seed: int) -> Brain:
        return _Still(self._game.brain(behaviour, seed), self._mood)


class _Still:
    """A bot that lets go of the controls while all is to be quiet. It makes up its mind once for each picture."""

    def __init__(self, brain: Brain, mood: _Mood) -> None:
        self._brain, self._mood = brain, mood
        self._last: tuple[Picture, Rows] | None = None

    def think(self, picture: Picture, rows: np.ndarray, tick: int) -> Rows:
        if self._last is None or self._last[0] is not picture:
            self._last = picture, self._brain.think(picture, rows, tick)
        inputs = self._last[1]
        if self._mood.quiet:
            inputs.state[:] = 0
        return inputs


class Soak:
    """A match whose players chat. Raises AssertionError where something was lost or stays behind."""

    def __init__(self, players: int, seed: int, frame_hz: float = 60.0, snapshot_every: int = 2) -> None:
        specs = [
            PlayerSpec(f"player {number}", load_profile(LINKS[number % 4]), frame_hz=frame_hz)
            for number in range(players)
        ]
        self._mood = _Mood()
        settings = {"max_players": players}
        self.match = VirtualMatch(
            self._game, specs, seed=seed, settings=settings, snapshot_every=snapshot_every, measured=False
        )
        self._random = np.random.default_rng(seed)
        self._said: dict[int, list[str]] = defaultdict(list)  # by speaker
        self._heard: dict[int, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))  # by hearer and speaker
        self._count = 0
        self.match.run(FIRST_LINES)

    def _game(self, settings: Settings) -> Game:
        game = Arena.factory(settings)
        return cast(Game, _Moody(game, self._mood))

    def run(self, seconds: float) -> Rest:
        """Go on for `seconds`, the last four of them in silence; return what is found then."""
        self._mood.quiet = False
        for _ in range(round((seconds - QUIET) * 10)):
            self.match.run(0.1)
            for player in self.match.players:
                row = player.session.own_row
                if row is not None and self._random.random() * SAYS_EVERY < 0.1:
                    self._count += 1
                    line = f"line {self._count} of the match"
                    assert player.session.say(line), player.session.phase
                    self._said[row].append(line)
            self._listen()
        self._mood.quiet = True
        self.match.run(QUIET)
        self._listen()
        return self._rest()

    def _listen(self) -> None:
        for number, player in enumerate(self.match.players):
            for said in player.session.chat():
                self._heard[number][said.row].append(said.text)

    def _rest(self) -> Rest:
        match = self.match
        lines = sum(map(len, self._said.values()))
        for number, player in enumerate(match.players):
            assert player.session.phase is Phase.PLAYING, (player.spec.name, player.session.reason)
            assert self._heard[number] == self._said, f"{player.spec.name} has not heard what was said"
        assert match.server.messages_waiting == 0, "the server has messages that were not delivered"
        for player in match.players:
            assert player.session.messages_waiting == 0, f"{player.spec.name} has messages that were not delivered"
        self._said.clear()
        self._heard.clear()
        gc.collect()
        clients = sum(reachable_bytes(player.session, match.plain_game) for player in match.players)
        return Rest(match.now, reachable_bytes(match.server, match), clients, lines)


def main() -> None:
    """Run it, and print a line for each minute."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=5)
    parser.add_argument("--players", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--frame-hz", type=float, default=60.0, help="frames of each client; fewer, quicker")
    parser.add_argument("--snapshot-every", type=int, default=2, help="ticks per snapshot; more, quicker")
    options = parser.parse_args()
    begin = process_time()
    soak = Soak(options.players, options.seed, options.frame_hz, options.snapshot_every)
    rests = []
    print(f"{'minute':>6}{'lines':>7}{'server kB':>11}{'clients kB':>12}{'times real time':>17}")
    for minute in range(1, options.minutes + 1):
        rest = soak.run(60.0)
        rests.append(rest)
        speed = rest.at / (process_time() - begin)
        print(f"{minute:6}{rest.lines:7}{rest.server_bytes / 1e3:11.0f}{rest.client_bytes / 1e3:12.0f}", end="")
        print(f"{speed:17.1f}", flush=True)
    grown = rests[-1].held_bytes / rests[0].held_bytes - 1
    print(f"memory: {grown:+.1%} from the first minute to the last; nothing was lost, nothing stays behind")
    if grown > 0.1:
        raise SystemExit("memory has grown")


if __name__ == "__main__":
    main()
