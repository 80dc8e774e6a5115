"""What the commands share: options that are refused in one line, exit codes, and how a command is stopped."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import NetError, UsageError
from engine.ops.command import Parser, Stop, count, run, seconds, writable, write_json


def test_numbers_are_read_or_refused() -> None:
    assert (count("0"), count("16"), seconds("0.5"), seconds("300")) == (0, 16, 0.5, 300.0)
    for read, texts in (
        (count, ("", "-1", "1.5", "x", "١", "9" * 19)),  # an Arabic digit one is a digit, and no number of ours
        (seconds, ("", "0", "-1", "nan", "inf", "x")),
    ):
        for text in texts:
            with pytest.raises(argparse.ArgumentTypeError):
                read(text)


def test_what_cannot_be_written_is_told_before_anything_runs(tmp_path: Path) -> None:
    assert writable(str(tmp_path / "new.json")) == tmp_path / "new.json"
    assert not (tmp_path / "new.json").exists()
    for path, why in ((tmp_path, "it is a folder"), (tmp_path / "no" / "a.json", "there is no folder")):
        with pytest.raises(argparse.ArgumentTypeError, match=why):
            writable(str(path))
    with pytest.raises(NetError, match="can't write"):
        write_json(tmp_path, {})
    write_json(tmp_path / "new.json", {"a": 1})
    assert (tmp_path / "new.json").read_text("utf-8") == '{\n  "a": 1\n}\n'


def test_a_wrong_option_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser(prog="x.py")
    parser.add_argument("--bots", type=count)
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--bots", "many"])
    assert ended.value.code == 2
    words = "x.py: argument --bots: 'many' is not a whole number of 0 or more; --help lists the options\n"
    assert capsys.readouterr().err == words


def test_an_error_is_one_line_whoever_s_words_are_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    def body(stop: Stop) -> int:
        raise UsageError("kicked: \x1b[2Jyou\nserver: all is well")

    assert run("x.py", body) == 2
    assert capsys.readouterr().err == "x.py: kicked: \\u001b[2Jyou\\u000aserver: all is well\n"


def test_until_a_command_is_patient_a_signal_breaks_it_off() -> None:
    def body(stop: Stop) -> int:
        signal.raise_signal(signal.SIGTERM)
        raise AssertionError("it went on")

    assert run("x.py", body) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_patient_one_is_asked_once_and_then_broken_off(number: signal.Signals) -> None:
    seen = []

    def body(stop: Stop) -> int:
        stop.patient = True
        seen.append(stop.asked)
        signal.raise_signal(number)
        seen.append(stop.asked)
        signal.raise_signal(number)
        raise AssertionError("it went on")

    before = signal.getsignal(number)
    assert run("x.py", body) == 0
    assert seen == [False, True]
    assert signal.getsignal(number) is before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:

        def body(stop: Stop) -> int:
            signal.raise_signal(signal.SIGHUP)
            return 0 if not stop.asked else 1

        assert run("x.py", body) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    script = (
        "import sys\n"
        "from engine.ops.command import run\n"
        "def body(stop):\n"
        "    while True:\n"
        "        print('x' * 1000, flush=True)\n"
        "sys.exit(run('x.py', body))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
