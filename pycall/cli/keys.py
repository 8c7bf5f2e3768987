"""Single keys typed into the terminal, without Enter.

POSIX reads the terminal on the event loop; Windows has no such thing for a console, so a thread
asks there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import threading
from collections.abc import Callable
from typing import Protocol

if sys.platform == "win32":
    import msvcrt

    from pycall.media.worker import Worker
else:
    import termios
    import tty


class Keys(Protocol):
    """Somebody who watches the terminal."""

    def close(self) -> None:
        """Stop, and give the terminal back as it was; safe to repeat."""


def watch_keys(pressed: Callable[[str], None]) -> Keys:
    """Call ``pressed`` on the running event loop for every key, until closed; never without a terminal."""
    return _TerminalKeys(pressed) if are_there_keys() else _NoKeys()


def are_there_keys() -> bool:
    """Whether there is a terminal that is ours: a process in the background must not touch it."""
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    return sys.platform == "win32" or _is_in_foreground(sys.stdin.fileno())


class _NoKeys:
    def close(self) -> None:
        pass


if sys.platform == "win32":

    class _TerminalKeys:
        """A thread that asks the console ten times a second."""

        def __init__(self, pressed: Callable[[str], None]) -> None:
            self._loop = asyncio.get_running_loop()
            self._pressed = pressed
            self._worker = Worker("keys", self._run)
            self._worker.start()

        def close(self) -> None:
            self._worker.close()

        def _run(self, stop: threading.Event) -> None:
            while not stop.wait(0.1):
                while msvcrt.kbhit():
                    key = msvcrt.getwch()
                    if (
                        key in "\x00\xe0"
                    ):  # an arrow or function key: a letter that means something else follows
                        msvcrt.getwch()
                    else:
                        self._loop.call_soon_threadsafe(self._pressed, key)

else:
    _SEQUENCE = re.compile(r"\x1b+(\[[0-?]*[ -/]*[@-~]|O.|.)?", re.DOTALL)
    """What an arrow or function key types, ECMA-48 section 5.4; F2 ends in a Q that is no hang-up."""

    class _TerminalKeys:
        """cbreak mode: keys come one by one, and Ctrl-C still makes SIGINT."""

        def __init__(self, pressed: Callable[[str], None]) -> None:
            self._fd = fd = sys.stdin.fileno()
            self._pressed = pressed
            self._saved = termios.tcgetattr(fd)
            tty.setcbreak(fd, termios.TCSANOW)
            changed = termios.tcgetattr(fd)
            changed[0] &= ~termios.IXON  # Ctrl-S would hold the program with its output
            termios.tcsetattr(fd, termios.TCSANOW, changed)
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(fd, self._read)

        def close(self) -> None:
            self._loop.remove_reader(self._fd)
            if _is_in_foreground(self._fd):
                with contextlib.suppress(termios.error):  # the terminal went away
                    termios.tcsetattr(self._fd, termios.TCSANOW, self._saved)

        def _read(self) -> None:
            typed = b""
            if _is_in_foreground(self._fd):
                with contextlib.suppress(OSError):
                    typed = os.read(self._fd, 64)
            if not typed:  # the terminal went away, or to another program
                self._loop.remove_reader(self._fd)
            for key in _SEQUENCE.sub("", typed.decode(errors="ignore")):
                self._pressed(key)

    def _is_in_foreground(fd: int) -> bool:
        try:
            return os.tcgetpgrp(fd) == os.getpgrp()
        except OSError:  # another session's terminal, or one that went away
            return False
