"""The lobby as a Starlette application, and the uvicorn server that runs it (extra `ops`).

Thin: routes, bounded bodies, and where a request came from; all that is decided is decided in `api` and `lobby`. Only
the socket's own peer counts as the sender: X-Forwarded-For is anybody's word. A connection lives for
CONNECTION_SECONDS at most, whatever it sends, so that slow ones can't fill the table.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from engine.clock import Clock
from engine.ops.lobby import api
from engine.ops.lobby.api import Reply
from engine.ops.lobby.lobby import Lobby
from engine.ops.lobby.policy import Refused

CONNECTION_SECONDS = 20.0
"""A join is one short request; a scraper that keeps its connection simply opens a new one."""
MAX_CONNECTIONS = 256
"""Connections at once, beyond which requests are answered with 503."""
POLL_INTERVAL = 0.1
"""Seconds between looks at the pipe to the match: its news are a second apart, and its end should not take long."""


def make_app(lobby: Lobby, clock: Clock) -> Starlette:
    """Return the ASGI application that speaks for `lobby`."""

    async def join(request: Request) -> Response:
        try:
            async with asyncio.timeout(api.BODY_SECONDS):
                body = await _read_body(request)
        except TimeoutError:
            return _response(api.refuse(api.TOO_SLOW))
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return _response(api.refuse(api.TOO_LARGE))
        server = request.scope.get("server")
        reached = server[0] if server else None
        return _response(api.join(lobby, body, _host(request), reached, clock.now(), clock.unix_time()))

    async def status(request: Request) -> Response:
        return _response(api.status(lobby, _host(request)))

    async def health(request: Request) -> Response:
        return _response(api.health(lobby, clock.now()))

    async def metrics(request: Request) -> Response:
        return _response(api.metrics(lobby, _host(request)))

    async def missing(request: Request, error: Exception) -> Response:
        return _response(api.refuse(api.NOT_FOUND))

    async def refused(request: Request, error: Exception) -> Response:
        code = error.status_code if isinstance(error, HTTPException) else 400
        return _response(api.refuse(Refused(code, "bad-request", "not a request the lobby knows")))

    async def broken(request: Request, error: Exception) -> Response:
        return _response(api.broken(error))

    return Starlette(
        routes=[
            Route("/v1/join", join, methods=["POST"]),
            Route("/v1/status", status, methods=["GET"]),
            Route("/healthz", health, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
        ],
        exception_handlers={404: missing, HTTPException: refused, Exception: broken},
    )


def serve(
    lobby: Lobby,
    clock: Clock,
    listener: socket.socket,
    context: ssl.SSLContext | None,
    poll: Callable[[], bool],
) -> None:
    """Serve `lobby` on the bound `listener` until `poll()`, called ten times a second, returns False."""
    config = uvicorn.Config(
        make_app(lobby, clock),
        http=_BriefConnection,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="error",  # its warnings are about what strangers send: theirs to know, not ours to store
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        backlog=MAX_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=16384,
    )
    config.load()
    if context is not None:
        config.ssl = context
    server = _Server(config)
    with asyncio.Runner() as runner:
        runner.run(_run(server, listener, poll))


class _BriefConnection(H11Protocol):
    """uvicorn's own, ended after CONNECTION_SECONDS: uvicorn bounds idle connections, and not those that dribble."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        asyncio.get_running_loop().call_later(CONNECTION_SECONDS, transport.abort)


class _Server(uvicorn.Server):
    """uvicorn's own, minus its signal handlers: the match ends the lobby, and Ctrl-C is the match's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _run(server: uvicorn.Server, listener: socket.socket, poll: Callable[[], bool]) -> None:
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not serving.done():
        if not poll():
            server.should_exit = True
            break
        await asyncio.wait([serving], timeout=POLL_INTERVAL)
    await serving


async def _read_body(request: Request) -> bytes | None:
    """Return the body, or None when it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > api.MAX_BODY_BYTES:
            return None
    return bytes(body)


def _host(request: Request) -> str:
    """Return the peer's address; "" when there is none, which access refuses as no address."""
    client: Any = request.scope.get("client")
    return str(client[0]) if client else ""


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, dict(reply.headers), reply.content_type)
