from __future__ import annotations

import asyncio

import pytest

from pycall.cli.loop import run


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


@pytest.fixture(scope="module", autouse=True)
def _what_the_library_keeps() -> None:
    """The first loop of uvloop makes a pipe for signals, for good."""
    run(running_loop())


def test_it_runs_on_a_loop_of_its_own_that_is_closed_afterwards() -> None:
    first, second = run(running_loop()), run(running_loop())
    assert first is not second
    assert first.is_closed()
    assert second.is_closed()


def test_it_is_uvloop_where_there_is_one() -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not there on Windows")
    assert isinstance(run(running_loop()), uvloop.Loop)


def test_an_error_comes_through() -> None:
    async def fail() -> None:
        raise KeyError("surprise")

    with pytest.raises(KeyError):
        run(fail())
