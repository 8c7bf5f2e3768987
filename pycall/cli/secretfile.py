"""A secret that stands alone in a file, where no list of programs shows it."""

from __future__ import annotations

import os
import select
import stat
import time
from io import FileIO
from pathlib import Path
from typing import Final

from pycall.errors import ConfigError
from pycall.regularfile import open_at_once

MOST_CHARACTERS: Final = 1000
"""A secret longer than this is none."""

MOST_BYTES: Final = 4 * MOST_CHARACTERS + 16
PATIENCE_S: Final = 3.0
"""For what comes out of a pipe: somebody else may write it, or nobody."""


def read_secret(path: Path, option: str, same_as: str) -> str:
    """The one line in the file named with ``option``; ``same_as`` says where else the same text stands.

    Raises:
        ConfigError: it cannot be read, or everybody on this computer can read it, or there is no such line.
    """
    try:
        with open_at_once(path) as file:
            mode = os.fstat(file.fileno()).st_mode
            content = _read(file, mode)
    except TimeoutError as error:
        raise ConfigError(
            f"{path}: nothing came out of this pipe within {PATIENCE_S:g} s.",
            "Let something write into it first, or keep the secret in a file.",
        ) from error
    except OSError as error:
        why = error.strerror or "it cannot be read"
        raise ConfigError(f"{path}: {why}.", f"Check {option}.") from error
    if content is None:
        raise ConfigError(f"{path}: it is neither a file nor a pipe.", f"Check {option}.")
    if os.name == "posix" and stat.S_ISREG(mode) and mode & 0o004:
        raise ConfigError(f"{path}: everybody on this computer can read it.", f"Run: chmod 600 {path}")
    try:
        secret = content.decode().strip() if len(content) < MOST_BYTES else ""
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: the secret is not text.", f"Write it as {same_as}.") from error
    if not secret or len(secret) > MOST_CHARACTERS or not secret.isprintable():
        raise ConfigError(
            f"{path}: there is no secret in it.",
            f"One line is needed, the same text as {same_as}.",
        )
    return secret


def _read(file: FileIO, mode: int) -> bytes | None:
    """What is in it, cut off somewhere beyond the longest secret; None of what is neither file nor pipe.

    Raises:
        TimeoutError: it is a pipe, and nobody wrote into it in time.
    """
    if stat.S_ISREG(mode):
        return file.read(MOST_BYTES)
    if not stat.S_ISFIFO(mode):
        return None
    deadline, content, is_awaited = time.monotonic() + PATIENCE_S, b"", False
    while len(content) < MOST_BYTES:
        part = file.read(MOST_BYTES - len(content))
        if part == b"" and (content or is_awaited):  # who wrote into it has closed it
            break
        content += part or b""
        if not part:  # nobody has opened it for writing yet, or written
            left_s = max(0.0, deadline - time.monotonic())
            is_awaited = bool(select.select([file], [], [], left_s)[0])
            if not is_awaited:
                raise TimeoutError
    return content
