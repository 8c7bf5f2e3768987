"""Our own candidates: the addresses of this computer at once, those that servers tell as they come.

Every server is asked at the same time, in a task of its own: one that does not answer delays nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any, Final

from aioice import ice, stun
from aioice.candidate import Candidate, candidate_foundation, candidate_priority

from pycall.client.compat.relaying import Address, Relay, allocate
from pycall.client.iceservers import Server, StunServer, TurnServer
from pycall.client.reasons import Findings
from pycall.client.resolving import resolve

logger = logging.getLogger(__name__)

GATHER_S: Final = 10.0
"""How long servers are asked; their answers are candidates too when they come late."""

STUN_RETRIES: Final = 4
STAGGER_S: Final = 0.3
"""Head start of a server's first address before its second, of the other family, is tried too."""

NO_SUCH_FAMILY: Final = 440
"""The server has no address of the family asked for (RFC 8656 section 19)."""

MAX_HOSTS: Final = 8
RECEIVE_BUFFER: Final = 262_144

_RELAY_PREFERENCE: Final = {"udp": 65_535, "tcp": 32_767, "tls": 16_383}

Found = Callable[[Candidate, ice.StunProtocol | None], None]


class Gathering:
    """One gathering of one connection.

    ``found`` is called with every candidate there is, once; with the protocol to send by when the
    candidate has one of its own. ``findings`` says what the servers answered; ``enough`` is set when
    each of them did, ``complete`` when no candidate will come any more.
    """

    def __init__(self, connection: Any, servers: Iterable[Server], found: Found) -> None:
        self.findings = Findings()
        self.enough = asyncio.Event()
        self.complete = False
        self._connection = connection
        self._servers = tuple(servers)
        self._found = found
        self._hosts: list[ice.StunProtocol] = []
        self._told: set[Address] = set()
        self._unanswered = set(self._servers)

    async def bind(self, addresses: Iterable[str]) -> None:
        """A socket for each address: the host candidates."""
        for at, address in enumerate(list(addresses)[:MAX_HOSTS]):
            try:
                protocol = await _bound(self._connection, address)
            except OSError as error:
                logger.info("An address of this computer cannot be used: %s", error)
                continue
            host, port = protocol.transport.get_extra_info("sockname")[:2]
            preference = 65_535 - at
            protocol.local_candidate = _candidate("host", host, port, preference=preference, base=host)
            self._hosts.append(protocol)
            self._told.add((host, port))
            self._found(protocol.local_candidate, protocol)

    async def ask(self, *, relay_only: bool) -> None:
        """Ask all servers, for at most :data:`GATHER_S`."""
        servers = [s for s in self._servers if isinstance(s, TurnServer) or not relay_only]
        self._unanswered.intersection_update(servers)
        self._heard(None)
        tasks = [asyncio.create_task(self._ask(server), name="pycall-ask-ice-server") for server in servers]
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=GATHER_S)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.complete = True
            self.enough.set()

    async def _ask(self, server: Server) -> None:
        try:
            await self._ask_by_name(server)
        except Exception:
            logger.exception("Asking the ICE server %s broke.", server.host)
        self._heard(server)

    async def _ask_by_name(self, server: Server) -> None:
        if isinstance(server, StunServer) or server.transport == "udp":
            self.findings.udp_asked = True
        addresses = one_of_each_family(await resolve(server.host))
        if not addresses:
            logger.info("The name of an ICE server is not known: %s", server.host)
        elif isinstance(server, StunServer):
            await asyncio.gather(
                *(
                    self._ask_for_address(server, protocol, address)
                    for protocol in self._hosts
                    for address in addresses
                    if _same_family(protocol.local_candidate.host, address)
                )
            )
        else:
            await self._ask_for_relay(server, addresses)

    def _heard(self, server: Server | None) -> None:
        if server is not None:
            self._unanswered.discard(server)
        if not self._unanswered:
            self.enough.set()

    async def _ask_for_address(self, server: StunServer, protocol: ice.StunProtocol, address: str) -> None:
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        try:
            response, _ = await protocol.request(
                request, (address, server.port), retransmissions=STUN_RETRIES
            )
        except stun.TransactionFailed as failed:
            logger.info("A STUN server refused to tell our address: %s", failed)
            self.findings.udp_answered = True
            self._heard(server)
            return
        except stun.TransactionError:
            return
        self.findings.udp_answered = True
        mapped = response.attributes.get("XOR-MAPPED-ADDRESS")
        local = protocol.local_candidate
        if mapped is not None and mapped not in self._told and _same_family(mapped[0], local.host):
            self._told.add(mapped)
            preference = (local.priority >> 8) & 0xFFFF
            related = (local.host, local.port)
            candidate = _candidate("srflx", *mapped, preference=preference, base=local.host, related=related)
            self._found(candidate, None)
        self._heard(server)

    async def _ask_for_relay(self, server: TurnServer, addresses: list[str]) -> None:
        tls = await asyncio.to_thread(ssl.create_default_context) if server.transport == "tls" else None
        tries = [
            asyncio.create_task(
                self._allocate_at(server, address, tls, at * STAGGER_S), name="pycall-allocate"
            )
            for at, address in enumerate(addresses)
        ]
        try:
            for trying in asyncio.as_completed(tries):
                if await trying:
                    break
        finally:
            for each in tries:
                each.cancel()
            await asyncio.gather(*tries, return_exceptions=True)

    async def _allocate_at(
        self, server: TurnServer, address: str, tls: ssl.SSLContext | None, delay_s: float
    ) -> bool:
        """Whether there is a relay by this address of the server now.

        A server reached by IPv6 is asked for a relay of each family: the other side may have either.
        """
        await asyncio.sleep(delay_s)
        families = (False,) if _version(address) == 4 else (True, False)
        return any(
            await asyncio.gather(*(self._allocate(server, address, tls, ipv6=ipv6) for ipv6 in families))
        )

    async def _allocate(
        self, server: TurnServer, address: str, tls: ssl.SSLContext | None, *, ipv6: bool
    ) -> bool:
        findings = self.findings
        try:
            relay = await allocate(server, address, tls, findings.peer_refused, ipv6=ipv6)
        except stun.TransactionFailed as failed:
            findings.udp_answered |= server.transport == "udp"
            code, reason = failed.response.attributes.get("ERROR-CODE", (0, ""))
            if code != NO_SUCH_FAMILY:
                findings.refused(code, reason)
        except ssl.SSLError as error:
            findings.untrusted = server.host
            logger.info("The TURN server %s is not trusted: %s", server.host, error)
        except (stun.TransactionError, OSError) as error:
            logger.info("The TURN server %s cannot be used: %s", server.host, error)
        else:
            findings.udp_answered |= server.transport == "udp"
            self._use(relay)
            return True
        return False

    def _use(self, relay: Relay) -> None:
        protocol = ice.StunProtocol(self._connection)
        host, port = relay.get_extra_info("sockname")
        protocol.local_candidate = _candidate(
            "relay",
            host,
            port,
            preference=_RELAY_PREFERENCE[relay.server.transport],
            base=host,
            related=("0.0.0.0" if _version(host) == 4 else "::", 9),  # noqa: S104  hides ours, RFC 8839 section 5.1
        )
        relay.attach(protocol)
        self._found(protocol.local_candidate, protocol)


def one_of_each_family(addresses: Iterable[str]) -> list[str]:
    """The first IPv4 and the first IPv6 address, in the order given."""
    first: dict[int, str] = {}
    for address in addresses:
        first.setdefault(_version(address), address)
    return list(first.values())


async def _bound(connection: Any, address: str) -> ice.StunProtocol:
    """A socket of ``address`` on any port; raises :class:`OSError`."""
    family = socket.AF_INET if _version(address) == 4 else socket.AF_INET6
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind((address, 0))
        _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: ice.StunProtocol(connection), sock=sock
        )
        stack.pop_all()
    return protocol


def _candidate(
    kind: str, host: str, port: int, *, preference: int, base: str, related: Address | None = None
) -> Candidate:
    return Candidate(
        foundation=candidate_foundation(kind, "udp", base),
        component=1,
        transport="udp",
        priority=candidate_priority(1, kind, preference),
        host=host,
        port=port,
        type=kind,
        related_address=related and related[0],
        related_port=related and related[1],
    )


def _version(address: str) -> int:
    return ipaddress.ip_address(address).version


def _same_family(one: str, other: str) -> bool:
    return _version(one) == _version(other)
