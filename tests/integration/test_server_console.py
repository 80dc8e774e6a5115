"""The server's own terminal, and flags that don't go together: a real process on loopback, and its `main`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import server

ROOT = Path(__file__).resolve().parents[2]


def test_what_is_typed_is_done_and_quit_ends_it(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("5a" * 32)
    command = [sys.executable, "server.py", "--port", "0", "--hidden", "--bots", "2", "--no-lobby"]
    done = subprocess.run(
        [*command, "--private-key-file", str(key)],
        cwd=ROOT,
        input="list\nkick ada go home\nlist\nfly\nquit\n",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["Ada", "Bell", "Ada", "Bell", "there"]
    assert "Ada is out" in done.stdout
    assert "stopped" in done.stderr


def test_the_end_of_what_is_typed_is_not_the_servers(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("5a" * 32)
    command = [sys.executable, "server.py", "--port", "0", "--hidden", "--no-lobby", "--seconds", "0.5"]
    done = subprocess.run(
        [*command, "--private-key-file", str(key)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert 'why="the match is over"' in done.stderr


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--open"], "--open"),
        (["--tls-self-signed"], "--tls-self-signed"),
        (["--password-file", "p", "--jwt-key", "k"], "--password-file and --jwt-key"),
    ],
)
def test_no_lobby_goes_with_no_door(flags: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert server.main(["--no-lobby", *flags]) == 2
    assert f"--no-lobby leaves nothing for {named} to do" in capsys.readouterr().err
