"""A listed proxy on this machine, which asks for as many addresses as a test likes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest

from pycall.cli.addresses import lan_address
from pycall.limits import Limits
from pycall.server.admission.addresses import Proxies
from pycall.server.admission.origins import Origins
from pycall.server.app import SignallingServer
from tests.server.raw import Clients, RawClient
from tests.server.scraping import answered
from tests.server.seating import auth, joined, lose, started, until

ANN = {"X-Forwarded-For": "192.0.2.7"}
ANN_TOO = {"X-Forwarded-For": "198.51.100.99, 192.0.2.7"}
BOB = {"Forwarded": 'for="[2001:db8::7]:4711"'}
BOB_TOO = {"Forwarded": 'for="[2001:db8::8]"'}
HANDSHAKE = "/socket.io/?EIO=4&transport=websocket"


@asynccontextmanager
async def serving(
    limits: Limits | None = None, *proxies: str, origins: Origins | None = None
) -> AsyncIterator[tuple[Clients, SignallingServer]]:
    """A server, and clients who come by the proxies; 127.0.0.1 if none are listed."""
    listed = Proxies.of(proxies or ["127.0.0.1"])
    server = SignallingServer("127.0.0.1", 0, limits=limits, proxies=listed, origins=origins)
    async with started(server) as clients:
        yield clients, server


async def refused(clients: Clients, headers: dict[str, str]) -> aiohttp.WSServerHandshakeError:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await clients.open(**headers)
    return caught.value


def retry_after(error: aiohttp.WSServerHandshakeError) -> str:
    return error.headers.get("Retry-After", "") if error.headers is not None else ""


async def connected(clients: Clients, headers: dict[str, str], said: object = None) -> RawClient:
    client = await clients.open(**headers)
    await client.connect(said)
    return client


# Connections


async def test_an_address_has_so_many_connections_and_others_theirs() -> None:
    async with serving(Limits(connections_per_address=3)) as (clients, server):
        open_ = [await clients.open(**headers) for headers in (ANN, ANN_TOO, ANN)]
        error = await refused(clients, ANN)
        assert (error.status, retry_after(error)) == (429, "5")
        for headers in (BOB, BOB_TOO, BOB):
            await clients.open(**headers)
        assert (await refused(clients, BOB_TOO)).status == 429
        await lose(open_[0], server)
        await clients.open(**ANN_TOO)
        assert server.connections == 6
    assert server._wire.figures.refusals["no-connection-too-many-connections"] == 2


async def test_a_refusal_is_told_in_the_words_of_engine_io() -> None:
    async with serving(Limits(connections_per_address=1)) as (clients, server):
        await clients.open(**ANN)
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            **ANN,
        }
        url = f"http://127.0.0.1:{server.port}{HANDSHAKE}"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            assert answer.status == 429
            assert await answer.json() == {"code": 4, "message": "Too many connections"}
            assert answer.headers["Connection"] == "close"


async def test_who_may_not_see_why_its_websocket_failed_can_ask() -> None:
    async with serving(Limits(connections_per_address=1)) as (clients, server):
        await clients.open(**ANN)
        assert (await answered(server, HANDSHAKE, **ANN))[0] == 429
        assert (await answered(server, HANDSHAKE, **BOB))[0] == 400


async def test_without_that_limit_none_is_refused() -> None:
    for limits in (Limits(connections_per_address=None, connects_per_s=None), Limits().off()):
        async with serving(limits) as (clients, server):
            for _ in range(60):
                await clients.open(**ANN)
            assert server.connections == 60


async def test_an_address_makes_so_many_connections_a_second() -> None:
    limits = Limits(connections_per_address=None, connects_per_s=0.01, connect_burst=10)
    async with serving(limits) as (clients, server):
        for _ in range(10):
            client = await clients.open(**ANN)
            await lose(client, server)
        error = await refused(clients, ANN_TOO)
        assert (error.status, 0 < int(retry_after(error)) <= 100) == (429, True)
        await clients.open(**BOB)
    async with serving(replace(limits, connects_per_s=None)) as (clients, _):
        for _ in range(11):
            await clients.open(**ANN)


@pytest.mark.skipif(lan_address() is None, reason="this machine is in no network")
async def test_without_a_proxy_the_address_is_that_of_the_tcp_connection() -> None:
    server = SignallingServer("0.0.0.0", 0, limits=Limits(connections_per_address=2))
    await server.start()
    async with aiohttp.ClientSession() as session:
        url = f"http://{lan_address()}:{server.port}{HANDSHAKE}"
        lies = [{}, {"X-Forwarded-For": "192.0.2.7"}, {"Forwarded": "for=192.0.2.8"}]
        opened = [await session.ws_connect(url, headers=told) for told in lies[:2]]
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(url, headers=lies[2])
        assert caught.value.status == 429
        for each in opened:
            await each.close()
    await server.stop()


async def test_this_machine_itself_has_no_limits_by_address() -> None:
    few = Limits(connections_per_address=1, connects_per_s=0.01, connect_burst=1)
    limits = replace(few, misses_per_s=0.01, miss_burst=1)
    async with serving(limits, "192.0.2.1") as (clients, server):
        for _ in range(10):
            await connected(clients, {})
            assert (await answered(server, "/nowhere"))[0] == 404


async def test_a_listed_proxy_that_asks_for_nobody_has_limits_as_everybody() -> None:
    async with serving(Limits(connections_per_address=1)) as (clients, _):
        await clients.open()
        assert (await refused(clients, {})).status == 429


async def test_a_web_server_here_that_is_not_listed_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with serving(Limits(connections_per_address=1), "192.0.2.1") as (clients, server):
        for _ in range(5):
            await clients.open(**ANN)
        assert server.connections == 5
    (record,) = caplog.records
    assert "--proxy" in record.getMessage()


# Requests that lead nowhere


async def test_an_address_that_asks_for_what_is_not_here_is_answered_less_and_less() -> None:
    limits = Limits(misses_per_s=0.01, miss_burst=4)
    async with serving(limits) as (clients, server):
        paths = ["/wp-login.php", "/r/..%2f", "/static/x.js", "/.env"]
        statuses = [(await answered(server, path, **ANN))[0] for path in paths]
        assert statuses == [404, 400, 404, 404]
        assert await answered(server, "/.git/config", **ANN) == (429, "")
        assert server._wire.figures.refusals["no-page-too-many-requests"] == 1
        assert (await answered(server, "/.git/config", **BOB))[0] == 404
        assert (await answered(server, "/r/kitchen", **ANN))[0] == 200
        await connected(clients, ANN)


async def test_an_address_whose_handshakes_are_none_is_answered_less_and_less() -> None:
    limits = Limits(misses_per_s=0.01, miss_burst=2)
    async with serving(limits) as (clients, server):
        for _ in range(2):
            assert (await refused(clients, {**ANN, "Origin": "https://evil.test"})).status == 403
        assert (await refused(clients, {**ANN, "Origin": "https://evil.test"})).status == 429
        assert (await answered(server, HANDSHAKE, **ANN_TOO))[0] == 429
        assert (await answered(server, HANDSHAKE, **BOB))[0] == 400
        await connected(clients, ANN)


async def test_without_that_limit_everything_is_answered() -> None:
    async with serving(Limits(misses_per_s=None)) as (clients, server):
        for _ in range(100):
            assert (await answered(server, "/nowhere", **ANN))[0] == 404
            assert (await refused(clients, {**ANN, "Origin": "null"})).status == 403


# Rooms


async def test_an_address_has_seats_in_so_many_rooms() -> None:
    async with serving(Limits(rooms_per_address=2)) as (clients, _):
        first, second, third = [await connected(clients, ANN) for _ in range(3)]
        await joined_as_plain(first, "a")
        await joined_as_plain(second, "b")
        assert (await third.call("join", "c"))["code"] == "too-many-rooms"
        assert (await third.event())[:2] == ["error", "too-many-rooms"]
        await joined_as_plain(third, "a")
        await joined_as_plain(second, "c")
        await joined_as_plain(await connected(clients, BOB), "d")
        await first.socket.close()
        await third.call("leave", "a")
        await joined_as_plain(third, "e")


async def test_a_full_room_takes_no_place_among_them() -> None:
    async with serving(Limits(rooms_per_address=1)) as (clients, _):
        for _ in range(2):
            await joined_as_plain(await connected(clients, BOB), "kitchen")
        ann = await connected(clients, ANN)
        assert (await ann.call("join", "kitchen"))["code"] == "full"
        await joined_as_plain(ann, "garden")


async def test_a_room_that_is_held_for_one_counts_and_its_owner_may_come_back() -> None:
    async with serving(Limits(rooms_per_address=1)) as (clients, server):
        ann = await connected(clients, ANN, auth())
        _, more = await joined(ann, "kitchen")
        await lose(ann, server)
        other = await connected(clients, ANN, auth())
        assert (await other.call("join", "garden"))["code"] == "too-many-rooms"
        back = await connected(clients, ANN, auth(more["resume"]))
        assert (await joined(back, "kitchen"))[1]["resumed"]
        again = await connected(clients, ANN, auth(more["resume"]))
        assert (await joined(again, "kitchen"))[1]["resumed"]
        await until(lambda: server.connections == 2)
        assert (await other.call("join", "garden"))["code"] == "too-many-rooms"
        await again.call("leave", "kitchen")
        await other.heard()
        await joined(other, "garden")


async def test_without_that_limit_there_are_as_many_rooms_as_one_likes() -> None:
    async with serving(Limits(rooms_per_address=None, connections_per_address=None)) as (clients, _):
        for number in range(30):
            await joined_as_plain(await connected(clients, ANN), f"room-{number}")


async def joined_as_plain(client: RawClient, room: str) -> None:
    assert await client.call("join", room) == {"ok": True}


# Origins


async def test_a_page_behind_a_listed_proxy_is_of_the_host_it_tells() -> None:
    async with serving() as (clients, _):
        told = {"X-Forwarded-Host": "call.test", "X-Forwarded-Proto": "https", **ANN}
        await clients.open(Origin="https://call.test", **told)
        for origin in ("http://call.test", "https://evil.test", "null"):
            assert (await refused(clients, {"Origin": origin, **told})).status == 403


async def test_a_page_is_not_of_a_host_that_a_stranger_tells() -> None:
    async with serving(None, "192.0.2.1") as (clients, _):
        told = {"X-Forwarded-Host": "call.test", "X-Forwarded-Proto": "https", **ANN}
        assert (await refused(clients, {"Origin": "https://call.test", **told})).status == 403


async def test_a_page_of_a_site_that_was_named_may_connect() -> None:
    async with serving(origins=Origins.of(["https://www.example.org"])) as (clients, _):
        await clients.open(Origin="https://www.example.org")
        assert (await refused(clients, {"Origin": "https://example.org"})).status == 403
