"""One writer, many readers, no queue that grows: how frames get from thread to thread.

A :class:`Feed` is published to by one thread. Every :class:`Reader` has a small bounded buffer of
its own; when it is full the oldest item is dropped, so a slow reader never delays the writer or
another reader and always sees the newest.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Reader(Generic[T]):
    """One reader's view of a feed; made by :meth:`Feed.subscribe`.

    Use either :meth:`get` (from a thread) or :meth:`next` (from one event loop), not both.
    """

    def __init__(self, feed: Feed[T], depth: int) -> None:
        self._feed = feed
        self._items: deque[T] = deque(maxlen=depth)
        self._ready = threading.Condition()
        self._closed = False
        self._nudged = False
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing more will come."""
        return self._closed

    def get(self, timeout: float | None = None) -> T | None:
        """Take the oldest waiting item; ``None`` after ``timeout`` seconds, when nudged or when closed."""
        with self._ready:
            self._ready.wait_for(lambda: self._items or self._closed or self._nudged, timeout)
            self._nudged = False
            return self._items.popleft() if self._items else None

    def nudge(self) -> None:
        """Let :meth:`get` return at once, now or the next time."""
        with self._ready:
            self._nudged = True
            self._ready.notify_all()

    async def next(self) -> T | None:
        """Take the oldest waiting item, waiting for one; ``None`` when closed."""
        while True:
            with self._ready:
                if self._items:
                    return self._items.popleft()
                if self._closed:
                    return None
                loop = asyncio.get_running_loop()
                waiter = loop.create_future()
                self._waiter = (loop, waiter)
            await waiter

    def close(self) -> None:
        """Leave the feed; whoever waits is woken."""
        self._feed._forget(self)  # noqa: SLF001  the two classes of this module are one mechanism
        self._shut()

    def _put(self, item: T) -> None:
        with self._ready:
            self._items.append(item)
            self._wake()

    def _shut(self) -> None:
        with self._ready:
            self._closed = True
            self._wake()

    def _wake(self) -> None:
        self._ready.notify_all()
        if self._waiter is not None:
            loop, waiter = self._waiter
            self._waiter = None
            with contextlib.suppress(RuntimeError):  # the loop was closed while somebody waited on it
                loop.call_soon_threadsafe(_resolve, waiter)


class Feed(Generic[T]):
    """Where one writer publishes; see the module's text."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers: tuple[Reader[T], ...] = ()
        self._closed = False

    def subscribe(self, depth: int = 1) -> Reader[T]:
        """A new reader that holds at most ``depth`` items; closed at once on a closed feed."""
        reader = Reader(self, depth)
        with self._lock:
            if self._closed:
                reader._shut()  # noqa: SLF001
            else:
                self._readers = (*self._readers, reader)
        return reader

    def publish(self, item: T) -> None:
        """Hand ``item`` to every reader; never blocks and never fails."""
        for reader in self._readers:
            reader._put(item)  # noqa: SLF001

    def close(self) -> None:
        """Nothing more comes: wake and close every reader."""
        with self._lock:
            self._closed = True
            readers, self._readers = self._readers, ()
        for reader in readers:
            reader._shut()  # noqa: SLF001

    def _forget(self, reader: Reader[T]) -> None:
        with self._lock:
            self._readers = tuple(r for r in self._readers if r is not reader)


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
