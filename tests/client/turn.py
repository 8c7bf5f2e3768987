"""A real TURN server on the loopback, for tests of the client: coturn, over UDP, TCP and TLS."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pycall.core.events import PathProtocol
from pycall.core.messages import IceServer
from pycall.server.certificate import own_identity
from tests.rig import end, needs, wait_until

HOST = "127.0.0.1"
USER, PASSWORD = "ann", "correct horse"
GIVEN_BACK = "realm=<test>, username=<ann>, lifetime=0"
"""What the log says of an allocation that its owner ended."""


@dataclass(frozen=True)
class Coturn:
    """A running ``turnserver`` that relays between addresses of the loopback too."""

    port: int
    tls_port: int
    certificate: Path
    log: Path
    process: subprocess.Popen[bytes]

    def server(self, *kinds: PathProtocol, password: str = PASSWORD) -> IceServer:
        """It as an ICE server, over these transports."""
        urls = {
            "udp": f"turn:{HOST}:{self.port}?transport=udp",
            "tcp": f"turn:{HOST}:{self.port}?transport=tcp",
            "tls": f"turns:{HOST}:{self.tls_port}?transport=tcp",
        }
        return IceServer(tuple(urls[kind] for kind in kinds or ("udp", "tcp", "tls")), USER, password)

    @property
    def stun(self) -> IceServer:
        """It as a STUN server."""
        return IceServer((f"stun:{HOST}:{self.port}",))

    def said(self, words: str) -> int:
        """How often its log has these words."""
        return self.log.read_text(encoding="utf-8", errors="replace").count(words)


@contextlib.contextmanager
def running_coturn(folder: Path, *more: str) -> Iterator[Coturn]:
    """Run it while the context lasts; ``more`` are further lines of its configuration."""
    program = needs("turnserver", "coturn")
    folder.mkdir(parents=True, exist_ok=True)
    own_identity(folder, {HOST}, needed={HOST}, now=datetime.now(UTC))
    certificate, log = folder / "server.pem", folder / "log"
    port, tls_port = _free_ports()
    configuration = folder / "turnserver.conf"
    lines = (
        f"listening-ip={HOST}", f"relay-ip={HOST}", f"listening-port={port}",
        f"tls-listening-port={tls_port}",
        "lt-cred-mech", f"user={USER}:{PASSWORD}", "realm=test", "allow-loopback-peers",
        f"cert={certificate}", f"pkey={certificate}", "no-dtls", "no-rfc5780", "no-cli", "no-multicast-peers",
        f"userdb={folder}/turndb", f"pidfile={folder}/turnserver.pid", "log-file=stdout", "verbose",
        *more, "",
    )  # fmt: skip
    configuration.write_text("\n".join(lines), encoding="ascii")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "-c", configuration], cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        wait_until(lambda: process.poll() is not None or _listens(tls_port))
        assert process.poll() is None, log.read_text(encoding="utf-8")
        yield Coturn(port, tls_port, certificate, log, process)
    finally:
        process.kill()  # asked to end, it waits for seconds
        end(process)


def _free_ports() -> tuple[int, int]:
    with socket.create_server((HOST, 0)) as one, socket.create_server((HOST, 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False
