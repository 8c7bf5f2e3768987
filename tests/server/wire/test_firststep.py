from __future__ import annotations

import asyncio

import pytest

from pycall.server.wire.firststep import run_at_once


async def test_what_waits_for_nothing_is_done_at_once() -> None:
    done = []

    async def work() -> None:
        done.append(asyncio.get_running_loop())

    assert run_at_once(work()) is None
    assert done == [asyncio.get_running_loop()]


async def test_what_waits_goes_on_in_a_task() -> None:
    seen: list[object] = []
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        seen.append("begun")
        seen.append(await ready)
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            seen.append("late")

    task = run_at_once(work())
    assert task is not None
    assert seen == ["begun"]
    ready.set_result("ready")
    await task
    assert seen == ["begun", "ready", "late"]


async def test_what_fails_fails_where_it_is() -> None:
    async def work(*, wait: bool) -> None:
        if wait:
            await asyncio.sleep(0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_at_once(work(wait=False))
    task = run_at_once(work(wait=True))
    assert task is not None
    with pytest.raises(ValueError, match="no"):
        await task


async def test_the_task_can_be_cancelled() -> None:
    seen = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("tidy")

    task = run_at_once(work())
    assert task is not None
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["tidy"]


async def test_an_error_it_waits_for_reaches_it() -> None:
    failing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    seen = []

    async def work() -> None:
        try:
            await failing
        except OSError as error:
            seen.append(str(error))

    task = run_at_once(work())
    assert task is not None
    failing.set_exception(OSError("gone"))
    await task
    assert seen == ["gone"]
