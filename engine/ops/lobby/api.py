"""The lobby's HTTP as values: bodies and addresses in, status codes and bodies out. The skins are `app` and `plain`.

    POST /v1/join     {"name": "ann", "password"?: "...", "token"?: "JWT", "protocol"?: "16 hex digits",
                   "resume"?: "48 hex digits", "watch"?: true}
                   -> {"connect_token": base64, "name": "ann", "server": "host:port", "expires": unix seconds}
    GET  /v1/status   who is playing how much, for people and server lists
    GET  /healthz     200 while the match tells about itself, else 503
    GET  /metrics     Prometheus text, for scrapers on this machine or a private network

A refusal is {"error": slug, "message": words for the player} with its HTTP status, and Retry-After where waiting helps.
What is read is bounded before it is parsed. Every join is logged in one line: who, from where, and how it went.
"""

from __future__ import annotations

import base64
import json
import logging
import math
import re
from dataclasses import dataclass
from typing import Any

from engine.errors import ProtocolError, UsageError
from engine.identity import RESUME_TICKET_BYTES, decode_resume_ticket
from engine.ops import logs
from engine.ops.lobby.lobby import Issued, Lobby
from engine.ops.lobby.policy import JoinRequest, Refused, is_private

MAX_BODY_BYTES = 8192
"""A name, a password and a JWT of MAX_JWT_CHARACTERS fit."""
MAX_PASSWORD_CHARACTERS = 1024
BODY_SECONDS = 5.0
"""A body takes one packet; whoever needs longer is holding the door open."""

_PROTOCOL = re.compile(r"[0-9a-f]{16}")
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str = _JSON
    headers: tuple[tuple[str, str], ...] = ()


def join(lobby: Lobby, body: bytes, host: str, reached: str | None, now: float, unix_now: float) -> Reply:
    """Answer POST /v1/join with `body` from `host`, which spoke to our address `reached`."""
    request = _parse_join(body)
    if isinstance(request, Refused):
        lobby.outcomes[request.reason] += 1
        return refuse(request)
    answer = lobby.join(request, host, reached, now, unix_now)
    if isinstance(answer, Refused):
        # Whoever is refused for asking too often would otherwise write the log at that rate.
        level = logging.DEBUG if answer.status in (403, 429) else logging.INFO
        logs.event("join refused", level=level, who=request.name[:64], where=host, why=answer.reason)
        return refuse(answer)
    logs.event("join granted", who=answer.name, where=host, client=f"{answer.client_id:016x}")
    return Reply(200, _join_body(answer), headers=(("cache-control", "no-store"),))


def status(lobby: Lobby, host: str) -> Reply:
    """Answer GET /v1/status."""
    if not lobby.permits(host):
        return _not_allowed()
    config, told = lobby.config, lobby.status
    body: dict[str, object] = {
        "title": config.title,
        "version": config.version,
        "protocol": f"{config.protocol_id:016x}",
        "door": config.door.kind,
        "max_players": config.max_players,
    }
    if told is not None:
        figures = told.figures
        body["max_players"] = figures.max_players or config.max_players
        body |= {"players": figures.players, "bots": figures.bots, "spectators": figures.spectators}
        body["uptime"] = round(figures.uptime, 1)
    return Reply(200, _json(body))


def health(lobby: Lobby, now: float) -> Reply:
    """Answer GET /healthz. It tells nothing but yes or no, so it asks nobody who they are."""
    well = lobby.is_well(now)
    return Reply(200 if well else 503, _json({"ok": well}))


def metrics(lobby: Lobby, host: str) -> Reply:
    """Answer GET /metrics. Raises ImportError without the extra `ops`."""
    if not lobby.permits(host) or not is_private(host):
        return _not_allowed()
    from engine.ops.metrics import CONTENT_TYPE, metrics_text

    figures = None if lobby.status is None else lobby.status.figures
    return Reply(200, metrics_text(figures, lobby.outcomes), CONTENT_TYPE)


def refuse(refused: Refused) -> Reply:
    """Return `refused` as an HTTP answer."""
    headers: tuple[tuple[str, str], ...] = ()
    if refused.retry_after is not None:
        headers = (("retry-after", str(max(1, math.ceil(refused.retry_after)))),)
    return Reply(refused.status, _json({"error": refused.reason, "message": refused.message}), headers=headers)


def broken(error: Exception) -> Reply:
    """Return the answer to a request that failed by our own fault, and log it."""
    logs.event("lobby error", level=logging.ERROR, what=f"{type(error).__name__}: {error}")
    return refuse(Refused(500, "error", "the lobby failed: its log says why"))


TOO_LARGE = Refused(413, "too-large", f"a request has at most {MAX_BODY_BYTES} bytes")
TOO_SLOW = Refused(408, "too-slow", f"a request must arrive within {BODY_SECONDS:g} s")
NOT_FOUND = Refused(404, "not-found", "there is POST /v1/join, GET /v1/status, GET /healthz and GET /metrics")


def _parse_join(body: bytes) -> JoinRequest | Refused:
    try:
        fields: Any = json.loads(body)
    except (ValueError, RecursionError):
        return _bad("the body is no JSON")
    if not isinstance(fields, dict):
        return _bad("the body is no JSON object")
    try:
        protocol = _text(fields, "protocol", 16)
        if protocol is not None and not _PROTOCOL.fullmatch(protocol):
            return _bad("protocol is 16 hex digits")
        name = _text(fields, "name", 1024)
        if name is None:
            return _bad("a name is needed")
        return JoinRequest(
            name=name,
            password=_text(fields, "password", MAX_PASSWORD_CHARACTERS),
            token=_text(fields, "token", MAX_BODY_BYTES),
            protocol_id=None if protocol is None else int(protocol, 16),
            resume=_resume(fields),
            watches=_flag(fields, "watch"),
        )
    except UsageError as error:
        return _bad(str(error))


def _resume(fields: dict[str, Any]) -> str | None:
    ticket = _text(fields, "resume", 2 * RESUME_TICKET_BYTES)
    if ticket is not None:
        try:
            decode_resume_ticket(ticket)
        except ProtocolError as error:
            raise UsageError(f"resume is no ticket: {error.detail}") from error
    return ticket


def _flag(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise UsageError(f"{name} is true or false")
    return value


def _text(fields: dict[str, Any], name: str, limit: int) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > limit:
        raise UsageError(f"{name} is text of at most {limit} characters")
    return value


def _bad(message: str) -> Refused:
    return Refused(400, "bad-request", message)


def _not_allowed() -> Reply:
    return refuse(Refused(403, "not-allowed", "this server does not admit your address"))


def _join_body(issued: Issued) -> bytes:
    return _json(
        {
            "connect_token": base64.b64encode(issued.connect_token).decode("ascii"),
            "name": issued.name,
            "server": issued.server,
            "expires": issued.expires,
        }
    )


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
