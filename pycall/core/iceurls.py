"""Addresses of STUN and TURN servers: ``stun:host:port``, ``turns:host:port?transport=tcp``.

See RFC 7064 and RFC 7065 for the URLs, RFC 1123 for the names of hosts.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Literal

PORT: Final = 3478
TLS_PORT: Final = 5349
"""Where TURN over TLS is (RFC 8656 section 2.1)."""

MOST_CHARACTERS: Final = 253
"""Of a host's name (RFC 1035)."""

ICE_URL_RULE: Final = "Write stun:HOST:PORT, turn:HOST:PORT?transport=udp or tcp, or turns:HOST:PORT."

_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_URL: Final = re.compile(
    r"(?P<scheme>stun|turns?):(?P<host>\[[^\[\]]*\]|[^\[\]:?]*)"
    r"(?::(?P<port>[0-9]{1,5}))?(?:\?transport=(?P<transport>udp|tcp))?"
)

_SCHEMES: Final[dict[str, Literal["stun", "turn", "turns"]]] = {
    "stun": "stun",
    "turn": "turn",
    "turns": "turns",
}
_TRANSPORTS: Final[dict[str | None, Literal["", "udp", "tcp"]]] = {None: "", "udp": "udp", "tcp": "tcp"}


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


@dataclass(frozen=True, slots=True)
class IceUrl:
    """A URL taken apart; ``host`` is without brackets, ``transport`` empty where none is written."""

    scheme: Literal["stun", "turn", "turns"]
    host: str
    port: int
    transport: Literal["", "udp", "tcp"]


def parse_ice_url(text: str) -> IceUrl:
    """A URL of a STUN or TURN server, with the port that is meant where none is written.

    ``stuns`` is none of the schemes: STUN over TLS tells no address of UDP packets.

    Raises:
        ValueError: it is none; :data:`ICE_URL_RULE` says what one looks like.
    """
    match = _URL.fullmatch(text)
    if match is None or (match["transport"] and match["scheme"] == "stun"):
        raise ValueError("not the URL of a STUN or TURN server")
    if match["scheme"] == "turns" and match["transport"] == "udp":
        raise ValueError("not the URL of a TURN server that can be used: there is no TURN over DTLS here")
    scheme = _SCHEMES[match["scheme"]]
    port = int(match["port"] or (TLS_PORT if scheme == "turns" else PORT))
    if not 1 <= port <= 65535:
        raise ValueError("no port has this number")
    host = check_host(match["host"]).removeprefix("[").removesuffix("]")
    return IceUrl(scheme, host, port, _TRANSPORTS[match["transport"]])
