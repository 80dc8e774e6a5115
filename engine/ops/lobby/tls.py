"""The lobby's certificate: from files, or self-signed with its fingerprint to pin.

A connect token holds the session's keys, so on a network that others share it should travel by HTTPS. A certificate
of a public authority needs nothing more. A self-signed one proves nothing by itself; the player's client is told the
SHA-256 of the certificate (`--fingerprint`), over any channel that can't be forged, and accepts that one only.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from engine.errors import UsageError

NOT_AFTER = datetime.datetime(9999, 12, 31, 23, 59, 59)
"""A pinned certificate is trusted for its fingerprint and not its dates; this one is RFC 5280's "no expiration"."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate (with its chain) and its private key, both PEM."""

    chain: bytes
    key: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate itself, 64 hex digits."""
        first = self.chain.decode("ascii").partition("-----END CERTIFICATE-----")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert((first[0] + first[1]).strip())).hexdigest()


def choose_certificate(
    cert_file: Path | None, key_file: Path | None, *, own: bool, hosts: Sequence[str], unix_now: float
) -> Certificate | None:
    """Return the certificate that the flags ask for, None for plain HTTP. Raises UsageError.

    The files' own; with `own`, a self-signed one for `hosts`, and where files are named too, the one kept in them,
    which is made there at the first start: players' pins then outlive a restart.
    """
    if cert_file is None or key_file is None:
        if cert_file is not key_file:
            raise UsageError("--tls-cert and --tls-key go together")
        return self_signed(hosts, unix_now) if own else None
    if own and not cert_file.exists() and not key_file.exists():
        _keep(self_signed(hosts, unix_now), cert_file, key_file)
    return load_certificate(cert_file, key_file)


def load_certificate(cert_file: Path, key_file: Path) -> Certificate:
    """Return the certificate in the two files. Raises UsageError when they are not a pair."""
    try:
        certificate = Certificate(cert_file.read_bytes(), key_file.read_bytes())
        server_context(certificate)
        certificate.fingerprint  # noqa: B018 - it raises where the file opens with something else
    except OSError as error:
        raise UsageError(f"no certificate and key in {cert_file} and {key_file}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"no certificate and key in {cert_file} and {key_file}: {error}") from error
    return certificate


def self_signed(hosts: Sequence[str], unix_now: float) -> Certificate:
    """Return a new self-signed certificate (P-256) for `hosts`, names or literal IPs; `unix_now` is today."""
    key = ec.generate_private_key(ec.SECP256R1())
    yesterday = datetime.datetime.fromtimestamp(unix_now, datetime.UTC) - datetime.timedelta(days=1)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tickwire lobby")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(yesterday)
        .not_valid_after(NOT_AFTER)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    return Certificate(
        certificate.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """Return what the lobby's listener speaks TLS by. Raises OSError (ssl.SSLError) when key and certificate differ."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The library reads files only. The folder is the owner's alone, and gone before anybody is served.
    with tempfile.TemporaryDirectory(prefix="tickwire-") as folder:
        chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_bytes(certificate.chain)
        key.touch(mode=0o600)
        key.write_bytes(certificate.key)
        # An empty password: without one, a key that is sealed by one would be asked for on the terminal.
        context.load_cert_chain(chain, key, password=lambda: "")
    return context


def _keep(certificate: Certificate, cert_file: Path, key_file: Path) -> None:
    try:
        key_file.touch(mode=0o600)
        key_file.write_bytes(certificate.key)
        cert_file.write_bytes(certificate.chain)
    except OSError as error:
        raise UsageError(
            f"no certificate can be kept in {cert_file} and {key_file}: {error.strerror or error}"
        ) from error


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
