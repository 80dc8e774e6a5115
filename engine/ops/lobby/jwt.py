"""The studio's door: a JWT that its own backend signed says who the player is (RFC 7519, extra `ops`).

    sub   required  the account; it makes the client id, so an account plays once at a time
    aud   required  must name this game (`--jwt-audience`), so a token for another service opens nothing here
    exp   required  unix seconds; keep it minutes away, for a token can be used until then
    nbf, iat        checked where present
    name            the player's name; without it the player chooses

The algorithm follows from the key's type and is never read from the token, so no token can choose how it is checked:
RSA verifies RS256, P-256 ES256, P-384 ES384, Ed25519 EdDSA, and a file that is no PEM is the secret of HS256.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from engine.errors import UsageError
from engine.ops.lobby.policy import Grant, JoinRequest, Refused

DEFAULT_AUDIENCE = "tickwire"
MAX_JWT_CHARACTERS = 4096
"""A signed token with a few claims takes under 1,000."""
LEEWAY = 30
"""Seconds that the backend's clock and ours may differ by."""
MIN_SECRET_BYTES = 32
"""HS256's hash is as long (RFC 7518, 3.2); a shorter secret can be guessed from one token."""
MIN_RSA_BITS = 2048

KeyKind = Literal["oct", "RSA", "EC", "OKP"]
_ALGORITHMS: Final[dict[str, tuple[str, ...]]] = {
    "HS256": ("HS256",),
    "RS256": ("RS256",),
    "ES256": ("ES256",),
    "ES384": ("ES384",),
    "EdDSA": ("EdDSA", "Ed25519"),  # the second is RFC 9864's name for the same
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDoor:
    """Whoever holds a JWT for `audience` that `key` verifies by `algorithm`. Make one with `read_token_door`."""

    key: bytes = field(repr=False)
    key_kind: KeyKind
    algorithm: str
    audience: str

    @property
    def kind(self) -> str:
        return "token"

    def admit(self, request: JoinRequest, unix_now: float) -> Grant | Refused:
        if request.token is None:
            return Refused(401, "token-needed", "this server asks for a token of its own backend")
        if len(request.token) > MAX_JWT_CHARACTERS or not request.token.isascii():
            return Refused(401, "bad-token", "the token is no JWT")
        from joserfc import jwt
        from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
        from joserfc.jwk import import_key

        checks = jwt.JWTClaimsRegistry(
            now=int(unix_now),
            leeway=LEEWAY,
            aud={"essential": True, "value": self.audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "EdDSA is deprecated": as a name, see _ALGORITHMS
                key = import_key(self.key, self.key_kind)
                token = jwt.decode(request.token, key, algorithms=list(_ALGORITHMS[self.algorithm]))
            checks.validate(token.claims)
        except ExpiredTokenError:
            return Refused(401, "token-expired", "the token has expired")
        except ClaimError as error:
            return Refused(401, "bad-claim", f"the token is not for this server: {error.error}")
        # What the library does not foresee (a header of the wrong shape, numbers beyond a float) is a bad token too.
        except (JoseError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return Refused(401, "bad-token", "the token is not signed for this server")
        return _grant(token.claims)


def read_token_door(key: bytes, audience: str = DEFAULT_AUDIENCE) -> TokenDoor:
    """Return the door that `key`, a key file's bytes, opens. Raises UsageError when they are no key to verify by."""
    try:
        import joserfc  # noqa: F401 - asked for here, so that a missing extra is said at the start and not at a join
    except ImportError:
        raise UsageError("--jwt-key needs the extra: pip install tickwire[ops]") from None
    if not audience:
        raise UsageError("--jwt-audience must not be empty")
    if b"-----BEGIN" in key:
        key_kind, algorithm = _public_key(key)
        return TokenDoor(key=key, key_kind=key_kind, algorithm=algorithm, audience=audience)
    secret = key.rstrip(b"\r\n")
    if len(secret) < MIN_SECRET_BYTES:
        raise UsageError(f"--jwt-key: a secret has at least {MIN_SECRET_BYTES} bytes, got {len(secret)}")
    return TokenDoor(key=secret, key_kind="oct", algorithm="HS256", audience=audience)


def _public_key(pem: bytes) -> tuple[KeyKind, str]:
    if b"PRIVATE KEY" in pem:
        raise UsageError("--jwt-key holds a private key; the server needs the public one only: openssl pkey -pubout")
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError) as error:
        raise UsageError(f"--jwt-key is no public key in PEM: {error}") from error
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise UsageError(f"--jwt-key: an RSA key has at least {MIN_RSA_BITS} bits, got {key.key_size}")
        return "RSA", "RS256"
    if isinstance(key, ec.EllipticCurvePublicKey):
        algorithm = {"secp256r1": "ES256", "secp384r1": "ES384"}.get(key.curve.name)
        if algorithm is not None:
            return "EC", algorithm
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "OKP", "EdDSA"
    raise UsageError("--jwt-key is of a type not taken here: use Ed25519, P-256, P-384 or RSA")


def _grant(claims: dict[str, Any]) -> Grant | Refused:
    name = claims.get("name")
    if name is not None and not isinstance(name, str):
        return Refused(401, "bad-claim", "the token's name is no text")
    subject = str(claims["sub"]).encode("utf-8", "surrogatepass")
    client_id = int.from_bytes(hashlib.sha256(b"tickwire account\x00" + subject).digest()[:8], "little")
    return Grant(client_id=client_id, name=name)
