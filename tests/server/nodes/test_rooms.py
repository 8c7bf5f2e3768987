"""Two servers that share a Redis are one."""

from __future__ import annotations

import asyncio

import pytest

from pycall.core.seats import Holding
from pycall.server.admission.access import Access
from pycall.server.nodes import SharedRooms
from pycall.server.wallclock import unix_time
from tests.server.closed import KEY, invite
from tests.server.nodes.nodes import OK, auth, join, nodes
from tests.server.raw import PATIENCE_S
from tests.server.redis import RedisServer
from tests.server.scraping import scraped

pytestmark = [pytest.mark.integration, pytest.mark.parallel]


async def test_two_on_different_nodes_meet_and_part(redis: RedisServer) -> None:
    async with nodes(redis, 2) as (here, there):
        ann, bob = await here.clients(), await there.clients()
        assert await join(ann, "kitchen") == ["joined", "kitchen", ann.id]
        assert await join(bob, "kitchen") == ["joined", "kitchen", bob.id]
        assert await ann.event() == ["other_joined", "kitchen", bob.id]
        third = await here.clients()
        assert (await third.call("join", "kitchen"))["code"] == "full"
        assert await third.heard() == [["full", "kitchen"]]
        assert await bob.call("leave", "kitchen") == OK
        assert await bob.heard() == [["left", "kitchen", bob.id]]
        assert await ann.event() == ["bye", "kitchen", bob.id, {"reason": "left"}]


async def test_messages_arrive_in_order_and_as_each_client_takes_them(redis: RedisServer) -> None:
    async with nodes(redis, 2) as (here, there):
        ann, bob = await here.clients(auth()), await there.clients()
        await join(ann, "kitchen")
        await join(bob, "kitchen")
        assert (await ann.event())[0] == "other_joined"
        for number in range(1, 101):
            await ann.emit("message", {"é": number}, number)
            await bob.emit("message", number)
        heard = [await bob.event() for _ in range(100)], [await ann.event() for _ in range(100)]
        assert heard[0] == [["message", {"é": number}] for number in range(1, 101)]
        assert heard[1] == [["message", number, number] for number in range(1, 101)]


async def test_who_comes_back_to_another_node_is_on_its_seat_and_misses_nothing(redis: RedisServer) -> None:
    async with nodes(redis, 3) as (here, there, elsewhere):
        ann, bob = await here.clients(auth()), await there.clients(auth())
        token = (await join(ann, "kitchen"))[3]["resume"]
        await join(bob, "kitchen")
        await bob.call("message", "one", 1)
        assert [await ann.event() for _ in range(2)][1] == ["message", "one", 1]
        again = await elsewhere.clients(auth(token, received=1))
        await bob.call("message", "two", 2)
        joined = await join(again, "kitchen")
        assert joined[3]["resumed"]
        assert joined[3]["peer"]["pycall"] == 1
        assert await again.event() == ["message", "two", 2]
        assert await ann.close_code() is not None  # its seat has moved, so this connection ends
        await again.call("message", "three", 7)
        assert await bob.heard() == [["message", "three", 1]]


async def test_who_joins_a_second_room_is_told_first_that_it_left(redis: RedisServer) -> None:
    async with nodes(redis, 2) as (here, there):
        ann, bob = await here.clients(), await there.clients()
        await join(bob, "garden")
        await join(ann, "kitchen")
        assert await ann.call("join", "garden") == OK
        assert await ann.heard() == [["left", "kitchen", ann.id], ["joined", "garden", ann.id]]
        assert await bob.heard() == [["other_joined", "garden", ann.id]]


async def test_a_node_that_stops_holds_its_seats_for_another_one(redis: RedisServer) -> None:
    async with nodes(redis, 1) as (there,):
        bob = await there.clients(auth())
        async with nodes(redis, 1) as (here,):
            ann, plain, friend = await here.clients(auth()), await here.clients(), await there.clients()
            token = (await join(ann, "kitchen"))[3]["resume"]
            await join(bob, "kitchen")
            await join(plain, "garden")
            await join(friend, "garden")
        assert await friend.event() == ["bye", "garden", plain.id, {"reason": "lost"}]
        await bob.call("message", "still there?", 1)
        again = await there.clients(auth(token, received=0))
        assert (await join(again, "kitchen"))[3]["resumed"]
        assert await again.event() == ["message", "still there?", 1]
        assert await bob.heard() == []


