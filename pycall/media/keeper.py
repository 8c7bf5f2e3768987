"""Keeps a device going: opens it, says so when it dies, and tries again once a second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeAlias

from pycall.errors import DeviceFailed, MediaError
from pycall.media.worker import Worker

OPEN_S: Final = 10.0
"""How long a device may take to give something, in seconds."""

RETRY_S: Final = 1.0

Notice: TypeAlias = Callable[[str, str], None]
"""``notice(code, sentence)``: something a person should know that ends nothing; called from any thread."""

Session: TypeAlias = Callable[[threading.Event, Callable[[], None]], None]
"""``session(stop, alive)``: opens the device, calls ``alive`` when it gives something, and goes on until
``stop`` is set. Raises :class:`MediaError` when the device does not open, or dies."""


class Keeper:
    """Runs one session after the other in a thread of its own.

    ``kind`` is ``camera`` or ``microphone``: what the notices ``…-lost`` and ``…-back`` begin with.
    """

    def __init__(self, kind: str, label: str, session: Session, notice: Notice) -> None:
        self._kind = kind
        self._label = label
        self._session = session
        self._notice = notice
        self._decided = threading.Event()
        self._error: MediaError | None = None
        self._lost = False
        self._worker = Worker(kind, self._run)

    def start(self) -> None:
        """Open the device and wait for it; raises its :class:`MediaError`. A second time it does nothing."""
        self._worker.start()
        if not self._decided.wait(OPEN_S):
            self.close()
            raise DeviceFailed(
                f"The {self._kind} {self._label} opened but gave nothing for {OPEN_S:.0f} seconds.",
                "Perhaps it is covered by a privacy switch, or the system did not allow its use.",
            )
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """End it; returns within a second."""
        self._worker.close()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._session(stop, self._alive)
            except MediaError as error:
                if not self._decided.is_set():
                    self._error = error
                    self._decided.set()
                    return
                self._gone(error)
            stop.wait(RETRY_S)

    def _alive(self) -> None:
        self._decided.set()
        if self._lost:
            self._lost = False
            self._notice(f"{self._kind}-back", f"The {self._kind} {self._label} is back.")

    def _gone(self, error: MediaError) -> None:
        if not self._lost:
            self._lost = True
            self._notice(f"{self._kind}-lost", f"{error.message} It is tried again every second.")
