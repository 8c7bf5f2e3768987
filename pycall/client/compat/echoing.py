"""Proof that a TURN server relays: an allocation (RFC 8656), and a packet sent through it and back."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, cast

from aioice import stun

from pycall.client.compat.gathering import NO_SUCH_FAMILY
from pycall.client.compat.relaying import LIFETIME_S, Address, Relay, allocate
from pycall.client.iceservers import TurnServer

ECHO_S: Final = 1.5
"""How long one way of sending the packet is tried; it is sent again and again meanwhile."""

AGAIN_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Echo:
    """What the relay did."""

    relayed: Address
    """The address it lent us."""
    software: str
    round_trip_s: float | None
    """Of a packet through the relay and back; ``None`` if none came back."""
    refused: int
    """The error with which it refused to send to us, such as 403; 0 if it did not."""


class RelayRefusedError(Exception):
    """The server refused: ``code`` and its words."""

    def __init__(self, code: int, software: str) -> None:
        super().__init__(f"refused with {code}")
        self.code = code
        self.software = software


async def echo(server: TurnServer, address: str, tls: ssl.SSLContext | None) -> Echo:
    """Have ``server``, reached at ``address``, relay a packet to us and back.

    The packet comes from a socket of this computer or, where that does not work, through a second relay.

    Raises:
        RelayRefusedError: it lends us no relay.
        OSError: it cannot be reached, or its certificate is not trusted.
        TimeoutError: it does not answer, which takes half a minute: limit it.
    """
    refusals: list[int] = []
    async with _relay(server, address, tls, refusals) as relay:
        relay.attach(_Mirror())
        software = await _software(relay)
        took_s = await _from_socket(relay)
        if took_s is None:
            with contextlib.suppress(RelayRefusedError, OSError, TimeoutError):
                async with _relay(server, address, tls, refusals) as other:
                    took_s = await _from_relay(relay, other)
        refused = refusals[0] if refusals and took_s is None else 0
        return Echo(relay.get_extra_info("sockname"), software, took_s, refused)


@contextlib.asynccontextmanager
async def _relay(
    server: TurnServer, address: str, tls: ssl.SSLContext | None, refusals: list[int]
) -> AsyncIterator[Relay]:
    try:
        relay = await _allocation(server, address, tls, refusals)
    except stun.TransactionFailed as failed:
        said = failed.response.attributes
        raise RelayRefusedError(failed.response.error_code or 0, said.get("SOFTWARE", "")) from failed
    except stun.TransactionError as error:
        raise TimeoutError from error
    try:
        yield relay
    finally:
        relay.close()


async def _allocation(
    server: TurnServer, address: str, tls: ssl.SSLContext | None, refusals: list[int]
) -> Relay:
    """A relay of the IP that the server is reached by, else of IPv4."""

    def refused(code: int, _words: str) -> None:
        refusals.append(code)

    if ":" in address:
        try:
            return await allocate(server, address, tls, refused, ipv6=True)
        except stun.TransactionFailed as failed:
            if failed.response.error_code != NO_SUCH_FAMILY:
                raise
    return await allocate(server, address, tls, refused)


class _Mirror(asyncio.DatagramProtocol):
    """Sends everything back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, source: Address) -> None:
        self._transport.sendto(data, source)


class _Caller(_Mirror):
    """Sends packets to one place until one comes back."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(16)
        self._sent: list[float] = []
        self._took_s: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def round_trip_s(self, place: Address) -> float | None:
        """How long the first that comes back was on its way; ``None`` if none does in time."""
        end = time.monotonic() + ECHO_S
        while time.monotonic() < end:
            self._sent.append(time.monotonic())  # uvloop's own clock has whole milliseconds
            self._transport.sendto(self._secret + bytes([len(self._sent) - 1]), place)
            done, _ = await asyncio.wait([self._took_s], timeout=AGAIN_S)
            if done:
                return self._took_s.result()
        return None

    def datagram_received(self, data: bytes, source: Address) -> None:  # noqa: ARG002  whoever it came by
        known = len(data) == 17 and data[:16] == self._secret and data[16] < len(self._sent)
        if known and not self._took_s.done():
            self._took_s.set_result(time.monotonic() - self._sent[data[16]])

    def error_received(self, error: Exception) -> None:
        """Ignore it: that nobody is reached shows in that no answer comes."""


async def _from_socket(relay: Relay) -> float | None:
    """Send from a socket of ours: the relay may hear the address under which the server knows us."""
    place: Address = relay.get_extra_info("sockname")
    seen_at: Address = relay.get_extra_info("related_address")
    if (":" in seen_at[0]) != (":" in place[0]):  # reached over the one IP, relaying on the other
        return None
    anywhere = "::" if ":" in place[0] else "0.0.0.0"  # noqa: S104  a socket that sends
    try:
        transport, caller = await asyncio.get_running_loop().create_datagram_endpoint(
            _Caller, local_addr=(anywhere, 0)
        )
    except OSError:
        return None
    try:
        # This permits answers from the address; who really sends is seen when it does.
        relay.sendto(b"", (seen_at[0], transport.get_extra_info("sockname")[1]))
        return await caller.round_trip_s(place)
    finally:
        transport.abort()


async def _from_relay(relay: Relay, other: Relay) -> float | None:
    """Send through a second relay, where UDP does not leave this network or the first may not reach us."""
    caller = _Caller()
    other.attach(caller)
    relay.sendto(b"", other.get_extra_info("sockname"))
    return await caller.round_trip_s(relay.get_extra_info("sockname"))


async def _software(relay: Relay) -> str:
    """What the server calls itself, which it tells with each answer or never."""
    request = stun.Message(message_method=stun.Method.REFRESH, message_class=stun.Class.REQUEST)
    request.attributes["LIFETIME"] = LIFETIME_S
    try:
        async with asyncio.timeout(ECHO_S):
            response, _ = await relay._client.request_with_retry(request)
    except (stun.TransactionError, TimeoutError):
        return ""
    return cast("str", response.attributes.get("SOFTWARE", ""))
