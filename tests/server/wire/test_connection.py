"""Silence and endings, with limits short enough to wait for."""

from __future__ import annotations

import asyncio

from pycall.limits import Limits
from tests.server.raw import RawClient
from tests.server.wire.limited import serving


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


async def _ping(client: RawClient) -> None:
    message = await client.socket.receive()
    assert message.data == "2"
    await client.send("3")
