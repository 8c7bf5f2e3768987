from __future__ import annotations

import socket
import time

from aiohttp import web

import pycall
from pycall.client.doctor.server import CLOCK_S, check_join, check_server, throwaway_room
from pycall.core.messages import IceServer
from pycall.core.names import check_room_name
from pycall.server.app import SignallingServer
from pycall.server.ice import Ice
from tests.client.signalling_rig import PlainServer, listening, serving


async def test_a_server_that_is_well_is_told_with_its_version() -> None:
    async with serving() as pycall_server:
        server, clock = await check_server(f"http://127.0.0.1:{pycall_server.port}")

    assert (server.state, clock.state) == ("ok", "ok")
    assert f"pycall {pycall.__version__}" in server.found
    assert server.figures["version"] == pycall.__version__


async def test_joining_tells_the_servers_that_members_are_told_of() -> None:
    server = SignallingServer("127.0.0.1", 0, ice=Ice(stun_port=0))
    await server.start()
    try:
        finding, ice_servers = await check_join(f"http://127.0.0.1:{server.port}")
        assert server.connections == 0
    finally:
        await server.stop()

    assert finding.state == "ok"
    [stun] = ice_servers
    assert isinstance(stun, IceServer)
    assert stun.urls[0].startswith("stun:127.0.0.1:")


async def test_a_plain_server_can_be_joined_though_it_tells_nothing() -> None:
    plain = PlainServer()
    async with listening(plain.app) as port:
        server, _ = await check_server(f"http://127.0.0.1:{port}")
        join, ice_servers = await check_join(f"http://127.0.0.1:{port}")

    assert (server.state, join.state, ice_servers) == ("warning", "ok", ())


async def test_nobody_there_fails_with_the_next_step(free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    server, clock = await check_server(url)
    join, _ = await check_join(url)

    assert (server.state, clock.state, join.state) == ("failed", "skipped", "failed")
    assert "pycall serve" in server.advice


async def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        began = time.monotonic()
        join, _ = await check_join(url)

    assert join.state == "failed"
    assert time.monotonic() - began < 20


async def test_a_clock_that_is_wrong_is_remarked_upon() -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"version": "1.0"}, headers={"Date": "Thu, 01 Jan 2015 00:00:00 GMT"})

    app = web.Application()
    app.router.add_get("/healthz", answer)
    async with listening(app) as port:
        _, clock = await check_server(f"http://127.0.0.1:{port}")

    assert clock.state == "warning"
    assert "behind ours" in clock.found
    assert isinstance(clock.figures["server_ahead_s"], float)
    assert clock.figures["server_ahead_s"] < -CLOCK_S


def test_a_throwaway_room_is_a_room_and_never_the_same() -> None:
    assert check_room_name(throwaway_room()) != throwaway_room()
