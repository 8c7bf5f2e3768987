"""The certificate under which `pycall serve` speaks TLS: a given one, or one made here and kept.

Without a certificate from an authority a browser warns once, and a program asks for the SHA-256 that
identifies this very certificate. Browsers hand out the camera only to pages that came over TLS.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pycall.errors import ConfigError, ListenFailed
from pycall.regularfile import open_regular

VALID_FOR: Final = timedelta(days=365)
RENEWED_BEFORE: Final = timedelta(days=30)
"""A kept certificate that ends sooner than this is made anew."""

CLOCKS_DIFFER_BY: Final = timedelta(days=1)

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secret and authenticated, nothing else. TLS 1.3 has no others."""

MOST_BYTES: Final = 1_000_000
"""A file larger than this is no certificate and no key."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a server shows to be itself."""

    context: ssl.SSLContext
    sha256: str
    """Of the certificate in DER form, as 32 pairs of upper case digits with colons."""
    is_own: bool
    """Whether it was made here, and no authority vouches for it."""
    name: str = ""
    """The host name a given certificate is for; empty if it has none, or for many."""


def given_identity(certificate: Path, key: Path) -> Identity:
    """The identity in two PEM files, the certificate's with its chain.

    Raises:
        ConfigError: a file cannot be read or used, or they do not belong together.
    """
    shown = _certificate(certificate, _read(certificate))
    secret = _key(key, _read(key))
    if secret.public_key() != shown.public_key():
        raise ConfigError(
            f"The key in {key} does not belong to the certificate in {certificate}.",
            "Give the two files that were made together; the server's own certificate stands first in its.",
        )
    try:
        context = _context(certificate, key)
    except ssl.SSLError as error:
        why = (error.reason or "unknown reason").lower().replace("_", " ")
        raise ConfigError(
            f"The certificate in {certificate} cannot be used: {why}.", "Have it made anew."
        ) from error
    return Identity(context, fingerprint(shown), is_own=False, name=_host_name(shown))


def own_identity(folder: Path, names: Iterable[str], *, needed: Iterable[str], now: datetime) -> Identity:
    """The self-signed identity kept in ``folder``, made if there is none that can be used at ``now``.

    It is made for all ``names`` (host names and addresses), and made anew once it does not have one of
    those ``needed``: addresses that come and go need not change the fingerprint people wrote down.

    Raises:
        ListenFailed: it cannot be kept in ``folder``.
    """
    path = folder / "server.pem"
    try:
        kept = _kept(path, frozenset(needed), now)
        if kept is not None:
            return kept
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _made(path, {*names, *needed}, now)
    except OSError as error:
        raise ListenFailed(
            f"The certificate cannot be kept in {folder}: {error.strerror or error}.",
            "Make that folder writable, or give a certificate with --cert and --key.",
        ) from error


def fingerprint(certificate: x509.Certificate) -> str:
    """Its SHA-256 in the usual form, ``AB:CD:…``."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


# --- given files ----------------------------------------------------------------------------------------


def _read(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(MOST_BYTES)
    except OSError as error:
        why = error.strerror or "it cannot be read"
        raise ConfigError(f"{path}: {why}.", "Check --cert and --key.") from error


def _certificate(path: Path, pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise ConfigError(
            f"{path}: there is no certificate in it.",
            "A PEM file with -----BEGIN CERTIFICATE----- is needed.",
        ) from error


def _key(path: Path, pem: bytes) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except TypeError as error:
        hint = "Decrypt it, readable by the server's user only: openssl pkey -in FILE -out NEWFILE"
        raise ConfigError(f"{path}: the key is encrypted with a password.", hint) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            f"{path}: there is no private key in it.",
            "A PEM file with -----BEGIN PRIVATE KEY----- is needed.",
        ) from error


def _host_name(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return ""
    hosts = names.get_values_for_type(x509.DNSName)
    return next((host for host in hosts if not host.startswith("*")), "")


def _context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.load_cert_chain(certificate, key, password="")  # nobody is asked: encrypted keys are refused
    return context


# --- our own file: certificate and key in one, so that they cannot be of two minds --------------------------


def _kept(path: Path, needed: frozenset[str], now: datetime) -> Identity | None:
    with suppress(FileNotFoundError, ValueError, x509.ExtensionNotFound, ssl.SSLError):
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        lasts = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - RENEWED_BEFORE
        if lasts and set(_general_names(needed)) <= set(names):
            path.chmod(0o600)
            return Identity(_context(path), fingerprint(certificate), is_own=True)
    return None


def _made(path: Path, names: Iterable[str], now: datetime) -> Identity:
    """Make the file whole beside its place, mode 0600 from its first moment, and move it there."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _self_signed(key, names, now)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    handle, name = tempfile.mkstemp(prefix=".server-", suffix=".pem", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(certificate.public_bytes(serialization.Encoding.PEM) + secret)
        identity = Identity(_context(Path(name)), fingerprint(certificate), is_own=True)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return identity


def _self_signed(key: ec.EllipticCurvePrivateKey, names: Iterable[str], now: datetime) -> x509.Certificate:
    """A certificate for a TLS server that vouches for itself (RFC 5280, names as in RFC 6125)."""
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pycall")])
    public = key.public_key()
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder(own, own, public, x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER_BY)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    """Names as certificates have them, sorted; what no certificate can have is left out."""
    general: list[x509.GeneralName] = []
    for name in sorted(set(names)):
        with suppress(ValueError):
            general.append(_general_name(name))
    return general


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name.partition("%")[0]))  # %eth0 is for us alone
    except ValueError:
        return x509.DNSName(name)
