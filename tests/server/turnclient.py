"""A TURN client for tests, aioice's with requests of our own, and a look at the servers that run."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aioice import stun, turn

from pycall.server.ice.iceservers import Turn
from tests.rig import needs

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


async def exchanged(ann: Allocation, bob: Allocation) -> None:
    """Both heard each other, relay to relay; the first datagrams come before a permission of the other."""
    async with asyncio.timeout(10):
        while ann.received.datagrams.empty() or bob.received.datagrams.empty():
            ann.transport.sendto(b"from ann", bob.relayed)
            bob.transport.sendto(b"from bob", ann.relayed)
            await asyncio.sleep(0.05)
    assert ann.received.datagrams.get_nowait() == b"from bob"
    assert bob.received.datagrams.get_nowait() == b"from ann"


@pytest.fixture(name="port")
def coturn_port() -> int:
    """A port that nobody listens on, for a coturn, which is installed; tests import it by the other name."""
    needs("turnserver", "coturn")
    return free_port_twice()


def let_through(folder: Path) -> None:
    """Let coturn, which is another user, go through the folder of a test."""
    for each in (folder, *folder.parents[:3]):
        each.chmod(each.stat().st_mode | 0o011)


def free_port_twice() -> int:
    """A port of 127.0.0.1 that nobody listens on, neither by TCP nor by UDP."""
    while True:
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            with contextlib.suppress(OSError):
                udp.bind(tcp.getsockname())
                number: int = tcp.getsockname()[1]
                return number


def turnserver(port: int) -> int:
    """The process id of the one whose folder has this port."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
            if arguments[0].endswith(b"turnserver") and f"listening-port={port}\n" in Path(
                arguments[2].decode()
            ).read_text(encoding="utf-8"):
                return int(entry.name)
    raise AssertionError(f"no turnserver listens on port {port}")


def runs(process: int) -> bool:
    """Whether it has not ended; where nobody asks for its exit code, something of it stays."""
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0]
    except OSError:
        return False
    return state != "Z"
