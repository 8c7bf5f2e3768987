"""What may come in and what is told of this computer: the rules behind :mod:`pycall.client.compat`."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable
from typing import Final

import ifaddr

BRIDGES: Final = (
    "br-",
    "cni",
    "docker",
    "flannel",
    "lxcbr",
    "lxdbr",
    "podman",
    "vboxnet",
    "veth",
    "virbr",
    "vmnet",
)
"""How interfaces are called that lead only to containers and virtual machines of this computer."""

_THIS_NETWORK: Final = ipaddress.ip_network("0.0.0.0/8")


def decode_params(body: bytes) -> list[tuple[int, bytes]]:
    """The parameters of an SCTP chunk (RFC 9260 section 3.2.1).

    Raises:
        ValueError: a length is shorter than its own field or longer than what is there.
    """
    params = []
    at = 0
    while at <= len(body) - 4:
        kind, length = struct.unpack_from("!HH", body, at)
        if not 4 <= length <= len(body) - at:
            raise ValueError("The length of an SCTP parameter cannot be.")
        params.append((kind, body[at + 4 : at + length]))
        at += length + (-length % 4)
    return params


def may_be_a_peer(address: str) -> bool:
    """Whether an IP address may be another end's: one computer's, and no group's."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if ip.is_multicast or ip.is_unspecified or (ip.is_reserved and ip.version == 4) or "%" in address:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        return ip.ipv4_mapped is None
    return ip not in _THIS_NETWORK


def without_bridges(found: list[str], adapters: Iterable[ifaddr.Adapter]) -> list[str]:
    """The addresses among ``found`` to offer the other end.

    Those of bridges only cost checks; but when there is nothing else they stay, and when there is
    nothing at all the loopback serves for calls within this computer.
    """
    bridges = {
        ip.ip if isinstance(ip.ip, str) else ip.ip[0]
        for adapter in adapters
        if adapter.nice_name.startswith(BRIDGES)
        for ip in adapter.ips
    }
    return [address for address in found if address not in bridges] or found or ["127.0.0.1"]
