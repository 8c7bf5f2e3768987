"""What both contestants measure of themselves, in the same way."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from typing import Any

import av

from tests.clockreading import PictureAges


class Gauge:
    """Collects one side's figures; the window begins at :meth:`begin` and ends at :meth:`report`."""

    def __init__(self) -> None:
        self._ages = PictureAges()

    def begin(self) -> None:
        """Count from now on."""
        self._ages.clear()
        self._started = time.monotonic()
        self._cpu = time.process_time() + _children()

    def picture(self, frame: av.VideoFrame) -> None:
        """A picture was shown."""
        self._size = f"{frame.width}x{frame.height}"
        self._ages.look(frame)

    def report(self, **more: Any) -> None:
        """Write the figures as one line of JSON to stdout."""
        seconds = time.monotonic() - self._started
        figures = {
            "cpu": (time.process_time() + _children() - self._cpu) / seconds,
            "fps": self._ages.seen / seconds,
            "size": self._size,
            "latency_p50_ms": self._ages.percentile(0.5),
            "latency_p95_ms": self._ages.percentile(0.95),
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
