"""Who may read a server's figures: this machine, networks that were named, and who has the key."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from aiohttp import web

from pycall.server.clients import host_name

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDED: Final = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")
"""With any of these a web server asks for somebody else, whose address is not the connection's."""


@dataclass(frozen=True, slots=True)
class Readers:
    """Those who may; an empty ``key`` is nobody's."""

    networks: tuple[Network, ...] = ()
    key: str = field(default="", repr=False)

    @classmethod
    def of(cls, networks: Iterable[str], key: str = "") -> Readers:
        """Those in ``networks`` (``192.0.2.0/24``); raises :class:`ValueError` for what is none."""
        return cls(tuple(map(ipaddress.ip_network, networks)), key)

    def allow(self, request: web.Request) -> bool:
        """Whether who sent ``request`` may."""
        if self.key and hmac.compare_digest(
            request.headers.get("Authorization", "").encode(errors="surrogateescape"),
            f"Bearer {self.key}".encode(),
        ):
            return True
        transport = request.transport
        if transport is None or any(name in request.headers for name in FORWARDED):
            return False
        theirs, ours = (_address(transport.get_extra_info(end)) for end in ("peername", "sockname"))
        if theirs is None:
            return False
        if any(theirs in network for network in self.networks):
            return True
        # A web server here may pass on what strangers ask, and say so only by their name for this machine.
        return (theirs.is_loopback or theirs == ours) and _is_here(request.headers.get("Host", ""), ours)


def _address(end: tuple[str, int] | None) -> Address | None:
    """The address of one end of a connection; an IPv4 one in IPv6 clothes (RFC 4291) is what it is."""
    try:
        address = ipaddress.ip_address(end[0].partition("%")[0] if end else "")
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_here(host_header: str, ours: Address | None) -> bool:
    """Whether it names this machine as only the machine itself does, or by the address that was reached."""
    name = host_name(host_header)
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address == ours
