"""The log's two forms, and that no text of a stranger's adds a line, a field or an escape."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ops import logs
from engine.ops.logs import LogConfig


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger(logs.LOGGER_NAME)
    before = list(root.handlers), root.level, ours.level
    yield
    root.handlers[:], root.level, ours.level = before
    ours.setLevel(before[2])


def written(config: LogConfig, *calls: tuple[str, dict[str, object]]) -> str:
    stream = io.StringIO()
    logs.configure(config, stream)
    for what, fields in calls:
        logs.event(what, **fields)  # type: ignore[arg-type]  # fields hold no level
    return stream.getvalue()


def after_time(line: str) -> str:
    return line.split(" ", 2)[2]


def test_one_line_per_event() -> None:
    text = written(
        LogConfig(),
        ("joined", {"who": "ann", "where": ("203.0.113.7", 40001), "why": None}),
        ("left", {"who": "Ann Lee", "where": ("::1", 5), "seconds": 12.34567891, "rows": 3, "good": True}),
    )
    first, second = text.splitlines()
    assert after_time(first) == "joined who=ann where=203.0.113.7:40001"
    assert after_time(second) == 'left who="Ann Lee" where=[::1]:5 seconds=12.3457 rows=3 good=true'


def test_a_name_can_not_forge_anything() -> None:
    evil = 'x why=banned"\n2026-01-01 00:00:00 kicked who=bob \x1b[2J\u202e\u2028'
    (line,) = written(LogConfig(), ("joined", {"who": evil, "why": "asked"})).splitlines()
    assert after_time(line) == (
        'joined who="x why=banned\\"\\n2026-01-01 00:00:00 kicked who=bob \\u001b[2J\\u202e\\u2028" why=asked'
    )


@given(st.text(max_size=60))
@settings(deadline=None, max_examples=200)
def test_any_text_is_one_printable_field(text: str) -> None:
    line = written(LogConfig(), ("joined", {"who": text, "why": "end"}))
    assert line.endswith(" why=end\n")
    assert line.count("\n") == 1
    assert line[:-1].isprintable()
    assert line.count(" who=") >= 1
    record = json.loads(written(LogConfig(json=True), ("joined", {"who": text, "why": "end"})))
    assert record["who"] == text


def test_json_form() -> None:
    line = written(
        LogConfig(json=True),
        ("joined", {"who": "ann", "where": ("::1", 5), "level_": 1, "event": "forged", "parts": {"a": 1}}),
    )
    entry = json.loads(line)
    assert entry.pop("time").endswith("+00:00")
    assert entry == {
        "level": "info", "event": "joined", "who": "ann", "where": "[::1]:5", "level_": 1, "parts": {"a": 1},
    }  # fmt: skip


def test_debug_only_when_verbose() -> None:
    for verbose in (False, True):
        stream = io.StringIO()
        logs.configure(LogConfig(verbose=verbose), stream)
        logs.event("second", level=logging.DEBUG, tick=60)
        assert ("second tick=60" in stream.getvalue()) is verbose


def test_other_loggers_pass_from_warning_up_and_errors_keep_their_trace() -> None:
    stream = io.StringIO()
    logs.configure(LogConfig(), stream)
    other = logging.getLogger("some.library")
    other.info("quiet")
    try:
        raise ValueError("two\nlines \x1b")
    except ValueError:
        other.exception("it failed: %s", "a\nb")
    lines = stream.getvalue().splitlines()
    assert after_time(lines[0]) == "error it failed: a\\u000ab"
    assert all(line.startswith("    | ") and line.isprintable() for line in lines[1:])
    assert any("ValueError: two" in line for line in lines)


def test_configured_twice_writes_once() -> None:
    stream = io.StringIO()
    logs.configure(LogConfig(), stream)
    logs.configure(LogConfig(), stream)
    logs.event("once")
    assert stream.getvalue().count("once") == 1
