"""A real terminal for programs: a pseudo-terminal, what is typed into it, and what stands on its screen."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.rig import wait_until

COLUMNS = 80
PATIENCE_S = 30.0

_LOGIN = "import os, sys; os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])"
"""Becomes a program whose terminal is its standard input, as a login shell's is."""

Start = Callable[..., "Terminal"]


class Terminal:
    """A program that has a terminal of its own, in the foreground."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path,
        columns: int = COLUMNS,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(self._master, (24, columns))
        self.before = self.settings
        inherited = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LOGIN, *map(str, command)],
            stdin=slave,
            cwd=cwd,
            env={**inherited, "TERM": "xterm", **(env or {})},
        )
        os.close(slave)
        self._written = b""
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    @property
    def settings(self) -> list[Any]:
        """How the terminal is set."""
        return termios.tcgetattr(self._master)

    @property
    def written(self) -> str:
        """Everything that was written, as it came."""
        return self._written.decode(errors="replace")

    @property
    def screen(self) -> list[str]:
        """The lines as a person sees them; the last one is where the cursor stands."""
        return rendered(self.written)

    def type(self, keys: str) -> None:
        """Type on the keyboard."""
        os.write(self._master, keys.encode())

    def hang_up(self) -> None:
        """Close the terminal's window."""
        master, self._master = self._master, os.open(os.devnull, os.O_RDWR)
        os.close(master)

    def wait_for(self, text: str) -> None:
        """Wait until ``text`` was written."""
        self.wait_until(lambda: text in self.written, text)

    def wait_until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until ``condition`` holds."""
        try:
            wait_until(condition, PATIENCE_S)
        except AssertionError:
            raise AssertionError(f"waited in vain {what!r}; written:\n{self.written}") from None

    def wait(self) -> int:
        """The exit code, once the program ended and everything it wrote has come."""
        code = self.process.wait(PATIENCE_S)
        self._reader.join(5)
        return code

    def close(self) -> None:
        """End the program, if it still runs, and the terminal."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self._reader.join(5)
        os.close(self._master)

    def _read(self) -> None:
        with suppress(OSError):  # the last program that had it open ended
            while data := os.read(self._master, 4096):
                self._written += data


def rendered(written: str) -> list[str]:
    """What a terminal shows after this was written to it."""
    lines = [""]
    column = 0
    for part in re.split(r"(\r|\n|\a|\x1b\[K)", written):
        match part:
            case "\r":
                column = 0
            case "\n":
                lines.append("")
            case "\x1b[K":
                lines[-1] = lines[-1][:column]
            case "\a" | "":
                pass
            case text:
                assert "\x1b" not in text
                lines[-1] = lines[-1][:column] + text + lines[-1][column + len(text) :]
                column += len(text)
    return lines


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Start]:
    """Starts programs in terminals, ``terminal(command)``; they are ended with the test."""
    started: list[Terminal] = []

    def start(command: Sequence[str | Path], **options: Any) -> Terminal:
        started.append(Terminal(command, **{"cwd": tmp_path, **options}))
        return started[-1]

    yield start
    for each in started:
        each.close()
