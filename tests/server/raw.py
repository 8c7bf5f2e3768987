"""A client that speaks the signalling protocol frame by frame, and may speak it badly."""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

PATIENCE_S = 15.0
"""Only a server that hangs is given up."""


class RawClient:
    """One websocket to the server; it answers pings while it is read from."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.id = ""
        self.opened: dict[str, Any] = {}
        self._waiting: deque[list[Any]] = deque()
        self._numbers = itertools.count()

    async def connect(self, auth: object = None) -> None:
        """Do the Socket.IO handshake."""
        await self.send("40" + ("" if auth is None else json.dumps(auth)))
        reply = await self.packet()
        assert reply.startswith("40{"), reply
        self.id = json.loads(reply[2:])["sid"]

    async def send(self, frame: str) -> None:
        """Send one frame as it is."""
        await self.socket.send_str(frame)

    async def emit(self, event: str, *arguments: object) -> None:
        """Send an event."""
        await self.send("42" + json.dumps([event, *arguments]))

    async def call(self, event: str, *arguments: object) -> Any:
        """Send an event and return its acknowledgement; events that come before it are kept."""
        number = next(self._numbers)
        await self.send(f"42{number}" + json.dumps([event, *arguments]))
        return await self.ack(number)

    async def ack(self, number: int) -> Any:
        """The acknowledgement with this number."""
        while True:
            packet = await self.packet()
            if not packet.startswith("43"):
                self._waiting.append(_event(packet))
                continue
            assert packet.startswith(f"43{number}["), packet
            (content,) = json.loads(packet[packet.index("[") :])
            return content

    async def event(self) -> list[Any]:
        """The next event as ``[name, argument, ...]``."""
        return self._waiting.popleft() if self._waiting else _event(await self.packet())

    async def heard(self) -> list[list[Any]]:
        """Every event that was sent to this client before the server answers it."""
        await self.call("leave", "nowhere-at-all")
        events = list(self._waiting)
        self._waiting.clear()
        return events

    async def close_code(self) -> int | None:
        """Wait until the server has closed the connection; whatever it sends before is dropped."""
        async with asyncio.timeout(PATIENCE_S):
            async for _ in self.socket:
                pass
        return self.socket.close_code

    def cut(self) -> None:
        """End the TCP connection without a word."""
        self.socket._response.close()

    def stop_reading(self) -> None:
        """Take nothing more from the TCP connection."""
        self._transport.pause_reading()

    def read_on(self) -> None:
        """Take what came meanwhile, and what comes."""
        self._transport.resume_reading()

    @property
    def _transport(self) -> asyncio.Transport:
        connection = self.socket._response.connection
        assert connection is not None
        assert isinstance(connection.transport, asyncio.Transport)
        return connection.transport

    async def packet(self) -> str:
        """The next frame that is no ping."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await self.socket.receive()
                assert message.type is aiohttp.WSMsgType.TEXT, message
                text: str = message.data
                if text != "2":
                    return text
                await self.send("3")


class Clients:
    """Opens raw connections to one server."""

    def __init__(self, session: aiohttp.ClientSession, port: int, scheme: str = "http") -> None:
        self._session = session
        self._opened: list[RawClient] = []
        """Kept, for a websocket that nobody holds is closed."""
        self._url = f"{scheme}://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"

    async def open(self, **headers: str) -> RawClient:
        """A websocket that has not connected in the sense of Socket.IO."""
        client = RawClient(await self._session.ws_connect(self._url, headers=headers, autoclose=True))
        greeting = await client.packet()
        assert greeting.startswith("0")
        self._opened.append(client)
        client.opened = json.loads(greeting[1:])
        return client

    async def __call__(self, auth: object = None) -> RawClient:
        """A connected client."""
        client = await self.open()
        await client.connect(auth)
        return client

    def cut(self) -> None:
        """End every connection without a word."""
        for client in self._opened:
            client.cut()

    async def pair(self, room: str) -> tuple[RawClient, RawClient]:
        """Two plain clients in a room, everything they were told so far taken off."""
        first, second = await self(), await self()
        assert await first.call("join", room) == {"ok": True}
        assert await second.call("join", room) == {"ok": True}
        assert [event[0] for event in await first.heard()] == ["joined", "other_joined"]
        assert [event[0] for event in await second.heard()] == ["joined"]
        return first, second


def trusting() -> ssl.SSLContext:
    """What takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@asynccontextmanager
async def raw_clients(port: int, *, is_secure: bool = False) -> AsyncIterator[Clients]:
    """Open connections while the context lasts; over TLS any certificate is taken."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, ssl=False)) as session:
        clients = Clients(session, port, "https" if is_secure else "http")
        try:
            yield clients
        finally:
            clients.cut()


def _event(packet: str) -> list[Any]:
    assert packet.startswith("42"), packet
    event: list[Any] = json.loads(packet[2:])
    return event
