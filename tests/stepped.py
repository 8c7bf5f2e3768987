"""`pycall` with a wall clock that can be set while it runs: ``python stepped.py FILE serve ...``.

FILE holds one double, the seconds by which the clock is off. Monotonic clocks are as they are, as when an
administrator or NTP sets the time. Only a program of its own can be run like this.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time
from pathlib import Path

OFFSET = struct.Struct("d")


class Clock:
    """Sets the wall clocks of the programs started with :attr:`file`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.step(0)

    def step(self, seconds: float) -> None:
        """Put them off by so much from the real time."""
        with self.file.open("r+b" if self.file.exists() else "wb") as file:
            file.write(OFFSET.pack(seconds))


def _run(path: str) -> None:
    with Path(path).open("rb") as file:
        offset = mmap.mmap(file.fileno(), OFFSET.size, access=mmap.ACCESS_READ)
    real = time.time_ns

    def off_ns() -> int:
        return real() + int(OFFSET.unpack_from(offset)[0] * 1e9)

    time.time_ns = off_ns
    setattr(time, "time", lambda: off_ns() / 1e9)  # noqa: B010  the ban on it is for who reads it

    from pycall.cli.main import main

    main()


if __name__ == "__main__":
    _run(sys.argv.pop(1))
