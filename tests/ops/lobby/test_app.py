"""The HTTP contract, through the ASGI application called by hand: no sockets, and the clock stands where it is put."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clock import VirtualClock
from engine.ops.access import parse_rules
from engine.ops.figures import ServerFigures
from engine.ops.lobby import api, app
from engine.ops.lobby.lobby import Lobby, LobbyConfig, MatchStatus
from engine.ops.lobby.policy import Door, OpenDoor, PasswordDoor

TOKEN = bytes(2048)


def make(door: Door | None = None) -> Lobby:
    config = LobbyConfig(
        title="Arena", version="arena 1", protocol_id=0xAB, private_key=bytes(32), bind=("0.0.0.0", 40000),
        door=door or OpenDoor(), token_lifetime=45, timeout=10, max_players=4,
    )  # fmt: skip
    return Lobby(config, lambda **_: TOKEN, lambda count: b"\x01" * count)


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(
    lobby: Lobby,
    method: str,
    path: str,
    chunks: tuple[bytes, ...] = (b"",),
    *,
    host: str = "203.0.113.9",
    clock: VirtualClock | None = None,
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> Answer:
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http", "headers": list(headers),
        "client": (host, 55555), "server": ("192.168.0.5", 40000),
    }  # fmt: skip
    incoming = [{"type": "http.request", "body": c, "more_body": n + 1 < len(chunks)} for n, c in enumerate(chunks)]
    outgoing: list[Any] = []

    async def receive() -> Any:
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        outgoing.append(message)

    asyncio.run(app.make_app(lobby, clock or VirtualClock())(scope, receive, send))
    start = outgoing[0]
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], found, b"".join(message.get("body", b"") for message in outgoing[1:]))


def join(lobby: Lobby, body: object, **more: Any) -> Answer:
    return call(lobby, "POST", "/v1/join", (json.dumps(body).encode(),), **more)


def test_join() -> None:
    answer = join(make(), {"name": "ann", "protocol": "00000000000000ab"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert base64.b64decode(answer.json.pop("connect_token")) == TOKEN
    assert {name: value for name, value in answer.json.items() if name != "connect_token"} == {
        "name": "ann", "server": "192.168.0.5:40000", "expires": 1_700_000_045,
    }  # fmt: skip


def test_refusals_carry_words_and_a_status() -> None:
    lobby = make(PasswordDoor("p"))
    lobby.tell(MatchStatus(figures=ServerFigures(players=4, max_players=4)), 0.0)
    wrong = join(lobby, {"name": "ann", "password": "q"})
    assert (wrong.status, wrong.json) == (401, {"error": "wrong-password", "message": "wrong password"})
    version = join(lobby, {"name": "ann", "protocol": "0" * 16})
    assert (version.status, version.json["error"]) == (409, "wrong-version")
    assert "arena 1" in version.json["message"]
    full = join(lobby, {"name": "ann", "password": "p"})
    assert (full.status, full.json["error"], full.headers["retry-after"]) == (503, "server-full", "5")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"ann"',
        b"\xff\xfe",
        b"[" * 8000,
        b"1" * 8000,
        b"{}",
        b'{"name": 7}',
        b'{"name": "ann", "resume": 7}',
        b'{"name": "ann", "resume": "00"}',
        b'{"name": "ann", "resume": "' + b"G" * 48 + b'"}',
        b'{"name": null}',
        b'{"name": "' + b"x" * 2000 + b'"}',
        b'{"name": "ann", "password": 7}',
        b'{"name": "ann", "token": []}',
        b'{"name": "ann", "protocol": "xyz"}',
        b'{"name": "ann", "protocol": "00000000000000AB"}',
        b'{"name": "ann", "protocol": 171}',
    ],
)
def test_a_body_that_means_nothing(body: bytes) -> None:
    lobby = make()
    answer = call(lobby, "POST", "/v1/join", (body,))
    assert (answer.status, answer.json["error"]) == (400, "bad-request")
    assert lobby.outcomes == {"bad-request": 1}


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda parts: st.lists(parts, max_size=3)
    | st.dictionaries(st.sampled_from(("name", "password", "token", "protocol", "resume")), parts),
    max_leaves=6,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
@settings(deadline=None, max_examples=300)
def test_any_body_gets_an_answer(body: bytes) -> None:
    for door in (OpenDoor(), PasswordDoor("p")):
        reply = api.join(make(door), body, "203.0.113.9", None, 0.0, 1_700_000_000.0)
        assert reply.status in (200, 400, 401)
        json.loads(reply.body)


def test_a_body_that_is_too_large_is_not_read_to_its_end() -> None:
    answer = call(make(), "POST", "/v1/join", (b"x" * 4096, b"x" * 4097) + (b"x" * 4096,) * 1000)
    assert (answer.status, answer.json["error"]) == (413, "too-large")


def test_a_client_that_goes_away_costs_nothing() -> None:
    lobby = make()
    scope_closed = call(lobby, "POST", "/v1/join", ())
    assert scope_closed.status == 400
    assert not lobby.outcomes


def test_a_forwarded_address_is_anybodys_word() -> None:
    lobby = make()
    lobby.set_rules(parse_rules(["deny 203.0.113.9"]))
    forged = ((b"x-forwarded-for", b"10.0.0.1"), (b"forwarded", b"for=10.0.0.1"))
    assert join(lobby, {"name": "ann"}, headers=forged).status == 403


def test_other_paths_and_methods() -> None:
    assert call(make(), "GET", "/").status == 404
    assert call(make(), "GET", "/v1/join").status == 405
    assert call(make(), "POST", "/v1/status").status == 405
    assert json.loads(call(make(), "DELETE", "/healthz").body)["error"] == "bad-request"


def test_status() -> None:
    lobby = make(PasswordDoor("p"))
    before = call(lobby, "GET", "/v1/status").json
    assert before == {
        "title": "Arena", "version": "arena 1", "protocol": "00000000000000ab", "door": "password", "max_players": 4,
    }  # fmt: skip
    lobby.tell(MatchStatus(figures=ServerFigures(players=2, max_players=8, bots=3, uptime=61.25), names=("ann",)), 0.0)
    after = call(lobby, "GET", "/v1/status")
    assert after.json == before | {"max_players": 8, "players": 2, "bots": 3, "spectators": 0, "uptime": 61.2}
    assert b"ann" not in after.body


def test_health() -> None:
    lobby, clock = make(), VirtualClock(start=100.0)
    assert call(lobby, "GET", "/healthz", clock=clock).status == 503
    lobby.tell(MatchStatus(figures=ServerFigures()), 100.0)
    assert call(lobby, "GET", "/healthz", clock=clock).json == {"ok": True}
    clock.advance_to(106.0)
    assert call(lobby, "GET", "/healthz", clock=clock).status == 503


def test_metrics_are_for_the_own_network() -> None:
    lobby = make()
    join(lobby, {"name": "ann"})
    lobby.tell(MatchStatus(figures=ServerFigures(players=2)), 0.0)
    assert call(lobby, "GET", "/metrics").status == 403
    inside = call(lobby, "GET", "/metrics", host="10.0.0.2")
    assert inside.status == 200
    assert inside.headers["content-type"].startswith("text/plain")
    assert b"\ntickwire_players 2.0\n" in inside.body
    assert b'tickwire_lobby_joins_total{outcome="issued"} 1.0' in inside.body


def test_denied_addresses_learn_nothing() -> None:
    lobby = make()
    lobby.set_rules(parse_rules(["deny 10.0.0.0/8"]))
    for path in ("/v1/status", "/metrics"):
        assert call(lobby, "GET", path, host="10.0.0.2").status == 403


def test_a_fault_of_ours_is_an_answer_too() -> None:
    def broken(**_: object) -> bytes:
        raise RuntimeError("mint is out of order")

    lobby = Lobby(make().config, broken, lambda count: b"\x01" * count)
    with pytest.raises(RuntimeError):  # for uvicorn to log with its trace, after the answer is out
        join(lobby, {"name": "ann"})
    reply = api.broken(RuntimeError("mint is out of order"))
    assert (reply.status, b"mint" in reply.body) == (500, False)
