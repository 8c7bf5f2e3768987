"""What is to be given up at once, on the event loop of `pycall serve`."""

from __future__ import annotations

import asyncio

import pytest

from pycall.cli.loop import run
from pycall.core import room
from pycall.server.store import MemoryRoomStore
from tests.server.wiring import gateway, socket_server


class Overdue(MemoryRoomStore):
    """Something is to be given up at once."""

    def due_in(self) -> float:
        return 0.0


@pytest.fixture(scope="module")
def _what_uvloop_keeps() -> None:
    """Its first event loop makes a pipe for signals, for good."""
    run(asyncio.sleep(0))


@pytest.mark.usefixtures("_what_uvloop_keeps")
def test_what_is_due_at_once_keeps_nobody_from_being_heard() -> None:
    async def two_in_a_row() -> None:
        store = Overdue()
        made = gateway(socket_server(), store)
        for _ in range(2):
            await store.apply("kitchen", room.LeaveAsked("nobody"))
        await made.stop()

    run(two_in_a_row())
