"""STUN and TURN servers by their URLs (RFC 7064, RFC 7065).

Parsed here and strictly: aiortc takes the first of each kind, knows no IPv6 address in a URL and gives up
all of them for one that is none.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from pycall.core.events import PathProtocol
from pycall.core.messages import IceServer

logger = logging.getLogger(__name__)

MAX_SERVERS: Final = 8
"""STUN servers, and TURN servers, that are asked; each costs sockets and a candidate."""

PORT: Final = 3478
TLS_PORT: Final = 5349

_URL = re.compile(
    r"(?P<scheme>stun|turn|turns):"
    r"(?:\[(?P<literal>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[A-Za-z0-9._-]{1,253}))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:\?transport=(?P<transport>udp|tcp))?"
)


@dataclass(frozen=True, slots=True)
class StunServer:
    """Tells which address our packets come from; asked over UDP."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class TurnServer:
    """Relays, for those who have a name and a password there; reached by ``transport``."""

    host: str
    port: int
    transport: PathProtocol
    username: str
    credential: str


Server: TypeAlias = StunServer | TurnServer


def parse_server(url: str, username: str | None = None, credential: str | None = None) -> Server:
    """The server behind a URL; raises :class:`ValueError` with what is wrong with it.

    ``stuns`` is none of the schemes: STUN over TLS tells no address of UDP packets.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("It is not written like stun:HOST:PORT or turn:HOST:PORT?transport=tcp.")
    scheme, transport = match["scheme"], match["transport"]
    host = match["host"] or str(ipaddress.IPv6Address(match["literal"]))
    port = int(match["port"] or (TLS_PORT if scheme == "turns" else PORT))
    if not 0 < port < 1 << 16:
        raise ValueError("There is no such port.")
    if scheme == "stun":
        if transport is not None:
            raise ValueError("STUN is asked over UDP, without a transport.")
        return StunServer(host, port)
    if not username or not credential:
        raise ValueError("A TURN server needs a user name and a credential.")
    if scheme == "turns":
        if transport == "udp":
            raise ValueError("TURN over DTLS is not supported, only over TLS.")
        return TurnServer(host, port, "tls", username, credential)
    return TurnServer(host, port, "tcp" if transport == "tcp" else "udp", username, credential)


def usable_servers(offered: Iterable[IceServer]) -> tuple[Server, ...]:
    """The servers to ask, each once and at most :data:`MAX_SERVERS` of a kind; one line for the others."""
    found: dict[Server, None] = {}
    for server in offered:
        for url in server.urls:
            try:
                found[parse_server(url, server.username, server.credential)] = None
            except ValueError as error:
                logger.warning("Ignored the ICE server %.100r: %s", url, error)
    stun = [server for server in found if isinstance(server, StunServer)]
    turn = [server for server in found if isinstance(server, TurnServer)]
    return (*stun[:MAX_SERVERS], *turn[:MAX_SERVERS])
