"""Fifty calls in one process end with what it began with."""

from __future__ import annotations

import asyncio
import threading

import psutil
import pytest

from pycall.cli.loop import run
from pycall.cli.session import Session
from pycall.config import CallConfig
from pycall.core import events
from pycall.core.events import Event
from tests.rig import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

CALLS = 50

run(asyncio.sleep(0))  # libuv makes one pipe for a process, at its first loop, and keeps it


class HangsUp:
    """A renderer that hangs up once both kinds of media have come."""

    def __init__(self) -> None:
        self.kinds: set[str] = set()
        self.session: Session | None = None

    def show(self, event: Event) -> None:
        """Look for first frames."""
        if isinstance(event, events.FirstFrame):
            self.kinds.add(event.kind)
            if len(self.kinds) == 2 and self.session is not None:
                self.session.wish("q")

    def close(self) -> None:
        """Nothing to tidy up."""


async def one_call(url: str, other_url: str) -> None:
    """Two sessions meet, see and hear each other, and part."""
    config = CallConfig(
        server=url, camera="test", microphone="test", speaker="none", display="none", size=(160, 120)
    )
    first, second = HangsUp(), HangsUp()
    staying, leaving = Session("den", config, first), Session("den", config, second)
    second.session = leaving
    async with asyncio.TaskGroup() as group:
        group.create_task(staying.run())
        group.create_task(leaving.run())
    assert second.kinds == {"audio", "video"}


def held() -> tuple[set[str], int, int]:
    me = psutil.Process()
    return (
        {thread.name for thread in threading.enumerate()},
        me.num_fds(),
        len(me.net_connections(kind="all")),
    )


def test_fifty_calls_leave_no_thread_no_descriptor_and_no_socket(url: str) -> None:
    run(one_call(url, url))  # what libraries keep for good, they take at the first call
    before = held()
    for _ in range(CALLS):
        run(one_call(url, url))
    wait_until(lambda: held() == before)
