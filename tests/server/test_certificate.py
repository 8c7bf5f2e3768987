from __future__ import annotations

import asyncio
import ipaddress
import os
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from pycall.errors import ConfigError, ListenFailed
from pycall.server.certificate import RENEWED_BEFORE, VALID_FOR, Identity, given_identity, own_identity

NOW = datetime.now(UTC)
NAMES = ("desk", "localhost", "127.0.0.1", "192.0.2.10", "2001:db8::1")
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def own(folder: Path, *needed: str, names: tuple[str, ...] = NAMES, now: datetime = NOW) -> Identity:
    return own_identity(folder, names, needed=needed, now=now)


def kept(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "server.pem").read_bytes())


def pem(key: Key, password: bytes = b"") -> bytes:
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)


def given(folder: Path, key: Key) -> tuple[Path, Path]:
    """A certificate for localhost and its key, as two files."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "given")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(pem(key))
    return certificate, secret


async def handshake(identity: Identity, client: ssl.SSLContext, name: str = "localhost") -> tuple[str, str]:
    """The SHA-256 and the version of TLS that ``client`` sees, calling a server of this identity ``name``."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=identity.context) as server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=name)
        tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
        seen = sha256(tls.getpeercert(binary_form=True) or b"").digest().hex(":").upper()
        version = tls.version() or ""
        writer.close()
        await writer.wait_closed()
        return seen, version


def unsuspecting() -> ssl.SSLContext:
    """A client that takes every certificate."""
    client = ssl.create_default_context()
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    return client


# --- our own ---------------------------------------------------------------------------------------------


def test_ours_is_for_all_names_and_a_year(tmp_path: Path) -> None:
    identity = own(tmp_path)

    certificate = kept(tmp_path)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"desk", "localhost"}
    assert set(names.get_values_for_type(x509.IPAddress)) == set(map(ipaddress.ip_address, NAMES[2:]))
    assert certificate.not_valid_before_utc < NOW
    assert abs(certificate.not_valid_after_utc - NOW - VALID_FOR) < timedelta(seconds=1)
    public = certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert public.curve.name == "secp256r1"
    assert bytes.fromhex(identity.sha256.replace(":", "")) == certificate.fingerprint(hashes.SHA256())


@pytest.mark.parametrize("name", NAMES)
async def test_who_trusts_ours_reaches_it_under_every_name(tmp_path: Path, name: str) -> None:
    identity = own(tmp_path)
    client = ssl.create_default_context(cafile=str(tmp_path / "server.pem"))
    client.verify_flags |= ssl.VERIFY_X509_STRICT

    assert await handshake(identity, client, name) == (identity.sha256, "TLSv1.3")


async def test_another_name_is_not_covered(tmp_path: Path) -> None:
    client = ssl.create_default_context(cafile=str(own_file(tmp_path)))

    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(own(tmp_path), client, "elsewhere")


def own_file(folder: Path) -> Path:
    own(folder)
    return folder / "server.pem"


async def test_nothing_older_than_tls_1_2_is_spoken(tmp_path: Path) -> None:
    identity = own(tmp_path)
    client = unsuspecting()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert await handshake(identity, client) == (identity.sha256, "TLSv1.2")

    client.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        await handshake(identity, client)


def test_ours_is_used_again(tmp_path: Path) -> None:
    first = own(tmp_path)

    later = own(tmp_path, "localhost", "192.0.2.10", now=NOW + VALID_FOR - RENEWED_BEFORE - timedelta(1))
    assert later.sha256 == first.sha256


def test_addresses_that_come_and_go_unneeded_change_nothing(tmp_path: Path) -> None:
    first = own(tmp_path)

    assert own(tmp_path, "127.0.0.1", names=("localhost", "2001:db8::2")).sha256 == first.sha256


@pytest.mark.parametrize(
    "now",
    [NOW + VALID_FOR, NOW + VALID_FOR - RENEWED_BEFORE + timedelta(hours=1), NOW - timedelta(days=2)],
    ids=["expired", "nearly", "from-the-future"],
)
def test_ours_is_made_anew_in_time(tmp_path: Path, now: datetime) -> None:
    first = own(tmp_path)

    assert own(tmp_path, now=now).sha256 != first.sha256
    assert kept(tmp_path).not_valid_after_utc > now + RENEWED_BEFORE


def test_ours_is_made_anew_for_an_address_it_does_not_have(tmp_path: Path) -> None:
    first = own(tmp_path)

    second = own(tmp_path, "198.51.100.1")
    assert second.sha256 != first.sha256
    assert own(tmp_path, "198.51.100.1").sha256 == second.sha256


