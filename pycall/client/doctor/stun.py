"""Which address each STUN server sees us at; all are asked from one socket, so that they can be compared."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pycall.client.compat.asking import Binding, NoBindingError, StunSocket
from pycall.client.iceservers import StunServer
from pycall.client.resolving import resolve
from pycall.core.findings import Finding

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one STUN server, asked at one of its addresses, said."""

    server: StunServer
    place: Address | None
    """Where it was asked; ``None`` if its name is not known, or it has no address of this IP."""
    binding: Binding | None
    """Its answer; ``None`` if there is none."""
    code: int = 0
    """The error it answered with."""
    known: bool = True
    """Whether its name has any address."""


async def sight(servers: Iterable[StunServer], sock: StunSocket, version: int) -> list[Sighting]:
    """Ask all servers at once over IPv4 (``version`` 4) or IPv6 (6); takes at most 9 s."""
    return list(await asyncio.gather(*(_sight(server, sock, version) for server in servers)))


def check_stun(sightings: Sequence[Sighting]) -> Finding:
    """The finding of one server, out of what it said over either IP."""
    server = sightings[0].server
    url = f"stun:{_host(server.host)}:{server.port}"
    seen = [each.binding.mapped for each in sightings if each.binding is not None]
    if seen:
        at = " and ".join(f"{_host(host)}:{port}" for host, port in seen)
        figures = {f"address_ipv{ipaddress.ip_address(host).version}": host for host, _ in seen}
        return Finding("stun", "ok", f"It sees us at {at}.", url, figures=figures)
    if not any(each.known for each in sightings):
        advice = "Check its spelling, and the name server of this network."
        return Finding("stun", "failed", f"The name {server.host} is not known.", url, advice=advice)
    code = next((each.code for each in sightings if each.code), 0)
    if code:
        advice = "Use another STUN server."
        return Finding("stun", "failed", f"It refuses to tell our address (error {code}).", url, "", advice)
    if all(each.place is None for each in sightings):
        return Finding("stun", "skipped", "It has no address that can be reached from here.", url)
    return Finding(
        "stun",
        "failed",
        "It does not answer.",
        url,
        "A firewall, here or there, blocks UDP, or nothing runs at this address.",
        f"Let UDP port {server.port} of the server through on both sides.",
    )


async def _sight(server: StunServer, sock: StunSocket, version: int) -> Sighting:
    addresses = await resolve(server.host)
    fitting = [each for each in addresses if ipaddress.ip_address(each).version == version]
    if not fitting:
        return Sighting(server, None, None, known=bool(addresses))
    place = fitting[0], server.port
    try:
        return Sighting(server, place, await sock.ask(place))
    except NoBindingError as error:
        return Sighting(server, place, None, error.code)


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
