from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from pycall.server.admission.addresses import FORWARDED, Proxies
from pycall.server.app import SignallingServer
from pycall.server.monitoring.readers import Readers
from tests.server.scraping import answered

KEY = "0123456789abcdef"


@asynccontextmanager
async def serving(readers: Readers, *proxies: str) -> AsyncIterator[SignallingServer]:
    server = SignallingServer("127.0.0.1", 0, readers=readers, proxies=Proxies.of(proxies))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def test_this_machine_may(server: SignallingServer) -> None:
    for host in ("127.0.0.1:1", "localhost", "localhost:8080", "[::1]:8080", "127.1.2.3"):
        assert (await answered(server, "/metrics", Host=host))[0] == 200


@pytest.mark.parametrize("host", ["call.example.org", "198.51.100.7", "localhost.example.org", "", "[::2]"])
async def test_a_web_server_here_that_asks_for_strangers_may_not(server: SignallingServer, host: str) -> None:
    status, text = await answered(server, "/metrics", Host=host)
    assert status == 403
    assert "pycall_" not in text


@pytest.mark.parametrize("header", FORWARDED)
async def test_a_web_server_here_that_says_for_whom_it_asks_may_not(
    server: SignallingServer, header: str
) -> None:
    assert (await answered(server, "/metrics", **{header: "127.0.0.1"}))[0] == 403


async def test_who_shows_the_key_may_whoever_passes_it_on() -> None:
    async with serving(Readers(key=KEY)) as server:
        via = {"Host": "call.example.org", "X-Forwarded-For": "198.51.100.7"}
        assert (await answered(server, "/metrics", Authorization=f"Bearer {KEY}", **via))[0] == 200
        for wrong in ("", KEY, "Bearer ", f"Bearer {KEY}x", f"Basic {KEY}", "Bearer é"):
            assert (await answered(server, "/metrics", Authorization=wrong, **via))[0] == 403


async def test_without_a_key_there_is_none_to_guess() -> None:
    async with serving(Readers()) as server:
        assert (await answered(server, "/metrics", Host="x", Authorization="Bearer "))[0] == 403


@pytest.mark.parametrize(("network", "status"), [("127.0.0.5/32", 200), ("127.0.0.6/32", 403), ("::/0", 403)])
async def test_a_network_that_was_named_may(network: str, status: int) -> None:
    async with serving(Readers.of([network])) as server:
        connector = aiohttp.TCPConnector(local_addr=("127.0.0.5", 0))
        async with aiohttp.ClientSession(connector=connector) as session:
            url = f"http://127.0.0.1:{server.port}/metrics"
            async with session.get(url, headers={"Host": "call.example.org"}) as response:
                assert response.status == status


@pytest.mark.parametrize(
    ("client", "status"), [("192.0.2.7", 200), ("198.51.100.7", 403), ("127.0.0.1", 403), ("", 403)]
)
async def test_a_listed_web_server_may_for_a_network_that_was_named(client: str, status: int) -> None:
    async with serving(Readers.of(["192.0.2.0/24"]), "127.0.0.1") as server:
        told = {"Host": "localhost", "X-Forwarded-For": client}
        assert (await answered(server, "/metrics", **told))[0] == status


async def test_a_listed_web_server_may_not_for_itself() -> None:
    async with serving(Readers(), "127.0.0.1") as server:
        assert (await answered(server, "/metrics", Host="localhost"))[0] == 403


def test_what_is_no_network_is_none() -> None:
    with pytest.raises(ValueError, match="kitchen"):
        Readers.of(["kitchen"])


def test_a_key_is_not_printed() -> None:
    assert KEY not in repr(Readers(key=KEY))
