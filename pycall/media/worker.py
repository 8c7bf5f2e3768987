"""A thread that can be told to stop, and is waited for only so long."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

JOIN_S: Final = 1.0
"""How long :meth:`Worker.close` waits, in seconds; a thread stuck in a device's driver is left behind."""

_log = logging.getLogger(__name__)


class Worker:
    """One daemon thread running ``run``, which must return soon after ``stop`` is set.

    What ``run`` raises is a fault of this program; it is logged, and the thread ends.
    """

    def __init__(self, name: str, run: Callable[[threading.Event], None]) -> None:
        self.stop = threading.Event()
        self._run = run
        self._thread = threading.Thread(target=self._guarded, name=f"pycall-{name}", daemon=True)
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

    def _guarded(self) -> None:
        try:
            self._run(self.stop)
        except Exception as error:  # noqa: BLE001  whatever it is, it must not be printed by the interpreter
            log_fault(self._thread.name, error)


def log_fault(who: str, error: Exception) -> None:
    """Log in one line that ``who`` met what was not foreseen; with a traceback where details are wanted."""
    _log.error("%s ended: %r", who, error, exc_info=error if _log.isEnabledFor(logging.INFO) else None)
