"""Handshakes byte by byte, to a real server."""

from __future__ import annotations

import asyncio

import pytest

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


async def said(server: SignallingServer, request: bytes, until: bytes) -> bytes:
    """What the server says to a request up to the bytes ``until``."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        async with asyncio.timeout(PATIENCE_S):
            writer.write(request)
            return await reader.readuntil(until)
    finally:
        writer.transport.abort()


async def test_a_handshake_is_answered_as_the_standard_says(server: SignallingServer) -> None:
    head = await said(server, handshake(), b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
    assert b"xtensions" not in head


@pytest.mark.parametrize(
    "request_",
    [
        handshake(Upgrade=""),
        handshake(Upgrade="h2c"),
        handshake(Connection="keep-alive"),
        handshake(Sec_WebSocket_Key=""),
        handshake(Sec_WebSocket_Key="short"),
        handshake(Sec_WebSocket_Version="8"),
        handshake(Sec_WebSocket_Version=""),
        handshake("HEAD"),
        handshake(Content_Length="4") + b"body",
    ],
)
async def test_what_asks_for_no_websocket_is_refused(server: SignallingServer, request_: bytes) -> None:
    assert (await said(server, request_, b"\r\n")).startswith(b"HTTP/1.1 400 ")
    assert server.connections == 0


async def test_what_comes_right_behind_the_handshake_is_not_lost(server: SignallingServer) -> None:
    assert (await said(server, handshake() + CONNECT, b'40{"sid":"')).startswith(b"HTTP/1.1 101 ")


async def test_a_handshake_in_pieces_is_one_all_the_same(server: SignallingServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    async with asyncio.timeout(PATIENCE_S):
        for byte in handshake() + CONNECT:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        await reader.readuntil(b'40{"sid":"')
    writer.transport.abort()


async def test_who_goes_during_the_handshake_leaves_nothing_behind(server: SignallingServer) -> None:
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(handshake())
        await asyncio.sleep(0)
        writer.transport.abort()
    async with asyncio.timeout(PATIENCE_S):
        await said(server, handshake() + CONNECT, b'40{"sid":"')
        while server.connections:
            await asyncio.sleep(0.01)
