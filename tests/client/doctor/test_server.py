from __future__ import annotations

import socket

import pytest
from aiohttp import web

import pycall
from pycall.client.doctor import server
from pycall.client.doctor.server import CLOCK_S, check_join, check_server, throwaway_room
from pycall.core.credentials import NONE, Credentials
from pycall.core.messages import IceServer
from pycall.core.names import check_room_name
from pycall.server.admission.access import Access
from pycall.server.app import SignallingServer
from pycall.server.ice.service import Ice
from tests.client.signalling_rig import PlainServer, listening, serving
from tests.server.closed import KEY, PASSWORD


async def test_a_server_that_is_well_is_told_with_its_version() -> None:
    async with serving() as pycall_server:
        finding, clock = await check_server(f"http://127.0.0.1:{pycall_server.port}")

    assert (finding.state, clock.state) == ("ok", "ok")
    assert f"pycall {pycall.__version__}" in finding.found
    assert finding.figures["version"] == pycall.__version__


async def test_joining_tells_the_servers_that_members_are_told_of() -> None:
    with_stun = SignallingServer("127.0.0.1", 0, ice=Ice(stun_port=0))
    await with_stun.start()
    try:
        finding, ice_servers = await check_join(f"http://127.0.0.1:{with_stun.port}")
        assert with_stun.connections == 0
    finally:
        await with_stun.stop()

    assert finding.state == "ok"
    [stun] = ice_servers
    assert isinstance(stun, IceServer)
    assert stun.urls[0].startswith("stun:127.0.0.1:")


async def test_a_plain_server_can_be_joined_though_it_tells_nothing() -> None:
    plain = PlainServer()
    async with listening(plain.app) as port:
        asked, _ = await check_server(f"http://127.0.0.1:{port}")
        join, ice_servers = await check_join(f"http://127.0.0.1:{port}")

    assert (asked.state, join.state, ice_servers) == ("warning", "ok", ())


@pytest.mark.parametrize(
    ("access", "shown", "state", "words"),
    [
        (Access(password=PASSWORD), Credentials(PASSWORD), "ok", "lets us into a room"),
        (Access(password=PASSWORD), Credentials("open barley"), "failed", "not let us in with this password"),
        (Access(password=PASSWORD), NONE, "skipped", "only who knows its password"),
        (Access(invite_key=KEY), NONE, "skipped", "only who has an invite"),
        (
            Access(password=PASSWORD, invite_key=KEY),
            Credentials(PASSWORD),
            "skipped",
            "only who has an invite",
        ),
    ],
)
async def test_closed_rooms_are_told_apart_from_broken_ones(
    access: Access, shown: Credentials, state: str, words: str
) -> None:
    async with serving(access=access) as closed:
        finding, _ = await check_join(f"http://127.0.0.1:{closed.port}", credentials=shown)

    assert (finding.state, words in finding.found) == (state, True)
    assert (finding.advice != "") is (state != "ok")


async def test_nobody_there_fails_with_the_next_step(free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    asked, clock = await check_server(url)
    join, _ = await check_join(url)

    assert (asked.state, clock.state, join.state) == ("failed", "skipped", "failed")
    assert "pycall serve" in asked.advice


async def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ANSWER_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        asked, _ = await check_server(url)
        join, _ = await check_join(url)

    assert (asked.state, join.state) == ("failed", "failed")
    assert "did not answer within" in join.found


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
