"""The bottom line of a terminal: rewritten in place, with sentences above it that stay."""

from __future__ import annotations

import os
import sys
from typing import Final, Protocol

from rich.cells import cell_len, set_cell_size

from pycall.cli.outlet import Outlet
from pycall.core.names import terminal_safe

CLEAR: Final = "\r\x1b[K"
BELL: Final = "\a"
USUAL_WIDTH: Final = 80


class Stream(Protocol):
    """What is needed of stdout; :class:`io.TextIOBase` has it, and :class:`~pycall.cli.outlet.Outlet`."""

    @property
    def encoding(self) -> str:
        """The name of its encoding."""

    def write(self, text: str, /) -> object:
        """Write ``text``; raises :class:`OSError` when nobody reads."""

    def flush(self) -> object:
        """Send off what was written."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""

    def fileno(self) -> int:
        """Its descriptor."""


class LiveLine:
    """Writes to a stream; where that is no terminal, or one that cannot go back, only the sentences.

    Whatever is written is made safe for the terminal here, wherever it came from.
    """

    def __init__(self, stream: Stream | None = None) -> None:
        self._stream = stream or sys.stdout
        self._line = ""
        self.live = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        """Whether there is a line at all."""

    def say(self, text: str) -> None:
        """Write one or more lines above the live one."""
        safe = "\n".join(map(terminal_safe, text.split("\n")))
        self._write(f"{self._clear()}{safe}\n{self._line}")

    def show(self, line: str) -> None:
        """Write ``line`` in place of the one before, cut to the terminal's width; empty removes it."""
        if not self.live:
            return
        clear, self._line = self._clear(), self._fitting(terminal_safe(line))
        self._write(clear + self._line)

    def close(self) -> None:
        """Remove the live line for good; the process may end right after this."""
        self.show("")
        if isinstance(self._stream, Outlet):
            self._stream.drain()

    def ring(self) -> None:
        """Ring the terminal's bell."""
        if self.live:
            self._write(BELL)

    def _clear(self) -> str:
        return CLEAR if self._line else ""

    def _fitting(self, line: str) -> str:
        """A line that reached the last column would wrap, and could not be taken back."""
        try:
            width = os.get_terminal_size(self._stream.fileno()).columns or USUAL_WIDTH
        except OSError:  # it went away
            width = USUAL_WIDTH
        return line if cell_len(line) < width else set_cell_size(line, width - 1)

    def _write(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()
