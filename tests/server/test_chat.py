"""Chat on the server: what is paid for, who hears it, what becomes of the rest."""

from __future__ import annotations

import pytest

from engine.config import ServerConfig
from engine.errors import ProtocolError
from engine.game import TeamGame
from engine.server.chat import SLOWER, Chat
from engine.wire.messages import MAX_CHAT, Said, Say
from engine.world.table import World
from game.rules import Arena


def chat(teams: int = 0, players: int = 4, **config: float) -> Chat:
    game = Arena(max_players=max(players, 4), teams=teams)
    world = World(game.kinds)
    game.start(world)
    for _ in range(players):
        row = world[game.player.name].spawn()
        assert row is not None
        game.join(world, row)
    return Chat(game, world, ServerConfig(**config))


def reason(chat: Chat, row: int, say: Say, now: float = 0.0) -> str:
    with pytest.raises(ProtocolError) as refused:
        chat.take(row, "Ann", say, now)
    return refused.value.reason


def test_a_line_is_cleaned_cut_and_goes_to_all() -> None:
    floor = chat()
    said = floor.take(2, "Ann", Say("  well\u202e played\x07 " + "x" * 300, False), 0.0)
    assert said == Said(2, "Ann", ("well played " + "x" * 300)[:MAX_CHAT], False)
    assert all(floor.hears(row, said) for row in range(4))
    assert reason(floor, 2, Say("\u200b\n", False)) == "chat-empty"


def test_five_lines_at_once_and_then_one_a_second() -> None:
    floor = chat()
    for _ in range(5):
        floor.take(1, "Ann", Say("x", False), 10.0)
    assert reason(floor, 1, Say("x", False), 10.9) == "chat-flood"
    floor.take(2, "Bob", Say("others may", False), 10.9)
    floor.take(1, "Ann", Say("x", False), 11.1)
    assert reason(floor, 1, Say("x", False), 11.2) == "chat-flood"
    # An hour of silence saves up no more than five.
    for _ in range(5):
        floor.take(1, "Ann", Say("x", False), 3611.0)
    assert reason(floor, 1, Say("x", False), 3611.0) == "chat-flood"
    floor.leave(1)
    floor.take(1, "Cid", Say("new here", False), 3611.0)


def test_the_whole_match_says_no_more_than_can_be_read() -> None:
    floor = chat(chat_match_hz=2.0)
    for row in range(4):
        floor.take(row, "Ann", Say("x", False), 0.0)
    assert reason(floor, 3, Say("x", False), 0.4) == "chat-flood"
    floor.take(3, "Ann", Say("x", False), 0.6)


def test_one_is_told_to_wait_once_until_a_line_got_through() -> None:
    floor = chat(chat_burst=1.0)
    floor.take(1, "Ann", Say("x", False), 0.0)
    word = floor.word_to_wait(1)
    assert word is not None
    assert word.text == SLOWER
    assert floor.word_to_wait(1) is None
    assert floor.word_to_wait(2) is not None
    floor.take(1, "Ann", Say("x", False), 1.0)
    assert floor.word_to_wait(1) is not None


def test_a_team_hears_its_own() -> None:
    floor = chat(teams=2)
    said = floor.take(0, "Ann", Say("left side", True), 0.0)
    assert said.team
    heard = [floor.hears(row, said) for row in range(4)]
    assert heard[0]
    assert sum(heard) == 2
    everyone = floor.take(0, "Ann", Say("hello", False), 0.0)
    assert all(floor.hears(row, everyone) for row in range(4))


def test_without_teams_there_is_no_team_to_tell() -> None:
    assert isinstance(Arena(max_players=4), TeamGame)
    assert reason(chat(), 0, Say("left side", True)) == "chat-team"
