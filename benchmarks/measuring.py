"""What both contestants measure of themselves, in the same way."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from typing import Any

import av

from pycall.media.testsignals.strip import read_strip
from pycall.media.testsignals.wallclock import unix_time

WRAP_MS = 1 << 32
LOOK_EVERY = 5
"""Pictures; reading the clock out of every one would cost as much as the call."""


class Gauge:
    """Collects one side's figures; the window begins at :meth:`begin` and ends at :meth:`report`."""

    def __init__(self) -> None:
        self._latencies: list[float] = []
        self._seen = 0
        self._counting = False

    def begin(self) -> None:
        """Count from now on."""
        self._counting = True
        self._seen = 0
        self._started = time.monotonic()
        self._cpu = time.process_time() + _children()

    def picture(self, frame: av.VideoFrame) -> None:
        """A picture was shown."""
        self._size = f"{frame.width}x{frame.height}"
        self._seen += 1
        if not self._counting or self._seen % LOOK_EVERY:
            return
        strip = read_strip(frame)
        if strip is not None:
            self._latencies.append((unix_time() * 1000 - strip[1]) % WRAP_MS)

    def report(self, **more: Any) -> None:
        """Write the figures as one line of JSON to stdout."""
        seconds = time.monotonic() - self._started
        latencies = sorted(self._latencies) or [float("nan")]
        figures = {
            "cpu": (time.process_time() + _children() - self._cpu) / seconds,
            "fps": self._seen / seconds,
            "size": self._size,
            "latency_p50_ms": latencies[len(latencies) // 2],
            "latency_p95_ms": latencies[int(len(latencies) * 0.95)],
            "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        say(figures | more)


def say(fields: dict[str, Any]) -> None:
    """One line of JSON on stdout."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system
