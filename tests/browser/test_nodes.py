"""Pages at two servers that share a Redis, and what they notice when it goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.browser.guests import DEVICES, Guests, at_the_page
from tests.server.nodes.nodes import Node, nodes
from tests.server.redis import RedisServer, free_port, redis_server


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[tuple[list[Node], RedisServer, Guests]]:
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(redis_server(tmp_path / "redis", free_port()))
        two = await stack.enter_async_context(nodes(redis, 2))
        guests = await stack.enter_async_context(at_the_page(origin(two[0]), *DEVICES))
        yield two, redis, guests


def origin(node: Node) -> str:
    return f"http://127.0.0.1:{node.server.port}"


async def test_a_call_goes_on_without_redis_and_who_joins_meanwhile_is_told_and_let_in_afterwards(
    house: tuple[list[Node], RedisServer, Guests],
) -> None:
    (_here, there), redis, guests = house
    ann = await guests.come("/r/kitchen?name=Ann")
    bob = await guests.come("/r/kitchen?name=Bob", origin=origin(there))
    cy = await guests.come("/r/garden?name=Cy", origin=origin(there))
    await ann.join()
    await ann.reads("waiting")
    await bob.join()
    await ann.reads("connected", "Bob")
    await bob.reads("connected", "Ann")

    redis.kill()
    await there.comes_to_be("store-unreachable")
    await cy.join()
    await cy.reads("unreachable", "Trying to reach it again")
    await ann.sees_somebody_move()
    redis.start()
    await cy.reads("waiting")
    await ann.reads("connected", "Bob")
    await bob.sees_somebody_move()

    await bob.page.click("#hangup")  # over rooms that know of both again
    await ann.reads("waiting")
    await bob.join()
    await ann.reads("connected", "Bob")
