"""The folder of replays, as it is listed, watched from, kept small, and written into while a match is played."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygame
import pytest
from hands import Doors, Player

from engine.clock import VirtualClock
from engine.config import MatchConfig
from engine.errors import UsageError
from engine.lab.match import PlayerSpec, VirtualMatch
from engine.replay.format import (
    HEADER,
    MAGIC,
    decode_block,
    decode_header,
    encode_block,
    encode_header,
    unpack_body,
)
from engine.replay.present import present_at
from engine.replay.reader import Replay
from engine.replay.writer import ReplayWriter
from engine.world.schema import schema_hash
from game.messages import MESSAGES, Pings
from game.rules import Arena
from game.view.app import App, Stage
from game.view.keeping import FILES_KEPT, MOST_WAITING, Files, Keeper, Later, next_file
from game.view.recordings import Recordings, ReplayLine, game_of, open_replay
from game.view.replays import ago
from game.view.screen import Screen

DAY = 86400.0
BEGAN = 1_700_000_000


@pytest.fixture(scope="module")
def match() -> bytes:
    """Two seconds of a match, kept by one of its two players."""
    playing = VirtualMatch(
        Arena.factory,
        [PlayerSpec("Kim", None), PlayerSpec("Ada", None)],
        settings={"max_players": 8, "map": "warren"},
        seed=7,
        bots=2,
    )
    file = io.BytesIO()
    writer = ReplayWriter(file, "client", BEGAN, 0.25)
    playing.run(0.01)
    playing.players[0].session.recorder = writer
    playing.run(2.5)
    writer.close()
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path, match: bytes) -> Path:
    """A folder as they become: a good file, one cut off, rubbish, and what is no replay at all."""
    kept = tmp_path / "replays"
    kept.mkdir()
    for name, data, changed in (
        ("good.twr", match, BEGAN),
        ("cut.twr", match[: len(match) * 3 // 4], BEGAN),
        ("rubbish.twr", b"PK\3\4" * 50, BEGAN - 3600),
        ("header.twr", MAGIC + b"\1\0", BEGAN - 7200),
        ("notes.txt", b"of no interest", BEGAN),
    ):
        (kept / name).write_bytes(data)
        os.utime(kept / name, (changed, changed))
    return kept


def read(recordings: Recordings) -> dict[str, ReplayLine]:
    recordings.refresh()
    for _ in range(20):
        lines = recordings.lines()
    assert all(line.known for line in lines)
    assert [line.when for line in lines] == sorted((line.when for line in lines), reverse=True)
    return {line.path.name: line for line in lines}


def test_each_file_says_what_is_in_it_or_what_is_wrong(folder: Path) -> None:
    lines = read(Recordings(folder))
    assert sorted(lines) == ["cut.twr", "good.twr", "header.twr", "rubbish.twr"]
    good, cut = lines["good.twr"], lines["cut.twr"]
    assert (good.when, good.maps, good.people, good.bots) == (BEGAN, ("Warren",), ("Kim", "Ada"), 2)
    assert 1.5 < good.seconds < 2.6
    assert (good.words, good.watchable) == ("", True)
    assert cut.watchable
    assert "it ends within a block" in cut.words
    assert cut.seconds < good.seconds
    assert (lines["rubbish.twr"].watchable, lines["rubbish.twr"].words) == (False, "not a replay")
    assert "can't be read" in lines["header.twr"].words


def test_the_list_is_there_at_once_and_fills_one_file_a_frame(folder: Path) -> None:
    recordings = Recordings(folder)
    recordings.refresh()
    known = [sum(line.known for line in recordings.lines()) for _ in range(5)]
    assert known == [1, 2, 3, 4, 4]
    # What has been looked into is not read again, unless it changed.
    recordings.refresh()
    assert sum(line.known for line in recordings.lines()) == 4
    (folder / "good.twr").write_bytes(b"changed")
    lines = read(recordings)
    assert lines["good.twr"].words == "not a replay"
    assert not list(Recordings(folder / "nowhere").lines())
    nowhere = Recordings(folder / "nowhere")
    nowhere.refresh()
    assert not nowhere.lines()


def test_another_game_s_replay_is_named_and_not_watched(folder: Path, match: bytes) -> None:
    block = decode_block(memoryview(match), len(MAGIC))
    header = replace(decode_header(unpack_body(block)), game_version=Arena.version + 1)
    (folder / "other.twr").write_bytes(MAGIC + encode_block(HEADER, encode_header(header)) + match[block.end :])
    line = read(Recordings(folder))["other.twr"]
    assert not line.watchable
    assert f"{Arena.name} {Arena.version + 1}, and this plays {Arena.name} {Arena.version}" in line.words
    assert game_of(Replay(match)).map.name == "Warren"


def test_a_header_that_lies_about_its_schema_is_no_replay_of_this_game(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    game = Arena()
    honest, player = schema_hash(game.kinds), game.player
    monkeypatch.setattr("engine.replay.writer.schema_hash", lambda kinds: honest)
    game.kinds = (player,)
    file = io.BytesIO()
    writer = ReplayWriter(file)
    writer.begin(game, MatchConfig(), None, 0)
    nobody = np.zeros(player.capacity, np.int32)
    writer.snapshot(2, [(np.zeros((player.public_count, player.capacity), np.int32), nobody.astype(np.uint8), nobody)])
    writer.close()
    (tmp_path / "lie.twr").write_bytes(file.getvalue())
    with pytest.raises(UsageError, match="its schema differs"):
        open_replay(tmp_path / "lie.twr")
    assert not read(Recordings(tmp_path))["lie.twr"].watchable


def test_a_file_that_goes_away_while_the_folder_is_looked_into_hides_no_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = Path.stat
    first = next(path.name for path in folder.iterdir() if path.suffix == ".twr")

    def gone(self: Path, **how: bool) -> os.stat_result:
        if self.name == first:
            raise FileNotFoundError(2, "No such file or directory")
        return stat(self, **how)

    recordings = Recordings(folder)
    monkeypatch.setattr(Path, "is_file", lambda path: True)
    monkeypatch.setattr(Path, "stat", gone)
    recordings.refresh()
    names = {line.path.name for line in recordings.lines()}
    assert names == {"good.twr", "cut.twr", "rubbish.twr", "header.twr"} - {first}


def test_how_long_ago_in_words() -> None:
    told = [ago(seconds, BEGAN) for seconds in (-5.0, 59.0, 60.0, 7199.0, 7200.0, 3 * DAY, 27.9 * DAY, 28 * DAY)]
    assert told[:3] == ["just now", "just now", "1 minute ago"]
    assert told[3:] == ["1 hour ago", "2 hours ago", "3 days ago", "27 days ago", "2023-11-14"]


# Watching from the list ----------------------------------------------------------------------------------------------


@pytest.fixture
def player(screen: Screen, folder: Path) -> Player:
    pygame.event.clear()
    screen.controls.leave = False
    doors = Doors()
    made = Player(App(screen, doors, recordings=Recordings(folder)), doors)
    made.frame()
    made.click("replays")
    for _ in range(6):
        made.frame()
    return made


def test_a_replay_is_chosen_watched_and_left_for_the_list_and_the_start(player: Player) -> None:
    app = player.app
    player.click("replay good.twr")
    player.click("watch replay")
    player.frame()
    assert player.app.stage is Stage.WATCHING
    assert app.replay is not None
    for _ in range(30):
        player.frame()
    assert app.replay.playback.seconds > 0.1
    # The map is the replay's, not the one behind the menus.
    assert app.screen.renderer_for(None, app.replay.playback.picture(), game_of(app.replay.playback.replay)).size
    player.press(pygame.K_ESCAPE)
    assert app.words == []
    player.frame()
    player.click("back")
    assert app.stage is Stage.START


def test_one_press_chooses_and_the_next_watches(player: Player) -> None:
    player.click("replay cut.twr")
    player.click("replay cut.twr")
    player.frame()
    assert player.app.stage is Stage.WATCHING
    player.press(pygame.K_ESCAPE)


@pytest.mark.parametrize("name", ["rubbish.twr", "header.twr"])
def test_what_is_no_replay_can_be_pressed_and_nothing_breaks(player: Player, name: str) -> None:
    for _ in range(3):
        player.click(f"replay {name}")
    player.click("watch replay")
    player.frame()
    assert player.app.stage is Stage.REPLAYS


def test_a_replay_that_goes_away_or_breaks_meanwhile_is_told_in_words(player: Player, folder: Path) -> None:
    (folder / "good.twr").unlink()
    player.click("replay good.twr")
    player.click("watch replay")
    player.frame()
    assert player.app.stage is Stage.REPLAYS
    assert player.app.words[0].startswith("can't read")

    player.click("replay cut.twr")
    player.click("watch replay")
    player.frame()
    assert player.app.replay is not None

    def broken(seconds: float, events: object) -> None:
        raise UsageError("cut.twr: the chunk of tick 62 can't be read")

    player.app.replay.frame = broken  # type: ignore[method-assign]  # as a made-up file would
    player.frame()
    assert (player.app.stage, player.app.words) == (Stage.REPLAYS, ["cut.twr: the chunk of tick 62 can't be read"])


# Keeping -------------------------------------------------------------------------------------------------------------


def test_the_folder_is_made_and_kept_small_and_what_is_named_by_people_stays(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "replays"
    first = next_file(folder, BEGAN)
    assert first == folder / "arena-20231114-221320.twr"
    first.write_bytes(b"x")
    assert next_file(folder, BEGAN) == folder / "arena-20231114-221320-2.twr"
    (folder / "arena-final.twr").write_bytes(b"mine")
    for number in range(1, FILES_KEPT + 5):
        next_file(folder, BEGAN + number).write_bytes(b"x")
        assert len(list(folder.glob("arena-2*.twr"))) <= FILES_KEPT
    left = sorted(path.name for path in folder.iterdir())
    assert len(left) == FILES_KEPT + 1
    assert "arena-final.twr" in left
    assert first.name not in left
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="can't keep replays in"):
        next_file(tmp_path / "file" / "replays", BEGAN)


def test_a_match_is_kept_from_when_it_is_asked_for_and_with_who_is_there(tmp_path: Path) -> None:
    playing = VirtualMatch(
        Arena.factory, [PlayerSpec("Kim", None), PlayerSpec("Ada", None)], settings={"max_players": 8}, seed=7, bots=2
    )
    keeper = Keeper(Files(tmp_path, tmp_path / "mine.twr", VirtualClock()), VirtualClock())
    playing.run(0.01)
    session = playing.players[0].session
    assert keeper.stop(session) == ""
    playing.run(1.5)
    keeper.start(session)
    assert session.recorder is not None
    session.recorder.message(playing.server.world.tick, Pings((0, 1), (10, 20)))
    playing.run(1.5)
    session.recorder.message(playing.server.world.tick, Pings((0, 1), (30, 40)))
    keeper.work(0.0)  # there is no time before what has been
    keeper.work(1e9)
    written = (tmp_path / "mine.twr").stat().st_size
    playing.run(0.5)
    assert keeper.on
    assert keeper.failure() == ""
    assert keeper.stop(session).startswith(f"recorded {tmp_path / 'mine.twr'}: ")
    assert session.recorder is None
    assert 0 < written < (tmp_path / "mine.twr").stat().st_size
    playing.run(0.5)
    keeper.start(session)
    playing.run(0.5)
    keeper.stop(session)
    assert keeper.kept == [tmp_path / "mine.twr", tmp_path / "mine-2.twr"]

    replay = Replay.open(keeper.kept[0], MESSAGES)
    assert not replay.damage
    assert 1.5 < replay.seconds < 2.1
    assert replay.header.own_row == session.own_row
    here = present_at(replay, 0)
    assert sorted(here.names.values()) == sorted(session.names.values())
    assert here.bots == session.bots
    assert [each.message for each in replay.messages() if isinstance(each.message, Pings)] == [
        Pings((0, 1), (10, 20)),
        Pings((0, 1), (30, 40)),
    ]


def test_what_is_told_is_written_when_there_is_time_in_its_order_and_never_held_for_long() -> None:
    class Written(ReplayWriter):
        def __init__(self) -> None:
            super().__init__(io.BytesIO())
            self.told: list[object] = []

        def message(self, tick: int, message: object, to: int | None = None) -> None:
            self.told.append(message)

    writer = Written()
    later = Later(writer)
    for number in range(MOST_WAITING + 3):
        later.message(number, number)
    assert writer.told == [0, 1, 2]
    turns = iter((True, True, False))
    later.work(lambda: next(turns))
    assert writer.told == [0, 1, 2, 3, 4]
    later.work(lambda: True)
    assert writer.told == list(range(MOST_WAITING + 3))


def test_what_can_t_be_written_is_kept_no_more_and_can_be_begun_anew(tmp_path: Path) -> None:
    playing = VirtualMatch(Arena.factory, [PlayerSpec("Kim", None)], settings={"max_players": 8}, seed=7, bots=1)
    keeper = Keeper(Files(tmp_path, tmp_path / "mine.twr", VirtualClock()), VirtualClock())
    playing.run(0.5)
    session = playing.players[0].session
    keeper.start(session)
    playing.run(0.5)
    keeper.work(1e9)
    # The server was started anew with another match: what is kept is of one.
    assert session.recorder is not None
    session.recorder.begin(Arena(max_players=4), playing.server.match, session.own_row, 0)
    keeper.work(1e9)
    assert keeper.failure() == "another match began"
    assert not keeper.on
    keeper.start(session)
    assert keeper.on
    playing.run(0.5)
    keeper.stop(session)
    assert keeper.kept == [tmp_path / "mine.twr", tmp_path / "mine-2.twr"]


def test_a_folder_that_can_be_listed_and_not_looked_into_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(self: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", forbidden)
    with pytest.raises(UsageError, match=r"can't keep replays in .*: Permission denied"):
        next_file(tmp_path, BEGAN)
