"""Coroutines that mostly wait for nothing: they are run at once, and become a task only if they do wait."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any


def run_at_once(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run ``coroutine`` up to where it waits; returns the task that goes on from there, None if it is done.

    Up to there it is in no task of its own, so :func:`asyncio.timeout` is of no use to it.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    return asyncio.create_task(_rest(coroutine, awaited))


@types.coroutine
def _rest(coroutine: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    """What is left of a coroutine that waits for ``awaited``."""
    while True:
        failure: BaseException | None = None
        result = None
        try:
            result = yield awaited
        except BaseException as error:  # noqa: BLE001  it is the coroutine's to handle
            failure = error
        try:
            awaited = coroutine.send(result) if failure is None else coroutine.throw(failure)
        except StopIteration:
            return
