"""The key that signs a server's invites: made once, and kept in a file that only its user can read."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from pycall.core.invites import KEY_BYTES
from pycall.errors import ConfigError, ListenFailed
from pycall.regularfile import open_regular

FILE: Final = "invite.key"
"""Its name in the data folder."""


def made_or_kept_key(path: Path, *, makes_folder: bool) -> bytes:
    """The key in ``path``, made there if there is none; ``makes_folder`` says whether its folder is, too.

    Raises:
        ConfigError: what stands there is no key, or others can read it, or the folder is missing.
        ListenFailed: it cannot be kept there.
    """
    try:
        if makes_folder:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not path.parent.exists():
            raise ConfigError(
                f"The folder {path.parent} for the invite key is missing.",
                f"Check --invite-key-file, or make the folder: mkdir -m 700 {path.parent}",
            )
        if not path.exists():
            _make(path)
    except OSError as error:
        raise ListenFailed(
            f"The key for invites cannot be kept in {path}: {error.strerror or error}.",
            "Make that folder writable, or name another file with --invite-key-file.",
        ) from error
    return kept_key(path)


def kept_key(path: Path) -> bytes:
    """The key in ``path``.

    Raises:
        ConfigError: there is none, or others can read it, or it is no file at all.
    """
    try:
        with open_regular(path) as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(4 * KEY_BYTES).strip()
    except FileNotFoundError as error:
        raise ConfigError(
            f"There is no key for invites in {path}.",
            "`pycall serve --require-invite` makes it; run this as the server's user, or name its file with "
            "--invite-key-file.",
        ) from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}.", "Check --invite-key-file.") from error
    if os.name == "posix" and mode & 0o077:
        raise ConfigError(
            f"{path}: others can read this key, and make invites with it.", f"Run: chmod 600 {path}"
        )
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(
            f"{path}: there is no key for invites in it.",
            "Let `pycall serve --require-invite` make one, in a file that is not there yet.",
        )
    return key


def _make(path: Path) -> None:
    """Make the file whole beside its place, mode 0600 from its first moment, and link it there.

    Of two servers that start at once, one makes the key and both read it.
    """
    handle, name = tempfile.mkstemp(prefix=".invite-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_hex(KEY_BYTES)}\n")
        with suppress(FileExistsError):
            path.hardlink_to(name)
    finally:
        Path(name).unlink(missing_ok=True)
