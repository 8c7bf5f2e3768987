"""File descriptors: each connection takes one, and a process may have only so many."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Final

from pycall.server.monitoring.logs import tell

if sys.platform != "win32":
    import resource

MOST: Final = 1_048_576
"""More are not asked for: some systems know no limit, and allow no number."""

RESERVE: Final = 32
"""Kept back from clients, for what the server itself opens; an eighth of a limit that is low."""

LOOK_EVERY_S: Final = 2.0
TOLD_EVERY_S: Final = 60.0

SHORT: Final = (
    "no more connections are let in: nearly all of the %(limit)s descriptors this process may have are in use"
)

log = logging.getLogger(__name__)


def raise_limit() -> None:
    """Let this process have as many as its hard limit permits; the soft one is often 1024, for `select`."""
    if sys.platform == "win32":  # knows no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(OSError, ValueError):  # macOS names a hard limit it does not permit
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def limit() -> int | None:
    """How many this process may have now; None where there is no limit."""
    if sys.platform == "win32":
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


class Descriptors:
    """Tells when they run out, and says so in the log, but not with every client.

    The system gives out the lowest number that is free, so a high one tells that all below it are in use.
    """

    def __init__(self, most: int | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """``most`` is how many there may be, by default :func:`limit`."""
        self._most = limit() if most is None else most
        self._clock = clock
        self._told_at = -TOLD_EVERY_S
        self._next_look: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Look from time to time, until :meth:`stop`: who connects and says nothing is never looked at."""
        self.look()
        self._next_look = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self.watch)

    def stop(self) -> None:
        """Look no more."""
        if self._next_look is not None:
            self._next_look.cancel()

    def are_short(self, descriptor: int) -> bool:
        """Whether one with this number belongs to the reserve."""
        if self._most is None or descriptor < self._most - min(RESERVE, self._most // 8):
            return False
        self._tell()
        return True

    def look(self) -> None:
        """See whether there are any left, and say so in the log if not."""
        try:
            lowest = os.dup(2)
        except OSError:
            self._tell()
        else:
            os.close(lowest)
            self.are_short(lowest)

    def _tell(self) -> None:
        now = self._clock()
        if now - self._told_at >= TOLD_EVERY_S:
            self._told_at = now
            tell(log, logging.WARNING, "descriptors-short", SHORT, limit=self._most)
