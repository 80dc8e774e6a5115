"""Who may join, from a server's command line to its open lobby: the flags, the door, HTTPS.

The flags are the same for every game's server, so they are here, beside what reads them: `add_door_flags` puts them
into a parser, and the others take the options it gave. What each means is in docs/LOBBY.md. Not here: which networks
are let in (`access`), what is judged at the door (`lobby.policy`), and the lobby itself (`lobby.process`).
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path

from engine.errors import UsageError
from engine.ops import logs
from engine.ops.lobby.jwt import read_token_door
from engine.ops.lobby.lobby import LobbyConfig, server_addresses
from engine.ops.lobby.policy import Door, choose, is_private
from engine.ops.lobby.process import LobbyListen, LobbyProcess, start_lobby
from engine.ops.lobby.tls import choose_certificate
from engine.ops.secrets import load_password, read_secret_file

_OF_LOBBY = ("open", "password_file", "jwt_key", "tls_cert", "tls_key", "tls_self_signed")
"""Options that mean nothing without a lobby."""


def add_door_flags(parser: argparse.ArgumentParser) -> None:
    """Add the options that say who may join."""
    door = parser.add_argument_group("who may join (needed where others than this machine and its network can)")
    door.add_argument("--open", action="store_true", help="anyone")
    door.add_argument("--password-file", type=Path, metavar="FILE", help="whoever knows the password in FILE")
    door.add_argument("--jwt-key", type=Path, metavar="FILE", help="whoever brings a token signed with the key in FILE")
    door.add_argument("--jwt-audience", default="tickwire", metavar="NAME", help="audience such a token must name")
    door.add_argument("--no-lobby", action="store_true", help="no lobby: your own backend hands out connect tokens")
    door.add_argument("--private-key-file", type=Path, metavar="FILE", help="the key shared with your backend")
    door.add_argument("--tls-cert", type=Path, metavar="FILE", help="HTTPS for the lobby, with --tls-key")
    door.add_argument("--tls-key", type=Path, metavar="FILE", help="key of --tls-cert")
    door.add_argument(
        "--tls-self-signed", action="store_true", help="HTTPS with a certificate made now; players pin its fingerprint"
    )


def check_flags(options: argparse.Namespace) -> None:
    """Raise UsageError where a flag of the lobby was given, and no lobby shall run."""
    given = [f"--{flag.replace('_', '-')}" for flag in _OF_LOBBY if getattr(options, flag)]
    if options.no_lobby and given:
        raise UsageError(f"--no-lobby leaves nothing for {' and '.join(given)} to do: your own backend is the door")


def door_of(options: argparse.Namespace, host: str, environ: Mapping[str, str]) -> Door | None:
    """Return the door of a server that listens on `host`; None: there is no lobby.

    Raises UsageError where others than this machine and its network could come in, and nothing was said of who may.
    """
    if options.no_lobby:
        return None
    # A password that lies in the environment must not turn a door that was asked for by a flag into two.
    password = load_password(options.password_file, {} if options.open or options.jwt_key else environ)
    token = None
    if options.jwt_key is not None:
        token = read_token_door(read_secret_file(options.jwt_key), options.jwt_audience)
    return choose(host=host, open_to_all=options.open, password=password, token=token)


def open_lobby(options: argparse.Namespace, config: LobbyConfig, log: logs.LogConfig, unix_now: float) -> LobbyProcess:
    """Start the lobby of the server that `config` describes, at its address, and log where it is."""
    certificate = choose_certificate(
        options.tls_cert,
        options.tls_key,
        own=options.tls_self_signed,
        hosts=[host for host, _ in server_addresses(config.bind, config.public)],
        unix_now=unix_now,
    )
    lobby = start_lobby(config, LobbyListen(address=config.bind, certificate=certificate, log=log))
    fingerprint = certificate.fingerprint if certificate is not None and options.tls_self_signed else None
    logs.event("lobby open", where=lobby.url, fingerprint=fingerprint)
    if certificate is None and not is_private(config.bind[0]):
        logs.event(
            "lobby without HTTPS",
            level=logging.WARNING,
            why="whoever listens on the way can take a player's place: --tls-cert, or --tls-self-signed",
        )
    return lobby
