"""Names of recordings: never overwriting, checked before the call begins.

The file is created at once, empty and readable by its owner only (0600: a recording is a private
conversation), so that what cannot work fails here, and so that nobody else can take the name.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Final

from pycall.checks import RECORDING_ENDINGS
from pycall.errors import ConfigError, RecordingFailed

FREE_FLOOR: Final = 50_000_000
"""Bytes always left free, or a tenth of the file system where that is less; see :func:`free_floor`."""

_FOLDER: Final = Path("recordings")
_LONGEST_ROOM: Final = 120
"""Bytes of the room's name in a file name; file systems allow 255 in all."""

_EXCLUSIVE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


def prepare_path(given: Path | None, room: str, when: datetime, folder: Path = _FOLDER) -> Path:
    """Reserve the file of a recording and return its full path.

    ``given`` is used as it is, or with ``-2``, ``-3``… before the ending when something has that
    name already. Without it the name is made from ``room`` and ``when`` inside ``folder``, which is
    then created if it is missing; the room's name is reduced to what is safe in a file name.

    Raises :class:`ConfigError` for an ending that is none of :data:`~pycall.checks.RECORDING_ENDINGS` and
    :class:`RecordingFailed` for a folder that is missing, full or not writable.
    """
    if given is None:
        path = folder / f"{_safe(room)}-{when:%Y-%m-%d-%H%M%S}.mp4"
        _create_folder(folder)
    else:
        path = given
    path = path.absolute()
    check_ending(path)
    reserved = _reserve(path)
    if is_low(reserved.parent):
        reserved.unlink()
        raise RecordingFailed(
            f"Cannot record to {path}: there is almost no free space.",
            "Make room there, or record to another disk.",
        )
    return reserved


def check_ending(path: Path) -> str:
    """Return the ending of ``path`` in lower case; raises :class:`ConfigError` for an unknown one."""
    ending = path.suffix.lower()
    if ending not in RECORDING_ENDINGS:
        raise ConfigError(
            f"Cannot record to {path.name!r}: the ending is not one of .mp4, .mkv and .webm.",
            "The ending chooses the format; .mp4 plays everywhere.",
        )
    return ending


def discard_unused(path: Path) -> None:
    """Remove the file :func:`prepare_path` reserved if nothing was recorded into it."""
    try:
        if path.stat().st_size == 0:
            path.unlink()
    except OSError:
        return


def is_low(folder: Path) -> bool:
    """Whether ``folder`` has less free space than must be left; raises :class:`OSError`."""
    usage = shutil.disk_usage(folder)
    return usage.free < free_floor(usage.total)


def free_floor(total: int) -> int:
    """Bytes to leave free on a file system of ``total`` bytes, so that others can still write."""
    return min(FREE_FLOOR, total // 10)


def _create_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(folder.absolute(), error) from error


def _reserve(path: Path) -> Path:
    for number in itertools.count(1):
        candidate = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        try:
            os.close(os.open(candidate, _EXCLUSIVE, 0o600))
        except FileExistsError as error:
            if path.is_dir():
                raise _refused(path, IsADirectoryError(errno.EISDIR, "")) from error
        except OSError as error:
            raise _refused(path, error) from error
        except ValueError as error:
            raise ConfigError(f"Cannot record to {str(path)!r}: that is not a file name.") from error
        else:
            return candidate
    raise AssertionError


def _refused(path: Path, error: OSError) -> RecordingFailed:
    hint = "Record to a file in a folder that you can write to."
    match error.errno:
        case errno.ENOENT:
            why = f"there is no folder {path.parent}"
            hint = "Create the folder first, or record into one that exists."
        case errno.EISDIR:
            why = "it is a folder"
            hint = "Give the name of a file in it, such as call.mp4."
        case errno.ENOTDIR | errno.EEXIST:
            why = "part of the path is a file, not a folder"
        case errno.EACCES | errno.EPERM:
            why = "permission denied"
        case errno.EROFS:
            why = "the file system is read-only"
        case errno.ENOSPC | errno.EDQUOT:
            why = "there is no free space"
        case errno.ENAMETOOLONG:
            why = "the name is too long"
        case _:
            why = (error.strerror or "the system refused").lower()
    return RecordingFailed(f"Cannot record to {path}: {why}.", hint)


def _safe(room: str) -> str:
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in room)
    shortened = kept.encode()[:_LONGEST_ROOM].decode(errors="ignore")
    return shortened.lstrip(".-") or "call"
