"""Who reads slowly, and who reads nothing."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress

import pytest

from pycall.limits import Limits
from pycall.server.app import SignallingServer
from tests.server.fuzzing import text_frame
from tests.server.raw import PATIENCE_S, RawClient
from tests.server.wire.handshake import CONNECT, handshake
from tests.server.wire.limited import serving

SLOW = [
    Limits(queue_bytes=200_000, events_per_s=None),
    Limits(queue_bytes=100_000_000, stall_s=0.2, events_per_s=None),
    Limits(queue_bytes=None, stall_s=None, events_per_s=None, ping_interval_s=0.4, ping_timeout_s=0.3),
]
"""Each way to be cut off for reading nothing."""


@pytest.mark.parametrize("limits", SLOW)
async def test_a_client_that_reads_nothing_is_cut_off_however_alive_it_says_it_is(
    limits: Limits, tls: ssl.SSLContext | None
) -> None:
    async with serving(limits, tls) as (server, clients):
        ann, deaf = await clients.pair("kitchen")
        deaf.stop_reading()
        async with asyncio.timeout(PATIENCE_S):
            while not (told := await ann_hears(ann, "x" * 60_000)):
                await deaf.send("3")
        assert told == ["bye", "kitchen", deaf.id, {"reason": "lost"}]
        assert server.connections == 1


@pytest.mark.parametrize("limits", SLOW)
async def test_what_a_client_left_unread_before_it_was_a_websocket_protects_it_from_nothing(
    limits: Limits,
) -> None:
    async with serving(limits) as (server, clients):
        deaf = await _who_left_answers_unread(server)
        ann = await clients()
        await ann.call("join", "kitchen")
        await ann.heard()
        await asyncio.get_running_loop().sock_sendall(deaf, handshake() + _JOIN)
        assert (await ann.event())[0] == "other_joined"
        async with asyncio.timeout(PATIENCE_S):
            while not (told := await ann_hears(ann, "x" * 60_000)):
                with suppress(ConnectionError):
                    await asyncio.get_running_loop().sock_sendall(deaf, text_frame("3"))
        assert told[0] == "bye"
        assert server.connections == 1
        deaf.close()


async def test_a_client_that_reads_leaves_no_timer_however_much_it_is_sent(
    tls: ssl.SSLContext | None,
) -> None:
    async with serving(Limits(), tls) as (server, clients):
        ann, bob = await clients.pair("kitchen")
        for number in range(5):
            await ann.emit("message", number)
            assert await bob.event() == ["message", number]
            connections = list(server._wire.engine.connections.values())
            assert [(each._stall, each._is_waiting) for each in connections] == [(None, False)] * 2


async def test_without_those_limits_what_waits_for_a_slow_reader_waits() -> None:
    async with serving(Limits(queue_bytes=None, stall_s=None)) as (_, clients):
        ann, slow = await clients.pair("kitchen")
        slow.stop_reading()
        texts = [f"{number} {'x' * 60_000}" for number in range(40)]
        for text in texts:
            assert await ann_hears(ann, text) == []
        slow.read_on()
        assert [await slow.event() for _ in texts] == [["message", text] for text in texts]


async def ann_hears(ann: RawClient, text: str) -> list[object]:
    """Send a message and return what came for her meanwhile."""
    await ann.call("message", text)
    heard = await ann.heard()
    return heard[0] if heard else []


_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
_JOIN = CONNECT + text_frame('42["join","kitchen"]')


async def _who_left_answers_unread(server: SignallingServer) -> socket.socket:
    """A TCP connection with answers that wait for it in the server; the kernel's buffers are full."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", server.port))
    async with asyncio.timeout(PATIENCE_S):
        await loop.sock_sendall(client, _REQUEST)
        while (theirs := _http_transport(server, client)) is None:
            await asyncio.sleep(0.01)
        theirs.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        while not theirs.get_write_buffer_size():
            await loop.sock_sendall(client, _REQUEST)
            await asyncio.sleep(0.005)
    return client


def _http_transport(server: SignallingServer, client: socket.socket) -> asyncio.WriteTransport | None:
    """The server's end of a connection that is none of a websocket yet."""
    assert server._runner.server is not None
    for each in server._runner.server.connections:
        if each.transport is not None and each.transport.get_extra_info("peername") == client.getsockname():
            return each.transport
    return None
