"""A thread that reads a feed and hands on what it reads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from pycall.media.feed import Feed
from pycall.media.worker import Worker

T = TypeVar("T")


class Tap(Generic[T]):
    """Calls ``give`` with everything ``feed`` carries, until closed; at most ``depth`` items wait."""

    def __init__(self, name: str, feed: Feed[T], give: Callable[[T], None], *, depth: int = 1) -> None:
        self._reader = feed.subscribe(depth)
        self._give = give
        self._worker = Worker(f"{name}-tap", self._run)
        self._worker.start()

    def close(self) -> None:
        """Stop reading; returns within a second."""
        self._reader.close()
        self._worker.close()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            item = self._reader.get()
            if item is None:
                return
            self._give(item)
