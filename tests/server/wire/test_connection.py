"""Silence, slowness and endings, with limits short enough to wait for."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from pycall.limits import Limits
from pycall.server.app import SignallingServer
from tests.server.fuzzing import text_frame
from tests.server.raw import PATIENCE_S, Clients, RawClient
from tests.server.seating import started

SLOW = [
    Limits(queue_bytes=200_000, events_per_s=None),
    Limits(queue_bytes=100_000_000, stall_s=0.2, events_per_s=None),
    Limits(queue_bytes=None, stall_s=None, events_per_s=None, ping_interval_s=0.4, ping_timeout_s=0.3),
]
"""Each way to be cut off for reading nothing."""


@asynccontextmanager
async def serving(
    limits: Limits, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[SignallingServer, Clients]]:
    server = SignallingServer("127.0.0.1", 0, limits=limits, tls=tls)
    async with started(server, is_secure=tls is not None) as clients:
        yield server, clients


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
        await asyncio.get_running_loop().sock_sendall(deaf, _HANDSHAKE + _JOIN)
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


async def test_a_client_that_connects_and_asks_for_no_seat_is_turned_out() -> None:
    async with serving(Limits(join_timeout_s=0.2)) as (server, clients):
        idle, asking = await clients(), await clients()
        await asking.call("join", "kitchen")
        assert await idle.close_code() == 1008
        assert await asking.heard() == [["joined", "kitchen", asking.id]]
        assert server.connections == 1


async def test_who_asks_for_a_seat_may_stay_whatever_the_answer() -> None:
    async with serving(Limits(join_timeout_s=0.3)) as (_, clients):
        await clients.pair("kitchen")
        third = await clients()
        assert (await third.call("join", "kitchen"))["code"] == "full"
        idle = await clients()
        assert await idle.close_code() == 1008
        assert await third.heard() == [["full", "kitchen"]]


async def test_nobody_is_hurried_where_the_deadlines_are_off() -> None:
    limits = Limits(connect_timeout_s=None, join_timeout_s=None, ping_interval_s=0.2, ping_timeout_s=0.15)
    async with serving(limits) as (_, clients):
        silent, idle = await clients.open(), await clients()
        for _ in range(3):
            await _ping(silent)
            await _ping(idle)
        await silent.connect()
        assert await silent.heard() == await idle.heard() == []


async def test_too_many_events_are_refused_and_far_too_many_end_the_connection() -> None:
    async with serving(Limits(events_per_s=1, event_burst=30)) as (_, clients):
        ann, bob = await clients.pair("kitchen")
        codes = [(await ann.call("message", number)).get("code") for number in range(40)]
        (refused,) = set(codes) - {None}
        assert refused == "too-many-events"
        first = codes.index(refused)
        assert 25 <= first <= 30
        assert [event[:2] for event in await bob.heard()][:first] == [
            ["message", each] for each in range(first)
        ]
        for _ in range(60):
            await ann.emit("message", "more")
        assert await ann.close_code() == 1008
        assert await bob.event() == ["bye", "kitchen", ann.id, {"reason": "lost"}]


async def test_frames_that_are_no_events_are_limited_too() -> None:
    async with serving(Limits(events_per_s=1, event_burst=10)) as (server, clients):
        for flood in ("3", "6", "43[]"):
            client = await clients()
            for _ in range(25):
                await client.send(flood)
            assert await client.close_code() == 1008
        client = await clients()
        for _ in range(25):
            await client.socket.ping()
        assert await client.close_code() == 1008
        assert server.connections == 0


async def test_any_number_of_events_passes_where_the_limit_is_off() -> None:
    async with serving(Limits(events_per_s=None, event_burst=1)) as (_, clients):
        ann, bob = await clients.pair("kitchen")
        for number in range(1000):
            await ann.emit("message", number)
        assert [(await bob.event())[1] for _ in range(1000)] == list(range(1000))


async def test_a_client_that_sends_slowly_enough_may_go_on_for_ever() -> None:
    async with serving(Limits(events_per_s=1000, event_burst=5)) as (_, clients):
        ann, bob = await clients.pair("kitchen")
        for number in range(50):
            await ann.emit("message", number)
            assert await bob.event() == ["message", number]
            await asyncio.sleep(0.005)


async def ann_hears(ann: RawClient, text: str) -> list[object]:
    """Send a message and return what came for her meanwhile."""
    await ann.call("message", text)
    heard = await ann.heard()
    return heard[0] if heard else []


async def _ping(client: RawClient) -> None:
    message = await client.socket.receive()
    assert message.data == "2"
    await client.send("3")


_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
_HANDSHAKE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_JOIN = text_frame("40") + text_frame('42["join","kitchen"]')


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
