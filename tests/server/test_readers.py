from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from pycall.server.app import SignallingServer
from pycall.server.readers import FORWARDED, Readers, _address
from tests.server.scraping import answered

KEY = "0123456789abcdef"


@asynccontextmanager
async def serving(readers: Readers, host: str = "127.0.0.1") -> AsyncIterator[SignallingServer]:
    server = SignallingServer(host, 0, readers=readers)
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


def test_an_ipv4_address_in_ipv6_clothes_is_one() -> None:
    assert _address(("::ffff:127.0.0.1", 1)) == ipaddress.ip_address("127.0.0.1")
    assert _address(("fe80::1%lo", 1)) == ipaddress.ip_address("fe80::1")
    assert _address(None) is _address(("", 1)) is None


def test_what_is_no_network_is_none() -> None:
    with pytest.raises(ValueError, match="kitchen"):
        Readers.of(["kitchen"])


def test_a_key_is_not_printed() -> None:
    assert KEY not in repr(Readers(key=KEY))
