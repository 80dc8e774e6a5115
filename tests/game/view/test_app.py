"""The client's screens, driven by posted events: no server, no network, no waiting."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pygame
import pytest
from hands import Doors, Line, Player

from engine.errors import NetError
from engine.ops.lobby.client import JoinError
from game.settings import Settings, SettingsFile
from game.view.app import App, Stage
from game.view.screen import Screen
from game.view.start import LINES_MAX, Join


@pytest.fixture
def player(screen: Screen) -> Player:
    pygame.event.clear()
    screen.controls.leave = False
    screen.change(Settings(name="Kim"))
    screen.saver = None
    doors = Doors()
    made = Player(App(screen, doors), doors)
    made.frame()
    return made


def kept_in(player: Player, path: Path) -> SettingsFile:
    file = SettingsFile(path)
    player.app.screen.saver = file.save
    return file


def test_a_server_of_the_list_is_chosen_and_asked(player: Player) -> None:
    player.click("server 10.0.0.2:40000")
    player.click("join")
    assert player.app.stage is Stage.ASKING
    assert player.doors.knocked == [Join("10.0.0.2:40000", "Kim", "")]
    player.click("cancel")
    assert player.app.stage is Stage.START
    assert player.doors.given_up == 1


def test_no_line_moves_from_under_the_mouse(player: Player) -> None:
    places = dict(player.app.screen.ui.places)
    # Another server is heard, and one no more, in the frame in which the first is clicked where it was.
    player.doors.lines = [Line("10.0.0.0:40000"), Line("10.0.0.1:40000")]
    player.click("server 10.0.0.1:40000")
    player.click("join")
    assert player.doors.knocked == [Join("10.0.0.1:40000", "Kim", "")]
    player.click("cancel")
    # Now the mouse is elsewhere: the list is as it is told.
    assert player.app.screen.ui.places["server 10.0.0.0:40000"] == places["server 10.0.0.1:40000"]
    assert "server 10.0.0.2:40000" not in player.app.screen.ui.places


def test_lines_under_the_mouse_do_not_pile_up(player: Player) -> None:
    player.click("server 10.0.0.1:40000")
    for number in range(LINES_MAX):  # a neighbour that answers as another each time
        player.doors.lines = [Line("10.0.0.1:40000"), Line(f"10.1.0.1:{number}")]
        player.frame()
        assert ("server 10.1.0.1:0" in player.app.screen.ui.places) == (number < LINES_MAX - 2)


def test_pressing_the_chosen_line_again_joins(player: Player) -> None:
    player.click("server 10.0.0.1:40000")
    player.click("server 10.0.0.1:40000")
    assert player.doors.knocked == [Join("10.0.0.1:40000", "Kim", "")]
    # Back from there the line is chosen still; to press it once is to look at it, and the next may be WATCH.
    player.click("cancel")
    player.click("server 10.0.0.1:40000")
    assert player.app.stage is Stage.START
    player.click("watch")
    assert player.doors.knocked[1:] == [Join("10.0.0.1:40000", "Kim", "", watch=True)]


def test_an_address_is_typed_and_enter_joins_with_the_name_typed(player: Player) -> None:
    player.write("name", "Żółw")
    player.write("address", "play.example.org")
    player.press(pygame.K_RETURN)
    assert player.doors.knocked == [Join("play.example.org", "Żółw", "")]
    assert player.app.screen.settings.name == "Żółw"


def test_without_a_name_or_an_address_there_is_no_joining(player: Player) -> None:
    assert "join" not in player.app.screen.ui.places
    player.click("server 10.0.0.1:40000")
    assert "join" in player.app.screen.ui.places
    player.write("name", " ")
    player.app.frame()
    assert "join" not in player.app.screen.ui.places


def test_a_refusal_is_told_in_words(player: Player) -> None:
    player.doors.outcome = NetError("10.0.0.1:40000: the server is full")
    player.click("server 10.0.0.1:40000")
    player.click("join")
    assert player.app.stage is Stage.START
    assert player.app.words == ["10.0.0.1:40000: the server is full"]


def test_a_password_is_asked_for_and_sent_and_not_kept(player: Player, tmp_path: Path) -> None:
    file = kept_in(player, tmp_path / "settings.json")
    player.doors.outcome = JoinError("password-needed", "this server asks for a password")
    player.click("server 10.0.0.1:40000")
    player.click("join")
    player.doors.outcome = None
    player.frame()
    player.write("password", "hush hush")
    player.click("join")
    assert player.doors.knocked[-1].password == "hush hush"
    assert "hush" not in file.path.read_text()


def test_a_server_is_kept_in_the_list_and_asked_for(player: Player) -> None:
    player.click("server 10.0.0.2:40000")
    player.click("favour")
    assert player.app.screen.settings.favourites == ("10.0.0.2:40000",)
    player.frame()
    assert player.doors.known == ["10.0.0.2:40000"]
    player.click("favour")
    assert player.app.screen.settings.favourites == ()


def test_settings_changed_on_their_screen_are_there_after_a_restart(player: Player, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    kept_in(player, path)
    player.click("settings")
    assert player.app.stage is Stage.SETTINGS
    player.write("option name", "Lou")
    player.click("option shake")
    player.click("option palette")
    player.click("key dash")
    player.press(pygame.K_q)
    player.press(pygame.K_ESCAPE)
    assert player.app.stage is Stage.START
    again = SettingsFile(path)
    assert again.notices == []
    assert (again.settings.name, again.settings.screen_shake, again.settings.palette) == ("Lou", False, "colour-blind")
    assert again.settings.keys["dash"] == ("q",)
    assert player.app.screen.controls.bindings.keys[pygame.K_q]


def test_esc_while_a_key_is_caught_takes_back_and_stays(player: Player) -> None:
    player.click("settings")
    player.click("key fire")
    player.press(pygame.K_ESCAPE)
    assert player.app.stage is Stage.SETTINGS
    assert player.app.screen.settings.keys["fire"] == Settings().keys["fire"]


def test_a_corrupt_settings_file_is_told_on_the_start_screen(screen: Screen, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("{ no")
    file = SettingsFile(path)
    app = App(screen, Doors(), file.notices)
    app.frame()
    assert "settings.broken-1.json" in app.words[0]
    assert (tmp_path / "settings.broken-1.json").read_text() == "{ no"


def test_settings_that_can_t_be_written_are_told_and_play_goes_on(player: Player, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept_in(player, tmp_path / "file" / "settings.json")
    player.click("server 10.0.0.1:40000")
    player.click("favour")
    assert player.app.words[0].startswith("can't write the settings")
    assert player.app.screen.settings.favourites == ("10.0.0.1:40000",)


def test_another_window_size_is_taken_at_once(player: Player) -> None:
    screen = player.app.screen
    screen.change(replace(screen.settings, resolution=(800, 450)))
    try:
        player.frame()
        assert screen.window.canvas.get_size() == (800, 450)
        player.click("server 10.0.0.1:40000")
        assert "join" in screen.ui.places
    finally:
        screen.change(Settings())
        screen.window.reopen((640, 360), full_screen=False)


def test_a_long_list_is_scrolled(player: Player) -> None:
    player.doors.lines = [Line(f"10.0.0.{number}:40000") for number in range(30)]
    player.frame()
    assert "server 10.0.0.0:40000" in player.app.screen.ui.places
    at = player.app.screen.ui.places["server 10.0.0.0:40000"].center
    player.frame(
        pygame.event.Event(pygame.MOUSEMOTION, pos=at, rel=(0, 0), buttons=(0, 0, 0)),
        pygame.event.Event(pygame.MOUSEWHEEL, y=-40, x=0),
    )
    player.frame()
    assert "server 10.0.0.29:40000" in player.app.screen.ui.places
    player.click("refresh")
    assert not any(key.startswith("server ") for key in player.app.screen.ui.places)


def test_closing_the_window_and_the_quit_button_end_it(player: Player) -> None:
    player.frame(pygame.event.Event(pygame.QUIT))
    assert player.app.quit
    player.app.quit = player.app.screen.controls.leave = False
    player.click("quit")
    assert player.app.quit


def test_a_pad_alone_gets_to_the_settings_and_back(player: Player) -> None:
    def pad(*buttons: int) -> None:
        for button in buttons:
            player.frame(pygame.event.Event(pygame.CONTROLLERBUTTONDOWN, button=button, instance_id=0))

    player.app.screen.ui.focus = "join"
    pad(pygame.CONTROLLER_BUTTON_DPAD_DOWN)
    for _ in range(8):
        if player.app.screen.ui.focus == "settings":
            break
        pad(pygame.CONTROLLER_BUTTON_DPAD_DOWN)
    assert player.app.screen.ui.focus == "settings"
    pad(pygame.CONTROLLER_BUTTON_A)
    player.frame()
    assert player.app.stage is Stage.SETTINGS
    pad(pygame.CONTROLLER_BUTTON_B)
    assert player.app.stage is Stage.START


def test_what_is_kept_is_only_what_was_chosen(player: Player, tmp_path: Path) -> None:
    file = kept_in(player, tmp_path / "settings.json")
    file.save(replace(file.settings, name="Kim"))
    player.click("server 10.0.0.1:40000")
    player.click("favour")
    assert json.loads(file.path.read_text()) == {"name": "Kim", "favourites": ["10.0.0.1:40000"]}
