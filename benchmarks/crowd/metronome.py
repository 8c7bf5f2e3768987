"""A clock that ticks more finely than the timers of an event loop, which know whole milliseconds only."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import time
from collections.abc import Callable
from typing import Final

_NANO: Final = 1_000_000_000


class Metronome:
    """Calls ``tick`` every ``interval_s`` in the running loop until it is stopped (Linux: timerfd)."""

    def __init__(self, interval_s: float, tick: Callable[[], None]) -> None:
        self._tick = tick
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        interval = divmod(round(interval_s * _NANO), _NANO)
        if self._descriptor < 0 or libc.timerfd_settime(
            self._descriptor, 0, struct.pack("@4l", *interval, *interval), None
        ):
            raise OSError(ctypes.get_errno(), "no timer")
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._came)

    def stop(self) -> None:
        """Tick no more."""
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _came(self) -> None:
        os.read(self._descriptor, 8)
        self._tick()
