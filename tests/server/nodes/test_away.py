"""What becomes of rooms and calls while Redis is away, and when it is back: as it was, or empty."""

from __future__ import annotations

import asyncio
import time

import pytest

from pycall.core.seats import Holding
from tests.server.nodes.nodes import OK, UNAVAILABLE, auth, join, joins, nodes
from tests.server.redis import RedisServer

pytestmark = pytest.mark.integration

REFUSED_S = 2.0
"""What is promised to those who join meanwhile."""

BACK_S = 5.0
"""What is promised for its return."""


async def test_while_redis_does_not_answer_joins_are_refused_and_pairs_of_one_node_talk(
    own_redis: RedisServer,
) -> None:
    async with nodes(own_redis, 2) as (here, there):
        ann, bob = await here.clients(auth()), await here.clients(auth())
        plain, friend, far = await here.clients(), await here.clients(), await there.clients(auth())
        await join(ann, "kitchen")
        await join(bob, "kitchen")
        await join(plain, "garden")
        await join(friend, "garden")
        for client in (ann, bob, plain, friend):
            await client.heard()
        await ann.call("message", 1, 1)
        assert await bob.event() == ["message", 1, 1]
        own_redis.freeze()
        began = time.monotonic()
        answers = await asyncio.gather(ann.call("message", 2, 2), far.call("join", "cellar"))
        assert time.monotonic() - began < REFUSED_S
        assert [answer.get("code") for answer in answers] == [None, UNAVAILABLE]
        assert await far.event() == ["error", UNAVAILABLE, answers[1]["message"]]
        assert await bob.event() == ["message", 2]
        assert await plain.call("message", "hi") == OK
        assert await friend.event() == ["message", "hi"]
        assert await here.readiness() == "store-unreachable"
        own_redis.thaw()
        await here.comes_to_be("ready", BACK_S)
        await there.comes_to_be("ready", BACK_S)
        assert await ann.call("message", 3, 3) == OK
        assert [event for event in await bob.heard() if event[0] == "message"] == [["message", 3, 2]]
        assert await plain.call("message", "there?") == OK
        assert await friend.heard() == [["message", "there?"]]
        assert await plain.heard() == []  # nothing that was asked for meanwhile was done later
        assert (await far.call("join", "garden"))["code"] == "full"


async def test_what_was_said_to_another_node_meanwhile_is_asked_for_again(own_redis: RedisServer) -> None:
    async with nodes(own_redis, 2) as (here, there):
        ann, bob = await here.clients(auth()), await there.clients(auth())
        await join(ann, "kitchen")
        await join(bob, "kitchen")
        await ann.heard()
        own_redis.freeze()
        assert (await ann.call("message", "one", 1))["code"] == UNAVAILABLE
        own_redis.thaw()
        joined = await ann.event()
        assert (joined[0], joined[3]["resumed"], joined[3]["peer"]["name"]) == ("joined", True, "Ann")
        assert await ann.call("message", "one", 1) == OK
        assert await ann.call("message", "one", 1) == OK
        assert [event for event in await bob.heard() if event[0] == "message"] == [["message", "one", 1]]


async def test_what_was_missed_comes_when_the_channel_is_back(own_redis: RedisServer) -> None:
    async with nodes(own_redis, 2) as (here, there):
        ann, bob, plain = await here.clients(auth()), await there.clients(auth()), await here.clients()
        await join(ann, "kitchen")
        await join(bob, "kitchen")
        await join(plain, "garden")
        await ann.heard()
        await plain.heard()
        killed = own_redis.say("CLIENT", "KILL", "TYPE", "pubsub")
        assert killed == b":2\r\n"
        answers = [await bob.call("message", number, number) for number in range(1, 4)]
        await joins(bob, "kitchen")
        for number, answer in enumerate(answers, 1):  # as a client does that is told that it is joined
            assert answer == OK or await bob.call("message", number, number) == OK
        await here.comes_to_be("ready", BACK_S)
        heard = [event for event in await ann.heard() if event[0] == "message"]
        assert heard == [["message", number, number] for number in range(1, 4)]
        assert await plain.heard() == []


