"""Lines from a pipe and from a terminal, read without ever waiting."""

from __future__ import annotations

import io
import os
import sys

import pytest

from engine.ops.terminal import MAX_LINE_BYTES, LineReader

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there a thread reads, and pipes close late")


def test_lines_come_whole_and_once() -> None:
    ours, theirs = os.pipe()
    with os.fdopen(ours) as stream, os.fdopen(theirs, "wb", buffering=0) as typed:
        reader = LineReader(stream)
        assert (reader.lines(), reader.is_terminal) == ([], False)
        typed.write(b"list\nki")
        assert reader.lines() == ["list"]
        assert reader.lines() == []
        typed.write("ck zoé\r\n\nsay \xff".encode("latin-1"))
        assert reader.lines() == ["kick zo�", ""]
        typed.close()
        assert reader.lines() == []
        assert reader.lines() == [], "the end was seen; it is not asked again"


def test_a_line_without_an_end_is_thrown_away() -> None:
    ours, theirs = os.pipe()
    with os.fdopen(ours) as stream, os.fdopen(theirs, "wb", buffering=0) as typed:
        reader = LineReader(stream)
        for _ in range(3):
            typed.write(b"x" * MAX_LINE_BYTES)
            assert reader.lines() == []
        typed.write(b"\nhelp\n")
        assert reader.lines()[-1] == "help"


def test_a_program_without_an_input_reads_nothing() -> None:
    reader = LineReader(io.StringIO("quit\n"))
    assert (reader.lines(), reader.is_terminal) == ([], False)


def test_a_closed_input_reads_nothing() -> None:
    ours, theirs = os.pipe()
    stream = os.fdopen(ours)
    reader = LineReader(stream)
    stream.close()
    os.close(theirs)
    assert reader.lines() == reader.lines() == []


def test_a_terminal_that_is_not_ours_is_left_alone() -> None:
    ours, theirs = os.openpty()
    try:
        with os.fdopen(theirs) as stream:
            reader = LineReader(stream)
            os.write(ours, b"quit\n")
            assert reader.is_terminal
            assert reader.lines() == [], "it is not this process's controlling terminal"
    finally:
        os.close(ours)
