"""The player's side of the lobby: one HTTP request for a connect token, on the standard library.

What a lobby answers is a stranger's word: it is bounded, checked, and its message stripped of what does not print
before a player sees it. With `fingerprint` the certificate is the one whose SHA-256 that is, whoever signed it; with
`tls` alone it must be signed by an authority the system trusts. The check comes before the request, which may carry a
password.

It blocks for up to `timeout` per step; an interactive client calls it from a thread of its own, or before its window
opens.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import json
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any

from engine.address import Address, format_address
from engine.errors import NetError, UsageError
from engine.link.netcode import CONNECT_TOKEN_BYTES
from engine.text import printable

MAX_ANSWER_BYTES = 65536
"""An answer takes 3 KiB."""
MAX_MESSAGE = 200
"""Characters of a lobby's words that are shown: one line on a terminal."""
FINGERPRINT_BYTES = 32

_LATER = frozenset((408, 429, 500, 502, 503, 504))
"""HTTP statuses after which the same request may succeed."""


class JoinError(NetError):
    """No token, in one line. `reason` is a slug; `retry` tells whether asking again may help, after `retry_after` s.

    unreachable  nobody answers, or the name is unknown          retry
    no-lobby     somebody answers who is no lobby, or not by this kind of HTTP
    untrusted    the certificate is not the pinned one, or nobody we trust signed it
    server-full, busy, too-many, ...                             retry
    wrong-version, wrong-password, bad-name, not-allowed, ...    the lobby's refusals, by its own slugs
    """

    def __init__(self, reason: str, message: str, *, retry: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry = retry
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What the lobby gave. `name` is the name in the match, which may have got a number; `expires` is unix seconds."""

    connect_token: bytes = field(repr=False)
    name: str
    server: str
    expires: int


def join(
    address: Address,
    name: str,
    *,
    password: str | None = None,
    token: str | None = None,
    protocol_id: int | None = None,
    resume: str | None = None,
    watch: bool = False,
    tls: bool = False,
    fingerprint: str | None = None,
    timeout: float = 5.0,
) -> Ticket:
    """Ask the lobby at `address` (a name or literal IP, TCP port) to let `name` play, and return its ticket.

    resume: what a match gave this player to find its former place by (`engine.client.session`). watch: not to play.
    Raises JoinError when it does not, and UsageError for a fingerprint that is none.
    """
    pin = None if fingerprint is None else parse_fingerprint(fingerprint)
    request: dict[str, object] = {"name": name}
    if password is not None:
        request["password"] = password
    if token is not None:
        request["token"] = token
    if protocol_id is not None:
        request["protocol"] = f"{protocol_id:016x}"
    if resume:
        request["resume"] = resume
    if watch:
        request["watch"] = True
    status, headers, body = _exchange(address, json.dumps(request).encode(), tls or pin is not None, pin, timeout)
    return read_answer(address, status, headers, body)


def parse_fingerprint(text: str) -> bytes:
    """Return the 32 bytes of a SHA-256 `text`: 64 hex digits, colons allowed. Raises UsageError."""
    try:
        digest = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        digest = b""
    if len(digest) != FINGERPRINT_BYTES:
        raise UsageError(f"{text!r} is no certificate's fingerprint: {2 * FINGERPRINT_BYTES} hex digits")
    return digest


def _exchange(
    address: Address, body: bytes, tls: bool, pin: bytes | None, timeout: float
) -> tuple[int, http.client.HTTPMessage, bytes]:
    host, port = address
    where = format_address(address)
    connection = _connection(host, port, tls, pin, timeout)
    try:
        connection.connect()
        if pin is not None:
            _check_pin(connection, pin, where)
        connection.request("POST", "/v1/join", body, {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, response.headers, response.read(MAX_ANSWER_BYTES + 1)
    except ssl.SSLCertVerificationError as error:
        raise JoinError("untrusted", f"{where}: the certificate is not trusted: {error.verify_message}") from error
    except ssl.SSLError as error:
        raise JoinError("no-lobby", f"{where} does not speak HTTPS ({error.reason}): try without TLS") from error
    except (http.client.RemoteDisconnected, http.client.BadStatusLine) as error:
        hint = "is it another program's port?" if tls else "does it want HTTPS (a fingerprint or TLS)?"
        raise JoinError("no-lobby", f"{where} answers, but not as a lobby: {hint}") from error
    except http.client.HTTPException as error:
        raise JoinError("no-lobby", f"{where} answers, but not as a lobby: {type(error).__name__}") from error
    except TimeoutError as error:
        raise JoinError("unreachable", f"{where} does not answer within {timeout:g} s", retry=True) from error
    except socket.gaierror as error:
        raise JoinError("unreachable", f"the name {host!r} is unknown: {error.strerror}", retry=True) from error
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise JoinError("unreachable", f"no server at {where}: {reason}", retry=True) from error
    finally:
        connection.close()


def _connection(host: str, port: int, tls: bool, pin: bytes | None, timeout: float) -> http.client.HTTPConnection:
    if not tls:
        return http.client.HTTPConnection(host, port, timeout=timeout)
    context = ssl.create_default_context()
    if pin is not None:
        # The pin says which certificate it must be; its names, dates and signer add nothing to that.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)


def _check_pin(connection: http.client.HTTPConnection, pin: bytes, where: str) -> None:
    channel = connection.sock
    certificate = channel.getpeercert(binary_form=True) if isinstance(channel, ssl.SSLSocket) else None
    digest = hashlib.sha256(certificate or b"").digest()
    if not hmac.compare_digest(digest, pin):
        raise JoinError(
            "untrusted", f"{where} shows a certificate with another fingerprint than the pinned one: {digest.hex()}"
        )


def read_answer(address: Address, status: int, headers: http.client.HTTPMessage, body: bytes) -> Ticket:
    """Return the ticket in the answer of the lobby at `address`. Raises JoinError with its one line for any other."""
    where = format_address(address)
    if len(body) > MAX_ANSWER_BYTES:
        raise JoinError("no-lobby", f"{where} answers, but not as a lobby: over {MAX_ANSWER_BYTES} bytes")
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise JoinError("no-lobby", f"{where} answers, but not as a lobby: HTTP {status}", retry=status in _LATER)
    if status != 200:
        raise _refusal(where, status, headers, answer)
    try:
        return Ticket(
            connect_token=_token(answer["connect_token"]),
            name=_line(answer["name"]),
            server=_line(answer["server"]),
            expires=int(answer["expires"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error) as error:
        raise JoinError("no-lobby", f"{where} answers, but not as a lobby: its ticket is malformed") from error


def _refusal(where: str, status: int, headers: http.client.HTTPMessage, answer: dict[str, Any]) -> JoinError:
    reason = answer.get("error")
    message = answer.get("message")
    after = headers.get("retry-after", "")
    return JoinError(
        _line(reason) if isinstance(reason, str) else "refused",
        f"{where}: {_line(message) if isinstance(message, str) else f'refused with HTTP {status}'}",
        retry=status in _LATER,
        retry_after=float(after) if after.isascii() and after.isdigit() and len(after) < 6 else None,
    )


def _token(text: str) -> bytes:
    token = base64.b64decode(text, validate=True)
    if len(token) != CONNECT_TOKEN_BYTES:
        raise ValueError(f"{len(token)} bytes")
    return token


def _line(text: str) -> str:
    return printable(text[:MAX_MESSAGE])
