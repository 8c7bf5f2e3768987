"""What is asked of ICE, whichever makes it: pycall's connection, or aioice's with a release not known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import aioice.ice
import aiortc.rtcicetransport
from aioice.candidate import Candidate
from aiortc import RTCIceCandidate, RTCIceServer, RTCIceTransport
from aiortc.sdp import candidate_to_sdp

from pycall.client.compat.checking import IceConnection
from pycall.client.compat.connection import local_address, nominated_path
from pycall.client.compat.releases import replace
from pycall.client.iceservers import Server, StunServer
from pycall.client.reasons import Findings, Reason, no_candidates, no_path
from pycall.core.events import Path

USED = (
    "_check_list",
    "_check_list_done",
    "_closed",
    "_closing",
    "_early_checks",
    "_early_checks_done",
    "_emit_event",
    "_local_candidates",
    "_local_candidates_end",
    "_local_candidates_start",
    "_nominated",
    "_protocols",
    "_queue",
    "_remote_candidates",
    "_remote_candidates_expected",
    "_transport_policy",
    "_use_ipv4",
    "_use_ipv6",
    "build_request",
    "switch_role",
)
"""Names of ``aioice.ice.Connection`` that :class:`IceConnection` uses."""

REPLACED = (
    "_add_remote_candidate",
    "_pair_remote_candidate",
    "check_incoming",
    "close",
    "connect",
    "gather_candidates",
    "protocol_lost",
    "query_consent",
    "sendto",
    "sort_check_list",
)
"""Names of ``aioice.ice.Connection`` that :class:`IceConnection` defines anew."""


def trickle() -> None:
    """Let every RTCPeerConnection from now on have an :class:`IceConnection`."""
    stock = aioice.ice.Connection(ice_controlling=False)
    for name in (*USED, *REPLACED):
        getattr(stock, name)
    replace(aiortc.rtcicetransport, "Connection", IceConnection)


def servers_of_aiortc(servers: Sequence[Server]) -> list[RTCIceServer]:
    """What aiortc is told of the servers: nothing when :class:`IceConnection` asks them itself."""
    if getattr(aiortc.rtcicetransport, "Connection", None) is IceConnection:
        return []
    return [_server_of_aiortc(server) for server in servers if ":" not in server.host]


def _server_of_aiortc(server: Server) -> RTCIceServer:
    place = f"{server.host}:{server.port}"
    if isinstance(server, StunServer):
        return RTCIceServer(f"stun:{place}")
    scheme, transport = ("turns", "tcp") if server.transport == "tls" else ("turn", server.transport)
    return RTCIceServer(f"{scheme}:{place}?transport={transport}", server.username, server.credential)


class IceAgent:
    """The ICE of one connection.

    ``gathered`` is called with each candidate's line (RFC 8839 section 5.1, without ``a=``) as it is
    found, and with ``None`` after the last; ``moved`` when the chosen path may be another.
    """

    def __init__(
        self,
        transport: RTCIceTransport,
        servers: Sequence[Server],
        *,
        relay_only: bool,
        gathered: Callable[[str | None], None],
        moved: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._relay_only = relay_only
        connection: Any = getattr(transport, "_connection", None)
        self._connection: IceConnection | None = None
        if isinstance(connection, IceConnection):
            self._connection = connection
            connection.servers = tuple(servers)
            connection.gathered = lambda candidate: gathered(line_of(candidate) if candidate else None)
            connection.moved = moved

    async def gather(self) -> None:
        """Begin to gather; returns with the first candidates, or when there are none."""
        await self._transport.iceGatherer.gather()

    async def gathered(self, wait_s: float) -> None:
        """Wait until every server has answered, for at most ``wait_s`` seconds."""
        if self._connection is None or self._connection.gathering is None:
            return
        try:
            async with asyncio.timeout(wait_s):
                await self._connection.gathering.enough.wait()
        except TimeoutError:
            pass

    @property
    def lines(self) -> list[str]:
        """The candidates found so far."""
        candidates = self._transport.iceGatherer.getLocalCandidates()
        return [f"candidate:{candidate_to_sdp(candidate)}" for candidate in candidates]

    @property
    def complete(self) -> bool:
        """Whether no more candidates will be found."""
        if self._connection is None:
            return self._transport.iceGatherer.state == "completed"
        return self._connection.gathering is not None and self._connection.gathering.complete

    @property
    def path(self) -> Path:
        """The way of the chosen pair."""
        return nominated_path(self._transport)

    @property
    def local_address(self) -> str | None:
        """The address of this computer that the chosen pair's packets leave by, as far as that is known."""
        return local_address(self._transport)

    async def add(self, candidate: RTCIceCandidate | None) -> None:
        """A candidate of the other side; ``None`` after the last."""
        await self._transport.addRemoteCandidate(candidate)

    def why_no_candidates(self) -> Reason:
        """Why nothing was gathered."""
        return no_candidates(self._findings, relay_only=self._relay_only)

    def why_no_path(self) -> Reason:
        """Why no pair works."""
        return no_path(
            self._findings,
            others=len(self._transport.getRemoteCandidates()),
            relay_only=self._relay_only,
            relayed=any(" typ relay" in line for line in self.lines),
        )

    @property
    def _findings(self) -> Findings:
        gathering = self._connection and self._connection.gathering
        return gathering.findings if gathering else Findings()


def line_of(candidate: Candidate) -> str:
    """A candidate as it is written in descriptions and sent alone."""
    return f"candidate:{candidate.to_sdp()}"
