"""The server's flags for its doors, its secrets and its log, and what they come to.

`add_flags` declares them on an argparse parser, `read_flags` turns them into `Doors` before anything is bound, raising
UsageError in one line; `Doors.start_lobby` then starts the lobby beside the bound match. So an entry point needs:

    add_flags(parser)
    doors = read_flags(args, host=host, environ=os.environ, entropy=os.urandom)
    ... bind the game's socket, run NetcodeServer with doors.private_key.key and doors.addresses(bind) ...
    lobby = doors.start_lobby(bind=bind, title=..., version=..., protocol_id=..., max_players=...)
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.address import Address, parse_address
from engine.errors import UsageError
from engine.link.netcode import DEFAULT_TIMEOUT, DEFAULT_TOKEN_LIFETIME
from engine.link.netcode.token import canonical_address
from engine.ops import logs
from engine.ops.access import Access, Rules, parse_network
from engine.ops.lobby import policy
from engine.ops.lobby.jwt import DEFAULT_AUDIENCE, load_token_door
from engine.ops.lobby.lobby import LobbyConfig, server_addresses
from engine.ops.lobby.policy import Door
from engine.ops.lobby.process import LobbyListen, LobbyProcess, start_lobby
from engine.ops.lobby.tls import Certificate, keep_certificate, load_certificate, make_self_signed
from engine.ops.logs import LogConfig
from engine.ops.secrets import (
    PASSWORD_VARIABLE,
    PRIVATE_KEY_VARIABLE,
    PrivateKey,
    load_password,
    load_private_key,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What the flags came to. `door` None: no lobby. `lobby_port` None: the game's own number, on TCP."""

    private_key: PrivateKey
    door: Door | None
    access: Access
    public: tuple[str, ...] = ()
    certificate: Certificate | None = None
    lobby_port: int | None = None
    log: LogConfig = field(default_factory=LogConfig)

    def addresses(self, bind: Address) -> tuple[Address, ...]:
        """Return the addresses that NetcodeServer is to know as its own, the game's socket being bound to `bind`."""
        return server_addresses(bind, self._public(bind))

    def start_lobby(
        self,
        *,
        bind: Address,
        title: str,
        version: str,
        protocol_id: int,
        max_players: int,
        token_lifetime: int = DEFAULT_TOKEN_LIFETIME,
        timeout: int = DEFAULT_TIMEOUT,
    ) -> LobbyProcess | None:
        """Start the lobby for the game bound to `bind`, say where it is, and return it; None where none was wanted.

        `token_lifetime` is NetcodeServerConfig's. Raises NetError in one line when it can't start.
        """
        if self.door is None:
            return None
        config = LobbyConfig(
            title=title,
            version=version,
            protocol_id=protocol_id,
            private_key=self.private_key.key,
            bind=bind,
            public=self._public(bind),
            door=self.door,
            rules=self.access.rules,
            token_lifetime=token_lifetime,
            timeout=timeout,
            max_players=max_players,
        )
        address = (bind[0], bind[1] if self.lobby_port is None else self.lobby_port)
        lobby = start_lobby(config, LobbyListen(address=address, certificate=self.certificate, log=self.log))
        fingerprint = None if self.certificate is None else self.certificate.fingerprint
        logs.event("lobby listens", where=lobby.url, door=self.door.kind, fingerprint=fingerprint)
        if self.certificate is None and not policy.is_private(bind[0]):
            why = "connect tokens hold session keys and travel in the clear: give --tls-cert or --tls-self-signed"
            logs.event("lobby without TLS", level=logging.WARNING, why=why)
        return lobby

    def _public(self, bind: Address) -> tuple[Address, ...]:
        return tuple(parse_address(text, bind[1]) for text in self.public)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags on `parser`."""
    doors = parser.add_argument_group(
        "who may play", "Choose one door. On a private address the open one is the default."
    )
    doors.add_argument("--open", action="store_true", help="let in anyone who asks")
    doors.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help=f"let in who knows the password in FILE's first line (or in {PASSWORD_VARIABLE})",
    )
    doors.add_argument(
        "--jwt-key",
        type=Path,
        metavar="FILE",
        help="let in who has a JWT that your backend signed: its public key in PEM, or the secret of HS256",
    )
    doors.add_argument(
        "--jwt-audience", default=DEFAULT_AUDIENCE, metavar="NAME", help="what the JWT's aud must name (%(default)s)"
    )
    doors.add_argument(
        "--allow", action="append", default=[], metavar="NETWORK", help="let in this network only (may be repeated)"
    )
    doors.add_argument(
        "--deny", action="append", default=[], metavar="NETWORK", help="keep this network out (likewise)"
    )
    doors.add_argument(
        "--access-file", type=Path, metavar="FILE", help="lines of allow NETWORK and deny NETWORK; read again on change"
    )
    lobby = parser.add_argument_group("lobby", "The HTTP service that hands out connect tokens.")
    lobby.add_argument("--no-lobby", action="store_true", help="run none: your own backend hands out the tokens")
    lobby.add_argument(
        "--lobby-port", type=_port, metavar="PORT", help="its TCP port (the same number as the game's UDP port)"
    )
    lobby.add_argument(
        "--public",
        action="append",
        default=[],
        metavar="HOST[:PORT]",
        help="literal IP by which players reach the game, where it differs from --host (may be repeated)",
    )
    lobby.add_argument(
        "--private-key-file",
        type=Path,
        metavar="FILE",
        help=f"the key that tokens are sealed with (or {PRIVATE_KEY_VARIABLE}); by default a new one at each start",
    )
    lobby.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve HTTPS with this certificate (PEM)")
    lobby.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's private key (PEM)")
    lobby.add_argument(
        "--tls-self-signed",
        action="store_true",
        help="serve HTTPS with a certificate of its own, whose fingerprint is printed for players to pin; kept in"
        " --tls-cert and --tls-key where these are given",
    )
    log = parser.add_argument_group("log")
    log.add_argument("--verbose", action="store_true", help="traffic and tick figures once a second")
    log.add_argument("--log-json", action="store_true", help="one JSON object per line")


def read_log_flags(args: argparse.Namespace) -> LogConfig:
    """Return how to log, for `logs.configure`, which comes before everything else."""
    return LogConfig(json=args.log_json, verbose=args.verbose)


def read_flags(
    args: argparse.Namespace,
    *,
    host: str,
    environ: Mapping[str, str],
    entropy: Callable[[int], bytes],
) -> Doors:
    """Return what the flags in `args` come to for a server that binds the literal IP `host`. Raises UsageError."""
    public_hosts = [canonical_address(parse_address(text, 1))[0] for text in args.public]
    rules = Rules(
        tuple(parse_network(text) for text in args.allow),
        tuple(parse_network(text) for text in args.deny),
    )
    # Without a lobby only a backend mints tokens, so it must have the key too, and one made here it can't have.
    return Doors(
        private_key=load_private_key(args.private_key_file, environ, None if args.no_lobby else entropy),
        door=_read_door(args, host, environ),
        access=Access(rules, args.access_file),
        public=tuple(args.public),
        certificate=_read_certificate(args, ("localhost", host, *public_hosts)),
        lobby_port=args.lobby_port,
        log=read_log_flags(args),
    )


def _read_door(args: argparse.Namespace, host: str, environ: Mapping[str, str]) -> Door | None:
    chosen = args.open or args.password_file or args.jwt_key
    if args.no_lobby:
        if chosen:
            raise UsageError(
                "--no-lobby leaves who may play to your backend: give no --open, --password-file, --jwt-key"
            )
        return None
    token = None if args.jwt_key is None else load_token_door(args.jwt_key, args.jwt_audience)
    # A password left in the environment gives way to a door named on the command line.
    password = load_password(args.password_file, {} if args.open or token else environ)
    return policy.choose(host=host, open_to_all=args.open, password=password, token=token)


def _read_certificate(args: argparse.Namespace, hosts: Sequence[str]) -> Certificate | None:
    cert, key = args.tls_cert, args.tls_key
    if (cert is None) != (key is None):
        raise UsageError("--tls-cert and --tls-key go together")
    if cert is not None and not (args.tls_self_signed and not cert.exists() and not key.exists()):
        return load_certificate(cert, key)
    if not args.tls_self_signed:
        return None
    certificate = make_self_signed(hosts)
    if cert is not None:
        keep_certificate(certificate, cert, key)
    return certificate


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to 65535")
    return int(text)
