"""Where pycall keeps what it makes for itself, by the conventions of each system."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pycall.errors import ConfigError


def data_folder(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> Path:
    """The user's data folder of pycall; it need not exist yet.

    See the XDG Base Directory Specification, Apple's File System Programming Guide and Microsoft's
    Known Folders.

    Raises:
        ConfigError: the user has no home.
    """
    if platform == "win32":
        local = environment.get("LOCALAPPDATA")
        return (Path(local) if local else _home() / "AppData" / "Local") / "pycall"
    if platform == "darwin":
        return _home() / "Library" / "Application Support" / "pycall"
    xdg = Path(environment.get("XDG_DATA_HOME", ""))
    return (xdg if xdg.is_absolute() else _home() / ".local" / "share") / "pycall"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise ConfigError("This user has no home folder.", "Set HOME, or XDG_DATA_HOME.") from error
