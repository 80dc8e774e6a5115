"""What is fuzzed of the doors: user data, resume tickets, names, the lobby's JSON both ways, access rules, discovery.

Each gives a value, or the one error it may raise: ProtocolError for what a network sent, UsageError for what an
operator wrote. `fuzz.py` and `plain.py` run these.
"""

from __future__ import annotations

import http.client
import json
from base64 import b64encode

from netcode_targets import TOKEN
from outcomes import REFUSED, VALUE, Outcome, Target

from engine.errors import ProtocolError, UsageError
from engine.identity import clean_name, decode_resume_ticket, decode_user_data, encode_resume_ticket, encode_user_data
from engine.link.netcode import mint_connect_token
from engine.ops.access import parse_rules
from engine.ops.discovery import decode_answer, decode_probe, encode_probe
from engine.ops.lobby import api
from engine.ops.lobby.client import JoinError, read_answer
from engine.ops.lobby.lobby import Lobby, LobbyConfig
from engine.ops.lobby.policy import PasswordDoor
from engine.text import printable


def fuzz_user_data(data: bytes) -> Outcome:
    """User data of a token: what is read is written back to the same bytes."""
    padded = data[:256].ljust(256, b"\x00")
    try:
        said = decode_user_data(padded)
    except ProtocolError as error:
        return error.reason
    assert encode_user_data(said.name, said.resume, said.watches) == padded
    assert clean_name(said.name) == said.name
    assert said.name.isprintable()
    return VALUE


def fuzz_resume_ticket(data: bytes) -> Outcome:
    """A resume ticket's text, likewise."""
    text = data.decode("utf-8", "replace")
    try:
        client_id, secret = decode_resume_ticket(text)
    except ProtocolError as error:
        return error.reason
    assert encode_resume_ticket(client_id, secret) == text
    return VALUE


def fuzz_name(data: bytes) -> Outcome:
    """A player's name: clean once, clean for good."""
    try:
        name = clean_name(data.decode("utf-8", "replace"))
    except UsageError:
        return REFUSED
    assert clean_name(name) == name
    assert name.isprintable()
    return VALUE


def fuzz_lobby_request(data: bytes) -> Outcome:
    """The body of POST /v1/join: an answer whatever it is, and JSON."""
    lobby = _lobby()
    reply = api.join(lobby, data, "203.0.113.9", "203.0.113.1", 0.0, 1_700_000_000.0)
    assert reply.status in (200, 400, 401, 409)
    answer = json.loads(reply.body)
    return VALUE if reply.status == 200 else answer["error"]


def fuzz_lobby_answer(data: bytes) -> Outcome:
    """What a lobby answers a player: a ticket, or one printable line."""
    status = 200 + data[0] if data else 200
    headers = http.client.HTTPMessage()
    headers["retry-after"] = data[1:4].decode("latin-1").replace("\r", "").replace("\n", "")
    try:
        ticket = read_answer(("203.0.113.1", 40000), status, headers, data[4:])
    except JoinError as error:
        shown, outcome = str(error), REFUSED  # its reason may be what the lobby said: anything
    else:
        shown, outcome = ticket.name + ticket.server, VALUE
        assert len(ticket.connect_token) == 2048
    assert shown.isprintable()
    return outcome


def fuzz_access_rules(data: bytes) -> Outcome:
    """An access file."""
    try:
        parse_rules(data.decode("utf-8", "replace").split("\n"))
    except UsageError:
        return REFUSED
    return VALUE


def fuzz_discovery(data: bytes) -> Outcome:
    """A probe and an answer of the local network."""
    try:
        assert len(encode_probe(decode_probe(data))) == len(data)
    except ProtocolError as no_probe:
        try:
            _, notice = decode_answer(data)
        except ProtocolError as no_answer:
            return [no_probe.reason, no_answer.reason]
        assert notice.title.isprintable()
        assert notice.map.isprintable()
    return VALUE


def fuzz_printable(data: bytes) -> Outcome:
    """Any text becomes one that prints."""
    assert printable(data.decode("utf-8", "surrogateescape")).isprintable()
    return VALUE


def _lobby() -> Lobby:
    config = LobbyConfig(
        title="Arena",
        version="arena 1",
        protocol_id=0xAB,
        private_key=bytes(32),
        bind=("203.0.113.1", 40000),
        door=PasswordDoor("p"),
        token_lifetime=45,
        timeout=10,
        max_players=4,
    )
    return Lobby(config, mint_connect_token, bytes)


def seeds() -> dict[str, list[bytes]]:
    """Return true examples of what each target reads."""
    secret = bytes(range(16))
    asked = {"name": "ann", "password": "p", "token": "a.b.c", "protocol": "00000000000000ab", "resume": "5a" * 24}
    given = {"connect_token": b64encode(TOKEN).decode(), "name": "ann 2", "server": "1.2.3.4:5", "expires": 9}
    refused = {"error": "wrong-password", "message": "wrong password"}
    return {
        "user_data": [encode_user_data("zoé"), encode_user_data("ann", secret)],
        "resume_ticket": [encode_resume_ticket(7, secret).encode()],
        "name": [b"ann", "zoé  x".encode(), "e\u0301\u0302".encode(), "\u202eann".encode()],
        "lobby_request": [json.dumps(asked).encode(), b'{"name": "bob", "password": "p"}'],
        "lobby_answer": [
            b"\x00   " + json.dumps(given).encode(),
            bytes([201]) + b"9  " + json.dumps(refused).encode(),
        ],
        "access_rules": [b"deny 198.51.100.0/24 # x\nallow 2001:db8::7\n\ndeny ::ffff:1.2.3.4/120"],
        "discovery": [encode_probe(bytes(8)), b"TICKHERE\x01" + bytes(25) + b"\x40\x9c" + bytes(40)],
        "printable": ["a\x1b[2J\u202e\U000e0001".encode()],
    }


TARGETS: dict[str, Target] = {
    "user_data": fuzz_user_data,
    "resume_ticket": fuzz_resume_ticket,
    "name": fuzz_name,
    "lobby_request": fuzz_lobby_request,
    "lobby_answer": fuzz_lobby_answer,
    "access_rules": fuzz_access_rules,
    "discovery": fuzz_discovery,
    "printable": fuzz_printable,
}
