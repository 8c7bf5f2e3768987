"""What is heard over a channel of a real Redis, and what waits for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from pycall.core import room
from pycall.server.nodes.hearing import Hearing
from pycall.server.nodes.register import NodeRegister
from pycall.server.store import StoreUnavailable
from tests.server.redis import RedisServer

pytestmark = pytest.mark.integration

PATIENCE_S = 15.0
Heard = list[tuple[str, list[room.Output]]]


@pytest.fixture
def heard() -> Heard:
    return []


@pytest.fixture
async def hearing(redis: RedisServer, heard: Heard) -> AsyncIterator[Hearing]:
    made = Hearing(NodeRegister(redis.url, "n"))
    made.carry_out = lambda name, outputs: heard.append((name, outputs))
    made.begin()
    listening = asyncio.create_task(made.listen())
    await made.stands(PATIENCE_S)
    yield made
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening


def say(redis: RedisServer, **message: object) -> None:
    redis.say("PUBLISH", "pycall:node:n", json.dumps(message))


async def test_orders_are_carried_out_in_order_and_only_those_for_this_node(
    redis: RedisServer, hearing: Hearing, heard: Heard
) -> None:
    waiting = asyncio.create_task(hearing.reaches(2, PATIENCE_S))
    say(redis, told=1, orders=[["den", "full", "n.1"], ["den", "full", "other.1"]])
    redis.say("PUBLISH", "pycall:node:n", "nonsense")
    say(redis, told=2, orders=[["den", "left", "n.1", "A"]])
    assert await waiting
    assert heard == [("den", [room.SendFull("n.1")]), ("den", [room.SendLeft("n.1", "A")])]
    assert await hearing.reaches(1, 0)


async def test_one_bad_order_takes_no_other_with_it(
    redis: RedisServer, hearing: Hearing, heard: Heard
) -> None:
    bad = ["den", "relay", "n.1", '["message","x"', "1"]
    waiting = asyncio.create_task(hearing.reaches(1, PATIENCE_S))
    say(redis, told=1, orders=[["den", "full", "n.1"], bad, ["den", "left", "n.1", "A"]])
    assert await waiting
    assert heard == [("den", [room.SendFull("n.1")]), ("den", [room.SendLeft("n.1", "A")])]


async def test_a_ping_proves_that_it_hears(redis: RedisServer, hearing: Hearing) -> None:
    with pytest.raises(StoreUnavailable):
        await hearing.hears(1, 0.01)
    say(redis, beat=1)
    await hearing.hears(1, PATIENCE_S)


async def test_nobody_waits_for_what_cannot_come(hearing: Hearing) -> None:
    waiting = asyncio.create_task(hearing.reaches(1, PATIENCE_S))
    await asyncio.sleep(0)
    hearing.give_up()
    assert not await waiting
    assert not await hearing.reaches(1, 0.01)
