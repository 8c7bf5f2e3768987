"""Whether the signalling server is there, what it is, what time it has, and whether it lets us in."""

from __future__ import annotations

import asyncio
import math
import secrets
from typing import Final

from pycall.client.signalling import SignallingClient
from pycall.client.signalling.health import Health, ask_health
from pycall.core import inputs
from pycall.core.credentials import ASKING_FOR_AN_INVITE, NONE, REFUSED, Credentials
from pycall.core.findings import Finding
from pycall.core.messages import IceServer
from pycall.errors import ServerUnreachable

ANSWER_S: Final = 5.0
"""What the server may take to answer, and what it may take until we have joined."""

CLOCK_S: Final = 30.0
"""Clocks further apart than this are said to be wrong."""

CERTIFICATE_DAYS: Final = 7.0


def throwaway_room() -> str:
    """The name of a room that nobody else is in."""
    return f"doctor-{secrets.token_hex(8)}"


async def check_server(url: str, *, cert_sha256: str = "") -> list[Finding]:
    """Ask the server at ``url`` how it is: the findings ``server`` and ``clock``."""
    try:
        health = await ask_health(url, cert_sha256=cert_sha256, timeout_s=ANSWER_S)
    except ServerUnreachable as error:
        return [
            Finding("server", "failed", error.message, url, advice=error.hint),
            Finding("clock", "skipped", "The clocks cannot be compared without the server."),
        ]
    return [_server(url, health), _clock(health)]


async def check_join(
    url: str, *, cert_sha256: str = "", credentials: Credentials = NONE
) -> tuple[Finding, tuple[IceServer, ...]]:
    """Join a room of our own as a call does: the finding ``join``, and the ICE servers we are told of."""
    said: asyncio.Queue[inputs.Input] = asyncio.Queue(32)  # a server that says more says nonsense

    def heard(happened: inputs.Input) -> None:
        if not said.full():
            said.put_nowait(happened)

    client = SignallingClient(url, "doctor", heard, cert_sha256=cert_sha256, credentials=credentials)
    try:
        await client.open(ANSWER_S)
        await client.join(throwaway_room())
        async with asyncio.timeout(ANSWER_S):
            return _joined(await _answer(said), credentials)
    except ServerUnreachable as error:
        return Finding("join", "failed", error.message, advice=error.hint), ()
    except TimeoutError:
        found = f"The server accepts connections, but lets nobody into a room within {ANSWER_S:g} s."
        advice = "Look at what the server logs, or start it again."
        return Finding("join", "failed", found, "", "It is overloaded, or no pycall server.", advice), ()
    finally:
        await client.close()


async def _answer(said: asyncio.Queue[inputs.Input]) -> inputs.JoinedRoom | inputs.Refused:
    while True:
        happened = await said.get()
        if isinstance(happened, inputs.JoinedRoom | inputs.Refused):
            return happened


def _joined(
    answer: inputs.JoinedRoom | inputs.Refused, credentials: Credentials
) -> tuple[Finding, tuple[IceServer, ...]]:
    if isinstance(answer, inputs.Refused) and answer.code in REFUSED:
        return _closed(answer.code, credentials), ()
    if isinstance(answer, inputs.Refused):
        found = f"The server lets nobody in: {answer.message.rstrip('.') or answer.code}."
        return Finding("join", "failed", found, advice="Try again later, or ask who runs it."), ()
    urls = [each for server in answer.ice_servers for each in server.urls]
    named = f"; addresses for STUN and TURN it names: {len(urls)}" if urls else ", and names no STUN server"
    found = f"The server lets us into a room{named}."
    return Finding("join", "ok", found, figures={"ice_urls": len(urls)}), answer.ice_servers


def _closed(code: str, credentials: Credentials) -> Finding:
    """Of a server whose rooms are closed; an invite is for one room, so nobody has one for ours."""
    if code in ASKING_FOR_AN_INVITE:
        found = "Not tried: this server lets into a room only who has an invite to it."
        return Finding("join", "skipped", found, advice="`pycall call -` asks for the link of yours.")
    if not credentials.password:
        found = "Not tried: this server lets in only who knows its password."
        return Finding("join", "skipped", found, advice="Give the password in a file with --password-file.")
    found = "The server does not let us in with this password."
    cause = (
        "The password is wrong, or so many wrong ones came from here that it is not looked at for a while."
    )
    advice = "Check the password, or try again in a quarter of an hour."
    return Finding("join", "failed", found, "", cause, advice)


def _server(url: str, health: Health) -> Finding:
    figures = {
        "version": health.version or None,
        "round_trip_ms": round(health.round_trip_s * 1000, 1),
        "certificate_days": None if health.certificate_days is None else round(health.certificate_days, 1),
    }
    if health.stopping:
        advice = "Wait until it is back, and try again."
        return Finding("server", "warning", "The server is about to stop.", url, "", advice, figures)
    if not health.version:
        found = "A web server answers, but does not say that it is pycall."
        cause = "It is another signalling server, or a proxy that does not pass on /healthz."
        advice = "If joining fails too, check the address given with --server."
        return Finding("server", "warning", found, url, cause, advice, figures)
    days = health.certificate_days
    if days is not None and days < CERTIFICATE_DAYS:
        found = f"pycall {health.version} answers, but its certificate ends in {days:.1f} days."
        advice = "Have whoever runs the server renew it."
        return Finding("server", "warning", found, url, "It was not renewed in time.", advice, figures)
    found = f"pycall {health.version} answers within {math.ceil(health.round_trip_s * 1000)} ms."
    return Finding("server", "ok", found, url, figures=figures)


def _clock(health: Health) -> Finding:
    if health.ahead_s is None:
        return Finding("clock", "skipped", "The server does not tell its time.")
    ahead_s = health.ahead_s
    figures = {"server_ahead_s": round(ahead_s, 1)}
    if abs(ahead_s) < CLOCK_S:
        return Finding("clock", "ok", "Our clock and the server's agree.", figures=figures)
    way = "ahead of" if ahead_s > 0 else "behind"
    return Finding(
        "clock",
        "warning",
        f"The server's clock is {_spoken(abs(ahead_s))} {way} ours.",
        "",
        "One of the two is not set by the network.",
        "Turn on time synchronisation on both: certificates and TURN credentials need it.",
        figures,
    )


def _spoken(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
