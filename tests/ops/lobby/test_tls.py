"""Certificates: made, kept, read back, and refused when they are no pair."""

from __future__ import annotations

import hashlib
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from engine.errors import UsageError
from engine.ops.lobby.tls import choose_certificate, load_certificate, self_signed, server_context

UNIX = 1_700_000_000.0


def test_a_self_signed_certificate() -> None:
    made = self_signed(["localhost", "127.0.0.1", "::1"], UNIX)
    certificate = x509.load_pem_x509_certificate(made.chain)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert certificate.not_valid_before_utc.timestamp() == UNIX - 86400
    assert certificate.not_valid_after_utc.year == 9999
    assert made.fingerprint == hashlib.sha256(ssl.PEM_cert_to_DER_cert(made.chain.decode())).hexdigest()
    assert isinstance(server_context(made), ssl.SSLContext)
    assert b"PRIVATE" not in repr(made).encode()


def test_the_fingerprint_is_the_first_certificates() -> None:
    one, two = self_signed(["a"], UNIX), self_signed(["b"], UNIX)
    both = type(one)(one.chain + two.chain, one.key)
    assert both.fingerprint == one.fingerprint != two.fingerprint


def test_what_the_flags_ask_for(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    assert choose_certificate(None, None, own=False, hosts=["a"], unix_now=UNIX) is None
    assert choose_certificate(None, None, own=True, hosts=["a"], unix_now=UNIX) is not None
    for files in ((cert, None), (None, key)):
        with pytest.raises(UsageError, match="go together"):
            choose_certificate(*files, own=True, hosts=["a"], unix_now=UNIX)
    with pytest.raises(UsageError, match="No such file"):
        choose_certificate(cert, key, own=False, hosts=["a"], unix_now=UNIX)
    kept = choose_certificate(cert, key, own=True, hosts=["a"], unix_now=UNIX)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    # The next start finds it, so the players' pins hold.
    assert choose_certificate(cert, key, own=True, hosts=["a"], unix_now=UNIX + 1e6) == kept
    assert choose_certificate(cert, key, own=False, hosts=["a"], unix_now=UNIX) == kept


@pytest.mark.parametrize("wrong", ["other key", "swapped", "text", "empty"])
def test_files_that_are_no_pair(wrong: str, tmp_path: Path) -> None:
    made, other = self_signed(["a"], UNIX), self_signed(["a"], UNIX)
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes({"other key": made.chain, "swapped": made.key, "text": b"hello", "empty": b""}[wrong])
    key.write_bytes({"other key": other.key, "swapped": made.chain, "text": b"hello", "empty": b""}[wrong])
    with pytest.raises(UsageError, match="no certificate and key in"):
        load_certificate(cert, key)
