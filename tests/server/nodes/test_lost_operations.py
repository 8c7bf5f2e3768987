"""One operation that gets no answer, or a late one, from a Redis that lives is the affair of one client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.server.nodes.holder import Holder, holder
from tests.server.nodes.nodes import OK, UNAVAILABLE, Node, auth, join, joins, nodes
from tests.server.raw import PATIENCE_S, RawClient
from tests.server.redis import RedisServer

pytestmark = pytest.mark.integration

REFUSED_S = 2.0
"""What is promised to those who join meanwhile."""


def once(holds: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    """Holds the first of what this says."""
    held: list[bytes] = []

    def hold(data: bytes) -> bool:
        if held or not holds(data):
            return False
        held.append(data)
        return True

    return hold


def asks(operation: bytes) -> Callable[[bytes], bool]:
    """Whether this is asked of the script."""
    return lambda data: b"\r\n%s\r\n" % operation in data


def answers(data: bytes) -> bool:
    """Whether this is the answer to an operation, and not to a beat."""
    return b'"now":' in data and b'"beats":' not in data


class Watched:
    """A node that was there all the time, if it is so at the end."""

    def __init__(self, node: Node, far: Holder) -> None:
        self.node, self.far = node, far
        self.absences = 0
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            self.absences += not self.node.rooms.is_reachable
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)


@asynccontextmanager
async def watched(redis: RedisServer, folder: Path) -> AsyncIterator[Watched]:
    """One node that reaches Redis by what can hold an operation; it must not go away for that."""
    async with holder(redis.url) as far, nodes(RedisServer(folder, far.port), 1) as (node,):
        made = Watched(node, far)
        try:
            yield made
        finally:
            far.release()
            await made.stop()
        assert made.absences == 0


@pytest.mark.parametrize("holds", [asks(b"pass_on"), answers], ids=["before it is done", "after"])
async def test_a_message_is_passed_on_once(
    own_redis: RedisServer, tmp_path: Path, holds: Callable[[bytes], bool]
) -> None:
    async with watched(own_redis, tmp_path) as here:
        ann, bob = [await here.node.clients(auth()) for _ in range(2)]
        for client in (ann, bob):
            await join(client, "kitchen")
        await ann.heard()
        here.far.hold(once(holds))
        assert await ann.call("message", "one", 1) == OK
        assert here.far.holding.is_set()
        assert await ann.call("message", "two", 2) == OK
        assert await bob.heard() == [["message", "one", 1], ["message", "two", 2]]
        assert await ann.heard() == []  # nobody was seated again


async def test_a_message_that_came_too_late_is_passed_on_once(
    own_redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pycall.server.nodes.database.DONE_S", 0.2)
    async with watched(own_redis, tmp_path) as here:
        ann, bob = await here.node.clients(), await here.node.clients()
        for client in (ann, bob):
            await join(client, "kitchen")
        here.far.hold(once(asks(b"pass_on")))
        await ann.emit("message", "one")
        await here.far.holding.wait()
        await asyncio.sleep(0.4)
        here.far.release()
        assert await ann.heard() == [["other_joined", "kitchen", bob.id]]
        assert await bob.heard() == [["message", "one"]]


async def refused(here: Watched, client: RawClient, room: str, holds: Callable[[bytes], bool]) -> float:
    """Ask for a seat by an operation that gets no answer; returns how long the client waited for its own."""
    here.far.hold(once(holds))
    began = time.monotonic()
    assert (await client.call("join", room))["code"] == UNAVAILABLE
    return time.monotonic() - began


@pytest.mark.parametrize("holds", [asks(b"join"), answers], ids=["before it is done", "after"])
async def test_a_join_is_refused_in_time_and_leaves_nobody_on_the_seat(
    own_redis: RedisServer, tmp_path: Path, holds: Callable[[bytes], bool]
) -> None:
    async with watched(own_redis, tmp_path) as here:
        ann, bob = await here.node.clients(), await here.node.clients()
        took_s = await refused(here, ann, "kitchen", holds)
        if took_s >= REFUSED_S:  # three quarters of it are waiting, and others use the machine too
            took_s = await refused(here, ann, "cellar", holds)
        assert took_s < REFUSED_S
        for room in ("garden", "kitchen"):
            await joins(bob, room)
        await joins(ann, "garden")
        await joins(ann, "kitchen")
        assert [event for event in await ann.heard() if event[0] not in {"error", "left"}] == [
            ["joined", "garden", ann.id],
            ["joined", "kitchen", ann.id],
        ]
        assert (await bob.heard())[-1] == ["other_joined", "kitchen", ann.id]


async def test_who_asks_once_more_for_its_own_seat_keeps_it(own_redis: RedisServer, tmp_path: Path) -> None:
    async with watched(own_redis, tmp_path) as here:
        ann, bob = await here.node.clients(), await here.node.clients()
        await join(ann, "kitchen")
        await join(bob, "kitchen")
        here.far.hold(once(asks(b"join")))
        assert (await ann.call("join", "kitchen"))["code"] == UNAVAILABLE
        await joins(ann, "kitchen")
        assert await ann.call("message", "still here") == OK
        assert await bob.heard() == [["message", "still here"]]


async def test_a_departure_that_overtakes_the_return_to_its_seat_leaves_nobody_on_it(
    own_redis: RedisServer, tmp_path: Path
) -> None:
    held: list[bytes] = []

    def hold(data: bytes) -> bool:
        held.extend([data] if asks(b"join")(data) else [])
        return asks(b"join")(data)

    def room_is_there() -> bool:
        return own_redis.say("EXISTS", "pycall:room:kitchen") == b":1\r\n"

    async with watched(own_redis, tmp_path) as here, asyncio.timeout(PATIENCE_S):
        ann = await here.node.clients()
        await join(ann, "kitchen")
        here.far.hold(hold)
        assert (await ann.call("join", "kitchen"))["code"] == UNAVAILABLE
        while len(held) < 2:  # the next beat asks for it on her behalf
            await asyncio.sleep(0.01)
        ann.cut()
        while room_is_there():
            await asyncio.sleep(0.01)
        here.far.release()
        while here.node.rooms._departures:
            await asyncio.sleep(0.01)
        assert not room_is_there()


async def test_a_beat_that_is_lost_is_made_up_for(own_redis: RedisServer, tmp_path: Path) -> None:
    async with watched(own_redis, tmp_path) as here:

        def beats() -> int:
            return int(own_redis.say("HGET", "pycall:nodes", here.node.rooms.node).split()[1])

        here.far.hold(once(asks(b"beat")))
        await here.far.holding.wait()
        before = beats()
        while beats() < before + 2:
            await asyncio.sleep(0.05)
        await join(await here.node.clients(), "kitchen")


async def test_who_leaves_is_gone_with_the_next_beat(own_redis: RedisServer, tmp_path: Path) -> None:
    async with watched(own_redis, tmp_path) as here:
        ann, bob = await here.node.clients(), await here.node.clients()
        await join(ann, "kitchen")
        await join(bob, "kitchen")
        here.far.hold(once(asks(b"leave")))
        assert await ann.call("leave", "kitchen") == OK
        assert await bob.event() == ["bye", "kitchen", ann.id, {"reason": "left"}]
        assert [event[0] for event in await ann.heard()] == ["other_joined", "left"]
