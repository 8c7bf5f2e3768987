"""Writing to stdout without ever waiting for who reads it.

A pipe or terminal whose reader pauses would otherwise hold the event loop, and with it the call.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from types import TracebackType
from typing import Final, Self, TextIO

MAX_WAITING: Final = 1_000
"""Texts that wait for a reader; it loses the next ones, and the call goes on."""

CLOSE_S: Final = 1.0
"""How long the rest may take at the end."""

DRAIN_S: Final = 0.2
"""The same where the process is told to end at once."""


class Outlet:
    """Stands in for a text stream: :meth:`write` returns at once, a thread of its own does the writing.

    It writes below the stream's own buffer, so that nothing is left there to be flushed when a reader
    that stands still would make the process's end wait.
    """

    def __init__(self, stream: TextIO) -> None:
        self._descriptor = stream.fileno()
        self._terminal = stream.isatty()
        self.encoding = stream.encoding or "utf-8"
        self._waiting: queue.Queue[str | None] = queue.Queue(MAX_WAITING)
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="pycall-outlet", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the rest, if somebody reads it within :data:`CLOSE_S`."""
        try:
            self._waiting.put(None, timeout=CLOSE_S)
        except queue.Full:
            return
        self._thread.join(CLOSE_S)

    def write(self, text: str) -> None:
        """Write whole lines, some time; raises :class:`OSError` once nobody can read any more."""
        if self._error is not None:
            raise self._error
        try:
            self._waiting.put_nowait(text)
        except queue.Full:
            return

    def flush(self) -> None:
        """Everything is on its way already."""

    def drain(self) -> None:
        """Wait until everything is written, if somebody reads it within :data:`DRAIN_S`."""
        deadline = time.monotonic() + DRAIN_S
        while self._waiting.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.001)

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._terminal

    def fileno(self) -> int:
        """The descriptor that is written to."""
        return self._descriptor

    def _run(self) -> None:
        while (text := self._waiting.get()) is not None:
            data = memoryview(text.encode(self.encoding, "replace"))
            while data and self._error is None:
                try:
                    data = data[os.write(self._descriptor, data) :]
                except OSError as error:
                    self._error = error
            self._waiting.task_done()
