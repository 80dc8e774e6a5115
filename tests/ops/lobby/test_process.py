"""The lobby's process on loopback: started, asked, told, stopped; by HTTPS; plain; and that no parent leaves it behind.

Real processes and sockets, so few: each start takes about half a second.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.clock import SystemClock
from engine.errors import NetError, UsageError
from engine.link.netcode import mint_connect_token, read_connect_token
from engine.ops.access import parse_rules
from engine.ops.figures import ServerFigures
from engine.ops.lobby import app, plain
from engine.ops.lobby.client import JoinError, join
from engine.ops.lobby.lobby import Lobby, LobbyConfig, MatchStatus
from engine.ops.lobby.policy import OpenDoor
from engine.ops.lobby.process import LobbyListen, encode_news, open_lobby, start_lobby, take_news
from engine.ops.lobby.tls import self_signed

ROOT = Path(__file__).resolve().parents[3]
CONFIG = LobbyConfig(
    title="Arena", version="arena 1", protocol_id=7, private_key=bytes(range(32)), bind=("127.0.0.1", 40000),
    door=OpenDoor(), token_lifetime=45, timeout=10, max_players=4,
)  # fmt: skip
ANYWHERE = LobbyListen(address=("127.0.0.1", 0))


def get(address: tuple[str, int], path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(*address, timeout=5.0)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def wait_until(done: Callable[[], bool], seconds: float = 5.0) -> bool:
    clock = SystemClock()
    end = clock.now() + seconds
    while not done():
        if clock.now() > end:
            return False
        clock.sleep(0.02)
    return True


def test_a_lobbys_life() -> None:
    lobby = start_lobby(CONFIG, ANYWHERE)
    try:
        assert lobby.url == f"http://127.0.0.1:{lobby.address[1]}"
        assert read_connect_token(join(lobby.address, "ann").connect_token).addresses == (("127.0.0.1", 40000),)
        assert get(lobby.address, "/healthz")[0] == 503
        lobby.tell(MatchStatus(figures=ServerFigures(players=4, max_players=4, dropped={"short": 1}), names=("ann",)))
        assert wait_until(lambda: get(lobby.address, "/healthz")[0] == 200)
        assert json.loads(get(lobby.address, "/v1/status")[1])["players"] == 4
        assert b'tickwire_dropped_total{reason="short"} 1.0' in get(lobby.address, "/metrics")[1]
        with pytest.raises(JoinError, match="the server is full"):
            join(lobby.address, "bob")
        with pytest.raises(NetError, match=r"can't listen on 127.0.0.1:\d+ \(TCP\): Address already in use"):
            start_lobby(CONFIG, LobbyListen(address=lobby.address))
        lobby.tell(rules=parse_rules(["deny 127.0.0.0/8"]))
        assert wait_until(lambda: get(lobby.address, "/v1/status")[0] == 403)
        assert lobby.alive
    finally:
        lobby.stop()
    assert not lobby.alive
    lobby.stop()
    with pytest.raises(JoinError, match="no server"):
        join(lobby.address, "ann")


def test_https_with_a_pinned_certificate() -> None:
    certificate = self_signed(["localhost"], SystemClock().unix_time())
    lobby = start_lobby(CONFIG, LobbyListen(address=("127.0.0.1", 0), certificate=certificate))
    try:
        assert lobby.url.startswith("https://")
        assert join(lobby.address, "ann", fingerprint=certificate.fingerprint).name == "ann"
        with pytest.raises(JoinError, match="another fingerprint than the pinned one") as caught:
            join(lobby.address, "ann", fingerprint="ab" * 32)
        assert caught.value.reason == "untrusted"
        with pytest.raises(JoinError, match="the certificate is not trusted") as caught:
            join(lobby.address, "ann", tls=True)
        assert caught.value.reason == "untrusted"
        with pytest.raises(JoinError, match="does it want HTTPS") as caught:
            join(lobby.address, "ann")
        assert caught.value.reason == "no-lobby"
    finally:
        lobby.stop()


def test_a_lobby_that_died_costs_the_match_nothing() -> None:
    lobby = start_lobby(CONFIG, ANYWHERE)
    (child,) = (each for each in multiprocessing.active_children() if each.name == "tickwire-lobby")
    child.kill()
    assert wait_until(lambda: not lobby.alive)
    for _ in range(3):
        lobby.tell(MatchStatus(figures=ServerFigures()))
    lobby.stop()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no way to hang a process here")
def test_a_lobby_that_hangs_is_ended_in_time_and_never_waited_for() -> None:
    lobby = start_lobby(CONFIG, ANYWHERE)
    (child,) = (each for each in multiprocessing.active_children() if each.name == "tickwire-lobby")
    assert child.pid is not None
    os.kill(child.pid, signal.SIGSTOP)
    clock = SystemClock()
    longest = 0.0
    crowd = tuple(f"{n:024d}" for n in range(20_000))  # 0.5 MB: more than the pipe holds
    for _ in range(20):
        before = clock.now()
        lobby.tell(MatchStatus(figures=ServerFigures(), names=crowd))
        longest = max(longest, clock.now() - before)
        clock.sleep(0.005)
    before = clock.now()
    lobby.stop(timeout=1.5)
    assert clock.now() - before < 3.0
    assert longest < 1.0  # waiting for it would take for ever
    assert not multiprocessing.active_children()


def test_a_connection_that_dribbles_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "CONNECTION_SECONDS", 0.3)
    lobby = Lobby(CONFIG, mint_connect_token, os.urandom)
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    over = threading.Event()
    thread = threading.Thread(target=app.serve, args=(lobby, SystemClock(), listener, None, lambda: not over.is_set()))
    thread.start()
    try:
        with socket.create_connection(address, timeout=5.0) as slow:
            slow.sendall(b"POST /v1/join HTTP/1.1\r\nhost: x\r\n")
            assert join(address, "ann").name == "ann"
            with contextlib.suppress(ConnectionError):
                assert slow.recv(1) == b""
    finally:
        over.set()
        thread.join(5.0)
    assert not thread.is_alive()


PARENT = """
import os, sys
from engine.ops.lobby.client import join
from engine.ops.lobby.lobby import LobbyConfig
from engine.ops.lobby.policy import PasswordDoor
from engine.ops.lobby.process import LobbyListen, start_lobby

