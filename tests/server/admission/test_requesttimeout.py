from __future__ import annotations

import asyncio
import ssl
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from pycall.limits import Limits
from pycall.server.app import SignallingServer
from pycall.server.certificate import own_identity
from tests.server.raw import PATIENCE_S, trusting
from tests.server.seating import serving, until
from tests.server.settable import Clock

SAYS_NOTHING = b""
SAYS_HALF = b"GET / HTTP/1.1\r\nHost: x\r\nX-"


async def test_who_asks_for_nothing_is_cut_off_and_the_others_are_not() -> None:
    async with serving(limits=Limits(request_timeout_s=0.5)) as (clients, server):
        ann, _ = await clients.pair("kitchen")
        for said in (SAYS_NOTHING, SAYS_HALF):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(said)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    assert await reader.read() == b""
            except ConnectionResetError:
                pass
            writer.close()
        assert await ann.heard() == []


async def test_who_says_something_else_than_a_handshake_has_no_more_time_for_it() -> None:
    async with serving(limits=Limits(request_timeout_s=10.0)) as (_, server):
        clock = Clock()
        server._request_timeout._clock = clock
        http = server._runner.server
        assert http is not None
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        with closing(writer):
            await until(lambda: bool(server._request_timeout._silent))
            clock.now += 6.0
            writer.write(SAYS_HALF)
            await until(lambda: bool(http.connections))
            (connection,) = http.connections
            server._request_timeout.look(http)
            assert connection.transport is not None
            assert not connection.transport.is_closing()
            clock.now += 6.0
            server._request_timeout.look(http)
            assert connection.transport.is_closing()


async def test_who_comes_out_of_tls_after_the_end_is_not_kept(tmp_path: Path) -> None:
    tls = own_identity(tmp_path, ("localhost",), needed=(), now=datetime.now(UTC)).context
    server = SignallingServer("127.0.0.1", 0, tls=tls)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting().wrap_bio(incoming, outgoing)
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    writer.write(outgoing.read())
    with closing(writer):
        async with asyncio.timeout(PATIENCE_S):
            while True:
                incoming.write(await reader.read(65536))
                with suppress(ssl.SSLWantReadError):
                    client.do_handshake()
                    break
            await server.stop()
            client.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            writer.write(outgoing.read())
            with suppress(ConnectionResetError):
                while data := await reader.read(65536):
                    incoming.write(data)
    with suppress(ssl.SSLError):
        assert client.read() == b""
    assert server._request_timeout._silent == {}


async def test_without_the_limit_one_may_ask_late() -> None:
    async with serving(limits=Limits(request_timeout_s=None)) as (_, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        async with aiohttp.ClientSession() as session:
            for _ in range(20):
                async with session.get(f"http://127.0.0.1:{server.port}/healthz") as answer:
                    assert answer.status == 200
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert server._request_timeout._since == {}
        writer.close()
