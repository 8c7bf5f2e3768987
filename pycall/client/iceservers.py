"""The STUN and TURN servers to ask.

aiortc takes the first of each kind, knows no IPv6 address in a URL and gives up all for one that is none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pycall.core.events import PathProtocol
from pycall.core.iceurls import parse_ice_url
from pycall.core.messages import IceServer

logger = logging.getLogger(__name__)

MAX_SERVERS: Final = 8
"""STUN servers, and TURN servers, that are asked; each costs sockets and a candidate."""


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
    credential: str = field(repr=False)


Server: TypeAlias = StunServer | TurnServer


def parse_server(url: str, username: str | None = None, credential: str | None = None) -> Server:
    """The server behind a URL; raises :class:`ValueError` with what is wrong with it."""
    parsed = parse_ice_url(url)
    if parsed.scheme == "stun":
        return StunServer(parsed.host, parsed.port)
    if not username or not credential:
        raise ValueError("a TURN server needs a user name and a credential")
    transport: PathProtocol = "tls" if parsed.scheme == "turns" else parsed.transport or "udp"
    return TurnServer(parsed.host, parsed.port, transport, username, credential)


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
