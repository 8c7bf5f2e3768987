"""Keeps a device going: opens it, says so when it dies, and tries again once a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, TypeAlias

from pycall.errors import DeviceFailed, MediaError
from pycall.media.frames import Notice
from pycall.media.worker import Worker, log_fault

OPEN_S: Final = 10.0
"""How long a device may take to give something, in seconds."""

RETRY_S: Final = 1.0

LOOK_S: Final = 0.1
"""How often a device is looked after, and whoever waits for it."""

DeviceRun: TypeAlias = Callable[[threading.Event, Callable[[], None]], None]
"""``run(stop, alive)``: opens the device, calls ``alive`` whenever it gives something, and goes on until
``stop`` is set. Raises :class:`MediaError` when the device does not open, or dies."""


class OpeningCancelledError(Exception):
    """Nobody wants the device any more that was waited for."""


class Keeper:
    """Runs the device again and again.

    ``kind`` is ``camera`` or ``microphone``: what the notices ``…-lost`` and ``…-back`` begin with. A
    device that gave nothing for ``silence_s`` seconds is taken for dead; ``None`` is for those that may.
    """

    def __init__(
        self, kind: str, label: str, run: DeviceRun, notice: Notice, *, silence_s: float | None = None
    ) -> None:
        self._kind = kind
        self._label = label
        self._device_run = run
        self._notice = notice
        self._silence_s = silence_s
        self._decided = threading.Event()
        self._error: MediaError | None = None
        self._lost = False
        self._attempt: _Attempt | None = None
        self._worker = Worker(f"{kind}-keeper", self._run)

    def start(self, cancelled: threading.Event | None = None) -> None:
        """Open the device and wait for it; a second time nothing happens.

        Raises its :class:`MediaError`, and :class:`OpeningCancelledError` soon after ``cancelled`` was set.
        """
        self._worker.start()
        deadline = time.monotonic() + OPEN_S
        while not self._decided.wait(LOOK_S):
            if cancelled is not None and cancelled.is_set():
                self.close()
                raise OpeningCancelledError
            if time.monotonic() > deadline:
                self.close()
                raise DeviceFailed(
                    f"The {self._kind} {self._label} opened but gave nothing for {OPEN_S:.0f} seconds.",
                    "Perhaps it is covered by a privacy switch, or the system did not allow its use.",
                )
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """End it; returns within a second."""
        self._worker.stop.set()
        if self._attempt is not None:
            self._attempt.stop()
        self._worker.close()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            attempt = self._attempt = _Attempt(self._kind, self._label, self._device_run, self._alive)
            attempt.start()
            error = self._watch(attempt, stop)
            if error is not None and not self._decided.is_set():
                self._error = error
                self._decided.set()
                return
            if error is not None and not stop.is_set():
                self._gone(error)
            attempt.stop()
            while not attempt.ended.wait(LOOK_S):  # only one at a time hangs in a driver
                if stop.is_set():
                    return
            stop.wait(RETRY_S)

    def _watch(self, attempt: _Attempt, stop: threading.Event) -> MediaError | None:
        """What the attempt ends with, or what is wrong with it."""
        while not attempt.ended.wait(LOOK_S):
            if stop.is_set():
                attempt.stop()
            elif self._decided.is_set() and attempt.is_silent(self._silence_s):
                return DeviceFailed(f"The {self._kind} {self._label} gives nothing any more.")
        return attempt.error

    def _alive(self) -> None:
        self._decided.set()
        if self._lost:
            self._lost = False
            self._notice(f"{self._kind}-back", f"The {self._kind} {self._label} is back.")

    def _gone(self, error: MediaError) -> None:
        if not self._lost:
            self._lost = True
            self._notice(f"{self._kind}-lost", f"{error.message} It is tried again every second.")


class _Attempt:
    """One run of a device, in a thread of its own: nothing ends a driver that hangs."""

    def __init__(self, kind: str, label: str, run: DeviceRun, alive: Callable[[], None]) -> None:
        self.error: MediaError | None = None
        self.ended = threading.Event()
        self._label = f"{kind} {label}"
        self._run = run
        self._alive = alive
        self._newest = time.monotonic()
        self._has_given = False
        self._worker = Worker(kind, self._go)

    def start(self) -> None:
        self._worker.start()

    def stop(self) -> None:
        """Tell it to stop; it ends when it can."""
        self._worker.stop.set()

    def is_silent(self, seconds: float | None) -> bool:
        """Whether it gave nothing for ``seconds``; opening may take longer."""
        limit = seconds if self._has_given or seconds is None else max(seconds, OPEN_S)
        return limit is not None and time.monotonic() - self._newest > limit

    def _go(self, stop: threading.Event) -> None:
        try:
            self._run(stop, self._gave)
        except MediaError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001  whatever it is, the device does not work
            log_fault(f"the {self._label}", error)
            self.error = DeviceFailed(f"The {self._label} cannot be used: {type(error).__name__}: {error}.")
        finally:
            self.ended.set()

    def _gave(self) -> None:
        self._newest, self._has_given = time.monotonic(), True
        if not self._worker.stop.is_set():
            self._alive()
