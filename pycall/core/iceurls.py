"""Addresses of STUN and TURN servers: ``stun:host:port``, ``turns:host:port?transport=tcp``.

See RFC 7064 and RFC 7065 for the URLs, RFC 1123 for the names of hosts.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

MOST_CHARACTERS: Final = 253
"""Of a host's name (RFC 1035)."""

ICE_URL_RULE: Final = "Write stun:HOST:PORT, turn:HOST:PORT?transport=udp or tcp, or turns:HOST:PORT."

_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_URL: Final = re.compile(
    r"(?P<scheme>stun|turns?):(?P<host>\[[^\[\]]*\]|[^\[\]:?]*)"
    r"(?::(?P<port>[0-9]{1,5}))?(?:\?transport=(?P<transport>udp|tcp))?"
)


def check_host(text: str) -> str:
    """A host as it stands in a URL: a name, an IPv4 address, or an IPv6 address in brackets.

    Brackets may be there already.

    Raises:
        ValueError: it is none of these, or an address that means something on one machine only (a zone).
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if ":" in bare:
        if "%" in bare:
            raise ValueError("an address with a zone means something on one machine only")
        return f"[{ipaddress.IPv6Address(bare)}]"
    labels = bare.removesuffix(".").split(".")
    if bare != text or len(bare) > MOST_CHARACTERS or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("not the name or address of a host")
    return str(ipaddress.IPv4Address(bare)) if labels[-1].isdecimal() else bare


def check_ice_url(text: str) -> str:
    """A URL of a STUN or TURN server, as it was written.

    Raises:
        ValueError: it is none; :data:`ICE_URL_RULE` says what one looks like.
    """
    match = _URL.fullmatch(text)
    if match is None or (match["transport"] and match["scheme"] == "stun"):
        raise ValueError("not the URL of a STUN or TURN server")
    if match["port"] and not 1 <= int(match["port"]) <= 65535:
        raise ValueError("no port has this number")
    check_host(match["host"])
    return text
