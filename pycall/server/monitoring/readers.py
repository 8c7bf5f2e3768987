"""Who may read a server's figures: this machine, networks that were named, and who has the key."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from aiohttp import web

from pycall.server.admission.addresses import Networks, Visitor, host_name


@dataclass(frozen=True, slots=True)
class Readers:
    """Those who may; an empty ``key`` is nobody's."""

    networks: Networks = field(default_factory=Networks)
    key: str = field(default="", repr=False)

    @classmethod
    def of(cls, networks: Iterable[str], key: str = "") -> Readers:
        """Those in ``networks`` (``192.0.2.0/24``); raises :class:`ValueError` for what is none."""
        return cls(Networks.of(networks), key)

    def allow(self, request: web.Request, visitor: Visitor) -> bool:
        """Whether ``visitor``, who sent ``request``, may."""
        if self.key and hmac.compare_digest(
            request.headers.get("Authorization", "").encode(errors="surrogateescape"),
            f"Bearer {self.key}".encode(),
        ):
            return True
        address = visitor.address
        if address is None or not visitor.is_certain:
            return False
        if address in self.networks:
            return True
        # A web server here may pass on what strangers ask, and say so only by their name for this machine.
        return visitor.is_local and _is_here(visitor)


def _is_here(visitor: Visitor) -> bool:
    """Whether it came by a name that only the machine itself has, or by the address it came from."""
    name = host_name(visitor.host)
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address == visitor.address
