"""Silence, slowness and endings, with limits short enough to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pycall.limits import Limits
from pycall.server.app import SignallingServer
from tests.server.raw import PATIENCE_S, Clients, RawClient, raw_clients


@asynccontextmanager
async def serving(limits: Limits) -> AsyncIterator[tuple[SignallingServer, Clients]]:
    server = SignallingServer("127.0.0.1", 0, limits=limits)
    await server.start()
    try:
        async with raw_clients(server.port) as clients:
            yield server, clients
    finally:
        await server.stop()


async def test_a_client_that_never_connects_is_cut_off() -> None:
    async with serving(Limits(connect_timeout_s=0.1)) as (_, clients):
        idle = await clients.open()
        assert await idle.close_code() == 1006


async def test_a_connected_client_may_stay() -> None:
    async with serving(Limits(connect_timeout_s=0.1, ping_interval_s=0.2, ping_timeout_s=0.15)) as (
        _,
        clients,
    ):
        client = await clients()
        for _ in range(5):  # five pings, each answered by reading
            await _ping(client)
        assert await client.heard() == []


async def test_a_client_that_answers_no_ping_is_cut_off_and_its_seat_is_free() -> None:
    async with serving(Limits(ping_interval_s=0.4, ping_timeout_s=0.3)) as (_, clients):
        ann, bob = await clients.pair("kitchen")
        assert await bob.event() == ["bye", "kitchen", ann.id, {"reason": "lost"}]
        assert await ann.close_code() == 1006


async def test_a_client_that_reads_nothing_is_cut_off_however_alive_it_says_it_is() -> None:
    async with serving(Limits(queue_bytes=200_000)) as (server, clients):
        ann, deaf = await clients.pair("kitchen")
        deaf.stop_reading()
        text = "x" * 60_000
        async with asyncio.timeout(PATIENCE_S):
            while not (told := await ann_hears(ann, text)):
                await deaf.send("3")
        assert told == ["bye", "kitchen", deaf.id, {"reason": "lost"}]
        assert server.connections == 1


async def test_a_client_that_reads_nothing_is_cut_off_when_it_stalls() -> None:
    async with serving(Limits(queue_bytes=100_000_000, stall_s=0.2)) as (server, clients):
        ann, deaf = await clients.pair("kitchen")
        deaf.stop_reading()
        async with asyncio.timeout(PATIENCE_S):
            while not (told := await ann_hears(ann, "x" * 60_000)):
                pass
        assert told == ["bye", "kitchen", deaf.id, {"reason": "lost"}]
        assert server.connections == 1


async def test_without_that_limit_it_may_connect_late() -> None:
    async with serving(Limits(connect_timeout_s=None, ping_interval_s=0.2, ping_timeout_s=0.15)) as (
        _,
        clients,
    ):
        idle = await clients.open()
        for _ in range(3):
            await _ping(idle)
        await idle.connect()
        assert await idle.call("join", "kitchen") == {"ok": True}


async def test_without_those_limits_what_waits_for_a_slow_reader_waits() -> None:
    async with serving(Limits(queue_bytes=None, stall_s=None)) as (_, clients):
        ann, slow = await clients.pair("kitchen")
        slow.stop_reading()
        texts = [f"{number} {'x' * 60_000}" for number in range(40)]
        for text in texts:
            assert await ann_hears(ann, text) == []
        slow.read_on()
        assert [await slow.event() for _ in texts] == [["message", text] for text in texts]


async def test_a_client_that_ignores_the_closing_is_gone_all_the_same() -> None:
    async with serving(Limits(farewell_s=0.2)) as (server, clients):
        ann, bob = await clients.pair("kitchen")
        ann.stop_reading()
        await ann.send("42{}")
        assert await bob.event() == ["bye", "kitchen", ann.id, {"reason": "lost"}]
        assert server.connections == 1


async def ann_hears(ann: RawClient, text: str) -> list[object]:
    """Send a message and return what came for her meanwhile."""
    await ann.call("message", text)
    heard = await ann.heard()
    return heard[0] if heard else []


async def _ping(client: RawClient) -> None:
    message = await client.socket.receive()
    assert message.data == "2"
    await client.send("3")
