"""Whose request it is: the address, host and scheme of a client, also of one that a web server asks for.

What a request says of its client is believed only from proxies that were listed, since anybody can say it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

from aiohttp import web

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

FORWARDED: Final = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")
"""With any of these a web server asks for somebody else, whose address is not the connection's."""

MOST_HOPS: Final = 16
"""That are followed back from the server; nobody has that many proxies of their own."""

UNKNOWN: Final = -1
"""The source of those whose address is not known, all together."""

_NAME: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})")
_PORT: Final = re.compile(r":[0-9]{1,5}$")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request, as far as it is known."""

    address: Address | None
    host: str
    """By which name it reached this server, as in a Host header."""
    scheme: str
    """``https`` or ``http``; empty if that is not known, since a web server may stand in front."""
    is_certain: bool
    """Whether it is the client's address, and not that of who asks for it, as far as anybody says."""
    is_local: bool
    """Whether the connection is from this machine itself, and not a listed proxy's."""

    @property
    def source(self) -> int | None:
        """What limits by address count by; None: there are none for it, since it is this machine itself."""
        is_here = self.is_local and self.address is not None and self.address.is_loopback
        return None if is_here else self.network

    @property
    def network(self) -> int:
        """An IPv4 address or an IPv6 /64, as a number.

        The owner of an IPv6 address has all others with the same first 64 bits, too (RFC 6177).
        """
        match self.address:
            case ipaddress.IPv6Address() as address:
                return (1 << 64) + (int(address) >> 64)
            case ipaddress.IPv4Address() as address:
                return int(address)
            case _:
                return UNKNOWN


@dataclass(frozen=True, slots=True)
class Networks:
    """Networks that somebody named, and whether an address is in one of them."""

    named: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> Networks:
        """Those that are written ``192.0.2.0/24``; raises :class:`ValueError` for what is none."""
        return cls(tuple(map(ipaddress.ip_network, names)))

    def __contains__(self, address: Address) -> bool:
        return any(address in network for network in self.named)


@dataclass(frozen=True, slots=True)
class Proxies:
    """The web servers that may ask for others."""

    networks: Networks = field(default_factory=Networks)

    @classmethod
    def of(cls, networks: Iterable[str]) -> Proxies:
        """Those in ``networks`` (``192.0.2.0/24``); raises :class:`ValueError` for what is none."""
        return cls(Networks.of(networks))

    def visitor(self, request: web.BaseRequest) -> Visitor:
        """Who sent ``request``."""
        peer, ours = _end(request, "peername"), _end(request, "sockname")
        if peer is None or peer not in self.networks:
            return Visitor(
                peer,
                host=request.headers.get("Host", ""),
                scheme="https" if request.secure else "",
                is_certain=not any(name in request.headers for name in FORWARDED),
                is_local=peer is not None and (peer.is_loopback or peer == ours),
            )
        client = self._client(peer, request)
        return Visitor(
            client,
            host=_first(request, "X-Forwarded-Host") or request.headers.get("Host", ""),
            scheme=_scheme(request),
            is_certain=client not in self.networks,
            is_local=False,
        )

    def _client(self, peer: Address, request: web.BaseRequest) -> Address:
        """For whom the proxy ``peer`` asks, by either header; by none when they tell different ones.

        A proxy sets one of them and passes on the other as it came, and we cannot know which.
        """
        told = {
            self._first_stranger(peer, chain)
            for name, chain in (("Forwarded", _forwarded(request)), ("X-Forwarded-For", _listed(request)))
            if name in request.headers
        }
        return told.pop() if len(told) == 1 else peer

    def _first_stranger(self, peer: Address, chain: Iterator[Address | None]) -> Address:
        """The first on the way back from here who is no proxy; ``chain`` is who each asked for."""
        client = peer
        for _, asked_for in zip(range(MOST_HOPS), chain, strict=False):
            if client not in self.networks or asked_for is None:
                break
            client = asked_for
        return client


def host_name(header: str) -> str:
    """The host in a Host header: a name, or an address without brackets; empty when it is neither.

    A name has letters, digits, ``-``, ``_`` and dots; a port is cut off (RFC 9110, section 7.2).
    """
    host = _PORT.sub("", header)
    if host.startswith("[") and host.endswith("]"):
        try:
            return str(ipaddress.IPv6Address(host[1:-1])) if "%" not in host else ""
        except ValueError:
            return ""
    return host if _NAME.fullmatch(host) else ""


def _end(request: web.BaseRequest, name: str) -> Address | None:
    """The address of one end of the connection a request came by; None when it is gone, or has none."""
    end = request.transport.get_extra_info(name) if request.transport is not None else None
    return _parsed(str(end[0])) if end else None


@lru_cache(1024)  # our own end is the same each time
def _parsed(text: str) -> Address | None:
    """An address; an IPv4 one in IPv6 clothes (RFC 4291) is what it is."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _forwarded(request: web.BaseRequest) -> Iterator[Address | None]:
    """The addresses of ``Forwarded`` (RFC 7239), the last first; None for what is hidden or malformed."""
    return (_node(element.get("for", "")) for element in reversed(request.forwarded))


def _listed(request: web.BaseRequest) -> Iterator[Address | None]:
    """The addresses of ``X-Forwarded-For``, the last first."""
    return map(_node, reversed(",".join(request.headers.getall("X-Forwarded-For", ())).split(",")))


def _node(text: str) -> Address | None:
    """The address in ``192.0.2.1``, ``192.0.2.1:80``, ``2001:db8::1`` or ``[2001:db8::1]:80``."""
    text = text.strip()
    if text.startswith("["):
        return _parsed(text[1:].partition("]")[0])
    return _parsed(text.partition(":")[0] if text.count(":") == 1 else text)


def _first(request: web.BaseRequest, header: str) -> str:
    """What the proxy nearest to the client said; each later one adds to the right."""
    return request.headers.get(header, "").partition(",")[0].strip()


def _scheme(request: web.BaseRequest) -> str:
    told = _first(request, "X-Forwarded-Proto").lower()
    return {"https": "https", "wss": "https", "http": "http", "ws": "http"}.get(told, "")