async def test_who_goes_meanwhile_is_gone_when_redis_is_back(own_redis: RedisServer) -> None:
    async with nodes(own_redis, 2) as (here, there):
        ann, bob = await here.clients(), await there.clients()
        carl, dora = await here.clients(), await there.clients()
        await join(ann, "kitchen")
        await join(bob, "kitchen")
        await join(carl, "garden")
        await join(dora, "garden")
        await bob.heard()
        await dora.heard()
        own_redis.freeze()
        assert (await bob.call("join", "cellar"))["code"] == UNAVAILABLE
        assert (await carl.call("join", "cellar"))["code"] == UNAVAILABLE
        assert await carl.call("leave", "garden") == OK
        ann.cut()
        own_redis.thaw()
        assert await dora.event() == ["bye", "garden", carl.id, {"reason": "left"}]
        while (event := await bob.event())[0] == "error":
            pass
        assert event == ["bye", "kitchen", ann.id, {"reason": "lost"}]


async def test_a_redis_that_comes_back_empty_is_told_who_is_there(own_redis: RedisServer) -> None:
    async with nodes(own_redis, 2) as (here, there):
        ann, bob = await here.clients(auth()), await there.clients(auth())
        plain, friend = await here.clients(), await there.clients()
        first = await join(ann, "kitchen")
        await join(bob, "kitchen")
        await join(plain, "garden")
        await join(friend, "garden")
        for client in (ann, bob, plain, friend):
            await client.heard()
        own_redis.kill()
        assert (await plain.call("message", "anybody?"))["code"] == UNAVAILABLE
        assert (await plain.event())[:2] == ["error", UNAVAILABLE]
        own_redis.start()
        stranger = await there.clients()
        await here.comes_to_be("ready", BACK_S)
        await there.comes_to_be("ready", BACK_S)
        for room in ("kitchen", "garden"):
            answer = await stranger.call("join", room)
            while answer.get("code") == UNAVAILABLE:  # until everybody must have told that it is there
                await asyncio.sleep(0.1)
                answer = await stranger.call("join", room)
            assert answer["code"] == "full"
        told = [event for event in await ann.heard() if event[0] != "error"]
        assert {event[0] for event in told} <= {"joined", "other_joined"}
        assert told[0][2] == first[2]
        assert told[-1][3]["epoch"] == 1
        assert await plain.call("message", "hello again") == OK
        assert await friend.heard() == [["message", "hello again"]]
        assert await plain.heard() == []  # it noticed nothing
        assert await ann.call("message", "and you", 9) == OK
        assert (await bob.heard())[-1][:2] == ["message", "and you"]


async def test_a_plain_one_learns_that_the_other_one_is_gone_with_the_rooms(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pycall.server.reseating.MISSING_S", 0.5)
    async with nodes(own_redis, 2) as (here, there):
        plain, friend = await here.clients(), await there.clients()
        await join(plain, "garden")
        await join(friend, "garden")
        await plain.heard()
        own_redis.kill()
        assert (await plain.call("message", "anybody?"))["code"] == UNAVAILABLE
        friend.cut()
        await plain.event()
        own_redis.start()
        assert await plain.event() == ["bye", "garden", friend.id, {"reason": "lost"}]
        again = await there.clients()
        await joins(again, "garden")
        assert await plain.event() == ["other_joined", "garden", again.id]


async def test_a_node_that_was_taken_for_dead_has_its_seats_back(own_redis: RedisServer) -> None:
    async with nodes(own_redis, 2) as (here, there):
        ann, bob = await here.clients(auth()), await there.clients(auth())
        await join(ann, "kitchen")
        await join(bob, "kitchen")
        await ann.heard()
        own_redis.say("HDEL", "pycall:nodes", here.rooms.node)
        joined = await ann.event()
        assert joined[0] == "joined"
        assert joined[3]["resumed"]
        assert await bob.heard() == []


async def test_while_redis_is_gone_nobody_tries_at_once_again_and_again(own_redis: RedisServer) -> None:
    async with nodes(own_redis, 1, Holding(messages_s=0.1)) as (here,):
        ann, bob = await here.clients(auth()), await here.clients(auth())
        await join(ann, "kitchen")
        await join(bob, "kitchen")
        assert await ann.call("message", "to be kept for a moment", 1) == OK
        own_redis.kill()
        await here.comes_to_be("store-unreachable")
        assert here.rooms.due_in() is None
        own_redis.start()
        await here.comes_to_be("ready")
        await bob.call("message", "to be forgotten", 1)
        async with asyncio.timeout(BACK_S):
            while here.rooms.due_in() is not None:
                await asyncio.sleep(0.02)
