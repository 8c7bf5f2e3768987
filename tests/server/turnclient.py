"""A TURN client for tests: aioice's, and requests of our own over its connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aioice import stun, turn

from pycall.server.iceservers import Turn

Address = tuple[str, int]
CHANNEL = 0x4000

LIFETIME_S = 60


class Received(asyncio.DatagramProtocol):
    """What was relayed to us."""

    def __init__(self) -> None:
        self.datagrams: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.datagrams.put_nowait(data)


@dataclass
class Allocation:
    """A relayed address of ours."""

    transport: Any
    received: Received
    channels: int = field(default=0)

    @property
    def relayed(self) -> Address:
        address: Address = self.transport.get_extra_info("sockname")
        return address

    async def refusal_of_permission(self, peer: str) -> int:
        """The code with which CreatePermission is refused; 0 if it is granted."""
        return await self._refusal(stun.Method.CREATE_PERMISSION, {"XOR-PEER-ADDRESS": (peer, 9)})

    async def refusal_of_channel(self, peer: str) -> int:
        """The code with which ChannelBind is refused; 0 if it is granted."""
        self.channels += 1
        attributes = {"CHANNEL-NUMBER": CHANNEL + 100 + self.channels, "XOR-PEER-ADDRESS": (peer, 9)}
        return await self._refusal(stun.Method.CHANNEL_BIND, attributes)

    async def _refusal(self, method: stun.Method, attributes: dict[str, Any]) -> int:
        request = stun.Message(method, stun.Class.REQUEST)
        request.attributes.update(attributes)
        client = self.transport._TurnTransport__inner_protocol
        try:
            await client.request_with_retry(request)
        except stun.TransactionFailed as failed:
            code: int = failed.response.attributes["ERROR-CODE"][0]
            return code
        return 0


@asynccontextmanager
async def allocation(
    server: Address, name: str, password: str, *, transport: str = "udp", ssl: Any = False
) -> AsyncIterator[Allocation]:
    """An allocation while the context lasts; raises ``stun.TransactionFailed`` when it is refused."""
    relayed, received = await turn.create_turn_endpoint(
        Received, server, username=name, password=password, lifetime=LIFETIME_S, transport=transport, ssl=ssl
    )
    try:
        yield Allocation(relayed, received)
    finally:
        relayed.close()
        await _gone(relayed)


async def _gone(relayed: Any) -> None:
    """Wait until the allocation was given back and its sockets are closed."""
    inner = relayed._TurnTransport__inner_protocol
    deadline = asyncio.get_running_loop().time() + 5
    while not (inner.transport is None or inner.transport.is_closing()):
        assert asyncio.get_running_loop().time() < deadline, "the allocation is not given back"
        await asyncio.sleep(0.02)


def credentials(server: Turn, expires: float, member_id: str = "ann") -> tuple[str, str]:
    """What the server would hand a member."""
    return server.credentials(member_id, int(expires))
