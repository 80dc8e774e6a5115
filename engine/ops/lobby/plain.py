"""The lobby on the standard library alone: one request at a time, for a machine that plays with itself.

It serves where Starlette and uvicorn (extra `ops`) are not installed, on loopback only: without TLS, without metrics,
and a slow client makes the next one wait, up to REQUEST_SECONDS. The decisions are the same ones (`api`, `lobby`).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer

from engine.clock import Clock
from engine.ops.lobby import api
from engine.ops.lobby.api import Reply
from engine.ops.lobby.lobby import Lobby

REQUEST_SECONDS = 2.0
"""A request on loopback takes a millisecond; this bounds what a stuck client costs the next."""
POLL_INTERVAL = 0.1
"""Seconds between looks at the pipe to the match."""


def serve(lobby: Lobby, clock: Clock, listener: socket.socket, poll: Callable[[], bool]) -> None:
    """Serve `lobby` on the bound `listener` until `poll()`, called some ten times a second, returns False."""
    server = _Server(listener, _make_handler(lobby, clock))
    while poll():
        server.handle_request()


class _Server(HTTPServer):
    """The library's, on a socket that is bound already."""

    timeout = POLL_INTERVAL

    def __init__(self, listener: socket.socket, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(listener.getsockname()[:2], handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away in the middle is not worth a traceback on the server's console."""


def _make_handler(lobby: Lobby, clock: Clock) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers one request and closes."""

        timeout = REQUEST_SECONDS

        def do_GET(self) -> None:
            host: str = self.client_address[0]
            if self.path == "/v1/status":
                self._reply(api.status(lobby, host))
            elif self.path == "/healthz":
                self._reply(api.health(lobby, clock.now()))
            else:
                self._reply(api.refuse(api.NOT_FOUND))

        def do_POST(self) -> None:
            body = self._body()
            if self.path != "/v1/join":
                self._reply(api.refuse(api.NOT_FOUND))
            elif body is None:
                self._reply(api.refuse(api.TOO_LARGE))
            else:
                self._reply(self._join(body))

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: joins are logged by `api`."""

        def _join(self, body: bytes) -> Reply:
            reached: str = self.connection.getsockname()[0]
            host: str = self.client_address[0]
            try:
                return api.join(lobby, body, host, reached, clock.now(), clock.unix_time())
            except Exception as error:  # a fault of ours must not end the lobby
                return api.broken(error)

        def _body(self) -> bytes | None:
            length = self.headers.get("content-length", "0")
            if not length.isascii() or not length.isdigit() or len(length) > 9 or int(length) > api.MAX_BODY_BYTES:
                return None
            return self.rfile.read(int(length))

        def _reply(self, reply: Reply) -> None:
            self.send_response(reply.status)
            self.send_header("content-type", reply.content_type)
            self.send_header("content-length", str(len(reply.body)))
            for name, value in reply.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

    return Handler
