from __future__ import annotations

import asyncio
import os
import secrets
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from pycall.errors import ListenFailed
from pycall.server.app import SignallingServer
from pycall.server.monitoring import siblings
from pycall.server.monitoring.siblings import Siblings, joined
from tests.server.scraping import scraped

Start = Callable[[str], Awaitable[Siblings]]

NAMES = ("one-1", "one-2", "one-3")
GONE_S = 15.0


@pytest.fixture
def addresses() -> dict[str, str]:
    return {name: f"pycall-test-{secrets.token_hex(8)}" for name in NAMES}


@pytest.fixture
async def start(addresses: dict[str, str]) -> AsyncIterator[Start]:
    """Starts one of the processes."""
    started: list[Siblings] = []

    async def one(name: str) -> Siblings:
        async def figures() -> bytes:
            return b"of " + name.encode()

        own = Siblings(name, addresses)
        started.append(own)
        await own.start(figures)
        return own

    yield one
    for each in started:
        await each.stop()


async def test_each_knows_the_figures_of_all(start: Start) -> None:
    started = {name: await start(name) for name in NAMES}
    for name, own in started.items():
        told = await own.all(b"mine")
        assert told == {each: b"of " + each.encode() for each in NAMES} | {name: b"mine"}
        assert list(told) == list(NAMES)


async def test_one_that_is_not_there_tells_nothing(start: Start) -> None:
    first, third = await start("one-1"), await start("one-3")
    assert await first.all(b"mine") == {"one-1": b"mine", "one-2": b"", "one-3": b"of one-3"}
    await third.stop()
    assert await first.all(b"mine") == {"one-1": b"mine", "one-2": b"", "one-3": b""}


async def test_one_that_hangs_tells_nothing(
    start: Start, addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings, "PATIENCE_S", 0.1)
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(f"\0{addresses['one-2']}")
        hung.listen()
        told = await (await start("one-1")).all(b"mine")
        assert told["one-2"] == b""


@pytest.mark.parametrize("told", [b"", b"\0\0", b"\0\0\0\x20# HELP a About a.\n"])
async def test_one_that_ends_while_it_tells_tells_nothing(
    start: Start, addresses: dict[str, str], told: bytes
) -> None:
    async def break_off(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(told)
        writer.close()

    async with await asyncio.start_unix_server(break_off, f"\0{addresses['one-2']}"):
        assert (await (await start("one-1")).all(b"mine"))["one-2"] == b""


async def test_who_asks_and_does_not_read_is_not_waited_for_for_ever(
    addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def figures() -> bytes:
        return bytes(10_000_000)

    monkeypatch.setattr(siblings, "PATIENCE_S", 0.1)
    own = Siblings("one-1", addresses)
    await own.start(figures)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.connect(f"\0{addresses['one-1']}")
        ends = select.poll()
        ends.register(deaf, 0)
        (_, events), *_ = await asyncio.to_thread(ends.poll, GONE_S * 1000)
        assert events & select.POLLHUP
    await own.stop()


async def test_those_of_another_user_are_neither_answered_nor_believed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = await start("one-1"), await start("one-2")
    monkeypatch.setattr(os, "getuid", lambda: -1)
    assert (await first.all(b"mine"))["one-2"] == b""


async def test_an_address_that_is_taken_is_one_sentence(start: Start, addresses: dict[str, str]) -> None:
    await start("one-1")
    with pytest.raises(ListenFailed, match="cannot tell each other their figures"):
        await start("one-1")


def test_samples_of_a_metric_stand_together() -> None:
    head_a, head_b = "# HELP a About a.\n# TYPE a counter\n", "# HELP b About b.\n# TYPE b gauge\n"
    first = f'{head_a}a{{node="1"}} 1\n{head_b}b{{node="1"}} 2\n'
    second = f'{head_a}a{{node="2"}} 3\n{head_b}b{{node="2"}} 4\n'
    assert joined([first.encode(), second.encode()]).decode() == (
        f'{head_a}a{{node="1"}} 1\na{{node="2"}} 3\n{head_b}b{{node="1"}} 2\nb{{node="2"}} 4\n'
    )
    assert joined([first.encode()]).decode() == first


async def test_a_server_shows_the_figures_of_the_others_and_who_does_not_answer(
    addresses: dict[str, str],
) -> None:
    servers = [
        SignallingServer("127.0.0.1", 0, node=name, siblings=Siblings(name, addresses)) for name in NAMES[:2]
    ]
    for server in servers:
        await server.start()
    for server in servers:
        reading = await scraped(server)
        assert reading.by_label("pycall_ready", "node") == {"one-1": 1, "one-2": 1, "one-3": 0}
        assert list(reading.by_label("pycall_uptime_seconds", "node")) == ["one-1", "one-2"]
    for server in servers:
        await server.stop()
