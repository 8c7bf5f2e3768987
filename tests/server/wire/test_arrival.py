"""What comes first on a TCP connection decides who has it: the engine, or aiohttp."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pycall.server.app import SignallingServer
from pycall.server.certificate import own_identity
from pycall.server.wire.arrival import MOST_BYTES
from tests.server.raw import PATIENCE_S, trusting
from tests.server.seating import serving, until
from tests.server.wire.handshake import CONNECT, handshake, said


async def test_a_handshake_never_comes_to_aiohttp(server: SignallingServer) -> None:
    assert server._runner.server is not None
    told = await said(server, handshake() + CONNECT, b'40{"sid":"')
    assert told.startswith(b"HTTP/1.1 101 ")
    assert server._runner.server.connections == []
    assert server._runner.server.requests_count == 0


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
        (b"\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
        (b"GET /socket.io/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
        (b"GET /socket.ioo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
        (b"POST /socket.io/?EIO=4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
        (b"GET /socket.io/?EIO=4 HTTP/9\r\n\r\n", 400),
        (b"GET /socket.io/?EIO=4 HTTP/1.1\r\nno header\r\n\r\n", 400),
        (b"GET /socket.io/?EIO=4 HTTP/1.1\r\nX: " + b"x" * 2 * MOST_BYTES, 400),
        (b"\x16\x03\x01 a hello of TLS\r\n\r\n", 400),
    ],
)
async def test_everything_else_is_answered_by_aiohttp(
    server: SignallingServer, request_: bytes, status: int
) -> None:
    assert (await said(server, request_, b"\r\n")).split(b" ")[1] == str(status).encode()
    assert server._runner.server is not None
    assert server._runner.server.requests_count == 1


async def test_two_requests_at_once_are_both_answered(server: SignallingServer) -> None:
    plain = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    assert (await said(server, plain + handshake(), b"HTTP/1.1 101 ")).startswith(b"HTTP/1.1 200 ")


async def test_a_refusal_is_told_as_aiohttp_would_and_ends_the_connection(server: SignallingServer) -> None:
    told = await said(server, handshake(Origin="https://evil.example"))
    head, _, body = told.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body) == {"code": 4, "message": "Forbidden"}
    assert server.connections == 0


async def test_who_has_not_asked_yet_is_ended_with_the_server() -> None:
    async with serving() as (_, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await until(lambda: bool(server._request_timeout._silent))
    async with asyncio.timeout(PATIENCE_S):
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        with suppress(ConnectionResetError):
            await writer.wait_closed()
    assert server._request_timeout._silent == {}


async def test_who_goes_before_asking_is_forgotten(server: SignallingServer) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(handshake()[:40])
    await until(lambda: bool(server._request_timeout._silent))
    writer.close()
    await until(lambda: not server._request_timeout._silent)


async def test_it_is_the_same_over_tls(tmp_path: Path) -> None:
    tls = own_identity(tmp_path, ("localhost",), needed=(), now=datetime.now(UTC)).context
    server = SignallingServer("127.0.0.1", 0, tls=tls)
    await server.start()
    try:
        told = await said(server, handshake() + CONNECT, b'40{"sid":"', ssl=trusting())
        assert told.startswith(b"HTTP/1.1 101 ")
        plain = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        assert (await said(server, plain, b"\r\n", ssl=trusting())).startswith(b"HTTP/1.1 200 ")
    finally:
        await server.stop()
