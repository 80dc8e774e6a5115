"""Logs: one line per event, for people or for machines, that no player can forge.

`event("joined", who="ann", where=("203.0.113.7", 40001))` writes

    2026-03-04 05:06:07 joined who=ann where=203.0.113.7:40001

or with `json` one JSON object. Names and reasons come from the network, so a text value that is more than one plain
word is quoted, and whatever does not print (line ends, escapes, bidirectional overrides) is written as \\uXXXX: an
event stays one line, and a name can't add a field. The words in use: who (name), where (address), why (reason), what
(anything else).

Built on the standard library's logging: everything is under the logger "tickwire", and others' loggers go through the
same handler from WARNING up. Nothing secret is passed to it: settings keep keys out of their repr.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from engine.address import format_address
from engine.text import printable

LOGGER_NAME = "tickwire"
MAX_TEXT = 1000
"""Characters of one text value in a line; no name or reason of ours is longer."""

_PLAIN_WORD: Final = re.compile(r"[\w.,:;/@+*()<>%#\[\]-]+")
_LOGGER: Final = logging.getLogger(LOGGER_NAME)


@dataclass(frozen=True, slots=True)
class LogConfig:
    """`json`: one JSON object a line. `verbose`: figures once a second, and whatever else is DEBUG."""

    json: bool = False
    verbose: bool = False


def configure(config: LogConfig, stream: TextIO | None = None) -> None:
    """Send all logging to `stream` (stderr if None) in our form. Calling it again replaces what it set up."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _Handler):
            root.removeHandler(handler)
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_JsonFormatter() if config.json else _LineFormatter())
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    _LOGGER.setLevel(logging.DEBUG if config.verbose else logging.INFO)


def event(what: str, /, *, level: int = logging.INFO, **fields: object) -> None:
    """Log that `what` happened (a fixed word or phrase of ours) with `fields`; a field that is None is left out.

    Values may be text, numbers, bools, addresses `(host, port)`, or dicts and lists of these.
    """
    if _LOGGER.isEnabledFor(level):
        _LOGGER.log(level, "%s", what, extra={"fields": {name: v for name, v in fields.items() if v is not None}})


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, so that `configure` knows it again."""


class _LineFormatter(logging.Formatter):
    default_msec_format = ""

    def format(self, record: logging.LogRecord) -> str:
        words = [self.formatTime(record)]
        if record.levelno >= logging.WARNING:
            words.append(record.levelname.lower())
        words.append(printable(record.getMessage()))
        words.extend(f"{name}={_word(value)}" for name, value in _fields(record).items())
        line = " ".join(words)
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            line += "".join(f"\n    | {printable(part)}" for part in trace.split("\n"))
        return line


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if record.name != LOGGER_NAME:
            entry["logger"] = record.name
        for name, value in _fields(record).items():
            entry.setdefault(name, _plain(value))  # a field can't replace what the line is
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields


def _plain(value: object) -> object:
    """Return `value` as JSON has it; an address as text."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int):
        return format_address(value)
    if isinstance(value, str):
        return value[:MAX_TEXT]
    return value


def _word(value: object) -> str:
    """Return `value` as one word of a line."""
    plain = _plain(value)
    if isinstance(plain, float):
        return f"{plain:.6g}"
    if isinstance(plain, str):
        text = plain
        if _PLAIN_WORD.fullmatch(text) and text.isprintable():
            return text
        return printable(json.dumps(text, ensure_ascii=False))
    return printable(json.dumps(plain, ensure_ascii=False, separators=(",", ":"), default=str))
