"""The lobby's process: started by the server, told by it once a second, ended with it.

A process and not a thread, because a thread's Python would hold the interpreter lock against the tick. The parent's
side costs the tick a queue's worth: `LobbyProcess.tell` leaves the news where a small thread picks it up, which waits
on the pipe in the tick's stead, and newer news replace what is not sent yet. Nothing is read from the child after its
start.

    parent --pipe--> child     first what it is to be (LobbyConfig with the private key; so no command line shows it),
                               then {"status": ..., "rules": ...} as JSON, until the pipe ends, and the child with it
    child --pipe--> parent     once: {"port": n} or {"error": words}

The pipe ends when the parent does, however it does: a killed server leaves no lobby behind. Ctrl-C reaches both; the
child ignores it and waits for the parent to end in good order.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import multiprocessing
import operator
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from engine.address import Address, format_address, is_loopback
from engine.clock import SystemClock
from engine.errors import NetError, UsageError
from engine.link.netcode import mint_connect_token
from engine.ops import logs
from engine.ops.access import Rules, parse_rules
from engine.ops.figures import figures_from_dict, figures_to_dict
from engine.ops.lobby.lobby import Lobby, LobbyConfig, MatchStatus
from engine.ops.lobby.tls import Certificate, server_context

START_SECONDS = 20.0
"""A start takes half a second, and many on a machine that is just booting a fleet."""
STOP_SECONDS = 3.0
"""The lobby ends within half a second; then it is ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LobbyListen:
    """Where the lobby listens (TCP), and how: `certificate` makes it HTTPS."""

    address: Address
    certificate: Certificate | None = None
    log: logs.LogConfig = field(default_factory=logs.LogConfig)


class LobbyProcess:
    """The parent's handle on a running lobby. Make one with `start_lobby`."""

    def __init__(
        self,
        process: multiprocessing.process.BaseProcess,
        pipe: Connection[Any, Any],
        listen: LobbyListen,
        port: int,
    ) -> None:
        self.address: Address = (listen.address[0], port)
        """Where it listens, with the port it was given."""
        self.url = f"{'https' if listen.certificate else 'http'}://{format_address(self.address)}"
        self._process = process
        self._pipe = pipe
        self._wake = threading.Condition()
        self._news: dict[str, object] = {}
        self._open = True
        self._sender = threading.Thread(target=self._send_news, name="lobby-news", daemon=True)
        self._sender.start()

    @property
    def alive(self) -> bool:
        """Tell whether the lobby still runs. One that ended by itself is not started again: the match goes on."""
        return self._open and self._process.exitcode is None

    def tell(self, status: MatchStatus | None = None, rules: Rules | None = None) -> None:
        """Leave news for the lobby: the match's status, or new access rules. Never waits; newer news win."""
        with self._wake:
            if status is not None:
                self._news["status"] = status
            if rules is not None:
                self._news["rules"] = rules
            self._wake.notify()

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """End the lobby: by closing the pipe, then by force, within about `timeout` seconds. May be called twice."""
        with self._wake:
            if not self._open:
                return
            self._open = False
            self._wake.notify()
        self._sender.join(timeout / 3)
        if self._sender.is_alive():  # the lobby hangs and its pipe is full
            self._process.kill()
            self._sender.join(timeout / 3)
        self._pipe.close()
        self._process.join(timeout / 3)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join(timeout / 3)

    def _send_news(self) -> None:
        """The sender thread: encode and send what `tell` left, until the end."""
        while True:
            with self._wake:
                while self._open and not self._news:
                    self._wake.wait()
                if not self._open:
                    return
                news, self._news = self._news, {}
            try:
                self._pipe.send_bytes(encode_news(news))
            except OSError:
                if self._open:
                    logs.event("lobby ended", level=logging.WARNING, why="nobody can join until the server restarts")
                return


def start_lobby(config: LobbyConfig, listen: LobbyListen, timeout: float = START_SECONDS) -> LobbyProcess:
    """Start the lobby and wait until it listens. Raises NetError with its one line when it can't, or takes too long."""
    context = multiprocessing.get_context("spawn")
    pipe, far_end = context.Pipe()
    process = context.Process(target=_run_child, args=(far_end,), name="tickwire-lobby", daemon=True)
    process.start()
    far_end.close()
    try:
        pipe.send((config, listen))
        if not pipe.poll(timeout):
            raise NetError(f"the lobby did not start within {timeout:g} s")
        answer = json.loads(pipe.recv_bytes())
        if "error" in answer:
            raise NetError(answer["error"])
        return LobbyProcess(process, pipe, listen, answer["port"])
    except (EOFError, OSError) as error:
        _discard(process, pipe)
        raise NetError(f"the lobby ended at its start: exit code {process.exitcode}") from error
    except BaseException:
        _discard(process, pipe)
        raise


