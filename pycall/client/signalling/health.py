"""What a pycall server tells everybody who asks over HTTP: that it is well, and what time it has."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from pycall.client.signalling.connection import Server
from pycall.client.signalling.unreachable import unreachable

MAX_BYTES: Final = 4_096
MAX_VERSION: Final = 40


@dataclass(frozen=True, slots=True)
class Health:
    """What the server said."""

    version: str
    """Of pycall there; empty if it is none, or does not tell."""
    stopping: bool
    round_trip_s: float
    ahead_s: float | None
    """How far its clock is ahead of ours, exact to about a second; ``None`` if it tells no time."""
    certificate_days: float | None
    """How long its certificate is still valid; ``None`` without TLS, or if it was accepted by its SHA-256."""


async def ask_health(url: str, *, cert_sha256: str = "", timeout_s: float) -> Health:
    """Ask the server at ``url`` how it is (``GET /healthz``).

    Raises:
        ServerUnreachable: nobody answers there, or the certificate is not trusted.
    """
    server = Server(url, cert_sha256)
    try:
        async with (
            asyncio.timeout(timeout_s),
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=server.trusted, resolver=server.lookup)
            ) as session,
        ):
            asked = time.monotonic()
            async with session.get(f"{url.rstrip('/')}/healthz", allow_redirects=False) as answer:
                round_trip_s, now = time.monotonic() - asked, datetime.now(UTC)
                days = _days_valid(answer, now)
                body = await answer.content.read(MAX_BYTES) if answer.status in {200, 503} else b""
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise unreachable(url, error, [], timeout_s) from error
    finally:
        await server.lookup.close()
    ahead_s = _ahead_s(answer.headers.get("Date", ""), now, round_trip_s)
    version = _version(body)
    return Health(version, answer.status == 503, round_trip_s, ahead_s, days)


def _version(body: bytes) -> str:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    version = said.get("version") if isinstance(said, dict) else None
    return version[:MAX_VERSION] if isinstance(version, str) else ""


def _ahead_s(date: str, now: datetime, round_trip_s: float) -> float | None:
    """The answer's ``Date`` (RFC 9110 section 6.6.1) has whole seconds, of the middle of the round trip."""
    try:
        theirs = parsedate_to_datetime(date)
    except (ValueError, TypeError):
        return None
    if theirs.tzinfo is None:
        return None
    return (theirs - now).total_seconds() + 0.5 + round_trip_s / 2


def _days_valid(answer: aiohttp.ClientResponse, now: datetime) -> float | None:
    transport = answer.connection.transport if answer.connection is not None else None
    tls = transport.get_extra_info("ssl_object") if transport is not None else None
    certificate = tls.getpeercert() if tls is not None else None
    if not certificate or "notAfter" not in certificate:
        return None
    return (ssl.cert_time_to_seconds(certificate["notAfter"]) - now.timestamp()) / 86_400
