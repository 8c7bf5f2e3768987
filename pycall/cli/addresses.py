"""Addresses of this machine, as others reach it."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

import ifaddr

ANY: Final = {"0.0.0.0": socket.AF_INET, "::": socket.AF_INET6}  # noqa: S104  only recognised here

_OUTSIDE: Final = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses of nobody (RFC 5737, RFC 3849), to be reached like everybody's."""


def reachable(host: str) -> list[str]:
    """The addresses under which a server bound to ``host`` is reached.

    The one with the way to everybody else comes first, loopback last.
    """
    family = ANY.get(host)
    if family is None:
        return [host]
    found = [
        ip.ip if isinstance(ip.ip, str) else ip.ip[0]
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
        if ip.is_IPv4 == (family is socket.AF_INET)
    ]
    usable = [address for address in found if not ipaddress.ip_address(address).is_link_local]
    outward = _way_out(family)
    return sorted(usable, key=lambda each: (is_loopback(each), each != outward)) or [host]


def own_names() -> list[str]:
    """Every name and address by which anybody may call this machine."""
    host = socket.gethostname()
    return [host, f"{host.split('.')[0]}.local", "localhost", *reachable("0.0.0.0"), *reachable("::")]  # noqa: S104


def lan_address() -> str | None:
    """The address of this machine in its network; ``None`` when it is in none."""
    first = reachable("0.0.0.0")[0]  # noqa: S104  only looked up
    return None if is_loopback(first) or first in ANY else first


def is_listened_on(address: str, port: int) -> bool:
    """Whether anything of this machine listens for TCP connections there; ``address`` is one of its own."""
    try:
        with socket.create_connection((address, port), timeout=1.0):
            return True
    except OSError:
        return False


def _way_out(family: socket.AddressFamily) -> str | None:
    """The address others see: a machine with virtual networks has many that nobody reaches."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_OUTSIDE[family], 9))  # only the route is looked up: UDP sends nothing to connect
            address: str = probe.getsockname()[0]
            return address
    except OSError:  # no network, or none of this family
        return None


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches ``address``."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
