from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import NetError, UsageError
from game.settings import (
    DEFAULT_KEYS,
    MAX_FILE_BYTES,
    SERVERS_KEPT,
    Settings,
    SettingsFile,
    replays_path,
    settings_path,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tickwire" / "settings.json"


def write(path: Path, text: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def test_without_a_file_there_are_the_defaults_and_none_is_made(path: Path) -> None:
    file = SettingsFile(path)
    assert (file.settings, file.notices) == (Settings(), [])
    assert not path.parent.exists()


def test_what_is_saved_is_there_after_a_restart(path: Path) -> None:
    chosen = Settings(name="Żółw", volume=0.25, resolution=(1920, 1080), full_screen=True, frame_cap=144)
    chosen = chosen.with_key("fire", "f").with_recent("10.0.0.1:40000").with_favourite("lan.example:1", True)
    SettingsFile(path).save(chosen)
    again = SettingsFile(path)
    assert (again.settings, again.notices) == (chosen, [])
    assert [each.name for each in path.parent.iterdir()] == ["settings.json"]


def test_unknown_keys_are_told_and_kept(path: Path) -> None:
    write(path, '{"volume": 0.5, "hat": {"colour": "red"}}')
    file = SettingsFile(path)
    assert file.notices == ["settings: there is no 'hat' in this version; it is kept"]
    file.save(replace(file.settings, name="Ada"))
    assert json.loads(path.read_text()) == {"volume": 0.5, "hat": {"colour": "red"}, "name": "Ada"}


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ('{"volume": "loud"}', 'settings: volume is like 0.7, got "loud"; the default is taken'),
        ('{"volume": 7}', "settings: volume is 0.0 to 1.0, got 7; the default is taken"),
        ('{"volume": NaN}', "settings: volume is 0.0 to 1.0, got nan; the default is taken"),
        ('{"full_screen": 1}', "settings: full_screen is like false, got 1; the default is taken"),
        ('{"palette": "rainbow"}', "settings: palette is one of standard, colour-blind, got 'rainbow'; the default is"),
        ('{"resolution": [1]}', "settings: resolution is [width, height], got [1]; the default is taken"),
        ('{"name": "\\u202e"}', "settings: a name is made of visible characters: U+202E may not stand there; the"),
        (
            '{"keys": {"fire": "space"}}',
            "settings: keys: 'fire' is a list of keys, got \"space\"; the default is taken",
        ),
        ('{"recent": "here"}', 'settings: recent is a list of servers, got "here"; the default is taken'),
    ],
)
def test_a_value_that_can_t_be_is_told_and_stays_until_another_is_set(path: Path, text: str, notice: str) -> None:
    write(path, text)
    file = SettingsFile(path)
    assert file.settings == Settings()
    assert len(file.notices) == 1
    assert file.notices[0].startswith(notice)
    file.save(replace(file.settings, frame_cap=60))
    assert path.read_text().count("frame_cap") == 1
    assert str(json.loads(text)) in str(json.loads(path.read_text())).replace(", 'frame_cap': 60", "")


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', b"\xff\xfe\x00", "{" * 5000, "x" * (MAX_FILE_BYTES + 1)])
def test_a_corrupt_file_is_kept_aside_and_told_in_one_line(path: Path, text: str | bytes) -> None:
    write(path, text)
    file = SettingsFile(path)
    assert file.settings == Settings()
    (notice,) = file.notices
    assert "settings.broken-1.json" in notice
    assert "\n" not in notice
    aside = path.with_name("settings.broken-1.json")
    assert aside.read_bytes() == (text.encode() if isinstance(text, str) else text)
    assert not path.exists()
    file.save(replace(file.settings, name="Ada"))
    write(path, text)
    assert "settings.broken-2.json" in SettingsFile(path).notices[0]


def test_settings_that_can_t_be_written_are_taken_and_told(tmp_path: Path) -> None:
    write(tmp_path / "file", "")
    file = SettingsFile(tmp_path / "file" / "settings.json")
    with pytest.raises(NetError, match="can't write the settings"):
        file.save(Settings(name="Ada"))
    assert file.settings.name == "Ada"


def test_a_key_does_one_thing() -> None:
    chosen = Settings().with_key("dash", "w")
    assert chosen.keys["dash"] == ("w",)
    assert chosen.keys["up"] == ("up",)
    assert chosen.keys.keys() == DEFAULT_KEYS.keys()


def test_servers_are_listed_once_the_latest_first_and_not_for_ever() -> None:
    chosen = Settings()
    for number in range(SERVERS_KEPT + 3):
        chosen = chosen.with_recent(f"host:{number}")
    chosen = chosen.with_recent("host:5")
    assert chosen.recent[:2] == ("host:5", f"host:{SERVERS_KEPT + 2}")
    assert len(set(chosen.recent)) == SERVERS_KEPT
    assert chosen.with_favourite("a:1", True).with_favourite("a:1", False).favourites == ()


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {}, "home/.config/tickwire/settings.json"),
        ("linux", {"XDG_CONFIG_HOME": "relative"}, "home/.config/tickwire/settings.json"),
        ("darwin", {}, "home/Library/Application Support/Tickwire/settings.json"),
        ("win32", {}, "home/AppData/Roaming/Tickwire/settings.json"),
    ],
)
def test_where_settings_are_kept(platform: str, environ: dict[str, str], expected: str) -> None:
    assert settings_path(platform, environ, Path("home")) == Path(expected)


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {}, "home/.local/share/tickwire/replays"),
        ("linux", {"XDG_DATA_HOME": "relative"}, "home/.local/share/tickwire/replays"),
        ("darwin", {}, "home/Library/Application Support/Tickwire/replays"),
        ("win32", {}, "home/AppData/Roaming/Tickwire/replays"),
    ],
)
def test_where_replays_are_kept(platform: str, environ: dict[str, str], expected: str) -> None:
    assert replays_path(platform, environ, Path("home")) == Path(expected)


def test_an_absolute_folder_of_the_environment_is_taken(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "APPDATA": str(tmp_path)}
    assert replays_path("linux", environ, Path("home")) == tmp_path / "data" / "tickwire" / "replays"
    assert settings_path("linux", environ, Path("home")) == tmp_path / "tickwire" / "settings.json"
    assert settings_path("win32", environ, Path("home")) == tmp_path / "Tickwire" / "settings.json"


@pytest.mark.parametrize("bad", [{"name": " x"}, {"volume": -0.1}, {"frame_cap": 20}, {"resolution": (10, 720)}])
def test_settings_that_can_t_be_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        replace(Settings(), **bad)


@given(
    st.dictionaries(st.text(max_size=12), st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
)
@settings(deadline=None, max_examples=60)
def test_no_file_is_too_strange(tmp_path_factory: pytest.TempPathFactory, raw: dict[str, object]) -> None:
    path = tmp_path_factory.mktemp("settings") / "settings.json"
    known = {"keys": {"fire": ["x"], "fly": ["y"]}, "volume": 1} | raw
    path.write_text(json.dumps(known))
    file = SettingsFile(path)
    file.save(replace(file.settings, name="Ada"))
    assert SettingsFile(path).settings == file.settings
