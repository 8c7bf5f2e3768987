"""Two in a room of a real server, one of whom has a token; and how connections break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from pycall.core.seats import Holding
from pycall.limits import Limits
from pycall.server.app import SignallingServer
from pycall.server.store import MemoryRoomStore
from tests.server.raw import PATIENCE_S, Clients, RawClient, raw_clients
from tests.server.scraping import scraped

OK = {"ok": True}


def auth(resume: object = None, **more: object) -> dict[str, object]:
    """What a pycall client connects with."""
    return {"pycall": 1, "name": "Ann", "resume": resume, **more}


async def joined(client: RawClient, room: str = "kitchen") -> tuple[str, dict[str, Any]]:
    """Join; returns one's id and what else one is told."""
    assert await client.call("join", room) == OK
    event, where, id_, more = await client.event()
    assert (event, where) == ("joined", room)
    return id_, more


async def pair(clients: Clients) -> tuple[RawClient, RawClient, str]:
    """Ann, Bob who is a plain client, and Ann's token."""
    ann, bob = await clients(auth()), await clients()
    _, more = await joined(ann)
    assert await bob.call("join", "kitchen") == OK
    assert [event[0] for event in await ann.heard()] == ["other_joined"]
    assert [event[0] for event in await bob.heard()] == ["joined"]
    return ann, bob, more["resume"]


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def lose(client: RawClient, server: SignallingServer) -> None:
    """End a client's TCP connection, and wait until the server has noticed it."""
    before = server.connections
    client.cut()
    await until(lambda: server.connections < before)


@asynccontextmanager
async def serving(
    holding: Holding | None = None, limits: Limits | None = None
) -> AsyncIterator[tuple[Clients, SignallingServer]]:
    """A server of its own, and what opens connections to it."""
    server = SignallingServer("127.0.0.1", 0, limits=limits, store=MemoryRoomStore(holding))
    async with started(server) as clients:
        yield clients, server


@asynccontextmanager
async def started(server: SignallingServer, *, is_secure: bool = False) -> AsyncIterator[Clients]:
    """Run it while the context lasts; opens connections to it."""
    await server.start()
    try:
        async with raw_clients(server.port, is_secure=is_secure) as clients:
            yield clients
    finally:
        await server.stop()


async def health(server: SignallingServer) -> dict[str, int]:
    """How many rooms and members the server sees."""
    reading = await scraped(server)
    return {name: int(reading.value(f"pycall_{name}") or 0) for name in ("rooms", "members")}
