"""What may come in, and which addresses are told."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import aioice.ice
import aiortc.rtcdtlstransport
import aiortc.rtcsctptransport
import ifaddr

from pycall.client.compat.checking import IceConnection
from pycall.client.compat.releases import replace
from pycall.client.guards import decode_params, without_bridges

logger = logging.getLogger(__name__)

MAX_DATAGRAMS: Final = 2_000
"""Received datagrams waiting for the call to read them; more is a flood."""


def guard_datagrams() -> None:
    """Drop what no known address sent, and what is neither STUN, DTLS nor SRTP (RFC 7983)."""

    def datagram_received(self: Any, data: bytes, address: tuple[Any, ...]) -> None:
        if not data:
            return
        if data[0] < 4:
            check_received(self, data, address)
        elif address[:2] in known_addresses(self.receiver):
            if isinstance(self.receiver, IceConnection):
                self.receiver.heard(self, address[:2])
            self.receiver.data_received(data, self.local_candidate.component)

    def data_received(self: Any, data: bytes, component: int) -> None:
        if data and data[0] >= 4 and self._queue.qsize() < MAX_DATAGRAMS:
            self._queue.put_nowait((data, component, time.monotonic()))

    async def recvfrom(self: Any) -> tuple[bytes, int]:
        data, component, *at = await receive(self)
        self._pycall_arrived_at = at[0] if at else None
        return data, component

    for name in ("_remote_candidates", "_early_checks", "_queue"):
        getattr(aioice.ice.Connection(ice_controlling=False), name)
    receive = replace(aioice.ice.Connection, "recvfrom", recvfrom)
    replace(aioice.ice.Connection, "data_received", data_received)
    check_received = replace(aioice.ice.StunProtocol, "datagram_received", datagram_received)


def arrived_at(transport: Any) -> float:
    """When what ``transport`` handles now came from the network; monotonic seconds.

    That it is handled only now may be our own doing, and says nothing of the path.
    """
    connection = getattr(transport.transport, "_connection", None)
    at: float | None = getattr(connection, "_pycall_arrived_at", None)
    return time.monotonic() if at is None else at


def packet_of(transport: Any) -> bytes:
    """The bytes, decrypted, of what ``transport`` handles now."""
    data: bytes = getattr(transport, "_pycall_packet", b"")
    return data


def known_addresses(connection: Any) -> set[tuple[str, int]]:
    """Addresses that were signalled or passed an authenticated check (RFC 8445 section 7.3)."""
    remote = connection._remote_candidates
    state = (len(remote), len(connection._early_checks), remote[-1] if remote else None)
    cached: tuple[Any, set[tuple[str, int]]] | None = getattr(connection, "_pycall_known", None)
    if cached is None or cached[0] != state:
        known = {(candidate._network_host, candidate.port) for candidate in remote}
        known |= {check[1] for check in connection._early_checks}
        cached = connection._pycall_known = (state, known)
    return cached[1]


def guard_sctp() -> None:
    """Refuse parameter lengths that cannot be, and let no malformed packet end the call."""

    async def handle_data(self: Any, data: bytes) -> None:
        count(self.transport)
        try:
            await original(self, data)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001  the parser raises whatever the bytes make it raise
            logger.debug("Dropped a malformed SCTP packet: %r", error)

    original = replace(aiortc.rtcsctptransport.RTCSctpTransport, "_handle_data", handle_data)
    replace(aiortc.rtcsctptransport, "decode_params", decode_params)


def guard_packets() -> None:
    """Drop a packet of media whose handling fails: stock, that closes the connection as if hung up."""
    dtls: Any = aiortc.rtcdtlstransport

    def guard(name: str) -> None:
        async def handle(self: Any, data: bytes, **more: Any) -> None:
            count(self)
            self._pycall_packet = data
            try:
                await original(self, data, **more)
            except (ConnectionError, dtls.pylibsrtp.Error):  # the one ends it, the other is dropped there
                raise
            except Exception:
                level = logging.DEBUG if hasattr(self, "_pycall_told") else logging.ERROR
                logger.log(level, "A received packet could not be handled.", exc_info=True)
                self._pycall_told = True

        original = replace(dtls.RTCDtlsTransport, name, handle)

    guard("_handle_rtp_data")
    guard("_handle_rtcp_data")


def count(transport: Any) -> None:
    """One more packet that only the other end can have made: it was decrypted."""
    transport._pycall_heard = getattr(transport, "_pycall_heard", 0) + 1


def filter_addresses() -> None:
    """Offer no address that leads only to containers of this computer."""

    def get_host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return without_bridges(original(use_ipv4, use_ipv6), ifaddr.get_adapters())

    original = replace(aioice.ice, "get_host_addresses", get_host_addresses)
