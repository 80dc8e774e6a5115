"""The studio's door: every kind of key, and every way in which a token may be wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.jwk import import_key

from engine.errors import UsageError
from engine.ops.lobby.jwt import LEEWAY, TokenDoor, read_token_door
from engine.ops.lobby.policy import Grant, JoinRequest, Refused

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # as a name for the same; our tests sign by it

NOW = 1_700_000_000.25
CLAIMS: dict[str, Any] = {"sub": "account-7", "aud": "tickwire", "exp": 1_700_000_060}
SECRET = b"0123456789abcdef0123456789abcdef"


def pem_pair(private: Any) -> tuple[bytes, bytes]:
    sealed = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return sealed, private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


ED_PRIVATE, ED_PUBLIC = pem_pair(ed25519.Ed25519PrivateKey.generate())


def sign(claims: dict[str, Any], algorithm: str = "EdDSA", key: bytes = ED_PRIVATE, kind: Any = "OKP") -> str:
    return jwt.encode({"alg": algorithm}, claims, import_key(key, kind), algorithms=[algorithm])


def admit(token: str | None, door: TokenDoor | None = None, now: float = NOW) -> Grant | Refused:
    return (door or read_token_door(ED_PUBLIC)).admit(JoinRequest(name="ann", token=token), now)


def reason(answer: Grant | Refused) -> str:
    assert isinstance(answer, Refused)
    assert answer.status == 401
    return answer.reason


@pytest.mark.parametrize(
    ("make", "kind", "algorithm"),
    [
        (ed25519.Ed25519PrivateKey.generate, "OKP", "EdDSA"),
        (ed25519.Ed25519PrivateKey.generate, "OKP", "Ed25519"),
        (lambda: ec.generate_private_key(ec.SECP256R1()), "EC", "ES256"),
        (lambda: ec.generate_private_key(ec.SECP384R1()), "EC", "ES384"),
        (lambda: rsa.generate_private_key(65537, 2048), "RSA", "RS256"),
    ],
)
def test_each_kind_of_key(make: Callable[[], Any], kind: str, algorithm: str) -> None:
    private, public = pem_pair(make())
    answer = admit(sign(CLAIMS, algorithm, private, kind), read_token_door(public))
    assert isinstance(answer, Grant)
    assert reason(admit(sign(CLAIMS), read_token_door(public))) == "bad-token"


def test_a_shared_secret() -> None:
    door = read_token_door(SECRET + b"\n")
    assert isinstance(admit(sign(CLAIMS, "HS256", SECRET, "oct"), door), Grant)
    assert reason(admit(sign(CLAIMS, "HS256", SECRET[::-1], "oct"), door)) == "bad-token"


def test_who_it_is_follows_from_the_account() -> None:
    first, again, other = (
        admit(sign({**CLAIMS, "sub": sub, "name": "Ann"})) for sub in ("account-7", "account-7", "account-8")
    )
    assert isinstance(first, Grant)
    assert first == again != other
    assert first.name == "Ann"
    assert first.client_id is not None
    assert 0 < first.client_id < 2**64


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"aud": "another-service"}, "bad-claim"),
        ({"aud": None}, "bad-claim"),
        ({"aud": ["x", "y"]}, "bad-claim"),
        ({"aud": 5}, "bad-claim"),
        ({"exp": int(NOW) - LEEWAY}, "token-expired"),
        ({"exp": None}, "bad-claim"),
        ({"exp": "soon"}, "bad-claim"),
        ({"exp": True}, "bad-claim"),
        ({"nbf": int(NOW) + LEEWAY + 1}, "bad-claim"),
        ({"iat": int(NOW) + LEEWAY + 1}, "bad-claim"),
        ({"sub": None}, "bad-claim"),
        ({"sub": 7}, "bad-claim"),
        ({"sub": ""}, "bad-claim"),
        ({"name": 7}, "bad-claim"),
    ],
)
def test_a_claim_that_is_wrong(changes: dict[str, Any], expected: str) -> None:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    assert reason(admit(sign(claims))) == expected


def test_a_claim_that_just_will_do() -> None:
    late = {**CLAIMS, "aud": ["x", "tickwire"], "exp": int(NOW) - LEEWAY + 1, "nbf": int(NOW) + LEEWAY}
    assert isinstance(admit(sign(late)), Grant)


def test_the_token_does_not_choose_its_algorithm() -> None:
    none = ".".join(part(json.dumps(value)) for value in ({"alg": "none", "typ": "JWT"}, CLAIMS)) + "."
    assert reason(admit(none)) == "bad-token"
    # The public key taken for a secret: what libraries that trust the header fall for.
    forged = jwt.encode({"alg": "HS256"}, CLAIMS, import_key(SECRET, "oct"), algorithms=["HS256"])
    assert reason(admit(forged)) == "bad-token"
    assert reason(admit(sign(CLAIMS, "EdDSA"), read_token_door(SECRET))) == "bad-token"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "é",
        ".." + "x" * 5000,
        "e30.e30.e30",
        "W10.e30.e30",
        "bnVsbA.bnVsbA.bnVsbA",
        "eyJhbGciOiJFZERTQSIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19.e30.e30",
        "eyJhbGciOlsxXX0.e30.e30",
    ],
)
def test_what_is_no_token(token: str) -> None:
    assert reason(admit(token)) == "bad-token"


def test_no_token_at_all() -> None:
    assert reason(admit(None)) == "token-needed"


def test_an_expiry_beyond_all_numbers() -> None:
    head, _, _ = sign(CLAIMS).split(".")
    payload = part('{"sub": "a", "aud": "tickwire", "exp": NaN}')
    key = ed25519.Ed25519PrivateKey.generate()
    signature = base64.urlsafe_b64encode(key.sign(f"{head}.{payload}".encode())).rstrip(b"=").decode()
    assert reason(admit(f"{head}.{payload}.{signature}", read_token_door(pem_pair(key)[1]))) == "bad-claim"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (ED_PRIVATE, "private key"),
        (b"-----BEGIN PUBLIC KEY-----\nnot base64\n-----END PUBLIC KEY-----\n", "no public key"),
        (b"short secret", "at least 32 bytes"),
        (pem_pair(ec.generate_private_key(ec.SECP521R1()))[1], "of a type"),
        (pem_pair(rsa.generate_private_key(65537, 1024))[1], "at least 2048 bits"),
    ],
)
def test_a_key_that_will_not_do(key: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_token_door(key)


def test_an_audience_is_needed() -> None:
    with pytest.raises(UsageError, match="audience"):
        read_token_door(ED_PUBLIC, "")
    assert isinstance(admit(sign({**CLAIMS, "aud": "arena"}), read_token_door(ED_PUBLIC, "arena")), Grant)


def test_the_repr_keeps_the_secret() -> None:
    assert "0123456789" not in repr(read_token_door(SECRET))


def part(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
