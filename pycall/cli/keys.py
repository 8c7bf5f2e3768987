"""Single keys typed into the terminal, without Enter.

POSIX reads the terminal on the event loop; Windows has no such thing for a console, so a thread
asks there.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self


class Keys(Protocol):
    """Keys while the ``with`` block lasts; the terminal is itself again afterwards."""

    def __enter__(self) -> Self:
        """Begin to read."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop, and restore the terminal."""


def watch_keys(pressed: Callable[[str], None]) -> Keys:
    """Call ``pressed`` on the running event loop for every key; nothing happens without a terminal."""
    if sys.platform == "win32":
        return _ConsoleKeys(pressed)
    return _TerminalKeys(pressed)


if sys.platform != "win32":
    import termios
    import tty

    class _TerminalKeys:
        """cbreak mode: keys come one by one, Ctrl-C still makes SIGINT."""

        def __init__(self, pressed: Callable[[str], None]) -> None:
            self._pressed = pressed
            self._fd: int | None = None
            self._saved: list[Any] = []

        def __enter__(self) -> Self:
            if sys.stdin is None or not sys.stdin.isatty():
                return self
            if os.tcgetpgrp(sys.stdin.fileno()) != os.getpgrp():
                return self  # in the background: touching the terminal would stop the process
            self._fd = sys.stdin.fileno()
            self._saved = termios.tcgetattr(self._fd)
            tty.setcbreak(self._fd, termios.TCSANOW)
            asyncio.get_running_loop().add_reader(self._fd, self._read)
            return self

        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            traceback: TracebackType | None,
        ) -> None:
            if self._fd is not None:
                asyncio.get_running_loop().remove_reader(self._fd)
                termios.tcsetattr(self._fd, termios.TCSANOW, self._saved)
                self._fd = None

        def _read(self) -> None:
            if self._fd is None:
                return
            try:
                typed = os.read(self._fd, 64)
            except OSError:
                typed = b""
            if not typed:  # the terminal went away
                asyncio.get_running_loop().remove_reader(self._fd)
            for key in typed.decode(errors="ignore"):
                self._pressed(key)

else:
    import msvcrt

    class _ConsoleKeys:
        """A thread that asks the console ten times a second."""

        def __init__(self, pressed: Callable[[str], None]) -> None:
            self._pressed = pressed
            self._stopped = threading.Event()

        def __enter__(self) -> Self:
            if sys.stdin is not None and sys.stdin.isatty():
                loop = asyncio.get_running_loop()
                threading.Thread(target=self._ask, args=(loop,), name="pycall-keys", daemon=True).start()
            return self

        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            traceback: TracebackType | None,
        ) -> None:
            self._stopped.set()

        def _ask(self, loop: asyncio.AbstractEventLoop) -> None:
            while not self._stopped.wait(0.1):
                while msvcrt.kbhit():
                    loop.call_soon_threadsafe(self._pressed, msvcrt.getwch())
