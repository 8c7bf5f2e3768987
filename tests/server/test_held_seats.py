"""The seat of somebody whose connection broke: who may have it, and when."""

from __future__ import annotations

import asyncio

import pytest

from pycall.core.seats import Holding
from pycall.limits import Limits
from pycall.server.app import SignallingServer
from pycall.server.clients import id_of
from tests.server.raw import PATIENCE_S, Clients
from tests.server.seating import auth, health, joined, lose, pair, serving, until


async def test_the_seat_of_a_lost_one_is_held_and_the_other_one_is_told_nothing(
    clients: Clients, server: SignallingServer
) -> None:
    ann, bob, _ = await pair(clients)
    await lose(ann, server)
    for stranger in (await clients(), await clients(auth())):
        assert (await stranger.call("join", "kitchen"))["code"] == "full"
    assert await bob.heard() == []
    assert await health(server) == {"rooms": 1, "members": 2}


async def test_a_newcomer_may_take_it_after_a_while_and_then_its_owner_is_a_stranger() -> None:
    async with serving(Holding(exclusive_s=0.2)) as (clients, server):
        ann, bob, token = await pair(clients)
        await lose(ann, server)
        eve = await clients()
        async with asyncio.timeout(PATIENCE_S):
            while not (await eve.call("join", "kitchen"))["ok"]:
                await asyncio.sleep(0.05)
        assert await bob.event() == ["bye", "kitchen", id_of(token), {"reason": "lost"}]
        assert await bob.event() == ["other_joined", "kitchen", eve.id]
        back = await clients(auth(token))
        assert (await back.call("join", "kitchen"))["code"] == "full"


async def test_it_is_vacated_in_the_end() -> None:
    async with serving(Holding(total_s=0.3)) as (clients, server):
        ann, bob, token = await pair(clients)
        await lose(ann, server)
        assert await bob.event() == ["bye", "kitchen", id_of(token), {"reason": "lost"}]
        assert await health(server) == {"rooms": 1, "members": 1}
        await bob.socket.close()
        alone = await clients(auth())
        await joined(alone, "garden")
        alone.cut()
        async with asyncio.timeout(PATIENCE_S):
            while (await health(server))["rooms"]:
                await asyncio.sleep(0.05)


async def test_a_stop_waits_for_no_seat() -> None:
    async with serving() as (clients, server):
        ann, _, _ = await pair(clients)
        await lose(ann, server)
        async with asyncio.timeout(PATIENCE_S):
            await server.stop()


@pytest.mark.parametrize("farewell", ["41", "1"])
async def test_who_says_that_it_goes_gives_its_seat_up(clients: Clients, farewell: str) -> None:
    ann, bob, token = await pair(clients)
    await ann.send(farewell)
    assert await bob.event() == ["bye", "kitchen", id_of(token), {"reason": "left"}]


async def test_whoever_closes_its_websocket_gives_its_seat_up(clients: Clients) -> None:
    ann, bob, token = await pair(clients)
    await ann.socket.close()
    assert await bob.event() == ["bye", "kitchen", id_of(token), {"reason": "left"}]


@pytest.mark.parametrize("frames", [["4nonsense"], ['42["hack"]'] * 3, ["9"]])
async def test_whoever_is_turned_out_loses_its_seat(clients: Clients, frames: list[str]) -> None:
    ann, bob, token = await pair(clients)
    for frame in frames:
        await ann.send(frame)
    assert await bob.event() == ["bye", "kitchen", id_of(token), {"reason": "lost"}]


async def test_who_falls_silent_keeps_its_seat() -> None:
    limits = Limits(ping_interval_s=0.3, ping_timeout_s=0.2)
    async with serving(limits=limits) as (clients, server):
        _, bob, token = await pair(clients)
        listening = asyncio.create_task(bob.event())
        await until(lambda: server.connections == 1)  # Ann reads nothing and answers no ping
        back = await clients(auth(token))
        assert (await joined(back))[1]["resumed"]
        await back.emit("message", "back")
        assert await listening == ["message", "back"]


async def test_the_seat_of_a_silent_one_is_held_since_it_was_heard_last() -> None:
    limits = Limits(ping_interval_s=0.4, ping_timeout_s=0.3)
    async with serving(Holding(exclusive_s=0.3), limits) as (clients, server):
        _, bob, token = await pair(clients)
        listening = asyncio.create_task(bob.event())
        await until(lambda: server.connections == 1)  # 0.7 s after Ann was heard last
        assert (await (await clients()).call("join", "kitchen"))["ok"]
        assert await listening == ["bye", "kitchen", id_of(token), {"reason": "lost"}]


async def test_who_comes_beside_a_held_seat_is_alone_until_its_owner_is_back(
    clients: Clients, server: SignallingServer
) -> None:
    ann, bob, token = await pair(clients)
    await lose(ann, server)
    await bob.call("leave", "kitchen")
    eve = await clients(auth())
    eve_id, more = await joined(eve)
    assert more["peer"] is None
    _, more = await joined(await clients(auth(token)))
    assert (more["resumed"], more["epoch"], more["offers"]) == (True, 2, False)
    assert more["peer"] == {"id": eve_id, "name": "Ann", "pycall": 1}
    told = {"epoch": 2, "name": "Ann", "pycall": 1, "ice_servers": []}
    assert await eve.event() == ["other_joined", "kitchen", id_of(token), told]
