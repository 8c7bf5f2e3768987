"""Signalling clients that remember, and servers to call: ours, and one of the plain protocol only."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import socketio
from aiohttp import web

from pycall.client.signalling import SignallingClient
from pycall.core import inputs
from pycall.core.credentials import NONE, Credentials
from pycall.server.admission.access import Access
from pycall.server.app import SignallingServer

T = TypeVar("T")


class Caller:
    """A client and what it posted."""

    def __init__(
        self, url: str, name: str = "Alice", *, cert_sha256: str = "", credentials: Credentials = NONE
    ) -> None:
        self.posted: list[inputs.Input] = []
        self.client = SignallingClient(
            url, name, self.posted.append, cert_sha256=cert_sha256, credentials=credentials
        )

    def said(self, kind: type[T]) -> list[T]:
        """What it posted of one kind."""
        return [happened for happened in self.posted if isinstance(happened, kind)]


@contextlib.asynccontextmanager
async def callers(url: str, *names: str) -> AsyncIterator[list[Caller]]:
    """Open clients; closed in the end."""
    opened = [Caller(url, name) for name in names]
    try:
        for caller in opened:
            await caller.client.open()
        yield opened
    finally:
        for caller in opened:
            await caller.client.close()


@contextlib.asynccontextmanager
async def serving(
    port: int = 0, tls: ssl.SSLContext | None = None, access: Access | None = None
) -> AsyncIterator[SignallingServer]:
    """pycall's server."""
    server = SignallingServer("127.0.0.1", port, tls=tls, access=access)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


class PlainServer:
    """The protocol everybody knows, and nothing of ours; ``say`` lets it say anything else."""

    def __init__(self) -> None:
        self.sio = socketio.AsyncServer(async_mode="aiohttp", logger=False)
        self.rooms: dict[str, list[str]] = {}
        self.app = web.Application()
        self.sio.attach(self.app)
        for event in ("join", "leave", "message"):
            self.sio.on(event, getattr(self, event))

    async def join(self, sid: str, room: str) -> None:
        members = self.rooms.setdefault(room, [])
        if len(members) == 2:
            await self.sio.emit("full", room, to=sid)
            return
        await self.sio.emit("joined", (room, sid), to=sid)
        for other in members:
            await self.sio.emit("other_joined", (room, sid), to=other)
        members.append(sid)

    async def leave(self, sid: str, room: str) -> None:
        self.rooms[room].remove(sid)
        await self.sio.emit("left", (room, sid), to=sid)
        for other in self.rooms[room]:
            await self.sio.emit("bye", (room, sid), to=other)

    async def message(self, sid: str, payload: Any) -> None:
        for other in {other for members in self.rooms.values() if sid in members for other in members} - {
            sid
        }:
            await self.sio.emit("message", payload, to=other)

    async def say(self, event: str, *arguments: Any) -> None:
        await self.sio.emit(event, arguments)


@contextlib.asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[int]:
    """A web server; gives its port."""
    before = asyncio.all_tasks()
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        with contextlib.suppress(OSError):
            await runner.cleanup()
        for task in asyncio.all_tasks() - before - {asyncio.current_task()}:
            task.cancel()  # the stock server leaves its own behind