config = LobbyConfig(
    title="Arena", version="arena 1", protocol_id=7, private_key=b"\x5a" * 32, bind=("127.0.0.1", 40000),
    door=PasswordDoor("hunter2"), token_lifetime=45, timeout=10, max_players=4,
)
lobby = start_lobby(config, LobbyListen(address=("127.0.0.1", 0)))
join(lobby.address, "ann", password="hunter2")
print(lobby.address[1], flush=True)
sys.stdin.read()
os._exit(9)
"""


def test_a_lobby_ends_with_a_parent_that_just_dies_and_shows_no_secret() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    line = parent.stdout.readline()
    assert line, parent.communicate(timeout=10.0)[1]
    address = ("127.0.0.1", int(line))
    assert get(address, "/healthz")[0] == 503
    # communicate() returns when the pipes are closed by all who hold them, so by the lobby too.
    _, log = parent.communicate(input="", timeout=10.0)
    assert parent.returncode == 9
    assert wait_until(lambda: not _listens(address))
    assert "join granted who=ann" in log
    assert not any(secret in log for secret in ("hunter2", "5a5a5a5a", "ZZZZ", "WlpaW"))


def _listens(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1.0).close()
    except OSError:
        return False
    return True


def test_the_plain_lobby_gives_the_same_answers() -> None:
    clock = SystemClock()
    lobby = Lobby(CONFIG, mint_connect_token, os.urandom)
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    going = threading.Event()
    thread = threading.Thread(target=plain.serve, args=(lobby, clock, listener, lambda: not going.is_set()))
    thread.start()
    try:
        assert join(address, "ann").name == "ann"
        with pytest.raises(JoinError, match="a name"):
            join(address, "\x07")
        assert get(address, "/healthz") == (503, b'{"ok": false}')
        assert json.loads(get(address, "/v1/status")[1])["title"] == "Arena"
        assert get(address, "/metrics")[0] == get(address, "/")[0] == 404
        with socket.create_connection(address) as raw:  # says nothing and goes
            raw.sendall(b"\x00garbage\r\n\r\n")
        large = http.client.HTTPConnection(*address, timeout=5.0)
        large.request("POST", "/v1/join", b"", {"content-length": "99999"})
        assert large.getresponse().status == 413
        large.close()
        assert join(address, "bob").name == "bob"
    finally:
        going.set()
        thread.join(5.0)
        listener.close()
    assert not thread.is_alive()


def test_without_the_extra_a_lobby_stays_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "engine.ops.lobby.app", None)
    monkeypatch.delattr("engine.ops.lobby.app", raising=False)
    _, port, serve = open_lobby(CONFIG, ANYWHERE)
    assert port > 0
    serve(lambda: False)
    certificate = self_signed([], 1_700_000_000.0)
    beyond = LobbyListen(address=("0.0.0.0", 0))
    sealed = LobbyListen(address=("127.0.0.1", 0), certificate=certificate)
    for listen in (beyond, sealed):
        with pytest.raises(UsageError, match=r"pip install tickwire\[ops\]"):
            open_lobby(CONFIG, listen)


def test_news_survive_the_pipe() -> None:
    lobby = Lobby(CONFIG, mint_connect_token, os.urandom)
    # numpy's numbers, as a server that works in arrays has them
    players: Any = np.int64(3)
    tick_p50: Any = np.float32(0.5)
    figures = ServerFigures(players=players, tick_p50=tick_p50, dropped={"short": 1})
    status = MatchStatus(figures=figures, names=("ann", "玩家"))
    take_news(lobby, encode_news({"status": status, "rules": parse_rules(["deny 10.0.0.1"])}), 5.0)
    assert lobby.status == status
    assert lobby.is_well(6.0)
    assert not lobby.permits("10.0.0.1")
    take_news(lobby, encode_news({}), 7.0)
    assert lobby.status == status
