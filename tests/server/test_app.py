from __future__ import annotations

import asyncio
import logging
import socket

import aiohttp
import pytest

from pycall.errors import ListenFailed
from pycall.server.app import SignallingServer
from tests.server.raw import Clients, raw_clients


async def test_the_stop_is_told_to_everybody_each_in_its_own_words() -> None:
    server = SignallingServer("127.0.0.1", 0)
    await server.start()
    async with raw_clients(server.port) as clients:
        plain, ann = await clients(), await clients({"pycall": 1})
        await plain.call("join", "kitchen")
        await ann.call("join", "kitchen")
        await ann.heard()
        await plain.heard()
        stopping = asyncio.create_task(server.stop())
        assert (await ann.event())[:2] == ["error", "server-stopping"]
        assert await ann.packet() == "41"
        assert await plain.packet() == "41"
        assert await ann.close_code() == await plain.close_code() == 1001
        await stopping


async def test_after_the_stop_nobody_listens_and_the_port_is_free() -> None:
    server = SignallingServer("127.0.0.1", 0)
    await server.start()
    port = server.port
    await server.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    again = SignallingServer("127.0.0.1", port)
    await again.start()
    assert again.port == port
    await again.stop()


async def test_a_port_in_use_is_said_so(server: SignallingServer) -> None:
    with pytest.raises(ListenFailed) as failed:
        await SignallingServer("127.0.0.1", server.port).start()
    assert failed.value.message == f"Cannot listen on 127.0.0.1 port {server.port}: the port is in use."
    assert "--port" in failed.value.hint


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "no-such-host.invalid", "x" * 300, "1.2.3.4.5", "::zz", "a\x1bb"]
)
async def test_an_address_that_is_not_ours_is_said_so(host: str) -> None:
    with pytest.raises(ListenFailed) as failed:
        await SignallingServer(host, 0).start()
    assert failed.value.message.startswith("Cannot listen on ")
    assert failed.value.message.isprintable()
    assert "--host" in failed.value.hint


async def test_it_listens_on_ipv6(free_port: int) -> None:
    if not socket.has_ipv6 or not _ipv6_loopback():
        pytest.skip("this machine has no IPv6 loopback address")
    server = SignallingServer("::1", 0)
    await server.start()
    assert server.port
    await server.stop()


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"\x1b]0;x\x07\r\n\r\n"]
)
async def test_what_is_no_http_is_answered_and_not_logged(
    server: SignallingServer, clients: Clients, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(garbage)
    writer.write_eof()
    await reader.read()
    writer.close()
    await clients.pair("kitchen")
    assert caplog.records == []


@pytest.mark.parametrize("path", ["/nowhere", "/socket.io", "/socket.io/../etc/passwd", "/healthz/x"])
async def test_there_is_nothing_else(server: SignallingServer, path: str) -> None:
    url = f"http://127.0.0.1:{server.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 404


def _ipv6_loopback() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True
