"""A secret that stands alone in a file, where no list of programs shows it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from pycall.errors import ConfigError

MOST_CHARACTERS: Final = 1000
"""A secret longer than this is none."""


def read_secret(path: Path, option: str, same_as: str) -> str:
    """The one line in the file named with ``option``; ``same_as`` says where else the same text stands.

    Raises:
        ConfigError: it cannot be read, or everybody on this computer can read it, or there is no such line.
    """
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read(MOST_CHARACTERS + 1).strip()
    except OSError as error:
        why = error.strerror or "it cannot be read"
        raise ConfigError(f"{path}: {why}.", f"Check {option}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: the secret is not text.", f"Write it as {same_as}.") from error
    if os.name == "posix" and stat.S_ISREG(mode) and mode & 0o004:
        raise ConfigError(f"{path}: everybody on this computer can read it.", f"Run: chmod 600 {path}")
    if not secret or len(secret) > MOST_CHARACTERS or not secret.isprintable():
        raise ConfigError(
            f"{path}: there is no secret in it.",
            f"One line is needed, the same text as {same_as}.",
        )
    return secret