async def test_a_seat_nobody_comes_back_to_is_given_up_by_whoever_lives(redis: RedisServer) -> None:
    holding = Holding(exclusive_s=0.1, total_s=0.3, messages_s=1)
    async with nodes(redis, 1, holding) as (there,):
        bob = await there.clients()
        async with nodes(redis, 1, holding) as (here,):
            ann = await here.clients(auth())
            id_ = (await join(ann, "kitchen"))[2]
            await join(bob, "kitchen")
        assert await bob.event() == ["bye", "kitchen", id_, {"reason": "lost"}]


async def test_every_node_tells_how_many_there_are_on_all(redis: RedisServer) -> None:
    async with nodes(redis, 2) as (here, there):
        await join(await here.clients(), "kitchen")
        await join(await there.clients(), "kitchen")
        await join(await there.clients(), "garden")
        for node in (here, there):
            reading = await scraped(node.server)
            assert (reading.value("pycall_rooms"), reading.value("pycall_members")) == (2, 3)


async def test_never_are_there_more_than_two(redis: RedisServer) -> None:
    async with nodes(redis, 3) as three:
        clients = [await three[number % 3].clients() for number in range(18)]
        for number in range(20):
            room = f"room-{number}"
            answers = await asyncio.gather(*(client.call("join", room) for client in clients))
            assert sum(answer == OK for answer in answers) == 2
            assert sum(answer.get("code") == "full" for answer in answers) == 16


async def test_nothing_stays_in_redis_for_ever(redis: RedisServer) -> None:
    def lasting() -> list[str]:
        keys = redis.say("KEYS", "pycall:*").decode().split()[2::2]
        assert "pycall:room:kitchen" in keys
        return [key for key in keys if redis.say("TTL", key).startswith(b":-1")]

    async with nodes(redis, 2) as (here, there):
        ann, bob = await here.clients(auth()), await there.clients(auth())
        await join(ann, "kitchen")
        await join(bob, "kitchen")
        await bob.call("message", "hello", 1)
        async with asyncio.timeout(PATIENCE_S):
            while lasting():
                await asyncio.sleep(0.05)


def invited(rooms: SharedRooms) -> Access:
    return Access(invite_key=KEY, spending=rooms)


async def test_closed_rooms_are_closed_on_all_nodes(redis: RedisServer) -> None:
    async with nodes(redis, 2, access=invited) as (here, there):
        shown = {"invite": invite()}
        ann, bob, third = [await each.clients(auth(**shown)) for each in (here, there, here)]
        await join(ann, "kitchen")
        await join(bob, "kitchen")
        told = [await third.call("join", "kitchen")]
        for node in (here, there):
            for wrong in ({}, {"invite": invite(key=bytes(32))}):
                eve = await node.clients(auth(**wrong))
                told += [await eve.call("join", room) for room in ("kitchen", "nobody-is-there")]
        assert told == [told[0]] * 9
        assert told[0]["code"] == "invite-refused"


async def test_an_invite_for_one_person_lets_in_its_owner_on_any_node(redis: RedisServer) -> None:
    async with nodes(redis, 2, access=invited) as (here, there):
        shown = invite(for_one=True)
        ann = await here.clients(auth("a-token-of-ones-own-making", invite=shown))
        await join(ann, "kitchen")
        assert await ann.call("leave", "kitchen") == OK
        eve = await there.clients(auth(invite=shown))
        assert (await eve.call("join", "kitchen"))["code"] == "invite-refused"
        await join(await there.clients(auth("a-token-of-ones-own-making", invite=shown)), "kitchen")


async def test_an_invite_for_one_person_is_used_on_all_nodes(redis: RedisServer) -> None:
    async with nodes(redis, 2) as (here, there):
        until = unix_time() + 60
        assert await here.rooms.spend("invite", "Ann", until)
        assert not await there.rooms.spend("invite", "Bob", until)
        assert await there.rooms.spend("invite", "Ann", until)
        assert await there.rooms.spend("another", "Bob", until)
