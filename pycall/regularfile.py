"""Files that somebody names, opened so that the program does not wait, whatever stands there."""

from __future__ import annotations

import errno
import os
from io import FileIO
from pathlib import Path


def open_regular(path: Path) -> FileIO:
    """A file to read; what is there and no regular file is not touched, as a device may do something then.

    Raises:
        OSError: it is none, or cannot be opened; ``strerror`` says which.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return open_at_once(path)


def open_at_once(path: Path) -> FileIO:
    """A file to read, or a pipe: neither its other end is waited for nor what comes out of it.

    Raises:
        OSError: it cannot be opened.
    """
    return FileIO(path, opener=_open)


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
