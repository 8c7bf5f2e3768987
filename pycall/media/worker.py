"""A thread that can be told to stop, and is waited for only so long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

JOIN_S: Final = 1.0
"""How long :meth:`Worker.close` waits, in seconds; a thread stuck in a device's driver is left behind."""


class Worker:
    """One daemon thread running ``run``, which must return soon after ``stop`` is set."""

    def __init__(self, name: str, run: Callable[[threading.Event], None]) -> None:
        self.stop = threading.Event()
        self._thread = threading.Thread(target=run, args=(self.stop,), name=f"pycall-{name}", daemon=True)
        self._lock = threading.Lock()
        self._started = False

    def start(self) -> None:
        """Begin; a second time, or after :meth:`close`, nothing happens."""
        with self._lock:
            if self._started or self.stop.is_set():
                return
            self._started = True
            self._thread.start()

    def close(self) -> None:
        """Stop and wait up to :data:`JOIN_S` seconds; safe to repeat, and from the thread itself."""
        with self._lock:
            self.stop.set()
            started = self._started
        if started and threading.current_thread() is not self._thread:
            self._thread.join(JOIN_S)
