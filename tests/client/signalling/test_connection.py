"""A single connection to a real server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pycall.client.signalling.connection import Connection, Server
from pycall.errors import ServerUnreachable
from tests.client.cable import Cable
from tests.client.pair import until


class Line:
    """A connection over a cable, and what was heard on it."""

    def __init__(self, wire: Cable) -> None:
        self.heard: list[tuple[object, ...]] = []
        self.ended = 0
        self.connection = Connection(Server(wire.url), {"joined": self._hear}, self._end)

    async def _hear(self, *arguments: object) -> None:
        self.heard.append(arguments)

    def _end(self) -> None:
        self.ended += 1


def nobody() -> dict[str, Any]:
    """What a client with no name presents."""
    return {"pycall": 1}


@pytest.fixture
async def line(wire: Cable) -> AsyncIterator[Line]:
    line = Line(wire)
    await line.connection.dial(nobody, 10.0)
    yield line
    await line.connection.drop()


async def test_what_is_said_is_confirmed_and_answered(line: Line) -> None:
    confirmed = asyncio.Event()
    assert line.connection.standing
    assert line.connection.round_trip_s > 0
    assert await line.connection.emit("join", "kitchen", answered=lambda _: confirmed.set())
    await confirmed.wait()
    assert line.heard[0][0] == "kitchen"
    assert await line.connection.answers("leave", "elsewhere")


@pytest.mark.parametrize("end", ["drop", "close"])
async def test_nothing_is_said_or_heard_on_one_that_was_ended(line: Line, end: str) -> None:
    await line.connection.emit("join", "kitchen")
    await getattr(line.connection, end)()
    assert not line.connection.standing
    assert not await line.connection.emit("join", "kitchen")
    assert not await line.connection.answers("leave", "elsewhere")
    assert line.heard == []
    await getattr(line.connection, end)()


async def test_a_break_is_told_and_ends_the_wait_for_an_answer(line: Line, wire: Cable) -> None:
    wire.freeze()
    answering = asyncio.create_task(line.connection.answers("leave", "elsewhere"))
    await asyncio.sleep(0)
    wire.cut()
    assert not await answering
    await until(lambda: line.ended)
    assert not line.connection.standing


async def test_silence_is_no_answer_and_a_late_one_is_none_either(line: Line, wire: Cable) -> None:
    wire.freeze()
    assert not await line.connection.answers("leave", "elsewhere")
    assert line.connection.standing
    wire.thaw()
    assert await line.connection.answers("leave", "elsewhere")


@pytest.mark.parametrize("moment", [0.0, 0.005, 0.02, 0.1])
async def test_an_attempt_can_be_given_up_at_every_moment(wire: Cable, moment: float) -> None:
    line = Line(wire)
    dialling = asyncio.create_task(line.connection.dial(nobody, 10.0))
    await asyncio.sleep(moment)
    dialling.cancel()
    await asyncio.gather(dialling, return_exceptions=True)
    with contextlib.suppress(asyncio.CancelledError):
        dialling.result()
    await line.connection.drop()


async def test_a_server_that_falls_silent_while_it_is_dialled_is_given_up(wire: Cable) -> None:
    wire.freeze()
    line = Line(wire)
    with pytest.raises(ServerUnreachable, match="did not answer"):
        await line.connection.dial(nobody, 0.2)
    assert not line.connection.standing
