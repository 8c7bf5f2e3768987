"""Who has which address in the laboratory: documentation ranges stand for public ones.

============  =========================  =======================================
public        192.0.2.0/24               2001:db8::/64        server .10, :10
side a, b     198.51.100.4, .8 /30       2001:db8:1::, :2::   its router's way out
open          203.0.113.64, .128 /27     2001:db8:1:1::       its first network; the second follows
behind NAT    192.168.1.0, .2.0 /24                           second: 192.168.11.0, .12.0
============  =========================  =======================================
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["open", "cone", "symmetric", "udp-blocked", "ipv6"]
"""What stands between a side and the internet; see :mod:`tests.netlab.router`."""

Side: TypeAlias = Literal["a", "b"]
Network: TypeAlias = IPv4Network | IPv6Network

ANYWHERE: Final = {4: "0.0.0.0/0", 6: "::/0"}
PUBLIC: Final[dict[int, Network]] = {4: IPv4Network("192.0.2.0/24"), 6: IPv6Network("2001:db8::/64")}
SERVER: Final = {4: "192.0.2.10", 6: "2001:db8::10"}
SECOND: Final = {4: "192.0.2.11", 6: "2001:db8::11"}
"""The public host's other address, for whoever asks about a NAT's behaviour (RFC 5780)."""
BLACK_HOLE: Final = {4: "192.0.2.66", 6: "2001:db8::66"}
"""What is sent there vanishes; nothing tells so."""


def host(network: Network, number: int) -> str:
    """The address of a network's host with this number."""
    return str(network[number])


def with_prefix(network: Network, number: int) -> str:
    """The same as an interface gets it: ``192.0.2.10/24``."""
    return f"{network[number]}/{network.prefixlen}"


def url_host(address: str) -> str:
    """An address as it stands in a URL."""
    return f"[{address}]" if ":" in address else address


@dataclass(frozen=True, slots=True)
class Plan:
    """The networks of one side. In each, host 1 is the side's router, or the internet's on ``uplink``."""

    version: int
    uplink: Network
    """Host 2 is the side's router."""
    lans: tuple[Network, Network]
    """For the host's first interface and its second."""
    dead: Network
    """Belongs to an interface that leads nowhere; host 2 is the host."""


def plan(side: Side, kind: Kind) -> Plan:
    """The networks of a side of this kind."""
    number = 1 if side == "a" else 2
    if kind == "ipv6":
        prefix = f"2001:db8:{number}"
        first, second, dead = (IPv6Network(f"{prefix}:{lan}::/64") for lan in (1, 2, 3))
        return Plan(6, IPv6Network(f"{prefix}::/64"), (first, second), dead)
    if kind == "open":
        lans = ip_network(f"203.0.113.{number * 64}/27"), ip_network(f"203.0.113.{number * 64 + 32}/27")
    else:
        lans = ip_network(f"192.168.{number}.0/24"), ip_network(f"192.168.{number + 10}.0/24")
    return Plan(4, IPv4Network(f"198.51.100.{number * 4}/30"), lans, IPv4Network(f"10.99.{number}.0/24"))