def encode_news(news: dict[str, object]) -> bytes:
    """Return `news` (status: MatchStatus, rules: Rules; either may be missing) as JSON."""
    plain: dict[str, object] = {}
    status, rules = news.get("status"), news.get("rules")
    if isinstance(status, MatchStatus):
        plain["status"] = {"figures": figures_to_dict(status.figures), "names": status.names}
    if isinstance(rules, Rules):
        plain["rules"] = [f"allow {network}" for network in rules.allow] + [f"deny {network}" for network in rules.deny]
    return json.dumps(plain, default=_plain_number).encode()


def _plain_number(value: Any) -> int | float:
    """Return a number of numpy's as one of Python's."""
    try:
        return operator.index(value)
    except TypeError:
        return float(value)


def take_news(lobby: Lobby, data: bytes, now: float) -> None:
    """Give `lobby` the news that `encode_news` wrote."""
    plain = json.loads(data)
    if "status" in plain:
        status = plain["status"]
        figures = figures_from_dict(status["figures"])
        lobby.tell(MatchStatus(figures=figures, names=tuple(status["names"])), now)
    if "rules" in plain:
        lobby.set_rules(parse_rules(plain["rules"]))


def _discard(process: multiprocessing.process.BaseProcess, pipe: Connection[Any, Any]) -> None:
    pipe.close()
    process.join(STOP_SECONDS / 3)
    if process.exitcode is None:
        process.kill()
        process.join(STOP_SECONDS / 3)


# The child's side.

Serve = Callable[[Callable[[], bool]], None]


def _run_child(pipe: Connection[Any, Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError):  # the parent is gone: so are we
        config, listen = pipe.recv()
        logs.configure(listen.log)
        try:
            lobby, port, serve = open_lobby(config, listen)
        except NetError as error:
            pipe.send_bytes(json.dumps({"error": str(error)}).encode())
            return
        pipe.send_bytes(json.dumps({"port": port}).encode())
        serve(_poller(lobby, pipe))


def open_lobby(config: LobbyConfig, listen: LobbyListen) -> tuple[Lobby, int, Serve]:
    """Return the lobby, its port, and what serves it. Raises NetError."""
    clock = SystemClock()
    lobby = Lobby(config, mint_connect_token, os.urandom)
    try:
        from engine.ops.lobby import app
    except ImportError as error:
        _require_plain(listen, error)
        from engine.ops.lobby import plain

        listener = _bind(listen.address)
        return lobby, listener.getsockname()[1], lambda poll: plain.serve(lobby, clock, listener, poll)
    context: ssl.SSLContext | None = None
    if listen.certificate is not None:
        context = server_context(listen.certificate)
    listener = _bind(listen.address)
    return lobby, listener.getsockname()[1], lambda poll: app.serve(lobby, clock, listener, context, poll)


def _require_plain(listen: LobbyListen, error: ImportError) -> None:
    if listen.certificate is None and is_loopback(listen.address[0]):
        return
    raise UsageError(
        f"a lobby beyond this machine, or with TLS, needs more than is installed ({error.name} is missing):"
        " pip install tickwire[ops]"
    )


def _bind(address: Address) -> socket.socket:
    try:
        ip = ipaddress.ip_address(address[0])
        family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
        # :: means every address of the machine, of both versions where the system can.
        both = ip.version == 6 and ip.is_unspecified and socket.has_dualstack_ipv6()
        return socket.create_server(address, family=family, dualstack_ipv6=both)
    except (OSError, ValueError) as error:
        # The library's own text repeats the address.
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise NetError(f"the lobby can't listen on {format_address(address)} (TCP): {reason}") from error


def _poller(lobby: Lobby, pipe: Connection[Any, Any]) -> Callable[[], bool]:
    """Return the function that takes the parent's news and tells whether the parent is still there."""
    clock = SystemClock()

    def poll() -> bool:
        try:
            while pipe.poll():
                take_news(lobby, pipe.recv_bytes(), clock.now())
        except (EOFError, OSError):
            return False
        return True

    return poll
