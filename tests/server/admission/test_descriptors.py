from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiohttp
import pytest
from processes import cpu_s

from pycall.server.admission.descriptors import (
    LOOK_EVERY_S,
    SHORT,
    TOLD_EVERY_S,
    Descriptors,
    limit,
    raise_limit,
)
from tests.program import PYCALL, Program, Programs
from tests.server.raw import Clients, raw_clients
from tests.server.seating import until

FEW = 64
CROWD = 100
BUSY = 0.05
"""Of a core: a server that only refuses takes less."""


# Numbers


def test_the_last_numbers_are_kept_back() -> None:
    descriptors = Descriptors(20_000)
    assert not descriptors.are_short(20_000 - 33)
    assert descriptors.are_short(20_000 - 32)


def test_of_few_fewer_are_kept_back() -> None:
    descriptors = Descriptors(64)
    assert not descriptors.are_short(55)
    assert descriptors.are_short(56)


def test_it_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = 1000.0
    descriptors = Descriptors(64, clock=lambda: now)
    with caplog.at_level(logging.WARNING):
        for _ in range(1000):
            descriptors.are_short(60)
        assert [record.getMessage() for record in caplog.records] == [SHORT % {"limit": 64}]
        now += TOLD_EVERY_S
        descriptors.are_short(60)
        assert len(caplog.records) == 2


def test_what_is_in_use_is_seen_without_anybody_asking(caplog: pytest.LogCaptureFixture) -> None:
    lowest = os.dup(2)
    os.close(lowest)
    with caplog.at_level(logging.WARNING):
        Descriptors(2 * lowest + 100).look()
        assert not caplog.records
        Descriptors(lowest).look()
        assert len(caplog.records) == 1


def test_the_limit_is_as_high_as_it_may_be() -> None:
    own = (
        "import resource as r; from pycall.server.admission.descriptors import limit, raise_limit;"
        "r.setrlimit(r.RLIMIT_NOFILE, (100, 200)); raise_limit(); print(limit())"
    )
    said = subprocess.run([sys.executable, "-c", own], capture_output=True, text=True, check=True)
    assert said.stdout == "200\n"
    raise_limit()
    assert limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[1]


# A server that may have few


def few(start_pycall: Programs) -> tuple[Program, int]:
    """A server that may have 64 descriptors, and its port."""
    bash = ("bash", "-c", f'ulimit -n {FEW}; exec "$0" "$@"', PYCALL)
    program = start_pycall("serve", "--host", "127.0.0.1", "--port", "0", command=bash)
    program.wait_for("In a browser")
    return program, int(program.stdout.split("127.0.0.1:")[1].split()[0])


async def is_idle(program: Program) -> bool:
    """Whether it does next to nothing."""
    before_s, began = cpu_s(program.process.pid), time.monotonic()
    await asyncio.sleep(1.0)  # the window of a measurement
    return cpu_s(program.process.pid) - before_s < BUSY * (time.monotonic() - began)


async def open_many(clients: Clients) -> list[int]:
    """Connect until the server has refused many; the statuses it gave them."""
    statuses = []
    for _ in range(CROWD):
        try:
            await clients.open()
        except aiohttp.WSServerHandshakeError as refused:
            statuses.append(refused.status)
    return statuses


def opened(program: Program) -> int:
    """How many descriptors it has open."""
    return len(list(Path("/proc", str(program.process.pid), "fd").iterdir()))


@contextmanager
def silent(port: int) -> Iterator[list[socket.socket]]:
    """Connections that say nothing, more than the server may have."""
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(CROWD)]


@pytest.mark.integration
async def test_a_server_out_of_descriptors_refuses_and_goes_on(start_pycall: Programs) -> None:
    program, port = few(start_pycall)
    async with raw_clients(port) as clients, raw_clients(port) as crowd:
        ann, bob = await clients.pair("kitchen")
        statuses = await open_many(crowd)
        assert len(statuses) > CROWD - FEW
        assert set(statuses) == {503}
        assert await is_idle(program)
        await ann.emit("message", "still here")
        assert await bob.event() == ["message", "still here"]
        crowd.cut()
        await until(lambda: opened(program) < FEW / 2)
        await clients.pair("cellar")
    (line,) = program.stderr.splitlines()
    assert SHORT % {"limit": FEW} in line


@pytest.mark.integration
async def test_connections_that_say_nothing_are_no_way_to_stop_it(start_pycall: Programs) -> None:
    program, port = few(start_pycall)
    async with raw_clients(port) as clients:
        ann, bob = await clients.pair("kitchen")
        with silent(port):
            await asyncio.to_thread(program.wait_for, SHORT % {"limit": FEW}, LOOK_EVERY_S + 10)
            assert await is_idle(program)
            await ann.emit("message", "still here")
            assert await bob.event() == ["message", "still here"]
        await until(lambda: opened(program) < FEW / 2)
        await clients.pair("cellar")
    assert len(program.stderr.splitlines()) == 1
