"""Several servers in the test's own event loop, which share a Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from pycall.core.seats import Holding
from pycall.server.admission.access import Access
from pycall.server.app import SignallingServer
from pycall.server.nodes import SharedRooms
from tests.server.raw import PATIENCE_S, Clients, RawClient, raw_clients
from tests.server.redis import RedisServer

OK = {"ok": True}
UNAVAILABLE = "store-unavailable"


@dataclass
class Node:
    """One of the servers, and what opens connections to it."""

    server: SignallingServer
    rooms: SharedRooms
    clients: Clients

    async def readiness(self) -> str:
        """What `/readyz` says: ready, or why not."""
        url = f"http://127.0.0.1:{self.server.port}/readyz"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            said = await answer.json()
            return str(said.get("reason", said["status"]))

    async def comes_to_be(self, readiness: str, patience_s: float = PATIENCE_S) -> None:
        """Wait until `/readyz` says so."""
        async with asyncio.timeout(patience_s):
            while await self.readiness() != readiness:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def nodes(
    redis: RedisServer,
    count: int,
    holding: Holding | None = None,
    access: Callable[[SharedRooms], Access] = lambda _: Access(),
) -> AsyncIterator[list[Node]]:
    """So many, while the context lasts."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            rooms = SharedRooms(redis.url, holding)
            server = SignallingServer("127.0.0.1", 0, store=rooms, access=access(rooms))
            await server.start()
            stack.push_async_callback(server.stop)
            made.append(Node(server, rooms, await stack.enter_async_context(raw_clients(server.port))))
        yield made


def auth(resume: object = None, **more: object) -> dict[str, object]:
    """What a pycall client connects with."""
    return {"pycall": 1, "name": "Ann", "resume": resume, **more}


async def join(client: RawClient, room: str) -> list[Any]:
    """Join, and return the `joined` that comes before the acknowledgement."""
    answer = await client.call("join", room)
    assert answer == OK, answer
    event = await client.event()
    assert event[:2] == ["joined", room]
    return event


async def joins(client: RawClient, room: str, patience_s: float = PATIENCE_S) -> float:
    """Ask for a seat until there is one; returns how long that took."""
    began = time.monotonic()
    async with asyncio.timeout(patience_s):
        while await client.call("join", room) != OK:
            await asyncio.sleep(0.05)
    return time.monotonic() - began
