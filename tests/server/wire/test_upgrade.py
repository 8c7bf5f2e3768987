"""Handshakes byte by byte, to a real server: first on a connection and behind another, plain and over TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest

from pycall.server.app import SignallingServer
from tests.server.raw import PATIENCE_S, trusting
from tests.server.wire.handshake import CONNECT, handshake, said

ANOTHER = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
EARLIER = pytest.mark.parametrize("before", [b"", ANOTHER], ids=["first", "behind another"])


@pytest.fixture
async def server(tls: ssl.SSLContext | None) -> AsyncIterator[SignallingServer]:
    server = SignallingServer("127.0.0.1", 0, tls=tls)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def trust(tls: ssl.SSLContext | None) -> ssl.SSLContext | None:
    """For connections to the server."""
    return trusting() if tls else None


@EARLIER
async def test_a_handshake_is_answered_as_the_standard_says(
    server: SignallingServer, before: bytes, trust: ssl.SSLContext | None
) -> None:
    head = await said(server, handshake(), b"\r\n\r\n", before=before, ssl=trust)
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
        handshake().replace(b"HTTP/1.1", b"HTTP/1.0"),
        handshake(Transfer_Encoding="gzip"),
        handshake(Content_Length="4") + b"body",
    ],
)
@EARLIER
async def test_what_asks_for_no_websocket_is_refused(
    server: SignallingServer, request_: bytes, before: bytes, trust: ssl.SSLContext | None
) -> None:
    told = await said(server, request_, b"\r\n", before=before, ssl=trust)
    assert told.split()[1] == b"400"
    assert server.connections == 0


@EARLIER
async def test_what_comes_right_behind_the_handshake_is_not_lost(
    server: SignallingServer, before: bytes, trust: ssl.SSLContext | None
) -> None:
    told = await said(server, handshake() + CONNECT, b'40{"sid":"', before=before, ssl=trust)
    assert told.startswith(b"HTTP/1.1 101 ")


async def test_a_handshake_in_pieces_is_one_all_the_same(
    server: SignallingServer, trust: ssl.SSLContext | None
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=trust)
    async with asyncio.timeout(PATIENCE_S):
        for byte in handshake() + CONNECT:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        await reader.readuntil(b'40{"sid":"')
    writer.transport.abort()


async def test_who_goes_during_the_handshake_leaves_nothing_behind(
    server: SignallingServer, trust: ssl.SSLContext | None
) -> None:
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=trust)
        writer.write(handshake())
        await asyncio.sleep(0)
        writer.transport.abort()
    async with asyncio.timeout(PATIENCE_S):
        await said(server, handshake() + CONNECT, b'40{"sid":"', ssl=trust)
        while server.connections:
            await asyncio.sleep(0.01)
