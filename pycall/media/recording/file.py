"""The file of a recording, as the container writes it: it may fail, but it is never damaged.

libavformat ends an MP4 by appending an index and then rewriting the beginning; on a full disk that
would leave neither. So the first failed write cuts the file back to its last whole piece, and
everything later is swallowed.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Final

from pycall.errors import RecordingFailed
from pycall.media.recording.path import is_low

_OPEN: Final = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class RecordingFile:
    """An open recording; has the ``write``, ``seek`` and ``tell`` that :func:`av.open` asks for.

    Used by one thread. It must be the empty file that ``prepare_path`` made, or no file yet.
    """

    def __init__(self, path: Path) -> None:
        """Open ``path``; raises :class:`RecordingFailed` when that fails or it has content."""
        self.path = path
        self.failure: OSError | None = None
        """The first error met by :meth:`write`; nothing was written since."""
        self._whole = 0
        try:
            self._fd = _open(path)
        except OSError as error:
            raise RecordingFailed(
                f"Cannot record to {path}: {error.strerror}.",
                "Record to a file in a folder you can write to.",
            ) from error

    def write(self, data: bytes) -> int:
        """Write all of ``data`` where the file stands; never raises, see :attr:`failure`."""
        rest = memoryview(data)
        while rest and self.failure is None:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except OSError as error:
                self.failure = error
                with contextlib.suppress(OSError):  # a disk that is gone cannot be cut either
                    os.ftruncate(self._fd, self._whole)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to ``offset`` as :func:`os.lseek` does and return the position."""
        return os.lseek(self._fd, offset, whence)

    def tell(self) -> int:
        """Return the position in bytes."""
        return os.lseek(self._fd, 0, os.SEEK_CUR)

    def mark(self) -> None:
        """Say that the file is whole as it is: a write that fails cuts it back to this length."""
        self._whole = os.fstat(self._fd).st_size

    def check_written(self) -> None:
        """Raise :class:`RecordingFailed` if a write failed."""
        if self.failure is not None:
            raise self.failed(self.failure) from self.failure

    def check_place(self) -> None:
        """Raise :class:`RecordingFailed` if the file is no longer at its path or space runs out."""
        try:
            there = os.path.samestat(os.fstat(self._fd), self.path.stat(follow_symlinks=False))
            low = is_low(self.path.parent)
        except OSError as error:
            raise self._gone() from error
        if not there:
            raise self._gone()
        if low:
            raise RecordingFailed(
                f"The recording ended because the disk is almost full; {self.path} holds what came before.",
                "Make room there and start recording again.",
            )

    def close(self) -> None:
        """Close the file; safe to call twice."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):  # a disk that is gone says so here once more
                os.close(fd)

    def failed(self, error: OSError) -> RecordingFailed:
        """What to tell of ``error``, met here or by whoever writes."""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "the disk is full" if full else f"writing failed ({error.strerror})"
        return RecordingFailed(
            f"The recording ended because {why}; {self.path} holds what came before.",
            "Make room there and start recording again." if full else "Record to another disk.",
        )

    def _gone(self) -> RecordingFailed:
        return RecordingFailed(
            f"The recording ended because {self.path} was moved or deleted.",
            "Start recording again to begin a new file.",
        )


def _open(path: Path) -> int:
    try:
        fd = os.open(path, _OPEN)
    except FileNotFoundError:
        return os.open(path, _OPEN | os.O_CREAT | os.O_EXCL, 0o600)
    if os.fstat(fd).st_size:
        os.close(fd)
        raise FileExistsError(errno.EEXIST, "there is a file of that name already", str(path))
    return fd
