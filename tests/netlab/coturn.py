"""A real TURN server in the laboratory's public place: coturn, with nothing outside a test's folder."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

from pycall.media.testsignals.wallclock import unix_time
from pycall.server.certificate import own_identity
from tests.netlab.addresses import url_host
from tests.netlab.namespaces import Namespace
from tests.rig import end, needs, wait_until

Transport: TypeAlias = Literal["udp", "tcp", "tls"]

PORT: Final = 3478
TLS_PORT: Final = 5349
RELAY_PORTS: Final = range(50_000, 50_200)
REALM: Final = "laboratory"
SECRET: Final = "c0ffee-shared-with-pycall-serve"

DENIED: Final = (
    "0.0.0.0-0.255.255.255", "10.0.0.0-10.255.255.255", "100.64.0.0-100.127.255.255",
    "127.0.0.0-127.255.255.255", "169.254.0.0-169.254.255.255", "172.16.0.0-172.31.255.255",
    "192.0.0.0-192.0.0.255", "192.168.0.0-192.168.255.255", "198.18.0.0-198.19.255.255",
    "224.0.0.0-255.255.255.255", "::1", "::ffff:0:0-::ffff:ffff:ffff",
    "64:ff9b::-64:ff9b::ffff:ffff", "fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ff00::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
)  # fmt: skip
"""Whom the relay sends nothing: the inside of networks, and everybody at once."""


@dataclass(frozen=True)
class Coturn:
    """A running ``turnserver``."""

    address: str
    certificate: Path
    """Self-signed; who trusts the authorities in this file trusts the server."""
    log: Path
    process: subprocess.Popen[bytes]
    secret: str = SECRET

    def url(self, transport: Transport) -> str:
        """Its URL over UDP, TCP or TLS (RFC 7065)."""
        host = url_host(self.address)
        if transport == "tls":
            return f"turns:{host}:{TLS_PORT}?transport=tcp"
        return f"turn:{host}:{PORT}?transport={transport}"

    @property
    def urls(self) -> list[str]:
        """All three of them."""
        return [self.url(transport) for transport in ("udp", "tcp", "tls")]

    @property
    def options(self) -> list[str]:
        """What `pycall serve` needs to hand it out: ``lab.server(*coturn.options)``."""
        urls = [word for url in self.urls for word in ("--turn-url", url)]
        return [*urls, "--turn-secret", self.secret]

    def credentials(self, user: str = "ann", lifetime_s: float = 600) -> tuple[str, str]:
        """A name and its password (draft-uberti-behave-turn-rest); a negative lifetime is an expired one."""
        name = f"{int(unix_time() + lifetime_s)}:{user}"
        digest = hmac.digest(self.secret.encode(), name.encode(), hashlib.sha1)
        return name, base64.b64encode(digest).decode()


@contextlib.contextmanager
def running_coturn(
    namespace: Namespace,
    address: str,
    folder: Path,
    *,
    denied: Sequence[str] = DENIED,
    user_quota: int = 12,
    total_quota: int = 100,
    more: Sequence[str] = (),
) -> Iterator[Coturn]:
    """Run it while the context lasts; ``more`` are further lines of its configuration."""
    program = needs("turnserver", "coturn")
    folder.mkdir(parents=True, exist_ok=True)
    own_identity(folder, {address}, needed={address}, now=datetime.now(UTC))
    certificate, log, configuration = folder / "server.pem", folder / "log", folder / "turnserver.conf"
    configuration.write_text(
        "\n".join([
            f"listening-ip={address}", f"relay-ip={address}",
            f"listening-port={PORT}", f"tls-listening-port={TLS_PORT}",
            f"min-port={RELAY_PORTS[0]}", f"max-port={RELAY_PORTS[-1]}",
            "use-auth-secret", f"static-auth-secret={SECRET}", f"realm={REALM}",
            f"cert={certificate}", f"pkey={certificate}", "no-dtls",
            "no-cli", "no-multicast-peers", "no-rfc5780", "no-stun-backward-compatibility",
            f"user-quota={user_quota}", f"total-quota={total_quota}",
            f"userdb={folder}/turndb", f"pidfile={folder}/turnserver.pid",
            f"log-file={log}", "simple-log", "no-stdout-log",
            "allocation-default-address-family=keep",
            *(f"denied-peer-ip={each}" for each in denied),
            *more, "",
        ]),
        encoding="ascii",
    )  # fmt: skip
    with log.open("ab") as output:  # what it says before it has read where its log is
        process = subprocess.Popen(
            namespace.command(program, "-c", configuration),
            cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        wait_until(lambda: process.poll() is not None or _listens(namespace, address))
        assert process.poll() is None, log.read_text(encoding="utf-8")
        yield Coturn(address, certificate, log, process)
    finally:
        end(process)


def _listens(namespace: Namespace, address: str) -> bool:
    """Whether the listeners are there; that for UDP is opened before that for TLS."""
    try:
        with namespace.inside(), socket.create_connection((address, TLS_PORT), timeout=1):
            return True
    except OSError:
        return False
