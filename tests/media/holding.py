"""Another program that has a device open."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOLDER = "import sys; file = open(sys.argv[1]); print(flush=True); sys.stdin.read()"


@contextmanager
def held_open(device: Path) -> Iterator[int]:
    """Have it open while the context lasts; yields the process id."""
    command = [sys.executable, "-c", _HOLDER, str(device)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        yield other.pid
        other.communicate()
