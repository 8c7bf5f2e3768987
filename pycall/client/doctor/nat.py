"""Which kind of NAT this computer is behind, in the words of RFC 4787: how it maps, and whom it lets in.

The mapping decides about calls: when it is the same towards everybody, two can meet whom a server told
their addresses. Telling it takes two places that are asked from one socket (RFC 5780 section 4.3). The
filtering can only be told by a server that answers from another address of its own (section 4.4).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Literal, TypeAlias

import ifaddr

from pycall.client.compat.asking import CHANGE_ADDRESS, CHANGE_PORT, NoBindingError, StunSocket
from pycall.client.doctor.stun import Address, Sighting
from pycall.core.findings import Figure, Finding

Mapping: TypeAlias = Literal[
    "none", "endpoint-independent", "address-dependent", "address-and-port-dependent", "unknown"
]
Filtering: TypeAlias = Literal[
    "endpoint-independent", "address-dependent", "address-and-port-dependent", "unknown"
]

RETRIES: Final = 1
"""After 0.5 s; an answer may then take 1 s more: what a filter drops is never answered."""

_INSIDE: Final = tuple(
    ipaddress.ip_network(each)
    for each in (
        *("10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)


async def check_nat(sightings: Sequence[Sighting], sock: StunSocket, version: int) -> Finding:
    """The finding ``nat``: ``ok`` when direct calls get through, ``warning`` when they need luck or a relay.

    ``sightings`` are those of ``sock``, which is asked with once more where a server has another address.
    Takes at most 5 s.
    """
    asked = [each for each in sightings if each.place is not None]
    if not asked:
        return Finding(
            "nat",
            "skipped",
            "Not known: there is no STUN server that could tell how others see us.",
            advice="`pycall serve` is one unless told not to; or name one with --ice-server stun:HOST:PORT.",
        )
    seen = {each.place: each.binding.mapped for each in asked if each.place and each.binding}
    if not seen:
        return _blocked(len(asked), udp_answers=any(each.code for each in asked))
    filtering: Filtering = "unknown"
    two_sided = next((each for each in asked if _other(each) is not None), None)
    if two_sided is not None and two_sided.place is not None:
        seen |= await _seen_by_other(two_sided, sock)
        filtering = await _filtering(two_sided.place, version)
    own = {str(ip.ip if isinstance(ip.ip, str) else ip.ip[0]) for a in ifaddr.get_adapters() for ip in a.ips}
    return describe(mapping_of(list(seen.items()), own), filtering, list(seen.items()))


def mapping_of(seen: Sequence[tuple[Address, Address]], own: AbstractSet[str]) -> Mapping:
    """The mapping, out of (place that was asked, address it saw) and this computer's ``own`` addresses."""
    if all(mapped[0] in own for _, mapped in seen):
        return "none"
    if len(seen) < 2:
        return "unknown"
    if len({mapped for _, mapped in seen}) == 1:
        return "endpoint-independent"
    for place, mapped in seen:
        if any(other[0] == place[0] and its != mapped for other, its in seen):
            return "address-and-port-dependent"
    return "address-dependent"


def describe(mapping: Mapping, filtering: Filtering, seen: Sequence[tuple[Address, Address]]) -> Finding:
    """The finding for what was seen."""
    host = seen[0][1][0]
    figures: dict[str, Figure] = {"mapping": mapping, "filtering": filtering, "address": host}
    match mapping:
        case "none":
            where = " towards the server, which is in the same network" if _is_inside(host) else ""
            found = f"There is no NAT{where}: others see this computer's own address."
            return Finding("nat", "ok", found, figures=figures)
        case "endpoint-independent":
            places = len({place[0] for place, _ in seen})
            sure = "" if places > 1 else ", as far as one server can tell"
            found = f"A NAT that maps the same towards everybody{sure}: direct calls get through most others."
            return Finding("nat", "ok", f"{found}{_whom(filtering)}", figures=figures)
        case "unknown":
            found = "There is a NAT; one STUN server cannot tell of which kind."
            advice = "Name a second one with --ice-server stun:HOST:PORT."
            return Finding("nat", "skipped", found, advice=advice, figures=figures)
        case _:
            return Finding(
                "nat",
                "warning",
                f"A NAT that maps differently towards everybody (symmetric).{_whom(filtering)}",
                "",
                "Companies, hotels and mobile networks have such; most direct calls do not get through.",
                "A relay is needed: `pycall serve --turn`, or a TURN server with --ice-server.",
                figures,
            )


def _whom(filtering: Filtering) -> str:
    match filtering:
        case "endpoint-independent":
            return " It lets everybody in."
        case "address-dependent":
            return " It lets in whoever we sent to, from any port."
        case "address-and-port-dependent":
            return " It lets in only whom we sent to."
        case _:
            return ""


def _blocked(places: int, *, udp_answers: bool) -> Finding:
    if udp_answers:
        return Finding("nat", "skipped", "Not known: no STUN server tells our address.")
    silent = "the STUN server does not answer" if places == 1 else f"none of {places} STUN servers answers"
    return Finding(
        "nat",
        "failed",
        f"UDP seems to be blocked: {silent}.",
        "",
        "A firewall lets no UDP out, or none in to the servers.",
        "Allow UDP, or use a relay over TCP or TLS: `pycall serve --turn`, or --ice-server.",
        {"mapping": "unknown", "filtering": "unknown", "address": None},
    )


def _other(sighting: Sighting) -> Address | None:
    """The server's other address, unless it is one to which we send nothing for a stranger."""
    if sighting.binding is None or sighting.place is None or sighting.binding.other is None:
        return None
    host, port = sighting.binding.other
    other, its = ipaddress.ip_address(host), ipaddress.ip_address(sighting.place[0])
    if other.version != its.version or other == its or other.is_multicast or other.is_unspecified or not port:
        return None
    return (host, port) if _is_inside(host) == _is_inside(sighting.place[0]) else None


async def _seen_by_other(sighting: Sighting, sock: StunSocket) -> dict[Address, Address]:
    """What is seen at the other address of a server, at both of its ports (RFC 5780 section 4.3)."""
    other, place = _other(sighting), sighting.place
    if other is None or place is None:
        return {}
    seen = {}
    for port in dict.fromkeys((place[1], other[1])):
        at = other[0], port
        try:
            seen[at] = (await sock.ask(at, retries=RETRIES)).mapped
        except NoBindingError:
            continue
    return seen


async def _filtering(place: Address, version: int) -> Filtering:
    """Who is let in to a socket that has sent to ``place`` only (RFC 5780 section 4.4)."""
    ways: Iterable[tuple[int, Filtering]] = (
        (CHANGE_ADDRESS | CHANGE_PORT, "endpoint-independent"),
        (CHANGE_PORT, "address-dependent"),
    )
    sock = StunSocket()
    try:
        await sock.open(version)
        for change, filtering in ways:
            try:
                await sock.ask(place, change=change, retries=RETRIES)
            except NoBindingError as error:
                if error.code:  # it does not do this
                    return "unknown"
            else:
                return filtering
    except OSError:
        return "unknown"
    finally:
        sock.close()
    return "address-and-port-dependent"


def _is_inside(host: str) -> bool:
    address = ipaddress.ip_address(host)
    return any(address.version == network.version and address in network for network in _INSIDE)
