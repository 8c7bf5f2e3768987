"""A server that cannot reach its rooms is asked again, as one that is away; the Redis behind it is real."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from pycall.client.signalling.client import ROOMS_AWAY
from pycall.core import inputs
from pycall.core.messages import Candidate
from pycall.server.app import SignallingServer
from pycall.server.nodes import SharedRooms
from tests.client.signalling_rig import callers
from tests.server.redis import free_port, redis_server

pytestmark = pytest.mark.integration

PATIENCE_S = 20.0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.02)


def line(number: int) -> Candidate:
    return Candidate(f"candidate:{number} 1 udp 1 192.0.2.1 9 typ host", "0", 0, 1)


async def test_one_that_cannot_seat_us_is_asked_until_it_can_and_hears_what_was_said_meanwhile(
    tmp_path: Path,
) -> None:
    with redis_server(tmp_path, free_port()) as redis:
        here = SignallingServer("127.0.0.1", 0, store=SharedRooms(redis.url))
        there = SignallingServer("127.0.0.1", 0, store=SharedRooms(redis.url))
        await here.start()
        await there.start()
        try:
            async with (
                callers(f"http://127.0.0.1:{here.port}", "Ann", "Cy") as (ann, cy),
                callers(f"http://127.0.0.1:{there.port}", "Bob") as (bob,),
            ):
                await ann.client.join("kitchen")
                await until(lambda: bool(ann.said(inputs.JoinedRoom)))
                await bob.client.join("kitchen")
                await until(lambda: bool(ann.said(inputs.OtherJoined)))
                redis.freeze()
                await cy.client.join("garden")
                for number in range(3):
                    await ann.client.send(line(number))
                await until(lambda: bool(cy.said(inputs.SignallingLost)))
                assert cy.said(inputs.SignallingLost) == [inputs.SignallingLost(ROOMS_AWAY)]
                redis.thaw()
                await until(lambda: bool(cy.said(inputs.JoinedRoom)))
                await until(lambda: len(bob.said(inputs.MessageReceived)) >= 3)
                said = [message.message for message in bob.said(inputs.MessageReceived)]
                assert said == [line(number) for number in range(3)]
                kinds = [type(each) for each in cy.posted]
                assert kinds.index(inputs.JoinedRoom) > kinds.index(inputs.SignallingLost)
                assert inputs.SignallingOpened in kinds[kinds.index(inputs.SignallingLost) :]
        finally:
            await here.stop()
            await there.stop()