@pytest.mark.parametrize("name", ["küche", "fe80::1%eth0"])
def test_names_no_certificate_can_have_are_no_reason_to_make_it_anew(tmp_path: Path, name: str) -> None:
    first = own(tmp_path, name, names=(name, "localhost"))

    assert own(tmp_path, name).sha256 == first.sha256


@pytest.mark.parametrize("damage", ["empty", "cut", "garbage", "another key"])
def test_a_damaged_file_is_replaced(tmp_path: Path, damage: str) -> None:
    first = own(tmp_path)
    path = tmp_path / "server.pem"
    whole = path.read_bytes()
    certificate = whole[: whole.index(b"-----BEGIN PRIVATE")]
    stranger = pem(ec.generate_private_key(ec.SECP256R1()))
    path.write_bytes(
        {"empty": b"", "cut": certificate, "garbage": b"\xff" * 99, "another key": certificate + stranger}[
            damage
        ]
    )

    second = own(tmp_path)
    assert second.sha256 != first.sha256
    assert own(tmp_path).sha256 == second.sha256


def test_the_key_is_nobody_elses_from_its_first_moment(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "pycall"
    before = os.umask(0)
    seen: set[int] = set()
    done = threading.Event()
    watcher = threading.Thread(target=lambda: watch(folder, seen, done))
    watcher.start()
    try:
        for day in range(20):
            own(folder, now=NOW + day * VALID_FOR)
    finally:
        done.set()
        watcher.join()
        os.umask(before)

    assert seen == {0o600}
    assert stat.S_IMODE((folder / "server.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == ["server.pem"]


def watch(folder: Path, seen: set[int], done: threading.Event) -> None:
    """Note the modes of all files there, as fast as can be."""
    while not done.is_set():
        for path in folder.glob("*"):
            try:
                seen.add(stat.S_IMODE(path.stat().st_mode))
            except FileNotFoundError:  # moved meanwhile
                continue


def test_a_key_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    own(tmp_path)
    (tmp_path / "server.pem").chmod(0o644)

    own(tmp_path)
    assert stat.S_IMODE((tmp_path / "server.pem").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_is_one_sentence_and_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ListenFailed, match=r"cannot be kept in .*file/pycall: Not a directory") as failed:
        own(tmp_path / "file" / "pycall")
    assert "--cert" in failed.value.hint


# --- given ones ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)],
    ids=["EC", "RSA"],
)
async def test_a_given_certificate_is_shown(tmp_path: Path, key: Key) -> None:
    certificate, secret = given(tmp_path, key)
    identity = given_identity(certificate, secret)
    client = ssl.create_default_context(cafile=str(certificate))

    assert await handshake(identity, client) == (identity.sha256, "TLSv1.3")
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert await handshake(identity, client) == (identity.sha256, "TLSv1.2")


def test_both_may_be_in_one_file(tmp_path: Path) -> None:
    certificate, secret = given(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    secret.write_bytes(secret.read_bytes() + certificate.read_bytes())

    assert given_identity(secret, secret).sha256 == given_identity(certificate, secret).sha256


def test_given_files_that_cannot_be_used_are_told_apart(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate, secret = given(tmp_path, key)
    locked, stranger, empty = tmp_path / "locked.pem", tmp_path / "stranger.pem", tmp_path / "empty.pem"
    locked.write_bytes(pem(key, b"password"))
    stranger.write_bytes(pem(ec.generate_private_key(ec.SECP256R1())))
    empty.touch()
    os.mkfifo(tmp_path / "pipe")
    for wrong, why in (
        ((tmp_path / "missing.pem", secret), "missing.pem: No such file"),
        ((certificate, tmp_path / "missing.pem"), "missing.pem: No such file"),
        ((tmp_path, secret), "not a regular file"),
        ((secret, secret), "key.pem: there is no certificate in it"),
        ((empty, secret), "empty.pem: there is no certificate in it"),
        ((certificate, certificate), "cert.pem: there is no private key in it"),
        ((certificate, empty), "empty.pem: there is no private key in it"),
        ((certificate, locked), "locked.pem: the key is encrypted"),
        ((certificate, stranger), "stranger.pem does not belong to the certificate in .*cert.pem"),
    ):
        with pytest.raises(ConfigError, match=why) as caught:
            given_identity(*wrong)
        assert caught.value.message.endswith(".")
        assert caught.value.hint


def test_a_key_that_is_too_weak_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be used: ee key too small"):
        given_identity(*given(tmp_path, rsa.generate_private_key(65537, 1024)))
