"""Handshakes of websockets byte by byte, and what a server says to them."""

from __future__ import annotations

import asyncio
from typing import Any

from pycall.server.app import SignallingServer
from tests.server.raw import PATIENCE_S

PATH = "/socket.io/?EIO=4&transport=websocket"
HEADERS = {
    "Host": "localhost",
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
CONNECT = b"\x81\x82\x00\x00\x00\x0040"
"""A Socket.IO CONNECT in a frame; its mask is all zeros."""


def handshake(method: str = "GET", **changes: str) -> bytes:
    """A request; a header is left out if its change is empty."""
    headers = HEADERS | {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"{method} {PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if value)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def said(
    server: SignallingServer, request: bytes, until: bytes = b"", *, before: bytes = b"", **options: Any
) -> bytes:
    """What the server says to a request up to the bytes ``until``, or all that it says.

    ``before`` is a request that is sent, and whose answer is awaited, on the same connection before.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, **options)
    try:
        async with asyncio.timeout(PATIENCE_S):
            if before:
                writer.write(before)
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
            writer.write(request)
            return await reader.readuntil(until) if until else await reader.read()
    finally:
        writer.transport.abort()
