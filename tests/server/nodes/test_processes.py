"""Three real `pycall serve` that share a real Redis, and what becomes of rooms when one is killed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.cli.serving import serve
from tests.program import Program, Programs
from tests.server.nodes.nodes import OK, auth, join, joins
from tests.server.raw import Clients, RawClient, raw_clients
from tests.server.redis import RedisServer

pytestmark = pytest.mark.integration

ROOMS = 500
AT_ONCE = 40
GIVEN_BACK_S = 15.0
"""What is promised for the seats of a node that died."""


@pytest.fixture
def servers(start_pycall: Programs, redis: RedisServer) -> list[tuple[Program, int]]:
    """Three, and their ports."""
    return [serve(start_pycall, "--no-limits", "--no-stun", "--redis", redis.url) for _ in range(3)]


@pytest.fixture
async def three(servers: list[tuple[Program, int]]) -> AsyncIterator[list[Clients]]:
    """What opens connections to each."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(raw_clients(port)) for _, port in servers]


async def test_five_hundred_rooms_whose_ends_are_on_different_nodes(three: list[Clients]) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def call(number: int) -> None:
        here, there, elsewhere = (three[(number + each) % 3] for each in range(3))
        room = f"room-{number}"
        async with places:
            ann, bob = await here(auth()), await there(auth())
            token = (await join(ann, room))[3]["resume"]
            bob_id = (await join(bob, room))[2]
            assert (await ann.event())[:3] == ["other_joined", room, bob_id]
            for count in range(1, 6):
                await ann.emit("message", {"from": "ann", "count": count}, count)
                await bob.emit("message", {"from": "bob", "count": count}, count)
            for client, other in ((ann, "bob"), (bob, "ann")):
                heard = [await client.event() for _ in range(5)]
                assert heard == [["message", {"from": other, "count": each}, each] for each in range(1, 6)]
            ann.cut()
            again = await elsewhere(auth(token, received=5))
            await bob.emit("message", "on another node", 6)
            joined = await join(again, room)
            assert (joined[3]["resumed"], joined[3]["peer"]["id"]) == (True, bob_id)
            assert await again.event() == ["message", "on another node", 6]
            await again.call("message", "here I am", 6)
            assert await bob.event() == ["message", "here I am", 6]
            assert await bob.call("leave", room) == OK
            assert await again.event() == ["bye", room, bob_id, {"reason": "left"}]
            for client in (bob, again):
                await client.socket.close()

    async with asyncio.TaskGroup() as calls:
        for number in range(ROOMS):
            calls.create_task(call(number))


async def test_a_killed_node_gives_its_seats_back(
    three: list[Clients], servers: list[tuple[Program, int]]
) -> None:
    doomed, there, elsewhere = three
    plain, ann, cy = await doomed(), await doomed(auth()), await doomed(auth())
    friend, bob, dora = await there(), await there(auth()), await there()
    await join(plain, "garden")
    await join(friend, "garden")
    token = (await join(ann, "kitchen"))[3]["resume"]
    await join(bob, "kitchen")
    cy_id = (await join(cy, "cellar"))[2]
    await join(dora, "cellar")
    servers[0][0].process.kill()
    killed = time.monotonic()
    again = await elsewhere(auth(token, received=0))
    assert (await join(again, "kitchen"))[3]["resumed"]  # at once: who has the token has the seat
    await again.call("message", "hello", 1)
    assert (await bob.heard())[-1][:2] == ["message", "hello"]

    async def told(client: RawClient, event: list[object]) -> float:
        while event not in await client.heard():  # which answers pings, too
            await asyncio.sleep(0.1)
        return time.monotonic() - killed

    async def taken() -> float:
        newcomer = await elsewhere()
        await joins(newcomer, "cellar", 2 * GIVEN_BACK_S)
        return time.monotonic() - killed

    told_s, taken_s, _ = await asyncio.gather(
        told(friend, ["bye", "garden", plain.id, {"reason": "lost"}]),
        taken(),
        told(dora, ["bye", "cellar", cy_id, {"reason": "lost"}]),
    )
    print(f"the partner was told after {told_s:.1f} s, the seat was taken after {taken_s:.1f} s")
    assert told_s < GIVEN_BACK_S
    assert taken_s < GIVEN_BACK_S + 2  # held since the last beat, a second before the end at most
