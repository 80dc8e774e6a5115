"""The player's side: what it makes of every kind of answer, from a server that says just that."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.errors import UsageError
from engine.ops.lobby.client import JoinError, join, parse_fingerprint

TICKET = {"connect_token": base64.b64encode(bytes(2048)).decode(), "name": "ann 2", "server": "1.2.3.4:5", "expires": 9}


@contextmanager
def saying(answer: bytes) -> Iterator[tuple[str, int]]:
    """A server on loopback that reads one request, sends `answer` and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5.0)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5.0)
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            thread.join(5.0)


def http(status: str, body: object, *headers: str) -> bytes:
    text = body if isinstance(body, str) else json.dumps(body)
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(text.encode())}", *headers, "", ""]
    return ("\r\n".join(lines) + text).encode()


def failure(answer: bytes) -> JoinError:
    with saying(answer) as address, pytest.raises(JoinError) as caught:
        join(address, "ann", timeout=5.0)
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()
    return caught.value


def test_a_ticket() -> None:
    with saying(http("200 OK", TICKET)) as address:
        ticket = join(address, "ann", timeout=5.0)
    assert (ticket.connect_token, ticket.name, ticket.server, ticket.expires) == (bytes(2048), "ann 2", "1.2.3.4:5", 9)
    assert "connect_token" not in repr(ticket)


def test_refusals_in_the_servers_words() -> None:
    full = failure(http("503 No", {"error": "server-full", "message": "the server is full"}, "retry-after: 5"))
    assert (full.reason, full.retry, full.retry_after) == ("server-full", True, 5.0)
    assert str(full).endswith(": the server is full")
    version = failure(http("409 No", {"error": "wrong-version", "message": "this server plays arena 2"}))
    assert (version.reason, version.retry) == ("wrong-version", False)


def test_words_that_would_paint_the_terminal() -> None:
    error = failure(http("403 No", {"error": "not\x1b[2J", "message": "line\nline \x1b[31m" + "x" * 5000}))
    assert "line\\u000aline \\u001b[31m" in str(error)
    assert len(str(error)) < 300
    assert error.reason.isprintable()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        http("200 OK", "hello"),
        http("404 Not Found", "<html>"),
        http("200 OK", []),
        http("200 OK", {}),
        http("200 OK", {**TICKET, "connect_token": "AAAA"}),
        http("200 OK", {**TICKET, "connect_token": "*"}),
        http("200 OK", {**TICKET, "connect_token": 7}),
        http("200 OK", {**TICKET, "expires": "soon"}),
        http("200 OK", {**TICKET, "name": None}),
        http("200 OK", "[" * 60000),
        http("200 OK", "x" * 70000),
        http("200 OK", TICKET, *(f"x-{n}: y" for n in range(200))),
    ],
)
def test_what_is_no_lobby(answer: bytes) -> None:
    error = failure(answer)
    assert error.reason == "no-lobby"
    assert not error.retry


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with pytest.raises(JoinError, match=r"no server at 127\.0\.0\.1:.*refused") as caught:
        join(address, "ann")
    assert caught.value.reason == "unreachable"
    assert caught.value.retry


def test_somebody_who_never_answers() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(JoinError, match=r"within 0\.05 s") as caught,
    ):
        join(listener.getsockname(), "ann", timeout=0.05)
    assert caught.value.retry


def test_a_name_that_is_no_host() -> None:
    with pytest.raises(JoinError) as caught:
        join(("x" * 80 + ".invalid", 40000), "ann")
    assert caught.value.reason == "unreachable"


def test_fingerprints() -> None:
    assert parse_fingerprint("AB:" * 31 + "cd") == b"\xab" * 31 + b"\xcd"
    for text in ("", "ab" * 31, "zz" * 32, "ab" * 33):
        with pytest.raises(UsageError, match="64 hex digits"):
            parse_fingerprint(text)
