"""Two ICE connections, and a thing between them that translates addresses, delays and drops."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator

import aioice.ice
from aioice.candidate import Candidate

from pycall.client.compat.checking import IceConnection
from pycall.client.iceservers import Server

Address = tuple[str, int]


def here() -> str:
    """An IPv4 address of this computer."""
    return aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)[0]


class _Side(asyncio.DatagramProtocol):
    def __init__(self, nat: Nat, *, far: bool) -> None:
        self._nat = nat
        self._far = far

    def datagram_received(self, data: bytes, address: Address) -> None:
        self._nat.pass_on(data, address, outwards=not self._far)


class Nat:
    """The host inside speaks to ``near`` as if it were the one outside, who sees it at ``far``."""

    def __init__(self, outside: Address) -> None:
        self._outside = outside
        self._inside: Address | None = None
        self.delay_s = 0.0
        self.blocked = False
        self.payload = 0
        """Datagrams that came from inside and were no STUN."""
        self._near: asyncio.DatagramTransport
        self._far: asyncio.DatagramTransport

    async def open(self) -> None:
        self._near = await self._socket(far=False)
        self._far = await self._socket(far=True)

    @property
    def near(self) -> Address:
        host, port = self._near.get_extra_info("sockname")
        return host, port

    @property
    def far(self) -> Address:
        host, port = self._far.get_extra_info("sockname")
        return host, port

    async def rebind(self) -> None:
        """From now on the host inside is seen at another address, and is not reached at the old one."""
        self._far.close()
        self._far = await self._socket(far=True)

    def pass_on(self, data: bytes, address: Address, *, outwards: bool) -> None:
        if outwards:
            self._inside = address
            self.payload += data[0] > 3
        target = self._outside if outwards else self._inside
        if self.blocked or target is None:
            return
        transport = self._far if outwards else self._near
        asyncio.get_running_loop().call_later(self.delay_s, transport.sendto, data, target)

    def close(self) -> None:
        self._near.close()
        self._far.close()

    async def _socket(self, *, far: bool) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Side(self, far=far), local_addr=(here(), 0)
        )
        return transport


def host_at(address: Address) -> Candidate:
    """A candidate of an address."""
    return Candidate.from_sdp(f"1 1 udp 2130706431 {address[0]} {address[1]} typ host")


def of_ipv4(connection: IceConnection) -> Candidate:
    """The connection's host candidate at :func:`here`."""
    return next(each for each in connection.local_candidates if each.host == here())


@contextlib.asynccontextmanager
async def two(*servers: Server) -> AsyncIterator[tuple[IceConnection, IceConnection]]:
    """Two that have gathered and know each other's passwords; the first controls."""
    ends = IceConnection(ice_controlling=True), IceConnection(ice_controlling=False)
    try:
        for end, other in (ends, ends[::-1]):
            end.servers = servers
            await end.gather_candidates()
            assert end.gathering is not None
            await end.gathering.enough.wait()
            end.remote_username, end.remote_password = other.local_username, other.local_password
        yield ends
    finally:
        for end in ends:
            await end.close()


@contextlib.asynccontextmanager
async def through_nat(*servers: Server) -> AsyncIterator[tuple[IceConnection, IceConnection, Nat]]:
    """Two of whom the first is behind a :class:`Nat`; they know no way but through it."""
    async with two(*servers) as (inside, outside):
        target = of_ipv4(outside)
        nat = Nat((target.host, target.port))
        await nat.open()
        try:
            await inside.add_remote_candidate(host_at(nat.near))
            yield inside, outside, nat
        finally:
            nat.close()


async def introduce(one: IceConnection, other: IceConnection) -> None:
    """Tell each what the other has gathered, and that it is all."""
    for end, told in ((one, other), (other, one)):
        for candidate in told.local_candidates:
            await end.add_remote_candidate(copy.copy(candidate))
        await end.add_remote_candidate(None)


async def meet(one: IceConnection, other: IceConnection) -> None:
    """Both check until both are connected."""
    await asyncio.gather(one.connect(), other.connect())


async def speak(one: IceConnection, other: IceConnection) -> None:
    """Send until something arrives, in both directions."""
    for sender, receiver in ((one, other), (other, one)):
        arrived = asyncio.create_task(receiver.recv())
        while not arrived.done():
            await sender.send(b"\x80media")
            await asyncio.wait([arrived], timeout=0.05)
        assert await arrived == b"\x80media"
