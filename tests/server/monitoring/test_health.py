from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import ClientSession

import pycall
from pycall.limits import Limits
from pycall.server.app import SignallingServer
from pycall.server.store import MemoryRoomStore
from tests.server.raw import raw_clients
from tests.server.scraping import answered

PATIENT = Limits(queue_bytes=100_000_000, stall_s=60, farewell_s=60)


class Unreachable(MemoryRoomStore):
    """A store that cannot be used now."""

    @property
    def is_reachable(self) -> bool:
        return False


async def test_a_server_that_listens_is_alive_and_ready(server: SignallingServer) -> None:
    status, text = await answered(server, "/healthz")
    assert (status, json.loads(text)) == (200, {"status": "ok", "version": pycall.__version__})
    status, text = await answered(server, "/readyz")
    assert (status, json.loads(text)) == (200, {"status": "ready"})


async def test_a_server_without_its_store_is_alive_and_not_ready() -> None:
    server = SignallingServer("127.0.0.1", 0, store=Unreachable())
    await server.start()
    try:
        assert (await answered(server, "/healthz"))[0] == 200
        status, text = await answered(server, "/readyz")
        assert (status, json.loads(text)) == (503, {"status": "not ready", "reason": "store-unreachable"})
        assert "pycall_ready{" in (metrics := await answered(server, "/metrics"))[1]
        assert metrics[0] == 200
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/healthz", {"status": "stopping", "version": pycall.__version__}),
        ("/readyz", {"status": "not ready", "reason": "stopping"}),
    ],
)
async def test_a_server_that_stops_says_so_to_whoever_still_has_a_connection(
    path: str, said: dict[str, str]
) -> None:
    server = SignallingServer("127.0.0.1", 0, limits=PATIENT)
    await server.start()
    url = f"http://127.0.0.1:{server.port}{path}"
    async with raw_clients(server.port) as clients, ClientSession() as session:
        talker, deaf = await clients.pair("kitchen")
        deaf.stop_reading()
        for _ in range(200):  # more than the system takes, so that the stop waits for who does not read
            await talker.call("message", "x" * 60_000)
        async with session.get(url) as response:
            assert response.status == 200
            await response.read()
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        async with session.get(url) as response:
            assert (response.status, await response.json()) == (503, said)
        assert not stopping.done()
        clients.cut()
        await stopping


async def test_no_answer_is_kept_on_the_way(server: SignallingServer) -> None:
    async with ClientSession() as session:
        for path in ("/healthz", "/readyz", "/metrics"):
            async with session.get(f"http://127.0.0.1:{server.port}{path}") as response:
                assert response.headers["Cache-Control"] == "no-store"
