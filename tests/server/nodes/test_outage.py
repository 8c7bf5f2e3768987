"""Redis goes and comes back while people come and go at three real servers; and a crowd at each door."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

import pytest

from tests.cli.serving import serve
from tests.program import Programs
from tests.server.nodes.nodes import OK, UNAVAILABLE, auth, join
from tests.server.raw import Clients, RawClient, raw_clients
from tests.server.redis import RedisServer

pytestmark = pytest.mark.integration

GUESTS, ROOMS = 24, 6
JOINS_PER_S = 50.0
FROZEN_S, GONE_S, CALM_S = 3.0, 1.5, 1.5
REFUSED_S, BACK_S = 2.0, 5.0
SETTLED_S = 5.0
"""And how long newcomers wait beyond that for everybody to have told an empty Redis that they are there."""

ROUNDS, CROWD = int(os.environ.get("JOIN_ROUNDS", "20")), 50
SEED = 20
"""Of who comes when, and where to."""


@pytest.fixture
async def three(start_pycall: Programs, own_redis: RedisServer) -> AsyncIterator[list[Clients]]:
    """What opens connections to each of three servers."""
    async with AsyncExitStack() as stack:
        servers = [
            serve(start_pycall, "--no-limits", "--no-stun", "--redis", own_redis.url) for _ in range(3)
        ]
        yield [await stack.enter_async_context(raw_clients(port)) for _, port in servers]


@dataclass
class House:
    """Who believes to be in which room, and how joins went."""

    inside: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    answers: Counter[str] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    longest_refusal_s: float = 0.0
    joined_at: float = 0.0

    async def visit(self, client: RawClient, room: str) -> None:
        """Ask for a seat and, when there is one, stay for a moment."""
        asked = time.monotonic()
        answer = await client.call("join", room)
        took = time.monotonic() - asked
        code = "ok" if answer == OK else str(answer["code"])
        self.answers[code] += 1
        if code == UNAVAILABLE:
            self.longest_refusal_s = max(self.longest_refusal_s, took)
        if code == "ok":
            self.joined_at = time.monotonic()
            self.inside[room].add(client.id)
            assert len(self.inside[room]) <= 2, room
            await asyncio.sleep(self.chance.uniform(0.1, 0.5))
            self.inside[room].discard(client.id)
            assert await client.call("leave", room) == OK


async def come_and_go(house: House, client: RawClient) -> None:
    """For ever."""
    while True:
        await house.visit(client, f"room-{house.chance.randrange(ROOMS)}")
        await asyncio.sleep(house.chance.uniform(0, 2 * GUESTS / JOINS_PER_S))


async def talk(here: RawClient, there: RawClient, heard: list[int]) -> None:
    """For ever: one says numbers, the other one hears them; both are on one node."""
    for number in range(10**6):
        assert await here.call("message", number) == OK
        event = await there.event()
        assert event == ["message", number]
        heard.append(number)
        await asyncio.sleep(0.05)


async def outage(
    three: list[Clients], down: Callable[[], Awaitable[None]], up: Callable[[], None], back_s: float
) -> None:
    """One, under joins; says how it went."""
    house, heard = House(), list[int]()
    ann, bob = await three[0].pair("quiet")
    far, away = await three[1](auth()), await three[2](auth())
    await join(far, "apart")
    await join(away, "apart")
    guests = [await three[number % 3]() for number in range(GUESTS)]
    doing = [asyncio.create_task(come_and_go(house, guest)) for guest in guests]
    doing.append(asyncio.create_task(talk(ann, bob, heard)))
    await asyncio.sleep(CALM_S)
    before, said_before = Counter(house.answers), len(heard)
    await down()
    during, said_during = Counter(house.answers), len(heard)
    up()
    returned = time.monotonic()
    while house.joined_at < returned:
        assert not [task for task in doing if task.done()]
        assert time.monotonic() < returned + back_s
        await asyncio.sleep(0.02)
    back = house.joined_at - returned
    await asyncio.sleep(CALM_S)
    failed = [task.exception() for task in doing if task.done()]
    for task in doing:
        task.cancel()
    await asyncio.gather(*doing, return_exceptions=True)
    assert failed == []
    print(
        f"before {dict(before)}, meanwhile {dict(during - before)}, after {dict(house.answers - during)};"
        f" refused within {house.longest_refusal_s:.2f} s; joined again {back:.2f} s after the return;"
        f" the pair of one node said {said_during - said_before} meanwhile"
    )
    assert (during - before)[UNAVAILABLE] > 0
    assert house.longest_refusal_s < REFUSED_S
    assert said_during - said_before > 10
    assert await far.call("message", "still there", 99) == OK
    assert (await away.heard())[-1][:2] == ["message", "still there"]


async def test_a_redis_that_stands_still_under_joins(three: list[Clients], own_redis: RedisServer) -> None:
    async def down() -> None:
        own_redis.freeze()
        await asyncio.sleep(FROZEN_S)

    await outage(three, down, own_redis.thaw, BACK_S)


async def test_a_redis_that_loses_everything_under_joins(
    three: list[Clients], own_redis: RedisServer
) -> None:
    async def down() -> None:
        own_redis.kill()
        await asyncio.sleep(GONE_S)

    await outage(three, down, own_redis.start, BACK_S + SETTLED_S)


@pytest.mark.timeout(7200)
async def test_of_a_crowd_at_three_doors_two_come_in(three: list[Clients]) -> None:
    crowd = [await three[number % 3]() for number in range(CROWD)]
    began = time.monotonic()
    for number in range(ROUNDS):
        room = f"round-{number}"
        answers = await asyncio.gather(*(client.call("join", room) for client in crowd))
        said = Counter(str(answer.get("code", "ok")) for answer in answers)
        assert said == {"ok": 2, "full": CROWD - 2}
    took = time.monotonic() - began
    print(
        f"{ROUNDS} rounds of {CROWD} joins at once on 3 nodes: two each, {CROWD * ROUNDS / took:.0f} joins/s"
    )
    with suppress(TimeoutError):
        for client in crowd:
            await client.socket.close()
