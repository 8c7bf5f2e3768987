from __future__ import annotations

import asyncio

import aiohttp

from pycall.limits import Limits
from tests.server.raw import PATIENCE_S
from tests.server.seating import serving

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
