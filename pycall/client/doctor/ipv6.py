"""Whether this computer has IPv6 to the internet, and gets through by it."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import ifaddr

from pycall.client.doctor.stun import Sighting
from pycall.client.network import usable_addresses
from pycall.client.resolving import resolve
from pycall.core.findings import Finding

CONNECT_S: Final = 3.0

_GLOBAL: Final = ipaddress.IPv6Network("2000::/3")


def global_addresses() -> list[str]:
    """Our IPv6 addresses that the internet could reach."""
    with suppress(OSError):
        return sorted(a for a in usable_addresses(ifaddr.get_adapters()) if is_global(a))
    return []


def is_global(address: str) -> bool:
    """Whether an address is one of IPv6's for the internet (RFC 4291 section 2.4)."""
    ip = ipaddress.ip_address(address)
    return ip.version == 6 and ip in _GLOBAL


async def check_ipv6(url: str, own: Sequence[str], sightings: Sequence[Sighting]) -> Finding:
    """The finding ``ipv6``: by TCP to the server at ``url``, and by what STUN servers saw over IPv6.

    ``own`` is what :func:`global_addresses` gives. Takes at most 8 s.
    """
    if not own:
        found = "This computer has no IPv6 address for the internet; calls go over IPv4."
        return Finding("ipv6", "skipped", found)
    figures = {"address": own[0]}
    reached = [
        str(each.place[0]) for each in sightings if each.place is not None and each.binding is not None
    ]
    tried = [str(each.place[0]) for each in sightings if each.place is not None]
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    for address in await resolve(parts.hostname or ""):
        if ipaddress.ip_address(address).version == 6:
            tried.append(address)
            if await _connects(address, port):
                reached.append(address)
            break
    if reached:
        found = f"This computer has the address {own[0]} and gets through by IPv6."
        return Finding("ipv6", "ok", found, figures=figures)
    if not tried:
        found = f"This computer has the address {own[0]}, but no server here has one to try it on."
        return Finding("ipv6", "skipped", found, figures=figures)
    return Finding(
        "ipv6",
        "warning",
        f"This computer has the address {own[0]}, but no server answers by IPv6.",
        "",
        "The router gives IPv6 addresses that lead nowhere, or the server's firewall knows IPv4 only.",
        "Calls use IPv4 instead; let the server's firewall admit IPv6 too.",
        figures,
    )


async def _connects(address: str, port: int) -> bool:
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
