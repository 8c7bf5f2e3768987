"""Whether each TURN server relays, over each transport: shown by a packet that went through it and back."""

from __future__ import annotations

import asyncio
import math
import re
import ssl
from dataclasses import dataclass
from typing import Final

from pycall.client.compat.echoing import Echo, RelayRefusedError, echo
from pycall.client.compat.gathering import one_of_each_family
from pycall.client.iceservers import TurnServer
from pycall.client.resolving import resolve
from pycall.core.findings import Figure, Finding

RELAY_S: Final = 8.0
"""What one server may take over one transport."""

ADVISED: Final = (4, 17)
"""The release of coturn that is advised, or a newer one (docs/operating.md)."""

_COTURN: Final = re.compile(r"(?i)coturn-([0-9]{1,4}(?:\.[0-9]{1,4}){1,3})")
MAX_SOFTWARE: Final = 60


@dataclass(frozen=True, slots=True)
class _Refusal:
    found: str
    cause: str
    advice: str


_REFUSALS: Final = {
    401: _Refusal(
        "It refuses the user name or password (401).",
        "They are wrong or have expired, or the clocks of the server and coturn differ.",
        "Compare --turn-secret with coturn's static-auth-secret, and the clocks of both.",
    ),
    403: _Refusal(
        "It is not for us (403).",
        "Its configuration forbids relaying for this address or user.",
        "Ask who runs it, or use another TURN server.",
    ),
    486: _Refusal(
        "It lends no more relays under this name (486).",
        "The quota of the user is used up, perhaps by calls that have just ended.",
        "Try again in ten minutes, or raise coturn's user-quota.",
    ),
    508: _Refusal(
        "It has no capacity left (508).",
        "All its relay ports are in use, or its total quota is.",
        "Try again later, or raise coturn's total-quota and its range of ports.",
    ),
}
_REFUSALS[441] = _REFUSALS[401]


async def check_relay(server: TurnServer) -> Finding:
    """The finding ``relay`` of one TURN server over one transport; takes at most 8 s."""
    url = url_of(server)
    try:
        async with asyncio.timeout(RELAY_S):
            addresses = one_of_each_family(await resolve(server.host))
            if not addresses:
                found, advice = f"The name {server.host} is not known.", "Check its spelling."
                return Finding("relay", "failed", found, url, advice=advice)
            tls = await asyncio.to_thread(ssl.create_default_context) if server.transport == "tls" else None
            return _relayed(url, server, await _first_echo(server, addresses, tls))
    except RelayRefusedError as error:
        return _refused(url, error)
    except TimeoutError:
        return _silent(url, server)
    except ssl.SSLCertVerificationError as error:
        return Finding(
            "relay",
            "failed",
            f"Its certificate is not trusted: {error.verify_message.rstrip('.')}.",
            url,
            "It is named otherwise there, has expired, or nobody known vouches for it.",
            "Name the server as its certificate does, or give it one that is trusted.",
        )
    except ssl.SSLError:
        return Finding(
            "relay",
            "failed",
            "It does not speak TLS as expected.",
            url,
            "Another program answers at this port, or the server has no certificate.",
            "Check the port, and coturn's cert and pkey.",
        )
    except OSError as error:
        cause = "Nothing listens at this port, or a firewall turns us away."
        return Finding(
            "relay", "failed", f"It cannot be reached: {_why(error)}.", url, cause, _open_port(server)
        )


def url_of(server: TurnServer) -> str:
    """The server's URL (RFC 7065), which names its transport."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    if server.transport == "tls":
        return f"turns:{host}:{server.port}?transport=tcp"
    return f"turn:{host}:{server.port}?transport={server.transport}"


async def _first_echo(server: TurnServer, addresses: list[str], tls: ssl.SSLContext | None) -> Echo:
    """By the first address that answers; raises what went wrong at the last."""
    for address in addresses[:-1]:
        try:
            async with asyncio.timeout(RELAY_S / 3):
                return await echo(server, address, tls)
        except (OSError, TimeoutError):
            continue
    return await echo(server, addresses[-1], tls)


def _relayed(url: str, server: TurnServer, told: Echo) -> Finding:
    figures: dict[str, Figure] = {
        "transport": server.transport,
        "relayed_address": told.relayed[0],
        "round_trip_ms": None if told.round_trip_s is None else round(told.round_trip_s * 1000, 1),
        "software": told.software[:MAX_SOFTWARE] or None,
    }
    if told.round_trip_s is None:
        cause = "Its relay ports are blocked by a firewall, or it stands behind a NAT and does not know."
        advice = "Open its UDP relay ports, and set coturn's external-ip (--turn-external-ip) behind a NAT."
        if told.refused:
            cause = f"It refuses to send to our address ({told.refused}), and to its own."
            advice = "Allow coturn its own address as a peer (allowed-peer-ip), or test from another network."
        found = f"It lends us {told.relayed[0]}, but no packet comes through."
        return Finding("relay", "failed", found, url, cause, advice, figures)
    found = f"A packet went through it and back within {math.ceil(told.round_trip_s * 1000)} ms."
    release = _COTURN.search(told.software)
    if release and tuple(map(int, release[1].split("."))) < ADVISED:
        cause = f"It is coturn {release[1]}, an old release."
        return Finding("relay", "warning", found, url, cause, "Use coturn 4.17 or newer.", figures)
    return Finding("relay", "ok", found, url, figures=figures)


def _refused(url: str, error: RelayRefusedError) -> Finding:
    known = _REFUSALS.get(error.code)
    figures = {"error": error.code, "software": error.software[:MAX_SOFTWARE] or None}
    if known is None:
        found, advice = f"It refuses (error {error.code}).", "Look at the log of the TURN server."
        return Finding("relay", "failed", found, url, "", advice, figures)
    return Finding("relay", "failed", known.found, url, known.cause, known.advice, figures)


def _silent(url: str, server: TurnServer) -> Finding:
    kind = "UDP" if server.transport == "udp" else "this port"
    cause = f"A firewall, here or there, blocks {kind}, or nothing runs at this address."
    return Finding("relay", "failed", "It does not answer.", url, cause, _open_port(server))


def _open_port(server: TurnServer) -> str:
    kind = "UDP" if server.transport == "udp" else "TCP"
    return f"Check that it runs, and let {kind} port {server.port} through on both sides."


def _why(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "the connection is refused"
    return (error.strerror or "the connection broke").lower()
