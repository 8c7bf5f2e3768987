"""Addresses of this machine, as others reach it."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

import ifaddr

ANY: Final = {"0.0.0.0": socket.AF_INET, "::": socket.AF_INET6}  # noqa: S104  only recognised here


def reachable(host: str) -> list[str]:
    """The addresses under which a server bound to ``host`` is reached, loopback last."""
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
    return sorted(usable, key=is_loopback) or [host]


def lan_address() -> str | None:
    """An address of this machine in its network; ``None`` when it is in none."""
    first = reachable("0.0.0.0")[0]  # noqa: S104  only looked up
    return None if is_loopback(first) or first in ANY else first


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches ``address``."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
