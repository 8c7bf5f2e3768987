"""Pictures that wait to be shown at their time, on the event loop; few, and the newest wins."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST: Final = 8
"""Pictures that wait: a quarter of a second at 30 a second."""

SOON_S: Final = 0.002
"""What is due within this is shown now: a timer is not more exact."""


class Schedule(Generic[T]):
    """Calls ``show`` with each picture at its time. Everything happens on one event loop's thread."""

    def __init__(self, show: Callable[[T], None]) -> None:
        self._show = show
        self._waiting: deque[tuple[float, T]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, picture: T, at: float) -> None:
        """Show ``picture`` at ``at``, monotonic seconds, or now where that is over.

        What waits for the same time or a later one is older, and is not shown any more. When too many
        wait the oldest is shown early.
        """
        while self._waiting and self._waiting[-1][0] >= at:
            self._waiting.pop()
        self._waiting.append((at, picture))
        if len(self._waiting) > MOST:
            self._show(self._waiting.popleft()[1])
        self._go_on()

    def clear(self) -> None:
        """Show none of those that wait."""
        self._waiting.clear()
        self._stop()

    def _go_on(self) -> None:
        """Show what is due, and come back for the next."""
        self._stop()
        now = time.monotonic()
        due: T | None = None
        while self._waiting and self._waiting[0][0] <= now + SOON_S:
            due = self._waiting.popleft()[1]
        if due is not None:
            self._show(due)
        if self._waiting:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._waiting[0][0] - now, self._go_on)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
