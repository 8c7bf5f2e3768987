"""What a node does to others, and to those who go, when it comes back to Redis."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.server.nodes.holder import holder
from tests.server.nodes.nodes import OK, auth, join, nodes
from tests.server.redis import RedisServer

pytestmark = pytest.mark.integration


async def test_it_takes_no_seat_to_which_its_owner_came_back_elsewhere(
    own_redis: RedisServer, tmp_path: Path
) -> None:
    async with (
        holder(own_redis.url) as held,
        nodes(own_redis, 1) as (there,),
        nodes(RedisServer(tmp_path, held.port), 1) as (here,),
    ):
        ann, bob = await here.clients(auth()), await there.clients(auth())
        token = (await join(ann, "kitchen"))[3]["resume"]
        await join(bob, "kitchen")
        held.hold(lambda _: True)
        again = await there.clients(auth(token, received=0))
        assert (await join(again, "kitchen"))[3]["resumed"]
        await here.comes_to_be("store-unreachable")
        held.release()
        await here.comes_to_be("ready")
        assert await ann.close_code() is not None
        assert await bob.call("message", "still there?", 1) == OK
        assert await again.heard() == [["message", "still there?", 1]]


async def test_a_departure_that_overtakes_the_return_of_its_seat_leaves_nobody_on_it(
    own_redis: RedisServer, tmp_path: Path
) -> None:
    def room_is_there() -> bool:
        return own_redis.say("EXISTS", "pycall:room:kitchen") == b":1\r\n"

    async with (
        holder(own_redis.url) as held,
        nodes(RedisServer(tmp_path, held.port), 1) as (here,),
    ):
        ann, bob = await here.clients(), await here.clients()
        await join(ann, "kitchen")
        held.hold(lambda data: b"\r\njoin\r\n" in data)
        own_redis.say("HDEL", "pycall:nodes", here.rooms.node)
        await held.holding.wait()
        ann.cut()
        while room_is_there():
            await asyncio.sleep(0.01)
        held.release()
        await here.comes_to_be("ready")
        await join(bob, "garden")  # by an operation that is done after all those
        assert not room_is_there()
